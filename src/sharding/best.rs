//! The members with the lowest costs of a shard, while they are looked through.

use super::ownership::{NOBODY, Slot};
use crate::wire::NodeId;

/// The lowest costs seen so far.
pub(super) struct Best {
    /// Cost, id and place of a member, ascending.
    pub ranked: Vec<(u64, NodeId, Slot)>,
}

impl Best {
    const WORST: (u64, NodeId, Slot) = (u64::MAX, NodeId(u64::MAX), NOBODY);

    pub fn new(ranks: usize) -> Self {
        Best {
            ranked: vec![Self::WORST; ranks],
        }
    }

    pub fn clear(&mut self) {
        self.ranked.fill(Self::WORST);
    }

    /// Takes a bid if it is among the best; the cost above which none is.
    pub fn offer(&mut self, bid: (u64, NodeId, Slot)) -> u64 {
        let last = self.ranked.len() - 1;
        let mut place = self.ranked.len();
        while place > 0 && bid < self.ranked[place - 1] {
            place -= 1;
            // The last one falls out.
            if place < last {
                self.ranked[place + 1] = self.ranked[place];
            }
        }
        if place <= last {
            self.ranked[place] = bid;
        }
        self.ranked[last].0
    }
}
