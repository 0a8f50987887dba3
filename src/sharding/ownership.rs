//! Who should own which shard: a pure function of the members that serve a
//! pin, their weights and the number of shards.
//!
//! Each shard ranks all members by their cost for it; the first is its
//! *target owner*, the next are its replicas. A member is
//! known by the hash of its name, so that it gets its shards back after a
//! restart. A cost depends on nothing but the member and the shard: who joins
//! takes shards, who leaves gives shards, and nothing moves between the others.
//!
//! Only the ranks are stored, two bytes each. Costs are cheaper to compute again
//! than to keep.

use std::collections::BTreeMap;

use super::best::Best;
use super::hash::{Shard, ShardCount};
use super::score::{Bidder, Weight};
use crate::wire::NodeId;

/// Place of a member in the table.
pub(super) type Slot = u16;
/// No member: there are fewer than ranks.
pub(super) const NOBODY: Slot = Slot::MAX;
/// The most members that a table ranks.
pub const MAX_MEMBERS: usize = NOBODY as usize;
/// The most replicas of a shard.
pub const MAX_REPLICAS: usize = 15;

/// A shard whose target owner has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Which one.
    pub shard: Shard,
    /// Whose it was; `None`: there was no member.
    pub from: Option<NodeId>,
    /// Whose it is now; `None`: no member is left.
    pub to: Option<NodeId>,
}

/// The ranked owners of every shard.
#[derive(Debug, Clone)]
pub struct Ownership {
    shards: ShardCount,
    /// Ranks of a shard: its owner and the replicas.
    ranks: usize,
    members: Vec<Option<Bidder>>,
    slots: BTreeMap<NodeId, (Slot, Weight)>,
    /// `ranks` places for each shard, best first.
    ranked: Vec<Slot>,
}

impl Ownership {
    /// A table without members. Of `replicas` at most [`MAX_REPLICAS`] count.
    pub fn new(shards: ShardCount, replicas: usize) -> Self {
        let ranks = 1 + replicas.min(MAX_REPLICAS);
        Ownership {
            shards,
            ranks,
            members: Vec::new(),
            slots: BTreeMap::new(),
            ranked: vec![NOBODY; shards.get() * ranks],
        }
    }

    /// The number of shards.
    pub fn shards(&self) -> ShardCount {
        self.shards
    }

    /// The members and their weights, by id.
    pub fn members(&self) -> impl Iterator<Item = (NodeId, Weight)> {
        self.slots.iter().map(|(&id, &(_, weight))| (id, weight))
    }

    /// The target owner of a shard; `None` without members.
    pub fn owner(&self, shard: Shard) -> Option<NodeId> {
        self.ranked(shard).next()
    }

    /// The target owner of a shard and its replicas, best first: as many as
    /// were asked for and are there.
    pub fn ranked(&self, shard: Shard) -> impl Iterator<Item = NodeId> {
        let slots = self.ranked.get(self.range(shard)).unwrap_or_default();
        slots
            .iter()
            .map_while(|&slot| self.bidder(slot))
            .map(|b| b.id)
    }

    /// The shards that a member should own.
    pub fn shards_of(&self, id: NodeId) -> impl Iterator<Item = Shard> {
        let slot = self.slots.get(&id).map(|&(slot, _)| slot);
        let owners = self
            .shards
            .shards()
            .zip(self.ranked.chunks_exact(self.ranks));
        owners
            .filter(move |(_, ranked)| Some(ranked[0]) == slot)
            .map(|(shard, _)| shard)
    }

    /// Brings the table in line with the members that are there now, and tells
    /// which shards have another target owner, in order. Of more than
    /// [`MAX_MEMBERS`] those with the lowest ids count.
    pub fn update(&mut self, members: &BTreeMap<NodeId, Weight>) -> Vec<Change> {
        let wanted: BTreeMap<_, _> = members.iter().take(MAX_MEMBERS).collect();
        let is = |id, weight: Weight| wanted.get(&id) == Some(&&weight);
        let gone: Vec<_> = self
            .members()
            .filter(|&(id, weight)| !is(id, weight))
            .collect();
        let has = |id: &NodeId, weight: Weight| self.slots.get(id).is_some_and(|s| s.1 == weight);
        let new: Vec<_> = wanted
            .into_iter()
            .filter(|&(id, &weight)| !has(id, weight))
            .collect();
        // An addition costs two scores a shard, a new table one for each member.
        if new.len() * 2 > members.len() + 2 || gone.len() * 2 > self.slots.len() {
            return self.rebuild(members);
        }
        let mut first = BTreeMap::new();
        for (id, _) in gone {
            self.note(&mut first, |table, changed| table.take_out(id, changed));
        }
        for (&id, &weight) in new {
            self.note(&mut first, |table, changed| {
                table.put_in(id, weight, changed)
            });
        }
        self.changes(first)
    }

    /// A member joins, or has another weight. Costs two scores a shard.
    ///
    /// Does nothing to a table that is full ([`MAX_MEMBERS`]).
    pub fn insert(&mut self, id: NodeId, weight: Weight) -> Vec<Change> {
        let mut first = BTreeMap::new();
        match self.slots.get(&id) {
            Some(&(_, same)) if same == weight => return Vec::new(),
            Some(_) => self.note(&mut first, |table, changed| table.take_out(id, changed)),
            None => {}
        }
        self.note(&mut first, |table, changed| {
            table.put_in(id, weight, changed)
        });
        self.changes(first)
    }

