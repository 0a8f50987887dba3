//! Owners that changed lately: their digests go first in every message.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::wire::NodeId;

/// Owners and how many more times each is told.
#[derive(Debug, Default)]
pub struct Hot {
    left: BTreeMap<NodeId, u32>,
    /// The same in the order in which they are told. After a join that is
    /// everybody, and a message holds some dozens: it is never sorted anew.
    order: BTreeSet<(Reverse<u32>, NodeId)>,
}

impl Hot {
    /// An owner changed; it is told `times` from now on.
    pub fn heat(&mut self, id: NodeId, times: u32) {
        self.cool(id);
        self.left.insert(id, times);
        self.order.insert((Reverse(times), id));
    }

    /// No news any more.
    pub fn cool(&mut self, id: NodeId) {
        if let Some(left) = self.left.remove(&id) {
            self.order.remove(&(Reverse(left), id));
        }
    }

    /// The owners in the order in which they should be told: those told least
    /// come first.
    pub fn ordered(&self) -> impl Iterator<Item = NodeId> {
        self.order.iter().map(|(_, id)| *id)
    }

    /// These were told once.
    pub fn told(&mut self, ids: impl Iterator<Item = NodeId>) {
        for id in ids {
            match self.left.get_mut(&id) {
                Some(1) => self.cool(id),
                Some(left) => {
                    self.order.remove(&(Reverse(*left), id));
                    *left -= 1;
                    self.order.insert((Reverse(*left), id));
                }
                None => {}
            }
        }
    }
}
