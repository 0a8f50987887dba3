//! Most members have the same keys: one copy of each is enough.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::wire::Delta;

/// Keys beyond those that were in use at the last look are kept, at most.
const SPARE: usize = 256;

/// The keys that deltas have brought, each once.
#[derive(Debug, Default)]
pub struct Pool {
    keys: BTreeSet<Arc<str>>,
    /// When there are so many, those that nobody uses any more go.
    full: usize,
}

impl Pool {
    /// Replaces the keys of a delta by those that are here already.
    pub fn share(&mut self, delta: &mut Delta) {
        for entry in &mut delta.entries {
            match self.keys.get(&entry.key) {
                Some(key) => entry.key = key.clone(),
                None => {
                    self.keys.insert(entry.key.clone());
                }
            }
        }
        if self.keys.len() > self.full {
            self.keys.retain(|key| Arc::strong_count(key) > 1);
            self.full = 2 * self.keys.len() + SPARE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Entry, NodeId};

    fn delta(keys: &[&str]) -> Delta {
        let entry = |(version, key): (u64, &&str)| Entry {
            key: Arc::from(*key),
            version,
            value: None,
        };
        Delta {
            id: NodeId(1),
            generation: 1,
            from: 0,
            name: None,
            horizon: 0,
            entries: (1..).zip(keys).map(entry).collect(),
            upto: keys.len() as u64,
        }
    }

    #[test]
    fn members_with_the_same_keys_hold_them_once() {
        let mut pool = Pool::default();
        let (mut one, mut other) = (delta(&["a", "b"]), delta(&["b", "c"]));
        pool.share(&mut one);
        pool.share(&mut other);
        assert!(Arc::ptr_eq(&one.entries[1].key, &other.entries[0].key));
        assert_eq!(pool.keys.len(), 3);
    }

    #[test]
    fn keys_that_nobody_uses_do_not_pile_up() {
        let mut pool = Pool::default();
        let mut kept = delta(&["kept"]);
        pool.share(&mut kept);
        for i in 0..10_000 {
            pool.share(&mut delta(&[&i.to_string()]));
        }
        assert!(pool.keys.len() <= 2 + SPARE + 1);
        assert!(pool.keys.contains("kept"));
    }
}
