//! A detector with all its parameters at once, in one pass over the trace.

use std::net::SocketAddr;

use super::neighbours::{Bertier, Chen};
use super::trace::Beat;
use super::{Curve, Kind, MARGINS, Point, THRESHOLDS};
use crate::engine::Config;
use crate::liveness::{Phi, Tuning, log10_tail};

/// The window of Chen's and of Bertier's detector, heartbeats.
const WINDOW: usize = 1_000;

/// Mistakes of many limits at once, the lowest first: what exceeds one limit
/// exceeds those below it as well.
struct Tally {
    limits: Vec<f64>,
    /// How often so many limits were exceeded.
    exceeded: Vec<u64>,
}

impl Tally {
    fn new(limits: Vec<f64>) -> Self {
        let exceeded = vec![0; limits.len() + 1];
        Tally { limits, exceeded }
    }

    fn count(&mut self, level: f64) {
        let below = self.limits.partition_point(|&limit| limit <= level);
        self.exceeded[below] += 1;
    }

    /// Each limit, with the number of mistakes and the time (ms) that `detection`
    /// tells of it.
    fn points(&self, seconds: f64, detection: impl Fn(f64) -> f64) -> Vec<Point> {
        let point = |(i, &limit): (usize, &f64)| {
            let mistakes = self.exceeded[i + 1..].iter().sum();
            Point {
                parameter: limit,
                mistakes,
                rate: mistakes as f64 / seconds,
                detection: detection(limit) / 1_000.0,
            }
        };
        self.limits.iter().enumerate().map(point).collect()
    }
}

/// The mean of what was added.
#[derive(Default)]
struct Mean(f64, u64);

impl Mean {
    fn push(&mut self, value: f64) {
        self.0 += value;
        self.1 += 1;
    }

    fn get(&self) -> f64 {
        self.0 / self.1.max(1) as f64
    }
}

/// The production detector.
pub(super) struct PhiReader {
    kind: Kind,
    phi: Phi,
    tally: Tally,
    /// Least silence before a suspicion, ms.
    silence: u64,
    delay: Mean,
    /// Patience for each limit, ms.
    patience: Vec<Mean>,
    /// How many sigmas after the mean phi reaches each limit.
    sigmas: Vec<f64>,
}

impl PhiReader {
    pub(super) fn new(kind: Kind, interval: f64) -> Self {
        let node = Config::new("node", SocketAddr::from(([127, 0, 0, 1], 1)), 0);
        let half = |i: u32| f64::from(i) / 2.0;
        let (tuning, limits, silence) = match kind {
            Kind::Phi(tuning) => (tuning, THRESHOLDS.map(half).collect(), 0),
            _ => (Tuning::default(), vec![node.phi], node.silence),
        };
        PhiReader {
            kind,
            phi: Phi::tuned(interval.round() as u64, tuning),
            silence,
            delay: Mean::default(),
            patience: limits.iter().map(|_| Mean::default()).collect(),
            sigmas: limits.iter().map(|&phi| sigmas(phi)).collect(),
            tally: Tally::new(limits),
        }
    }

    /// Was the next heartbeat given up before it came?
    pub(super) fn judge(&mut self, last: &Beat, next: &Beat) {
        let elapsed = next.at - last.at;
        let level = match elapsed >= self.silence {
            true => self.phi.phi(elapsed),
            false => 0.0,
        };
        self.tally.count(level);
        self.delay.push(last.at as f64 - last.sent);
        let (mean, sigma) = (self.phi.mean(), self.phi.sigma());
        for (patience, z) in self.patience.iter_mut().zip(&self.sigmas) {
            patience.push((mean + z * sigma).max(self.silence as f64));
        }
    }

    pub(super) fn feed(&mut self, interval: u64) {
        self.phi.arrival(interval);
    }

    pub(super) fn curve(&self, seconds: f64) -> Curve {
        let mut points = self.tally.points(seconds, |_| self.delay.get());
        for (point, patience) in points.iter_mut().zip(&self.patience) {
            point.detection += patience.get() / 1_000.0;
        }
        let kind = self.kind;
        Curve { kind, points }
    }
}

