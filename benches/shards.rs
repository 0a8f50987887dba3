//! What owners of shards cost: the table from scratch, a node that joins or
//! leaves, the shard and owner of one key; and what is published and computed
//! when shards move. Run: `cargo bench --bench shards`.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use seneca_gossip::sharding::{
    Claim, Config, Decision, Handover, Output, Ownership, Presence, ShardCount, Weight,
};
use seneca_gossip::wire::NodeId;
use serde_json::Value;

const ROUNDS: u32 = 50;
const KEYS: u64 = 2_000_000;

fn main() {
    println!("16,384 shards, best and mean of {ROUNDS}, ms");
    for nodes in [3, 10, 100, 1_000] {
        for replicas in [0, 2] {
            let [scratch, join, leave] = tables(nodes, replicas);
            println!(
                "{nodes:>5} nodes, {replicas} replicas: from scratch {scratch}, join {join}, leave {leave}"
            );
        }
    }
    keys();
    for nodes in [2, 9, 99] {
        moves(nodes);
    }
}

/// The table of `nodes` from scratch, one node more, and that one less.
fn tables(nodes: usize, replicas: usize) -> [String; 3] {
    let weight = |node| Weight::new(if node % 2 == 0 { 1.0 } else { 2.0 });
    let members: BTreeMap<_, _> = (0..nodes).map(|n| (id(n), weight(n))).collect();
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..ROUNDS as usize {
        let mut measure = |what: usize, run: &mut dyn FnMut() -> usize| {
            let start = Instant::now();
            black_box(run());
            times[what].push(start.elapsed().as_secs_f64() * 1e3);
        };
        let mut ownership = Ownership::new(ShardCount::DEFAULT, replicas);
        measure(0, &mut || ownership.update(&members).len());
        let newcomer = id(nodes + round);
        measure(1, &mut || ownership.insert(newcomer, Weight::ONE).len());
        measure(2, &mut || ownership.remove(newcomer).len());
    }
    times.map(|times| {
        let best = times.iter().copied().fold(f64::MAX, f64::min);
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        format!("{best:.3} / {mean:.3}")
    })
}

fn keys() {
    let mut ownership = Ownership::new(ShardCount::DEFAULT, 0);
    for node in 0..100 {
        ownership.insert(NodeId(node << 40), Weight::ONE);
    }
    let keys: Vec<_> = (0..1_000)
        .map(|n| Value::from(format!("user-{n}")))
        .collect();
    let numbers: Vec<_> = (0..1_000u64).map(|n| Value::from(n * 7_919)).collect();
    for (kind, keys) in [("text", keys), ("number", numbers)] {
        let start = Instant::now();
        for key in keys.iter().cycle().take(KEYS as usize) {
            let shard = ShardCount::DEFAULT.of(key).expect("a key");
            black_box(ownership.owner(shard));
        }
        let each = start.elapsed().as_nanos() as f64 / KEYS as f64;
        println!("owner of a key, {kind}: {each:.1} ns");
    }
}

/// Nodes that hear at once what others publish.
struct Cluster {
    now: u64,
    nodes: Vec<Handover>,
    /// What each published last, and has not been told.
    said: Vec<Option<Vec<u8>>>,
    largest: usize,
    /// Times of `heard`, ms.
    heard: Vec<f64>,
}

impl Cluster {
    fn join(&mut self) {
        let node = self.nodes.len();
        self.nodes.push(Handover::new(id(node), Config::default()));
        self.said.push(None);
    }

    fn drain(&mut self, node: usize) {
        let handover = &mut self.nodes[node];
        while let Some(output) = handover.poll() {
            match output {
                Output::Publish(bytes) => {
                    self.largest = self.largest.max(bytes.len());
                    self.said[node] = Some(bytes);
                }
                Output::Moved { batch, .. } => handover.done(self.now, batch),
                Output::Decide(_) => {}
            }
        }
    }

    /// Until nothing is said any more, for a while.
    fn run(&mut self, span: u64) {
        let until = self.now + span;
        while self.now < until {
            self.now += 100;
            for node in 0..self.nodes.len() {
                if self.nodes[node].next_timeout() <= Some(self.now) {
                    self.nodes[node].handle_timeout(self.now);
                    self.drain(node);
                }
            }
            for from in 0..self.nodes.len() {
                let Some(bytes) = self.said[from].take() else {
                    continue;
                };
                let claim = Claim::decode(&bytes).expect("a claim");
                for to in (0..self.nodes.len()).filter(|&to| to != from) {
                    let claim = Some(claim.clone());
                    let start = Instant::now();
                    let heard = self.nodes[to].heard(self.now, id(from), claim);
                    self.heard.push(start.elapsed().as_secs_f64() * 1e3);
                    heard.expect("the same shards");
                    self.drain(to);
                }
            }
        }
    }

    fn figures(&mut self, what: &str) {
        let most = self.heard.iter().copied().fold(0.0, f64::max);
        let mean = self.heard.iter().sum::<f64>() / self.heard.len().max(1) as f64;
        println!(
            "{what}: largest claim {} bytes, one heard in {mean:.3} ms (mean), {most:.3} (most)",
            std::mem::take(&mut self.largest)
        );
        self.heard.clear();
    }
}

fn id(node: usize) -> NodeId {
    NodeId::of(&format!("10.0.0.{node}:4445"))
}

/// A node joins so many, and another leaves.
fn moves(nodes: usize) {
    let mut cluster = Cluster {
        now: 0,
        nodes: Vec::new(),
        said: Vec::new(),
        largest: 0,
        heard: Vec::new(),
    };
    for node in 0..nodes {
        cluster.join();
        cluster.nodes[node].ready(0, true);
        cluster.drain(node);
    }
    cluster.run(15_000);
    cluster.largest = 0;
    cluster.heard.clear();
    cluster.join();
    for from in 0..nodes {
        let claim = claim_of(&cluster.nodes[from]);
        cluster.nodes[nodes]
            .heard(cluster.now, id(from), Some(claim))
            .expect("the same shards");
    }
    cluster.nodes[nodes].ready(cluster.now, true);
    cluster.drain(nodes);
    cluster.run(15_000);
    cluster.figures(&format!("a node joins {nodes}"));
    cluster.nodes[0].ready(cluster.now, false);
    cluster.drain(0);
    cluster.run(1_500);
    assert!(cluster.nodes[0].drained(cluster.now));
    for node in 1..=nodes {
        cluster.nodes[node].presence(cluster.now, id(0), Presence::Gone);
        cluster.drain(node);
    }
    cluster.run(15_000);
    cluster.figures(&format!("and one leaves {}", nodes + 1));
    let owned = |node: &Handover| {
        node.held()
            .all(|(s, _)| node.decide(s) == Decision::Execute)
    };
    assert!(cluster.nodes.iter().all(owned));
}

/// What a node without grants publishes.
fn claim_of(node: &Handover) -> Claim {
    Claim {
        ready: true,
        shards: ShardCount::DEFAULT,
        key: "id".to_owned(),
        weight: Weight::ONE,
        epoch: node.epoch(),
        held: node.held().map(|(shard, _)| shard).collect(),
        grants: Vec::new(),
    }
}
