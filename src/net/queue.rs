//! What waits to be taken by the owner of a node.
//!
//! The owner may be busy for a long time (a blocked JavaScript loop) while the
//! cluster goes on. So the queue is compacted when it is full: of what
//! supersedes each other only the last remains (see [`compact`]), which bounds
//! it by the state it tells about. Only user updates are ever dropped, and
//! that is said; their values can still be read.

use std::collections::VecDeque;

use super::compact::compact;
use super::shards::ShardEvent;
use crate::engine::{Event, Level};
use crate::routing::RouteEvent;

/// Length at which the queue is compacted.
const LENGTH: usize = 16_384;
/// Bytes of values at which the queue is compacted.
const BYTES: usize = 32 * 1024 * 1024;
/// Length above which updates are dropped.
const HARD: usize = 4 * LENGTH;

/// Something that happened in the cluster, in the order in which it became
/// known here.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// To its members or their state.
    Gossip(Event),
    /// To the table of routes.
    Route(RouteEvent),
    /// To shards of this node.
    Shards(ShardEvent),
}

/// A queue of notices, and whether the owner knows that there are some.
#[derive(Debug)]
pub struct Queue {
    items: VecDeque<Notice>,
    bytes: usize,
    length_mark: usize,
    bytes_mark: usize,
    dropped: u64,
    signalled: bool,
}

impl Default for Queue {
    fn default() -> Self {
        Queue {
            items: VecDeque::new(),
            bytes: 0,
            length_mark: LENGTH,
            bytes_mark: BYTES,
            dropped: 0,
            signalled: false,
        }
    }
}

impl Queue {
    /// Adds a notice; `true` when the owner has to be woken.
    pub fn push(&mut self, notice: Notice) -> bool {
        self.bytes += weight(&notice);
        self.items.push_back(notice);
        if self.items.len() >= self.length_mark || self.bytes >= self.bytes_mark {
            self.shrink();
        }
        !std::mem::replace(&mut self.signalled, true)
    }

    /// Takes at most `max` notices, oldest first; the flag says whether more
    /// are left. When none are left, the next one wakes the owner again.
    pub fn take(&mut self, max: usize) -> (Vec<Notice>, bool) {
        let mut taken = Vec::new();
        if self.dropped > 0 {
            let text = format!("{} updates were dropped: nobody took them", self.dropped);
            taken.push(Notice::Gossip(Event::Log {
                level: Level::Warn,
                text,
            }));
            self.dropped = 0;
        }
        taken.extend(self.items.drain(..max.min(self.items.len())));
        let more = !self.items.is_empty();
        if !more {
            *self = Queue::default();
        } else {
            let gone: usize = taken.iter().map(weight).sum();
            self.bytes = self.bytes.saturating_sub(gone);
        }
        (taken, more)
    }

    fn shrink(&mut self) {
        compact(&mut self.items);
        if self.items.len() > HARD {
            let mut excess = self.items.len() - HARD;
            let before = self.items.len();
            self.items.retain(|notice| {
                let update = matches!(notice, Notice::Gossip(Event::Update { .. }));
                let drop = update && excess > 0;
                excess -= usize::from(drop);
                !drop
            });
            self.dropped += (before - self.items.len()) as u64;
        }
        self.bytes = self.items.iter().map(weight).sum();
        // Twice what could not be avoided: compacting stays cheap per notice.
        self.length_mark = LENGTH.max(2 * self.items.len());
        self.bytes_mark = BYTES.max(2 * self.bytes);
    }
}

fn weight(notice: &Notice) -> usize {
    match notice {
        Notice::Gossip(Event::Update { value, .. }) => value.as_ref().map_or(0, |v| v.len()),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(name: usize, key: usize, size: usize) -> Notice {
        Notice::Gossip(Event::Update {
            name: format!("127.0.0.1:{name}"),
            key: format!(".k{key}"),
            value: Some(vec![0; size].into()),
        })
    }

    #[test]
    fn the_owner_is_woken_once_per_batch() {
        let mut queue = Queue::default();
        assert!(queue.push(update(1, 1, 1)));
        assert!(!queue.push(update(1, 2, 1)));
        let (first, more) = queue.take(1);
        assert_eq!((first.len(), more), (1, true));
        assert!(
            !queue.push(update(1, 3, 1)),
            "the owner knows that more are left"
        );
        let (rest, more) = queue.take(10);
        assert_eq!((rest.len(), more), (2, false));
        assert!(queue.push(update(1, 4, 1)));
    }

    #[test]
    fn one_busy_key_never_fills_the_queue() {
        let mut queue = Queue::default();
        for _ in 0..5 * LENGTH {
            queue.push(update(1, 1, 10));
        }
        assert!(queue.items.len() <= LENGTH);
        let mut queue = Queue::default();
        for _ in 0..5_000 {
            queue.push(update(1, 1, 64 * 1024));
        }
        assert!(queue.bytes <= BYTES);
        assert_eq!(queue.dropped, 0);
    }

    #[test]
    fn what_must_be_dropped_is_counted_and_told() {
        let mut queue = Queue::default();
        let count = 12 * LENGTH;
        for i in 0..count {
            queue.push(update(1, i, 1));
        }
        assert!(queue.items.len() <= 2 * HARD);
        let (taken, more) = queue.take(usize::MAX);
        assert!(!more);
        let Notice::Gossip(Event::Log { text, .. }) = &taken[0] else {
            panic!("no word about the lost ones");
        };
        let lost = count - (taken.len() - 1);
        assert!(lost > 0 && text.starts_with(&lost.to_string()), "{text}");
    }
}
