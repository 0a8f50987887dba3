//! What an engine is told once, at its start.

use std::net::SocketAddr;

use super::{Limits, Millis};
use crate::state::Order;

/// Settings of an [`Engine`](super::Engine). Times are milliseconds.
#[derive(Debug, Clone)]
pub struct Config {
    /// This node's name, unique in the cluster: `host:gossip_port`, as
    /// advertised.
    pub name: String,
    /// Where the others reach our gossip port (UDP and TCP).
    pub addr: SocketAddr,
    /// The cluster's name; messages of another cluster are dropped.
    pub cluster: String,
    /// Wall clock at `Millis` 0 in ms since the Unix epoch. The generation of
    /// this node is derived from it, so that a restart supersedes the past.
    pub wall: u64,
    /// Time between two gossip rounds.
    pub interval: Millis,
    /// Time between two pings of a watched subject.
    pub ping: Millis,
    /// Suspicion threshold of the phi accrual detector.
    pub phi: f64,
    /// A subject is never suspected before it was silent for this long.
    pub silence: Millis,
    /// How long a quorum of silent observers must stand before a member is dead.
    pub refute: Millis,
    /// Observers of each member, at most.
    pub observers: usize,
    /// Whose changes come first when a message cannot hold everything.
    pub order: Order,
    /// How long dead and gone members are remembered.
    pub remember: Millis,
    /// How many dead and gone members are remembered at most.
    pub remember_max: usize,
    /// How long a removed key is remembered as removed. A node that was away
    /// for longer is told everything anew.
    pub tombstones: Millis,
    /// Bounds on what the others can make this node keep.
    pub limits: Limits,
}

impl Config {
    /// The defaults, for a node called `name` that is reached at `addr`, with
    /// the wall clock at the engine's time 0.
    pub fn new(name: impl Into<String>, addr: SocketAddr, wall: u64) -> Self {
        Config {
            name: name.into(),
            addr,
            cluster: "default".into(),
            wall,
            interval: 200,
            ping: 500,
            phi: 8.0,
            silence: 2_100,
            refute: 500,
            observers: 8,
            order: Order::default(),
            remember: 24 * 3_600 * 1_000,
            remember_max: 256,
            tombstones: 3_600 * 1_000,
            limits: Limits::default(),
        }
    }
}
