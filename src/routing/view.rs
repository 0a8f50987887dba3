//! The table as humans see it.

use serde::Serialize;

use super::ids::{Micros, RouteId, TargetId};
use super::record::Offer;
use super::router::Router;
use super::table::{Link, Target};

/// A route, for humans.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RouteView {
    /// The route.
    pub id: RouteId,
    /// Its canonical pattern.
    pub pattern: String,
    /// How calls to it are made.
    pub offer: Offer,
    /// Its live targets.
    pub targets: Vec<TargetView>,
}

/// A target of a route, for humans.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TargetView {
    /// The target.
    pub id: TargetId,
    /// Its member's name.
    pub name: String,
    /// Host of its call port.
    pub host: String,
    /// Its call port.
    pub port: u16,
    /// Its transport.
    #[serde(rename = "type")]
    pub kind: String,
    /// Calls of this route in flight there.
    pub inflight: u32,
    /// Peak-EWMA latency in microseconds; `None` before the first answer.
    pub latency: Option<u64>,
    /// Calls that ended with `Error`, `Lost` or `Timeout`.
    pub errors: u64,
    /// How often it was ejected from this route.
    pub ejections: u64,
    /// Its event loop lags, by its own word.
    pub stalled: bool,
    /// `good`, `suspect`, `stalled`, `ejected` or `probing`.
    pub state: &'static str,
}

impl Router {
    /// Every live route with its targets, in order of pattern.
    pub fn routes(&self, now: Micros) -> Vec<RouteView> {
        let table = &self.table;
        let live = table.routes.values().filter(|r| !r.links.is_empty());
        let mut views: Vec<RouteView> = live
            .map(|route| RouteView {
                id: route.id,
                pattern: route.text.clone(),
                offer: route.offer.clone(),
                targets: route
                    .links
                    .iter()
                    .map(|link| &table.links[*link])
                    .map(|link| view(link, &table.targets[link.target], now))
                    .collect(),
            })
            .collect();
        views.sort_by(|a, b| a.pattern.cmp(&b.pattern));
        for route in &mut views {
            route.targets.sort_by(|a, b| a.name.cmp(&b.name));
        }
        views
    }
}

fn view(link: &Link, target: &Target, now: Micros) -> TargetView {
    TargetView {
        id: target.id,
        name: target.name.clone(),
        host: target.service.host.clone(),
        port: target.service.port,
        kind: target.service.kind.clone(),
        inflight: link.inflight,
        latency: link.latency.read(now).map(|us| us as u64),
        errors: link.errors,
        ejections: link.health.ejections(),
        stalled: target.stalled,
        state: if target.suspect {
            "suspect"
        } else if target.stalled {
            "stalled"
        } else {
            link.health.name()
        },
    }
}
