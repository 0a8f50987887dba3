//! The seal: what keeps strangers from reading and speaking on the gossip port.
//!
//! ```text
//! plain   version  kind  cluster  from  body
//! sealed  SEALED   cluster  nonce  (kind  from  body)  tag
//! ```
//!
//! XChaCha20-Poly1305 under a key that all nodes share. The first nine bytes
//! and the cluster's name are authenticated with it. What is sealed is
//! [`SEAL`] bytes longer than before, exactly.
//!
//! No clock and no randomness: both are given in. [`Nonces`] makes nonces that
//! never repeat, [`Keyring`] has the keys, [`Replay`] knows what came before.

mod key;
mod keyring;
mod mark;
mod nonce;
mod replay;
#[cfg(test)]
mod tests;

pub use key::{Fingerprint, Key};
pub use keyring::{Entry, KeyError, KeyView, Keyring, MAX_KEYS, PLAIN};
pub use nonce::{Nonce, Nonces};
pub use replay::{Replay, SESSIONS, TOLERANCE, WIDTH};

use std::ops::Range;

use super::hash::text_hash;
use super::{MAX_FRAME, SEAL, VERSION};

/// First byte of a sealed message: version 1, and sealed. No message that is
/// not sealed begins with it.
pub const SEALED: u8 = 0x80 | VERSION;

/// Bytes of a message in front of what is encrypted: SEALED, cluster.
const HEAD: usize = 9;
const NONCE: usize = 24;
/// Bytes of the nonce that only who has the key can make.
const MARK: usize = 4;
const TAG: usize = 16;
/// Where the ciphertext begins.
const BODY: usize = HEAD + NONCE;
/// The shortest message: version, kind, cluster, from.
const SHORTEST: usize = 18;
/// Where the message begins after it was opened in place: its cluster and kind
/// are written over the end of the nonce.
const OPENED: usize = BODY + 1 - 10;

const _: () = assert!(NONCE + TAG == SEAL && OPENED > HEAD);
const _: () = assert!(nonce::NUMBERS + MARK == NONCE);

/// Why something that arrived was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No message of this protocol.
    Malformed,
    /// A protocol version that we do not speak.
    Version,
    /// Another cluster's.
    Cluster,
    /// Sealed, and we have no key.
    NoKey,
    /// Not sealed, and we want it sealed.
    Unsealed,
    /// Sealed with a key that is not ours, or forged.
    WrongKey,
    /// It came before, or so many came since that nobody can tell.
    Replayed,
    /// Sealed further than [`TOLERANCE`] from our clock.
    Clock {
        /// How far ahead the sender's clock is, in ms.
        ahead: i64,
    },
}

/// What was opened.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    /// Where the message is, as it was before it was sealed.
    pub place: Range<usize>,
    /// When and by whom it was sealed, unless it came plain.
    pub seal: Option<(Nonce, Fingerprint)>,
}

/// Seals and opens for one cluster.
#[derive(Debug, Clone)]
pub struct Seal {
    cluster: u64,
    /// What is authenticated beside the message: its head, and the cluster's
    /// name, of which the head has a hash only.
    context: Vec<u8>,
}

impl Seal {
    /// For the cluster of that name.
    pub fn new(cluster: &str) -> Self {
        let hash = text_hash(cluster);
        let mut context = vec![SEALED];
        context.extend_from_slice(&hash.to_le_bytes());
        context.extend_from_slice(cluster.as_bytes());
        Seal {
            cluster: hash,
            context,
        }
    }

    /// Seals a message; `None` when it is none of this cluster, or too long.
    /// A nonce must never be used twice.
    pub fn seal(&self, key: &Key, nonce: &Nonce, message: &[u8]) -> Option<Vec<u8>> {
        let (cluster, rest) = (message.get(2..10)?, message.get(10..)?);
        let fits = message.len() <= MAX_FRAME - SEAL;
        let ours = message[0] == VERSION && cluster == self.cluster.to_le_bytes();
        if !fits || !ours {
            return None;
        }
        let nonce = key.nonce(nonce);
        let mut sealed = Vec::with_capacity(message.len() + SEAL);
        sealed.extend_from_slice(&self.context[..HEAD]);
        sealed.extend_from_slice(&nonce);
        sealed.push(message[1]);
        sealed.extend_from_slice(rest);
        let tag = key.encrypt(&nonce, &self.context, &mut sealed[BODY..])?;
        sealed.extend_from_slice(&tag);
        Some(sealed)
    }

    /// Opens what arrived, in place, with whatever key of the ring fits, unless
    /// `check` refuses what its nonce says: what has been taken before need not be
    /// opened to be refused. Nothing that `check` is told is sure.
    ///
    /// # Errors
    /// A [`Refusal`]; the bytes are worth nothing then.
    pub fn open(
        &self,
        ring: &Keyring,
        check: impl FnOnce(&Nonce) -> Result<(), Refusal>,
        bytes: &mut [u8],
    ) -> Result<Opened, Refusal> {
        match bytes.first() {
            Some(&SEALED) => {}
            _ if ring.takes_plain() => {
                let (place, seal) = (0..bytes.len(), None);
                return Ok(Opened { place, seal });
            }
            Some(&VERSION) => return Err(self.unsealed(bytes)),
            Some(_) => return Err(Refusal::Version),
            None => return Err(Refusal::Malformed),
        }
        if bytes.len() < SHORTEST + SEAL {
            return Err(Refusal::Malformed);
        }
        if bytes[1..HEAD] != self.cluster.to_le_bytes() {
            return Err(Refusal::Cluster);
        }
        if !ring.has_key() {
            return Err(Refusal::NoKey);
        }
        let end = bytes.len() - TAG;
        let (head, body) = bytes.split_at_mut(BODY);
        let Some(nonce) = head[HEAD..].first_chunk() else {
            return Err(Refusal::Malformed);
        };
        let mut keys = ring.keys();
        let fit = keys.find_map(|key| Some((key, key.read(nonce)?)));
        let (key, read) = fit.ok_or(Refusal::WrongKey)?;
        check(&read)?;
        if !key.decrypt(nonce, &self.context, body) {
            return Err(Refusal::WrongKey);
        }
        let kind = body[0];
        bytes[OPENED] = VERSION;
        bytes[OPENED + 1] = kind;
        bytes[OPENED + 2..OPENED + 10].copy_from_slice(&self.cluster.to_le_bytes());
        Ok(Opened {
            place: OPENED..end,
            seal: Some((read, key.fingerprint())),
        })
    }

    /// Whose is a message that is not sealed?
    fn unsealed(&self, bytes: &[u8]) -> Refusal {
        if bytes.len() < SHORTEST {
            Refusal::Malformed
        } else if bytes[2..10] != self.cluster.to_le_bytes() {
            Refusal::Cluster
        } else {
            Refusal::Unsealed
        }
    }
}
