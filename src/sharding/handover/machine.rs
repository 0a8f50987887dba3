//! One sharded pin at one node: what it is told, and what may be asked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::super::claim::Claim;
use super::super::hash::Shard;
use super::super::ownership::{Change, Ownership};
use super::io::{Config, Counters, Decision, Mismatch, Output, Presence};
use super::moves::Moves;
use super::others::{Heard, Others};
use super::slot::{Phase, Slot};
use crate::time::Millis;
use crate::wire::{MAX_NUMBER, NodeId};

/// One sharded pin, as one node sees it. Sans I/O: every input takes the time
/// of a monotonic clock; [`poll`](Self::poll) until `None` after each.
#[derive(Debug)]
pub struct Handover {
    pub(super) me: NodeId,
    pub(super) config: Config,
    pub(super) ready: bool,
    /// When `ready` changed last.
    pub(super) since: Millis,
    pub(super) ownership: Ownership,
    pub(super) others: Others,
    /// Shards that are held, or waited for.
    pub(super) slots: BTreeMap<Shard, Slot>,
    /// The highest epoch seen or used.
    pub(super) epoch: u64,
    /// Handlers that run: their shards, and when they are no longer waited for.
    pub(super) batches: BTreeMap<u64, (Vec<Shard>, Millis)>,
    pub(super) next_batch: u64,
    /// Shards about which something has changed.
    pub(super) check: BTreeSet<Shard>,
    /// When slots end their phase; may name some that have ended it before.
    pub(super) due: BTreeSet<(Millis, Shard)>,
    /// Has the published claim to be written again, and from when on.
    pub(super) unpublished: bool,
    pub(super) publish_at: Millis,
    pub(super) decide: BTreeSet<Shard>,
    pub(super) moves: Moves,
    pub(super) outputs: VecDeque<Output>,
    pub(super) counters: Counters,
}

