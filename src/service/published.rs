//! What of a service's actions others are told: patterns, how to call them, and
//! by what key they are shared out.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::handlers::{Handler, Handlers};
use super::sharding::{SharedPin, generality};
use crate::routing::{Model, Offer, Pattern};

impl Handlers {
    /// What is published: the patterns inside the pins, and a pin that a more
    /// general action answers.
    pub fn published(&self) -> Vec<(String, Offer)> {
        let public = |p: &Pattern| !p.is_reserved();
        let inside = |p: &Pattern| self.pins.is_empty() || self.asked().any(|pin| pin.covers(p));
        let mut offers: Vec<(Pattern, Offer)> = Vec::new();
        for (pattern, offer) in &self.all {
            if public(pattern) && inside(pattern) {
                offers.push((Pattern::clone(pattern), offer.clone()));
            }
        }
        for pin in self.asked() {
            let general = self.all.iter().find(|(p, _)| public(p) && p.covers(pin));
            let known = offers.iter().any(|(p, _)| p == pin);
            if let (Some((_, offer)), false) = (general, known) {
                offers.push((pin.clone(), offer.clone()));
            }
        }
        let shared = |(pattern, offer): (Pattern, Offer)| match self.shared_out(&pattern) {
            Some(pin) => (pattern, pin.offer(offer)),
            None => (pattern, offer),
        };
        offers.into_iter().map(shared).map(described).collect()
    }

    /// What others may ask, if there are pins.
    pub fn asked(&self) -> impl Iterator<Item = &Pattern> {
        self.pins
            .iter()
            .chain(self.shared.iter().map(|shared| &shared.pin))
    }

    /// Shares out a pin; the later one of a pin counts.
    pub fn share(&mut self, pin: SharedPin) {
        self.shared.retain(|other| other.pin != pin.pin);
        self.shared.push(Arc::new(pin));
        self.shared.sort_by_key(|shared| generality(&shared.pin));
    }

    /// The sharding of a pattern: the most specific pin that it is inside of
    /// decides.
    fn shared_out(&self, pattern: &Pattern) -> Option<&Arc<SharedPin>> {
        let shared = self
            .shared
            .iter()
            .find(|shared| shared.pin.covers(pattern))?;
        let below = generality(&shared.pin);
        let plain = |pin: &Pattern| pin.covers(pattern) && generality(pin) < below;
        (!self.pins.iter().any(plain)).then_some(shared)
    }

    /// The pin by which the messages of an action are shared out. A general
    /// action may answer more than the pin.
    pub fn sharing(&self, pattern: &Pattern, act: &Map<String, Value>) -> Option<Arc<SharedPin>> {
        if self.shared.is_empty() {
            return None;
        }
        let within =
            |shared: &&Arc<SharedPin>| pattern.covers(&shared.pin) && shared.pin.matches(act);
        let found = self.shared_out(pattern);
        found.or_else(|| self.shared.iter().find(within)).cloned()
    }

    /// The pattern by which others are told of an action: of one that answers more
    /// than the pin by which a message is shared out, the pin.
    pub fn told(&self, handler: &Handler, act: &Map<String, Value>) -> Arc<Pattern> {
        match self.sharing(&handler.pattern, act) {
            Some(shared) if handler.pattern.covers(&shared.pin) => Arc::new(shared.pin.clone()),
            _ => handler.pattern.clone(),
        }
    }

    /// What keeps a pin from being shared out.
    pub fn unfit(&self) -> Option<(String, String)> {
        let published = self.published();
        let reason = |shared: &SharedPin| {
            let by_it =
                |offer: &&Offer| offer.shard.as_ref().is_some_and(|by| by.pin == shared.text);
            let mut offers = published
                .iter()
                .map(|(_, offer)| offer)
                .filter(by_it)
                .peekable();
            if offers.peek().is_none() {
                return Some("no action of this service answers it");
            }
            let observed = offers.any(|offer| offer.model == Model::Observe);
            observed.then_some("its actions cannot be observed: one node owns a key")
        };
        let unfit = |shared: &Arc<SharedPin>| Some((shared.text.clone(), reason(shared)?.into()));
        self.shared.iter().find_map(unfit)
    }
}

/// An offer with the pattern as an object, where its text cannot be read back.
fn described((pattern, mut offer): (Pattern, Offer)) -> (String, Offer) {
    let text = pattern.to_string();
    if Pattern::parse(&text).as_ref() != Ok(&pattern) {
        let pairs = pattern.pairs();
        offer.pattern = Some(pairs.map(|(k, v)| (k.to_string(), v.to_string())).collect());
    }
    (text, offer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::service::sharding::Sharding;

    fn handlers(patterns: &[&str], pins: &[&str], shared: &[&str]) -> Handlers {
        let pattern = |text: &&str| Pattern::parse(text).unwrap();
        let mut handlers = Handlers::default();
        for text in patterns {
            handlers.add(pattern(text), Offer::default(), |_| async {
                Ok(Value::Null)
            });
        }
        handlers.pins = pins.iter().map(pattern).collect();
        for text in shared {
            let pin = SharedPin::new(pattern(text), Sharding::by("id")).unwrap();
            handlers.share(pin);
        }
        handlers
    }

    /// Patterns, and the pins that they are shared out by.
    fn published(handlers: &Handlers) -> Vec<(String, Option<String>)> {
        let pin = |offer: Offer| offer.shard.map(|by| by.pin);
        let offers = handlers.published().into_iter();
        offers.map(|(text, offer)| (text, pin(offer))).collect()
    }

    fn by(text: &str, pin: &str) -> (String, Option<String>) {
        let pin = Some(pin).filter(|pin| !pin.is_empty());
        (text.into(), pin.map(str::to_owned))
    }

    #[test]
    fn the_most_specific_pin_decides() {
        let all = ["a:1", "a:1,b:1", "a:1,b:1,c:1", "a:2"];
        let h = handlers(&all, &["a:1,b:1"], &["a:1", "a:1,c:1"]);
        let want = [
            by("a:1", "a:1"),
            by("a:1,b:1", ""),
            by("a:1,b:1,c:1", "a:1,c:1"),
            // Of a general action only the pin tells.
            by("a:1,c:1", "a:1,c:1"),
        ];
        assert_eq!(published(&h), want);
    }

    #[test]
    fn what_is_shared_out_may_be_asked_whatever_pins_there_are() {
        let h = handlers(&["a:1", "a:2"], &["a:2"], &["a:1"]);
        assert!(h.serve(json!({ "a": 1 }).as_object().unwrap()).is_ok());
        let open = handlers(&["a:1", "a:2"], &[], &["a:1"]);
        assert_eq!(published(&open), [by("a:1", "a:1"), by("a:2", "")]);
    }

    #[test]
    fn a_general_action_shares_out_what_is_inside_the_pin() {
        let h = handlers(&["a:1"], &[], &["a:1,b:1"]);
        let pattern = Pattern::parse("a:1").unwrap();
        let pin = |act: Value| Some(h.sharing(&pattern, act.as_object()?)?.text.clone());
        assert_eq!(pin(json!({ "a": 1, "b": 1 })).as_deref(), Some("a:1,b:1"));
        assert_eq!(pin(json!({ "a": 1, "b": 2 })), None);
    }
}
