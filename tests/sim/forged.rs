//! Lies about real nodes: what somebody else says in their name.

use std::sync::Arc;

use seneca_gossip::membership::Status;
use seneca_gossip::sim::{Check, EPOCH, World, forge};
use seneca_gossip::wire::{Delta, Entry, NodeId, Stage};

use super::hostile::{stranger, unharmed};
use super::{joined, joined_in, options, seeds};

fn own(world: &World, id: usize) -> Vec<(String, Arc<[u8]>)> {
    world.engine(id).entries(world.name(id))
}

#[test]
fn state_about_ourselves_from_somebody_else_is_not_accepted() {
    seeds(3, |seed| {
        let mut world = joined(seed, 5);
        world.set(2, ".mine", b"true").unwrap();
        world.run(2_000);
        let before = own(&world, 2);
        let generation = world.engine(2).generation();
        let name = world.name(2).to_owned();
        let addr = world.addr(2).to_string();
        for generation in [
            generation - 1,
            generation,
            generation + 1,
            generation + 1_000,
        ] {
            let mut forged = forge::claim(&name, generation, &addr, &[(".mine", b"false")]);
            forged.entries.last_mut().unwrap().version = 1_000;
            forged.upto = 1_000;
            for from in ["liar:1", &name] {
                let message = forge::gossip("default", from, &[], std::slice::from_ref(&forged));
                world.inject(2, stranger(), message);
                world.run(500);
            }
        }
        for (key, value) in &before {
            if key.starts_with('.') {
                assert_eq!(world.value(2, 2, key).as_ref(), Some(value), "{key}");
            }
        }
        world.run(5_000);
        for id in 0..5 {
            assert!(world.holds(id, 2, ".mine", b"true"), "at {id}");
        }
        unharmed(world, 5);
    });
}

#[test]
fn a_forged_newer_run_of_a_member_does_not_replace_it() {
    seeds(3, |seed| {
        let mut world = joined(seed, 6);
        world.set(2, ".mine", b"true").unwrap();
        world.run(2_000);
        let (name, addr) = (world.name(2).to_owned(), world.addr(2).to_string());
        let generation = world.engine(2).generation();
        for ahead in [1, 1_000, 3_600_000] {
            let forged = forge::claim(&name, generation + ahead, &addr, &[(".mine", b"false")]);
            for id in (0..6).filter(|&id| id != 2) {
                let message =
                    forge::gossip("default", "liar:1", &[], std::slice::from_ref(&forged));
                world.inject(id, stranger(), message);
            }
            world.run(3_000);
            for id in 0..6 {
                assert!(
                    world.holds(id, 2, ".mine", b"true"),
                    "at {id}, {ahead} ms ahead"
                );
                assert!(id == 2 || world.status(id, 2) == Some(Status::Alive));
            }
        }
        unharmed(world, 6);
    });
}

#[test]
fn generations_in_the_far_future_are_refused() {
    seeds(2, |seed| {
        let mut world = joined(seed, 4);
        world.set(1, ".mine", b"true").unwrap();
        world.run(2_000);
        let (name, addr) = (world.name(1).to_owned(), world.addr(1).to_string());
        for generation in [EPOCH + 10 * 365 * 86_400_000, (1 << 53) - 1, 1 << 53] {
            let forged = forge::claim(&name, generation, &addr, &[(".mine", b"false")]);
            for id in 0..4 {
                let message =
                    forge::gossip("default", "liar:1", &[], std::slice::from_ref(&forged));
                world.inject(id, stranger(), message);
            }
            world.run(1_000);
        }
        world.run(10_000);
        assert!(
            world.engine(1).generation() < EPOCH + 86_400_000,
            "it went along"
        );
        for id in 0..4 {
            assert!(world.holds(id, 1, ".mine", b"true"), "at {id}");
        }
        // The real next run of it is still accepted.
        world.restart(1, 500);
        world.run(500);
        assert!(world.converge(5_000).is_some(), "{:?}", world.blind());
        unharmed(world, 4);
    });
}

#[test]
fn versions_in_the_far_future_do_not_silence_their_owner() {
    seeds(2, |seed| {
        let mut options = options(seed, 5);
        // What is forged is in the name of the owner and of its own run: the
        // oracle would rightly complain until it is put right.
        options.check = Check::Off;
        let mut world = joined_in(options, 5);
        world.set(1, ".mine", b"before").unwrap();
        world.run(2_000);
        let (generation, version) = world.engine(1).digest_of(world.name(1)).unwrap();
        for upto in [version + 1_000_000, 1 << 52, (1 << 53) - 1, 1 << 53] {
            let forged = Delta {
                id: NodeId::of(world.name(1)),
                generation,
                from: version,
                name: None,
                horizon: 0,
                entries: vec![Entry {
                    key: Arc::from(".mine"),
                    version: upto,
                    value: None,
                }],
                upto,
            };
            for id in [0, 3] {
                let message =
                    forge::gossip("default", "liar:1", &[], std::slice::from_ref(&forged));
                world.inject(id, stranger(), message);
            }
        }
        world.run(5_000);
        world.set(1, ".mine", b"after").unwrap();
        let time = world.wait(90_000, |world| {
            (0..5).all(|id| world.holds(id, 1, ".mine", b"after"))
        });
        println!("forged version, seed {seed}: put right after {time:?}");
        assert!(time.is_some(), "the owner cannot be heard any more");
        assert!(world.converge(10_000).is_some());
    });
}

#[test]
fn a_frame_of_lies_over_tcp_harms_nobody() {
    seeds(2, |seed| {
        let mut world = joined(seed, 5);
        world.set(1, ".mine", b"true").unwrap();
        world.run(2_000);
        let generation = world.engine(1).generation();
        let (name, addr) = (world.name(1).to_owned(), world.addr(1).to_string());
        let lies = [
            forge::claim(&name, generation + 5, &addr, &[(".mine", b"false")]),
            forge::claim("ghost:7000", generation, "10.66.0.1:7000", &[]),
        ];
        for (i, stage) in [Stage::Ask, Stage::Answer, Stage::Finish]
            .into_iter()
            .enumerate()
        {
            for id in 0..5 {
                let conn = 1_000_001 + 2 * i as u64;
                let frame = forge::sync("default", "liar:1", stage, &lies);
                world.command(id, |engine, now| {
                    engine.handle_accepted(now, conn, stranger());
                    engine.handle_frame(now, conn, &frame);
                    engine.handle_frame(now, conn, &frame[..frame.len() / 2]);
                    engine.handle_closed(now, conn, "connection reset");
                });
            }
            world.run(1_000);
        }
        for id in 0..5 {
            assert!(world.holds(id, 1, ".mine", b"true"), "at {id}");
        }
        unharmed(world, 5);
    });
}
