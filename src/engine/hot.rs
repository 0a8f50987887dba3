//! Owners that changed lately: their digests go first in every message.

use std::collections::BTreeMap;

use crate::wire::NodeId;

/// Owners and how many more times each is told.
#[derive(Debug, Default)]
pub struct Hot {
    left: BTreeMap<NodeId, u32>,
}

impl Hot {
    /// An owner changed; it is told `times` from now on.
    pub fn heat(&mut self, id: NodeId, times: u32) {
        self.left.insert(id, times);
    }

    /// No news any more.
    pub fn cool(&mut self, id: NodeId) {
        self.left.remove(&id);
    }

    /// The first `count` owners of those that may be told, in the order in which
    /// they should be: those told least come first.
    pub fn first(&self, count: usize, may: impl Fn(NodeId) -> bool) -> Vec<NodeId> {
        let left = self.left.iter().filter(|(id, _)| may(**id));
        let mut list: Vec<_> = left.map(|(id, n)| (std::cmp::Reverse(*n), *id)).collect();
        // A join makes everybody news: only those who have room are sorted.
        if count < list.len() {
            list.select_nth_unstable(count);
            list.truncate(count);
        }
        list.sort_unstable();
        list.into_iter().map(|(_, id)| id).collect()
    }

    /// These were told once.
    pub fn told(&mut self, ids: impl Iterator<Item = NodeId>) {
        for id in ids {
            if let Some(n) = self.left.get_mut(&id) {
                *n -= 1;
                if *n == 0 {
                    self.left.remove(&id);
                }
            }
        }
    }
}
