//! Nodes that exchange their claims in virtual time. What one publishes reaches
//! each other one after a delay of its own, so that news of several nodes come in
//! any order and news of one overtake each other; as in the real store, what is
//! older than what is known is dropped.

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
use seneca_gossip::sharding::{
    Claim, Config, Decision, Handover, Output, Presence, Shard, ShardCount,
};
use seneca_gossip::time::Millis;
use seneca_gossip::wire::NodeId;

/// Shards of the simulated pin.
pub const SHARDS: u64 = 96;
/// Gossip takes up to so long, ms.
const DELAY: Millis = 400;
/// A death is seen after, and at most `DELAY` later, ms.
pub const DETECTION: Millis = 2_200;

pub fn config() -> Config {
    Config {
        shards: ShardCount::new(SHARDS).expect("a count"),
        replicas: 1,
        settle: 1_000,
        ..Config::default()
    }
}

/// Run and version.
pub type Stamp = (u64, u64);

#[derive(Debug, Clone)]
pub enum Happening {
    /// What `from` said of itself in its run and version reaches a node.
    Claim {
        to: usize,
        from: usize,
        stamp: Stamp,
        value: Option<Vec<u8>>,
    },
    Presence {
        to: usize,
        about: usize,
        run: u64,
        order: u64,
        presence: Presence,
    },
    Ready(usize),
    HandlerDone(usize, u64),
    CallOver(usize, Shard, u64),
}

pub struct Node {
    pub id: NodeId,
    pub handover: Handover,
    pub up: bool,
    pub leaving: bool,
    pub run: u64,
    pub version: u64,
    pub value: Option<Vec<u8>>,
    /// What it last heard of each other, by run and version.
    pub heard: BTreeMap<usize, (Stamp, Option<Vec<u8>>)>,
    pub presence: BTreeMap<usize, Presence>,
    pub told: BTreeMap<usize, u64>,
    pub running: BTreeMap<Shard, u32>,
    pub side: u8,
}

pub struct Cluster {
    pub now: Millis,
    pub nodes: Vec<Node>,
    pub rng: Xoshiro256PlusPlus,
    /// Is anything that breaks the promise of exclusion to be noticed?
    pub graceful: bool,
    /// Longest call, ms.
    pub call: Millis,
    queue: BTreeMap<(Millis, u64), (usize, u64, Happening)>,
    sequence: u64,
    epochs: BTreeMap<Shard, u64>,
    pub executed: u64,
    pub moved: u64,
}

impl Cluster {
    pub fn new(seed: u64) -> Self {
        Cluster {
            now: 0,
            nodes: Vec::new(),
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            graceful: true,
            call: 300,
            queue: BTreeMap::new(),
            sequence: 0,
            epochs: BTreeMap::new(),
            executed: 0,
            moved: 0,
        }
    }

    pub fn up(&self) -> Vec<usize> {
        let up = |&node: &usize| self.nodes[node].up;
        (0..self.nodes.len()).filter(up).collect()
    }

    /// Those that take shards, or are about to.
    pub fn staying(&self) -> Vec<usize> {
        let mut up = self.up();
        up.retain(|&node| !self.nodes[node].leaving);
        up
    }

    pub fn after(&mut self, delay: Millis, node: usize, what: Happening) {
        self.sequence += 1;
        let run = self.nodes[node].run;
        let at = (self.now + delay, self.sequence);
        self.queue.insert(at, (node, run, what));
    }

    pub fn gossip(&mut self, from: usize, to: usize) {
        let (sender, other) = (&self.nodes[from], &self.nodes[to]);
        if from == to || !other.up || sender.side != other.side {
            return;
        }
        let stamp = (sender.run, sender.version);
        let value = sender.value.clone();
        let delay = match self.rng.random_range(0..10) {
            0 => self.rng.random_range(DELAY / 2..DELAY),
            _ => self.rng.random_range(5..DELAY / 2),
        };
        let what = Happening::Claim {
            to,
            from,
            stamp,
            value,
        };
        self.after(delay, to, what);
    }

