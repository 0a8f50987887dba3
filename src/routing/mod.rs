//! Which node answers a call.
//!
//! A *route* is a pattern that somebody answers, a *target* one run of one
//! member's service. The [`Router`] learns both from the cluster's
//! membership and state, says what changed ([`Router::poll`]), finds the route
//! of a message as Seneca would ([`Router::resolve`]), and chooses a target
//! per call ([`Router::pick`], [`Router::done`]).
//!
//! Nothing here knows a socket or reads a clock: callers pass the time in
//! microseconds of a monotonic clock.

mod calls;
mod connect;
mod event;
mod glob;
mod health;
mod ids;
mod pattern;
mod record;
mod resolve;
mod router;
mod strategy;
mod table;
mod view;

pub use event::{Down, Outcome, Refusal, RouteEvent};
pub use ids::{Micros, RouteId, TargetId};
pub use pattern::{Pattern, PatternError};
pub use record::{ByKey, Model, Offer, Service, Strategy};
pub use resolve::Tree;
pub use router::Router;
pub use view::{RouteView, TargetView};

#[cfg(test)]
mod tests;
