//! A key, which never shows.

use std::fmt;
use std::hash::Hasher;

use chacha20poly1305::{AeadInOut, KeyInit, XChaCha20Poly1305};
use siphasher::sip::SipHasher24;
use zeroize::{Zeroize, Zeroizing};

use super::keyring::KeyError;
use super::{NONCE, TAG};
use crate::wire::hash::KEY as DOMAIN;

const BYTES: usize = 32;
/// Characters of a key: 32 bytes in base64, padding included.
const CHARS: usize = 44;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// By what a key is called where it must not be shown: a hash of 32 bits, of
/// which nobody gets back to 256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u32);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A key of 32 bytes that the nodes of a cluster share. Its `Debug` form is its
/// fingerprint; its memory is wiped when it is dropped.
#[derive(Clone)]
pub struct Key {
    bytes: Zeroizing<[u8; BYTES]>,
    fingerprint: Fingerprint,
}

impl Key {
    /// A key of these bytes, which must be random.
    pub fn new(bytes: [u8; BYTES]) -> Self {
        let mut hash = SipHasher24::new_with_key(DOMAIN);
        hash.write(&bytes);
        Key {
            fingerprint: Fingerprint((hash.finish() >> 32) as u32),
            bytes: Zeroizing::new(bytes),
        }
    }

    /// Reads a key as `npx seneca-gossip keygen` writes it: 32 bytes in base64.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`], which does not repeat the text.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim().as_bytes();
        if text.len() != CHARS || text[CHARS - 1] != b'=' {
            return Err(KeyError::NotAKey);
        }
        let mut bytes = Zeroizing::new([0; BYTES]);
        let (mut held, mut bits, mut at) = (Zeroizing::new(0u32), 0, 0);
        for sign in &text[..CHARS - 1] {
            let six = ALPHABET.iter().position(|known| known == sign);
            let six = six.ok_or(KeyError::NotAKey)? as u32;
            *held = (*held << 6) | six;
            bits += 6;
            if bits >= 8 {
                bits -= 8;
                bytes[at] = (*held >> bits) as u8;
                at += 1;
                *held &= (1 << bits) - 1;
            }
        }
        // Two bits are left over: one text for a key.
        match *held {
            0 => Ok(Key::new(*bytes)),
            _ => Err(KeyError::NotAKey),
        }
    }

    /// By what it is called.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        let mut bytes = (*self.bytes).into();
        let cipher = XChaCha20Poly1305::new(&bytes);
        bytes.zeroize();
        cipher
    }

    /// Encrypts in place, and gives the tag.
    pub(super) fn encrypt(
        &self,
        nonce: &[u8; NONCE],
        context: &[u8],
        body: &mut [u8],
    ) -> Option<[u8; TAG]> {
        let nonce = (*nonce).into();
        let tag = self
            .cipher()
            .encrypt_inout_detached(&nonce, context, body.into());
        tag.ok().map(Into::into)
    }

    /// Decrypts in place; `false`, and nothing was changed: it was not encrypted
    /// with this key, nonce and context.
    pub(super) fn decrypt(
        &self,
        nonce: &[u8; NONCE],
        context: &[u8],
        body: &mut [u8],
        tag: &[u8; TAG],
    ) -> bool {
        let (nonce, tag) = ((*nonce).into(), (*tag).into());
        let cipher = self.cipher();
        cipher
            .decrypt_inout_detached(&nonce, context, body.into(), &tag)
            .is_ok()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        // Compares what our own user gave: nobody measures how long it takes.
        self.bytes == other.bytes
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.fingerprint)
    }
}
