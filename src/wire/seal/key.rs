//! A key, which never shows.

use std::fmt;
use std::hash::Hasher;

use chacha20::{R20, hchacha};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, UnboundKey};
use siphasher::sip::SipHasher24;
use zeroize::Zeroizing;

use super::keyring::KeyError;
use super::mark::Marker;
use super::nonce::Nonce;
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
    marker: Marker,
}

impl Key {
    /// A key of these bytes, which must be random.
    pub fn new(bytes: [u8; BYTES]) -> Self {
        let mut hash = SipHasher24::new_with_key(DOMAIN);
        hash.write(&bytes);
        Key {
            fingerprint: Fingerprint((hash.finish() >> 32) as u32),
            marker: Marker::of(&bytes),
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

    /// The whole nonce for a message under this key.
    pub(super) fn nonce(&self, nonce: &Nonce) -> [u8; NONCE] {
        let numbers = nonce.bytes();
        let mut bytes = [0; NONCE];
        let (first, last) = bytes.split_at_mut(numbers.len());
        first.copy_from_slice(&numbers);
        last.copy_from_slice(&self.marker.mark(&numbers));
        bytes
    }

    /// Was this nonce made with this key? What it says, if so. Not to be trusted
    /// before the message has been opened.
    pub(super) fn read(&self, nonce: &[u8; NONCE]) -> Option<Nonce> {
        let (numbers, mark) = nonce.split_first_chunk()?;
        (*mark == self.marker.mark(numbers)).then(|| Nonce::read(numbers))
    }

    /// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) as what it is made of: the
    /// first two thirds of the nonce go into the key by HChaCha20, the last one
    /// is the nonce of ChaCha20-Poly1305 (RFC 8439). So the cipher can be that of
    /// `ring`, which takes less than half of the time of `chacha20poly1305`.
    fn cipher(&self, nonce: &[u8; NONCE]) -> Option<(LessSafeKey, ring::aead::Nonce)> {
        let (first, last) = nonce.split_first_chunk::<16>()?;
        let key = hchacha::<R20>((&*self.bytes).into(), first.into());
        let key = Zeroizing::<[u8; BYTES]>::new(key.into());
        let key = UnboundKey::new(&CHACHA20_POLY1305, &*key).ok()?;
        let mut short = [0; 12];
        short[4..].copy_from_slice(last);
        let short = ring::aead::Nonce::assume_unique_for_key(short);
        Some((LessSafeKey::new(key), short))
    }

    /// Encrypts in place, and gives the tag.
    pub(super) fn encrypt(
        &self,
        nonce: &[u8; NONCE],
        context: &[u8],
        body: &mut [u8],
    ) -> Option<[u8; TAG]> {
        let (cipher, nonce) = self.cipher(nonce)?;
        let tag = cipher.seal_in_place_separate_tag(nonce, Aad::from(context), body);
        tag.ok()?.as_ref().try_into().ok()
    }

    /// Decrypts in place what the tag is the end of; `false`, and it is worth
    /// nothing then: it was not encrypted with this key, nonce and context.
    pub(super) fn decrypt(&self, nonce: &[u8; NONCE], context: &[u8], body: &mut [u8]) -> bool {
        let opened = self.cipher(nonce).map(|(cipher, nonce)| {
            let opened = cipher.open_in_place(nonce, Aad::from(context), body);
            opened.is_ok()
        });
        opened == Some(true)
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
