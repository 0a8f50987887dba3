//! Two nodes that were given one name: each says so, and nobody else suffers.

use seneca_gossip::engine::{Event, Level};
use seneca_gossip::sim::{Check, Crash, Options, World};

use super::{options, seeds};

/// Lines about a double that a node has logged: when, and what.
fn lines(world: &World, node: usize) -> Vec<(u64, String)> {
    let heard = world.heard().iter().filter(|h| h.node == node);
    let logged = heard.filter_map(|h| match &h.event {
        Event::Log { level, text } if text.contains("somebody else speaks as") => {
            assert_eq!(*level, Level::Warn);
            Some((h.at, text.clone()))
        }
        _ => None,
    });
    logged.collect()
}

#[test]
fn of_two_nodes_with_one_name_each_says_so_and_where_the_other_is() {
    seeds(3, |seed| {
        for gap in [7, 5_000] {
            let options = Options {
                record: true,
                // Two owners write under one name: the oracle would complain.
                check: Check::Off,
                ..options(seed, 8)
            };
            let mut world = World::new(options);
            world.cluster(4);
            let hosts = [world.add(&[]), world.add(&[])];
            let twins = hosts.map(|host| world.add_at(host, "twin:7000", &[0]));
            for twin in twins {
                world.start(twin);
                world.run(gap);
            }
            world.run(30_000);
            for (twin, other) in twins.into_iter().zip([twins[1], twins[0]]) {
                let said = lines(&world, twin);
                assert!(!said.is_empty(), "{twin} says nothing");
                let there = world.addr(other).to_string();
                for part in ["'twin:7000'", &there, "another address or port"] {
                    let told = said.iter().any(|(_, text)| text.contains(part));
                    assert!(told, "{twin} does not name {part}: {said:?}");
                }
            }
            world.run(270_000);
            for twin in twins {
                let said = lines(&world, twin);
                assert!((3..=12).contains(&said.len()), "in 5 minutes: {said:?}");
            }
            // The others have one cluster, with one of the two.
            for id in 0..4 {
                assert_eq!(lines(&world, id), []);
                for other in (0..4).filter(|&other| other != id) {
                    assert!(world.sees(id, other));
                }
            }
            // Whichever of them is stopped, the other one is seen.
            for (gone, left) in [(0, 1), (1, 0)] {
                world.crash(twins[gone], Crash::Silent);
                let seen = world.wait(90_000, |world| (0..4).all(|id| world.sees(id, twins[left])));
                assert!(seen.is_some(), "{left} is not let in");
                world.start(twins[gone]);
                world.run(90_000);
            }
        }
    });
}

#[test]
fn the_older_of_two_nodes_with_one_name_stays_and_both_are_told_so() {
    seeds(5, |seed| {
        // Started after it, at the same moment, and after it with a clock that is behind.
        for (gap, behind) in [(5_000, 0), (7, 0), (5_000, 1_000)] {
            let options = Options {
                record: true,
                check: Check::Off,
                ..options(seed, 8)
            };
            let mut world = World::new(options);
            world.cluster(4);
            world.run(5_000);
            let hosts = [world.add(&[]), world.add(&[])];
            let [first, second] = hosts.map(|host| world.add_at(host, "twin:7000", &[0]));
            world.start(first);
            world.run(gap);
            world.set_skew(second, -behind);
            world.start(second);
            // They may both have been let in, by different nodes, when they came at once.
            world.run(20_000);
            let there = world.addr(first);
            for _ in 0..300 {
                world.run(200);
                for id in 0..4 {
                    let seen = world.member(id, first).and_then(|m| m.addr);
                    assert_eq!(seen, Some(there), "at {id}, gap {gap}");
                }
            }
            let told = |node, words: &str| {
                let said = lines(&world, node);
                assert!(
                    said.iter().any(|(_, text)| text.contains(words)),
                    "gap {gap}: {said:?}"
                );
            };
            told(first, "it is not let in, since this node was here first");
            told(second, "was here first: this node is not let in");
            // When it goes the other one is let in, by all.
            world.crash(first, Crash::Closed);
            let seen = world.wait(90_000, |world| (0..4).all(|id| world.sees(id, second)));
            assert!(seen.is_some(), "the second is not let in, gap {gap}");
        }
    });
}

#[test]
fn a_node_that_moves_takes_the_place_of_its_former_self() {
    seeds(5, |seed| {
        for crash in [Crash::Closed, Crash::Silent] {
            let options = Options {
                record: true,
                check: Check::Off,
                ..options(seed, 8)
            };
            let mut world = World::new(options);
            world.cluster(4);
            let hosts = [world.add(&[]), world.add(&[])];
            let [before, after] = hosts.map(|host| world.add_at(host, "mover:7000", &[0]));
            world.start(before);
            world.run(5_000);
            assert!((0..4).all(|id| world.sees(id, before)));
            world.crash(before, crash);
            world.run(50);
            world.start(after);
            let seen = world.wait(4_000, |world| (0..4).all(|id| world.sees(id, after)));
            assert!(seen.is_some(), "it is not found at its new address");
            assert_eq!(lines(&world, after), []);
        }
    });
}

#[test]
fn twins_that_meet_each_other_only_say_so_as_well() {
    seeds(3, |seed| {
        let options = Options {
            record: true,
            check: Check::Off,
            ..options(seed, 2)
        };
        let mut world = World::new(options);
        let hosts = [world.add(&[]), world.add(&[])];
        let first = world.add_at(hosts[0], "twin:7000", &[]);
        // Each is the other's seed: nobody else could tell them.
        let second = world.add_at(hosts[1], "twin:7000", &[first]);
        world.set_seeds(first, &[second]);
        world.start(first);
        world.run(7);
        world.start(second);
        world.run(30_000);
        for (twin, other) in [(first, second), (second, first)] {
            let said = lines(&world, twin);
            assert_eq!(said.len(), 1, "{said:?}");
            let there = world.addr(other).ip().to_string();
            assert!(said[0].1.contains(&there), "{said:?}");
        }
    });
}

#[test]
fn a_restart_is_no_double() {
    seeds(3, |seed| {
        let options = Options {
            record: true,
            ..options(seed, 5)
        };
        let mut world = super::joined_in(options, 5);
        for downtime in [20, 300, 8_000] {
            world.restart(3, downtime);
            world.run(downtime + 5_000);
        }
        for id in 0..5 {
            assert_eq!(lines(&world, id), [], "at {id}");
        }
        super::finish(world, 5);
    });
}
