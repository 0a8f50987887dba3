//! Nodes come and go all the time, and the others stay in touch.

use seneca_gossip::sim::{Crash, scenario};

use super::{finish, joined, joined_in, options, seeds};

#[test]
fn while_nodes_come_and_go_the_others_live_and_learn() {
    seeds(2, |seed| {
        for (nodes, loss) in [(10, 0.0), (30, 0.05)] {
            let mut options = options(seed, nodes);
            options.conditions.loss = loss;
            let mut world = joined_in(options, nodes);
            let plan = scenario::Plan {
                span: 30_000,
                every: Some(1_000),
                sets: 20.0,
                crash: Crash::Silent,
            };
            let churn = scenario::churn(&mut world, &plan);
            println!("churn, {nodes} nodes, loss {loss}, seed {seed}: {churn:?}");
            assert!(churn.crashes + churn.leaves + churn.restarts > 20);
            assert_eq!(churn.false_deaths, 0);
            assert!(churn.whole.is_some_and(|time| time <= 5_000));
            assert!(churn.agreed.is_some_and(|time| time <= 5_000));
            assert_eq!(churn.stale.len(), 30);
            finish(world, nodes);
        }
    });
}

#[test]
fn under_load_alone_no_update_takes_more_than_two_seconds() {
    seeds(2, |seed| {
        let mut world = joined(seed, 20);
        let plan = scenario::Plan {
            span: 20_000,
            every: None,
            sets: 40.0,
            crash: Crash::Silent,
        };
        let load = scenario::churn(&mut world, &plan);
        println!("load, seed {seed}: {:?}", load.stale);
        assert_eq!((load.deaths, load.false_deaths), (0, 0));
        assert!(load.stale.iter().any(|stale| stale.most > 0));
        assert!(load.stale.iter().all(|stale| stale.oldest <= 2_000));
        finish(world, 20);
    });
}

#[test]
fn halves_that_have_forgotten_each_other_become_one() {
    seeds(2, |seed| {
        let mut options = options(seed, 10);
        options.config.remember = 10_000;
        let mut world = joined_in(options, 10);
        let split = scenario::split(&mut world, 30_000);
        assert_eq!(split.remembered, 0, "still remembered");
        let whole = split.whole;
        assert!(whole.is_some_and(|time| time <= 10_000), "{whole:?}");
        finish(world, 10);
    });
}
