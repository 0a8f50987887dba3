//! Deaths are noticed, all of them, and soon.

use seneca_gossip::membership::Status;
use seneca_gossip::sim::{Crash, Options, scenario};

use super::{finish, joined, joined_in, options, rough, seeds};

#[test]
fn a_closed_port_is_noticed_by_all_within_a_second_and_a_half() {
    seeds(2, |seed| {
        for nodes in [2, 3, 10, 100] {
            let mut world = joined(seed, nodes);
            let found = scenario::crashes(&mut world, 10, Crash::Closed);
            println!(
                "closed, {nodes} nodes, seed {seed}: last survivor {}",
                found.last
            );
            assert_eq!(found.missed, 0);
            assert!(found.last.max() <= 1_500, "{nodes} nodes: {}", found.last);
            assert!(
                found.back.max() <= 2_000,
                "{nodes} nodes back: {}",
                found.back
            );
            finish(world, nodes);
        }
    });
}

#[test]
fn a_silent_death_is_noticed_by_all_within_five_seconds() {
    seeds(2, |seed| {
        for (nodes, loss) in [
            (2, 0.0),
            (3, 0.0),
            (10, 0.0),
            (10, 0.05),
            (100, 0.0),
            (100, 0.05),
        ] {
            let mut options = options(seed, nodes);
            options.conditions.loss = loss;
            let mut world = joined_in(options, nodes);
            let found = scenario::crashes(&mut world, 6, Crash::Silent);
            println!(
                "silent, {nodes} nodes, loss {loss}, seed {seed}: {}",
                found.last
            );
            assert_eq!(found.missed, 0);
            assert!(found.last.max() <= 5_000, "{nodes} nodes: {}", found.last);
            assert_eq!(world.false_deaths(), 0);
            finish(world, nodes);
        }
    });
}

#[test]
fn a_death_soon_after_an_outage_is_noticed_as_soon_as_any_other() {
    seeds(3, |seed| {
        for (nodes, outage) in [(2, 2_500), (2, 6_000), (10, 6_000), (10, 60_000)] {
            let mut world = joined(seed, nodes);
            let id = nodes - 1;
            // Of all its links, or (for long) of half of them: nobody dies of it.
            let blind = if outage > 10_000 { nodes / 2 } else { nodes };
            (0..blind).for_each(|other| world.cut(id, other));
            world.run(outage);
            world.heal();
            assert!(world.converge(5_000).is_some(), "{:?}", world.blind());
            world.run(3_000);
            world.crash(id, Crash::Silent);
            let (all, _) = world.detect(&[id], 30_000);
            println!("after {outage} ms, {nodes} nodes, seed {seed}: {all:?}");
            assert!(all.is_some_and(|time| time <= 5_000), "{nodes}: {all:?}");
            finish(world, nodes);
        }
    });
}

#[test]
fn a_death_behind_a_firewall_that_eats_icmp_is_noticed_as_well() {
    seeds(3, |seed| {
        let mut options = options(seed, 10);
        options.conditions.icmp = false;
        let mut world = joined_in(options, 10);
        let found = scenario::crashes(&mut world, 3, Crash::Closed);
        assert_eq!(found.missed, 0);
        assert!(found.last.max() <= 5_000, "{}", found.last);
        finish(world, 10);
    });
}

#[test]
fn half_of_the_cluster_may_crash_at_once() {
    seeds(2, |seed| {
        for (nodes, crash) in [
            (10, Crash::Closed),
            (10, Crash::Silent),
            (100, Crash::Silent),
        ] {
            let mut world = joined(seed, nodes);
            let victims = world.pick(nodes / 2, &[]);
            let time = scenario::crash_at_once(&mut world, &victims, crash);
            println!("half of {nodes}, {crash:?}, seed {seed}: {time:?}");
            assert!(
                time.is_some_and(|time| time <= 5_000),
                "{nodes}, {crash:?}: {time:?}"
            );
            world.run(10_000);
            assert_eq!(world.false_deaths(), 0);
            finish(world, nodes);
        }
    });
}

