//! Handing shards over: what moves is told to the service's own handler, and
//! its end to the node.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::time::timeout;

use super::handlers::{caught, reason};
use super::sharding::SharedPin;
use crate::engine::{Event, Level};
use crate::net::{Cluster, ShardEvent};
use crate::sharding::{Shard, ShardCount};

/// Shards have come or go; see [`Builder::on_shards`](super::Builder::on_shards).
#[derive(Debug, Clone)]
pub struct Moved {
    /// Canonical text of the pin.
    pub pin: String,
    /// Shards that this service owns once the handler is done.
    pub gained: Vec<Shard>,
    /// Shards that it gives away then.
    pub lost: Vec<Shard>,
    /// Above that of every owner before, as far as this node knows.
    pub epoch: u64,
    shards: ShardCount,
}

impl Moved {
    /// The shard of a key, for comparison with those that have moved. A number
    /// as key is its text: `7` is `"7"`.
    pub fn shard_of(&self, key: &str) -> Shard {
        self.shards.of_text(key)
    }

    /// Does this key come?
    pub fn gains(&self, key: &str) -> bool {
        self.gained.binary_search(&self.shard_of(key)).is_ok()
    }

    /// Does this key go?
    pub fn loses(&self, key: &str) -> bool {
        self.lost.binary_search(&self.shard_of(key)).is_ok()
    }
}

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is called when shards move.
#[derive(Clone)]
pub(super) struct OnShards(Arc<dyn Fn(Moved) -> Running + Send + Sync>);

impl OnShards {
    pub fn new<F, R>(handler: F) -> Self
    where
        F: Fn(Moved) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        OnShards(Arc::new(move |moved| Box::pin(handler(moved))))
    }
}

/// Tells the handler what moves.
pub(super) struct HandOver {
    pub cluster: Cluster,
    pub pins: Vec<Arc<SharedPin>>,
    pub handler: Option<OnShards>,
    pub events: broadcast::Sender<Event>,
    /// How many handlers are at work.
    pub telling: Arc<AtomicUsize>,
}

impl HandOver {
    /// Shards have moved; `false`: calls that wait may look again.
    pub fn told(&self, event: ShardEvent) -> bool {
        let ShardEvent::Moved {
            pin,
            batch,
            gained,
            lost,
            epoch,
        } = event
        else {
            return false;
        };
        let shared = self.pins.iter().find(|shared| shared.text == pin);
        let (Some(shared), Some(handler)) = (shared, self.handler.clone()) else {
            done(&self.cluster, &pin, batch);
            return true;
        };
        let moved = Moved {
            pin: pin.clone(),
            gained,
            lost,
            epoch,
            shards: shared.shards,
        };
        let (cluster, events) = (self.cluster.clone(), self.events.clone());
        let telling = self.telling.clone();
        telling.fetch_add(1, Ordering::AcqRel);
        let time = shared.handover.max(Duration::from_millis(1));
        tokio::spawn(async move {
            // The closure may panic before it has given us a future.
            let run = caught(async move { (handler.0)(moved).await });
            // Beyond its time others go on: what it would do then must not be done.
            let wrong = match timeout(time, run).await {
                Ok(Ok(())) => None,
                Ok(Err(panic)) => Some(format!("failed: {}", reason(&*panic))),
                Err(_) => Some(format!("took more than {} ms", time.as_millis())),
            };
            if let Some(wrong) = wrong {
                let text = format!("the handler of moving shards of '{pin}' {wrong}");
                let level = Level::Warn;
                // Fails when nobody listens.
                let _ = events.send(Event::Log { level, text });
            }
            done(&cluster, &pin, batch);
            telling.fetch_sub(1, Ordering::AcqRel);
        });
        true
    }
}

fn done(cluster: &Cluster, pin: &str, batch: u64) {
    cluster.with_shards(|shards, now| shards.done(now, pin, batch));
}
