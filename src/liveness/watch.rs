//! One subject under our eyes: when to ping it next, what its answers say.

use std::collections::VecDeque;

use super::{Evidence, Phi};
use crate::time::Millis;

/// Pings whose answer may still come.
const OUTSTANDING: usize = 16;
/// How soon a refusal is checked again, ms.
const RECHECK: Millis = 40;
/// Least time between two checks that others ask for, ms.
const URGENT: Millis = 100;
/// Refusals in a row that count as evidence: one alone may be an old message
/// of the network about a port that is open again.
const REFUSALS: u32 = 2;
/// Pings whose loss is evidence for an observer that steps in.
const STEP_IN_PINGS: Millis = 3;
/// Pings without an answer after which the main socket is tried as well.
const SILENT_PINGS: u32 = 2;

/// The settings of a watch.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Time between two pings.
    pub ping: Millis,
    /// Threshold of phi.
    pub phi: f64,
    /// Least silence before a suspicion.
    pub silence: Millis,
}

/// A subject under our eyes.
#[derive(Debug)]
pub struct Watch {
    phi: Phi,
    /// The last answer, or the begin of the watch.
    last: Millis,
    /// Nonce and time of pings without an answer, oldest first.
    pings: VecDeque<(u64, Millis)>,
    next: Millis,
    urgent: Millis,
    unanswered: u32,
    refusals: u32,
    answered: bool,
    /// Round trip of the last answered ping.
    pub rtt: Option<Millis>,
}

impl Watch {
    /// Begins to watch; the first ping is due at `first`.
    pub fn new(now: Millis, first: Millis, timing: &Timing) -> Self {
        Watch {
            phi: Phi::new(timing.ping),
            last: now,
            pings: VecDeque::new(),
            next: first,
            urgent: 0,
            unanswered: 0,
            refusals: 0,
            answered: false,
            rtt: None,
        }
    }

    /// Begins to watch somebody whom others accuse already, in the place of an
    /// observer that is doubted. Its silence began before we came: what is left
    /// of the time is enough for `STEP_IN_PINGS` of ours to get lost.
    pub fn step_in(now: Millis, timing: &Timing) -> Self {
        let mut watch = Watch::new(now, now, timing);
        let rest = STEP_IN_PINGS * timing.ping / 2;
        watch.unanswered = 1; // pings as often as its predecessors do by now
        watch.last = (now + rest).saturating_sub(timing.silence.max(rest));
        watch
    }

    /// When the next ping is due.
    pub fn next(&self) -> Millis {
        self.next
    }

    /// A ping goes out. A silent subject is pinged twice as often: a dead one
    /// is not found sooner by it, but fewer live ones are lost to lost packets.
    pub fn sent(&mut self, now: Millis, nonce: u64, timing: &Timing) {
        if self.pings.len() == OUTSTANDING {
            self.pings.pop_front();
        }
        self.pings.push_back((nonce, now));
        self.unanswered += 1;
        let pause = match self.unanswered > 1 {
            true => timing.ping / 2,
            false => timing.ping,
        };
        self.next = now + pause;
    }

    /// Is the connected socket silent, so that the main socket should ping too?
    pub fn is_mute(&self) -> bool {
        self.unanswered > SILENT_PINGS
    }

    /// An answer; false when it answers no ping of ours.
    ///
    /// A silence that was evidence is no sample of how the subject answers when
    /// it is well: one outage in the window, and the next would be noticed many
    /// seconds later (Akka's detector leaves it out as well).
    pub fn answer(&mut self, now: Millis, nonce: u64, timing: &Timing) -> bool {
        let Some(at) = self.pings.iter().position(|p| p.0 == nonce) else {
            return false;
        };
        self.rtt = Some(now - self.pings[at].1);
        self.pings.drain(..=at);
        let outage = self.silence(now, timing);
        if self.answered && !outage {
            self.phi.arrival(now - self.last);
        }
        self.answered = true;
        self.last = now;
        self.unanswered = 0;
        self.refusals = 0;
        true
    }

    /// The subject's port is closed; looks again soon. True for the first
    /// refusal, which the fellow observers have to hear.
    pub fn refused(&mut self, now: Millis) -> bool {
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals < REFUSALS {
            self.next = self.next.min(now + RECHECK);
        }
        self.refusals == 1
    }

