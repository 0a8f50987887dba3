//! Where calls go: the table together with simulated targets.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

use serde_json::json;

use super::*;

fn route(router: &Router) -> RouteId {
    router.resolve(&json!({ "a": 1 })).unwrap()
}

fn names(router: &Router) -> HashMap<TargetId, String> {
    let targets = router.targets(route(router));
    let name = |t| (t, router.target(t).unwrap().0.to_string());
    targets.into_iter().map(name).collect()
}

/// How a simulated target answers a call that arrives then; `None`: never.
type Answers = dyn Fn(&str, Micros) -> Option<Micros>;

/// One call every `every` µs, from `from` to `to`; how many each target got.
/// Unanswered ones time out after a second.
fn run(
    r: &mut Router,
    from: Micros,
    to: Micros,
    every: Micros,
    answers: &Answers,
) -> BTreeMap<String, usize> {
    let (route, names) = (route(r), names(r));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut ends = BinaryHeap::new();
    let mut now = from;
    while now < to {
        while let Some(Reverse((end, start, target, ok))) = ends.peek().copied() {
            if end > now {
                break;
            }
            ends.pop();
            let outcome = if ok { Outcome::Ok } else { Outcome::Timeout };
            r.done(end, route, TargetId(target), end - start, outcome);
        }
        let target = r.pick(now, route, &[]).unwrap();
        let name = &names[&target];
        *counts.entry(name.clone()).or_default() += 1;
        let end = answers(name, now).map_or((now + SECOND, false), |us| (now + us, true));
        ends.push(Reverse((end.0, now, target.0, end.1)));
        now += every;
    }
    while let Some(Reverse((end, start, target, ok))) = ends.pop() {
        let outcome = if ok { Outcome::Ok } else { Outcome::Timeout };
        r.done(end.max(now), route, TargetId(target), end - start, outcome);
    }
    counts
}

fn with(strategy: Strategy) -> Offer {
    Offer {
        strategy,
        ..Offer::default()
    }
}

#[test]
fn every_strategy_uses_every_equal_target() {
    for strategy in [Strategy::P2c, Strategy::RoundRobin, Strategy::Random] {
        let mut r = cluster(10, &["a:1"], with(strategy));
        let counts = run(&mut r, 0, 10 * SECOND, 1_000, &|_, _| Some(20_000));
        for (name, n) in &counts {
            assert!((700..1_300).contains(n), "{strategy:?} {name} {n}");
        }
        assert_eq!(counts.len(), 10);
    }
}

#[test]
fn p2c_gives_less_to_the_slow() {
    let mut r = cluster(3, &["a:1"], Offer::default());
    let answers = |name: &str, _| Some(if name == "m0" { 50_000 } else { 5_000 });
    let counts = run(&mut r, 0, 10 * SECOND, 1_000, &answers);
    assert!(counts["m0"] < 1_500, "{counts:?}");
}

/// The row of the requirements: SIGSTOP of one of three targets under 500
/// calls/s. At most 1 % of the calls of the next 10 s may fail, and after the
/// first second fewer than 1 in 100 new calls go there.
#[test]
fn a_silent_target_is_left_alone() {
    let mut r = cluster(3, &["a:1"], Offer::default());
    let well = |_: &str, _| Some(2_000);
    let silent = |name: &str, _| (name != "m0").then_some(2_000);
    run(&mut r, 0, 5 * SECOND, 2_000, &well);
    let first = run(&mut r, 5 * SECOND, 6 * SECOND, 2_000, &silent);
    let rest = run(&mut r, 6 * SECOND, 15 * SECOND, 2_000, &silent);
    let (first, rest) = (first["m0"], rest.get("m0").copied().unwrap_or(0));
    assert!(first + rest <= 50, "{first} and {rest}");
    assert!(rest < 45, "{rest}");
    // It answers again: a fair share comes back.
    let counts = run(&mut r, 30 * SECOND, 60 * SECOND, 2_000, &well);
    assert!(counts["m0"] > 3_000, "{counts:?}");
}

#[test]
fn an_event_loop_that_blocks_gets_few_calls() {
    let mut r = cluster(2, &["a:1"], Offer::default());
    let blocked = |name: &str, now: Micros| {
        let until = 10 * SECOND;
        let blocks = name == "m0" && (5 * SECOND..until).contains(&now);
        Some(if blocks { until - now + 1_000 } else { 1_000 }).filter(|us| *us < 2 * SECOND)
    };
    run(&mut r, 0, 5 * SECOND, 5_000, &blocked);
    run(&mut r, 5 * SECOND, 6 * SECOND, 5_000, &blocked);
    let counts = run(&mut r, 6 * SECOND, 10 * SECOND, 5_000, &blocked);
    assert!(counts.get("m0").copied().unwrap_or(0) < 40, "{counts:?}");
}

