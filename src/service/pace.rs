//! Whether the other side of a connection keeps us waiting for too long.

use std::time::Duration;

use tokio::time::Instant;

/// How long the other side has kept us waiting.
pub(super) struct Pace {
    /// How long it may take for a line, and to read its replies; half of it to
    /// say anything at all.
    patience: Duration,
    began: Instant,
    /// When the line that is arriving began, at the latest.
    partial_since: Option<Instant>,
    stuck_since: Option<Instant>,
    /// Lines that were complete so far.
    lines: u64,
}

impl Pace {
    pub fn new(patience: Duration) -> Self {
        Pace {
            patience,
            began: Instant::now(),
            partial_since: None,
            stuck_since: None,
            lines: 0,
        }
    }

    /// What was read is cut into lines: so many so far, and part of another
    /// one. Call it after the cutting; before it everything looks partial. With
    /// every line its time begins anew: a pipelined connection may well be in
    /// the middle of a line whenever we look.
    pub fn has_read(&mut self, partial: bool, lines: u64) {
        let completed = std::mem::replace(&mut self.lines, lines) != lines;
        let since = self.partial_since.filter(|_| !completed);
        self.partial_since = partial.then(|| since.unwrap_or_else(Instant::now));
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
        let slow = |since: Option<Instant>| since.is_some_and(|at| now - at > self.patience);
        silent && now - self.began > self.patience / 2
            || slow(self.partial_since)
            || slow(self.stuck_since)
    }
}
