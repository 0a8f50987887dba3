//! What becomes of the shards about which something has changed.

use super::super::claim::{Claim, Grant};
use super::super::hash::Shard;
use super::io::Output;
use super::machine::Handover;
use super::others::Word;
use super::slot::{Phase, Slot};
use crate::time::Millis;

/// A claim changes at most so often, ms: what is released within is one value.
const PUBLISH_GAP: Millis = 20;

/// What has come of one input.
#[derive(Debug, Default)]
pub(super) struct Moves {
    gained: Vec<Shard>,
    lost: Vec<Shard>,
    /// Number of the grants.
    number: Option<u64>,
}

impl Handover {
    /// Looks at every shard that has changed, and tells what came of it.
    pub(super) fn settle(&mut self, now: Millis) {
        while let Some(shard) = self.check.pop_first() {
            self.look(now, shard);
        }
        let moves = std::mem::take(&mut self.moves);
        self.tell(now, moves.gained, moves.lost);
        if !self.decide.is_empty() {
            let shards = std::mem::take(&mut self.decide).into_iter().collect();
            self.outputs.push_back(Output::Decide(shards));
        }
        if self.unpublished && now >= self.publish_at {
            self.unpublished = false;
            self.publish_at = now.saturating_add(PUBLISH_GAP);
            let claim = self.claim().encode();
            self.outputs.push_back(Output::Publish(claim));
        }
    }

    fn look(&mut self, now: Millis, shard: Shard) {
        let ours = self.is_ours(shard);
        let Some(slot) = self.slots.get_mut(&shard) else {
            if ours {
                let until = now.saturating_add(self.config.handover);
                self.slots.insert(shard, Slot::waiting(until));
                self.due.insert((until, shard));
                self.try_to_take(now, shard);
            } else {
                self.pass(now, shard);
            }
            return;
        };
        match slot.phase {
            Phase::Waiting { .. } if ours => self.try_to_take(now, shard),
            Phase::Waiting { .. } => {
                self.slots.remove(&shard);
                self.pass(now, shard);
            }
            Phase::Loading { batch } if !ours => self.drain(now, shard, Some(batch), false),
            Phase::Held if !ours => self.drain(now, shard, None, false),
            Phase::Draining {
                loading,
                conflict: false,
                ..
            } if ours => {
                slot.phase = loading.map_or(Phase::Held, |batch| Phase::Loading { batch });
            }
            Phase::Draining { until, loading, .. } if slot.running == 0 && loading.is_none() => {
                let batch = self.next_batch;
                slot.phase = Phase::Flushing { until, batch };
                self.moves.lost.push(shard);
            }
            Phase::Loading { .. }
            | Phase::Held
            | Phase::Draining { .. }
            | Phase::Flushing { .. } => {}
        }
    }

    /// Takes a shard that is waited for, if its time has come.
    fn try_to_take(&mut self, now: Millis, shard: Shard) {
        match self.others.word(shard) {
            Word::Taken => return,
            Word::Ours => self.counters.granted += 1,
            Word::Free => {
                let settled = self.since.saturating_add(self.config.settle);
                if now < settled {
                    self.due.insert((settled, shard));
                    return;
                }
                self.counters.free += 1;
            }
        }
        self.take(shard);
    }

    fn take(&mut self, shard: Shard) {
        if let Some(slot) = self.slots.get_mut(&shard) {
            let batch = self.next_batch;
            slot.phase = Phase::Loading { batch };
            self.others.keep(shard);
            self.moves.gained.push(shard);
            self.unpublished = true;
        }
    }

    /// What was granted to this node and is not its own goes on to its owner.
    fn pass(&mut self, now: Millis, shard: Shard) {
        if self.others.word(shard) == Word::Ours {
            self.counters.passed += 1;
            self.give(now, shard);
        }
    }

    /// Grants a shard to its target owner, unless that is this node again.
    fn give(&mut self, now: Millis, shard: Shard) {
        let owner = self.ownership.owner(shard).unwrap_or(Grant::NOBODY);
        if owner == self.me {
            return;
        }
        let number = match self.moves.number {
            Some(number) => number,
            None => self.next_epoch(),
        };
        self.moves.number = Some(number);
        self.others.give(now, shard, number, owner);
        self.unpublished = true;
    }

