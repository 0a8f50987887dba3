//! What a process that measures is told.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One measurement of one system.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Settings {
    pub system: String,
    pub nodes: usize,
    /// Seconds after the join before anything else is measured.
    pub settle: u64,
    /// Seconds in which nothing happens.
    pub seconds: u64,
    pub keys: usize,
    pub crashes: usize,
    pub silent: usize,
    /// Seconds after which is given up.
    pub bound: u64,
    /// Threads of a system that leaves these to its owner.
    pub threads: usize,
    pub seed: u64,
}

impl Settings {
    /// How long something is waited for.
    pub fn bound(&self) -> Duration {
        Duration::from_secs(self.bound)
    }

    /// Longer than all of it takes, even when every goal is missed only just.
    pub fn longest(&self) -> Duration {
        let waits = 2 + self.keys + 2 * (self.crashes + self.silent);
        let quiet = self.settle + self.seconds;
        Duration::from_secs(120 + quiet + waits as u64 * (self.bound + 5))
    }
}
