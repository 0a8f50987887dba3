//! Who comes first when a message cannot hold everything (van Renesse et al.
//! 2008, section 3.3).

use std::collections::VecDeque;

use crate::wire::{DeltaSource, Writer, pack_delta};

/// The order in which the changes of several owners go into a message.
///
/// Whatever the order between owners, that of one owner's changes is fixed,
/// oldest version first: what is left out is the newest, which is
/// scuttlebutt's rule and keeps the invariant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The owner with most pending changes first, all of them. Few owners are
    /// out of date for long; the paper's choice, and ours.
    #[default]
    Depth,
    /// One change of each owner in turn: nobody waits for a busy owner, and
    /// under overload everybody falls behind together.
    Breadth,
}

impl Order {
    /// Puts owners into the order in which they are served. `changes` tells how
    /// many an owner has; equals stay as they are.
    pub fn arrange<T>(self, owners: &mut [T], changes: impl Fn(&T) -> usize) {
        if self == Order::Depth {
            owners.sort_by_key(|owner| std::cmp::Reverse(changes(owner)));
        }
    }

    /// How many parts of each owner go into a message with this much room.
    /// `pending[i]` is how many owner `i` has, `cost(i, k)` what its part `k`
    /// takes of the room once those before it are in.
    pub fn plan(
        self,
        pending: &[usize],
        mut room: usize,
        cost: impl Fn(usize, usize) -> usize,
    ) -> Vec<usize> {
        let mut queue: VecDeque<usize> = (0..pending.len()).collect();
        let mut taken = vec![0; pending.len()];
        while let Some(i) = queue.pop_front() {
            if taken[i] == pending[i] {
                continue;
            }
            let Some(rest) = room.checked_sub(cost(i, taken[i])) else {
                // Nothing newer of this owner either; a smaller part of
                // another one may still fit.
                continue;
            };
            room = rest;
            taken[i] += 1;
            match self {
                Order::Depth => queue.push_front(i),
                Order::Breadth => queue.push_back(i),
            }
        }
        taken
    }

    /// Appends as much of `sources` as fits, and puts them into the order of
    /// service. Returns how many parts of each went in.
    pub fn pack(self, w: &mut Writer, sources: &mut [DeltaSource<'_>]) -> Vec<usize> {
        self.arrange(sources, |source| source.entries.len());
        let pending: Vec<usize> = sources.iter().map(DeltaSource::parts).collect();
        let taken = self.plan(&pending, w.room(), |i, part| sources[i].part_size(part));
        for (source, &parts) in sources.iter().zip(&taken).filter(|(_, n)| **n > 0) {
            pack_delta(w, source, parts);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn depth_serves_the_owner_with_most_changes_and_breadth_everybody() {
        let mut owners = [2, 5, 3];
        Order::Breadth.arrange(&mut owners, |n| *n);
        assert_eq!(owners, [2, 5, 3]);
        Order::Depth.arrange(&mut owners, |n| *n);
        assert_eq!(owners, [5, 3, 2]);
        let one = |_: usize, _: usize| 1;
        assert_eq!(Order::Depth.plan(&owners, 6, one), [5, 1, 0]);
        assert_eq!(Order::Breadth.plan(&[2, 5, 3], 6, one), [2, 2, 2]);
        assert_eq!(Order::Breadth.plan(&[1, 5, 0], 4, one), [1, 3, 0]);
    }

    #[test]
    fn a_part_that_does_not_fit_holds_up_its_own_owner_only() {
        let cost = |i: usize, k: usize| if (i, k) == (0, 1) { 100 } else { 1 };
        assert_eq!(Order::Depth.plan(&[4, 3], 10, cost), [1, 3]);
        assert_eq!(Order::Breadth.plan(&[4, 3], 10, cost), [1, 3]);
    }

    proptest! {
        #[test]
        fn the_room_is_kept_and_nothing_that_fits_is_left_out(
            pending in prop::collection::vec(0usize..20, 0..12),
            room in 0usize..100,
            breadth: bool,
        ) {
            let order = if breadth { Order::Breadth } else { Order::Depth };
            let cost = |i: usize, k: usize| 1 + (i * 7 + k * 3) % 9;
            let taken = order.plan(&pending, room, cost);
            let used: usize = (0..pending.len())
                .flat_map(|i| (0..taken[i]).map(move |k| cost(i, k)))
                .sum();
            prop_assert!(used <= room);
            for i in 0..pending.len() {
                prop_assert!(taken[i] <= pending[i]);
                prop_assert!(taken[i] == pending[i] || used + cost(i, taken[i]) > room);
            }
        }
    }
}
