//! A rate in practice: what may be spent now, and how much is asked for.

use crate::time::Millis;

/// A bucket of tokens that fills at the rate of the moment. A node that was
/// quiet for a while may change much at once, the less the more there is to be
/// told by all.
#[derive(Debug, Clone)]
pub struct Pace {
    most: f64,
    tokens: f64,
    at: Millis,
}

/// So many seconds of its rate a node can save up.
const SAVED: f64 = 16.0;

impl Pace {
    /// A full bucket; it never holds more than `most`.
    pub fn new(now: Millis, most: f64) -> Self {
        Pace {
            most,
            tokens: most,
            at: now,
        }
    }

    /// Spends `cost` if there is enough, with `rate` units a second coming in.
    /// What costs more than the bucket holds is paid out of a full one, and
    /// leaves a debt.
    pub fn spend(&mut self, now: Millis, rate: f64, cost: f64) -> bool {
        let span = now.saturating_sub(self.at) as f64 / 1_000.0;
        self.tokens = (self.tokens + span * rate).min(self.depth(rate));
        self.at = self.at.max(now);
        let enough = self.tokens >= cost.min(self.depth(rate));
        if enough {
            self.tokens -= cost;
        }
        enough
    }

    /// When [`Pace::spend`] will have enough at this rate.
    pub fn when(&self, rate: f64, cost: f64) -> Millis {
        let lacking = cost.min(self.depth(rate)) - self.tokens;
        self.at + (lacking.max(0.0) * 1_000.0 / rate).ceil() as Millis
    }

    fn depth(&self, rate: f64) -> f64 {
        self.most.min(rate * SAVED)
    }
}

/// Time in which what was asked for counts less by the factor e, ms.
const FADE: f64 = 2_000.0;

/// The rate at which a node wants to change, from what its user asks for.
#[derive(Debug, Clone, Default)]
pub struct Demand {
    sum: f64,
    at: Millis,
}

impl Demand {
    /// So much was asked for.
    pub fn add(&mut self, now: Millis, cost: f64) {
        self.sum = self.faded(now) + cost;
        self.at = now;
    }

    /// Units a second over the last few seconds.
    pub fn rate(&self, now: Millis) -> f64 {
        self.faded(now) * 1_000.0 / FADE
    }

    fn faded(&self, now: Millis) -> f64 {
        self.sum * (-(now.saturating_sub(self.at) as f64) / FADE).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_then_the_rate_counts() {
        let mut pace = Pace::new(0, 100.0);
        assert!(pace.spend(0, 10.0, 60.0) && pace.spend(0, 10.0, 40.0));
        assert!(!pace.spend(0, 10.0, 20.0));
        assert_eq!(pace.when(10.0, 20.0), 2_000);
        assert!(!pace.spend(1_999, 10.0, 20.0));
        assert!(pace.spend(2_000, 10.0, 20.0));
        assert!(pace.spend(1_000_000, 10.0, 100.0));
        assert!(!pace.spend(1_000_000, 10.0, 1.0), "it holds no more");
    }

    #[test]
    fn a_low_rate_saves_up_little() {
        let mut pace = Pace::new(0, 100.0);
        assert!(
            pace.spend(0, 1.0, 10.0) && !pace.spend(0, 1.0, 7.0),
            "16 s of it"
        );
        assert!(
            pace.spend(100_000, 10.0, 100.0),
            "the rate is back, so is the bucket"
        );
    }

    #[test]
    fn what_is_larger_than_the_bucket_goes_too_and_is_paid_afterwards() {
        let mut pace = Pace::new(0, 100.0);
        assert!(pace.spend(0, 10.0, 300.0));
        assert!(!pace.spend(19_999, 10.0, 1.0));
        assert!(pace.spend(20_200, 10.0, 1.0));
    }

    #[test]
    fn demand_is_the_rate_that_was_asked_for_and_fades() {
        let mut demand = Demand::default();
        for at in (0..20_000).step_by(100) {
            demand.add(at, 10.0);
        }
        let rate = demand.rate(20_000);
        assert!((90.0..110.0).contains(&rate), "{rate}");
        assert!(demand.rate(40_000) < 0.1);
    }
}
