//! From the value of a key to its shard.
//!
//! Callers in any language must come to the same shard, so both steps are
//! defined outside of this crate: the value is what JavaScript's
//! `String(value)` prints, the hash is the protocol's SipHash-2-4 of that
//! text ([`text_hash`]), the shard its remainder by the number of shards.
//! docs/sharding.md has test vectors.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use crate::text::js_string;
use crate::wire::text_hash;

/// One part of the keys of a sharded pin, from 0.
pub type Shard = u16;

/// Into how many shards the keys of a pin are divided: 1 to 65,536. All nodes
/// that serve the pin must agree on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardCount(u32);

/// A number of shards that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the number of shards is 1 to {max}, not {0}", max = ShardCount::MAX)]
pub struct BadShardCount(pub u64);

/// Why a value is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// JSON's null; also what NaN and the infinities become in JSON.
    #[error("a shard key cannot be null")]
    Null,
    /// Its text would depend on more than the value itself.
    #[error("a shard key cannot be an array")]
    Array,
    /// All objects have the same text.
    #[error("a shard key cannot be an object")]
    Object,
}

impl ShardCount {
    /// The most shards of a pin.
    pub const MAX: u64 = 65_536;
    /// Balanced up to some fifty nodes.
    pub const DEFAULT: ShardCount = ShardCount(16_384);

    /// So many shards.
    ///
    /// # Errors
    /// When `count` is not in 1..=65,536.
    pub fn new(count: u64) -> Result<Self, BadShardCount> {
        match count {
            1..=Self::MAX => Ok(ShardCount(count as u32)),
            _ => Err(BadShardCount(count)),
        }
    }

    /// The number, 1 to 65,536.
    pub fn get(self) -> usize {
        self.0 as usize
    }

    /// Every shard, in order.
    pub fn shards(self) -> impl Iterator<Item = Shard> {
        (0..self.0).map(|shard| shard as Shard)
    }

    /// Is there such a shard?
    pub fn has(self, shard: Shard) -> bool {
        u32::from(shard) < self.0
    }

    /// The shard of a key.
    ///
    /// # Errors
    /// When the value has no [`key_text`].
    pub fn of(self, key: &Value) -> Result<Shard, KeyError> {
        key_text(key).map(|text| self.of_text(&text))
    }

    /// The shard of a key whose text is known.
    pub fn of_text(self, text: &str) -> Shard {
        (text_hash(text) % u64::from(self.0)) as Shard
    }
}

impl Default for ShardCount {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for ShardCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text that stands for the value of a key: what `String(value)` gives in
/// JavaScript, so that `7`, `7.0` and `'7'` are one key. Ids change between
/// number and text on their way through URLs, databases and forms; two owners
/// of one user would be worse than one owner of two users.
///
/// A number is the double that JavaScript reads, also where JSON has more
/// digits. Text is taken as it is, without normalisation; it may be empty.
///
/// # Errors
/// For null, arrays and objects.
pub fn key_text(key: &Value) -> Result<Cow<'_, str>, KeyError> {
    match key {
        Value::Null => Err(KeyError::Null),
        Value::Array(_) => Err(KeyError::Array),
        Value::Object(_) => Err(KeyError::Object),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(js_string(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_number_and_its_text_are_one_key() {
        for (a, b) in [
            ("7", "\"7\""),
            ("7.0", "7"),
            ("-0", "0"),
            ("1e21", "\"1e+21\""),
            ("0.1", "\"0.1\""),
            ("9007199254740993", "9007199254740992"),
            ("18446744073709551615", "\"18446744073709552000\""),
            ("true", "\"true\""),
        ] {
            let read = |json| serde_json::from_str::<Value>(json).expect("JSON");
            let shard = |json| ShardCount::DEFAULT.of(&read(json)).expect("a key");
            assert_eq!(shard(a), shard(b), "{a} and {b}");
        }
    }

    #[test]
    fn what_has_no_text_of_its_own_is_refused() {
        assert_eq!(ShardCount::DEFAULT.of(&json!(null)), Err(KeyError::Null));
        assert_eq!(ShardCount::DEFAULT.of(&json!([1])), Err(KeyError::Array));
        assert_eq!(ShardCount::DEFAULT.of(&json!({})), Err(KeyError::Object));
        assert!(ShardCount::DEFAULT.of(&json!("")).is_ok());
    }

    #[test]
    fn a_count_out_of_range_is_refused() {
        assert_eq!(ShardCount::new(0), Err(BadShardCount(0)));
        assert_eq!(ShardCount::new(65_537), Err(BadShardCount(65_537)));
        let most = ShardCount::new(65_536).expect("the most");
        assert!(most.has(Shard::MAX) && most.shards().count() == 65_536);
        let one = ShardCount::new(1).expect("the least");
        assert_eq!(one.of_text("any"), 0);
    }
}
