//! Keeps the table of routes in step with members and their state.

use super::clock::Clock;
use crate::engine::{Engine, Event};
use crate::routing::{Offer, Router, Service};
use crate::state::keys;

/// Does the owner of the node hear of it? What the engine and the router keep
/// in a node's state is told in their own words.
pub fn is_public(event: &Event) -> bool {
    match event {
        Event::Update { key, .. } => {
            key.starts_with(keys::USER) || key == keys::SERVICE || key == keys::META
        }
        _ => true,
    }
}

/// Tells the router what an event means to it. What this node publishes
/// itself is no target for its own calls.
pub fn feed(router: &mut Router, engine: &Engine, clock: &Clock, event: &Event) {
    let now = clock.micros();
    let refresh = |router: &mut Router, name: &str| {
        let member = engine.member(clock.millis(), name);
        if let Some(member) = member.filter(|member| !member.is_self) {
            let (status, stalled) = (member.status, member.stalled);
            router.member(now, name, status, stalled, member.generation);
        }
    };
    match event {
        Event::Join { name }
        | Event::Alive { name }
        | Event::Suspect { name }
        | Event::Fail { name }
        | Event::Leave { name, .. } => refresh(router, name),
        Event::Update { name, key, value } if name != engine.name() => {
            if key == keys::LIFE {
                refresh(router, name); // it may have begun or ceased to lag
            } else if key == keys::SERVICE {
                let service = value.as_deref().and_then(Service::parse);
                router.service(now, name, service);
            } else if let Some(pattern) = key.strip_prefix(keys::ROUTE) {
                let offer = value.as_deref().and_then(Offer::parse);
                router.offer(now, name, pattern, offer);
            }
        }
        Event::Forget { name } => router.forget(name),
        Event::Update { .. }
        | Event::Drained
        | Event::Synced
        | Event::SeedFailed { .. }
        | Event::Log { .. } => {}
    }
}
