//! A connection to a target while it lasts.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::lines::{Line, Lines, give_back};
use super::link::{Attempt, Ended, Next, Order, Task};
use super::message::Head;
use super::outgoing::{Incoming, is_moved, read_reply};
use super::pulse::{Look, PING, Pulse};
use super::stream::Stream;

/// Bytes of lines that are ready to be written; the rest waits in the queue,
/// where it can still be taken back.
const WRITE_MARK: usize = 256 * 1024;
/// How long replies may come after a write has failed.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// An attempt on its way.
struct Pending {
    ended: oneshot::Sender<Ended>,
    /// Number of its line on the connection.
    line: u64,
    /// Where its line begins in the stream of bytes.
    from: u64,
}

/// A connection while it lasts.
pub(super) struct Talk<'a> {
    task: &'a mut Task,
    out: Vec<u8>,
    /// Bytes given to the system so far.
    written: u64,
    lines: u64,
    pending: HashMap<String, Pending>,
    /// Takes no new calls, and ends with the last one.
    leaving: bool,
    next: Next,
}

impl<'a> Talk<'a> {
    pub fn new(task: &'a mut Task) -> Self {
        Talk {
            task,
            out: Vec::new(),
            written: 0,
            lines: 0,
            pending: HashMap::new(),
            leaving: false,
            next: Next::Idle,
        }
    }

    pub async fn run(mut self, mut stream: Stream, lines: Lines) -> Next {
        let why = self.talk(&mut stream, lines).await;
        self.task.why = why.clone();
        let written = self.written;
        for (_, pending) in self.pending.drain() {
            let ended = match pending.from < written {
                true => Ended::Lost(why.clone()),
                false => Ended::Unsent(why.clone()),
            };
            let _ = pending.ended.send(ended);
        }
        stream.goodbye(LAST_WORDS).await;
        self.next
    }

    /// Until the connection ends; why it did.
    async fn talk(&mut self, stream: &mut Stream, mut lines: Lines) -> String {
        let (mut reader, mut writer) = stream.split();
        // Why nothing can be written any more, and how long replies may still come.
        let mut broken: Option<(String, Instant)> = None;
        let mut pulse = Pulse::new();
        loop {
            if self.leaving && self.pending.is_empty() {
                return self.task.why.clone();
            }
            // Calls of one moment leave in one write.
            while self.out.len() < WRITE_MARK && broken.is_none() {
                let Some(attempt) = self.task.queue.pop() else {
                    break;
                };
                self.write(attempt);
            }
            let look = pulse.due(!self.pending.is_empty());
            let writes = !self.out.is_empty() || writer.holds();
            let until = broken
                .as_ref()
                .map_or_else(Instant::now, |(_, until)| *until);
            tokio::select! {
                order = self.task.inbox.recv() => {
                    let Some(order) = order else {
                        self.next = Next::Gone;
                        return "this node is closing".into();
                    };
                    // All of one moment, so that they leave in one write.
                    let mut order = Some(order);
                    while let Some(next) = order {
                        if let Some(why) = self.order(next) {
                            return why;
                        }
                        order = self.task.inbox.try_recv().ok();
                    }
                }
                wrote = writer.push(&self.out), if writes && broken.is_none() => match wrote {
                    Ok(n) => {
                        self.written += n as u64;
                        self.out.drain(..n);
                        give_back(&mut self.out);
                    }
                    // What it has answered before may still be on its way.
                    Err(error) => {
                        // TLS may have sent some of what it then failed with.
                        if writer.is_secure() {
                            self.written += self.out.len() as u64;
                        }
                        broken = Some((error.to_string(), Instant::now() + LAST_WORDS));
                    }
                },
                () = sleep_until(until), if broken.is_some() => {
                    return broken.map(|(why, _)| why).unwrap_or_default();
                }
                () = sleep_until(look.unwrap_or(until)), if look.is_some() => match pulse.look(!self.pending.is_empty()) {
                    Look::Well => {}
                    Look::Ask => self.out.extend(PING),
                    Look::Stuck => self.task.doubt("does not answer any more"),
                    Look::Over => return "it did not answer any more".into(),
                },
                read = lines.fill(&mut reader) => match read {
                    Ok(0) => return "closed by the other side".into(),
                    Ok(_) => {
                        pulse.heard();
                        while let Some(line) = lines.next() {
                            if let Some(why) = self.line(line) {
                                return why;
                            }
                        }
                    }
                    Err(error) => return error.to_string(),
                },
            }
        }
    }