    /// Calls for the shard are no longer taken.
    fn drain(&mut self, now: Millis, shard: Shard, loading: Option<u64>, conflict: bool) {
        let until = now.saturating_add(self.config.handover);
        if let Some(slot) = self.slots.get_mut(&shard) {
            slot.phase = Phase::Draining {
                until,
                loading,
                conflict,
            };
            self.due.insert((until, shard));
            self.check.insert(shard);
        }
    }

    fn release(&mut self, now: Millis, shard: Shard) {
        self.slots.remove(&shard);
        self.give(now, shard);
        self.unpublished = true;
        // It may be ours again.
        self.check.insert(shard);
    }

    /// Other nodes have taken shards. Those that they took after this node did
    /// are given up.
    pub(super) fn yield_to(&mut self, now: Millis, epoch: u64, taken: &[Shard]) {
        for &shard in taken {
            let Some(slot) = self.slots.get(&shard) else {
                continue;
            };
            let loading = match slot.phase {
                Phase::Held => None,
                Phase::Loading { batch } => Some(batch),
                _ => continue,
            };
            if epoch >= slot.epoch {
                self.counters.conflicts += 1;
                self.drain(now, shard, loading, true);
            }
        }
    }

    /// A handler is done, or (not `in_time`) is no longer waited for.
    pub(super) fn finish(&mut self, now: Millis, batch: u64, in_time: bool) {
        let Some((shards, _)) = self.batches.remove(&batch) else {
            return;
        };
        for shard in shards {
            let Some(slot) = self.slots.get_mut(&shard) else {
                continue;
            };
            match &mut slot.phase {
                Phase::Loading { batch: other } if *other == batch => {
                    slot.phase = Phase::Held;
                    self.decide.insert(shard);
                }
                Phase::Draining { loading, .. } if *loading == Some(batch) => *loading = None,
                Phase::Flushing { batch: other, .. } if *other == batch => {
                    match in_time {
                        true => self.counters.released += 1,
                        false => self.counters.forced += 1,
                    }
                    self.release(now, shard);
                }
                _ => {}
            }
            self.check.insert(shard);
        }
    }

    /// The time of a shard is over that was noted for its phase, or for an
    /// earlier one.
    pub(super) fn overdue(&mut self, now: Millis, shard: Shard) {
        self.check.insert(shard);
        let Some(slot) = self.slots.get(&shard) else {
            return;
        };
        if slot.until().is_none_or(|until| until > now) {
            return;
        }
        match slot.phase {
            Phase::Waiting { .. } => {
                self.counters.overdue += 1;
                self.take(shard);
            }
            Phase::Draining { .. } => {
                self.counters.forced += 1;
                self.moves.lost.push(shard);
                self.release(now, shard);
            }
            Phase::Flushing { .. } => {
                self.counters.forced += 1;
                self.release(now, shard);
            }
            Phase::Loading { .. } | Phase::Held => {}
        }
    }

    /// One event for all that was gained and lost.
    fn tell(&mut self, now: Millis, mut gained: Vec<Shard>, mut lost: Vec<Shard>) {
        if gained.is_empty() && lost.is_empty() {
            return;
        }
        if !gained.is_empty() {
            self.next_epoch();
        }
        gained.sort_unstable();
        lost.sort_unstable();
        for shard in &gained {
            if let Some(slot) = self.slots.get_mut(shard) {
                slot.epoch = self.epoch;
            }
        }
        let batch = self.next_batch;
        self.next_batch += 1;
        let shards = [gained.as_slice(), &lost].concat();
        let until = now.saturating_add(self.config.handler);
        self.batches.insert(batch, (shards, until));
        self.outputs.push_back(Output::Moved {
            batch,
            gained,
            lost,
            epoch: self.epoch,
        });
    }

    /// What is published now.
    fn claim(&self) -> Claim {
        let groups = self.others.given().into_iter();
        let grant = |((number, to), shards)| Grant { number, to, shards };
        Claim {
            ready: self.ready,
            shards: self.config.shards,
            key: self.config.key.clone(),
            weight: self.config.weight,
            epoch: self.epoch,
            held: self.held().map(|(shard, _)| shard).collect(),
            grants: groups.map(grant).collect(),
        }
    }
}
