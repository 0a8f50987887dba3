//! Whether the other side of a connection keeps us waiting for too long.

use std::time::Duration;

use tokio::time::Instant;

/// A connection that never says anything,
const SILENT: Duration = Duration::from_secs(30);
/// one that does not finish its line, and one that does not read its replies.
const SLOW: Duration = Duration::from_secs(60);

/// How long the other side has kept us waiting.
pub(super) struct Pace {
    began: Instant,
    partial_since: Option<Instant>,
    stuck_since: Option<Instant>,
}

impl Pace {
    pub fn new() -> Self {
        Pace {
            began: Instant::now(),
            partial_since: None,
            stuck_since: None,
        }
    }

    pub fn has_read(&mut self, partial: bool) {
        let since = self.partial_since.unwrap_or_else(Instant::now);
        self.partial_since = partial.then_some(since);
    }

    pub fn has_written(&mut self) {
        self.stuck_since = None;
    }

    pub fn is_slow(&mut self, silent: bool, reads: bool, written: bool) -> bool {
        let now = Instant::now();
        if written {
            self.stuck_since = None;
        } else {
            self.stuck_since.get_or_insert(now);
        }
        if !reads {
            // It is us who do not read on.
            self.partial_since = None;
        }
        let slow = |since: Option<Instant>| since.is_some_and(|at| now - at > SLOW);
        silent && now - self.began > SILENT || slow(self.partial_since) || slow(self.stuck_since)
    }
}
