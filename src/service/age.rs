//! How long a message was under way, although the clocks of two hosts differ.

/// As clocks drift, only what was seen within about this time counts, in ms.
const WINDOW: f64 = 30_000.0;

/// The smallest difference between 'sent' by the sender's clock and 'read' by
/// ours stands for the offset of the clocks; what a message took above it is
/// its age. Both clocks must not step.
#[derive(Debug)]
pub(super) struct Age {
    current: f64,
    previous: f64,
    until: f64,
}

impl Age {
    pub fn new() -> Self {
        Age {
            current: f64::INFINITY,
            previous: f64::INFINITY,
            until: 0.0,
        }
    }

    /// In ms; both times in ms of the two clocks. 0 for the first message.
    pub fn of(&mut self, sent: f64, now: f64) -> f64 {
        if now >= self.until {
            let stale = now >= self.until + WINDOW;
            self.previous = if stale { f64::INFINITY } else { self.current };
            self.current = f64::INFINITY;
            self.until = now + WINDOW;
        }
        let difference = now - sent;
        self.current = self.current.min(difference);
        (difference - self.current.min(self.previous)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Age;

    #[test]
    fn only_what_is_above_the_least_counts() {
        let mut age = Age::new();
        assert_eq!(age.of(1_000_000.0, 10.0), 0.0);
        assert_eq!(age.of(1_000_100.0, 150.0), 40.0);
        assert_eq!(age.of(1_000_200.0, 205.0), 0.0);
        // Clocks drift: what is a minute old does not count any more.
        assert_eq!(age.of(1_100_000.0, 200_000.0), 0.0);
    }
}
