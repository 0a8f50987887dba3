//! The LADIS 2008 paper's figures 2 and 3: who is above whom, and where the
//! curves go. `examples/papers` draws them with all participants; here a quarter
//! of them has messages of a quarter of the room.

use seneca_gossip::sim::papers::gossip::{
    Control, Experiment, Method, Point, Second, figure2, figure3, run,
};
use seneca_gossip::state::Order;

const DEPTH: Method = Method::Scuttle(Order::Depth);
const BREADTH: Method = Method::Scuttle(Order::Breadth);
const SEED: u64 = 1;

fn curve(experiment: Experiment) -> Vec<Point> {
    run(&experiment.scaled(experiment.nodes / 4))
}

fn at(points: &[Point], second: u64) -> Point {
    points[second as usize - 1]
}

/// The mean of a value over some seconds.
fn mean(points: &[Point], seconds: std::ops::Range<u64>, value: fn(&Point) -> f64) -> f64 {
    let of = points.iter().filter(|p| seconds.contains(&p.second));
    let values: Vec<f64> = of.map(value).collect();
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn figure_2_the_order_of_the_methods_under_overload_is_the_papers() {
    let [oldest, breadth, depth, newest] =
        [Method::PreciseOldest, BREADTH, DEPTH, Method::PreciseNewest]
            .map(|method| curve(figure2(SEED, 128, method)));
    for second in [75, 98] {
        let stale = [&oldest, &breadth, &depth, &newest].map(|c| at(c, second).stale);
        assert!(stale.is_sorted_by(|a, b| a > b), "at {second}: {stale:?}");
    }
    // The two that serve whoever is far behind first recover by 110 s.
    for (name, curve) in [("depth", &depth), ("newest", &newest)] {
        let (before, after) = (at(curve, 24).stale, at(curve, 110).stale);
        assert!(after < 1.5 * before, "{name}: {before} and {after}");
    }
    assert!(at(&oldest, 110).stale > 2.0 * at(&oldest, 24).stale);
    assert!(at(&breadth, 110).stale > 1.5 * at(&breadth, 24).stale);
    // Newest first lets old changes wait for longest; depth does not.
    let longest = |points: &[Point]| mean(points, 80..99, |p| p.staleness);
    let others = [&oldest, &breadth, &depth].map(|points| longest(points));
    assert!(
        others.iter().all(|&other| 1.3 * other < longest(&newest)),
        "{others:?}"
    );
    assert!(others[2] < others[0] && others[2] < others[1], "{others:?}");
    for curve in [&oldest, &breadth, &depth, &newest] {
        assert_eq!(at(curve, 140).stale, 0.0, "all is told once changes stop");
    }
}

#[test]
fn figure_3_flow_control_finds_the_rate_that_messages_carry() {
    for method in [Method::PreciseOldest, DEPTH, Method::PreciseNewest] {
        let large = curve(figure3(SEED, 128, method));
        // Half the participants in messages of the same room.
        let half = figure3(SEED, 64, method);
        let small = run(&Experiment {
            nodes: 16,
            room: half.room / 4,
            ..half
        });
        let name = method.name();
        let rate = |points: &[Point], seconds| mean(points, seconds, |p| p.rate);
        let (settled, halved) = (rate(&large, 70..90), rate(&large, 135..160));
        assert!((0.8..1.5).contains(&settled), "{name}: {settled}");
        assert!(
            (0.4..0.65).contains(&(halved / settled)),
            "{name}: {settled}, {halved}"
        );
        let least = large[90..].iter().map(|p| p.rate).fold(f64::MAX, f64::min);
        assert!(
            least < 0.8 * halved,
            "{name}: no undershoot, {least} and {halved}"
        );
        let ratio = rate(&small, 70..90) / settled;
        assert!((1.5..2.4).contains(&ratio), "{name}: {ratio}");
        let worst = |points: &[Point]| points.iter().map(|p| p.staleness).fold(0.0, f64::max);
        assert!(worst(&large) < 40.0, "{name}: {}", worst(&large));
    }
}

#[test]
fn figure_3_without_flow_control_staleness_has_no_bound() {
    let mut free = figure3(SEED, 128, DEPTH).scaled(32);
    free.control = Control::None;
    free.seconds = 60;
    free.script = |second| Second {
        room: Some(1.0),
        pace: if second < 15 { 0.0 } else { 4.0 },
    };
    let free = run(&free);
    let held = run(&figure3(SEED, 128, DEPTH).scaled(32));
    let bound = held[..60].iter().map(|p| p.staleness).fold(0.0, f64::max);
    assert!(at(&free, 60).staleness > 2.0 * bound, "{bound}");
}