    fn order(&mut self, order: Order) -> Option<String> {
        match order {
            Order::Call(attempt) if self.leaving => {
                self.task.queue.push(attempt);
                self.task.queue.unsent(&self.task.why);
            }
            Order::Call(attempt) => self.task.queue.push(attempt),
            Order::Forget(id) => {
                if self.pending.remove(&id).is_none() {
                    self.task.queue.forget();
                }
            }
            Order::Retire(why) => {
                self.next = Next::Gone;
                self.leave(&why);
            }
            Order::Abandon(why) => {
                self.next = Next::Gone;
                return Some(why);
            }
        }
        None
    }

    fn write(&mut self, attempt: Attempt) {
        attempt.written.store(true, Ordering::Relaxed);
        let common = &self.task.common;
        let sent = common.wall + common.began.elapsed().as_millis() as u64;
        let left = attempt.deadline.saturating_duration_since(Instant::now());
        let line = attempt
            .message
            .line(&attempt.id, &common.id, sent, left, self.lines == 0);
        self.lines += 1;
        let pending = Pending {
            ended: attempt.ended,
            line: self.lines,
            from: self.written + self.out.len() as u64,
        };
        self.out.extend(line);
        self.pending.insert(attempt.id, pending);
    }

    fn line(&mut self, line: Line<'_>) -> Option<String> {
        let incoming = match line {
            Line::Whole(bytes) => match read_reply(bytes) {
                Ok(incoming) => {
                    if is_moved(bytes) {
                        self.task.common.cluster.ask(self.task.target);
                    }
                    incoming
                }
                // What JavaScript writes is not always JSON to us: only its own
                // call is lost. Without an id what follows cannot be trusted either.
                Err(error) => match Head::of_prefix(bytes).id {
                    Some(Value::String(id)) => Incoming::Error(id, unreadable(&error)),
                    _ => return Some(format!("it sent a line that is no JSON: {error}")),
                },
            },
            Line::TooLong(prefix) => match Head::of_prefix(prefix).id {
                Some(Value::String(id)) => {
                    let max = self.task.common.max_line;
                    let text =
                        format!("The reply has more than {max} bytes, the longest line allowed.");
                    Incoming::Error(id, json!({ "code": "reply_too_long", "message": text }))
                }
                _ => Incoming::Other,
            },
        };
        let (id, ended) = match incoming {
            Incoming::Ok(id, value) => (id, Ended::Ok(value)),
            Incoming::Error(id, error) => (id, Ended::Error(error)),
            Incoming::Refused(id, error) => (id, Ended::Refused(refusal(&error), Some(error))),
            Incoming::Bye(accepted) => {
                self.goodbye(accepted);
                return None;
            }
            Incoming::Other => return None,
        };
        // Unknown: never asked, answered before, or too late.
        if let Some(pending) = self.pending.remove(&id) {
            let _ = pending.ended.send(ended);
        }
        None
    }

    /// The other side leaves: lines after the accepted ones were not run.
    fn goodbye(&mut self, accepted: u64) {
        let why = "it is leaving";
        for (_, pending) in self.pending.extract_if(|_, p| p.line > accepted) {
            let _ = pending.ended.send(Ended::Refused(why.into(), None));
        }
        self.task.retry_at = Some(Instant::now() + Duration::from_secs(1));
        self.leave(why);
    }

    fn leave(&mut self, why: &str) {
        self.leaving = true;
        self.task.why = why.into();
        self.task.queue.unsent(why);
        // What was not written will not be; a line that was begun is finished.
        let written = self.written;
        for (_, pending) in self.pending.extract_if(|_, p| p.from >= written) {
            self.out.truncate((pending.from - written) as usize);
            let _ = pending.ended.send(Ended::Unsent(why.into()));
        }
    }
}

fn unreadable(error: &serde_json::Error) -> Value {
    let text = format!("The reply cannot be read: {error}.");
    json!({ "code": "invalid_json", "message": text })
}

fn refusal(error: &Value) -> String {
    let text = error.get("message").and_then(Value::as_str);
    text.unwrap_or("it refused the call")
        .chars()
        .take(400)
        .collect()
}
