//! One bad observer evicts nobody. (Deaf, one-way and lying ones:
//! `partition.rs`.)

use seneca_gossip::sim::{Crash, Death, World, scenario};

use super::{finish, joined, joined_in, options, seeds};

/// Deaths of others than the bad one, in the eyes of others. (For itself it may
/// be as good as cut off for a moment.)
fn victims(world: &World, bad: usize) -> Vec<Death> {
    let deaths = world.deaths().iter();
    deaths
        .filter(|d| d.subject != bad && d.observer != bad)
        .cloned()
        .collect()
}

/// Pings are rare here: five of eight observers would be through with theirs
/// after three seconds as a rule, the first one is after half of one.
#[test]
fn a_refusal_is_checked_at_once_by_all_observers() {
    seeds(2, |seed| {
        let mut options = options(seed, 12);
        options.config.ping = 5_000;
        options.config.silence = 20_000;
        let mut world = joined_in(options, 12);
        let found = scenario::crashes(&mut world, 15, Crash::Closed);
        println!("pings every 5 s, seed {seed}: {}", found.last);
        assert_eq!(found.missed, 0);
        assert!(found.last.percentile(0.5) <= 1_700, "{}", found.last);
        finish(world, 12);
    });
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