/// How many standard deviations after the mean phi reaches a level.
fn sigmas(phi: f64) -> f64 {
    let (mut low, mut high) = (-10.0, 100.0);
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        match -log10_tail(middle) < phi {
            true => low = middle,
            false => high = middle,
        }
    }
    high
}

/// Chen's detector.
pub(super) struct ChenReader {
    chen: Chen,
    tally: Tally,
    /// From the sending of a heartbeat to the expected arrival of the next, ms.
    expected: Mean,
}

impl ChenReader {
    pub(super) fn new(interval: f64) -> Self {
        let margins = MARGINS.map(|i| f64::from(i) * 10.0).collect();
        ChenReader {
            chen: Chen::new(interval, WINDOW),
            tally: Tally::new(margins),
            expected: Mean::default(),
        }
    }

    pub(super) fn judge(&mut self, last: &Beat, next: &Beat) {
        if let Some(expected) = self.chen.expected(last.seq + 1) {
            self.tally.count(next.at as f64 - expected);
            self.expected.push(expected - last.sent);
        }
    }

    pub(super) fn feed(&mut self, beat: &Beat) {
        self.chen.arrival(beat);
    }

    pub(super) fn curve(&self, seconds: f64) -> Curve {
        let detection = |margin: f64| self.expected.get() + margin;
        Curve {
            kind: Kind::Chen,
            points: self.tally.points(seconds, detection),
        }
    }
}

/// Bertier's detector, above an expectation of Chen's.
pub(super) struct BertierReader {
    chen: Chen,
    bertier: Bertier,
    tally: Tally,
    detection: Mean,
}

impl BertierReader {
    pub(super) fn new(interval: f64) -> Self {
        BertierReader {
            chen: Chen::new(interval, WINDOW),
            bertier: Bertier::default(),
            tally: Tally::new(vec![0.0]),
            detection: Mean::default(),
        }
    }

    pub(super) fn judge(&mut self, last: &Beat, next: &Beat) {
        if let Some(expected) = self.chen.expected(last.seq + 1) {
            let deadline = expected + self.bertier.margin();
            self.tally.count(next.at as f64 - deadline);
            self.detection.push(deadline - last.sent);
        }
    }

    pub(super) fn feed(&mut self, beat: &Beat) {
        if let Some(expected) = self.chen.expected(beat.seq) {
            self.bertier.arrival(beat, expected);
        }
        self.chen.arrival(beat);
    }

    pub(super) fn curve(&self, seconds: f64) -> Curve {
        let detection = |_: f64| self.detection.get();
        Curve {
            kind: Kind::Bertier,
            points: self.tally.points(seconds, detection),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_where_phi_reaches_its_threshold() {
        let tuning = Tuning {
            window: 100,
            floor: 10.0,
        };
        let mut phi = Phi::tuned(100, tuning);
        (0..200).for_each(|i| phi.arrival(90 + i % 3 * 10));
        for threshold in [0.5, 1.0, 2.0, 8.0, 16.0] {
            let patience = phi.mean() + sigmas(threshold) * phi.sigma();
            assert!(phi.phi(patience.floor() as u64) <= threshold);
            assert!(phi.phi(patience.ceil() as u64) >= threshold);
        }
    }

    #[test]
    fn a_level_exceeds_all_limits_below_it() {
        let mut tally = Tally::new(vec![1.0, 2.0, 3.0]);
        [0.5, 1.0, 2.5, 9.0]
            .into_iter()
            .for_each(|level| tally.count(level));
        let points = tally.points(2.0, |limit| limit * 1_000.0);
        let counted: Vec<u64> = points.iter().map(|point| point.mistakes).collect();
        assert_eq!(counted, [3, 2, 1]);
        assert_eq!((points[2].rate, points[2].detection), (0.5, 3.0));
    }
}
