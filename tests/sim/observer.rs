//! One bad observer evicts nobody. (Deaf, one-way and lying ones:
//! `partition.rs`.)

use seneca_gossip::sim::{Death, World};

use super::{finish, joined, seeds};

/// Deaths of others than the bad one, in the eyes of others. (For itself it may
/// be as good as cut off for a moment.)
fn victims(world: &World, bad: usize) -> Vec<Death> {
    let deaths = world.deaths().iter();
    deaths
        .filter(|d| d.subject != bad && d.observer != bad)
        .cloned()
        .collect()
}

#[test]
fn a_slow_observer_evicts_nobody() {
    seeds(3, |seed| {
        for (nodes, by) in [(5, 1_200), (12, 400), (12, 1_200), (12, 3_000)] {
            let mut world = joined(seed, nodes);
            for _ in 0..3 {
                world.slow(3, by);
                world.run(15_000);
                world.slow(3, 0);
                world.run(5_000);
            }
            assert_eq!(victims(&world, 3), [], "{nodes} nodes, {by} ms");
            assert!(world.converge(10_000).is_some(), "{:?}", world.blind());
            finish(world, nodes);
        }
    });
}

#[test]
fn a_starved_observer_evicts_nobody() {
    seeds(3, |seed| {
        for nodes in [3, 12] {
            let mut world = joined(seed, nodes);
            for _ in 0..40 {
                let (stopped, runs) = (world.random(3_500), world.random(400));
                world.pause_for(1, stopped);
                world.run(stopped + runs + 1);
            }
            assert_eq!(victims(&world, 1), [], "{nodes} nodes");
            assert!(world.converge(10_000).is_some(), "{:?}", world.blind());
            finish(world, nodes);
        }
    });
}
