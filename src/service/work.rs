//! A call at work at the call port.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::listener::{Peer, Shared};

/// A call that has ended, as its connection hears of it.
pub(super) struct Done {
    pub id: Option<String>,
    /// A line, or nothing.
    pub reply: Vec<u8>,
}

/// A call at work, counted until this is dropped: whatever ends it, a panic
/// too, its connection hears of it and it does not count any more.
pub(super) struct Work {
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    done: UnboundedSender<Done>,
    id: Option<String>,
    reply: Vec<u8>,
}

impl Work {
    pub fn begin(
        shared: Arc<Shared>,
        peer: Arc<Peer>,
        done: UnboundedSender<Done>,
        id: Option<String>,
    ) -> Self {
        shared.begin(&peer);
        Work {
            shared,
            peer,
            done,
            id,
            reply: Vec::new(),
        }
    }

    /// What is sent when this is dropped.
    pub fn answer(&mut self, reply: Vec<u8>) {
        self.reply = reply;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let (id, reply) = (self.id.take(), std::mem::take(&mut self.reply));
        // Fails when the connection is gone; then nobody waits for it. Before
        // the count: who sees that nothing is at work finds all replies queued.
        let _ = self.done.send(Done { id, reply });
        self.shared.end(&self.peer);
    }
}
