//! What is known of all owners, and its sums for comparison.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::owner::{Change, Owner};
use super::{Limits, Value};
use crate::wire::{BUCKETS, Delta, DeltaSource, Digest, Entry, NodeId, owner_hash};

/// Why a delta was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reject {
    /// It is of an older generation of the owner.
    OldGeneration,
    /// It builds on versions that are not known here.
    Gap,
    /// It would exceed a bound on keys or bytes.
    Limit,
}

struct Slot {
    owner: Owner,
    /// Not compared or gossiped any more: dead for long.
    hidden: bool,
}

/// All owners.
pub struct Store {
    slots: BTreeMap<NodeId, Slot>,
    sums: Sums,
}

/// `root` and `buckets` are sums (modulo 2^64) of [`owner_hash`] over the
/// owners that are not hidden, kept current by every change.
struct Sums {
    root: u64,
    buckets: [u64; BUCKETS],
    /// Bytes of all keys and values.
    bytes: usize,
}

impl Default for Store {
    fn default() -> Self {
        Store::new()
    }
}

impl Store {
    /// Nobody is known.
    pub fn new() -> Self {
        Store {
            slots: BTreeMap::new(),
            sums: Sums {
                root: 0,
                buckets: [0; BUCKETS],
                bytes: 0,
            },
        }
    }

    /// Number of owners.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// True when nobody is known.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// What is known of an owner.
    pub fn get(&self, id: NodeId) -> Option<&Owner> {
        self.slots.get(&id).map(|s| &s.owner)
    }

    /// Adds an owner of whom nothing is known yet, or begins a new generation
    /// of one.
    pub fn insert(&mut self, id: NodeId, name: Arc<str>, generation: u64) {
        self.remove(id);
        let owner = Owner::new(name, generation);
        let slot = Slot {
            owner,
            hidden: false,
        };
        self.sums.add(id, &slot);
        self.slots.insert(id, slot);
    }

    /// Forgets an owner.
    pub fn remove(&mut self, id: NodeId) {
        if let Some(slot) = self.slots.remove(&id) {
            self.sums.subtract(id, &slot);
        }
    }

    /// Takes an owner out of the comparison with others, or back into it.
    pub fn hide(&mut self, id: NodeId, hidden: bool) {
        self.update(id, |slot| slot.hidden = hidden);
    }

    /// The owner's own write; false when nothing changes.
    pub fn write(&mut self, now: u64, id: NodeId, key: &str, value: Option<Value>) -> bool {
        self.update(id, |slot| slot.owner.write(now, key, value))
            .unwrap_or(false)
    }

    /// Takes a delta. Returns what changed; an owner that was unknown is added.
    ///
    /// # Errors
    /// [`Reject`] when the delta cannot be taken; nothing has changed then.
    pub fn apply(&mut self, now: u64, d: &Delta, limits: &Limits) -> Result<Vec<Change>, Reject> {
        let known = self.get(d.id);
        let same = known.filter(|o| o.generation() == d.generation);
        if known.is_some_and(|o| o.generation() > d.generation) {
            return Err(Reject::OldGeneration);
        }
        if d.from > same.map_or(0, Owner::version) {
            return Err(Reject::Gap);
        }
        self.check(same, d, limits)?;
        if same.is_some() {
            return Ok(self
                .update(d.id, |s| s.owner.apply(now, d))
                .unwrap_or_default());
        }
        let name = match (known, &d.name) {
            (Some(o), _) => o.name.clone(),
            (None, Some(name)) => Arc::from(name.as_str()),
            (None, None) => return Err(Reject::Gap),
        };
        let mut fresh = Owner::new(name.clone(), d.generation);
        fresh.apply(now, d);
        let changes = match known {
            Some(old) => old.diff(&fresh),
            None => Owner::new(name.clone(), 0).diff(&fresh),
        };
        self.insert(d.id, name, d.generation);
        self.update(d.id, |s| s.owner = fresh);
        Ok(changes)
    }

    /// Bounds on what strangers can make us keep. A factor of two above what
    /// an owner may set itself: overwritten entries count twice here.
    fn check(&self, same: Option<&Owner>, d: &Delta, limits: &Limits) -> Result<(), Reject> {
        let bytes: usize = d.entries.iter().map(Entry::bytes).sum();
        let too_big = |e: &Entry| {
            e.key.len() > limits.key || e.value.as_ref().is_some_and(|v| v.len() > limits.value)
        };
        // What starts anew takes the place of what is known.
        let kept = same.filter(|o| d.horizon <= o.version());
        let over = kept.map_or(0, Owner::len) + d.entries.len() > 2 * limits.keys
            || kept.map_or(0, Owner::bytes) + bytes > 2 * limits.owner
            || self.sums.bytes + bytes > limits.total
            || d.entries.iter().any(too_big);
        if over { Err(Reject::Limit) } else { Ok(()) }
    }

