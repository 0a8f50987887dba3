//! Nonces that never repeat, and that say when and in which order a sender
//! sealed.
//!
//! A run of a sender is a session with a random number; within it a counter
//! rises. So two nonces differ within a run by the counter, and across runs by
//! the session, and by the time where two runs should draw the same number.

use std::ops::Range;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use crate::time::Millis;

/// A clock that is set back by less stands still instead.
pub(super) const BACK: Millis = 1_000;

/// Bytes of a nonce without its mark: 8 of session, 6 of time, 6 of count.
pub(super) const NUMBERS: usize = 20;
/// The highest time and count.
const MAX: u64 = (1 << 48) - 1;

/// What is in a nonce, beside its mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nonce {
    /// The sender's session.
    pub session: u64,
    /// Its wall clock, in ms since the Unix epoch; 48 bits.
    pub time: Millis,
    /// One more than in the session's last message; 48 bits.
    pub count: u64,
}

impl Nonce {
    /// Its bytes: three numbers, little endian.
    pub fn bytes(&self) -> [u8; NUMBERS] {
        let mut bytes = [0; NUMBERS];
        bytes[..8].copy_from_slice(&self.session.to_le_bytes());
        bytes[8..14].copy_from_slice(&self.time.to_le_bytes()[..6]);
        bytes[14..].copy_from_slice(&self.count.to_le_bytes()[..6]);
        bytes
    }

    /// Reads it back.
    pub fn read(bytes: &[u8; NUMBERS]) -> Self {
        let number = |place: Range<usize>| {
            let mut part = [0; 8];
            part[..place.len()].copy_from_slice(&bytes[place]);
            u64::from_le_bytes(part)
        };
        Nonce {
            session: number(0..8),
            time: number(8..14),
            count: number(14..20),
        }
    }
}

/// Makes the nonces of one sender.
#[derive(Debug)]
pub struct Nonces {
    rng: ChaCha8Rng,
    last: Nonce,
}

impl Nonces {
    /// `seed` has to be random, another one for each sender and run.
    pub fn new(seed: [u8; 32]) -> Self {
        let mut rng = ChaCha8Rng::from_seed(seed);
        let session = rng.random();
        let (time, count) = (0, 0);
        let last = Nonce {
            session,
            time,
            count,
        };
        Nonces { rng, last }
    }

    /// The next one. When the wall clock was set back a new session begins:
    /// within one, time never goes back.
    pub fn next(&mut self, wall: Millis) -> Nonce {
        let wall = wall.min(MAX);
        if wall + BACK < self.last.time || self.last.count == MAX {
            self.last = Nonce {
                session: self.rng.random(),
                time: 0,
                count: 0,
            };
        }
        self.last.time = self.last.time.max(wall);
        self.last.count += 1;
        self.last
    }
}
