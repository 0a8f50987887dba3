//! Patterns: the text that names a route, and what a pattern matches.

use std::fmt;

use serde_json::{Map, Value};

use super::glob::Glob;
use crate::text::{js_float, js_order, js_string};

/// A set of `key: value` conditions on the top level of a message.
///
/// Values are compared as text, as Seneca does; those with `*` or `?` are
/// globs. The [canonical text](fmt::Display) is Seneca's own:
/// `cmd:add,role:api`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// In JavaScript's order of keys.
    pairs: Vec<(String, String)>,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A part is no `key:value`.
    #[error("'{part}' in the pattern '{pattern}' is no key:value")]
    Pair {
        /// The part.
        part: String,
        /// All of it.
        pattern: String,
    },
    /// Two values for one key.
    #[error("the key '{key}' appears twice in the pattern '{pattern}'")]
    Twice {
        /// The key.
        key: String,
        /// All of it.
        pattern: String,
    },
    /// No key at all.
    #[error("a pattern needs at least one key:value")]
    Empty,
    /// Neither text nor an object.
    #[error("a pattern is a text such as 'role:api,cmd:add' or an object, not {0}")]
    Type(String),
}

impl Pattern {
    /// Reads `key:value,key:value`; blanks around names and values are
    /// dropped, and either may stand in quotes.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        Self::read(text, |value| unquote(value).0)
    }

    /// Reads what somebody typed, as Seneca does: a plain number that is not in
    /// quotes stands for its value, so `a:1.0` is `a:1`. Canonical texts have
    /// lost their quotes, and must not be read like that.
    pub(crate) fn typed(text: &str) -> Result<Self, PatternError> {
        let value = |value: &str| number(value.trim()).unwrap_or_else(|| unquote(value).0);
        Self::read(text, value)
    }

    /// The texts of a list of patterns, which `;` separates.
    pub(crate) fn list(text: &str) -> impl Iterator<Item = &str> {
        split(text, ';').map(str::trim)
    }

    fn read(text: &str, unquoted: impl Fn(&str) -> String) -> Result<Self, PatternError> {
        let mut pairs = Vec::new();
        for part in split(text, ',') {
            let mut sides = split(part, ':');
            let key = unquote(sides.next().unwrap_or_default());
            let value = part.get(key.1 + 1..).map(&unquoted);
            match value {
                Some(value) if !key.0.is_empty() => pairs.push((key.0, value)),
                _ => {
                    return Err(PatternError::Pair {
                        part: part.to_string(),
                        pattern: text.to_string(),
                    });
                }
            }
        }
        Self::from_pairs(pairs)
    }

    /// From an object, as Seneca reads it: values that are `null` or structures
    /// do not count.
    pub fn from_object(object: &Map<String, Value>) -> Result<Self, PatternError> {
        let counts = |v: &Value| !v.is_null() && !v.is_object() && !v.is_array();
        Self::from_pairs(
            object
                .iter()
                .filter(|(_, value)| counts(value))
                .map(|(key, value)| (key.clone(), js_string(value).into_owned())),
        )
    }

    /// From text or an object.
    pub fn from_json(value: &Value) -> Result<Self, PatternError> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Object(object) => Self::from_object(object),
            other => Err(PatternError::Type(other.to_string())),
        }
    }

    /// From names and values; `Err` when there are none or a name comes twice.
    pub fn from_pairs(
        pairs: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, PatternError> {
        // Names that end in `$` are directives to Seneca, never conditions.
        let mut pairs: Vec<_> = pairs
            .into_iter()
            .filter(|(key, _)| !key.ends_with('$'))
            .collect();
        pairs.sort_by(|a, b| js_order(&a.0, &b.0));
        if pairs.is_empty() {
            return Err(PatternError::Empty);
        }
        if let Some(twice) = pairs.windows(2).find(|w| w[0].0 == w[1].0) {
            let key = twice[0].0.clone();
            let pattern = Pattern { pairs }.to_string();
            return Err(PatternError::Twice { key, pattern });
        }
        Ok(Pattern { pairs })
    }

    /// Its conditions, in JavaScript's order of keys.
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// The value for a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs().find(|(k, _)| *k == key).map(|(_, v)| v)
    }

    /// Does a message meet every condition?
    pub fn matches(&self, msg: &Map<String, Value>) -> bool {
        self.pairs().all(|(key, want)| {
            msg.get(key).is_some_and(|value| {
                let text = js_string(value);
                text == want
                    || Glob::is_glob(want) && !value.is_null() && Glob::new(want).matches(&text)
            })
        })
    }

    /// Is it at least as general as `other`: does it match whatever `other`
    /// matches? (Its conditions are a subset of the other's.)
    pub fn covers(&self, other: &Pattern) -> bool {
        self.pairs().all(|(key, want)| {
            other.get(key).is_some_and(|value| {
                want == value || Glob::is_glob(want) && Glob::new(want).covers(&value_glob(value))
            })
        })
    }

    /// Can a message match both? Says yes when two globs make it unclear.
    pub fn overlaps(&self, other: &Pattern) -> bool {
        self.pairs().all(|(key, a)| {
            other.get(key).is_none_or(|b| {
                a == b
                    || match (Glob::is_glob(a), Glob::is_glob(b)) {
                        (true, true) => true,
                        (true, false) => Glob::new(a).matches(b),
                        (false, true) => Glob::new(b).matches(a),
                        (false, false) => false,
                    }
            })
        })
    }

    /// Is its text the one of another pattern? Quotes make that possible:
    /// `cmd:'close,role:seneca'` has one condition, its text has two.
    pub fn reads_as_another(&self) -> bool {
        Pattern::parse(&self.to_string()).is_ok_and(|read| read != *self)
    }

    /// Belongs to Seneca or to this plugin: such patterns are never routed to
    /// others and never answered for them.
    pub fn is_reserved(&self) -> bool {
        let role = |role| matches!(role, "seneca" | "transport" | "options");
        let system = |sys| matches!(sys, "seneca" | "gossip" | "transport");
        self.get("role").is_some_and(role)
            || self.get("sys").is_some_and(system)
            || self.get("init").is_some()
    }
}

