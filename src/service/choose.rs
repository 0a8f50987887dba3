//! What the router says about a message.

use serde_json::Value;

use super::dispatch::Home;
use super::sharding::key_at;
use crate::routing::{
    ByKey, Micros, Model, Offer, Outcome, Refusal, RouteId, Router, Service, TargetId,
};

/// Where a call could go.
pub(super) enum Picked {
    Target(Box<Chosen>),
    /// Every target: the route is to be observed.
    Observe(RouteId, String, Offer),
    /// This node itself has become the owner.
    Home,
    /// The pattern is known, but nobody answers it now.
    Nobody(String, Offer),
    /// It has no key, or not the one that the pin is shared out by.
    NoKey(String, String),
    Overloaded(String),
    Unknown,
}

/// What the table of routes alone can say.
pub(super) enum Choice {
    Made(Picked),
    /// The owner of its key is to be found.
    Keyed(Box<Keyed>),
}

impl From<Picked> for Choice {
    fn from(picked: Picked) -> Self {
        Choice::Made(picked)
    }
}

pub(super) struct Chosen {
    pub route: RouteId,
    pub target: TargetId,
    pub pattern: String,
    pub name: String,
    pub service: Service,
    pub offer: Offer,
}

/// A call whose target is decided by a key.
pub(super) struct Keyed {
    /// Where others answer it.
    pub route: Option<RouteId>,
    pub pattern: String,
    pub offer: Offer,
    /// Canonical text of the sharded pin.
    pub pin: String,
    pub key: String,
    /// Does this service answer it as well?
    pub home: bool,
}

/// Finds the route of a message, and a target of it that is counted as taken.
/// `home`: this service answers it itself where it owns the key.
pub(super) fn choose(
    router: &mut Router,
    now: Micros,
    msg: &Value,
    exclude: &[TargetId],
    home: Option<&Home>,
) -> Choice {
    let about = |router: &Router, route| {
        let pattern = router.pattern(route).unwrap_or_default().to_string();
        (
            pattern,
            router.route_offer(route).cloned().unwrap_or_default(),
        )
    };
    let route = router.resolve(msg);
    if let Some(home) = home {
        return Choice::Keyed(Box::new(keyed(router, route, home)));
    }
    let Some(route) = route else {
        let known = router.resolve_known(msg);
        let Some(route) = known else {
            return Picked::Unknown.into();
        };
        let (pattern, offer) = about(router, route);
        return Picked::Nobody(pattern, offer).into();
    };
    let (pattern, offer) = about(router, route);
    if offer.model == Model::Observe {
        return Picked::Observe(route, pattern, offer).into();
    }
    if let Some(ByKey { pin, key, optional }) = offer.shard.clone().filter(|by| !by.key.is_empty())
    {
        match msg.as_object().and_then(|act| key_at(act, &key)) {
            Some(key) => {
                return Choice::Keyed(Box::new(Keyed {
                    route: Some(route),
                    pattern,
                    offer,
                    pin,
                    key,
                    home: false,
                }));
            }
            None if !optional => return Picked::NoKey(pattern, key).into(),
            None => {}
        }
    }
    let picked = match router.try_pick(now, route, exclude) {
        Err(Refusal::Overloaded) => Picked::Overloaded(pattern),
        Err(Refusal::NoTarget) => Picked::Nobody(pattern, offer),
        Ok(target) => chosen(router, route, target, pattern, offer),
    };
    picked.into()
}

/// A message that this service would answer: others of the same pin do so by
/// the same route.
fn keyed(router: &Router, route: Option<RouteId>, home: &Home) -> Keyed {
    let pin = &home.pin.text;
    let shared = |route: &RouteId| {
        let shard = router
            .route_offer(*route)
            .and_then(|offer| offer.shard.as_ref());
        shard.is_some_and(|by| by.pin == *pin)
    };
    let route = route.filter(shared);
    let offer = route.and_then(|route| router.route_offer(route));
    Keyed {
        route,
        pattern: home.pattern.clone(),
        offer: offer.unwrap_or(&home.offer).clone(),
        pin: pin.clone(),
        key: home.key.clone(),
        home: true,
    }
}

/// The owner of a key as the target of a call, counted as taken.
pub(super) fn choose_owner(
    router: &mut Router,
    now: Micros,
    keyed: Keyed,
    owner: &str,
    exclude: &[TargetId],
) -> Picked {
    let Keyed {
        route,
        pattern,
        offer,
        ..
    } = keyed;
    let Some(route) = route else {
        return Picked::Nobody(pattern, offer);
    };
    let target = match router.begin_at(now, route, owner) {
        Ok(target) => target,
        Err(Refusal::Overloaded) => return Picked::Overloaded(pattern),
        Err(Refusal::NoTarget) => return Picked::Nobody(pattern, offer),
    };
    if exclude.contains(&target) {
        // Nobody else may have it: it waits until the owner takes it, or is
        // another one.
        router.done(now, route, target, 0, Outcome::Ok);
        return Picked::Nobody(pattern, offer);
    }
    chosen(router, route, target, pattern, offer)
}

fn chosen(
    router: &Router,
    route: RouteId,
    target: TargetId,
    pattern: String,
    offer: Offer,
) -> Picked {
    match router.target(target) {
        Some((name, service)) => Picked::Target(Box::new(Chosen {
            route,
            target,
            pattern,
            name: name.to_string(),
            service: service.clone(),
            offer,
        })),
        None => Picked::Nobody(pattern, offer),
    }
}
