//! Attempts of a link that wait to be written.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::link::{Attempt, Ended};

/// In the order in which they came. Who gives up has dropped its end of the
/// attempt before it says so ([`forget`](Self::forget)); such attempts are
/// never written, and their messages do not wait for the target to read on.
pub(super) struct Queue {
    attempts: VecDeque<Attempt>,
    /// Attempts given up since the last look, about.
    given_up: usize,
    /// Bytes of messages that were sent to the link and are not written; its
    /// handles look at it.
    bytes: Arc<AtomicUsize>,
}

impl Queue {
    pub fn new(bytes: Arc<AtomicUsize>) -> Self {
        Queue {
            attempts: VecDeque::new(),
            given_up: 0,
            bytes,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.attempts.is_empty()
    }

    pub fn push(&mut self, attempt: Attempt) {
        self.attempts.push_back(attempt);
    }

    /// The next one that somebody still waits for.
    pub fn pop(&mut self) -> Option<Attempt> {
        loop {
            let attempt = self.attempts.pop_front()?;
            self.take(&attempt);
            if !attempt.ended.is_closed() {
                return Some(attempt);
            }
        }
    }

    /// Somebody gave up. Only looks when that can be half of them: many calls
    /// mostly give up at once, and must not search for one another.
    pub fn forget(&mut self) {
        self.given_up += 1;
        if self.given_up * 2 < self.attempts.len() {
            return;
        }
        self.given_up = 0;
        let bytes = &self.bytes;
        self.attempts.retain(|attempt| {
            let waits = !attempt.ended.is_closed();
            if !waits {
                bytes.fetch_sub(attempt.message.len(), Ordering::Relaxed);
            }
            waits
        });
    }

    /// None of them will be written here.
    pub fn unsent(&mut self, why: &str) {
        self.given_up = 0;
        while let Some(attempt) = self.pop() {
            let _ = attempt.ended.send(Ended::Unsent(why.into()));
        }
    }

    fn take(&self, attempt: &Attempt) {
        self.bytes
            .fetch_sub(attempt.message.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;
    use tokio::sync::oneshot;
    use tokio::time::Instant;

    use super::*;
    use crate::service::outgoing::Outgoing;

    #[test]
    fn what_is_given_up_does_not_wait_in_the_queue() {
        let bytes = Arc::new(AtomicUsize::new(0));
        let message = Arc::new(Outgoing::new(&Map::new(), &[]));
        let mut queue = Queue::new(bytes.clone());
        let mut waiting = Vec::new();
        for n in 0..10 {
            let (ended, result) = oneshot::channel();
            bytes.fetch_add(message.len(), Ordering::Relaxed);
            queue.push(Attempt {
                id: n.to_string(),
                message: message.clone(),
                deadline: Instant::now(),
                written: Arc::default(),
                ended,
            });
            waiting.push(result);
        }
        for result in waiting.drain(..8) {
            drop(result);
            queue.forget();
        }
        assert!(Arc::strong_count(&message) <= 5);
        assert_eq!(queue.pop().unwrap().id, "8");
        queue.unsent("for a test");
        let told = waiting[1].try_recv().unwrap();
        assert!(matches!(told, Ended::Unsent(why) if why == "for a test"));
        assert!(queue.is_empty());
        assert_eq!(bytes.load(Ordering::Relaxed), 0);
    }
}
