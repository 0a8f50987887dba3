//! One inbound connection: lines in, actions run, replies out.
//!
//! Everything that arrives is untrusted. A line leads to exactly one reply, or
//! to none where its sender wants none. Whoever does not read its replies, or
//! has too many calls at work, is not read from.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::age::Age;
use super::counters::count;
use super::dispatch::{Fault, Way};
use super::error::ServiceError;
use super::gate::{HI, Manner};
use super::handlers::deadline;
use super::lines::{Line, Lines, give_back};
use super::listener::{Peer, Phase, Shared};
use super::message::{Answer, Head, Refused, Request, read_request, wall};
use super::pace::Pace;
use super::stream::Stream;
use super::work::{Done, Work};

/// A connection whose unread replies exceed this is not read from.
const WRITE_MARK: usize = 1024 * 1024;
/// Lines in a row that are no JSON: it does not speak this protocol.
const MAX_BAD: u32 = 8;
/// How often a connection is looked at.
const SWEEP: Duration = Duration::from_secs(1);
/// However little patience is asked for.
const LEAST_SWEEP: Duration = Duration::from_millis(1);
/// How long the last replies may take to get out.
const LINGER: Duration = Duration::from_secs(1);
/// 'Does this connection still carry anything?' Answered before any action.
const PING: &[u8] = br#"{"kind":"ping"}"#;
const PONG: &[u8] = b"{\"kind\":\"pong\"}\n";

pub(super) struct Connection {
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    out: Vec<u8>,
    /// Lines that count so far: a goodbye names their number.
    lines: u64,
    /// All lines so far.
    seen: u64,
    bad: u32,
    /// Ids of the calls at work.
    ids: HashSet<String>,
    working: usize,
    /// The other side understands a goodbye; its first line says so, and
    /// nothing after it changes that.
    ours: Option<bool>,
    said_goodbye: bool,
    manner: Manner,
    ending: bool,
    age: Age,
    done: mpsc::UnboundedSender<Done>,
    ended: mpsc::UnboundedReceiver<Done>,
}

impl Connection {
    pub fn new(shared: Arc<Shared>, peer: Arc<Peer>, manner: Manner) -> Self {
        let (done, ended) = mpsc::unbounded_channel();
        let out = match manner {
            Manner::Greets => [HI, b"\n"].concat(),
            Manner::Plain | Manner::Refuses => Vec::new(),
        };
        Connection {
            shared,
            peer,
            out,
            lines: 0,
            seen: 0,
            bad: 0,
            ids: HashSet::new(),
            working: 0,
            ours: None,
            said_goodbye: false,
            manner,
            ending: false,
            age: Age::new(),
            done,
            ended,
        }
    }

    pub async fn run(mut self, mut stream: Stream) {
        let (mut reader, mut writer) = stream.split();
        let shared = self.shared.clone();
        let mut lines = Lines::new(shared.limits.max_line, Some(shared.budget.clone()));
        let mut phase = shared.phase.clone();
        let peer = self.peer.clone();
        let patience = shared.limits.patience;
        let mut sweep = interval(SWEEP.min(patience / 4).max(LEAST_SWEEP));
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pace = Pace::new(patience);
        let mut eof = false;
        loop {
            if *phase.borrow_and_update() >= Phase::Leaving {
                self.goodbye();
            }
            let mut more = true;
            while more && !self.is_full() && !self.ending {
                match lines.next() {
                    Some(line) => self.line(line),
                    None => more = false,
                }
            }
            pace.has_read(lines.is_partial(), self.seen);
            let served = eof && !more && self.working == 0;
            if *phase.borrow() == Phase::Closed || (served || self.ending) && self.out.is_empty() {
                break;
            }
            let writes = !self.out.is_empty() || writer.holds();
            let reads = !self.is_full() && !eof && !self.ending;
            tokio::select! {
                read = lines.fill(&mut reader), if reads => match read {
                    Ok(0) => eof = true,
                    Ok(_) => {}
                    Err(_) => return,
                },
                wrote = writer.push(&self.out), if writes => match wrote {
                    Err(_) => return,
                    Ok(n) => {
                        self.out.drain(..n);
                        give_back(&mut self.out);
                        pace.has_written();
                    }
                },
                Some(done) = self.ended.recv() => self.reply(done),
                _ = phase.changed() => {}
                _ = peer.kick.notified() => break,
                _ = sweep.tick() => {
                    if pace.is_slow(self.seen == 0, reads, !writes) {
                        count(&shared.counters.timed_out);
                        return;
                    }
                }
            }
            // Replies of one moment leave in one write.
            while let Ok(done) = self.ended.try_recv() {
                self.reply(done);
            }
        }
        let flush = async {
            writer.write_all(&self.out).await?;
            writer.shutdown().await
        };
        let _ = timeout(LINGER, flush).await;
    }

    fn is_full(&self) -> bool {
        self.out.len() > WRITE_MARK || self.working >= self.shared.limits.max_working
    }