    /// A member is gone. Costs a score of every member for each shard in which
    /// it is ranked.
    pub fn remove(&mut self, id: NodeId) -> Vec<Change> {
        let mut first = BTreeMap::new();
        self.note(&mut first, |table, changed| table.take_out(id, changed));
        self.changes(first)
    }
}

/// Owners before and after.
impl Ownership {
    /// Does `change`, and remembers the first owner of each shard that it tells.
    fn note(
        &mut self,
        first: &mut BTreeMap<Shard, Option<NodeId>>,
        change: impl FnOnce(&mut Self, &mut Vec<(Shard, Option<NodeId>)>),
    ) {
        let mut changed = Vec::new();
        change(self, &mut changed);
        for (shard, from) in changed {
            first.entry(shard).or_insert(from);
        }
    }

    fn changes(&self, first: BTreeMap<Shard, Option<NodeId>>) -> Vec<Change> {
        let change = |(shard, from)| Change {
            shard,
            from,
            to: self.owner(shard),
        };
        let real = |change: &Change| change.from != change.to;
        first.into_iter().map(change).filter(real).collect()
    }

    fn rebuild(&mut self, members: &BTreeMap<NodeId, Weight>) -> Vec<Change> {
        let before: BTreeMap<_, _> = self.shards.shards().map(|s| (s, self.owner(s))).collect();
        let bidders = members.iter().take(MAX_MEMBERS);
        self.members = bidders
            .clone()
            .map(|(&id, &weight)| Some(Bidder::new(id, weight)))
            .collect();
        self.slots = bidders
            .zip(0..)
            .map(|((&id, &weight), slot)| (id, (slot, weight)))
            .collect();
        let bidders = self.bidders();
        let mut best = Best::new(self.ranks);
        for shard in self.shards.shards() {
            self.rank(shard, &bidders, &mut best);
        }
        self.changes(before)
    }
}

/// The ranks.
impl Ownership {
    fn range(&self, shard: Shard) -> std::ops::Range<usize> {
        let start = usize::from(shard) * self.ranks;
        start..start + self.ranks
    }

    fn bidder(&self, slot: Slot) -> Option<&Bidder> {
        self.members.get(usize::from(slot))?.as_ref()
    }

    fn put_in(&mut self, id: NodeId, weight: Weight, changed: &mut Vec<(Shard, Option<NodeId>)>) {
        let free = self.members.iter().position(Option::is_none);
        let place = free.unwrap_or(self.members.len());
        if place >= MAX_MEMBERS {
            return;
        }
        let bidder = Bidder::new(id, weight);
        match self.members.get_mut(place) {
            Some(member) => *member = Some(bidder),
            None => self.members.push(Some(bidder)),
        }
        let slot = place as Slot;
        self.slots.insert(id, (slot, weight));
        for shard in self.shards.shards() {
            let range = self.range(shard);
            let cost = (bidder.cost(shard), id);
            let better = |&other: &Slot| {
                let other = self.bidder(other);
                other.is_none_or(|other| cost < (other.cost(shard), other.id))
            };
            // Mostly it is behind all of them.
            let ranked = &self.ranked[range.clone()];
            let Some(behind) = ranked.iter().rposition(|slot| !better(slot)) else {
                changed.push((shard, self.owner(shard)));
                self.ranked[range.clone()].rotate_right(1);
                self.ranked[range.start] = slot;
                continue;
            };
            if behind + 1 < self.ranks {
                self.ranked[range.start + behind + 1..range.end].rotate_right(1);
                self.ranked[range.start + behind + 1] = slot;
            }
        }
    }

    fn take_out(&mut self, id: NodeId, changed: &mut Vec<(Shard, Option<NodeId>)>) {
        let Some((slot, _)) = self.slots.remove(&id) else {
            return;
        };
        self.members[usize::from(slot)] = None;
        let bidders = self.bidders();
        let mut best = Best::new(self.ranks);
        for shard in self.shards.shards() {
            let ranked = &self.ranked[self.range(shard)];
            match ranked.iter().position(|&other| other == slot) {
                Some(0) => changed.push((shard, Some(id))),
                Some(_) => {}
                None => continue,
            }
            self.rank(shard, &bidders, &mut best);
        }
    }

    fn bidders(&self) -> Vec<(Bidder, Slot)> {
        let members = self.members.iter().zip(0..);
        members
            .filter_map(|(member, slot)| Some(((*member)?, slot)))
            .collect()
    }

    /// Ranks all members for a shard.
    fn rank(&mut self, shard: Shard, bidders: &[(Bidder, Slot)], best: &mut Best) {
        best.clear();
        let mut most = u64::MAX;
        for &(bidder, slot) in bidders {
            if let Some(cost) = bidder.cost_up_to(most, shard) {
                most = best.offer((cost, bidder.id, slot));
            }
        }
        let range = self.range(shard);
        for (place, &(_, _, slot)) in self.ranked[range].iter_mut().zip(&best.ranked) {
            *place = slot;
        }
    }
}
