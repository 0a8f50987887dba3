//! A deterministic simulator of clusters.
//!
//! It drives the production [`Engine`](crate::engine::Engine), from two nodes
//! to thousands, in virtual time: what the tokio shell in `net` does with real
//! sockets and timers is done here with an event queue. One seed gives one run,
//! to the byte ([`World::fingerprint`]), so every failure can be looked at
//! again.
//!
//! ```
//! use seneca_gossip::sim::{Crash, Options, World};
//!
//! let mut world = World::new(Options::new(42));
//! let nodes = world.cluster(5);
//! world.converge(10_000).expect("five nodes find each other");
//! world.crash(nodes[3], Crash::Silent);
//! let (all, _times) = world.detect(&[nodes[3]], 10_000);
//! println!("all survivors knew after {} ms", all.expect("they notice"));
//! ```
//!
//! - `queue`: events in order of time;
//! - `network`, `stream`: datagrams and connections, and what happens to them;
//! - `node`, `drive`, `effects`: processes with their sockets, what an engine
//!   is told and what it has done for it;
//! - `faults`: crashes, pauses, partitions;
//! - `oracle`, `mirror`: the invariants, checked while the world runs;
//! - `watch`, `report`, [`scenario`], [`chaos()`]: questions, numbers, and
//!   ready-made runs;
//! - [`forge`]: messages as somebody hostile writes them;
//! - [`papers`]: experiments of papers, repeated.

mod chaos;
mod drive;
mod effects;
mod faults;
pub mod forge;
mod mirror;
mod network;
mod node;
mod oracle;
pub mod papers;
mod queue;
mod report;
pub mod scenario;
mod stream;
mod view;
mod watch;
mod world;

pub use chaos::{Chaos, chaos};
pub use faults::Crash;
pub use network::{Conditions, Delay};
pub use node::{NodeId, Run};
pub use oracle::Check;
pub use report::{Death, Rate, Samples, Traffic, Truth};
pub use world::{EPOCH, Heard, Options, World};
