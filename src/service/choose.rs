//! What the router says about a message.

use serde_json::Value;

use crate::routing::{Micros, Model, Offer, Refusal, RouteId, Router, Service, TargetId};

/// Where a call could go.
pub(super) enum Picked {
    Target(Box<Chosen>),
    /// Every target: the route is to be observed.
    Observe(RouteId, String, Offer),
    /// The pattern is known, but nobody answers it now.
    Nobody(String, Offer),
    Overloaded(String),
    Unknown,
}

pub(super) struct Chosen {
    pub route: RouteId,
    pub target: TargetId,
    pub pattern: String,
    pub name: String,
    pub service: Service,
    pub offer: Offer,
}

/// Finds the route of a message, and a target of it that is counted as taken.
pub(super) fn choose(
    router: &mut Router,
    now: Micros,
    msg: &Value,
    exclude: &[TargetId],
) -> Picked {
    let about = |router: &Router, route| {
        let pattern = router.pattern(route).unwrap_or_default().to_string();
        (
            pattern,
            router.route_offer(route).cloned().unwrap_or_default(),
        )
    };
    let Some(route) = router.resolve(msg) else {
        let known = router.resolve_known(msg);
        let Some(route) = known else {
            return Picked::Unknown;
        };
        let (pattern, offer) = about(router, route);
        return Picked::Nobody(pattern, offer);
    };
    let (pattern, offer) = about(router, route);
    if offer.model == Model::Observe {
        return Picked::Observe(route, pattern, offer);
    }
    match router.try_pick(now, route, exclude) {
        Err(Refusal::Overloaded) => Picked::Overloaded(pattern),
        Err(Refusal::NoTarget) => Picked::Nobody(pattern, offer),
        Ok(target) => match router.target(target) {
            Some((name, service)) => Picked::Target(Box::new(Chosen {
                route,
                target,
                pattern,
                name: name.to_string(),
                service: service.clone(),
                offer,
            })),
            None => Picked::Nobody(pattern, offer),
        },
    }
}
