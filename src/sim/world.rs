//! The world: hosts, processes, the network between them, and the one clock.

use std::collections::HashMap;
use std::net::SocketAddr;

use rand::{Rng, RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};

use super::network::{Addr, Conditions, Network, PORT};
use super::node::{Inbox, Node, NodeId, Run, Sockets};
use super::oracle::{Check, Oracle};
use super::queue::Queue;
use super::report::Death;
use super::stream::Stream;
use crate::engine::{Config, Engine, Event, Millis};

/// The wall clock at the beginning of every world: the year 2025.
pub const EPOCH: Millis = 1_735_689_600_000;

/// How to make a [`World`].
#[derive(Debug, Clone)]
pub struct Options {
    /// The source of all randomness: the same seed gives the same run.
    pub seed: u64,
    /// The weather of the network at the beginning.
    pub conditions: Conditions,
    /// What every engine is configured with; name, address and wall clock are
    /// the node's own.
    pub config: Config,
    /// How much the oracle looks at.
    pub check: Check,
    /// Timers come late by up to this, ms.
    pub slack: Millis,
    /// Keep what the engines tell their users, for [`World::heard`].
    pub record: bool,
}

impl Options {
    /// A quiet local network and the engine's defaults.
    pub fn new(seed: u64) -> Self {
        Options {
            seed,
            conditions: Conditions::default(),
            config: Config::new("template", SocketAddr::from(([0, 0, 0, 0], 0)), 0),
            check: Check::Every,
            slack: 1,
            record: false,
        }
    }
}

/// Something on the event queue.
pub(super) enum Happening {
    Wake {
        node: NodeId,
        epoch: u32,
    },
    Datagram {
        from: Addr,
        to: Addr,
        bytes: Vec<u8>,
    },
    Refused {
        node: NodeId,
        epoch: u32,
        addr: Addr,
    },
    Connect {
        stream: u64,
    },
    Segment {
        stream: u64,
        side: usize,
    },
    Deadline {
        stream: u64,
    },
    Script(Box<dyn FnOnce(&mut World)>),
}

/// A machine: an address, and the process that is bound to its gossip port.
#[derive(Debug, Default)]
pub(super) struct Host {
    pub(super) occupant: Option<NodeId>,
    /// Without an occupant: does a packet vanish, or is it refused?
    pub(super) silent: bool,
}

/// Something that an engine told its user.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// When.
    pub at: Millis,
    /// Whose engine.
    pub node: NodeId,
    /// What.
    pub event: Event,
}

/// A simulated cluster. See the [module's text](super).
pub struct World {
    pub(super) options: Options,
    pub(super) rng: Xoshiro256PlusPlus,
    pub(super) queue: Queue<Happening>,
    pub(super) nodes: Vec<Node>,
    pub(super) hosts: Vec<Host>,
    pub(super) names: HashMap<String, NodeId>,
    pub(super) network: Network,
    pub(super) streams: HashMap<u64, Stream>,
    pub(super) next_stream: u64,
    pub(super) oracle: Oracle,
    pub(super) deaths: Vec<Death>,
    pub(super) suspicions: u64,
    pub(super) heard: Vec<Heard>,
    /// Bytes sent to addresses that are not of this world.
    pub(super) stray: u64,
    /// Copies of all messages that arrive, once somebody asked for them.
    pub(super) tapped: Option<Vec<Vec<u8>>>,
    pub(super) fingerprint: u64,
}

impl World {
    /// A world without nodes.
    pub fn new(options: Options) -> Self {
        World {
            rng: Xoshiro256PlusPlus::seed_from_u64(options.seed),
            queue: Queue::new(),
            nodes: Vec::new(),
            hosts: Vec::new(),
            names: HashMap::new(),
            network: Network::new(options.conditions),
            streams: HashMap::new(),
            next_stream: 0,
            oracle: Oracle::new(options.check),
            deaths: Vec::new(),
            suspicions: 0,
            heard: Vec::new(),
            stray: 0,
            tapped: None,
            fingerprint: options.seed,
            options,
        }
    }

    /// Adds a node on a host of its own, not yet started. Its seeds are all
    /// nodes of `seeds`.
    pub fn add(&mut self, seeds: &[NodeId]) -> NodeId {
        let host = self.hosts.len();
        let name = SocketAddr::from(Addr::of(host, PORT)).to_string();
        self.hosts.push(Host::default());
        self.add_named(name, host, seeds)
    }

    /// Adds a node of another name on the host of `other`: whoever runs last
    /// has the address.
    pub fn add_at(&mut self, other: NodeId, name: &str, seeds: &[NodeId]) -> NodeId {
        self.add_named(name.to_owned(), self.nodes[other].host, seeds)
    }

    fn add_named(&mut self, name: String, host: usize, seeds: &[NodeId]) -> NodeId {
        let id = self.nodes.len();
        let mut node = Node::new(name.clone(), host);
        node.seeds = seeds.iter().map(|&seed| self.nodes[seed].addr()).collect();
        self.nodes.push(node);
        let taken = self.names.insert(name, id);
        let apart = taken.is_none() || self.options.check == Check::Off;
        assert!(apart, "two nodes of one name are one node to the oracle");
        id
    }

    /// Starts a process of a node that has none.
    pub fn start(&mut self, id: NodeId) {
        let now = self.now();
        let clock = self.rng.random_range(0..100_000);
        let mut seed = [0; 32];
        self.rng.fill_bytes(&mut seed);
        let node = &mut self.nodes[id];
        assert_eq!(node.run, Run::Down, "{} runs already", node.name);
        let host = &mut self.hosts[node.host];
        assert_eq!(host.occupant, None, "the port of {} is in use", node.name);
        host.occupant = Some(id);
        node.run = Run::Up;
        node.since = now;
        node.epoch += 1;
        node.clock = clock - now as i64;
        node.wake = Millis::MAX;
        node.spins = 0;
        node.inbox = Inbox::default();
        node.sockets = Sockets::default();
        let mut config = self.options.config.clone();
        config.name.clone_from(&node.name);
        config.addr = node.addr();
        config.wall = (EPOCH + now).wrapping_add_signed(node.skew - clock);
        let local = node.local(now);
        let mut engine = Box::new(Engine::new(config, local, seed));
        engine.set_seeds(local, node.seeds.clone());
        node.engine = Some(engine);
        self.settle(id);
    }

    /// Virtual time, ms.
    pub fn now(&self) -> Millis {
        self.queue.now()
    }

    /// The seed of this run.
    pub fn seed(&self) -> u64 {
        self.options.seed
    }

    /// A number that two runs share only if the same things happened in both
    /// at the same times, byte by byte.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Runs until the clock stands at `until`.
    pub fn run_to(&mut self, until: Millis) {
        let mut today = (self.now(), 0usize);
        while let Some(happening) = self.queue.pop(until) {
            if today.0 == self.now() {
                today.1 += 1;
                let limit = 10_000 + 2_000 * self.nodes.len();
                assert!(today.1 < limit, "{}: no end of events", self.place());
            } else {
                today = (self.now(), 0);
                self.sweep_now_and_then();
            }
            self.happen(happening);
        }
    }

    /// Runs for a while.
    pub fn run(&mut self, span: Millis) {
        self.run_to(self.now() + span);
    }

    /// Has something done at a time of the future.
    pub fn at(&mut self, at: Millis, script: impl FnOnce(&mut World) + 'static) {
        self.queue.push(at, Happening::Script(Box::new(script)));
    }
}
