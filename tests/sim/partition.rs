//! The network breaks, and heals.

use seneca_gossip::engine::Told;
use seneca_gossip::liveness::{Evidence, Verdict};
use seneca_gossip::membership::Status;
use seneca_gossip::sim::scenario;
use seneca_gossip::wire::{Accusation, NodeId};

use super::{finish, joined, joined_in, options, seeds};

#[test]
fn a_healed_partition_gives_one_view() {
    seeds(2, |seed| {
        for (nodes, span) in [(2, 20_000), (4, 30_000), (20, 60_000), (60, 60_000)] {
            let mut world = joined(seed, nodes);
            let half = world.pick(nodes / 2, &[]);
            world.partition(&[&half]);
            world.run(span);
            let sides = |id: usize| half.contains(&id);
            for a in 0..nodes {
                for b in (0..nodes).filter(|&b| sides(a) != sides(b)) {
                    assert_eq!(
                        world.status(a, b),
                        Some(Status::Dead),
                        "{a} of {b}, {nodes} nodes"
                    );
                }
            }
            assert_eq!(world.false_deaths(), 0);
            world.set(0, ".after", b"the cut").unwrap();
            world.heal();
            let time = world.converge(30_000);
            println!("healed, {nodes} nodes, seed {seed}: {time:?}");
            assert!(
                time.is_some_and(|time| time <= 10_000),
                "{nodes}: {time:?} {:?}",
                world.blind()
            );
            let spread = world.wait(5_000, |world| {
                (1..nodes).all(|id| world.holds(id, 0, ".after", b"the cut"))
            });
            assert!(spread.is_some(), "what was set during the cut");
            world.run(10_000);
            assert_eq!(world.false_deaths(), 0, "{nodes} nodes: deaths by healing");
            finish(world, nodes);
        }
    });
}

#[test]
fn a_partition_heals_though_all_dead_records_are_collected() {
    seeds(2, |seed| {
        let mut options = options(seed, 10);
        options.config.remember = 20_000;
        let mut world = joined_in(options, 10);
        // The seed of all is on one side: the other side has to be found by it
        // or has to come to it.
        world.partition(&[&[0, 1, 2, 3, 4]]);
        world.run(120_000);
        world.heal();
        let time = world.converge(30_000);
        assert!(
            time.is_some_and(|time| time <= 10_000),
            "{time:?}, {:?}",
            world.blind()
        );
        finish(world, 10);
    });
}

#[test]
fn a_short_cut_of_one_link_evicts_nobody() {
    seeds(3, |seed| {
        let mut world = joined(seed, 10);
        world.cut(2, 7);
        world.cut(7, 2);
        world.run(60_000);
        assert_eq!(world.deaths(), [], "nine others see both");
        world.heal();
        world.run(10_000);
        assert_eq!(world.blind(), None);
        finish(world, 10);
    });
}

#[test]
fn a_one_way_link_evicts_nobody() {
    seeds(3, |seed| {
        for nodes in [5, 10, 40] {
            let mut world = joined(seed, nodes);
            world.cut(1, 2);
            world.run(60_000);
            assert_eq!(world.deaths(), [], "{nodes} nodes");
            finish(world, nodes);
        }
    });
}

#[test]
fn one_bad_observer_evicts_nobody() {
    seeds(3, |seed| {
        // Node 3 hears nobody for a while: it sees silence everywhere.
        let mut world = joined(seed, 12);
        for id in (0..12).filter(|&id| id != 3) {
            world.cut(id, 3);
        }
        world.run(15_000);
        let victims: Vec<_> = world
            .deaths()
            .iter()
            .filter(|death| death.subject != 3 && death.observer != 3)
            .collect();
        assert!(
            victims.is_empty(),
            "evicted by one deaf observer: {victims:?}"
        );
        world.heal();
        let time = world.converge(10_000);
        assert!(time.is_some(), "{:?} are strangers", world.blind());
        finish(world, 12);
    });
}

#[test]
fn a_flapping_network_settles_once_it_is_quiet() {
    seeds(3, |seed| {
        let mut world = joined(seed, 12);
        for _ in 0..20 {
            let count = 1 + world.random(6) as usize;
            let some = world.pick(count, &[]);
            world.partition(&[&some]);
            let span = 200 + world.random(6_000);
            world.run(span);
            world.heal();
            let span = world.random(3_000);
            world.run(span);
        }
        let time = world.converge(15_000);
        assert!(time.is_some(), "{:?} are strangers", world.blind());
        let before = world.deaths().len();
        world.run(30_000);
        assert_eq!(world.deaths().len(), before, "still somebody dies");
        finish(world, 12);
    });
}

#[test]
fn three_parts_become_one() {
    seeds(2, |seed| {
        let mut world = joined(seed, 15);
        world.partition(&[&[0, 1, 2, 3, 4], &[5, 6, 7, 8, 9]]);
        world.run(40_000);
        let time = {
            world.heal();
            world.converge(30_000)
        };
        assert!(
            time.is_some_and(|time| time <= 10_000),
            "{time:?}, {:?}",
            world.blind()
        );
        let again = scenario::partition(&mut world, 30_000);
        assert!(
            again.is_some_and(|time| time <= 10_000),
            "{again:?}, {:?}",
            world.blind()
        );
        finish(world, 15);
    });
}

#[test]
fn a_lying_observer_evicts_nobody() {
    seeds(3, |seed| {
        for nodes in [3, 5, 12, 40] {
            let mut world = joined(seed, nodes);
            let liar = 1;
            for _ in 0..100 {
                for id in (0..nodes).filter(|&id| id != liar) {
                    // Always about the incarnation that it has just taken.
                    let member = world.member(liar, id).expect("they know each other");
                    let accused = Accusation {
                        generation: member.generation,
                        incarnation: member.incarnation,
                    };
                    let evidence = Evidence::Refused;
                    let word = Verdict { accused, evidence }.encode();
                    let key = Verdict::key(NodeId::of(world.name(id)));
                    world
                        .set(liar, &key, &word)
                        .expect("it may write what it likes");
                }
                world.run(100);
            }
            assert_eq!(world.deaths(), [], "{nodes} nodes");
            finish(world, nodes);
        }
    });
}

#[test]
fn a_forgotten_node_with_much_state_and_collected_tombstones_comes_back() {
    seeds(3, |seed| {
        let mut options = options(seed, 6);
        options.config.remember = 20_000;
        options.config.tombstones = 5_000;
        let mut world = joined_in(options, 6);
        for key in 0..60 {
            let value = vec![key; 1_000];
            world.set(5, &format!(".key{key}"), &value).unwrap();
            world.set(5, &format!(".gone{key}"), b"soon").unwrap();
        }
        world.run(20_000); // flow control
        (0..60).for_each(|key| assert_eq!(world.remove(5, &format!(".gone{key}")), Told::Now));
        world.run(15_000);
        world.partition(&[&[5]]);
        world.run(60_000);
        assert_eq!(world.status(1, 5), None, "still remembered");
        world.heal();
        let time = world.converge(20_000);
        assert!(
            time.is_some_and(|time| time <= 10_000),
            "{time:?}, {:?}",
            world.blind()
        );
        let whole = world.wait(10_000, |world| {
            (0..5).all(|id| world.engine(id).entries(world.name(5)).len() >= 60)
        });
        assert!(whole.is_some(), "its state has not come across");
        finish(world, 6);
    });
}
