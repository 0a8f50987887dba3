//! What is counted at the call port.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Counters since the start of a service, and what is under way now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Connections accepted.
    pub connections: u64,
    /// Connections from networks that are not allowed; closed at once.
    pub not_allowed: u64,
    /// Connections that had to make room, or found none.
    pub turned_away: u64,
    /// Connections that said nothing, did not finish a line or did not read.
    pub timed_out: u64,
    /// Connections that were refused since they did not come through TLS.
    pub insecure: u64,
    /// Messages acted on.
    pub accepted: u64,
    /// Of these, answered with a result.
    pub answered: u64,
    /// Of these, answered with an error.
    pub failed: u64,
    /// Messages that were not acted on.
    pub refused: u64,
    /// Of these, because the caller's time was up.
    pub expired: u64,
    /// Of these, because the line was too long.
    pub too_long: u64,
    /// Messages that came after our goodbye; their senders send them elsewhere.
    pub after_goodbye: u64,
    /// Messages of sharded pins that waited here for their shard.
    pub held: u64,
    /// Messages of others that were passed on to the owner of their key.
    pub forwarded: u64,
    /// Messages that had been passed on once already, and were not run.
    pub not_owner: u64,
    /// Connections open now.
    pub open: usize,
    /// Messages being acted on now.
    pub working: usize,
    /// Calls of this service under way now.
    pub calls: usize,
}

/// The counters themselves.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub connections: AtomicU64,
    pub not_allowed: AtomicU64,
    pub turned_away: AtomicU64,
    pub timed_out: AtomicU64,
    pub insecure: AtomicU64,
    pub accepted: AtomicU64,
    pub answered: AtomicU64,
    pub failed: AtomicU64,
    pub refused: AtomicU64,
    pub expired: AtomicU64,
    pub too_long: AtomicU64,
    pub after_goodbye: AtomicU64,
}

/// What became of messages of sharded pins.
#[derive(Debug, Default)]
pub(super) struct Sharded {
    pub held: AtomicU64,
    pub forwarded: AtomicU64,
    pub not_owner: AtomicU64,
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counters {
    pub fn stats(&self, open: usize, working: usize) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            connections: read(&self.connections),
            not_allowed: read(&self.not_allowed),
            turned_away: read(&self.turned_away),
            timed_out: read(&self.timed_out),
            insecure: read(&self.insecure),
            accepted: read(&self.accepted),
            answered: read(&self.answered),
            failed: read(&self.failed),
            refused: read(&self.refused),
            expired: read(&self.expired),
            too_long: read(&self.too_long),
            after_goodbye: read(&self.after_goodbye),
            open,
            working,
            // The calling side adds its own.
            ..Stats::default()
        }
    }
}
