//! Time, as the engine and the router count it.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::engine::Millis;
use crate::routing::Micros;

/// Time between two ticks of the process, in microseconds. 10 ms spare a third
/// of the CPU of 100 quiet nodes in a process.
const TICK: Micros = 10_000;
/// A day, in ms.
const DAY: Millis = 86_400_000;
/// From here the ticks are counted.
static FIRST: OnceLock<Instant> = OnceLock::new();

/// The wall clock, in ms since the Unix epoch.
pub fn wall_now() -> u64 {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 is broken; the engine copes with an old generation.
    wall.map_or(0, |since| since.as_millis() as u64)
}

/// The clock of one node: it starts with the node, so that the wall clock at
/// its zero (from which the generation is derived) is newer at every start.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    zero: Instant,
    wall: u64,
}

impl Clock {
    /// Zero is now.
    pub fn start() -> Self {
        Clock {
            zero: Instant::now(),
            wall: wall_now(),
        }
    }

    /// Milliseconds since zero.
    pub fn millis(&self) -> Millis {
        self.zero.elapsed().as_millis() as Millis
    }

    /// Microseconds since zero.
    pub fn micros(&self) -> Micros {
        self.zero.elapsed().as_micros() as Micros
    }

    /// Wall clock at zero, in ms since the Unix epoch.
    pub fn wall(&self) -> u64 {
        self.wall
    }

    /// When to wake up for something due `at`: at the next tick of the process,
    /// so that its nodes wake up together and one look at the sockets serves
    /// them all. A day at most is looked ahead.
    pub fn wake(&self, at: Millis) -> Instant {
        let first = *FIRST.get_or_init(Instant::now);
        let now = self.millis();
        let due = self.zero + Duration::from_millis(now + at.saturating_sub(now).min(DAY));
        let since = due.saturating_duration_since(first).as_micros() as u64;
        first + Duration::from_micros(since.next_multiple_of(TICK))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_wake_up_together_and_never_early() {
        let (a, b) = (Clock::start(), Clock::start());
        assert!(a.wall() > 1_600_000_000_000);
        let first = a.wake(0);
        for at in [3, 17, 1_000] {
            for clock in [a, b] {
                let wake = clock.wake(clock.millis() + at);
                let apart = wake.max(first) - wake.min(first);
                assert_eq!(apart.as_micros() as u64 % TICK, 0);
                let slept = wake.saturating_duration_since(clock.zero);
                assert!(slept.as_millis() as Millis >= at);
            }
        }
    }

    #[test]
    fn the_far_future_is_bounded_and_the_past_is_now() {
        let clock = Clock::start();
        let far = Instant::now() + Duration::from_secs(86_401);
        assert!(clock.wake(u64::MAX) <= far);
        assert!(clock.wake(0) <= Instant::now() + Duration::from_micros(TICK));
        assert!(clock.micros() >= clock.millis() * 1_000);
    }
}
