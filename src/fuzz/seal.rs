//! Fuzz targets of the seal.

use std::collections::HashSet;

use super::{WALL, head};
use crate::time::Millis;
use crate::wire::seal::{Entry, Key, Keyring, Nonce, Nonces, Replay, SEALED, Seal, TOLERANCE};
use crate::wire::{Envelope, MAX_STREAM_MESSAGE, SEAL, text_hash};

/// Somebody's seal, and a node that opens what arrives.
pub struct Sealed {
    seal: Seal,
    keys: [Key; 2],
    nonces: Nonces,
    ring: Keyring,
    replay: Replay,
    /// Nonces of what was sealed, and of what was taken.
    made: HashSet<[u8; 20]>,
    taken: HashSet<[u8; 20]>,
}

/// Sessions that it may remember.
const ROOM: usize = 4;

impl Default for Sealed {
    fn default() -> Self {
        let keys = [1, 2].map(|n| Key::new([n; 32]));
        let ring = Keyring::new(keys.clone().map(Entry::Key)).expect("two keys");
        Sealed {
            seal: Seal::new("default"),
            nonces: Nonces::new([7; 32]),
            ring,
            replay: Replay::with_room(ROOM),
            made: HashSet::new(),
            taken: HashSet::new(),
            keys,
        }
    }
}

impl Sealed {
    /// Seals a message at a time of the sender's clock.
    pub fn make(&mut self, message: &[u8], wall: Millis, key: usize) -> Vec<u8> {
        let nonce = self.nonces.next(wall);
        assert!(
            self.made.insert(nonce.bytes()),
            "a nonce for the second time"
        );
        let sealed = self.seal.seal(&self.keys[key % 2], &nonce, message);
        let sealed = sealed.expect("a message of this cluster");
        assert_eq!(sealed.len(), message.len() + SEAL);
        sealed
    }

    /// Whatever bytes arrive, at a time of our clock: what is taken was sealed
    /// by somebody with a key, and was not taken before.
    pub fn arrive(&mut self, bytes: &[u8], wall: Millis) -> bool {
        let mut copy = bytes.to_vec();
        let mut fresh = true;
        let check = |nonce: &Nonce| {
            // Opened all the same, so that the seal is seen to refuse by itself.
            fresh = self.replay.check(wall, nonce).is_ok();
            Ok(())
        };
        let Ok(opened) = self.seal.open(&self.ring, check, &mut copy) else {
            return false;
        };
        let (nonce, _) = opened.seal.expect("nothing plain is taken");
        assert!(self.made.contains(&nonce.bytes()), "forged: {bytes:02x?}");
        let _ = Envelope::decode(&copy[opened.place]);
        let taken = self.replay.take(wall, &nonce).is_ok();
        assert_eq!(taken, fresh);
        if taken {
            assert!(nonce.time.abs_diff(wall) <= TOLERANCE);
            assert!(
                self.taken.insert(nonce.bytes()),
                "taken for the second time"
            );
        }
        assert!(self.replay.len() <= ROOM);
        taken
    }
}

/// Nothing that is not sealed with a key is taken, and nothing panics.
pub fn sealed(bytes: &[u8]) {
    let mut node = Sealed::default();
    assert!(!node.arrive(bytes, WALL));
    let mut whole = vec![SEALED];
    whole.extend_from_slice(&text_hash("default").to_le_bytes());
    whole.extend_from_slice(bytes);
    assert!(!node.arrive(&whole, WALL));
    let mut message = head(4);
    message.extend_from_slice(&bytes[..bytes.len().min(MAX_STREAM_MESSAGE - message.len())]);
    let made = node.make(&message, WALL, bytes.len());
    // Bytes anywhere, most often behind a nonce that is what it says.
    let mut bent = made.clone();
    for place in bytes.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([place[0], place[1]])) % bent.len();
        bent[at] ^= place[2];
    }
    let same = bent == made;
    assert_eq!(node.arrive(&bent, WALL), same);
    assert_eq!(node.arrive(&made, WALL), !same);
    assert!(!node.arrive(&made, WALL));
}
