//! The event queue: a calendar of one-millisecond days.
//!
//! Almost everything that is scheduled happens within the next seconds (a
//! datagram in flight, the next round of a node), so a ring of days gives
//! constant-time insertion and removal, and its buffers are reused. What lies
//! further ahead waits in a map until the ring reaches it. Events of one
//! millisecond come out in the order in which they were put in: that, and one
//! source of randomness, is what makes a run reproducible.

use std::collections::{BTreeMap, VecDeque};

use crate::engine::Millis;

/// Days in the ring; a power of two.
const RING: u64 = 4_096;

/// Events in order of time, first in first out within a millisecond.
#[derive(Debug)]
pub(super) struct Queue<T> {
    now: Millis,
    ring: Vec<VecDeque<T>>,
    in_ring: usize,
    later: BTreeMap<Millis, VecDeque<T>>,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Queue {
            now: 0,
            ring: (0..RING).map(|_| VecDeque::new()).collect(),
            in_ring: 0,
            later: BTreeMap::new(),
        }
    }

    /// The day that is being worked off.
    pub(super) fn now(&self) -> Millis {
        self.now
    }

    /// Puts in an event; one for the past happens today.
    pub(super) fn push(&mut self, at: Millis, event: T) {
        let at = at.max(self.now);
        if at - self.now < RING {
            self.ring[Self::slot(at)].push_back(event);
            self.in_ring += 1;
        } else {
            self.later.entry(at).or_default().push_back(event);
        }
    }

    /// The next event that is due at `until` or before. With `None` the clock
    /// stands at `until`.
    pub(super) fn pop(&mut self, until: Millis) -> Option<T> {
        loop {
            if let Some(event) = self.ring[Self::slot(self.now)].pop_front() {
                self.in_ring -= 1;
                return Some(event);
            }
            if self.now >= until {
                return None;
            }
            self.advance(until);
        }
    }

    /// Moves the clock on: by a day, or over a stretch in which nothing happens.
    fn advance(&mut self, until: Millis) {
        self.now += 1;
        if self.in_ring == 0 {
            let next = self.later.keys().next().map_or(until, |at| at - (RING - 1));
            self.now = self.now.max(next.min(until));
        }
        // Days that the ring has just come to cover. They are empty so far,
        // hence what waited longest stays first.
        while let Some(entry) = self.later.first_entry() {
            if *entry.key() - self.now >= RING {
                break;
            }
            let slot = Self::slot(*entry.key());
            let mut events = entry.remove();
            self.in_ring += events.len();
            self.ring[slot].append(&mut events);
        }
    }

    fn slot(at: Millis) -> usize {
        (at & (RING - 1)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(queue: &mut Queue<u32>, until: Millis) -> Vec<(Millis, u32)> {
        std::iter::from_fn(|| queue.pop(until).map(|event| (queue.now(), event))).collect()
    }

    #[test]
    fn events_come_in_order_of_time_then_of_insertion() {
        let mut queue = Queue::new();
        for (at, event) in [(5, 1), (3, 2), (5, 3), (0, 4), (3, 5)] {
            queue.push(at, event);
        }
        assert_eq!(drain(&mut queue, 4), [(0, 4), (3, 2), (3, 5)]);
        assert_eq!(queue.now(), 4);
        assert_eq!(drain(&mut queue, 9), [(5, 1), (5, 3)]);
    }

    #[test]
    fn far_events_keep_their_order_behind_the_ring() {
        let mut queue = Queue::new();
        let far = 10 * RING + 7;
        queue.push(far, 1);
        queue.push(86_400_000, 9);
        assert_eq!(drain(&mut queue, far - 10), []);
        queue.push(far, 2);
        queue.push(far - 1, 0);
        assert_eq!(drain(&mut queue, far), [(far - 1, 0), (far, 1), (far, 2)]);
        assert_eq!(drain(&mut queue, u64::MAX), [(86_400_000, 9)]);
    }

    #[test]
    fn an_event_for_the_past_happens_now() {
        let mut queue = Queue::new();
        queue.push(100, 1);
        assert_eq!(queue.pop(100), Some(1));
        queue.push(50, 2);
        assert_eq!(drain(&mut queue, 100), [(100, 2)]);
    }

    #[test]
    fn random_pushes_come_out_sorted() {
        use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
        let mut queue = Queue::new();
        let mut wanted = Vec::new();
        for event in 0..2_000 {
            let at = queue.now() + rng.random_range(0..3 * RING);
            queue.push(at, event);
            wanted.push((at, event));
            if event % 3 == 0 {
                let until = queue.now() + rng.random_range(0..40);
                let got = drain(&mut queue, until);
                wanted.sort();
                let due = wanted.iter().take_while(|(at, _)| *at <= until).count();
                assert_eq!(got, wanted.drain(..due).collect::<Vec<_>>());
            }
        }
    }
}
