//! What our own user may ask.

use super::{Counters, Engine, Millis};
use crate::membership::{Member, Peer};
use crate::state::Value;
use crate::wire::{Entry, NodeId};

impl Engine {
    /// This node's name.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// This node's generation: the wall clock (ms) of its start, or more when
    /// an earlier run of its name had a clock that was ahead.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Time between two gossip rounds, ms.
    pub fn interval(&self) -> Millis {
        self.config.interval
    }

    /// Every known member, this node included, in order of name.
    pub fn members(&self, now: Millis) -> Vec<Member> {
        let all = self.members.iter();
        let mut list: Vec<Member> = all.map(|(id, p)| self.snapshot(now, id, p)).collect();
        list.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        list
    }

    /// One member.
    pub fn member(&self, now: Millis, name: &str) -> Option<Member> {
        let id = NodeId::of(name);
        Some(self.snapshot(now, id, self.members.get(id)?))
    }

    /// Number of members that are neither dead nor gone, this node included.
    pub fn present(&self) -> usize {
        self.members.present()
    }

    fn snapshot(&self, now: Millis, id: NodeId, p: &Peer) -> Member {
        let watch = self.watches.get(&id);
        Member {
            name: p.name.to_string(),
            addr: Some(p.addr),
            status: p.status,
            generation: p.generation,
            incarnation: p.life.incarnation,
            phi: watch.map(|w| w.phi(now)),
            rtt: watch.and_then(|w| w.rtt),
            stalled: p.life.stalled,
            is_self: id == self.me,
        }
    }

    /// A value of a member.
    pub fn value(&self, name: &str, key: &str) -> Option<Value> {
        self.store.get(NodeId::of(name))?.get(key).cloned()
    }

    /// Every key and value of a member, in order of version.
    pub fn entries(&self, name: &str) -> Vec<(String, Value)> {
        let owner = self.store.get(NodeId::of(name));
        let entries = owner.into_iter().flat_map(|o| o.entries());
        let live = entries.filter_map(|e| Some((e.key.to_string(), e.value.clone()?)));
        live.collect()
    }

    /// What was sent, received and dropped so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What is known of an owner: generation and highest version. For tests
    /// of the invariant.
    pub fn digest_of(&self, name: &str) -> Option<(u64, u64)> {
        let owner = self.store.get(NodeId::of(name))?;
        Some((owner.generation(), owner.version()))
    }

    /// All entries of an owner with their versions, tombstones included. For
    /// tests of the invariant.
    pub fn versioned(&self, name: &str) -> impl Iterator<Item = &Entry> {
        let owner = self.store.get(NodeId::of(name));
        owner.into_iter().flat_map(|o| o.entries())
    }
}
