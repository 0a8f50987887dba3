//! Nodes that change more than gossip can carry.

use std::collections::BTreeMap;

use seneca_gossip::engine::{Event, FlowView, Told};
use seneca_gossip::flow::Rules;
use seneca_gossip::sim::{Options, World};
use seneca_gossip::state::Order;

use super::{finish, joined, joined_in, options, rough, seeds};

fn flow(world: &mut World, id: usize) -> FlowView {
    world.command(id, |engine, now| engine.flow(now))
}

/// The last value that each node gave to each of its keys.
type Last = BTreeMap<(usize, String), String>;

/// Each of `nodes` sets one of `keys` keys to 100 bytes, `rate` times a second,
/// for `span` ms. Returns how often a change had to wait.
fn flood(
    world: &mut World,
    last: &mut Last,
    nodes: &[usize],
    keys: u64,
    rate: u64,
    span: u64,
) -> usize {
    let mut held = 0;
    let end = world.now() + span;
    while world.now() < end {
        for &id in nodes {
            let key = format!(".k{}", world.random(keys));
            let value = format!("{:0>100}", world.now());
            let told = world
                .set(id, &key, value.as_bytes())
                .expect("within the limits");
            held += usize::from(told == Told::Held);
            last.insert((id, key), value);
        }
        world.run(1_000 / rate);
    }
    held
}

/// Versions that a node lacks of all others together, on average.
fn behind(world: &World) -> u64 {
    let all = world.running();
    let version = |at: usize, owner: usize| {
        let known = world.engine(at).digest_of(world.name(owner));
        known.map_or(0, |(_, version)| version)
    };
    let pairs = all.iter().flat_map(|&a| all.iter().map(move |&b| (a, b)));
    let missing = pairs.map(|(at, owner)| version(owner, owner) - version(at, owner));
    missing.sum::<u64>() / all.len() as u64
}

fn everybody_has(world: &World, last: &Last) -> bool {
    let has = |at: usize, owner: usize, key: &str, value: &str| {
        world.holds(at, owner, key, value.as_bytes())
    };
    let all = world.running();
    last.iter()
        .all(|((owner, key), value)| all.iter().all(|&at| has(at, *owner, key, value)))
}

#[test]
fn a_flood_of_all_nodes_is_slowed_down_to_what_gossip_carries_and_nothing_last_is_lost() {
    for order in [Order::Depth, Order::Breadth] {
        seeds(1, |seed| {
            let mut options = Options {
                conditions: rough(0.02),
                record: true,
                ..options(seed, 20)
            };
            options.config.order = order;
            let mut world = joined_in(options, 20);
            let all = world.running();
            let mut last = Last::new();
            let before = flood(&mut world, &mut last, &all, 100, 20, 15_000);
            let streams = world.total_traffic().stream_bytes;
            let held = flood(&mut world, &mut last, &all, 100, 20, 15_000);
            assert!(held > 5_000, "{before} and {held} of 6,000 were held back");
            let behind = behind(&world);
            assert!(behind < 100, "{order:?}: {behind} versions behind");
            let streamed = world.total_traffic().stream_bytes - streams;
            assert!(streamed < 200_000, "{order:?}: {streamed} bytes by TCP");
            let told = world.wait(120_000, |world| everybody_has(world, &last));
            assert!(told.is_some(), "{order:?}: last values are missing");
            world.run(2_000);
            for id in world.running() {
                assert_eq!(flow(&mut world, id).held, 0);
                let mut heard = world.heard().iter().filter(|heard| heard.node == id);
                assert!(heard.any(|heard| heard.event == Event::Drained));
            }
            finish(world, 20);
        });
    }
}

#[test]
fn a_burst_after_a_quiet_time_is_told_at_once() {
    seeds(2, |seed| {
        let mut world = joined(seed, 10);
        let (now, mut last) = (world.now(), Last::new());
        for key in 0..100 {
            let value = format!("{key:0>100}");
            let told = world.set(3, &format!(".k{key}"), value.as_bytes());
            assert_eq!(told, Ok(Told::Now));
            last.insert((3, format!(".k{key}")), value);
        }
        let told = world.wait(10_000, |world| everybody_has(world, &last));
        assert!(told.is_some(), "not within {} ms", world.now() - now);
        finish(world, 10);
    });
}

#[test]
fn a_key_that_changes_all_the_time_is_told_as_often_as_it_can_be() {
    seeds(2, |seed| {
        let mut world = joined(seed, 6);
        let mut last = Last::new();
        let version = |world: &World| world.engine(2).digest_of(world.name(2)).unwrap().1;
        let before = version(&world);
        // 1,000 changes a second of 100 bytes are more than anybody carries.
        let held = flood(&mut world, &mut last, &[2], 1, 1_000, 20_000);
        let versions = version(&world) - before;
        assert!(held > 5_000, "{held} were held back");
        assert!(versions > 100, "{versions} versions only");
        assert!(versions < 19_000, "{versions} versions of 20,000 changes");
        assert!(flow(&mut world, 2).held <= 1, "one change of a key waits");
        let told = world.wait(10_000, |world| everybody_has(world, &last));
        assert!(told.is_some());
        finish(world, 6);
    });
}

#[test]
fn idle_nodes_lend_their_rate_to_a_busy_one_and_the_sum_does_not_grow_by_it() {
    seeds(2, |seed| {
        let mut world = joined_in(
            Options {
                conditions: rough(0.1),
                ..options(seed, 10)
            },
            10,
        );
        let start = Rules::BYTES.start;
        let (begin, mut most, mut least) = (world.now(), 0f64, f64::MAX);
        let mut last = Last::new();
        for _ in 0..50 {
            flood(&mut world, &mut last, &[4], 2_000, 250, 200);
            let taus: Vec<f64> = (0..10).map(|id| flow(&mut world, id).tau).collect();
            most = most.max(taus[4]);
            least = taus.iter().copied().fold(least, f64::min);
            let sum: f64 = taus.iter().sum();
            // One step each five rounds is what a node may find by itself.
            let rounds = (world.now() - begin) as f64 / 180.0;
            let found = 10.0 * Rules::BYTES.beta * rounds / 5.0;
            assert!(sum <= 10.0 * start + found, "the sum grew to {sum}");
        }
        assert!(most > 1.2 * start, "the busy node had {most} at most");
        assert!(least < 0.8 * start, "nobody gave anything: {least}");
        let told = world.wait(120_000, |world| everybody_has(world, &last));
        assert!(told.is_some());
        finish(world, 10);
    });
}

#[test]
fn what_a_node_says_of_itself_never_waits() {
    seeds(2, |seed| {
        let mut world = joined(seed, 8);
        let mut last = Last::new();
        let held = flood(&mut world, &mut last, &[1], 2_000, 500, 8_000);
        assert!(held > 0 && flow(&mut world, 1).held > 0, "{held}");
        world.command(1, |engine, now| engine.leaving(now));
        let seen = world.wait(3_000, |world| {
            let leaving = seneca_gossip::membership::Status::Leaving;
            (2..8).all(|id| world.status(id, 1) == Some(leaving))
        });
        assert!(seen.is_some(), "the goodbye waits behind keys of users");
        finish(world, 8);
    });
}
