//! Who watches whom. The members stand on a ring in order of their ids; the
//! observers of a subject are the members that follow it.

use std::collections::BTreeSet;

use crate::wire::NodeId;

/// Observers beyond doubt that a subject has at least, if there are so many:
/// when more fail at once than it has observers, the next on the ring step in.
const SOLID: usize = 3;

/// The members that are neither dead nor gone, ourselves included.
#[derive(Debug, Default)]
pub struct Ring {
    ids: BTreeSet<NodeId>,
}

impl Ring {
    /// Adds a member; true when it was not there.
    pub fn insert(&mut self, id: NodeId) -> bool {
        self.ids.insert(id)
    }

    /// Takes a member out; true when it was there.
    pub fn remove(&mut self, id: NodeId) -> bool {
        self.ids.remove(&id)
    }

    /// Number of members on the ring.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True when nobody is on the ring.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The observers of `subject`, nearest first: the `k` that follow it, and
    /// more until three of them are not `doubted`.
    pub fn observers(
        &self,
        subject: NodeId,
        k: usize,
        doubted: impl Fn(NodeId) -> bool,
    ) -> Vec<NodeId> {
        let after = self.ids.range(subject..).chain(self.ids.range(..subject));
        take(after.copied().filter(|id| *id != subject), k, doubted)
    }

    /// Those whom `me` has to watch: exactly the members that have `me` among
    /// their observers.
    pub fn subjects(&self, me: NodeId, k: usize, doubted: impl Fn(NodeId) -> bool) -> Vec<NodeId> {
        let before = self.ids.range(..me).rev();
        let around = before.chain(self.ids.range(me..).rev());
        take(around.copied().filter(|id| *id != me), k, doubted)
    }
}

/// Walks until `k` members and three beyond doubt were passed. Both directions
/// count the members between subject and observer, so they agree.
fn take(
    ids: impl Iterator<Item = NodeId>,
    k: usize,
    doubted: impl Fn(NodeId) -> bool,
) -> Vec<NodeId> {
    let (mut list, mut solid) = (Vec::with_capacity(k), 0);
    for id in ids {
        if list.len() >= k && solid >= SOLID {
            break;
        }
        list.push(id);
        solid += usize::from(!doubted(id));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_node_watches_exactly_those_that_it_observes(
            ids in prop::collection::btree_set(any::<u64>(), 1..60),
            doubt in any::<u64>(),
            k in 1usize..10,
        ) {
            let ids: Vec<NodeId> = ids.into_iter().map(NodeId).collect();
            let doubted = |id: NodeId| (id.0 ^ doubt).is_multiple_of(3);
            let mut ring = Ring::default();
            ids.iter().for_each(|id| { ring.insert(*id); });
            for me in &ids {
                let subjects = ring.subjects(*me, k, doubted);
                for s in &ids {
                    let observes = ring.observers(*s, k, doubted).contains(me);
                    prop_assert_eq!(subjects.contains(s), observes, "{} watches {}", me, s);
                }
            }
        }
    }

    #[test]
    fn everybody_watches_everybody_in_a_small_cluster() {
        let mut ring = Ring::default();
        (0..5).for_each(|i| {
            ring.insert(NodeId(i));
        });
        assert_eq!(ring.observers(NodeId(2), 8, |_| false).len(), 4);
        assert_eq!(ring.subjects(NodeId(2), 8, |_| false).len(), 4);
    }

    #[test]
    fn doubted_observers_are_joined_by_the_next_on_the_ring() {
        let mut ring = Ring::default();
        (0..20).for_each(|i| {
            ring.insert(NodeId(i));
        });
        let observers = ring.observers(NodeId(0), 8, |id| id.0 <= 8);
        assert_eq!(observers.len(), 11);
    }
}
