//! How the messages of a pin are shared out among the nodes that answer it.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::routing::{ByKey, Offer, Pattern};
use crate::sharding::{Config, MAX_KEY_PATH, MAX_REPLICAS, ShardCount, Weight, key_text};

/// Parts of a path at most.
const MAX_DEPTH: usize = 8;
/// The longest time for a handover.
const MAX_HANDOVER: Duration = Duration::from_secs(600);
/// How long a call waits for an owner, unless its offer says so: long enough
/// for a dead one to be found.
const WAIT: Duration = Duration::from_secs(10);

/// How a pin is shared out: all messages with one value of a key go to one
/// node.
///
/// All nodes that answer the pin, in whatever language, must divide it by the
/// same key into the same number of shards.
#[derive(Debug, Clone)]
pub struct Sharding {
    key: String,
    shards: u64,
    replicas: usize,
    optional: bool,
    handover: Duration,
}

impl Sharding {
    /// By the value of this key, or of a path such as `user.id`: a string,
    /// number or boolean. `7` and `"7"` are one key.
    pub fn by(key: impl Into<String>) -> Self {
        Sharding {
            key: key.into(),
            shards: ShardCount::DEFAULT.get() as u64,
            replicas: 0,
            optional: false,
            handover: WAIT,
        }
    }

    /// Into how many shards the keys are divided, 1 to 65,536; 16,384.
    pub fn shards(mut self, shards: u32) -> Self {
        self.shards = shards.into();
        self
    }

    /// How many nodes are named behind the owner of a key, 0 to 15; none.
    pub fn replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas;
        self
    }

    /// Is a message without the key balanced like any other? If not, which is
    /// the default, it fails with `shard_key_missing`.
    pub fn optional(mut self, optional: bool) -> Self {
        self.optional = optional;
        self
    }

    /// How long a new owner waits for the old one, at most, and how long a
    /// handler of [`on_shards`](super::Builder::on_shards) may take; 10 s.
    pub fn handover(mut self, handover: Duration) -> Self {
        self.handover = handover;
        self
    }

    fn count(&self) -> Result<ShardCount, String> {
        ShardCount::new(self.shards).map_err(|error| error.to_string())
    }

    /// What is wrong with it.
    fn check(&self) -> Result<ShardCount, String> {
        let parts: Vec<&str> = self.key.split('.').collect();
        let fine = |part: &&str| !part.is_empty() && !part.contains('$');
        let short = parts.len() <= MAX_DEPTH && self.key.len() <= MAX_KEY_PATH;
        if !short || !parts.iter().all(fine) {
            let key = &self.key;
            return Err(format!(
                "'{key}' is neither the name of a key nor a path such as 'user.id'"
            ));
        }
        if self.replicas > MAX_REPLICAS {
            return Err(format!("there are {MAX_REPLICAS} replicas at most"));
        }
        if self.handover > MAX_HANDOVER {
            let most = MAX_HANDOVER.as_secs();
            return Err(format!("a handover takes {most} s at most"));
        }
        self.count()
    }
}

/// A pin that this service shares out.
#[derive(Debug)]
pub(super) struct SharedPin {
    pub pin: Pattern,
    /// Its canonical text.
    pub text: String,
    pub shards: ShardCount,
    pub key: String,
    pub optional: bool,
    pub handover: Duration,
    replicas: usize,
}

impl SharedPin {
    /// `Err`: what is wrong.
    pub fn new(pin: Pattern, how: Sharding) -> Result<Self, String> {
        let shards = how.check()?;
        let first = how.key.split('.').next().unwrap_or_default();
        let fixed = pin
            .get(first)
            .is_some_and(|value| !value.contains(['*', '?']));
        if fixed {
            return Err(format!("all its messages have one '{first}'"));
        }
        Ok(SharedPin {
            text: pin.to_string(),
            pin,
            shards,
            key: how.key,
            optional: how.optional,
            handover: how.handover,
            replicas: how.replicas,
        })
    }

