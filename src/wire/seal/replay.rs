//! What came before is not taken again.
//!
//! Of each session of a sender a window of counters is remembered. What is
//! guaranteed, and by what:
//!
//! - of a session that is known, no counter is taken twice: those in the window
//!   are remembered, those behind it are refused;
//! - a session is forgotten when all that it sent is too old to be taken, or
//!   when there are too many: then the one whose last message is the oldest. From
//!   then on nothing of a session that is unknown, or becomes known again, is
//!   taken that is not newer than all that was forgotten.
//!
//! Only who has the key can make an entry. The one gap is a wall clock of our
//! own that was set back: what was sealed by sessions that had ended, and been
//! forgotten, can be taken a second time then. State of nodes is versioned and
//! pings have nonces of their own, so it is of no use.

use std::collections::BTreeMap;

use super::Refusal;
use super::nonce::{BACK, Nonce};
use crate::time::Millis;

/// How far a sender's clock may be from ours, either way.
pub const TOLERANCE: Millis = 300_000;
/// Sessions that are remembered, at most.
pub const SESSIONS: usize = 16_384;
/// How far messages of a session may overtake each other.
pub const WIDTH: u64 = 2_048;
/// Time between two looks for sessions that can be forgotten.
const SWEEP: Millis = 10_000;

const WORDS: usize = (WIDTH / 64) as usize;

/// What is known of a sender's session.
#[derive(Debug)]
struct Session {
    /// What it sent before that may have been taken, and forgotten with it.
    floor: Millis,
    /// The latest time that it wrote.
    newest: Millis,
    /// The highest counter.
    top: u64,
    /// Which of the last counters were seen, each at its place modulo WIDTH.
    seen: Box<[u64; WORDS]>,
}

impl Session {
    fn new(nonce: &Nonce, floor: Millis) -> Self {
        let mut session = Session {
            floor,
            newest: nonce.time,
            top: nonce.count,
            seen: Box::new([0; WORDS]),
        };
        session.set(nonce.count, true);
        session
    }

    fn set(&mut self, count: u64, on: bool) {
        let place = count % WIDTH;
        let (word, bit) = (&mut self.seen[(place / 64) as usize], 1 << (place % 64));
        match on {
            true => *word |= bit,
            false => *word &= !bit,
        }
    }

    fn has(&self, count: u64) -> bool {
        let place = count % WIDTH;
        self.seen[(place / 64) as usize] & (1 << (place % 64)) != 0
    }

    /// May it not have been taken before?
    fn is_new(&self, nonce: &Nonce) -> bool {
        let count = nonce.count;
        let ahead = count > self.top || self.top - count < WIDTH && !self.has(count);
        nonce.time > self.floor && ahead
    }

    /// Takes a message that is new.
    fn take(&mut self, nonce: &Nonce) {
        let count = nonce.count;
        if count > self.top {
            match count - self.top >= WIDTH {
                true => *self.seen = [0; WORDS],
                false => (self.top + 1..count).for_each(|skipped| self.set(skipped, false)),
            }
            self.top = count;
        }
        self.set(count, true);
        self.newest = self.newest.max(nonce.time);
    }
}

/// What a node has received.
#[derive(Debug)]
pub struct Replay {
    sessions: BTreeMap<u64, Session>,
    /// Sessions at most.
    room: usize,
    /// No unknown session begins with something as old as this.
    floor: Millis,
    /// The latest wall clock of ours.
    wall: Millis,
    next_sweep: Millis,
}

impl Default for Replay {
    fn default() -> Self {
        Replay::with_room(SESSIONS)
    }
}

impl Replay {
    /// One that remembers so many sessions at most.
    pub fn with_room(room: usize) -> Self {
        Replay {
            sessions: BTreeMap::new(),
            room: room.max(1),
            floor: 0,
            wall: 0,
            next_sweep: 0,
        }
    }

    /// Sessions that are remembered.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Is none remembered?
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Would a message be taken at this time of our wall clock, if it is what it
    /// says?
    ///
    /// # Errors
    /// [`Refusal::Clock`] and [`Refusal::Replayed`].
    pub fn check(&mut self, wall: Millis, nonce: &Nonce) -> Result<(), Refusal> {
        self.look_at_the_clock(wall);
        if nonce.time.abs_diff(wall) > TOLERANCE {
            let ahead = i128::from(nonce.time) - i128::from(wall);
            let ahead = ahead.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
            return Err(Refusal::Clock { ahead });
        }
        let new = match self.sessions.get(&nonce.session) {
            Some(session) => session.is_new(nonce),
            None => nonce.time > self.floor,
        };
        new.then_some(()).ok_or(Refusal::Replayed)
    }

    /// Takes a message that was opened, at the time of our wall clock.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    pub fn take(&mut self, wall: Millis, nonce: &Nonce) -> Result<(), Refusal> {
        self.check(wall, nonce)?;
        if let Some(session) = self.sessions.get_mut(&nonce.session) {
            session.take(nonce);
            return Ok(());
        }
        self.make_room();
        // After the room was made: this session may be the one that was forgotten.
        let session = Session::new(nonce, self.floor);
        self.sessions.insert(nonce.session, session);
        Ok(())
    }

    fn look_at_the_clock(&mut self, wall: Millis) {
        if wall.saturating_add(BACK) < self.wall {
            // It was set back: what was forgotten under the other time must not
            // shut out those who begin anew, as we did.
            (self.wall, self.floor, self.next_sweep) = (wall, 0, 0);
        }
        self.wall = self.wall.max(wall);
        if self.wall >= self.next_sweep {
            self.next_sweep = self.wall + SWEEP;
            self.sweep();
        }
    }

    /// Forgets the sessions of which nothing can be taken any more, even if our
    /// clock is set back a little.
    fn sweep(&mut self) {
        let wall = self.wall;
        let alive = |session: &Session| session.newest.saturating_add(TOLERANCE + BACK) >= wall;
        self.sessions.retain(|_, session| alive(session));
    }

    fn make_room(&mut self) {
        if self.sessions.len() < self.room {
            return;
        }
        self.sweep();
        while self.sessions.len() >= self.room {
            let oldest = self.sessions.iter().min_by_key(|(_, one)| one.newest);
            let Some((&id, session)) = oldest else { return };
            self.floor = self.floor.max(session.newest);
            self.sessions.remove(&id);
        }
    }
}
