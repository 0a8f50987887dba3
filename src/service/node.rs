//! A running service: its node of the cluster, call port and calls.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::sync::{broadcast, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use super::builder::Builder;
use super::caller::Caller;
use super::counters::Stats;
use super::error::ActError;
use super::listener::{Phase, Port, Shared};
use crate::engine::Event;
use crate::membership::Member;
use crate::net::Cluster;
use crate::net::shards::Owner;
use crate::routing::{self, Pattern};
use crate::sharding::key_text;
use crate::state::keys;

/// How long 'leaving' takes to be heard, about.
const HEARD: Duration = Duration::from_millis(250);
/// How long what was given away at the very end takes to be said.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long connections may take to end.
const LINGER: Duration = Duration::from_secs(1);

/// A service that takes part in a cluster. Cheap to clone; ends at
/// [`leave`](Self::leave) or [`close`](Self::close), or when the last clone is
/// dropped.
#[derive(Clone)]
pub struct Service(pub(super) Arc<Inner>);

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = f.debug_struct("Service");
        out.field("name", &self.name()).field("port", &self.0.port);
        out.finish_non_exhaustive()
    }
}

pub(super) struct Inner {
    pub cluster: Cluster,
    pub caller: Arc<Caller>,
    pub calls_in: Option<Arc<Shared>>,
    pub listener: Option<Arc<Port>>,
    pub port: Option<u16>,
    pub phase: watch::Sender<Phase>,
    pub events: broadcast::Sender<Event>,
    pub drain: Duration,
    /// How many handlers of moving shards are at work.
    pub telling: Arc<AtomicUsize>,
    /// Held by whoever is leaving.
    pub leaving: tokio::sync::Mutex<()>,
    pub tasks: Mutex<Vec<AbortHandle>>,
}

/// A member of the cluster, and what it serves.
#[derive(Debug, Clone, Serialize)]
pub struct MemberView {
    /// What the cluster believes of it.
    #[serde(flatten)]
    pub member: Member,
    /// Where its calls go; `None` when it only calls.
    pub service: Option<routing::Service>,
    /// What it answers.
    pub patterns: Vec<String>,
}

impl Service {
    /// Describes a service.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Its name in the cluster: `host:gossip_port`.
    pub fn name(&self) -> &str {
        self.0.cluster.name()
    }

    /// Port for calls; `None` when it answers nothing.
    pub fn port(&self) -> Option<u16> {
        self.0.port
    }

    /// Gossip address, for the seeds of others.
    pub fn gossip_addr(&self) -> std::net::SocketAddr {
        self.0.cluster.addr()
    }

    /// Has it heard of the cluster through a seed?
    pub fn is_joined(&self) -> bool {
        self.0.cluster.is_synced()
    }

    /// Sends a message to whoever answers it: to this service itself, or else
    /// to a live node. `timeout$` in the message bounds it, in ms. Inside an
    /// action the deadline of the call being worked on does so as well.
    pub async fn act(&self, msg: Value) -> Result<Value, ActError> {
        self.0.caller.act(msg).await
    }

    /// Every known member, this one included, in order of name.
    pub fn members(&self) -> Vec<MemberView> {
        let cluster = &self.0.cluster;
        let view = |member: Member| {
            let mut service = None;
            let mut patterns = Vec::new();
            for (key, value) in cluster.entries(&member.name) {
                if key == keys::SERVICE {
                    service = routing::Service::parse(&value);
                } else if let Some(pattern) = key.strip_prefix(keys::ROUTE) {
                    patterns.push(pattern.to_string());
                }
            }
            patterns.sort();
            MemberView {
                member,
                service,
                patterns,
            }
        };
        cluster.members().into_iter().map(view).collect()
    }

    /// May a message of this key run here now? `key` is its value: a string,
    /// number or boolean. Cheap enough for every message.
    pub fn owns(&self, pin: &str, key: impl Into<Value>) -> bool {
        let asked = asked(pin, &key.into());
        let owns = |(pin, key): (String, String)| {
            let cluster = &self.0.cluster;
            cluster.peek_shards(|shards, _| shards.owns(&pin, &key))
        };
        asked.is_some_and(owns)
    }

