//! The phi accrual failure detector (Hayashibara et al., SRDS 2004, section 4):
//! phi(t) = -log10(1 - F(t - t_last)), F normal with the mean and variance of
//! the last inter-arrival times.

use std::collections::VecDeque;

/// Longer intervals are counted as this, ms.
const LONGEST: u64 = 60_000;

/// How a detector keeps and reads its history.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuning {
    /// Samples that the window holds, 1 or more.
    pub window: usize,
    /// Least standard deviation, ms, more than 0: a clean network must not make
    /// the detector so sure of itself that one late answer counts as a death.
    pub floor: f64,
}

impl Default for Tuning {
    /// What every node works with: the window of the paper's experiments, and
    /// the floor of Pekko's detector.
    fn default() -> Self {
        Tuning {
            window: 1_000,
            floor: 100.0,
        }
    }
}

/// The arrival history of one subject.
///
/// Until there are samples the expected interval stands in for them, as two
/// samples a quarter above and below it (the bootstrap of Pekko's detector).
#[derive(Debug, Clone)]
pub struct Phi {
    tuning: Tuning,
    samples: VecDeque<u32>,
    sum: u64,
    squares: u64,
}

impl Phi {
    /// A history for a subject that is expected to answer every `expected` ms.
    pub fn new(expected: u64) -> Self {
        Phi::tuned(expected, Tuning::default())
    }

    /// The same with settings of one's own, for experiments.
    pub fn tuned(expected: u64, tuning: Tuning) -> Self {
        let mut phi = Phi {
            tuning,
            samples: VecDeque::new(),
            sum: 0,
            squares: 0,
        };
        phi.arrival(expected - expected / 4);
        phi.arrival(expected + expected / 4);
        phi
    }

    /// An answer came `interval` ms after the one before.
    pub fn arrival(&mut self, interval: u64) {
        if self.samples.len() >= self.tuning.window
            && let Some(old) = self.samples.pop_front()
        {
            self.sum -= u64::from(old);
            self.squares -= u64::from(old).pow(2);
        }
        let interval = interval.min(LONGEST);
        self.samples.push_back(interval as u32);
        self.sum += interval;
        self.squares += interval.pow(2);
    }

    /// Mean of the window, ms.
    pub fn mean(&self) -> f64 {
        self.sum as f64 / self.samples.len() as f64
    }

    /// Standard deviation of the window, ms, not below the floor.
    pub fn sigma(&self) -> f64 {
        let mean = self.mean();
        let variance = self.squares as f64 / self.samples.len() as f64 - mean * mean;
        variance.max(0.0).sqrt().max(self.tuning.floor)
    }

    /// The suspicion level `elapsed` ms after the last answer.
    pub fn phi(&self, elapsed: u64) -> f64 {
        let z = (elapsed as f64 - self.mean()) / self.sigma();
        (-log10_tail(z)).max(0.0)
    }
}

/// log10 of the upper tail of the standard normal distribution. Beyond z = 2
/// it is taken in the log domain from the continued fraction of Mills' ratio,
/// so that it never underflows: 1 - F does at z = 38, and phi would stop.
pub fn log10_tail(z: f64) -> f64 {
    if z < -2.0 {
        return (-(10f64.powf(log10_tail(-z)))).ln_1p() / std::f64::consts::LN_10;
    }
    if z < 2.0 {
        return (0.5 - half_erf(z)).log10();
    }
    let mut fraction = z;
    for k in (1..=60).rev() {
        fraction = z + f64::from(k) / fraction;
    }
    let ln = -z * z / 2.0 - (2.0 * std::f64::consts::PI).sqrt().ln() - fraction.ln();
    ln / std::f64::consts::LN_10
}

/// F(z) - 1/2 of the standard normal by its Taylor series, for |z| up to 2.
fn half_erf(z: f64) -> f64 {
    let (mut term, mut sum) = (z, z);
    for n in 1..40 {
        term *= -z * z / f64::from(2 * n);
        sum += term / f64::from(2 * n + 1);
    }
    sum / (2.0 * std::f64::consts::PI).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_agrees_with_tables() {
        // Q(z) from standard tables of the normal distribution.
        for (z, q) in [
            (-3.0, 0.998_650_102),
            (-1.0, 0.841_344_746),
            (0.0, 0.5),
            (1.0, 0.158_655_254),
            (1.96, 0.024_997_895),
            (2.0, 0.022_750_132),
            (3.0, 0.001_349_898),
            (6.0, 9.865_876_5e-10),
        ] {
            let got = 10f64.powf(log10_tail(z));
            assert!((got - q).abs() < 1e-6 * q, "Q({z}) = {got}, not {q}");
        }
    }

    #[test]
    fn the_tail_falls_without_end_and_without_a_step() {
        let mut last = log10_tail(-9.0);
        for i in -8_999..100_000 {
            let now = log10_tail(f64::from(i) / 1_000.0);
            assert!(now <= last && now.is_finite() && last - now < 0.05, "{i}");
            last = now;
        }
        assert!(last < -2_000.0);
    }

    #[test]
    fn phi_rises_with_silence_and_falls_with_jitter() {
        let (mut steady, mut jittery) = (Phi::new(500), Phi::new(500));
        for i in 0..2_000 {
            steady.arrival(500);
            jittery.arrival(if i % 2 == 0 { 100 } else { 900 });
        }
        assert!(steady.phi(400) < 1.0);
        assert!(steady.phi(1_200) > 8.0);
        assert!(jittery.phi(1_200) < 3.0);
        assert!((jittery.mean() - 500.0).abs() < 1.0 && (jittery.sigma() - 400.0).abs() < 1.0);
    }

    #[test]
    fn the_window_and_the_floor_are_what_they_were_set_to() {
        let tuning = Tuning {
            window: 10,
            floor: 5.0,
        };
        let mut phi = Phi::tuned(500, tuning);
        (0..10).for_each(|_| phi.arrival(1_000));
        assert_eq!((phi.mean(), phi.sigma()), (1_000.0, 5.0));
        (0..10).for_each(|_| phi.arrival(200));
        assert_eq!((phi.mean(), phi.sigma()), (200.0, 5.0));
    }

    #[test]
    fn before_there_are_samples_the_expected_interval_counts() {
        let phi = Phi::new(500);
        assert!(phi.phi(500) < 1.0);
        assert!(phi.phi(2_100) > 8.0);
    }
}
