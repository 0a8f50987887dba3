//! Entries in order of version, found by key.

use std::sync::Arc;

use crate::wire::Entry;

/// The entries of one owner, each key once.
///
/// An entry is only ever added at the end, since its version is higher than all
/// before; the one that it replaces leaves a hole. Holes are closed when the
/// log would have to grow. So an entry costs about the logarithm of their
/// number, whatever a stranger sends, and the few that most owners have lie
/// in two small blocks of memory: they are kept for every member of a cluster.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    /// In rising order of version. A hole has lost its key.
    entries: Vec<Entry>,
    /// Where each key's entry stands in `entries`, in order of key.
    index: Vec<u32>,
}

impl Log {
    /// Number of entries.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// The entry of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        let at = self.find(key).ok()?;
        Some(&self.entries[self.index[at] as usize])
    }

    /// Every entry in order of version.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|e| !is_hole(e))
    }

    /// The entries newer than `version`, in its order.
    pub(super) fn since(&self, version: u64) -> impl Iterator<Item = &Entry> {
        let first = self.entries.partition_point(|e| e.version <= version);
        self.entries[first..].iter().filter(|e| !is_hole(e))
    }

    /// Makes room for exactly so many entries.
    pub(super) fn reserve(&mut self, count: usize) {
        self.entries.reserve_exact(count);
        self.index.reserve_exact(count);
    }

    /// Adds an entry that is newer than all others in the place of its key's,
    /// which it returns.
    pub(super) fn push(&mut self, entry: Entry) -> Option<Entry> {
        let found = self.find(&entry.key);
        let old = found.ok().map(|at| self.dig(at));
        if self.entries.len() == self.entries.capacity() {
            self.close_holes();
        }
        let last = self.entries.len() as u32;
        self.entries.push(entry);
        match found {
            Ok(at) => self.index[at] = last,
            Err(at) => self.index.insert(at, last),
        }
        old
    }

    /// Takes out the entry with this version.
    pub(super) fn remove(&mut self, version: u64) -> Option<Entry> {
        let at = self.entries.partition_point(|e| e.version < version);
        let entry = self.entries.get(at).filter(|e| e.version == version)?;
        let at = self.find(&entry.key).ok()?;
        let old = self.dig(at);
        self.index.remove(at);
        Some(old)
    }

    /// Where in `index` a key is, or would be.
    fn find(&self, key: &str) -> Result<usize, usize> {
        let place = |at: &u32| (*self.entries[*at as usize].key).cmp(key);
        self.index.binary_search_by(place)
    }
}

impl Log {
    /// Leaves a hole where the entry of `index[at]` was.
    fn dig(&mut self, at: usize) -> Entry {
        let place = &mut self.entries[self.index[at] as usize];
        let hole = Entry {
            key: Arc::default(),
            version: place.version,
            value: None,
        };
        std::mem::replace(place, hole)
    }

    /// Moves the entries together, if an eighth of them or more are holes:
    /// each hole pays for a few moves.
    fn close_holes(&mut self) {
        let holes = self.entries.iter().filter(|e| is_hole(e)).count();
        if holes * 8 < self.entries.len().max(1) {
            return;
        }
        let mut next = 0;
        let place = |e: &Entry| {
            let at = next;
            next += u32::from(!is_hole(e));
            at
        };
        let places: Vec<u32> = self.entries.iter().map(place).collect();
        for at in &mut self.index {
            *at = places[*at as usize];
        }
        self.entries.retain(|e| !is_hole(e));
    }
}

/// No key is empty, neither on the wire nor in a `set`.
fn is_hole(entry: &Entry) -> bool {
    entry.key.is_empty()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn entry(key: u8, version: u64) -> Entry {
        Entry {
            key: Arc::from(format!("k{key}")),
            version,
            value: None,
        }
    }

    proptest! {
        #[test]
        fn a_log_holds_the_newest_entry_of_each_key(
            steps in prop::collection::vec((0u8..20, any::<bool>()), 0..300),
            room in 0usize..10,
        ) {
            let mut log = Log::default();
            log.reserve(room);
            let mut model = BTreeMap::new();
            for (version, (key, remove)) in (1..).zip(steps) {
                let name = format!("k{key}");
                let old = model.remove(&name);
                if remove {
                    let at = old.as_ref().map_or(version, |e: &Entry| e.version);
                    prop_assert_eq!(log.remove(at), old);
                } else {
                    prop_assert_eq!(log.push(entry(key, version)), old);
                    model.insert(name, entry(key, version));
                }
                let mut wanted: Vec<&Entry> = model.values().collect();
                wanted.sort_by_key(|e| e.version);
                prop_assert_eq!(log.len(), wanted.len());
                let newer = wanted.iter().filter(|e| e.version > version / 2);
                prop_assert!(log.since(version / 2).eq(newer.copied()));
                prop_assert!(log.iter().eq(wanted));
                for key in 0..20 {
                    let name = format!("k{key}");
                    prop_assert_eq!(log.get(&name), model.get(&name));
                }
            }
            prop_assert!(log.entries.len() <= 2 * 20 + 10);
        }
    }

    #[test]
    fn a_key_that_is_written_again_and_again_needs_no_more_memory() {
        let mut log = Log::default();
        log.reserve(7);
        for version in 1..1_000 {
            log.push(entry((version % 7) as u8, version));
        }
        assert_eq!(log.entries.capacity(), 7);
    }
}