    /// Somebody saw something: look now, unless we just did.
    pub fn hurry(&mut self, now: Millis) {
        if now >= self.urgent + URGENT {
            self.urgent = now;
            self.next = now;
        }
    }

    /// The suspicion level.
    pub fn phi(&self, now: Millis) -> f64 {
        self.phi.phi(now.saturating_sub(self.last))
    }

    /// What we would say of the subject now; `None` while it is beyond doubt.
    pub fn evidence(&self, now: Millis, timing: &Timing) -> Option<Evidence> {
        if self.refusals >= REFUSALS {
            return Some(Evidence::Refused);
        }
        self.silence(now, timing).then_some(Evidence::Silent)
    }

    /// Has it been silent for too long?
    fn silence(&self, now: Millis, timing: &Timing) -> bool {
        now.saturating_sub(self.last) >= timing.silence && self.phi(now) >= timing.phi
    }

    /// When silence alone could become evidence.
    pub fn deadline(&self, timing: &Timing) -> Millis {
        self.last + timing.silence
    }

    /// We ourselves did not run for `gap` ms: that silence was ours.
    pub fn excuse(&mut self, gap: Millis) {
        self.last += gap;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing {
        ping: 500,
        phi: 8.0,
        silence: 2_100,
    };

    fn answered_until(end: Millis) -> Watch {
        let mut w = Watch::new(0, 0, &TIMING);
        for now in (0..end).step_by(500) {
            w.sent(now, now, &TIMING);
            assert!(w.answer(now + 1, now, &TIMING));
        }
        w
    }

    #[test]
    fn a_pause_below_the_floor_is_no_evidence_even_when_phi_is_sure() {
        let w = answered_until(100_000);
        assert!(w.phi(101_400) > 8.0);
        assert_eq!(w.evidence(101_400, &TIMING), None);
        assert_eq!(w.evidence(101_700, &TIMING), Some(Evidence::Silent));
    }

    #[test]
    fn one_refusal_is_checked_two_are_evidence_an_answer_clears_them() {
        let mut w = answered_until(10_000);
        assert!(w.refused(10_000));
        assert_eq!(w.evidence(10_000, &TIMING), None);
        assert!(w.next() <= 10_040);
        assert!(!w.refused(10_040));
        assert_eq!(w.evidence(10_040, &TIMING), Some(Evidence::Refused));
        w.sent(10_100, 7, &TIMING);
        assert!(w.answer(10_101, 7, &TIMING));
        assert_eq!(w.evidence(10_101, &TIMING), None);
    }

    #[test]
    fn an_answer_to_no_ping_of_ours_counts_for_nothing() {
        let mut w = answered_until(10_000);
        assert!(!w.answer(20_000, 12_345, &TIMING));
        assert!(w.evidence(20_000, &TIMING).is_some());
    }

    #[test]
    fn who_steps_in_needs_three_lost_pings_of_its_own() {
        let mut w = Watch::step_in(100_000, &TIMING);
        for now in [100_000, 100_250, 100_500] {
            assert_eq!(w.evidence(now, &TIMING), None, "{now}");
            assert_eq!(w.next(), now);
            w.sent(now, now, &TIMING);
        }
        assert_eq!(w.evidence(100_749, &TIMING), None);
        assert_eq!(w.evidence(100_750, &TIMING), Some(Evidence::Silent));
        assert!(w.answer(101_500, 100_500, &TIMING));
        assert_eq!(w.evidence(102_000, &TIMING), None);
    }

    #[test]
    fn an_outage_does_not_make_the_next_one_harder_to_see() {
        let mut w = answered_until(10_000);
        w.sent(17_000, 1, &TIMING);
        assert_eq!(w.evidence(17_000, &TIMING), Some(Evidence::Silent));
        assert!(w.answer(17_001, 1, &TIMING));
        assert_eq!(w.evidence(17_002, &TIMING), None);
        assert_eq!(w.evidence(19_101, &TIMING), Some(Evidence::Silent));
    }

    #[test]
    fn our_own_pause_is_not_held_against_the_subject() {
        let mut w = answered_until(10_000);
        w.excuse(10_000);
        assert_eq!(w.evidence(20_000, &TIMING), None);
    }
}
