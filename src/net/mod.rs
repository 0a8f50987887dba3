//! The shell around the [`Engine`](crate::engine::Engine): sockets, timers,
//! names, and threads of its own.
//!
//! A [`Cluster`] is one running node. All nodes of a process share one small
//! tokio runtime (`runtime`), so that liveness does not depend on the owner's
//! event loop. Of each node, one task reads the gossip socket and keeps the
//! engine's time (`driver`); probe sockets (`probe`) and TCP connections
//! (`streams`, `meter`, `exchange`, `frame`) have small tasks of their own.
//! Whoever has something to tell the engine locks it shortly and carries out
//! what it wants (`shared`, `io`). Strangers are turned away before anything of
//! theirs is read (`allow`), or their seal is none of ours (`vault`). Names of
//! seeds are looked up by `seeds`, neighbours on the same network found by
//! `multicast`. Events are queued for the owner (`queue`, `compact`), who is
//! woken once per batch, and feed the table of routes (`feed`).

pub mod advertise;
mod allow;
mod bind;
mod clock;
mod cluster;
mod compact;
mod driver;
mod exchange;
mod feed;
mod flood;
mod found;
mod frame;
mod interface;
mod io;
mod launch;
mod meter;
mod multicast;
mod options;
mod probe;
mod queue;
mod runtime;
mod seeds;
pub mod shards;
mod shared;
mod stall;
mod streams;
mod tasks;
mod udp;
mod vault;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use allow::{BadNetwork, Network};
pub use cluster::{Cluster, NetStats};
pub use interface::{address_of, interface_name};
pub use multicast::Multicast;
pub use options::{Options, Protocol, StartError};
pub use queue::Notice;
pub use shards::{ShardEvent, Turn};

/// Locks; a panic elsewhere must not take the node down with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