    fn line(&mut self, line: Line<'_>) {
        let refuses = self.manner == Manner::Refuses;
        if matches!(line, Line::Whole(PING)) && !refuses {
            return self.out.extend_from_slice(PONG);
        }
        let shared = self.shared.clone();
        self.seen += 1;
        self.peer
            .last_line
            .store(shared.millis(), Ordering::Relaxed);
        let read = match line {
            Line::Whole(bytes) => read_request(bytes, &shared.id),
            Line::TooLong(prefix) => Err(Box::new(self.too_long(prefix))),
        };
        if refuses {
            return self.wants_tls(read);
        }
        let head = match &read {
            Ok(request) => &request.head,
            Err(refused) => &refused.head,
        };
        let ours = *self.ours.get_or_insert(head.ours);
        if ours && *shared.phase.borrow() >= Phase::Leaving {
            // Its sender is told that this line does not count.
            count(&shared.counters.after_goodbye);
            return self.goodbye();
        }
        self.lines += 1;
        match read {
            Ok(request) => {
                self.bad = 0;
                self.request(request);
            }
            Err(refused) => {
                // Whoever begins a line with an id speaks the protocol, even
                // if the rest cannot be read here.
                let stray = refused.error.code == "invalid_json" && refused.head.id.is_none();
                self.bad = if stray { self.bad + 1 } else { 0 };
                self.ending |= self.bad >= MAX_BAD;
                self.refuse(refused.head, refused.error, refused.silent);
            }
        }
    }

    /// Whatever it says, it hears what is wanted here, and that is all.
    fn wants_tls(&mut self, read: Result<Request, Box<Refused>>) {
        self.ending = true;
        let (head, silent) = match read {
            Ok(request) => (request.head, !request.sync),
            Err(refused) => (refused.head, refused.silent),
        };
        let text = "This node is called with TLS only: set the option `tls` of seneca-gossip.";
        self.refuse(head, ServiceError::new("tls_required", text), silent);
    }

    fn too_long(&self, prefix: &[u8]) -> Refused {
        count(&self.shared.counters.too_long);
        let max = self.shared.limits.max_line;
        let text = format!("The line has more than {max} bytes, the longest allowed.");
        Refused {
            head: Head::of_prefix(prefix),
            error: ServiceError::new("line_too_long", text),
            silent: false,
        }
    }

    fn request(&mut self, request: Request) {
        let received = wall();
        let shared = self.shared.clone();
        let Request {
            mut head,
            act,
            sync,
            ..
        } = request;
        let id = head
            .id
            .as_ref()
            .and_then(|id| id.as_str())
            .map(str::to_string);
        if id.as_ref().is_some_and(|id| self.ids.contains(id)) {
            let text =
                "A message with this identifier is still being worked on for this connection.";
            let error = ServiceError::new("duplicate_message_id", text);
            return self.refuse(head, error, !sync);
        }
        let age = match self.ours {
            Some(true) => self
                .age
                .of(head.sent.as_f64().unwrap_or(0.0), shared.millis() as f64),
            _ => 0.0,
        };
        let age = Duration::from_millis(if age < 50.0 { 0 } else { age as u64 });
        let left = request.timeout.map(|timeout| timeout.saturating_sub(age));
        if left == Some(Duration::ZERO) {
            count(&shared.counters.expired);
            let text = "The caller's time was up before the message was read here.";
            return self.refuse(head, ServiceError::new("call_expired", text), !sync);
        }
        let handler = match shared.handlers.serve(&act) {
            Ok(handler) => handler.clone(),
            Err(error) => return self.refuse(head, error, !sync),
        };
        count(&shared.counters.accepted);
        self.working += 1;
        self.ids.extend(id.clone());
        let mut work = Work::begin(shared.clone(), self.peer.clone(), self.done.clone(), id);
        let until = deadline(left, shared.timeout);
        let mut phase = shared.phase.clone();
        tokio::spawn(async move {
            // After the close it is dropped half way, and its caller hears of that
            // by the end of the connection: it may have run.
            let passed_on = AtomicBool::new(false);
            let way = Way {
                track: &head.track,
                passed_on: &passed_on,
            };
            let result = tokio::select! {
                result = shared.caller.serve(&handler, act, way, until) => result,
                _ = phase.wait_for(|phase| *phase == Phase::Closed) => return,
            };
            let counters = &shared.counters;
            count(if result.is_ok() {
                &counters.answered
            } else {
                &counters.failed
            });
            let answer = match result {
                Ok(value) => Answer::Ok(value),
                Err(Fault::Failed(error)) => Answer::Failed(error.into()),
                Err(Fault::NotRun(error)) => Answer::Refused(error.into()),
            };
            head.moved = passed_on.into_inner();
            let line = || answer.line(&head, &shared.id, received, shared.limits.max_line);
            work.answer(if sync { line() } else { Vec::new() });
        });
    }

    fn reply(&mut self, done: Done) {
        self.working -= 1;
        if let Some(id) = &done.id {
            self.ids.remove(id);
        }
        self.out.extend(done.reply);
    }

    /// An error reply to what was not run.
    fn refuse(&mut self, head: Head, error: ServiceError, silent: bool) {
        count(&self.shared.counters.refused);
        if !silent {
            let max = self.shared.limits.max_line;
            let line = Answer::Refused(error).line(&head, &self.shared.id, wall(), max);
            self.out.extend(line);
        }
    }

    /// Tells our own clients which of their lines count: all others never run
    /// here. Stock clients are served to the end.
    fn goodbye(&mut self) {
        if self.ours == Some(true) && !self.said_goodbye {
            self.said_goodbye = true;
            let line = format!("{{\"kind\":\"bye\",\"accepted\":{}}}\n", self.lines);
            self.out.extend(line.into_bytes());
        }
    }
}