    /// Who owns a key of a sharded pin of any node. `None` when nobody shares
    /// out the pin, or the value is no key.
    pub fn owner(&self, pin: &str, key: impl Into<Value>) -> Option<Owner> {
        let (pin, key) = asked(pin, &key.into())?;
        let cluster = &self.0.cluster;
        cluster.with_pin(&pin, |shards| shards.owner_view(&pin, &key))
    }

    /// What happens in the cluster from now on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.0.events.subscribe()
    }

    /// What was counted at the call port since the start, and what is under
    /// way. All zero for a service that answers nothing.
    pub fn stats(&self) -> Stats {
        let calls = self.0.caller.calls.load(Ordering::Acquire);
        let stats = self.0.calls_in.as_ref().map(|port| port.stats());
        let sharded = &self.0.caller.sharded;
        Stats {
            calls,
            held: sharded.held.load(Ordering::Relaxed),
            forwarded: sharded.forwarded.load(Ordering::Relaxed),
            not_owner: sharded.not_owner.load(Ordering::Relaxed),
            ..stats.unwrap_or_default()
        }
    }

    /// The node behind it: its state, routes and counters.
    pub fn cluster(&self) -> &Cluster {
        &self.0.cluster
    }

    /// Leaves the cluster as one should: says so, finishes the calls in flight
    /// (for a bounded time, see [`Builder::drain`]), waits for its handler of
    /// moving shards, says goodbye, closes. Who
    /// calls it again meanwhile waits for the same end.
    pub async fn leave(&self) {
        let inner = &self.0;
        // One at a time: the later ones find it done, or go on where the future
        // of an earlier one was dropped.
        let _one = inner.leaving.lock().await;
        let first = inner.phase.send_if_modified(|phase| {
            let serving = *phase == Phase::Serving;
            if serving {
                *phase = Phase::Leaving;
            }
            serving
        });
        if first {
            inner.cluster.leaving();
            // What waits for a shard that will not come any more is told of it.
            inner.cluster.unshare();
        }
        if !inner.is_closed() {
            let now = Instant::now();
            // Callers need a moment to hear of it, and are served meanwhile.
            let alone = inner.cluster.members().len() < 2;
            let heard = if alone { now } else { now + HEARD };
            let until = now + inner.drain;
            let waits = |now: Instant| now < heard || !inner.is_idle() && now < until;
            while waits(Instant::now()) && !inner.is_closed() {
                sleep(Duration::from_millis(5)).await;
            }
            // Shards whose calls have ended are handed over. What the service
            // saves is waited for: its own bound ends it.
            let mut until = until.max(Instant::now() + HEARD);
            while inner.cluster.is_sharing() && !inner.is_closed() {
                let now = Instant::now();
                if inner.telling.load(Ordering::Acquire) > 0 {
                    until = until.max(now + LAST_WORDS);
                }
                if now >= until {
                    break;
                }
                sleep(Duration::from_millis(5)).await;
            }
            inner.cluster.leave().await;
        }
        inner.phase.send_replace(Phase::Closed);
        // The last replies have to get out.
        if let Some(calls) = &inner.calls_in {
            let until = Instant::now() + LINGER;
            while calls.connections() > 0 && Instant::now() < until {
                sleep(Duration::from_millis(2)).await;
            }
        }
        self.close();
    }

    /// Ends at once, without a word; to the others that looks like a crash.
    pub fn close(&self) {
        self.0.close();
    }
}

/// A pin and a key, as nodes name them.
fn asked(pin: &str, key: &Value) -> Option<(String, String)> {
    let pin = Pattern::typed(pin).ok()?.to_string();
    Some((pin, key_text(key).ok()?.into_owned()))
}

impl Inner {
    fn is_closed(&self) -> bool {
        *self.phase.borrow() == Phase::Closed
    }

    fn is_idle(&self) -> bool {
        let calls_in = self.calls_in.as_ref().map_or(0, |calls| calls.working());
        calls_in == 0 && self.caller.calls.load(Ordering::Acquire) == 0
    }

    fn close(&self) {
        self.phase.send_replace(Phase::Closed);
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        for task in tasks.drain(..) {
            task.abort();
        }
        if let Some(listener) = &self.listener {
            listener.close();
        }
        self.caller.links.close();
        self.cluster.close();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}
