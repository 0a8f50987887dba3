//! What nodes know of each other's keys.

use seneca_gossip::engine::{Event, SetError, Told};
use seneca_gossip::sim::{Options, World};

use super::{finish, joined, joined_in, options, rough, seeds};

/// Waits until all running nodes hold the same keys and values of an owner as
/// itself.
fn agree(world: &mut World, owner: usize, limit: u64) -> Option<u64> {
    world.wait(limit, |world| {
        let name = world.name(owner);
        let wanted = world.engine(owner).entries(name);
        world
            .running()
            .iter()
            .all(|&id| world.engine(id).entries(name) == wanted)
    })
}

#[test]
fn all_end_with_the_same_state_under_loss_duplication_and_reordering() {
    seeds(4, |seed| {
        let options = Options {
            conditions: rough(0.2),
            ..options(seed, 10)
        };
        let mut world = joined_in(options, 10);
        for step in 0..400 {
            let id = world.random(10) as usize;
            let key = format!(".k{}", world.random(12));
            if world.random(4) == 0 {
                world.remove(id, &key);
            } else {
                let value = vec![step as u8; world.random(300) as usize];
                world.set(id, &key, &value).unwrap();
            }
            let gap = world.random(60);
            world.run(gap);
        }
        for owner in 0..10 {
            let time = agree(&mut world, owner, 15_000);
            assert!(time.is_some(), "not all know the keys of {owner}");
        }
        finish(world, 10);
    });
}

#[test]
fn a_deleted_key_is_not_resurrected_by_a_node_that_missed_it() {
    seeds(3, |seed| {
        let mut world = joined(seed, 8);
        world.set(2, ".doomed", b"alive").unwrap();
        world.set(2, ".kept", b"alive").unwrap();
        world.run(3_000);
        world.partition(&[&[5, 6]]);
        assert_eq!(world.remove(2, ".doomed"), Told::Now);
        // Longer than tombstones are kept.
        world.run(7_200_000);
        assert!(world.holds(5, 2, ".doomed", b"alive"), "it cannot know");
        world.heal();
        let time = agree(&mut world, 2, 60_000);
        assert!(time.is_some(), "the removal has not come through");
        world.run(20_000);
        for id in 0..8 {
            assert_eq!(world.value(id, 2, ".doomed"), None, "resurrected at {id}");
            assert!(world.holds(id, 2, ".kept", b"alive"));
        }
        finish(world, 8);
    });
}

#[test]
fn a_newcomer_does_not_learn_of_deleted_keys() {
    seeds(3, |seed| {
        let options = Options {
            record: true,
            ..options(seed, 5)
        };
        let mut world = joined_in(options, 5);
        world.set(1, ".was", b"here").unwrap();
        world.run(2_000);
        world.remove(1, ".was");
        world.run(2_000);
        let late = world.add(&[0]);
        world.start(late);
        assert!(world.converge(5_000).is_some());
        world.run(2_000);
        let resurrected = world.heard().iter().any(|heard| {
            let Event::Update { key, value, .. } = &heard.event else {
                return false;
            };
            heard.node == late && key == ".was" && value.is_some()
        });
        assert!(!resurrected, "a value that is gone was told as news");
        finish(world, 6);
    });
}

#[test]
fn a_value_as_large_as_allowed_does_not_block_what_is_behind_it() {
    seeds(3, |seed| {
        for (nodes, loss) in [(3, 0.0), (10, 0.1)] {
            let mut options = options(seed, nodes);
            options.conditions.loss = loss;
            let largest = options.config.limits.value;
            let mut world = joined_in(options, nodes);
            world.set(1, ".before", b"small").unwrap();
            world.set(1, ".huge", &vec![7; largest]).unwrap();
            world.set(1, ".behind", b"small").unwrap();
            let time = agree(&mut world, 1, 20_000);
            println!("{largest} bytes to {nodes}, loss {loss}, seed {seed}: {time:?}");
            assert!(time.is_some_and(|time| time <= 10_000), "{time:?}");
            finish(world, nodes);
        }
    });
}

#[test]
fn a_value_larger_than_allowed_is_refused_at_once_and_harms_nothing() {
    seeds(2, |seed| {
        let mut world = joined(seed, 3);
        let limit = options(seed, 3).config.limits.value;
        let refused = world.set(1, ".huge", &vec![7; limit + 1]);
        assert!(
            matches!(refused, Err(SetError::ValueTooLarge { .. })),
            "{refused:?}"
        );
        world.set(1, ".behind", b"small").unwrap();
        assert!(agree(&mut world, 1, 2_000).is_some());
        finish(world, 3);
    });
}

#[test]
fn a_state_that_fills_many_messages_comes_across_whole() {
    seeds(2, |seed| {
        let mut world = joined(seed, 5);
        for key in 0..400 {
            let value = vec![key as u8; 100 + world.random(900) as usize];
            world.set(2, &format!(".key{key}"), &value).unwrap();
        }
        // 220 kB are more than a node may change at once: flow control.
        let written = |world: &World| world.engine(2).entries(world.name(2)).len() >= 400;
        let time = world.wait(120_000, written);
        assert!(time.is_some(), "held back for too long");
        let time = agree(&mut world, 2, 30_000);
        println!("400 keys to 5, seed {seed}: {time:?}");
        assert!(time.is_some_and(|time| time <= 10_000), "{time:?}");
        let late = world.add(&[0]);
        world.start(late);
        let time = world.wait(20_000, |world| {
            world.engine(late).entries(world.name(2)).len() >= 400
        });
        println!("400 keys to a newcomer, seed {seed}: {time:?}");
        assert!(time.is_some_and(|time| time <= 5_000), "{time:?}");
        finish(world, 6);
    });
}

#[test]
fn a_state_that_is_full_says_so() {
    seeds(1, |seed| {
        let mut options = options(seed, 3);
        options.config.limits.keys = 50;
        let mut world = joined_in(options, 3);
        let mut refused = 0;
        for key in 0..60 {
            if let Err(error) = world.set(1, &format!(".key{key}"), b"x") {
                assert!(matches!(error, SetError::Full { .. }), "{error:?}");
                refused += 1;
            }
        }
        assert!(refused >= 10, "60 keys with a limit of 50");
        assert!(agree(&mut world, 1, 5_000).is_some());
        finish(world, 3);
    });
}

#[test]
fn setting_the_same_value_again_moves_nothing() {
    seeds(1, |seed| {
        let mut world = joined(seed, 3);
        assert_eq!(world.set(1, ".same", b"value"), Ok(Told::Now));
        let before = world.engine(1).digest_of(world.name(1));
        assert_eq!(world.set(1, ".same", b"value"), Ok(Told::Unchanged));
        assert_eq!(world.remove(1, ".never"), Told::Unchanged);
        assert_eq!(world.engine(1).digest_of(world.name(1)), before);
        finish(world, 3);
    });
}
