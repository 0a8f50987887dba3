//! What owners of shards cost: the table from scratch, a node that joins or
//! leaves, and the shard and owner of one key. Run: `cargo bench --bench shards`.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use seneca_gossip::sharding::{Ownership, ShardCount, Weight};
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
}

/// The table of `nodes` from scratch, one node more, and that one less.
fn tables(nodes: usize, replicas: usize) -> [String; 3] {
    let id = |node| NodeId::of(&format!("10.0.0.{node}:4445"));
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
