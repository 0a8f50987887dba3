//! Who is here: the members of the cluster in the eyes of this node, and how
//! the verdicts of their observers become a status.

mod judge;
mod life;
mod members;

pub use judge::{Judgement, Rule, judge};
pub use life::Life;
pub use members::{Members, Peer};

use std::net::SocketAddr;

use crate::time::Millis;

/// What this node believes of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Answers.
    Alive,
    /// At least one of its observers doubts it.
    Suspect,
    /// A quorum of its observers says that it is gone.
    Dead,
    /// Finishes its calls and takes no new ones.
    Leaving,
    /// Said goodbye.
    Left,
}

impl Status {
    /// Gone for good, unless it comes back: neither watched nor gossiped with.
    pub fn is_gone(self) -> bool {
        matches!(self, Status::Dead | Status::Left)
    }
}

/// A snapshot of a member, as this node sees it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Member {
    /// Its name, `host:gossip_port`.
    pub name: String,
    /// Where its gossip port is reached, once known.
    pub addr: Option<SocketAddr>,
    /// What we believe of it.
    pub status: Status,
    /// Its generation: the wall clock (ms) of its start.
    pub generation: u64,
    /// Its incarnation: how often it has refuted an accusation.
    pub incarnation: u64,
    /// Suspicion level by our own pings; `None` when we do not watch it.
    pub phi: Option<f64>,
    /// Round trip of the last ping, in ms; `None` when never pinged.
    pub rtt: Option<Millis>,
    /// Its event loop lags, by its own word.
    pub stalled: bool,
    /// Is it this node?
    #[serde(rename = "self")]
    pub is_self: bool,
}
