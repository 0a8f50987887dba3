//! Nodes find each other, and news spreads.

use seneca_gossip::sim::{Options, World, scenario};

use super::{finish, joined, joined_in, options, rough, seeds};

/// All nodes start at once and know one seed.
fn join(seed: u64, nodes: usize, limit: u64) {
    let (mut world, time) = scenario::joined(options(seed, nodes), nodes);
    let Some(time) = time else {
        panic!("{nodes} nodes: {:?} are strangers", world.blind());
    };
    println!("join of {nodes}, seed {seed}: {time} ms");
    assert!(time <= limit, "{nodes} nodes took {time} ms");
    world.run(10_000);
    assert_eq!(world.deaths(), [], "false deaths while joining");
    finish(world, nodes);
}

#[test]
fn three_join_through_one_seed() {
    seeds(10, |seed| join(seed, 3, 1_000));
}

#[test]
fn twenty_join_through_one_seed() {
    seeds(5, |seed| join(seed, 20, 2_000));
}

#[test]
fn a_hundred_join_through_one_seed() {
    seeds(2, |seed| join(seed, 100, 5_000));
}

#[test]
fn two_hundred_join_through_one_seed() {
    seeds(1, |seed| join(seed, 200, 10_000));
}

#[test]
fn nodes_join_though_a_third_of_all_datagrams_is_lost() {
    seeds(3, |seed| {
        let options = Options {
            conditions: rough(0.33),
            ..options(seed, 10)
        };
        let (world, time) = scenario::joined(options, 10);
        assert!(
            time.is_some_and(|time| time < 20_000),
            "{time:?}, {:?}",
            world.blind()
        );
        finish(world, 10);
    });
}

#[test]
fn nodes_find_each_other_when_the_seed_starts_last() {
    seeds(3, |seed| {
        let mut world = World::new(options(seed, 8));
        let first = world.add(&[]);
        let others: Vec<_> = (0..7).map(|_| world.add(&[first])).collect();
        others.iter().for_each(|&id| world.start(id));
        world.run(20_000);
        world.start(first);
        let time = world.converge(10_000);
        assert!(time.is_some(), "{:?} are strangers", world.blind());
        finish(world, 8);
    });
}

#[test]
fn a_chain_of_seeds_becomes_one_cluster() {
    seeds(3, |seed| {
        let mut world = World::new(options(seed, 12));
        let mut last = world.add(&[]);
        world.start(last);
        for _ in 1..12 {
            last = world.add(&[last]);
            world.start(last);
        }
        let time = world.converge(10_000);
        assert!(time.is_some(), "{:?} are strangers", world.blind());
        finish(world, 12);
    });
}

#[test]
fn a_key_reaches_all_within_a_few_rounds() {
    seeds(2, |seed| {
        for (nodes, conditions, limit) in [
            (3, None, 600),
            (20, None, 1_500),
            (100, None, 2_000),
            (100, Some(rough(0.05)), 3_000),
        ] {
            let mut options = options(seed, nodes);
            options.conditions = conditions.unwrap_or(options.conditions);
            let mut world = joined_in(options, nodes);
            let spread = scenario::spread(&mut world, 10);
            println!("spread over {nodes}, seed {seed}: {}", spread.last);
            assert_eq!(spread.missed, 0);
            assert!(spread.last.max() <= limit, "{nodes} nodes: {}", spread.last);
            finish(world, nodes);
        }
    });
}

#[test]
fn nobody_dies_and_little_is_sent_while_nothing_happens() {
    seeds(2, |seed| {
        for (nodes, limit) in [(3, 2_000.0), (20, 8_000.0), (100, 8_000.0)] {
            let mut world = joined(seed, nodes);
            let quiet = scenario::quiet(&mut world, 60_000);
            println!("quiet {nodes}, seed {seed}: {quiet:?}");
            assert_eq!((quiet.deaths, quiet.suspicions), (0, 0));
            assert!(
                quiet.rate.bytes <= limit,
                "{} bytes per second",
                quiet.rate.bytes
            );
            assert!(quiet.rate.longest <= 1_200);
            finish(world, nodes);
        }
    });
}

#[test]
fn a_seed_gives_the_same_run_to_the_byte() {
    let run = |seed| {
        let options = Options {
            conditions: rough(0.1),
            ..options(seed, 12)
        };
        let mut world = joined_in(options, 12);
        let victim = world.pick(1, &[0])[0];
        world.restart(victim, 5_000);
        world.run(10_000);
        (world.fingerprint(), world.total_traffic())
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7).0, run(8).0);
}