impl fmt::Display for Pattern {
    /// `seneca.util.pattern`: the pairs as text, sorted as text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.pairs().map(|(k, v)| format!("{k}:{v}")).collect();
        parts.sort_by(|a, b| js_order(a, b));
        f.write_str(&parts.join(","))
    }
}

impl std::str::FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::parse(text)
    }
}

fn value_glob(value: &str) -> Glob {
    if Glob::is_glob(value) {
        Glob::new(value)
    } else {
        Glob::literal(value)
    }
}

/// Splits at a separator that does not stand in quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quote = None;
    text.split(move |c: char| match quote {
        Some(q) => {
            if c == q {
                quote = None;
            }
            false
        }
        None if c == '"' || c == '\'' => {
            quote = Some(c);
            false
        }
        None => c == separator,
    })
}

/// The text without blanks and quotes around it, and how long it was with them.
fn unquote(text: &str) -> (String, usize) {
    let bare = text.trim();
    for quote in ['"', '\''] {
        let inner = bare.strip_prefix(quote).and_then(|t| t.strip_suffix(quote));
        if let Some(inner) = inner {
            return (inner.to_string(), text.len());
        }
    }
    (bare.to_string(), text.len())
}

/// A decimal number as JavaScript prints it; `None` for all other texts.
fn number(text: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    let begins = text
        .trim_start_matches('-')
        .starts_with(|c: char| c.is_ascii_digit());
    let value: f64 = text
        .parse()
        .ok()
        .filter(|_| begins && text.chars().all(plain))?;
    value.is_finite().then(|| js_float(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap()
    }

    fn matches(text: &str, msg: Value) -> bool {
        pattern(text).matches(msg.as_object().unwrap())
    }

    #[test]
    fn canonical_text_is_senecas() {
        assert_eq!(
            pattern("role:api, cmd: add").to_string(),
            "cmd:add,role:api"
        );
        // Sorted as 'key:value' texts, not by key: '-' comes before ':'.
        assert_eq!(pattern("a:1,a-b:2").to_string(), "a-b:2,a:1");
        let object = json!({ "b": 2.0, "a": true, "x$": 1, "n": null, "o": {} });
        let parsed = Pattern::from_json(&object).unwrap();
        assert_eq!(parsed.to_string(), "a:true,b:2");
    }

    #[test]
    fn odd_texts() {
        assert_eq!(pattern("url:http://x/y").get("url"), Some("http://x/y"));
        assert_eq!(pattern("a:\"x,y:z\"").get("a"), Some("x,y:z"));
        assert_eq!(pattern("'a,b':1").get("a,b"), Some("1"));
        for bad in ["", "a", "a:1,b", ":1", "a:1,a:2", ",", "a:1,"] {
            assert!(Pattern::parse(bad).is_err(), "{bad:?}");
        }
        for odd in ["'", "a:'", "a:\"", "é:ü", "a:", "\u{1F600}:'\u{1F600}"] {
            let _ = Pattern::parse(odd);
        }
    }

    #[test]
    fn typed_numbers_are_their_values() {
        // Right: what Seneca's own pattern is.
        for (text, canonical) in [
            ("a:1.0", "a:1"),
            ("a:01,b: 1e3", "a:1,b:1000"),
            ("a:-0.50", "a:-0.5"),
            ("a:'1.0'", "a:1.0"),
            ("a:1.2.3,b:1*,c:x1", "a:1.2.3,b:1*,c:x1"),
            ("a:Infinity,b:1e999,c:-", "a:Infinity,b:1e999,c:-"),
        ] {
            assert_eq!(Pattern::typed(text).unwrap().to_string(), canonical);
        }
        assert_eq!(pattern("a:1.0").to_string(), "a:1.0");
        let list: Vec<_> = Pattern::list("a:1; b:'x;y' ;c:3").collect();
        assert_eq!(list, ["a:1", "b:'x;y'", "c:3"]);
    }

    #[test]
    fn matching_compares_text() {
        assert!(matches("a:1", json!({ "a": 1, "b": 2 })));
        assert!(matches("a:1", json!({ "a": "1" })));
        assert!(!matches("a:1,b:2", json!({ "a": 1 })));
        assert!(matches("a:x*", json!({ "a": "xyz" })));
        assert!(!matches("a:*", json!({ "a": null })));
        assert!(!matches("a:*", json!({ "b": 1 })));
    }

    #[test]
    fn more_general() {
        assert!(pattern("role:api").covers(&pattern("role:api,cmd:add")));
        assert!(!pattern("role:api,cmd:add").covers(&pattern("role:api")));
        assert!(pattern("role:*").covers(&pattern("role:api")));
        assert!(pattern("role:a*").covers(&pattern("role:ap*")));
        assert!(!pattern("role:ap*").covers(&pattern("role:a*")));
        assert!(pattern("a:1").overlaps(&pattern("b:2")));
        assert!(!pattern("a:1").overlaps(&pattern("a:2,b:2")));
    }

    #[test]
    fn reserved() {
        assert!(pattern("role:seneca,cmd:close").is_reserved());
        assert!(pattern("sys:gossip,get:members").is_reserved());
        assert!(pattern("init:entity").is_reserved());
        assert!(!pattern("role:api").is_reserved());
        assert!(!pattern("sys:entity,cmd:load").is_reserved());
    }

    #[test]
    fn a_text_that_stands_for_another_pattern_is_noticed() {
        for text in ["cmd:'close,role:seneca'", "'role:x':1", "\" role\":seneca"] {
            assert!(pattern(text).reads_as_another(), "{text}");
        }
        for text in [
            "role:api,cmd:add",
            "x:'1,2'",
            "x:it's",
            "url:a:b",
            "x:'a b'",
        ] {
            assert!(!pattern(text).reads_as_another(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn canonical_text_reads_back(
            pairs in proptest::collection::btree_map("[a-z-]{1,4}", "[a-z0-9*?./-]{0,4}", 1..5)
        ) {
            let first = Pattern::from_pairs(pairs).unwrap();
            prop_assert_eq!(&Pattern::parse(&first.to_string()).unwrap(), &first);
        }

        #[test]
        fn parsing_never_panics(text in any::<String>()) {
            if let Ok(pattern) = Pattern::parse(&text) {
                pattern.to_string();
            }
        }

        #[test]
        fn covering_is_sound(
            a in proptest::collection::btree_map("[ab]", "[xy*?]{0,3}", 1..3),
            b in proptest::collection::btree_map("[ab]", "[xy*?]{0,3}", 1..3),
            msg in proptest::collection::btree_map("[ab]", "[xy]{0,4}", 0..3),
        ) {
            let (a, b) = (Pattern::from_pairs(a).unwrap(), Pattern::from_pairs(b).unwrap());
            let msg = json!(msg);
            let msg = msg.as_object().unwrap();
            if b.matches(msg) && a.covers(&b) {
                prop_assert!(a.matches(msg));
            }
            if a.matches(msg) && b.matches(msg) {
                prop_assert!(a.overlaps(&b));
            }
        }
    }
}
