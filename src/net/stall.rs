//! Does the host's event loop lag?
//!
//! The host beats regularly and says by how much the beat was late. A beat
//! that is late by more than [`HIGH`], or missing, makes the node *stalled*;
//! two seconds of punctual beats end that. A node that never beats has no
//! event loop to watch.

use crate::engine::Millis;

/// Time between two beats, as agreed with the host.
const EVERY: Millis = 100;
/// Lag above which a node is stalled.
const HIGH: Millis = 250;
/// Lag below which a beat is punctual.
const LOW: Millis = 50;
/// How long beats must be punctual until a node is no longer stalled.
const CALM: Millis = 2_000;

/// Hysteresis over beats.
#[derive(Debug, Default)]
pub struct Stall {
    last: Option<Millis>,
    late: Option<Millis>,
    stalled: bool,
    said: bool,
}

impl Stall {
    /// A beat came, `lag` ms late by the host's own clock.
    pub fn beat(&mut self, now: Millis, lag: f64) {
        self.check(now);
        let lag = if lag > 0.0 { lag as Millis } else { 0 };
        self.last = Some(now);
        if lag >= LOW {
            self.late = Some(now);
        }
        if lag > HIGH {
            self.stalled = true;
        } else if self.late.is_none_or(|late| now >= late + CALM) {
            self.stalled = false;
        }
    }

    /// Looks for a missing beat.
    pub fn check(&mut self, now: Millis) {
        if self.deadline().is_some_and(|deadline| now >= deadline) {
            self.late = Some(now);
            self.stalled = true;
        }
    }

    /// The host's own word, apart from beats.
    pub fn say(&mut self, stalled: bool) {
        self.said = stalled;
    }

    /// When a beat will be missing; `None` when nobody beats, or when it is
    /// known to be missing already.
    pub fn deadline(&self) -> Option<Millis> {
        let last = self.last.filter(|_| !self.stalled)?;
        Some(last + EVERY + HIGH + 1)
    }

    /// The verdict.
    pub fn is_stalled(&self) -> bool {
        self.stalled || self.said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_never_beats_is_never_stalled() {
        let mut stall = Stall::default();
        stall.check(1_000_000);
        assert!(!stall.is_stalled());
        assert_eq!(stall.deadline(), None);
    }

    #[test]
    fn a_missing_beat_stalls_and_two_punctual_seconds_heal() {
        let mut stall = Stall::default();
        stall.beat(0, 0.0);
        stall.beat(100, 3.0);
        stall.check(450);
        assert!(!stall.is_stalled());
        assert_eq!(stall.deadline(), Some(451));
        stall.check(451);
        assert!(stall.is_stalled());
        stall.beat(5_000, 4_800.0);
        for i in 1..20 {
            stall.beat(5_000 + i * 100, 1.0);
            assert!(stall.is_stalled(), "after {i} beats");
        }
        stall.beat(7_000, 1.0);
        assert!(!stall.is_stalled());
    }

    #[test]
    fn between_the_marks_nothing_changes() {
        let mut stall = Stall::default();
        for i in 0..50 {
            stall.beat(i * 100, 120.0);
            assert!(!stall.is_stalled());
        }
        stall.beat(5_000, 251.0);
        assert!(stall.is_stalled());
        for i in 1..50 {
            stall.beat(5_000 + i * 100, 51.0);
            assert!(stall.is_stalled());
        }
    }

    #[test]
    fn the_hosts_own_word_stands_beside_the_beats() {
        let mut stall = Stall::default();
        stall.say(true);
        stall.beat(0, 0.0);
        assert!(stall.is_stalled());
        stall.say(false);
        assert!(!stall.is_stalled());
        stall.beat(100, f64::NAN);
        assert!(!stall.is_stalled());
    }
}
