//! Notices as JavaScript gets them: a JSON array, oldest first.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::engine::{Event, Level};
use crate::membership::Status;
use crate::net::{Notice, ShardEvent};
use crate::routing::{Down, Offer, RouteEvent, RouteId, TargetId};
use crate::sharding::Shard;
use crate::state::keys;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Told<'a> {
    Join {
        name: &'a str,
    },
    Alive {
        name: &'a str,
    },
    Suspect {
        name: &'a str,
    },
    Fail {
        name: &'a str,
    },
    Forget {
        name: &'a str,
    },
    Leave {
        name: &'a str,
        status: Status,
    },
    Update {
        name: &'a str,
        key: &'a str,
        value: Option<&'a RawValue>,
    },
    Service {
        name: &'a str,
    },
    Drained,
    Synced,
    SeedFailed {
        addr: String,
        reason: &'a str,
    },
    Log {
        level: &'static str,
        text: &'a str,
    },
    Route {
        id: RouteId,
        pattern: &'a str,
        offer: &'a Offer,
    },
    Unroute {
        id: RouteId,
        pattern: &'a str,
    },
    Target {
        id: TargetId,
        name: &'a str,
        host: &'a str,
        port: u16,
        kind: &'a str,
        instance: &'a str,
    },
    Untarget {
        id: TargetId,
        name: &'a str,
        reason: Down,
    },
    Shards {
        pin: &'a str,
        ticket: u64,
        gained: &'a [Shard],
        lost: &'a [Shard],
        epoch: u64,
    },
    ShardsFree {
        pin: &'a str,
    },
}

/// A list of notices under construction.
pub struct Batch(String);

impl Batch {
    /// An empty one.
    pub fn new() -> Self {
        Batch("[".into())
    }

    /// Its length in bytes.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// Adds a notice, unless it says nothing to JavaScript.
    pub fn add(&mut self, notice: &Notice) {
        let Some(told) = told(notice) else { return };
        // Texts and numbers only: this cannot fail.
        let Ok(json) = serde_json::to_string(&told) else {
            return;
        };
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&json);
    }

    /// The JSON of it.
    pub fn finish(mut self) -> String {
        self.0.push(']');
        self.0
    }
}

fn told(notice: &Notice) -> Option<Told<'_>> {
    Some(match notice {
        Notice::Gossip(event) => return gossip(event),
        Notice::Route(event) => route(event),
        Notice::Shards(event) => shards(event),
    })
}

fn gossip(event: &Event) -> Option<Told<'_>> {
    Some(match event {
        Event::Join { name } => Told::Join { name },
        Event::Alive { name } => Told::Alive { name },
        Event::Suspect { name } => Told::Suspect { name },
        Event::Fail { name } => Told::Fail { name },
        Event::Forget { name } => Told::Forget { name },
        Event::Leave { name, status } => Told::Leave {
            name,
            status: *status,
        },
        Event::Update { name, key, value } => match key.strip_prefix(keys::USER) {
            // What somebody else published as JSON and is none is nothing to JavaScript.
            Some(key) => {
                let value = match value {
                    Some(bytes) => Some(serde_json::from_slice(bytes).ok()?),
                    None => None,
                };
                Told::Update { name, key, value }
            }
            None => Told::Service { name },
        },
        Event::Drained => Told::Drained,
        Event::Synced => Told::Synced,
        Event::SeedFailed { addr, reason } => Told::SeedFailed {
            addr: addr.to_string(),
            reason,
        },
        Event::Log { level, text } => {
            let level = match level {
                Level::Info => "info",
                Level::Warn => "warn",
            };
            Told::Log { level, text }
        }
    })
}

fn shards(event: &ShardEvent) -> Told<'_> {
    match event {
        ShardEvent::Moved {
            pin,
            batch,
            gained,
            lost,
            epoch,
        } => Told::Shards {
            pin,
            ticket: *batch,
            gained,
            lost,
            epoch: *epoch,
        },
        ShardEvent::Decide { pin } => Told::ShardsFree { pin },
    }
}

fn route(event: &RouteEvent) -> Told<'_> {
    match event {
        RouteEvent::RouteUp { id, pattern, offer }
        | RouteEvent::RouteChanged { id, pattern, offer } => Told::Route {
            id: *id,
            pattern,
            offer,
        },
        RouteEvent::RouteDown { id, pattern } => Told::Unroute { id: *id, pattern },
        RouteEvent::TargetUp {
            id,
            name,
            host,
            port,
            kind,
            instance,
        } => Told::Target {
            id: *id,
            name,
            host,
            port: *port,
            kind,
            instance,
        },
        RouteEvent::TargetDown { id, name, reason } => Told::Untarget {
            id: *id,
            name,
            reason: *reason,
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn batch(notices: &[Notice]) -> Value {
        let mut batch = Batch::new();
        for notice in notices {
            batch.add(notice);
        }
        serde_json::from_str(&batch.finish()).unwrap()
    }

    fn update(key: &str, value: Option<&[u8]>) -> Notice {
        Notice::Gossip(Event::Update {
            name: "a:1".into(),
            key: key.into(),
            value: value.map(Into::into),
        })
    }

    #[test]
    fn events_have_the_shape_that_javascript_expects() {
        let addr = "127.0.0.1:4445".parse().unwrap();
        let told = batch(&[
            Notice::Gossip(Event::Join { name: "a:1".into() }),
            Notice::Gossip(Event::Leave {
                name: "a:1".into(),
                status: Status::Left,
            }),
            Notice::Gossip(Event::Synced),
            Notice::Gossip(Event::SeedFailed {
                addr,
                reason: "refused".into(),
            }),
            Notice::Route(RouteEvent::TargetDown {
                id: TargetId(7),
                name: "a:1".into(),
                reason: Down::Dead,
            }),
            Notice::Route(RouteEvent::RouteUp {
                id: RouteId(3),
                pattern: "a:1".into(),
                offer: Offer::default(),
            }),
        ]);
        assert_eq!(told[0], json!({ "type": "join", "name": "a:1" }));
        assert_eq!(
            told[1],
            json!({ "type": "leave", "name": "a:1", "status": "left" })
        );
        assert_eq!(told[2], json!({ "type": "synced" }));
        assert_eq!(told[3]["type"], "seed_failed");
        assert_eq!(told[3]["addr"], "127.0.0.1:4445");
        assert_eq!(
            told[4],
            json!({ "type": "untarget", "id": 7, "name": "a:1", "reason": "dead" })
        );
        assert_eq!(
            (&told[5]["type"], &told[5]["id"]),
            (&json!("route"), &json!(3))
        );
        assert_eq!(told[5]["offer"]["model"], "consume");
    }

    #[test]
    fn values_are_passed_through_and_garbage_is_not() {
        let told = batch(&[
            update(".k", Some(br#"{"x": [1, 2]}"#)),
            update(".k", None),
            update(".k", Some(b"{nonsense")),
            update(".k", Some(&[0xff, 0xfe])),
            update("@svc", Some(b"{}")),
            update("@meta", None),
        ]);
        assert_eq!(told.as_array().unwrap().len(), 4);
        assert_eq!(
            told[0],
            json!({ "type": "update", "name": "a:1", "key": "k", "value": { "x": [1, 2] } })
        );
        assert_eq!(told[1]["value"], Value::Null);
        assert_eq!(told[2], json!({ "type": "service", "name": "a:1" }));
        assert_eq!(told[3]["type"], "service");
    }
}