    /// As the node takes part in it.
    pub fn config(&self, weight: f64) -> Config {
        let handover = self.handover.as_millis() as u64;
        Config {
            shards: self.shards,
            key: self.key.clone(),
            replicas: self.replicas,
            weight: Weight::new(weight),
            handover,
            handler: handover,
            ..Config::default()
        }
    }

    /// The offer of a pattern inside the pin: it tells callers how to find the
    /// owner, and lets them wait for one.
    pub fn offer(&self, offer: Offer) -> Offer {
        let wait = WAIT.max(self.handover).as_millis() as u64;
        Offer {
            wait: offer.wait.or(Some(wait)),
            shard: Some(ByKey {
                pin: self.text.clone(),
                key: self.key.clone(),
                optional: self.optional,
            }),
            ..offer
        }
    }
}

/// The key of a message, as text; `None` where it has none.
pub(super) fn key_at(act: &Map<String, Value>, path: &str) -> Option<String> {
    let mut parts = path.split('.');
    let mut value = act.get(parts.next()?)?;
    for part in parts {
        value = match value {
            Value::Object(object) => object.get(part)?,
            // As JavaScript does: an index is a key of its list.
            Value::Array(list) => {
                let index: usize = part.parse().ok()?;
                list.get(index).filter(|_| index.to_string() == part)?
            }
            _ => return None,
        };
    }
    Some(key_text(value).ok()?.into_owned())
}

/// The order of pins, the most specific first: more conditions, then fewer
/// globs.
pub(super) fn generality(pin: &Pattern) -> (usize, usize) {
    let glob = |(_, value): &(&str, &str)| value.contains(['*', '?']);
    let conditions = pin.pairs().len();
    (usize::MAX - conditions, pin.pairs().filter(glob).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_is_a_text_number_or_boolean_at_a_path() {
        let act = json!({
            "id": 7, "user": { "id": "x", "ids": ["a", "b"] }, "none": null, "yes": true,
        });
        let key = |path| key_at(act.as_object().unwrap(), path);
        assert_eq!(key("id").as_deref(), Some("7"));
        assert_eq!(key("yes").as_deref(), Some("true"));
        assert_eq!(key("user.id").as_deref(), Some("x"));
        assert_eq!(key("user.ids.1").as_deref(), Some("b"));
        for missing in [
            "ID",
            "user",
            "none",
            "id.x",
            "user.ids",
            "user.ids.2",
            "user.ids.01",
            "user.id.0",
        ] {
            assert_eq!(key(missing), None, "{missing}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let check = |how: Sharding| SharedPin::new(Pattern::parse("a:1").unwrap(), how).err();
        assert_eq!(check(Sharding::by("user.id")), None);
        for (wrong, says) in [
            (Sharding::by(""), "''"),
            (Sharding::by("a..b"), "'a..b'"),
            (Sharding::by("id$"), "'id$'"),
            (Sharding::by("a.b.c.d.e.f.g.h.i"), "path"),
            (Sharding::by("a"), "one 'a'"),
            (Sharding::by("x".repeat(256)), "path"),
            (Sharding::by("id").shards(0), "65536"),
            (Sharding::by("id").shards(65_537), "65537"),
            (Sharding::by("id").replicas(16), "replicas"),
            (
                Sharding::by("id").handover(Duration::from_secs(601)),
                "600 s",
            ),
        ] {
            let told = check(wrong).expect("a refusal");
            assert!(told.contains(says), "{told}");
        }
    }

    #[test]
    fn an_offer_waits_for_an_owner_unless_it_says_otherwise() {
        let pin = |handover| {
            let how = Sharding::by("id").handover(Duration::from_secs(handover));
            SharedPin::new(Pattern::parse("a:1").unwrap(), how).unwrap()
        };
        assert_eq!(pin(1).offer(Offer::default()).wait, Some(10_000));
        assert_eq!(pin(30).offer(Offer::default()).wait, Some(30_000));
        let own = Offer {
            wait: Some(5),
            ..Offer::default()
        };
        let offer = pin(30).offer(own);
        assert_eq!(offer.wait, Some(5));
        assert_eq!(
            serde_json::from_slice::<Value>(&offer.to_json()).unwrap()["shard"],
            json!({ "pin": "a:1", "key": "id", "optional": false })
        );
    }
}
