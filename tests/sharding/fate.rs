//! How nodes come, leave, die, return and lose sight of each other.

use std::collections::BTreeMap;

use rand::RngExt;
use seneca_gossip::sharding::{Handover, Presence};
use seneca_gossip::wire::NodeId;

use crate::cluster::{Cluster, DETECTION, Happening, Node, config};

impl Cluster {
    /// A new node: it has the state of one that is there, and then is ready.
    pub fn join(&mut self) -> usize {
        let node = self.nodes.len();
        let id = NodeId::of(&format!("10.0.0.{node}:4445"));
        self.nodes.push(Node {
            id,
            handover: Handover::new(id, config()),
            up: true,
            leaving: false,
            run: 0,
            version: 0,
            value: None,
            heard: BTreeMap::new(),
            presence: BTreeMap::new(),
            told: BTreeMap::new(),
            running: BTreeMap::new(),
            side: 0,
        });
        self.begin(node);
        node
    }

    /// The same node in a new run: it has nothing of the last one.
    pub fn restart(&mut self, node: usize) {
        let it = &mut self.nodes[node];
        it.handover = Handover::new(it.id, config());
        (it.up, it.leaving) = (true, false);
        (it.run, it.version, it.value) = (it.run + 1, 0, None);
        it.heard.clear();
        it.presence.clear();
        it.told.clear();
        it.running.clear();
        self.begin(node);
        self.spread(node, Presence::Here, 0);
    }

    fn begin(&mut self, node: usize) {
        let side = self.nodes[node].side;
        let mut others = self.up();
        others.retain(|&other| other != node && self.nodes[other].side == side);
        if !others.is_empty() {
            let seed = others[self.rng.random_range(0..others.len())];
            let it = &self.nodes[seed];
            let mut heard = it.heard.clone();
            heard.insert(seed, ((it.run, it.version), it.value.clone()));
            heard.remove(&node);
            for (about, presence) in it.presence.clone() {
                self.hear_presence(node, about, presence);
            }
            for (from, (stamp, value)) in heard {
                self.hear(node, from, stamp, value);
            }
        }
        for other in 0..self.nodes.len() {
            match others.contains(&other) {
                true => self.gossip(other, node),
                false => self.spread_to(node, other, Presence::Gone, DETECTION),
            }
        }
        let delay = self.rng.random_range(0..100);
        self.after(delay, node, Happening::Ready(node));
    }

    pub fn leave(&mut self, node: usize) {
        let now = self.now;
        let it = &mut self.nodes[node];
        it.leaving = true;
        it.handover.ready(now, false);
        self.drive(node);
    }

    /// Kill -9.
    pub fn crash(&mut self, node: usize) {
        self.nodes[node].up = false;
        self.spread(node, Presence::Gone, DETECTION);
    }

    /// Two halves that cannot hear each other, and soon hold each other for dead.
    pub fn part(&mut self) {
        let up = self.up();
        for &node in &up {
            self.nodes[node].side = self.rng.random_range(0..2);
        }
        let side = |node: usize| self.nodes[node].side;
        let pairs = up.iter().flat_map(|&a| up.iter().map(move |&b| (a, b)));
        for (a, b) in pairs
            .filter(|&(a, b)| side(a) != side(b))
            .collect::<Vec<_>>()
        {
            self.spread_to(a, b, Presence::Gone, DETECTION);
        }
    }

    pub fn heal(&mut self) {
        for node in &mut self.nodes {
            node.side = 0;
        }
        for a in self.up() {
            self.spread(a, Presence::Here, 0);
            for b in self.up() {
                self.gossip(a, b);
            }
        }
    }
}
