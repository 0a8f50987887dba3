//! The phi accrual failure detector (Hayashibara et al., SRDS 2004, section 5):
//! how often does it err, and how soon does it notice, with which threshold and
//! window? The production [`Phi`](crate::liveness::Phi) reads a made-up
//! [`Trace`], beside the detectors of Chen and Bertier.
//!
//! A *mistake* is a suspicion of a sender that works: a heartbeat comes, and the
//! detector had given up waiting for it. The *detection time* is that of the
//! worst moment for a crash, right after a heartbeat was sent: the delay of
//! that heartbeat and the detector's patience after it, in the mean over all
//! heartbeats. At a random moment it is half an interval less.

mod neighbours;
mod readers;
mod trace;

pub use trace::{Arrivals, Beat, Losses, Trace};

use crate::liveness::Tuning;
use readers::{BertierReader, ChenReader, PhiReader};

/// Windows of the experiment, heartbeats.
pub const WINDOWS: [usize; 4] = [20, 100, 1_000, 10_000];
/// Stands for 'no floor of sigma', which the paper has not got: the resolution
/// of the clock, ms.
pub const NO_FLOOR: f64 = 1.0;
/// Thresholds of phi that are counted: every half from .5 to 16.
const THRESHOLDS: std::ops::RangeInclusive<u32> = 1..=32;
/// Chen's margins that are counted: every 10 ms up to 500.
const MARGINS: std::ops::RangeInclusive<u32> = 0..=50;

/// Who has watched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Phi as the production code has it, with these settings; the parameter
    /// is its threshold.
    Phi(Tuning),
    /// Phi with all settings of a node: its floor of sigma, its threshold, and
    /// its least silence.
    Node,
    /// Chen's detector; the parameter is its margin alpha, ms.
    Chen,
    /// Bertier's detector, which has no parameter.
    Bertier,
}

impl Kind {
    /// Phi as in the paper, without a floor of sigma.
    pub fn paper(window: usize) -> Kind {
        Kind::Phi(Tuning {
            window,
            floor: NO_FLOOR,
        })
    }
}

/// What one setting has done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Threshold or margin.
    pub parameter: f64,
    /// Mistakes, counted.
    pub mistakes: u64,
    /// Mistakes per second.
    pub rate: f64,
    /// Mean detection time, s.
    pub detection: f64,
}

/// One detector with all its parameters, in ascending order.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Who.
    pub kind: Kind,
    /// What.
    pub points: Vec<Point>,
}

impl Curve {
    /// What a parameter did, if it was among those that were tried.
    pub fn at(&self, parameter: f64) -> Option<&Point> {
        let same = |point: &&Point| (point.parameter - parameter).abs() < 1e-9;
        self.points.iter().find(same)
    }

    /// The mistakes per second at a detection time (s), by interpolation between
    /// the logarithms of its neighbours. `None` beyond the ends, and where
    /// nothing was mistaken.
    pub fn rate_at(&self, detection: f64) -> Option<f64> {
        let pairs = self.points.windows(2);
        let mut around = pairs.filter(|pair| {
            (pair[0].detection..=pair[1].detection).contains(&detection) && pair[1].mistakes > 0
        });
        let pair = around.next()?;
        let span = pair[1].detection - pair[0].detection;
        let share = (detection - pair[0].detection) / span;
        let (a, b) = (pair[0].rate.ln(), pair[1].rate.ln());
        Some((a + share * (b - a)).exp())
    }
}

/// What an experiment has shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Heartbeats that arrived, the first of them included.
    pub arrived: u64,
    /// Longest time between two arrivals, ms.
    pub longest: u64,
    /// Time that was counted, s.
    pub seconds: f64,
    /// All detectors.
    pub curves: Vec<Curve>,
}

impl Outcome {
    /// The curve of a detector.
    pub fn curve(&self, kind: Kind) -> Option<&Curve> {
        self.curves.iter().find(|curve| curve.kind == kind)
    }
}

/// Has all detectors watch one trace. Nothing counts until the longest window
/// is full.
pub fn run(trace: &Trace) -> Outcome {
    let mut phis: Vec<PhiReader> = WINDOWS
        .into_iter()
        .map(Kind::paper)
        .chain([Kind::Phi(Tuning::default()), Kind::Node])
        .map(|kind| PhiReader::new(kind, trace.interval))
        .collect();
    let mut chen = ChenReader::new(trace.interval);
    let mut bertier = BertierReader::new(trace.interval);
    let warm = WINDOWS.into_iter().max().unwrap_or(0) as u64;
    let mut last: Option<Beat> = None;
    let (mut arrived, mut longest, mut begin) = (0, 0, 0);
    for beat in trace.arrivals() {
        arrived += 1;
        let Some(before) = last.replace(beat) else {
            chen.feed(&beat);
            bertier.feed(&beat);
            continue;
        };
        if arrived == warm {
            begin = beat.at;
        }
        let counts = arrived > warm;
        longest = longest.max(beat.at - before.at);
        phis.iter_mut().for_each(|phi| {
            if counts {
                phi.judge(&before, &beat);
            }
            phi.feed(beat.at - before.at);
        });
        if counts {
            chen.judge(&before, &beat);
            bertier.judge(&before, &beat);
        }
        chen.feed(&beat);
        bertier.feed(&beat);
    }
    let seconds = last.map_or(0, |beat| beat.at - begin) as f64 / 1_000.0;
    let mut curves: Vec<Curve> = phis.iter().map(|phi| phi.curve(seconds)).collect();
    curves.push(chen.curve(seconds));
    curves.push(bertier.curve(seconds));
    Outcome {
        arrived,
        longest,
        seconds,
        curves,
    }
}
