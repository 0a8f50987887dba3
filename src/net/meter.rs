//! What the connections of a node hold, one by one and together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::engine::Millis;

/// Bytes that wait for one peer, at most.
pub const MAX_QUEUED: usize = 16 * 1024 * 1024;
/// Bytes that wait for all peers, at most.
const MAX_QUEUED_ALL: usize = 64 * 1024 * 1024;
/// Bytes of a frame that is not complete, beyond which it counts as long.
const SHORT: usize = 256 * 1024;
/// Bytes of all long frames that are not complete, at most.
const MAX_LONG: usize = 16 * 1024 * 1024;

/// What the table and the task of a connection share.
#[derive(Debug)]
pub struct Meter {
    queued: AtomicUsize,
    /// What it takes of the common room for long frames.
    long: AtomicUsize,
    active: AtomicU64,
    all: Arc<Totals>,
}

/// What all connections hold together.
#[derive(Debug, Default)]
pub struct Totals {
    queued: AtomicUsize,
    long: AtomicUsize,
}

impl Totals {
    /// Does nobody hold anything?
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.queued.load(Ordering::Relaxed) + self.long.load(Ordering::Relaxed) == 0
    }
}

impl Meter {
    /// Of a connection that is open since `now`.
    pub fn new(now: Millis, all: Arc<Totals>) -> Self {
        Meter {
            queued: AtomicUsize::new(0),
            long: AtomicUsize::new(0),
            active: AtomicU64::new(now),
            all,
        }
    }

    /// When something moved last.
    pub fn active(&self) -> Millis {
        self.active.load(Ordering::Relaxed)
    }

    /// So many bytes wait to be written; `false` when that is too much.
    pub fn add(&self, size: usize) -> bool {
        let mine = self.queued.fetch_add(size, Ordering::Relaxed) + size;
        let all = self.all.queued.fetch_add(size, Ordering::Relaxed) + size;
        mine <= MAX_QUEUED && all <= MAX_QUEUED_ALL
    }

    /// So many bytes were written.
    pub fn sub(&self, size: usize) {
        self.queued.fetch_sub(size, Ordering::Relaxed);
        self.all.queued.fetch_sub(size, Ordering::Relaxed);
    }

    /// So many bytes of a frame have arrived that is not complete; `false`
    /// when others hold too much already. Short frames always find room.
    pub fn hold(&self, size: usize) -> bool {
        let size = if size > SHORT { size } else { 0 };
        let before = self.long.swap(size, Ordering::Relaxed);
        let all = &self.all.long;
        if size <= before {
            all.fetch_sub(before - size, Ordering::Relaxed);
            return true;
        }
        all.fetch_add(size - before, Ordering::Relaxed) + size - before <= MAX_LONG
    }

    /// Something moved on the connection.
    pub fn touch(&self, now: Millis) {
        self.active.store(now, Ordering::Relaxed);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let (queued, long) = (*self.queued.get_mut(), *self.long.get_mut());
        self.all.queued.fetch_sub(queued, Ordering::Relaxed);
        self.all.long.fetch_sub(long, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_frames_share_a_room_and_short_ones_need_none() {
        let all = Arc::new(Totals::default());
        let greedy: Vec<Meter> = (0..16).map(|_| Meter::new(0, all.clone())).collect();
        for step in [1_000, SHORT, SHORT + 1, MAX_LONG / 16] {
            assert!(greedy.iter().all(|meter| meter.hold(step)), "{step}");
        }
        let other = Meter::new(0, all.clone());
        assert!(other.hold(SHORT));
        assert!(!other.hold(SHORT + 1), "the room is taken");
        drop(other);
        assert!(greedy[0].hold(0), "its frame is complete");
        let other = Meter::new(0, all.clone());
        assert!(other.hold(SHORT + 1));
        drop((greedy, other));
        assert!(all.is_empty());
    }
}
