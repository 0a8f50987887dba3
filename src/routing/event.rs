//! What the table tells, and how calls end.

use serde::Serialize;

use super::ids::{RouteId, TargetId};
use super::record::Offer;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer.
    Ok,
    /// With an error that the target answered.
    Error,
    /// Its connection could not be made, or died.
    Lost,
    /// Nothing came before its deadline.
    Timeout,
}

/// Why a target went away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Down {
    /// Its node is dead.
    Dead,
    /// Its node takes no new calls (or was stalled for too long).
    Leaving,
    /// Its node said goodbye.
    Left,
    /// Its node serves no longer.
    Withdrawn,
    /// Its node was restarted, or serves at another address.
    Replaced,
}

/// Why no target was picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No live target, or all of them excluded.
    NoTarget,
    /// Every target has as many calls in flight as the offer allows.
    Overloaded,
}

/// What changed in the table, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum RouteEvent {
    /// A route has its first target. Comes after the target's `TargetUp`.
    RouteUp {
        /// The route.
        id: RouteId,
        /// Its canonical pattern.
        pattern: String,
        /// How calls to it are made.
        offer: Offer,
    },
    /// How calls to a live route are made has changed.
    RouteChanged {
        /// The route.
        id: RouteId,
        /// Its canonical pattern.
        pattern: String,
        /// How calls to it are made from now on.
        offer: Offer,
    },
    /// The last target of a route is gone. Comes before its `TargetDown`.
    RouteDown {
        /// The route.
        id: RouteId,
        /// Its canonical pattern.
        pattern: String,
    },
    /// A target can be called.
    TargetUp {
        /// The target.
        id: TargetId,
        /// Its member's name.
        name: String,
        /// Host of its call port.
        host: String,
        /// Its call port.
        port: u16,
        /// Its transport (`tcp`, `web`, ...).
        kind: String,
        /// Seneca's id of the instance.
        instance: String,
    },
    /// A target must not be called any more. Calls in flight may still end
    /// well when the reason is `Leaving`.
    TargetDown {
        /// The target.
        id: TargetId,
        /// Its member's name.
        name: String,
        /// Why.
        reason: Down,
    },
}
