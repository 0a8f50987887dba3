//! What holds whatever happens, with many seeds.

use rand::RngExt;
use seneca_gossip::sharding::Counters;

use crate::cluster::Cluster;
use crate::seeds;

/// Calls and time, together.
fn run(cluster: &mut Cluster, span: u64) {
    for _ in 0..span / 10 {
        cluster.call();
        cluster.run(10);
    }
}

fn counters(cluster: &Cluster) -> Counters {
    let mut sum = Counters::default();
    for node in &cluster.nodes {
        let counters = node.handover.counters();
        sum.granted += counters.granted;
        sum.free += counters.free;
        sum.overdue += counters.overdue;
        sum.passed += counters.passed;
        sum.released += counters.released;
        sum.forced += counters.forced;
        sum.conflicts += counters.conflicts;
    }
    sum
}

#[test]
fn no_shard_is_held_by_two_while_nodes_join_and_leave() {
    let happened = std::cell::Cell::new((0, 0, 0));
    seeds(60, |seed| {
        let mut cluster = Cluster::new(seed);
        cluster.join();
        for _ in 0..40 {
            let staying = cluster.staying();
            let grow = staying.len() < 8 && (staying.len() < 2 || cluster.rng.random());
            if grow {
                cluster.join();
            } else {
                let which = cluster.rng.random_range(0..staying.len());
                cluster.leave(staying[which]);
            }
            // Mostly in the middle of other moves.
            let span = match cluster.rng.random_range(0..4) {
                0 => 4_000,
                _ => cluster.rng.random_range(0..600),
            };
            run(&mut cluster, span);
        }
        run(&mut cluster, 5_000);
        cluster.verify();
        let counters = counters(&cluster);
        assert_eq!(counters.overdue + counters.forced + counters.conflicts, 0);
        let (executed, moved, passed) = happened.get();
        happened.set((
            executed + cluster.executed,
            moved + cluster.moved,
            passed + counters.passed,
        ));
    });
    let (executed, moved, passed) = happened.get();
    println!("{executed} calls, {moved} moves, {passed} grants passed on");
    // Enough has happened, also that a grant met a target that had moved on.
    let one = std::env::var("SIM_SEED").is_ok();
    assert!(one || executed > 20_000 && moved > 20_000 && passed > 100);
}

#[test]
fn nodes_that_start_together_divide_the_shards_without_overlap() {
    seeds(60, |seed| {
        let mut cluster = Cluster::new(seed);
        for _ in 0..cluster.rng.random_range(2..8) {
            cluster.join();
            let span = cluster.rng.random_range(0..150);
            cluster.run(span);
        }
        run(&mut cluster, 3_000);
        cluster.verify();
    });
}

#[test]
fn every_shard_comes_to_its_target_owner_after_crashes_and_partitions() {
    seeds(60, |seed| {
        let mut cluster = Cluster::new(seed);
        cluster.graceful = false;
        for _ in 0..3 {
            cluster.join();
        }
        run(&mut cluster, 3_000);
        let mut crashed = Vec::new();
        for _ in 0..30 {
            let staying = cluster.staying();
            let any = staying[cluster.rng.random_range(0..staying.len())];
            match cluster.rng.random_range(0..8) {
                0 | 1 if staying.len() < 8 => drop(cluster.join()),
                2 if staying.len() > 2 => cluster.leave(any),
                3 if staying.len() > 2 => {
                    cluster.crash(any);
                    crashed.push(any);
                }
                4 => {
                    cluster.crash(any);
                    cluster.restart(any);
                }
                5 if !crashed.is_empty() => cluster.restart(crashed.pop().expect("one")),
                6 => cluster.part(),
                _ => cluster.heal(),
            }
            let span = cluster.rng.random_range(0..5_000);
            run(&mut cluster, span);
        }
        cluster.heal();
        run(&mut cluster, 25_000);
        cluster.verify();
    });
}

#[test]
fn calls_that_outlive_the_bound_delay_a_move_but_do_not_stop_it() {
    seeds(10, |seed| {
        let mut cluster = Cluster::new(seed);
        cluster.graceful = false;
        cluster.call = 60_000;
        cluster.join();
        run(&mut cluster, 5_000);
        cluster.join();
        run(&mut cluster, 12_000);
        cluster.verify();
        assert!(counters(&cluster).forced > 0);
    });
}
