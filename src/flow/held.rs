//! Changes that wait until the rate allows them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::state::Value;

/// At most one change of each key: a later one takes the place of the one
/// that waits, in its turn, and nothing else is ever lost.
#[derive(Debug, Default)]
pub struct Held {
    turns: VecDeque<Arc<str>>,
    waiting: HashMap<Arc<str>, Waiting>,
    bytes: usize,
    growth: Growth,
}

#[derive(Debug)]
struct Waiting {
    value: Option<Value>,
    bytes: usize,
    growth: Growth,
}

/// What held changes add to the state once they are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Growth {
    /// Keys.
    pub keys: usize,
    /// Bytes; shorter values take the place of longer ones.
    pub bytes: isize,
}

impl Growth {
    fn plus(self, other: Growth) -> Growth {
        Growth {
            keys: self.keys + other.keys,
            bytes: self.bytes + other.bytes,
        }
    }

    fn minus(self, other: Growth) -> Growth {
        Growth {
            keys: self.keys - other.keys,
            bytes: self.bytes - other.bytes,
        }
    }
}

impl Held {
    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// How many keys wait.
    pub fn len(&self) -> usize {
        self.turns.len()
    }

    /// Bytes of what waits.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What all but this key's change will add to the state.
    pub fn growth_without(&self, key: &str) -> Growth {
        let own = self.waiting.get(key).map(|w| w.growth);
        self.growth.minus(own.unwrap_or_default())
    }

    /// The value that a key is going to have; `None` when it does not wait,
    /// `Some(None)` when it is going to be removed.
    pub fn get(&self, key: &str) -> Option<&Option<Value>> {
        self.waiting.get(key).map(|w| &w.value)
    }

    /// Lets a change wait. `known` is how many bytes of key and value the
    /// state has now; `None` when it does not have the key.
    pub fn put(&mut self, key: &str, value: Option<Value>, known: Option<usize>) {
        let bytes = key.len() + value.as_ref().map_or(0, |v| v.len());
        let new = Waiting {
            value,
            bytes,
            growth: Growth {
                keys: usize::from(known.is_none()),
                bytes: bytes as isize - known.unwrap_or(0) as isize,
            },
        };
        self.bytes += new.bytes;
        self.growth = self.growth.plus(new.growth);
        match self.waiting.get_mut(key) {
            Some(old) => {
                self.bytes -= old.bytes;
                self.growth = self.growth.minus(old.growth);
                *old = new;
            }
            None => {
                let key: Arc<str> = Arc::from(key);
                self.turns.push_back(key.clone());
                self.waiting.insert(key, new);
            }
        }
    }

    /// Bytes of the change whose turn it is.
    pub fn next_bytes(&self) -> Option<usize> {
        Some(self.waiting.get(self.turns.front()?)?.bytes)
    }

    /// The change whose turn it is.
    pub fn pop(&mut self) -> Option<(Arc<str>, Option<Value>)> {
        let key = self.turns.pop_front()?;
        let waiting = self.waiting.remove(&key)?;
        self.bytes -= waiting.bytes;
        self.growth = self.growth.minus(waiting.growth);
        Some((key, waiting.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<Value> {
        Some(Value::from(text.as_bytes()))
    }

    #[test]
    fn only_superseded_values_are_lost_and_turns_are_kept() {
        let mut held = Held::default();
        held.put("a", value("1"), None);
        held.put("b", value("22"), Some(9));
        held.put("a", value("333"), None);
        held.put("c", None, Some(5));
        assert_eq!((held.len(), held.bytes()), (3, 4 + 3 + 1));
        assert_eq!(held.get("a"), Some(&value("333")));
        let growth = |keys, bytes| Growth { keys, bytes };
        assert_eq!(held.growth_without("c"), growth(1, 4 - 6));
        assert_eq!(held.growth_without("a"), growth(0, -6 - 4));
        let mut order = Vec::new();
        while let Some((key, value)) = held.pop() {
            order.push((key.to_string(), value));
        }
        let expected = [("a", value("333")), ("b", value("22")), ("c", None)];
        assert_eq!(order, expected.map(|(key, value)| (key.to_owned(), value)));
        assert_eq!(held.growth_without(""), Growth::default());
        assert!(held.is_empty() && held.next_bytes().is_none());
    }
}
