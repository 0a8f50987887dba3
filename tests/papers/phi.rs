//! The trade-off of the phi accrual failure detector, on traces of half a day.

use std::sync::LazyLock;

use seneca_gossip::liveness::Tuning;
use seneca_gossip::sim::papers::phi::{Curve, Kind, Losses, Outcome, Point, Trace, WINDOWS, run};

static BURSTS: LazyLock<Outcome> = LazyLock::new(|| watch(Losses::Bursts));
static SINGLES: LazyLock<Outcome> = LazyLock::new(|| watch(Losses::Singles));

fn watch(losses: Losses) -> Outcome {
    let outcome = run(&Trace {
        beats: 400_000,
        losses,
        ..Trace::new(1)
    });
    let share = 1.0 - outcome.arrived as f64 / 400_000.0;
    assert!((0.003..0.005).contains(&share), "{share} lost");
    outcome
}

fn curve(outcome: &Outcome, kind: Kind) -> &Curve {
    outcome.curve(kind).expect("every detector has watched")
}

fn phi(outcome: &Outcome, window: usize, threshold: f64) -> Point {
    let point = curve(outcome, Kind::paper(window)).at(threshold);
    *point.expect("the threshold was tried")
}

fn both() -> [&'static Outcome; 2] {
    [&BURSTS, &SINGLES]
}

#[test]
fn a_higher_threshold_errs_less_and_notices_later() {
    for outcome in both() {
        for window in WINDOWS {
            let points = &curve(outcome, Kind::paper(window)).points;
            assert_eq!(points.len(), 32);
            for pair in points.windows(2) {
                assert!(pair[1].rate <= pair[0].rate, "{pair:?}");
                assert!(pair[1].detection > pair[0].detection, "{pair:?}");
            }
        }
    }
}

#[test]
fn mistakes_fall_sharply_from_one_half_to_two() {
    for outcome in both() {
        let rate = |threshold| phi(outcome, 1_000, threshold).rate;
        assert!(rate(0.5) > 15.0 * rate(2.0), "{} {}", rate(0.5), rate(2.0));
        // A normal distribution exceeds its quantile of 10^-.5 in 32 % of 9.66 heartbeats a second.
        assert!((2.4..3.6).contains(&rate(0.5)), "{}", rate(0.5));
    }
}

#[test]
fn single_losses_stop_triggering_between_eight_and_twelve() {
    let rate = |threshold| phi(&SINGLES, 1_000, threshold).rate;
    let losses = 0.004 / 0.1035;
    assert!(rate(4.0) > 0.8 * losses, "{} of {losses}", rate(4.0));
    assert!(rate(8.0) > 2.5 * rate(12.0), "{} {}", rate(8.0), rate(12.0));
    assert!(
        rate(12.0) > 4.0 * rate(16.0),
        "{} {}",
        rate(12.0),
        rate(16.0)
    );
}

#[test]
fn larger_windows_err_less() {
    for outcome in both() {
        for threshold in [1.0, 1.5, 2.0, 2.5] {
            let rates = WINDOWS.map(|window| phi(outcome, window, threshold).rate);
            assert!(rates[0] > 1.1 * rates[1], "{threshold}: {rates:?}");
            // Where all delays are alike, 1,000 are as good as 10,000.
            let falls = rates[1..].windows(2).all(|pair| pair[1] < 1.02 * pair[0]);
            assert!(falls, "{threshold}: {rates:?}");
        }
    }
    // Between, every single loss is a mistake, whatever the window.
    for threshold in [12.0, 14.0, 16.0] {
        let rates = WINDOWS.map(|window| phi(&SINGLES, window, threshold).rate);
        assert!(rates.is_sorted_by(|a, b| a > b), "{threshold}: {rates:?}");
    }
}

#[test]
fn phi_and_chen_lie_in_one_envelope() {
    // Where losses come singly the window tells nothing but the jitter.
    for detection in [0.27, 0.28, 0.29, 0.30, 0.32, 0.34, 0.36] {
        within(&SINGLES, detection, 5.0);
    }
    // A burst widens the window's sigma for the next 1,000 heartbeats: phi is
    // slower on the average for it, and has caught up where only bursts are left.
    for detection in [0.36, 0.38, 0.40, 0.44] {
        within(&BURSTS, detection, 2.0);
    }
}

fn within(outcome: &Outcome, detection: f64, factor: f64) {
    let rate = |kind| {
        let rate = curve(outcome, kind).rate_at(detection);
        rate.unwrap_or_else(|| panic!("{kind:?} has nothing at {detection} s"))
    };
    let (phi, chen) = (rate(Kind::paper(1_000)), rate(Kind::Chen));
    let ratio = phi / chen;
    assert!(
        (1.0 / factor..factor).contains(&ratio),
        "at {detection} s: phi {phi}, Chen {chen}"
    );
}

#[test]
fn bertier_is_quick_and_errs_often() {
    for outcome in both() {
        let bertier = curve(outcome, Kind::Bertier).points[0];
        let eight = phi(outcome, 1_000, 8.0);
        assert!(bertier.detection < eight.detection && bertier.rate > eight.rate);
    }
}

#[test]
fn the_settings_of_a_node_err_less_than_the_papers() {
    for outcome in both() {
        let paper = phi(outcome, 1_000, 8.0);
        let floor = curve(outcome, Kind::Phi(Tuning::default())).at(8.0);
        let floor = *floor.expect("the threshold was tried");
        let node = curve(outcome, Kind::Node).points[0];
        assert!(floor.rate < paper.rate / 2.0, "{floor:?} {paper:?}");
        assert!(node.rate <= floor.rate, "{node:?} {floor:?}");
        // The price: the floor of 100 ms, and a silence of 2.1 s at least.
        assert!((0.75..1.0).contains(&floor.detection), "{floor:?}");
        assert!((2.2..2.5).contains(&node.detection), "{node:?}");
    }
    // One loss alone is no reason.
    assert_eq!(curve(&SINGLES, Kind::Node).points[0].mistakes, 0);
}