    /// Drops tombstones that came here before `before`.
    pub fn collect(&mut self, before: u64) {
        let old = self.slots.iter().filter(|(_, s)| s.owner.has_older(before));
        let ids: Vec<NodeId> = old.map(|(id, _)| *id).collect();
        for id in ids {
            self.update(id, |s| s.owner.collect(before));
        }
    }

    /// The sum over all owners that are compared.
    pub fn root(&self) -> u64 {
        self.sums.root
    }

    /// The sums by bucket, cut to 32 bits.
    pub fn buckets(&self) -> Box<[u32; BUCKETS]> {
        let mut b = Box::new([0; BUCKETS]);
        for (cut, full) in b.iter_mut().zip(&self.sums.buckets) {
            *cut = *full as u32;
        }
        b
    }

    /// What we know of an owner, unless it is hidden.
    pub fn digest(&self, id: NodeId) -> Option<Digest> {
        let slot = self.slots.get(&id).filter(|s| !s.hidden)?;
        Some(digest(id, &slot.owner))
    }

    /// What we know of all owners that are compared, in order of id from
    /// `from` on, around the ring.
    pub fn digests(&self, from: NodeId) -> impl Iterator<Item = Digest> {
        self.slots
            .range(from..)
            .chain(self.slots.range(..from))
            .filter(|(_, s)| !s.hidden)
            .map(|(id, s)| digest(*id, &s.owner))
    }

    /// All owners, hidden ones too, in order of id.
    pub fn owners(&self) -> impl Iterator<Item = (NodeId, &Owner)> {
        self.slots.iter().map(|(id, s)| (*id, &s.owner))
    }

    /// What to send of `id` to somebody who knows `theirs`; `None` when it
    /// knows as much as we do.
    pub fn source(&self, id: NodeId, theirs: Option<&Digest>) -> Option<DeltaSource<'_>> {
        let o = self
            .slots
            .get(&id)
            .filter(|s| !s.hidden)
            .map(|s| &s.owner)?;
        let same = theirs.filter(|d| d.generation == o.generation());
        if theirs.is_some_and(|d| d.generation > o.generation()) {
            return None;
        }
        let version = same.map_or(0, |d| d.version);
        if same.is_some() && version >= o.version() {
            return None;
        }
        // Below the horizon tombstones are missing: start anew.
        let from = if version < o.horizon() { 0 } else { version };
        Some(DeltaSource {
            id,
            generation: o.generation(),
            from,
            name: &o.name,
            horizon: o.horizon(),
            version: o.version(),
            entries: o.since(from).collect(),
        })
    }

    /// Changes an owner, and the sums with it.
    fn update<R>(&mut self, id: NodeId, f: impl FnOnce(&mut Slot) -> R) -> Option<R> {
        let slot = self.slots.get_mut(&id)?;
        self.sums.subtract(id, slot);
        let result = f(slot);
        self.sums.add(id, slot);
        Some(result)
    }
}

impl Sums {
    fn add(&mut self, id: NodeId, slot: &Slot) {
        let (hash, bucket) = (slot.hash(id), &mut self.buckets[id.bucket()]);
        *bucket = bucket.wrapping_add(hash);
        self.root = self.root.wrapping_add(hash);
        self.bytes += slot.owner.bytes();
    }

    fn subtract(&mut self, id: NodeId, slot: &Slot) {
        let (hash, bucket) = (slot.hash(id), &mut self.buckets[id.bucket()]);
        *bucket = bucket.wrapping_sub(hash);
        self.root = self.root.wrapping_sub(hash);
        self.bytes -= slot.owner.bytes();
    }
}

impl Slot {
    /// What the owner adds to the sums.
    fn hash(&self, id: NodeId) -> u64 {
        match self.hidden {
            true => 0,
            false => owner_hash(id, self.owner.generation(), self.owner.version()),
        }
    }
}

fn digest(id: NodeId, o: &Owner) -> Digest {
    Digest {
        id,
        generation: o.generation(),
        version: o.version(),
    }
}
