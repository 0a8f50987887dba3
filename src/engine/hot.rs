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

    /// The owners in the order in which they should be told: those told least
    /// come first.
    pub fn ordered(&self) -> Vec<NodeId> {
        let mut list: Vec<(u32, NodeId)> = self.left.iter().map(|(id, n)| (*n, *id)).collect();
        list.sort_unstable_by_key(|(n, id)| (std::cmp::Reverse(*n), *id));
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
