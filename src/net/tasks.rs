//! How many tasks of a node run, so that a close can wait for the last one:
//! only then are its sockets closed and its port is free.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::lock;

/// Counts the tasks of a node.
#[derive(Debug, Default, Clone)]
pub struct Tasks(Arc<(Mutex<usize>, Condvar)>);

/// One task; it is over when this is dropped.
#[derive(Debug)]
pub struct Token(Tasks);

impl Tasks {
    /// Counts one more.
    pub fn token(&self) -> Token {
        *lock(&self.0.0) += 1;
        Token(self.clone())
    }

    /// Waits until there are none; `false` when that takes too long.
    pub fn wait(&self, patience: Duration) -> bool {
        let running = lock(&self.0.0);
        let waited = self.0.1.wait_timeout_while(running, patience, |n| *n > 0);
        waited.is_ok_and(|(running, _)| *running == 0)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        *lock(&self.0.0.0) -= 1;
        self.0.0.1.notify_all();
    }
}