#[test]
fn two_of_three_may_crash_at_once() {
    seeds(10, |seed| {
        for crash in [Crash::Closed, Crash::Silent] {
            let mut world = joined(seed, 3);
            let victims = world.pick(2, &[]);
            let time = scenario::crash_at_once(&mut world, &victims, crash);
            assert!(
                time.is_some_and(|time| time <= 5_000),
                "{crash:?}: {time:?}"
            );
            finish(world, 3);
        }
    });
}

#[test]
fn all_but_one_of_twenty_may_crash_one_after_the_other() {
    seeds(2, |seed| {
        let mut world = joined(seed, 20);
        while world.running().len() > 1 {
            let victims = world.pick(1, &[]);
            world.crash(victims[0], Crash::Silent);
            world.run(700);
        }
        let last = world.running()[0];
        world.run(10_000);
        for id in (0..20).filter(|&id| id != last) {
            assert_eq!(
                world.status(last, id),
                Some(Status::Dead),
                "{}",
                world.name(id)
            );
        }
        finish(world, 20);
    });
}

#[test]
fn deaths_are_noticed_through_loss_duplication_and_reordering() {
    seeds(3, |seed| {
        let options = Options {
            conditions: rough(0.1),
            ..options(seed, 15)
        };
        let mut world = joined_in(options, 15);
        let found = scenario::crashes(&mut world, 4, Crash::Silent);
        println!("rough, 15 nodes, seed {seed}: {}", found.last);
        assert_eq!(found.missed, 0);
        assert!(found.last.max() <= 6_000, "{}", found.last);
        assert_eq!(world.false_deaths(), 0);
        finish(world, 15);
    });
}

#[test]
fn who_leaves_is_seen_as_left_and_not_as_dead() {
    seeds(5, |seed| {
        for nodes in [2, 3, 20] {
            let mut world = joined(seed, nodes);
            let gone = world.pick(1, &[])[0];
            world.leave(gone, 1_000);
            let told = world.wait(3_000, |world| {
                let mut others = world.running().into_iter().filter(|&id| id != gone);
                others.all(|id| world.status(id, gone) == Some(Status::Left))
            });
            assert!(
                told.is_some(),
                "{nodes} nodes, not all have heard the goodbye"
            );
            world.run(15_000);
            for id in world.running() {
                assert_eq!(world.status(id, gone), Some(Status::Left), "later");
            }
            assert_eq!(world.deaths(), []);
            finish(world, nodes);
        }
    });
}

#[test]
fn who_left_may_come_back() {
    seeds(3, |seed| {
        let mut world = joined(seed, 6);
        world.leave(3, 500);
        world.run(5_000);
        world.start(3);
        let time = world.converge(5_000);
        assert!(time.is_some_and(|time| time <= 2_000), "{time:?}");
        finish(world, 6);
    });
}

#[test]
fn who_leaves_after_a_large_change_has_said_goodbye_and_its_last_words() {
    seeds(5, |seed| {
        for (nodes, keys) in [(2, 1), (3, 1), (20, 1), (5, 40)] {
            let mut world = joined(seed, nodes);
            let gone = world.pick(1, &[])[0];
            // More than one datagram carries: the goodbye cannot repeat it.
            let value = vec![b'x'; 3_000];
            for key in 0..keys {
                let _ = world.set(gone, &format!(".last{key}"), &value);
            }
            world.leave(gone, 250);
            let told = world.wait(2_000, |world| {
                let mut others = world.running().into_iter().filter(|&id| id != gone);
                others.all(|id| world.status(id, gone) == Some(Status::Left))
            });
            assert!(told.is_some(), "{nodes} nodes, {keys} keys: no goodbye");
            assert_eq!(world.deaths(), []);
            finish(world, nodes);
        }
    });
}
