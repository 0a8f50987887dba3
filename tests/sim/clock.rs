//! Clocks that jump: a generation is the wall clock at a node's start.

use seneca_gossip::engine::{Event, Level};
use seneca_gossip::membership::Status;
use seneca_gossip::sim::{Options, World};

use super::{finish, joined, joined_in, options, seeds};

const HOUR: i64 = 3_600_000;

/// Restarts node 5 with its clock ahead by this; all see the new run of it.
fn restart(world: &mut World, ahead: i64, life: &[u8]) {
    world.set_skew(5, ahead);
    world.restart(5, 500);
    world.run(500);
    world.set(5, ".life", life).unwrap();
    let time = world.wait_pairs(10_000, |world, a, b| {
        world.sees(a, b) && (b != 5 || world.holds(a, b, ".life", life))
    });
    assert!(
        time.is_some_and(|time| time <= 5_000),
        "{ahead} ms ahead: {time:?}, {:?}",
        world.blind()
    );
}

#[test]
fn a_clock_may_jump_forward_and_back_and_forward_again() {
    seeds(3, |seed| {
        let mut world = joined(seed, 8);
        let jumps = [HOUR, 0, 20 * HOUR, -HOUR, 22 * HOUR, 22 * HOUR - 1, 0];
        for (at, ahead) in jumps.into_iter().enumerate() {
            restart(&mut world, ahead, format!("life {at}").as_bytes());
            world.run(3_000);
        }
        assert_eq!(world.false_deaths(), 0);
        world.run(10_000);
        assert_eq!(world.blind(), None, "later");
        finish(world, 8);
    });
}

#[test]
fn a_clock_of_another_day_keeps_nobody_alive_who_is_gone_and_is_told() {
    seeds(3, |seed| {
        let options = Options {
            record: true,
            ..options(seed, 8)
        };
        let mut world = joined_in(options, 8);
        let name = world.name(5).to_owned();
        world.set_skew(5, 72 * HOUR);
        // Too soon for anybody to find its port closed.
        world.restart(5, 5);
        world.run(15_000);
        for id in (0..8).filter(|&id| id != 5) {
            // Its former run is over, whatever answers in its place.
            assert_eq!(world.status(id, 5), Some(Status::Dead), "at {id}");
        }
        let told = world.heard().iter().filter(|heard| {
            let Event::Log { level, text } = &heard.event else {
                return false;
            };
            *level == Level::Warn && text.contains(&name) && text.contains("clock")
        });
        let told = told.count();
        assert!((1..=8).contains(&told), "{told} lines about its clock");
        // The clock is put right: it comes back.
        restart(&mut world, 0, b"in time");
        world.run(10_000);
        assert_eq!(world.blind(), None, "later");
        finish(world, 8);
    });
}