#[test]
fn suspect_and_stalled_are_avoided_not_buried() {
    for strategy in [Strategy::P2c, Strategy::RoundRobin, Strategy::Random] {
        let mut r = cluster(3, &["a:1"], with(strategy));
        r.member(0, "m0", Status::Suspect, false, 1);
        r.member(0, "m1", Status::Alive, true, 1);
        let counts = run(&mut r, 0, SECOND, 1_000, &|_, _| Some(100));
        assert_eq!(counts.len(), 1, "{strategy:?} {counts:?}");
        // The last one goes bad as well: everybody is better than nobody.
        r.member(SECOND, "m2", Status::Suspect, false, 1);
        let counts = run(&mut r, SECOND, 2 * SECOND, 1_000, &|_, _| Some(100));
        assert_eq!(counts.len(), 3, "{strategy:?} {counts:?}");
    }
}

#[test]
fn few_good_ones_are_helped_by_the_others_only_when_busy() {
    let mut r = cluster(10, &["a:1"], Offer::default());
    for m in 1..10 {
        r.member(0, &format!("m{m}"), Status::Suspect, false, 1);
    }
    run(&mut r, 0, SECOND, 10_000, &|_, _| Some(5_000));
    let calm = run(&mut r, SECOND, 3 * SECOND, 10_000, &|_, _| Some(5_000));
    let busy = run(&mut r, 3 * SECOND, 5 * SECOND, 100, &|_, _| Some(5_000));
    assert!(calm["m0"] > 150, "{calm:?}");
    assert!(busy["m0"] < 10_000 && busy.len() == 10, "{busy:?}");
}

#[test]
fn a_lost_target_is_out_at_once_on_all_routes_and_tried_again() {
    let mut r = cluster(3, &["a:1", "b:1"], Offer::default());
    let (a, b) = (route(&r), r.resolve(&json!({ "b": 1 })).unwrap());
    let lost = r.pick(0, a, &[]).unwrap();
    r.done(0, a, lost, 0, Outcome::Lost);
    for _ in 0..100 {
        for route in [a, b] {
            let target = r.pick(1, route, &[]).unwrap();
            assert_ne!(target, lost);
            r.done(2, route, target, 1, Outcome::Ok);
        }
    }
    // After the pause exactly one call tries it, until that one has ended.
    let picks: Vec<_> = (0..50)
        .map(|i| r.pick(SECOND + i, a, &[]).unwrap())
        .collect();
    assert_eq!(picks.iter().filter(|t| **t == lost).count(), 1);
    let state = |r: &Router| {
        let routes = r.routes(SECOND);
        let targets = routes.into_iter().find(|v| v.id == a).unwrap().targets;
        targets.into_iter().find(|t| t.id == lost).unwrap().state
    };
    assert_eq!(state(&r), "probing");
    r.done(SECOND + 100, a, lost, 5, Outcome::Ok);
    assert_eq!(state(&r), "good");
}

#[test]
fn excluded_targets_are_not_picked() {
    for strategy in [Strategy::P2c, Strategy::RoundRobin, Strategy::Random] {
        let mut r = cluster(3, &["a:1"], with(strategy));
        let id = route(&r);
        let all = r.targets(id);
        for i in 0..100 {
            assert_eq!(r.pick(i, id, &all[..2]), Some(all[2]));
        }
        assert_eq!(r.try_pick(0, id, &all), Err(Refusal::NoTarget));
    }
}

#[test]
fn concurrency_is_a_bound() {
    let offer = Offer {
        concurrency: Some(2),
        ..Offer::default()
    };
    let mut r = cluster(3, &["a:1"], offer);
    let id = route(&r);
    let picked: Vec<_> = (0..6).map(|i| r.pick(i, id, &[]).unwrap()).collect();
    assert_eq!(r.try_pick(9, id, &[]), Err(Refusal::Overloaded));
    r.done(9, id, picked[0], 9, Outcome::Ok);
    assert_eq!(r.pick(9, id, &[]), Some(picked[0]));
}

#[test]
fn random_goes_by_weight() {
    let mut r = cluster(2, &["a:1"], with(Strategy::Random));
    let mut heavy = Service::tcp("127.0.0.1", 4_000);
    heavy.weight = 3.0;
    r.service(0, "m0", Some(heavy));
    let counts = run(&mut r, 0, 20 * SECOND, 1_000, &|_, _| Some(100));
    assert!((14_000..16_000).contains(&counts["m0"]), "{counts:?}");
}

