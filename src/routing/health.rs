//! How well a target answers one route: its latency, and whether to stay away
//! from it for a while.

use super::event::Outcome;
use super::ids::Micros;

const SECOND: Micros = 1_000_000;

/// A latency is forgotten at this pace.
const DECAY: f64 = 2.0 * SECOND as f64;

/// So many calls in a row without an answer put a target aside.
const TIMEOUTS: u32 = 3;

/// So many errors in a row put a target aside: it answers, but a process that
/// only fails, and fails fast, would draw all calls. Many, because errors are
/// mostly the caller's own; when every target answers with errors, all are
/// aside, and so all are used.
const ERRORS: u32 = 20;

/// First pause after a dead connection: it tells at once whether it works again.
const LOST_PAUSE: Micros = SECOND / 5;
/// First pause after timeouts or errors: a trial costs a caller its time.
const PAUSE: Micros = SECOND;
/// Every relapse doubles the pause, up to this.
const MAX_PAUSE: Micros = 30 * SECOND;
/// A trial that has not ended after this is given up for another one.
const TRIAL: Micros = 10 * SECOND;

/// Peak-EWMA: rises to a slow answer at once, forgets it exponentially, also
/// without calls, so that an avoided target gets its next chance.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Latency {
    value: f64,
    at: Micros,
    known: bool,
}

impl Latency {
    pub fn observe(&mut self, now: Micros, sample: Micros) {
        let sample = sample as f64;
        if self.known {
            let keep = self.keep(now);
            let old = self.value * keep;
            self.value = sample.max(old + sample * (1.0 - keep));
        } else {
            self.value = sample;
        }
        self.known = true;
        self.at = self.at.max(now);
    }

    /// Microseconds; `None` before the first sample.
    pub fn read(&self, now: Micros) -> Option<f64> {
        self.known.then(|| self.value * self.keep(now))
    }

    fn keep(&self, now: Micros) -> f64 {
        (-(now.saturating_sub(self.at) as f64) / DECAY).exp()
    }
}

/// A circuit breaker.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Health {
    state: State,
    timeouts: u32,
    errors: u32,
    /// Pauses since the last long run of good answers.
    relapses: u32,
    good: u32,
    ejections: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum State {
    #[default]
    Good,
    /// Gets no calls until then.
    Ejected(Micros),
    /// One call is under way that decides; given up at that time.
    Probing(Micros),
}

impl Health {
    /// A call has ended. `jitter` in 0..1 spreads the trials of many callers.
    pub fn observe(&mut self, now: Micros, outcome: Outcome, jitter: f64) {
        match outcome {
            Outcome::Ok => {
                (self.timeouts, self.errors) = (0, 0);
                self.state = State::Good;
                self.good = self.good.saturating_add(1);
                if self.good >= 10 {
                    self.relapses = 0;
                }
                return;
            }
            Outcome::Error => {
                self.timeouts = 0;
                self.errors = self.errors.saturating_add(1);
            }
            Outcome::Timeout => self.timeouts = self.timeouts.saturating_add(1),
            Outcome::Lost => {}
        }
        let on_trial = matches!(self.state, State::Probing(_));
        let (bad, pause) = match outcome {
            Outcome::Ok => return,
            Outcome::Lost => (true, LOST_PAUSE),
            Outcome::Timeout => (on_trial || self.timeouts >= TIMEOUTS, PAUSE),
            Outcome::Error if on_trial && self.errors < ERRORS => {
                // It answers again, which is what it was put aside for.
                self.state = State::Good;
                return;
            }
            Outcome::Error => (self.errors >= ERRORS, PAUSE),
        };
        if !bad || matches!(self.state, State::Ejected(_)) {
            return;
        }
        let pause = (pause << self.relapses.min(10)).min(MAX_PAUSE);
        let spread = pause as f64 * (1.0 + 0.2 * jitter);
        self.state = State::Ejected(now.saturating_add(spread as Micros));
        self.relapses += 1;
        self.good = 0;
        self.ejections += 1;
    }

    pub fn is_good(&self) -> bool {
        self.state == State::Good
    }

    /// When the next call may try it; `None` while it is good.
    pub fn due(&self) -> Option<Micros> {
        match self.state {
            State::Good => None,
            State::Ejected(at) | State::Probing(at) => Some(at),
        }
    }

    pub fn begin_trial(&mut self, now: Micros) {
        self.state = State::Probing(now.saturating_add(TRIAL));
    }

    /// The call has told nothing: if it was a trial, another one will be.
    pub fn take_back(&mut self, now: Micros) {
        if matches!(self.state, State::Probing(_)) {
            self.state = State::Ejected(now.saturating_add(LOST_PAUSE));
        }
    }

    /// There is other word that the target is well.
    pub fn absolve(&mut self) {
        self.state = State::Good;
        (self.timeouts, self.errors) = (0, 0);
    }

    pub fn ejections(&self) -> u64 {
        self.ejections
    }

    pub fn name(&self) -> &'static str {
        match self.state {
            State::Good => "good",
            State::Ejected(_) => "ejected",
            State::Probing(_) => "probing",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_peaks_and_forgets() {
        let mut latency = Latency::default();
        assert_eq!(latency.read(5), None);
        latency.observe(0, 1_000);
        latency.observe(1_000, 50_000);
        assert_eq!(latency.read(1_000), Some(50_000.0));
        latency.observe(2_000, 1_000);
        let after = latency.read(2_000).unwrap();
        assert!((49_000.0..50_000.0).contains(&after), "{after}");
        assert!(latency.read(20 * SECOND).unwrap() < 1_000.0);
    }

    #[test]
    fn one_dead_connection_ejects_and_a_good_trial_restores() {
        let mut health = Health::default();
        health.observe(0, Outcome::Lost, 0.0);
        assert_eq!(health.due(), Some(LOST_PAUSE));
        health.begin_trial(LOST_PAUSE);
        assert_eq!(health.name(), "probing");
        health.observe(LOST_PAUSE + 1, Outcome::Ok, 0.0);
        assert!(health.is_good());
        assert_eq!(health.ejections(), 1);
    }

    #[test]
    fn many_calls_lost_at_once_are_one_loss() {
        let mut health = Health::default();
        for now in 0..100 {
            health.observe(now, Outcome::Lost, 0.0);
        }
        assert_eq!((health.due(), health.ejections()), (Some(LOST_PAUSE), 1));
    }

    #[test]
    fn relapses_wait_longer_up_to_a_bound() {
        let mut health = Health::default();
        let (mut now, mut last) = (0, 0);
        for _ in 0..40 {
            health.observe(now, Outcome::Lost, 1.0);
            let pause = health.due().unwrap() - now;
            assert!(pause >= last);
            last = pause;
            now += pause;
            health.begin_trial(now);
        }
        assert_eq!(last, MAX_PAUSE * 12 / 10);
    }

    #[test]
    fn single_timeouts_and_ordinary_errors_are_forgiven() {
        let mut health = Health::default();
        for i in 0..1_000 {
            health.observe(i, Outcome::Timeout, 0.0);
            health.observe(i, Outcome::Error, 0.0);
            if i % 10 == 0 {
                health.observe(i, Outcome::Ok, 0.0);
            }
            assert!(health.is_good());
        }
        for i in 0..TIMEOUTS {
            assert!(health.is_good(), "{i}");
            health.observe(2_000, Outcome::Timeout, 0.0);
        }
        assert!(!health.is_good());
    }
}
