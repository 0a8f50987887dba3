//! What is known of one owner: its keys in order of version.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Value;
use super::log::Log;
use crate::wire::{Delta, Entry};

/// A key that changed when a delta was applied; `None` means removed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The key.
    pub key: Arc<str>,
    /// Its new value.
    pub value: Option<Value>,
}

/// The versioned keys of one owner.
///
/// Entries stand in rising order of version, so that 'everything newer than v'
/// is the tail of the log. Versions are never reused; an overwritten entry is
/// gone, and its version and tombstone with it.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The owner's name.
    pub name: Arc<str>,
    generation: u64,
    version: u64,
    horizon: u64,
    entries: Log,
    bytes: usize,
    /// When each tombstone came here, by version.
    tombstones: BTreeMap<u64, u64>,
}

impl Owner {
    /// An owner of whom nothing but name and generation is known.
    pub fn new(name: Arc<str>, generation: u64) -> Self {
        Owner {
            name,
            generation,
            version: 0,
            horizon: 0,
            entries: Log::default(),
            bytes: 0,
            tombstones: BTreeMap::new(),
        }
    }

    /// The generation: which run of the owner this is.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Everything up to this version is known.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Tombstones up to this version may have been collected: who knows less
    /// than this has to start anew, else a removed key would stay with it.
    pub fn horizon(&self) -> u64 {
        self.horizon
    }

    /// Number of entries, tombstones included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when nothing was ever set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all keys and values.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The value of a key; `None` when absent or removed.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.get(key)?.value.as_ref()
    }

    /// Every entry, tombstones included, in order of version.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The entries newer than `version`, in its order.
    pub fn since(&self, version: u64) -> impl Iterator<Item = &Entry> {
        self.entries.since(version)
    }

    /// The owner's own write: the key moves to a new, highest version. False
    /// when it already has that value (versions move only on real change).
    pub fn write(&mut self, now: u64, key: &str, value: Option<Value>) -> bool {
        let old = self.entries.get(key);
        if old.map_or(value.is_none(), |e| e.value == value) {
            return false;
        }
        let key = old.map_or_else(|| Arc::from(key), |e| e.key.clone());
        let version = self.version + 1;
        let entry = Entry {
            key,
            version,
            value,
        };
        self.put(now, entry);
        self.version = version;
        true
    }

    /// Takes a delta of the same generation whose `from` is known here already.
    /// Entries that are known are skipped, so that repeated and reordered
    /// deltas do no harm.
    pub fn apply(&mut self, now: u64, delta: &Delta) -> Vec<Change> {
        debug_assert!(delta.generation == self.generation && delta.from <= self.version);
        let mut changes = Vec::new();
        if delta.horizon > self.version && self.version > 0 {
            // The sender collected tombstones that never came here: what is
            // not in its delta was removed.
            if delta.upto >= delta.horizon {
                let mut fresh = Owner::new(self.name.clone(), self.generation);
                fresh.apply(now, delta);
                changes = self.diff(&fresh);
                *self = fresh;
            }
            return changes;
        }
        self.horizon = self.horizon.max(delta.horizon);
        if self.is_empty() {
            self.entries.reserve(delta.entries.len());
        }
        for entry in &delta.entries {
            if entry.version <= self.version {
                continue;
            }
            let before = self.get(&entry.key).cloned();
            self.put(now, entry.clone());
            self.version = entry.version;
            if before != entry.value {
                changes.push(Change {
                    key: entry.key.clone(),
                    value: entry.value.clone(),
                });
            }
        }
        self.version = self.version.max(delta.upto);
        changes
    }

    /// What somebody who knew `self` has to hear to know `new`.
    pub fn diff(&self, new: &Owner) -> Vec<Change> {
        let gone = self
            .entries()
            .filter(|e| e.value.is_some() && new.get(&e.key).is_none())
            .map(|e| Change {
                key: e.key.clone(),
                value: None,
            });
        let set = new
            .entries()
            .filter(|e| e.value.is_some() && self.get(&e.key) != e.value.as_ref())
            .map(|e| Change {
                key: e.key.clone(),
                value: e.value.clone(),
            });
        gone.chain(set).collect()
    }

    /// Drops tombstones that came here before `before`.
    pub fn collect(&mut self, before: u64) {
        while let Some((&version, &came)) = self.tombstones.first_key_value() {
            if came >= before {
                break;
            }
            self.horizon = self.horizon.max(version);
            self.tombstones.remove(&version);
            if let Some(old) = self.entries.remove(version) {
                self.bytes -= old.bytes();
            }
        }
    }

    /// Are there tombstones that `collect` would drop?
    pub fn has_older(&self, before: u64) -> bool {
        let oldest = self.tombstones.first_key_value();
        oldest.is_some_and(|(_, &came)| came < before)
    }

    /// Puts an entry that is newer than all others in the place of its key's.
    fn put(&mut self, now: u64, entry: Entry) {
        if entry.value.is_none() {
            self.tombstones.insert(entry.version, now);
        }
        self.bytes += entry.bytes();
        if let Some(old) = self.entries.push(entry) {
            self.bytes -= old.bytes();
            self.tombstones.remove(&old.version);
        }
    }
}
