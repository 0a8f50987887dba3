//! Short random runs of everything that can go wrong. A long one is
//! `cargo run --release --example sim -- --scenario soak --hours 1`.

use seneca_gossip::sim::{Options, chaos};

use super::{finish, seeds};

#[test]
fn after_every_storm_the_cluster_is_whole() {
    seeds(8, |seed| {
        let nodes = 2 + (seed as usize * 3) % 11;
        let mut options = Options::new(seed);
        if seed % 2 == 0 {
            // What takes hours otherwise: tombstones and the dead are collected.
            options.config.tombstones = 10_000;
            options.config.remember = 60_000;
        }
        options.conditions.loss = [0.0, 0.05, 0.1][seed as usize % 3];
        let (world, result) = chaos(options, nodes, 30, 300_000);
        println!(
            "{nodes} nodes, seed {seed}: {} faults, whole after {}",
            result.faults, result.calm
        );
        assert!(result.wrong.is_empty(), "{:?}", result.wrong);
        finish(world, nodes);
    });
}
