//! A stopped process is not dead at once, and not for ever.

use seneca_gossip::engine::Event;
use seneca_gossip::membership::Status;
use seneca_gossip::sim::{Delay, Options, scenario};

use super::{finish, joined, joined_in, options, seeds};

#[test]
fn a_pause_of_one_and_a_half_seconds_kills_nobody() {
    seeds(2, |seed| {
        for (nodes, loss) in [(3, 0.0), (20, 0.0), (20, 0.05), (100, 0.05)] {
            let mut options = options(seed, nodes);
            options.conditions.loss = loss;
            options.conditions.delay = Delay::Uniform {
                min: 1.0,
                max: 50.0,
            };
            let mut world = joined_in(options, nodes);
            let pauses = scenario::pauses(&mut world, 20, 1_500, 5_000);
            println!("pauses, {nodes} nodes, loss {loss}, seed {seed}: {pauses:?}");
            assert_eq!((pauses.deaths, pauses.false_deaths), (0, 0));
            finish(world, nodes);
        }
    });
}

#[test]
fn who_is_accused_by_a_quorum_and_comes_back_in_time_refutes_it() {
    seeds(2, |seed| {
        let mut world = joined(seed, 20);
        // Most observers accuse it by then. The wait for its refutation begins
        // 1.6 s after the begin of the pause at the soonest, and takes 0.5 s.
        let pauses = scenario::pauses(&mut world, 20, 1_950, 4_000);
        println!("refuted, seed {seed}: {pauses:?}");
        assert_eq!((pauses.deaths, pauses.false_deaths), (0, 0));
        assert!(pauses.suspicions > 100, "no quorum had to be refuted");
        finish(world, 20);
    });
}

#[test]
fn a_pause_of_ten_seconds_is_death_and_then_life_again() {
    seeds(3, |seed| {
        for nodes in [2, 3, 10, 50] {
            let mut world = joined(seed, nodes);
            let stopped = world.pick(1, &[])[0];
            world.pause(stopped);
            let (dead, _) = world.detect(&[stopped], 10_000);
            assert!(
                dead.is_some_and(|time| time <= 5_000),
                "{nodes} nodes: {dead:?}"
            );
            world.run(10_000 - dead.unwrap_or(0));
            for id in world.running() {
                assert_eq!(world.status(id, stopped), Some(Status::Dead));
            }
            world.resume(stopped);
            let back = world.converge(10_000);
            println!("resumed, {nodes} nodes, seed {seed}: {back:?}");
            assert!(
                back.is_some_and(|time| time <= 2_000),
                "{nodes} nodes: {back:?}"
            );
            let before = world.deaths().len();
            world.run(20_000);
            let after = &world.deaths()[before..];
            assert_eq!(
                after,
                [],
                "{nodes} nodes: deaths after the end of the pause"
            );
            finish(world, nodes);
        }
    });
}

#[test]
fn a_node_that_was_stopped_blames_nobody_else_for_it() {
    seeds(5, |seed| {
        let options = Options {
            record: true,
            ..options(seed, 10)
        };
        let mut world = joined_in(options, 10);
        world.pause_for(4, 30_000);
        world.run(45_000);
        let blamed = world.heard().iter().filter(|heard| {
            let blames = matches!(heard.event, Event::Suspect { .. } | Event::Fail { .. });
            heard.node == 4 && blames
        });
        let blamed: Vec<_> = blamed.collect();
        assert!(blamed.is_empty(), "{blamed:?}");
        let wrong: Vec<_> = world
            .deaths()
            .iter()
            .filter(|death| death.observer == 4)
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        finish(world, 10);
    });
}

#[test]
fn all_nodes_may_be_stopped_at_once() {
    seeds(3, |seed| {
        let mut world = joined(seed, 10);
        for id in 0..10 {
            let span = 60_000 + world.random(1_500);
            world.pause_for(id, span);
        }
        world.run(62_000);
        let time = world.converge(10_000);
        assert!(
            time.is_some(),
            "after the machine slept: {:?} are strangers",
            world.blind()
        );
        finish(world, 10);
    });
}
