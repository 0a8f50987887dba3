//! Messages for actions of this service: run here, held, or sent to the node
//! that owns their key.
//!
//! Every message of a sharded pin passes here before it runs, also those of
//! this service itself: the node counts what is at work for a shard, and gives
//! the shard away only when nothing is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout_at};

use super::caller::Caller;
use super::counters::count;
use super::error::{ActError, key_missing, overloaded};
use super::handlers::Handler;
use super::sharding::{SharedPin, key_at};
use crate::net::{Cluster, Turn};
use crate::routing::Offer;

/// Messages that wait for a shard on its way to this node, at most.
const MAX_HELD: usize = 10_000;

/// Why a message got no result.
#[derive(Debug)]
pub(super) enum Fault {
    /// Its action failed, here or elsewhere.
    Failed(ActError),
    /// It was not run, and may be run elsewhere.
    NotRun(ActError),
}

impl From<Fault> for ActError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Failed(error) | Fault::NotRun(error) => error,
        }
    }
}

/// The way of a message up to here and beyond.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    /// The nodes that it came through.
    pub track: &'a [String],
    /// Set when it is passed on.
    pub passed_on: &'a AtomicBool,
}

/// A message of a sharded pin that this service answers where it owns its key.
#[derive(Debug, Clone)]
pub(super) struct Home {
    pub pin: Arc<SharedPin>,
    pub key: String,
    pub pattern: String,
    /// How others would be asked.
    pub offer: Offer,
}

impl Caller {
    /// Answers a message by an action of this service; by that of another one
    /// if that owns its key.
    pub async fn serve(
        self: &Arc<Self>,
        handler: &Handler,
        act: Map<String, Value>,
        way: Way<'_>,
        deadline: Instant,
    ) -> Result<Value, Fault> {
        let failed = |error: ActError| Fault::Failed(error);
        let run = async |act| {
            let result = handler.run(act, deadline).await;
            result.map_err(|error| failed(error.into()))
        };
        let Some(pin) = self.handlers.sharing(&handler.pattern, &act) else {
            return run(act).await;
        };
        let pattern = handler.pattern.to_string();
        let Some(key) = key_at(&act, &pin.key) else {
            return match pin.optional {
                true => run(act).await,
                false => Err(failed(key_missing(&pattern, &pin.key))),
            };
        };
        let offer = pin.offer(Offer::clone(&handler.offer));
        let home = Home {
            pin: pin.clone(),
            key,
            pattern,
            offer,
        };
        let mut counted = false;
        // Subscribed before looking, so that nothing is missed.
        let mut moved = self.moved.subscribe();
        while Instant::now() < deadline {
            moved.mark_unchanged();
            match self.enter(&home) {
                Ok(ticket) => {
                    let result = run(act).await;
                    drop(ticket);
                    return result;
                }
                Err(Turn::Hold) => {
                    let Some(_held) = Held::new(&self.held) else {
                        return Err(Fault::NotRun(too_many_held(&home.pattern)));
                    };
                    if !std::mem::replace(&mut counted, true) {
                        count(&self.sharded.held);
                    }
                    // Late or not, the loop looks.
                    let _ = timeout_at(deadline, moved.changed()).await;
                }
                // Who sent it here took us for the owner, and so did the one before:
                // their views are not at rest yet.
                Err(_) if way.track.len() > 1 => {
                    count(&self.sharded.not_owner);
                    return Err(Fault::NotRun(self.not_owner(&home)));
                }
                Err(_) => {
                    let call = self.call(&act, way.track, deadline, Some(&home));
                    if let Some(result) = call.await {
                        way.passed_on.store(true, Ordering::Relaxed);
                        if !way.track.is_empty() {
                            count(&self.sharded.forwarded);
                        }
                        return result.map_err(failed);
                    }
                    // This node has become the owner meanwhile.
                }
            }
        }
        Err(Fault::NotRun(expired(&home.pattern)))
    }

    /// May it run here now?
    fn enter(&self, home: &Home) -> Result<Ticket, Turn> {
        let turn = self
            .cluster
            .with_shards(|shards, _| shards.enter(&home.pin.text, &home.key));
        match turn {
            Turn::Run(number) => Ok(Ticket {
                cluster: self.cluster.clone(),
                number,
            }),
            turn => Err(turn),
        }
    }

    fn not_owner(&self, home: &Home) -> ActError {
        let Home { pin, key, .. } = home;
        let owner = self.cluster.with_pin(&pin.text, |shards| {
            shards.owner(&pin.text, key).map(str::to_owned)
        });
        let pattern = &home.pattern;
        let name = owner.as_deref().unwrap_or("nobody");
        let text = format!("This node does not own the key of {pattern}: {name} does.");
        ActError::new(
            "not_owner",
            text,
            json!({ "pattern": pattern, "owner": owner }),
        )
    }
}

/// A message at work for a shard. However it ends, the node hears of it.
struct Ticket {
    cluster: Cluster,
    number: u32,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let number = self.number;
        self.cluster
            .with_shards(|shards, now| shards.exit(now, number));
    }
}

/// A message that waits.
struct Held<'a>(&'a AtomicUsize);

impl<'a> Held<'a> {
    fn new(count: &'a AtomicUsize) -> Option<Self> {
        let held = Held(count);
        (count.fetch_add(1, Ordering::Relaxed) < MAX_HELD).then_some(held)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn too_many_held(pattern: &str) -> ActError {
    let why = format!("{MAX_HELD} messages wait for shards on their way to this node");
    overloaded(pattern, Some(&why))
}

fn expired(pattern: &str) -> ActError {
    let text =
        format!("The call of {pattern} got no answer in time: its shard was on its way here.");
    ActError::new(
        "call_timeout",
        text,
        json!({ "pattern": pattern, "written": false }),
    )
}
