//! The detectors that the paper compares with. Only for the comparison: no node
//! works with them. Times are ms.

use std::collections::VecDeque;

use super::trace::Beat;

/// Chen, Toueg and Aguilera, 2002, section 6.3: when the next heartbeat is
/// expected, from the mean of the last arrivals with the numbers counted out.
/// Suspicion follows a constant margin alpha later.
#[derive(Debug)]
pub(super) struct Chen {
    interval: f64,
    window: usize,
    /// Arrival of each heartbeat, less the time at which it was sent.
    offsets: VecDeque<f64>,
    sum: f64,
}

impl Chen {
    pub(super) fn new(interval: f64, window: usize) -> Self {
        Chen {
            interval,
            window,
            offsets: VecDeque::new(),
            sum: 0.0,
        }
    }

    pub(super) fn arrival(&mut self, beat: &Beat) {
        if self.offsets.len() == self.window
            && let Some(old) = self.offsets.pop_front()
        {
            self.sum -= old;
        }
        let offset = beat.at as f64 - beat.seq as f64 * self.interval;
        self.offsets.push_back(offset);
        self.sum += offset;
    }

    /// The expected arrival of a heartbeat; `None` before the first has come.
    pub(super) fn expected(&self, seq: u64) -> Option<f64> {
        let mean = self.sum / self.offsets.len() as f64;
        (!self.offsets.is_empty()).then_some(mean + seq as f64 * self.interval)
    }
}

/// Bertier, Marin and Sens, 2002: Chen's expectation with a margin that follows
/// the error of the expectation, as the timeout of TCP follows its round trips.
#[derive(Debug, Default)]
pub(super) struct Bertier {
    delay: f64,
    deviation: f64,
}

impl Bertier {
    /// Weight of a new error.
    const GAMMA: f64 = 0.1;
    /// Weight of the mean error in the margin.
    const BETA: f64 = 1.0;
    /// Weight of its deviation.
    const PHI: f64 = 4.0;

    /// A heartbeat has come; `expected` was what Chen's estimate said of it.
    pub(super) fn arrival(&mut self, beat: &Beat, expected: f64) {
        let error = beat.at as f64 - expected - self.delay;
        self.delay += Self::GAMMA * error;
        self.deviation += Self::GAMMA * (error.abs() - self.deviation);
    }

    /// How long after the expected arrival suspicion follows.
    pub(super) fn margin(&self) -> f64 {
        Self::BETA * self.delay + Self::PHI * self.deviation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(seq: u64, at: u64) -> Beat {
        Beat { seq, sent: 0.0, at }
    }

    #[test]
    fn losses_do_not_shift_the_expected_arrival() {
        let mut chen = Chen::new(100.0, 3);
        assert_eq!(chen.expected(0), None);
        for (seq, at) in [(0, 999), (1, 140), (2, 250), (7, 760)] {
            chen.arrival(&beat(seq, at));
        }
        assert_eq!(chen.expected(8), Some(850.0));
    }

    #[test]
    fn the_margin_follows_the_error() {
        let mut bertier = Bertier::default();
        (0..500).for_each(|_| bertier.arrival(&beat(0, 110), 100.0));
        assert!((bertier.margin() - 10.0).abs() < 0.1);
        for i in 0..500 {
            bertier.arrival(&beat(0, if i % 2 == 0 { 90 } else { 110 }), 100.0);
        }
        assert!((30.0..50.0).contains(&bertier.margin()));
    }
}