impl Handover {
    /// A node that is not ready and has heard of nobody.
    pub fn new(me: NodeId, config: Config) -> Self {
        Handover {
            me,
            ready: false,
            since: 0,
            ownership: Ownership::new(config.shards, config.replicas),
            others: Others::new(me, &config),
            config,
            slots: BTreeMap::new(),
            epoch: 0,
            batches: BTreeMap::new(),
            next_batch: 1,
            check: BTreeSet::new(),
            due: BTreeSet::new(),
            unpublished: true,
            publish_at: 0,
            decide: BTreeSet::new(),
            moves: Moves::default(),
            outputs: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// This node takes shards, or gives all of them away. Ready is a node that
    /// knows the state of the cluster: what its seed told it.
    pub fn ready(&mut self, now: Millis, ready: bool) {
        if self.ready != ready {
            self.ready = ready;
            self.since = now;
            self.unpublished = true;
            let changes = match ready {
                true => self.ownership.insert(self.me, self.config.weight),
                false => self.ownership.remove(self.me),
            };
            self.moved(changes);
        }
        self.settle(now);
    }

    /// A member published a claim, or has none any more: it serves the pin no
    /// longer, or began a new run. Claims of a member come in order; what came
    /// late is left out by the caller.
    ///
    /// # Errors
    /// When the member divides the keys otherwise: it is then treated as if it
    /// had no claim.
    pub fn heard(&mut self, now: Millis, id: NodeId, claim: Option<Claim>) -> Result<(), Mismatch> {
        if id == self.me {
            return Ok(());
        }
        let Config { shards, key, .. } = &self.config;
        let alike = |claim: &Claim| claim.shards == *shards && claim.key == *key;
        let mismatch = claim
            .as_ref()
            .filter(|claim| !alike(claim))
            .map(|claim| Mismatch {
                id,
                theirs: claim.division(),
                ours: self.config.division(),
            });
        let claim = claim.filter(|_| mismatch.is_none());
        let heard = self.others.heard(now, id, claim);
        self.react(now, id, heard);
        mismatch.map_or(Ok(()), Err)
    }

    /// A member comes, is about to leave, or is gone. Before a claim was heard
    /// nothing else is known of it, and it counts as here.
    pub fn presence(&mut self, now: Millis, id: NodeId, presence: Presence) {
        if id != self.me {
            let heard = self.others.presence(now, id, presence);
            self.react(now, id, heard);
        }
    }

    /// Drops what is known of a member that is gone for good.
    pub fn forget(&mut self, now: Millis, id: NodeId) {
        let heard = self.others.forget(now, id);
        self.react(now, id, heard);
    }

    /// A call for a shard is about to run here. The epoch that it runs in, for
    /// [`end`](Self::end); `None` when this node may not execute it.
    pub fn begin(&mut self, shard: Shard) -> Option<u64> {
        let slot = self.slots.get_mut(&shard)?;
        if slot.phase != Phase::Held {
            return None;
        }
        slot.running += 1;
        Some(slot.epoch)
    }

    /// A call that ran in `epoch` is over.
    pub fn end(&mut self, now: Millis, shard: Shard, epoch: u64) {
        // Who outlived the bound may end in a later epoch: it counts no more.
        let slot = self.slots.get_mut(&shard);
        let Some(slot) = slot.filter(|slot| slot.epoch == epoch && slot.running > 0) else {
            return;
        };
        slot.running -= 1;
        if slot.running == 0 && slot.phase != Phase::Held {
            self.check.insert(shard);
            self.settle(now);
        }
    }

    /// The user's handler of [`Output::Moved`] is done, or there is none.
    pub fn done(&mut self, now: Millis, batch: u64) {
        self.finish(now, batch, true);
        self.settle(now);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Millis) {
        while let Some(&(until, shard)) = self.due.first()
            && until <= now
        {
            self.due.pop_first();
            self.overdue(now, shard);
        }
        while let Some((&batch, &(_, until))) = self.batches.first_key_value()
            && until <= now
        {
            self.finish(now, batch, false);
        }
        let (expired, own) = self.others.expire(now);
        self.check.extend(expired);
        self.unpublished |= own;
        self.settle(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, at the latest.
    pub fn next_timeout(&self) -> Option<Millis> {
        let due = self.due.first().map(|&(until, _)| until);
        let batch = self.batches.first_key_value().map(|(_, &(_, until))| until);
        let publish = self.unpublished.then_some(self.publish_at);
        let times = [due, batch, self.others.next_expiry(), publish];
        times.into_iter().flatten().min()
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }
}

/// Questions.
impl Handover {
    /// What to do with a call for a shard.
    pub fn decide(&self, shard: Shard) -> Decision {
        match (
            self.slots.get(&shard).map(|slot| slot.phase),
            self.ownership.owner(shard),
        ) {
            (Some(Phase::Held), _) => Decision::Execute,
            (_, None) => Decision::Nobody,
            (_, Some(owner)) if owner == self.me => Decision::Wait,
            (_, Some(owner)) => Decision::Forward(owner),
        }
    }

    /// Do calls for a shard run here: new ones, or those that were begun before
    /// it was given up?
    pub fn runs(&self, shard: Shard) -> bool {
        let slot = self.slots.get(&shard);
        slot.is_some_and(|slot| slot.runs())
    }

    /// Who should own which shard.
    pub fn ownership(&self) -> &Ownership {
        &self.ownership
    }

    /// What this node has the right to execute, or still makes use of, and in
    /// which epoch it gained it.
    pub fn held(&self) -> impl Iterator<Item = (Shard, u64)> {
        let held = self.slots.iter().filter(|(_, slot)| slot.is_held());
        held.map(|(&shard, slot)| (shard, slot.epoch))
    }

    /// The highest epoch that was seen or used.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// May a node that is no longer ready stop? All is released, and what it
    /// said last has had the time to be heard, and to be answered by grants that
    /// were on their way to it.
    pub fn drained(&self, now: Millis) -> bool {
        let said = now.saturating_sub(self.since.max(self.publish_at)) >= self.config.settle;
        !self.ready && said && !self.unpublished && self.held().next().is_none()
    }

    /// How shards came and went, since the start.
    pub fn counters(&self) -> Counters {
        self.counters
    }
}

/// Who should own what.
impl Handover {
    /// Draws the conclusions from what is known of a member now.
    fn react(&mut self, now: Millis, id: NodeId, heard: Heard) {
        let epoch = self.others.epoch(id);
        self.epoch = self.epoch.max(epoch);
        self.check.extend(heard.changed);
        self.yield_to(now, epoch, &heard.taken);
        let changes = match self.others.taker(id).map(|claim| claim.weight) {
            Some(weight) => self.ownership.insert(id, weight),
            None => self.ownership.remove(id),
        };
        self.moved(changes);
        self.settle(now);
    }

    fn moved(&mut self, changes: Vec<Change>) {
        for change in changes {
            self.check.insert(change.shard);
            if change.from == Some(self.me) {
                self.decide.insert(change.shard);
            }
        }
    }

    pub(super) fn is_ours(&self, shard: Shard) -> bool {
        self.ownership.owner(shard) == Some(self.me)
    }

    /// A new epoch, above all that were seen.
    pub(super) fn next_epoch(&mut self) -> u64 {
        self.epoch = (self.epoch + 1).min(MAX_NUMBER);
        self.epoch
    }
}
