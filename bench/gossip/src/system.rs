//! What both systems can do, in the words of the scenario.

use std::net::SocketAddr;

use anyhow::Result;

/// Keys and values that a node starts with.
pub type Keys = Vec<(String, String)>;

/// What a node has sent so far, without the headers of IP and UDP.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traffic {
    pub bytes: u64,
    pub datagrams: u64,
    /// The longest datagram.
    pub longest: u64,
    /// Exchanges over TCP, whose bytes are not counted.
    pub streams: u64,
}

/// A way to run many nodes in this process. It is used by one thread, which is
/// in no runtime.
pub trait System {
    type Node;
    /// How a member is called by the others.
    type Id;

    /// Time between two rounds, ms.
    fn round(&self) -> u64;
    /// Starts a node on a free port of the loopback.
    fn start(&self, seed: Option<SocketAddr>, keys: &Keys) -> Result<Self::Node>;
    fn id(&self, node: &Self::Node) -> Self::Id;
    fn addr(&self, node: &Self::Node) -> SocketAddr;
    /// Are all of these alive, for this node? The first `seen` were so when it
    /// was asked before: a large cluster is not to be asked for each pair again
    /// and again while it is busy with what is measured.
    fn knows_all(&self, at: &Self::Node, ids: &[Self::Id], seen: &mut usize) -> bool;
    /// Is this member dead, for this node? A mere suspicion is not enough.
    fn holds_dead(&self, at: &Self::Node, id: &Self::Id) -> bool;
    fn set(&self, node: &Self::Node, key: &str, value: &str) -> Result<()>;
    /// Has this value of this member arrived?
    fn has(&self, at: &Self::Node, id: &Self::Id, key: &str, value: &str) -> bool;
    /// Ends a node without goodbye. Its sockets are closed afterwards.
    fn crash(&self, node: Self::Node) -> Result<()>;
    fn traffic(&self, node: &Self::Node) -> Traffic;
}
