//! What goes into and comes out of the handover of shards.

use std::fmt;

use super::super::claim::MAX_CLAIM;
use super::super::hash::{Shard, ShardCount};
use super::super::score::Weight;
use crate::time::Millis;
use crate::wire::NodeId;

/// How a node takes part in a sharded pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Into how many shards keys are divided; the same on all nodes.
    pub shards: ShardCount,
    /// Name or path of the key, at most [`MAX_KEY_PATH`](super::super::MAX_KEY_PATH)
    /// bytes; the same on all nodes.
    pub key: String,
    /// How many nodes are named behind the owner of a shard, at most
    /// [`MAX_REPLICAS`](super::super::MAX_REPLICAS).
    pub replicas: usize,
    /// This node's share of the shards.
    pub weight: Weight,
    /// How long a new owner waits for the release of the old one, and how long
    /// an old one has for it; ms, the same on all nodes.
    pub handover: Millis,
    /// How long a handler of gained shards may take, ms.
    pub handler: Millis,
    /// A node that became ready leaves shards alone of which it has heard
    /// nothing for so long: somebody else may be about to take them. Twice the
    /// time in which gossip reaches everybody is enough; ms.
    pub settle: Millis,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            shards: ShardCount::DEFAULT,
            key: "id".to_owned(),
            replicas: 0,
            weight: Weight::ONE,
            handover: 10_000,
            handler: 5_000,
            settle: 1_000,
        }
    }
}

impl Config {
    /// What all nodes have to agree on.
    pub fn division(&self) -> Division {
        Division {
            shards: self.shards,
            key: self.key.clone(),
        }
    }
}

/// What is known of another member besides its claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Presence {
    /// It is here: alive, or suspect, which takes no shards away.
    #[default]
    Here,
    /// It is about to leave: takes no shards, but still holds some.
    Leaving,
    /// It is dead, has left, or began a new run: it holds nothing.
    Gone,
}

/// What to do with a call for a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Run it: this node has the right to.
    Execute,
    /// Keep it: this node is to own the shard, but does not yet. An
    /// [`Output::Decide`] says when to ask again, within the bounds of
    /// [`Config`].
    Wait,
    /// That node is the target owner.
    Forward(NodeId),
    /// No node takes shards.
    Nobody,
}

/// What the owner of this state machine has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Publish this value, at most [`MAX_CLAIM`] bytes.
    Publish(Vec<u8>),
    /// Tell the user's handler, and say [`done`](super::Handover::done) when it
    /// is. Without a handler say it at once.
    Moved {
        /// Names this event.
        batch: u64,
        /// Calls for these are held until the handler is done.
        gained: Vec<Shard>,
        /// No call for these is running; they are released when the handler is
        /// done.
        lost: Vec<Shard>,
        /// The epoch in which the gained shards are owned: with this node's name
        /// it is above that of every owner before whose claims were seen.
        epoch: u64,
    },
    /// Ask again what to do with calls for these shards that were told to wait.
    Decide(Vec<Shard>),
}

/// How a node divides the messages of a pin.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Division {
    /// Into how many shards.
    pub shards: ShardCount,
    /// By which key.
    pub key: String,
}

impl fmt::Display for Division {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} shards by the key '{}'", self.shards, self.key)
    }
}

/// The nodes that serve a pin do not divide it alike.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{id} divides it into {theirs}, this node into {ours}")]
pub struct Mismatch {
    /// The other node.
    pub id: NodeId,
    /// What it says.
    pub theirs: Division,
    /// What this node says.
    pub ours: Division,
}

/// How shards came and went, since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Taken from the hands of the owner before.
    pub granted: u64,
    /// Taken because nobody had them.
    pub free: u64,
    /// Taken although somebody may still hold them: the bound was over.
    pub overdue: u64,
    /// Passed on without having been held.
    pub passed: u64,
    /// Released in time.
    pub released: u64,
    /// Released with calls or a handler still running: the bound was over.
    pub forced: u64,
    /// Given up because another node took them as well, later.
    pub conflicts: u64,
}

// A claim must fit into what the state takes for a value.
const _: () = assert!(MAX_CLAIM <= 64 * 1024);
