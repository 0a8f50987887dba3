//! What can be asked of a world without changing it.

use std::net::SocketAddr;

use super::node::{NodeId, Run};
use super::report::{Death, Traffic};
use super::world::{Heard, World};
use crate::engine::Engine;

impl World {
    /// For the messages of failed checks: which run, and when.
    pub(super) fn place(&self) -> String {
        format!("seed {}, {} ms", self.options.seed, self.now())
    }

    /// How many nodes there are, running or not.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Has the world no nodes?
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The nodes whose process works.
    pub fn running(&self) -> Vec<NodeId> {
        (0..self.nodes.len())
            .filter(|&id| self.nodes[id].run == Run::Up)
            .collect()
    }

    /// What the process of a node does.
    pub fn run_state(&self, id: NodeId) -> Run {
        self.nodes[id].run
    }

    /// A node's name.
    pub fn name(&self, id: NodeId) -> &str {
        &self.nodes[id].name
    }

    /// A node's address.
    pub fn addr(&self, id: NodeId) -> SocketAddr {
        self.nodes[id].addr()
    }

    /// The engine of a node that runs or is paused.
    pub fn engine(&self, id: NodeId) -> &Engine {
        let node = &self.nodes[id];
        node.engine
            .as_ref()
            .unwrap_or_else(|| panic!("{} does not run", node.name))
    }

    /// What a node has sent so far, all its processes together.
    pub fn traffic(&self, id: NodeId) -> &Traffic {
        &self.nodes[id].traffic
    }

    /// What all nodes have sent so far.
    pub fn total_traffic(&self) -> Traffic {
        Traffic::sum(self.nodes.iter().map(|node| &node.traffic))
    }

    /// Every verdict 'dead' that was believed so far, and whether it was true.
    pub fn deaths(&self) -> &[Death] {
        &self.deaths
    }

    /// How often a node came to suspect another so far.
    pub fn suspicions(&self) -> u64 {
        self.suspicions
    }

    /// Bytes of datagrams to addresses outside of the simulated network.
    pub fn stray_bytes(&self) -> u64 {
        self.stray
    }

    /// Processes that start from now on belong to this cluster.
    pub fn set_cluster(&mut self, name: &str) {
        self.options.config.cluster = name.to_owned();
    }

    /// Keeps a copy of every message that arrives from now on.
    pub fn tap(&mut self) {
        self.tapped.get_or_insert_default();
    }

    /// The messages that have arrived since [`World::tap`].
    pub fn tapped(&self) -> &[Vec<u8>] {
        self.tapped.as_deref().unwrap_or_default()
    }

    /// What the engines told their users, with [`Options::record`](super::Options::record).
    pub fn heard(&self) -> &[Heard] {
        &self.heard
    }
}