    pub fn spread(&mut self, about: usize, presence: Presence, delay: Millis) {
        for to in self.up() {
            self.spread_to(to, about, presence, delay);
        }
    }

    pub fn spread_to(&mut self, to: usize, about: usize, presence: Presence, delay: Millis) {
        if to != about {
            let delay = delay + self.rng.random_range(5..DELAY);
            let run = self.nodes[about].run;
            let what = Happening::Presence {
                to,
                about,
                run,
                order: self.sequence,
                presence,
            };
            self.after(delay, to, what);
        }
    }

    /// A call arrives somewhere, and is run if it may be.
    pub fn call(&mut self) {
        let up = self.up();
        if up.is_empty() {
            return;
        }
        let node = up[self.rng.random_range(0..up.len())];
        let shard = self.rng.random_range(0..SHARDS) as Shard;
        let span = self.rng.random_range(1..=self.call);
        let it = &mut self.nodes[node];
        let may = it.handover.decide(shard) == Decision::Execute;
        let epoch = it.handover.begin(shard);
        assert_eq!(may, epoch.is_some());
        if let Some(epoch) = epoch {
            *it.running.entry(shard).or_default() += 1;
            self.executed += 1;
            self.after(span, node, Happening::CallOver(node, shard, epoch));
        }
    }

    /// Lets time pass.
    pub fn run(&mut self, span: Millis) {
        let until = self.now + span;
        loop {
            let queued = self.queue.first_key_value().map(|(&(at, _), _)| at);
            let wake = |&node: &usize| Some((self.nodes[node].handover.next_timeout()?, node));
            let timer = self.up().iter().filter_map(wake).min();
            let next = queued.into_iter().chain(timer.map(|(at, _)| at)).min();
            let Some(next) = next.filter(|&next| next <= until) else {
                break;
            };
            self.now = self.now.max(next);
            if queued == Some(next) {
                if let Some((_, (node, run, what))) = self.queue.pop_first()
                    && self.nodes[node].up
                    && self.nodes[node].run == run
                {
                    self.happen(what);
                }
            } else if let Some((_, node)) = timer {
                self.nodes[node].handover.handle_timeout(self.now);
                self.drive(node);
                let next = self.nodes[node].handover.next_timeout();
                assert!(
                    next.is_none_or(|next| next > self.now),
                    "it wants to be woken again"
                );
            }
            self.check();
        }
        self.now = until;
    }

    fn happen(&mut self, what: Happening) {
        let now = self.now;
        let node = match what {
            Happening::Claim {
                to,
                from,
                stamp,
                value,
            } => {
                self.hear(to, from, stamp, value);
                to
            }
            Happening::Presence {
                to,
                about,
                run,
                order,
                presence,
            } => {
                // What is decided later is not overtaken by what was before.
                let last = self.nodes[to].told.get(&about);
                if run == self.nodes[about].run && last <= Some(&order) {
                    self.nodes[to].told.insert(about, order);
                    self.hear_presence(to, about, presence);
                }
                to
            }
            Happening::Ready(node) => {
                self.nodes[node].handover.ready(now, true);
                node
            }
            Happening::HandlerDone(node, batch) => {
                self.nodes[node].handover.done(now, batch);
                node
            }
            Happening::CallOver(node, shard, epoch) => {
                let it = &mut self.nodes[node];
                *it.running.entry(shard).or_default() -= 1;
                it.handover.end(now, shard, epoch);
                node
            }
        };
        self.drive(node);
    }

