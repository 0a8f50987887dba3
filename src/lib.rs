//! The cluster layer of seneca-gossip: gossip, failure detection and routing
//! for Seneca services, in Node.js and in Rust.
//!
//! - [`wire`]: bytes and messages of the gossip port;
//! - [`time`]: milliseconds that the caller gives;
//! - [`state`]: versioned key-values of every node, reconciled by scuttlebutt;
//! - [`flow`]: how fast a node may change its state: AIMD flow control;
//! - [`liveness`]: phi accrual, who watches whom, verdicts;
//! - [`membership`]: who is here, and how verdicts become a status;
//! - [`engine`]: the sans-IO state machine that ties these together;
//! - [`sim`]: a deterministic simulator that drives it in virtual time;
//! - [`routing`]: which of the nodes that answer a pattern gets a call;
//! - [`sharding`]: which node answers for which keys of a pin;
//! - [`net`]: sockets, timers and threads around the engine: a running node;
//! - [`service`]: a Seneca service in pure Rust, on the Seneca tcp wire;
//! - `addon` (a feature): the class that Node.js sees.
//!
//! Nothing but `net`, `service` and `addon` reads a clock, a socket or a global source of
//! randomness.
#![deny(missing_docs)]

#[cfg(feature = "addon")]
mod addon;
pub mod engine;
pub mod flow;
#[doc(hidden)]
pub mod fuzz;
pub mod liveness;
pub mod membership;
pub mod net;
pub mod routing;
pub mod service;
pub mod sharding;
pub mod sim;
pub mod state;
mod text;
pub mod time;
pub mod wire;

/// The Rust in README.md compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// So does that in docs/sharding.md.
#[cfg(doctest)]
#[doc = include_str!("../docs/sharding.md")]
struct ShardingDocs;
