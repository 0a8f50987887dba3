//! A made-up week of heartbeats between two continents.

use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};

use crate::time::Millis;

/// Heartbeats of a week, and bursts of lost ones among them. These and the
/// numbers of [`Trace::new`] go back to accounts of the paper's trace, which is
/// not public; we could not check them.
const WEEK: (u64, u64) = (5_845_713, 814);
/// The lengths of bursts follow a Pareto distribution with this exponent, cut
/// off at this length: the longest of 814 is then 1,093, and the loss 0.4 %.
const BURSTS: (f64, f64) = (0.55, 1_151.0);
/// Share of the heartbeats that get lost one by one, if they do.
const SINGLES: f64 = 0.004;

/// How heartbeats get lost. Either way it is 0.4 % of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Losses {
    /// In bursts of one to a thousand.
    Bursts,
    /// One by one, each by chance.
    Singles,
}

/// How to make a trace. Times are ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trace {
    /// The source of all randomness.
    pub seed: u64,
    /// Heartbeats sent; losses are as frequent in any number of them.
    pub beats: u64,
    /// Time between two heartbeats.
    pub interval: f64,
    /// Mean delay of one way.
    pub delay: f64,
    /// Standard deviation of the delay from one heartbeat to the next.
    pub jitter: f64,
    /// Standard deviation of the slow part of the delay.
    pub wander: f64,
    /// How long the slow part takes to change.
    pub inertia: f64,
    /// How heartbeats get lost.
    pub losses: Losses,
}

impl Trace {
    /// A week between two continents.
    ///
    /// Round trips of 283 ms with a standard deviation of 27 ms, of two ways
    /// that are alike, make 141.5 and 19.1 ms of one. How much of the latter
    /// lies between neighbours and how much between one hour and the next is
    /// our choice: single losses stop to count as mistakes at thresholds of 8 to
    /// 12, as the paper has it, if the jitter is about 11 ms.
    pub fn new(seed: u64) -> Self {
        Trace {
            seed,
            beats: WEEK.0,
            interval: 103.5,
            delay: 141.5,
            jitter: 11.0,
            wander: 15.6,
            inertia: 1_800_000.0,
            losses: Losses::Bursts,
        }
    }

    /// The heartbeats that arrive, in order.
    pub fn arrivals(&self) -> Arrivals {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        let bursts = match self.losses {
            Losses::Bursts => bursts(&mut rng, self.beats),
            Losses::Singles => Vec::new(),
        };
        Arrivals {
            trace: *self,
            rng,
            bursts: bursts.into_iter(),
            burst: (0, 0),
            seq: 0,
            wander: 0.0,
            last: 0,
        }
    }
}

/// One heartbeat that has arrived.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beat {
    /// Its number, from 0.
    pub seq: u64,
    /// When it was sent, ms.
    pub sent: f64,
    /// When it arrived, in whole ms as the engine's clock shows it.
    pub at: Millis,
}

/// See [`Trace::arrivals`].
#[derive(Debug)]
pub struct Arrivals {
    trace: Trace,
    rng: Xoshiro256PlusPlus,
    bursts: std::vec::IntoIter<(u64, u64)>,
    /// Begin and end of the burst of losses that is next or under way.
    burst: (u64, u64),
    seq: u64,
    wander: f64,
    last: Millis,
}

impl Iterator for Arrivals {
    type Item = Beat;

    fn next(&mut self) -> Option<Beat> {
        let trace = self.trace;
        // An autoregressive process of the first order forgets at this rate.
        let keep = (-trace.interval / trace.inertia).exp();
        let fresh = trace.wander * (1.0 - keep * keep).sqrt();
        while self.seq < trace.beats {
            let seq = self.seq;
            self.seq += 1;
            let (slow, fast) = normals(&mut self.rng);
            self.wander = keep * self.wander + fresh * slow;
            while seq >= self.burst.1
                && let Some(burst) = self.bursts.next()
            {
                self.burst = burst;
            }
            let lost = (self.burst.0..self.burst.1).contains(&seq)
                || trace.losses == Losses::Singles && self.rng.random::<f64>() < SINGLES;
            if lost {
                continue;
            }
            let sent = seq as f64 * trace.interval;
            let delay = (trace.delay + self.wander + trace.jitter * fast).max(0.0);
            // One does not overtake another: that takes more than six sigma.
            self.last = self.last.max((sent + delay).round() as Millis);
            return Some(Beat {
                seq,
                sent,
                at: self.last,
            });
        }
        None
    }
}

/// Begin and end of each burst of losses, in order. The lengths are the same
/// for every seed, their places are not.
fn bursts(rng: &mut Xoshiro256PlusPlus, beats: u64) -> Vec<(u64, u64)> {
    let count = (beats * WEEK.1).div_ceil(WEEK.0);
    let (exponent, longest) = BURSTS;
    let mut lengths: Vec<u64> = (0..count)
        .map(|i| (i as f64 + 0.5) / count as f64)
        .map(|u| (1.0 - u * (1.0 - f64::powf(longest, -exponent))).powf(-1.0 / exponent))
        .map(|length| length.round() as u64)
        .collect();
    let mut starts: Vec<u64> = (0..count).map(|_| rng.random_range(0..beats)).collect();
    starts.sort_unstable();
    let mut free = 0;
    let place = |start: u64| {
        let length = lengths.swap_remove(rng.random_range(0..lengths.len()));
        // At least one arrives between two bursts, or they would be one.
        let begin = start.max(free);
        free = begin + length + 1;
        (begin, begin + length)
    };
    starts.into_iter().map(place).collect()
}

/// Two independent numbers of the standard normal distribution.
fn normals(rng: &mut Xoshiro256PlusPlus) -> (f64, f64) {
    // 1 - u lies in (0, 1], so the logarithm is finite.
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    let (sin, cos) = (std::f64::consts::TAU * rng.random::<f64>()).sin_cos();
    (radius * sin, radius * cos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_loses_four_in_a_thousand_in_814_bursts() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let bursts = bursts(&mut rng, WEEK.0);
        let lengths = || bursts.iter().map(|(begin, end)| end - begin);
        assert_eq!(bursts.len(), 814);
        assert_eq!(lengths().max(), Some(1_093));
        let share = lengths().sum::<u64>() as f64 / WEEK.0 as f64;
        assert!((share - 0.004).abs() < 0.0001, "{share}");
    }

    #[test]
    fn delays_are_spread_as_they_were_set_to() {
        let trace = Trace {
            beats: 400_000,
            inertia: 10_000.0,
            ..Trace::new(1)
        };
        let all: Vec<Beat> = trace.arrivals().collect();
        let delays = || all.iter().map(|beat| beat.at as f64 - beat.sent);
        let mean = delays().sum::<f64>() / all.len() as f64;
        let variance = delays().map(|d| (d - mean).powi(2)).sum::<f64>() / all.len() as f64;
        assert!((mean - 141.5).abs() < 1.0, "{mean}");
        assert!((variance.sqrt() - 19.1).abs() < 1.0, "{}", variance.sqrt());
        assert!(all.is_sorted_by_key(|beat| (beat.seq, beat.at)));
        assert_eq!(all, trace.arrivals().collect::<Vec<_>>());
    }
}