    pub fn hear(&mut self, to: usize, from: usize, stamp: Stamp, value: Option<Vec<u8>>) {
        let id = self.nodes[from].id;
        let it = &mut self.nodes[to];
        let known = it.heard.get(&from).map(|(stamp, _)| *stamp);
        if known >= Some(stamp) {
            return;
        }
        let heard = &mut it.handover;
        if known.is_some_and(|known| known.0 < stamp.0) {
            heard.heard(self.now, id, None).expect("nothing to refuse");
            heard.presence(self.now, id, Presence::Here);
        }
        let claim = value
            .as_deref()
            .map(|bytes| Claim::decode(bytes).expect("a claim"));
        heard.heard(self.now, id, claim).expect("the same shards");
        it.heard.insert(from, (stamp, value));
    }

    pub fn hear_presence(&mut self, to: usize, about: usize, presence: Presence) {
        let id = self.nodes[about].id;
        let it = &mut self.nodes[to];
        it.presence.insert(about, presence);
        it.handover.presence(self.now, id, presence);
    }

    /// Does what a node wants.
    pub fn drive(&mut self, node: usize) {
        while let Some(output) = self.nodes[node].handover.poll() {
            match output {
                Output::Publish(value) => {
                    self.nodes[node].value = Some(value);
                    self.nodes[node].version += 1;
                    for other in self.up() {
                        self.gossip(node, other);
                    }
                }
                Output::Moved {
                    batch,
                    gained,
                    lost,
                    epoch,
                } => {
                    self.moved(node, &gained, &lost, epoch);
                    let span = self.rng.random_range(0..60);
                    self.after(span, node, Happening::HandlerDone(node, batch));
                }
                Output::Decide(shards) => assert!(!shards.is_empty()),
            }
        }
        let it = &mut self.nodes[node];
        if it.leaving && it.up && it.handover.drained(self.now) {
            it.up = false;
            self.spread(node, Presence::Gone, 0);
        }
    }

    fn moved(&mut self, node: usize, gained: &[Shard], lost: &[Shard], epoch: u64) {
        self.moved += gained.len() as u64;
        if !self.graceful {
            return;
        }
        for shard in gained {
            let before = self.epochs.insert(*shard, epoch);
            assert!(
                before < Some(epoch),
                "shard {shard}: epoch {epoch} after {before:?}"
            );
        }
        for shard in lost {
            let running = self.nodes[node].running.get(shard).copied();
            assert_eq!(
                running.unwrap_or(0),
                0,
                "shard {shard} is lost while calls run"
            );
        }
    }

    /// No shard is held by two, nor run by two.
    fn check(&self) {
        if !self.graceful {
            return;
        }
        let mut holders: BTreeMap<Shard, BTreeSet<usize>> = BTreeMap::new();
        for node in self.up() {
            let it = &self.nodes[node];
            let held = it.handover.held().map(|(shard, _)| shard);
            let running = it.running.iter().filter(|(_, n)| **n > 0);
            for shard in held.chain(running.map(|(&shard, _)| shard)) {
                holders.entry(shard).or_default().insert(node);
            }
        }
        let twice = holders.iter().find(|(_, nodes)| nodes.len() > 1);
        assert_eq!(twice, None, "at {} ms", self.now);
    }

    /// Every shard is executed by its target owner and nobody else, and all
    /// nodes name the same one.
    pub fn verify(&self) {
        let up = self.up();
        for shard in 0..SHARDS as Shard {
            let owner = self.nodes[up[0]].handover.ownership().owner(shard);
            for &node in &up {
                let it = &self.nodes[node];
                assert_eq!(it.handover.ownership().owner(shard), owner, "shard {shard}");
                let expected = match owner {
                    Some(owner) if owner == it.id => Decision::Execute,
                    Some(owner) => Decision::Forward(owner),
                    None => Decision::Nobody,
                };
                let decision = it.handover.decide(shard);
                assert_eq!(decision, expected, "shard {shard} at node {node}");
                let held = it.handover.held().any(|(held, _)| held == shard);
                assert_eq!(held, owner == Some(it.id), "shard {shard} at node {node}");
            }
        }
    }
}
