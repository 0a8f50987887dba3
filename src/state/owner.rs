//! What is known of one owner: its keys in order of version.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Value;
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
/// is the tail of the list. Versions are never reused; an overwritten entry is
/// gone and its version with it.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The owner's name.
    pub name: Arc<str>,
    generation: u64,
    version: u64,
    horizon: u64,
    entries: Vec<Entry>,
    bytes: usize,
    /// Version of each tombstone and when it came here.
    tombstones: VecDeque<(u64, u64)>,
}

impl Owner {
    /// An owner of whom nothing but name and generation is known.
    pub fn new(name: Arc<str>, generation: u64) -> Self {
        Owner {
            name,
            generation,
            version: 0,
            horizon: 0,
            entries: Vec::new(),
            bytes: 0,
            tombstones: VecDeque::new(),
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
        self.entries.is_empty()
    }

    /// Bytes of all keys and values.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The value of a key; `None` when absent or removed.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.find(key).and_then(|i| self.entries[i].value.as_ref())
    }

    /// Every entry, tombstones included, in order of version.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries newer than `version`.
    pub fn since(&self, version: u64) -> &[Entry] {
        let at = self.entries.partition_point(|e| e.version <= version);
        &self.entries[at..]
    }

    /// The owner's own write: the key moves to a new, highest version. False
    /// when it already has that value (versions move only on real change).
    pub fn write(&mut self, now: u64, key: &str, value: Option<Value>) -> bool {
        let old = self.find(key);
        let same = match (old, &value) {
            (Some(i), v) => self.entries[i].value == *v,
            (None, None) => true,
            (None, Some(_)) => false,
        };
        if same {
            return false;
        }
        let key = old.map_or_else(|| Arc::from(key), |i| self.entries[i].key.clone());
        let version = self.version + 1;
        self.put(
            now,
            old,
            Entry {
                key,
                version,
                value,
            },
        );
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
        for entry in &delta.entries {
            if entry.version <= self.version {
                continue;
            }
            let old = self.find(&entry.key);
            let before = old.and_then(|i| self.entries[i].value.clone());
            self.put(now, old, entry.clone());
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
            .entries
            .iter()
            .filter(|e| e.value.is_some() && new.get(&e.key).is_none())
            .map(|e| Change {
                key: e.key.clone(),
                value: None,
            });
        let set = new
            .entries
            .iter()
            .filter(|e| e.value.is_some() && self.get(&e.key) != e.value.as_ref())
            .map(|e| Change {
                key: e.key.clone(),
                value: e.value.clone(),
            });
        gone.chain(set).collect()
    }

    /// Drops tombstones that came here before `before`.
    pub fn collect(&mut self, before: u64) {
        let mut last = 0;
        while let Some(&(version, came)) = self.tombstones.front() {
            if came >= before {
                break;
            }
            self.tombstones.pop_front();
            last = version;
        }
        if last == 0 {
            return;
        }
        self.horizon = self.horizon.max(last);
        let horizon = self.horizon;
        self.entries
            .retain(|e| e.value.is_some() || e.version > horizon);
        self.bytes = self.entries.iter().map(Entry::bytes).sum();
    }

    fn find(&self, key: &str) -> Option<usize> {
        self.entries.iter().position(|e| &*e.key == key)
    }

    fn put(&mut self, now: u64, old: Option<usize>, entry: Entry) {
        if let Some(i) = old {
            self.bytes -= self.entries[i].bytes();
            self.entries.remove(i);
        }
        if entry.value.is_none() {
            self.tombstones.push_back((entry.version, now));
        }
        self.bytes += entry.bytes();
        self.entries.push(entry);
    }
}