#[test]
fn a_call_that_was_not_made_tells_nothing() {
    let mut r = cluster(1, &["a:1"], Offer::default());
    let id = route(&r);
    for _ in 0..100 {
        let target = r.pick(0, id, &[]).unwrap();
        r.done(0, id, target, 0, Outcome::Error);
    }
    let view = r.routes(0).remove(0).targets.remove(0);
    assert_eq!((view.state, view.errors, view.latency), ("good", 0, None));
    assert_eq!(view.inflight, 0);

    // Neither does a trial that was taken back; there is another one.
    let target = r.pick(0, id, &[]).unwrap();
    r.done(0, id, target, 0, Outcome::Lost);
    for round in 1..4 {
        let now = round * SECOND;
        assert_eq!(r.pick(now, id, &[]), Some(target));
        assert_eq!(r.routes(now)[0].targets[0].state, "probing");
        r.done(now, id, target, 0, Outcome::Error);
        assert_eq!(r.routes(now)[0].targets[0].state, "ejected");
    }
}

#[test]
fn what_wants_no_answer_tells_nothing() {
    let mut r = cluster(2, &["a:1"], Offer::default());
    let id = route(&r);
    let hole = r.targets(id)[0];
    let state = |r: &Router| {
        let targets = r.routes(0).remove(0).targets;
        let view = targets.into_iter().find(|view| view.id == hole).unwrap();
        (view.state, view.errors)
    };
    // Messages without an answer go there, between calls that get none.
    for round in 1..=3 {
        let now = round * SECOND;
        assert!(r.begin(now, id, hole));
        r.done(now, id, hole, 0, Outcome::Ok);
        assert!(r.begin(now, id, hole));
        r.done(now, id, hole, SECOND, Outcome::Timeout);
    }
    assert_eq!(state(&r), ("ejected", 3));
    r.begin(4 * SECOND, id, hole);
    r.done(4 * SECOND, id, hole, 0, Outcome::Ok);
    assert_eq!(state(&r), ("ejected", 3));
    // As a trial it does not decide; the next call does.
    while r.pick(5 * SECOND, id, &[]) != Some(hole) {}
    assert_eq!(state(&r).0, "probing");
    r.done(5 * SECOND, id, hole, 0, Outcome::Ok);
    assert_eq!(state(&r).0, "ejected");
}

#[test]
fn silence_tells_more_than_the_past() {
    let mut r = cluster(2, &["a:1"], Offer::default());
    let id = route(&r);
    let all = r.targets(id);
    let (silent, busy) = (all[0], all[1]);
    for target in [silent, busy] {
        assert!(r.begin(0, id, target));
        r.done(1_000, id, target, 1_000, Outcome::Ok);
    }
    // One call waits at the one for 100 ms; the other has more of them, and
    // answers.
    assert!(r.begin(1_000, id, silent));
    for _ in 0..10 {
        assert!(r.begin(100_000, id, busy));
    }
    r.done(101_000, id, busy, 1_000, Outcome::Ok);
    for i in 0..5 {
        assert_eq!(r.pick(101_000 + i, id, &[]), Some(busy));
    }
}

#[test]
fn the_few_good_ones_are_used_a_little_longer() {
    let mut r = cluster(4, &["a:1"], Offer::default());
    let id = route(&r);
    let all = r.targets(id);
    for target in &all {
        assert!(r.begin(0, id, *target));
        r.done(1_000, id, *target, 1_000, Outcome::Ok);
    }
    for m in 1..4 {
        r.member(0, &format!("m{m}"), Status::Suspect, false, 1);
    }
    // With up to three calls there, the good one is as good as an idle bad one.
    for queue in 0..4 {
        assert_eq!(r.pick(1_000, id, &[]), Some(all[0]), "{queue}");
    }
    assert_ne!(r.pick(1_000, id, &[]), Some(all[0]));
}

#[test]
fn who_is_well_again_by_the_word_of_others_is_used_at_once() {
    let mut r = cluster(2, &["a:1"], Offer::default());
    let id = route(&r);
    let lost = r.targets(id)[0];
    let name = r.target(lost).unwrap().0.to_string();
    assert!(r.begin(0, id, lost));
    r.done(0, id, lost, 0, Outcome::Lost);
    let state = |r: &Router| {
        let targets = r.routes(0).remove(0).targets;
        targets.into_iter().find(|t| t.id == lost).unwrap().state
    };
    r.member(0, &name, Status::Suspect, false, 1);
    assert_eq!(state(&r), "suspect");
    r.member(0, &name, Status::Alive, false, 1);
    assert_eq!(state(&r), "good");
}

#[test]
fn calls_of_a_withdrawn_pattern_do_not_weigh_on_its_target() {
    let mut r = cluster(1, &["a:1", "b:1"], Offer::default());
    let id = route(&r);
    let target = r.targets(id)[0];
    for _ in 0..5 {
        assert!(r.begin(0, id, target));
    }
    r.offer(0, "m0", "a:1", None);
    let slot = r.table.slots[&target];
    assert_eq!(r.table.targets[slot].inflight, 0);
    // It is published again before the old calls end.
    r.offer(0, "m0", "a:1", Some(Offer::default()));
    for _ in 0..5 {
        r.done(1, id, target, 1, Outcome::Ok);
    }
    assert_eq!(r.table.targets[slot].inflight, 0);
}
