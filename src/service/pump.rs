//! What happens in the cluster, carried to the calls and to subscribers.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, broadcast};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::caller::Caller;
use super::moved::HandOver;
use crate::engine::Event;
use crate::net::{Cluster, Notice};
use crate::routing::RouteEvent;

/// How often a node is told that its runtime is alive.
const BEAT: Duration = Duration::from_millis(100);

/// Hands on what happened, until the service ends.
pub(super) async fn pump(
    caller: Arc<Caller>,
    events: broadcast::Sender<Event>,
    wake: Arc<Notify>,
    hand_over: HandOver,
) {
    loop {
        let (mut changed, mut moved) = (false, false);
        for notice in caller.cluster.drain() {
            match notice {
                Notice::Shards(event) => moved |= !hand_over.told(event),
                Notice::Gossip(event) => {
                    changed |= event == Event::Synced;
                    match &event {
                        Event::Fail { name } => caller.links.failed(name),
                        Event::Suspect { name } => caller.suspected(name),
                        _ => {}
                    }
                    // Fails when nobody listens.
                    let _ = events.send(event);
                }
                Notice::Route(event) => {
                    changed = true;
                    if let RouteEvent::TargetDown { id, name, reason } = event {
                        caller.links.drop_target(id, name, reason);
                    }
                }
            }
        }
        if changed || moved {
            caller.changed.send_replace(());
        }
        if moved {
            caller.moved.send_replace(());
        }
        wake.notified().await;
    }
}

/// A runtime whose threads are all blocked answers no calls: its node says so.
pub(super) async fn beat(cluster: Cluster) {
    let mut ticks = interval(BEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let due = ticks.tick().await;
        let lag = Instant::now().saturating_duration_since(due);
        cluster.beat(lag.as_secs_f64() * 1_000.0);
    }
}
