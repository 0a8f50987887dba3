//! Is it them, or is it us? Who is cut off, or did not run, says so before it
//! declares the world dead.

use seneca_gossip::engine::{Event, Isolation, Level};
use seneca_gossip::sim::{Crash, Options, World};

use super::{finish, joined_in, options, seeds};

/// A cluster whose users' events are kept.
fn recorded(seed: u64, nodes: usize) -> World {
    let mut options = Options {
        record: true,
        ..options(seed, nodes)
    };
    // Nobody knows the others for ever.
    options.config.remember = 10_000;
    joined_in(options, nodes)
}

/// When a node has logged a line with this text.
fn lines(world: &World, node: usize, part: &str, wanted: Level) -> Vec<u64> {
    let heard = world.heard().iter().filter(|h| h.node == node);
    let logged = heard.filter_map(|h| match &h.event {
        Event::Log { level, text } if text.contains(part) => {
            assert_eq!(*level, wanted, "{text}");
            Some(h.at)
        }
        _ => None,
    });
    logged.collect()
}

fn warned(world: &World, node: usize, part: &str) -> Vec<u64> {
    lines(world, node, part, Level::Warn)
}

const DEAF: &str = "this node hears nobody any more";
const MUTE: &str = "this node is not heard";
const BACK: &str = "this node is in contact again";
const LATE: &str = "this node did not run for";

#[test]
fn a_node_that_is_cut_off_says_so_before_it_declares_anybody_dead() {
    seeds(2, |seed| {
        for nodes in [2, 3, 25] {
            let mut world = recorded(seed, nodes);
            let id = nodes - 1;
            let begin = world.now();
            world.partition(&[&[id]]);
            world.run(25_000);
            assert_eq!(world.engine(id).isolated(), Some(Isolation::Deaf));
            assert_eq!(world.members(id).len(), 1, "it has forgotten them");
            let said = warned(&world, id, DEAF);
            assert_eq!(said.len(), 1, "{nodes} nodes: {said:?}");
            assert!(said[0] <= begin + 3_000, "after {}", said[0] - begin);
            let first = world.deaths().iter().find(|d| d.observer == id);
            let first = first.expect("it cannot know that they live").at;
            assert!(said[0] <= first, "{} comes after {first}", said[0]);
            // The others still hear each other.
            for other in (0..id).filter(|_| nodes > 2) {
                assert_eq!(world.engine(other).isolated(), None);
                assert_eq!(warned(&world, other, DEAF).len(), 0);
            }
            world.heal();
            assert!(world.converge(10_000).is_some(), "{:?}", world.blind());
            world.run(10_000);
            assert_eq!(world.engine(id).isolated(), None);
            assert_eq!(lines(&world, id, BACK, Level::Info).len(), 1);
            assert_eq!(warned(&world, id, MUTE).len(), 0, "while it healed");
            finish(world, nodes);
        }
    });
}

#[test]
fn a_node_that_only_hears_or_only_speaks_says_which() {
    seeds(2, |seed| {
        for nodes in [2, 3, 25] {
            let mut world = recorded(seed, nodes);
            (1..nodes).for_each(|other| world.cut(0, other));
            world.run(30_000);
            assert_eq!(
                world.engine(0).isolated(),
                Some(Isolation::Mute),
                "{nodes} nodes"
            );
            assert_eq!(warned(&world, 0, MUTE).len(), 1, "{nodes} nodes");
            world.heal();
            assert!(world.converge(10_000).is_some(), "{:?}", world.blind());
            world.run(10_000);
            assert_eq!(world.engine(0).isolated(), None);
            (1..nodes).for_each(|other| world.cut(other, 0));
            world.run(10_000);
            assert_eq!(world.engine(0).isolated(), Some(Isolation::Deaf));
            finish(world, nodes);
        }
    });
}

#[test]
fn who_loses_others_does_not_take_itself_for_lost() {
    seeds(3, |seed| {
        // Half of all, without a trace; one link of a node, one way; a closed port.
        let mut world = recorded(seed, 20);
        world.cut(0, 1);
        world.cut(2, 3);
        world.cut(3, 2);
        let victims = world.pick(10, &[0, 1, 2, 3]);
        for &id in &victims {
            world.crash(id, Crash::Silent);
        }
        world.run(30_000);
        for id in world.running() {
            assert_eq!(world.engine(id).isolated(), None, "at {id}");
            assert_eq!(warned(&world, id, "this node").len(), 0, "at {id}");
        }
        finish(world, 20);
        let mut world = recorded(seed, 3);
        world.crash(1, Crash::Closed);
        world.crash(2, Crash::Closed);
        world.run(10_000);
        assert_eq!(world.engine(0).isolated(), None, "their hosts answer");
        finish(world, 3);
        let mut world = recorded(seed, 2);
        world.leave(1, 500);
        world.run(20_000);
        assert_eq!(world.engine(0).isolated(), None, "it has said goodbye");
        finish(world, 2);
    });
}

#[test]
fn a_node_that_did_not_run_says_so_once_a_minute() {
    seeds(3, |seed| {
        let mut world = recorded(seed, 8);
        for _ in 0..4 {
            world.pause_for(3, 5_000);
            world.run(10_000);
        }
        assert_eq!(warned(&world, 3, LATE).len(), 1, "four pauses in a minute");
        let late = world.engine(3).counters().late;
        assert!((18_000..=20_500).contains(&late), "{late} ms");
        world.run(60_000);
        world.pause_for(3, 5_000);
        world.run(10_000);
        assert_eq!(warned(&world, 3, LATE).len(), 2);
        for id in (0..8).filter(|&id| id != 3) {
            assert_eq!(world.engine(id).counters().late, 0, "at {id}");
        }
        assert_eq!(warned(&world, 3, DEAF).len(), 0, "it was not cut off");
        finish(world, 8);
    });
}
