//! What the calls of a service have in common.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::act::Call;
use super::choose::{Choice, Picked, choose, choose_owner};
use super::counters::Sharded;
use super::dispatch::{Home, Way};
use super::error::ActError;
use super::handlers::{Handlers, inherited_deadline};
use super::ids::Ids;
use super::link::Common;
use super::links::Links;
use super::listener::Phase;
use super::outgoing::Outgoing;
use crate::net::Cluster;
use crate::routing::{Outcome, Pattern, RouteId, Service, TargetId, Tree};

/// Retries per call on average, and how many may come at once.
const BUDGET_SHARE: f64 = 0.2;
const BUDGET_MAX: f64 = 1_000.0;
/// What an envelope takes beside its message.
const ENVELOPE: usize = 1_024;
/// The longest time that makes sense for a call, in ms.
const MAX_TIMEOUT: f64 = 1e9;

pub(super) struct Caller {
    pub cluster: Cluster,
    pub handlers: Arc<Handlers>,
    pub links: Links,
    pub ids: Ids,
    pub common: Arc<Common>,
    /// Told when routes or targets change.
    pub changed: watch::Sender<()>,
    /// Told when messages that wait for a shard may look again.
    pub moved: watch::Sender<()>,
    /// Messages that wait for a shard.
    pub held: AtomicUsize,
    pub sharded: Sharded,
    pub timeout: Duration,
    pub phase: watch::Receiver<Phase>,
    pub budget: Mutex<f64>,
    /// Calls that have not ended.
    pub calls: AtomicUsize,
}

impl Caller {
    /// Makes a call.
    pub async fn act(self: &Arc<Self>, msg: Value) -> Result<Value, ActError> {
        let Value::Object(act) = &msg else {
            let text = format!("A message must be a JSON object, not {msg}.");
            return Err(ActError::new("invalid_message", text, Value::Null));
        };
        if *self.phase.borrow() == Phase::Closed {
            return Err(closed());
        }
        let _counted = Counted::new(self);
        let deadline = self.deadline(act);
        if let Some(handler) = self.local(act, &msg) {
            let mut act = act.clone();
            act.retain(|key, _| !key.ends_with('$'));
            let way = Way {
                track: &[],
                passed_on: &AtomicBool::new(false),
            };
            return Ok(self.serve(&handler, act, way, deadline).await?);
        }
        let result = self.call(act, &[], deadline, None).await;
        result.unwrap_or_else(|| Err(closed()))
    }

    /// Sends a message to whoever else answers it. `track`: the nodes that it
    /// came through. `home`: this service answers it where it owns its key;
    /// `None` says that it has become the owner.
    pub async fn call(
        self: &Arc<Self>,
        act: &Map<String, Value>,
        track: &[String],
        deadline: Instant,
        home: Option<&Home>,
    ) -> Option<Result<Value, ActError>> {
        let message = Outgoing::new(act, track);
        let max = self.common.max_line;
        if message.len() + ENVELOPE > max {
            let text = format!("The message has more than {max} bytes, the longest line allowed.");
            let details = json!({ "max": max });
            return Some(Err(ActError::new("message_too_long", text, details)));
        }
        self.earn();
        let mut phase = self.phase.clone();
        let msg = Value::Object(act.clone());
        tokio::select! {
            result = Call::new(self.clone(), msg, message, deadline, home).run() => result,
            _ = phase.wait_for(|phase| *phase == Phase::Closed) => Some(Err(closed())),
        }
    }

    /// What the caller asks for, and no longer than what is left of the call
    /// that it works on.
    fn deadline(&self, act: &Map<String, Value>) -> Instant {
        let asked = act.get("timeout$").and_then(Value::as_f64);
        let asked = asked.filter(|ms| *ms > 0.0 && *ms < MAX_TIMEOUT);
        let timeout = asked.map_or(self.timeout, |ms| Duration::from_secs_f64(ms / 1_000.0));
        let deadline = Instant::now() + timeout;
        inherited_deadline().map_or(deadline, |above| above.min(deadline))
    }

    /// The action of this service that answers a message, unless a remote one
    /// does so more specifically.
    fn local(&self, act: &Map<String, Value>, msg: &Value) -> Option<super::handlers::Handler> {
        let handler = self.handlers.find(act)?;
        let remote = self.cluster.with_router(|router| {
            let route = router.resolve(msg)?;
            Pattern::parse(router.pattern(route)?).ok()
        });
        let own = self.handlers.told(handler, act);
        if let Some(remote) = remote.filter(|remote| *remote != *own) {
            let mut both = Tree::default();
            both.insert(&remote, false);
            both.insert(&own, true);
            if both.find(act) == Some(&false) {
                return None;
            }
        }
        Some(handler.clone())
    }

    pub fn pick(&self, msg: &Value, exclude: &[TargetId], home: Option<&Home>) -> Picked {
        let now = self.cluster.micros();
        let choice = self
            .cluster
            .with_router(|router| choose(router, now, msg, exclude, home));
        let keyed = match choice {
            Choice::Made(picked) => return picked,
            Choice::Keyed(keyed) => keyed,
        };
        // Not inside the router: the shards may have to be looked up.
        let owner = self.cluster.with_pin(&keyed.pin, |shards| {
            shards.owner(&keyed.pin, &keyed.key).map(str::to_owned)
        });
        match owner {
            Some(owner) if owner != self.cluster.name() => self
                .cluster
                .with_router(|router| choose_owner(router, now, *keyed, &owner, exclude)),
            Some(_) if keyed.home => Picked::Home,
            _ => Picked::Nobody(keyed.pattern, keyed.offer),
        }
    }

    /// Counts a call to every target of a route.
    pub fn begin_all(&self, route: RouteId) -> Vec<(TargetId, Service)> {
        let now = self.cluster.micros();
        self.cluster.with_router(|router| {
            let targets = router.targets(route);
            let begun = targets.into_iter().filter_map(|target| {
                let service = router.target(target)?.1.clone();
                router
                    .begin(now, route, target)
                    .then_some((target, service))
            });
            begun.collect()
        })
    }

    pub fn done(&self, route: RouteId, target: TargetId, latency: u64, outcome: Outcome) {
        let now = self.cluster.micros();
        self.cluster
            .with_router(|router| router.done(now, route, target, latency, outcome));
    }

    /// A node is suspect: what may run twice does not wait for the verdict,
    /// which a node that is cut off from us alone never gets.
    pub fn suspected(&self, name: &str) {
        let target = self.cluster.with_router(|router| router.target_of(name));
        if let Some(target) = target {
            self.links.suspected(target);
        }
    }

    /// Is there another target of a route?
    pub fn has_choice(&self, route: RouteId) -> bool {
        self.cluster
            .with_router(|router| router.targets(route).len() > 1)
    }

    fn earn(&self) {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        *budget = (*budget + BUDGET_SHARE).min(BUDGET_MAX);
    }

    /// Takes one retry from the budget.
    pub fn may_retry(&self) -> bool {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let may = *budget >= 1.0;
        if may {
            *budget -= 1.0;
        }
        may
    }

    /// A full budget, for the start.
    pub fn full_budget() -> Mutex<f64> {
        Mutex::new(BUDGET_MAX)
    }
}

fn closed() -> ActError {
    ActError::new("closed", "This service is closed.".into(), Value::Null)
}

/// Counts a call until it ends, however it does.
struct Counted<'a>(&'a Caller);

impl<'a> Counted<'a> {
    fn new(caller: &'a Caller) -> Self {
        caller.calls.fetch_add(1, Ordering::AcqRel);
        Counted(caller)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::AcqRel);
    }
}
