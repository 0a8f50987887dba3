//! The hashes of the protocol: SipHash-2-4 with a fixed key, so that every
//! implementation in every language computes the same.

use std::fmt;
use std::hash::Hasher;

use siphasher::sip::SipHasher24;

/// Key of all hashes: not a secret, only a domain of our own.
pub(super) const KEY: &[u8; 16] = b"seneca-gossip/1\0";

/// SipHash-2-4 of a text under the protocol's key.
pub fn text_hash(text: &str) -> u64 {
    let mut h = SipHasher24::new_with_key(KEY);
    h.write(text.as_bytes());
    h.finish()
}

/// What one owner adds to the root hash: a digest of what is known of it.
/// Sums of it (modulo 2^64) can be updated when a single owner changes.
pub fn owner_hash(id: NodeId, generation: u64, version: u64) -> u64 {
    let mut b = [0; 24];
    b[..8].copy_from_slice(&id.0.to_le_bytes());
    b[8..16].copy_from_slice(&generation.to_le_bytes());
    b[16..].copy_from_slice(&version.to_le_bytes());
    let mut h = SipHasher24::new_with_key(KEY);
    h.write(&b);
    h.finish()
}

/// A member in a message: the hash of its name. Also its place on the ring of
/// observers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

impl NodeId {
    /// The id of the member called `name`.
    pub fn of(name: &str) -> Self {
        NodeId(text_hash(name))
    }

    /// The bucket in which this member is compared.
    pub fn bucket(self) -> usize {
        (self.0 >> 58) as usize
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of an independent implementation of SipHash-2-4.
    #[test]
    fn ids_are_the_same_in_every_implementation() {
        let id = NodeId::of("127.0.0.1:4445");
        assert_eq!(id.to_string(), "c9e7f53083a5d359");
        let sum = owner_hash(NodeId(1), 2, 3);
        assert_eq!(sum, 15_724_349_893_225_504_167);
    }

    #[test]
    fn buckets_cover_the_whole_range() {
        assert_eq!(NodeId(0).bucket(), 0);
        assert_eq!(NodeId(u64::MAX).bucket(), super::super::BUCKETS - 1);
    }
}
