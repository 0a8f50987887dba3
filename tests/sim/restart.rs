//! Who comes back is new, and known as such.

use seneca_gossip::membership::Status;
use seneca_gossip::sim::{Crash, Run, World, scenario};

use super::{finish, joined, joined_in, options, rough, seeds};

#[test]
fn a_restart_supersedes_the_past_at_once_and_shows_the_new_state() {
    seeds(3, |seed| {
        for (nodes, downtime) in [(2, 10), (3, 200), (10, 10), (10, 3_000), (50, 200)] {
            let mut world = joined(seed, nodes);
            let id = nodes - 1;
            world.set(id, ".color", b"red").unwrap();
            world.set(id, ".gone", b"only in the first life").unwrap();
            (0..20).for_each(|_| {
                let value = world.random(u64::MAX).to_be_bytes();
                world.set(id, ".often", &value).unwrap();
            });
            world.run(3_000);
            for other in 0..id {
                assert!(
                    world.holds(other, id, ".color", b"red"),
                    "before the restart"
                );
            }
            world.restart(id, downtime);
            world.run(downtime);
            world.set(id, ".color", b"blue").unwrap();
            let time = world.wait_pairs(5_000, |world, a, b| {
                world.sees(a, b) && (b != id || world.holds(a, b, ".color", b"blue"))
            });
            assert!(
                time.is_some_and(|time| time <= 2_000),
                "{nodes} nodes: {time:?}"
            );
            for other in 0..id {
                assert_eq!(
                    world.value(other, id, ".gone"),
                    None,
                    "a key of the former life"
                );
            }
            world.run(10_000);
            assert_eq!(world.blind(), None, "it stays alive");
            finish(world, nodes);
        }
    });
}

#[test]
fn the_seed_may_restart() {
    seeds(3, |seed| {
        for downtime in [50, 10_000] {
            let mut world = joined(seed, 10);
            world.restart(0, downtime);
            world.run(downtime);
            let time = world.converge(10_000);
            assert!(time.is_some_and(|time| time <= 2_000), "{time:?}");
            finish(world, 10);
        }
    });
}

#[test]
fn a_restart_of_all_leaves_nobody_dead() {
    seeds(2, |seed| {
        for (nodes, within) in [(3, 100), (10, 2_000), (60, 5_000)] {
            let mut world = joined(seed, nodes);
            let time = scenario::restart_all(&mut world, within);
            println!("restart of all {nodes} within {within} ms, seed {seed}: {time:?}");
            assert!(
                time.is_some_and(|time| time <= within + 5_000),
                "{nodes}: {time:?} {:?}",
                world.blind()
            );
            world.run(10_000);
            assert_eq!(world.blind(), None, "later");
            finish(world, nodes);
        }
    });
}

#[test]
fn a_node_whose_clock_was_set_back_is_not_taken_for_its_past() {
    seeds(3, |seed| {
        let mut world = joined(seed, 8);
        world.set(5, ".life", b"first").unwrap();
        world.run(3_000);
        world.set_skew(5, -3_600_000);
        world.restart(5, 1_000);
        world.run(1_000);
        world.set(5, ".life", b"second").unwrap();
        let time = world.wait_pairs(10_000, |world, a, b| {
            world.sees(a, b) && (b != 5 || world.holds(a, b, ".life", b"second"))
        });
        assert!(
            time.is_some_and(|time| time <= 5_000),
            "{time:?}, {:?}",
            world.blind()
        );
        finish(world, 8);
    });
}

#[test]
fn an_address_may_be_used_by_another_node() {
    seeds(3, |seed| {
        for crash in [Crash::Closed, Crash::Silent] {
            let mut world = joined(seed, 8);
            world.set(4, ".who", b"the old tenant").unwrap();
            world.run(2_000);
            world.crash(4, crash);
            // Before anybody has noticed, another node has the address.
            let tenant = world.add_at(4, "tenant:7000", &[0]);
            world.start(tenant);
            world.set(tenant, ".who", b"the new tenant").unwrap();
            let time = world.wait(15_000, |world| {
                let running = world.running();
                running.iter().all(|&id| {
                    let dead = id == 4 || world.status(id, 4) == Some(Status::Dead);
                    let known = id == tenant || world.sees(id, tenant);
                    let who = id == tenant || world.holds(id, tenant, ".who", b"the new tenant");
                    dead && known && who
                })
            });
            assert!(
                time.is_some(),
                "{crash:?}: the old one is not dead, or the new one unknown"
            );
            world.run(15_000);
            for id in world.running() {
                assert!(id == tenant || world.sees(id, tenant), "it stays alive");
                assert_eq!(world.status(id, 4), Some(Status::Dead), "it stays dead");
            }
            finish(world, 9);
        }
    });
}

/// Unless something else has started it already.
fn start_again(world: &mut World, id: usize) {
    if world.run_state(id) == Run::Down {
        world.start(id);
    }
}

#[test]
fn random_crashes_and_restarts_end_in_one_view() {
    seeds(4, |seed| {
        let mut options = options(seed, 15);
        options.conditions = rough(0.05);
        let mut world = joined_in(options, 15);
        for step in 0..60 {
            if let Some(&id) = world.pick(1, &[]).first() {
                let (what, span) = (world.random(4), world.random(8_000));
                match what {
                    0 => world.restart(id, span),
                    1 => world.pause_for(id, span),
                    2 => {
                        world.leave(id, 300);
                        let at = world.now() + 400 + span;
                        world.at(at, move |world| start_again(world, id));
                    }
                    _ => {
                        world.crash(id, Crash::Silent);
                        let at = world.now() + span;
                        world.at(at, move |world| start_again(world, id));
                    }
                }
            }
            if let Some(&id) = world.pick(1, &[]).first() {
                world
                    .set(id, ".step", format!("{step}").as_bytes())
                    .unwrap();
            }
            let gap = world.random(1_500);
            world.run(gap);
        }
        world.run(10_000);
        assert_eq!(world.running().len(), 15);
        let time = world.converge(10_000);
        assert!(time.is_some(), "{:?} are strangers", world.blind());
        finish(world, 15);
    });
}
