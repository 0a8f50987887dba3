//! One pipelined connection to one target.
//!
//! A task per target takes calls from a queue, connects when the first one
//! comes, and tells every call how it ended. It knows how far its bytes got: a
//! call of which nothing was given to the system has never run, and may go
//! elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};

use super::dial::dial;
use super::lines::Lines;
use super::outgoing::Outgoing;
use super::queue::Queue;
use super::stream::Stream;
use super::talk::Talk;
use super::tls::Secure;
use crate::net::Cluster;
use crate::routing::TargetId;

/// What a queue may hold, in bytes of messages.
const MAX_QUEUE: usize = 64 * 1024 * 1024;
const CONNECT: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum Ended {
    Ok(Value),
    /// The action ran and failed.
    Error(Value),
    /// Written, and no reply will come: it may have run.
    Lost(String),
    /// Never written, so it never ran.
    Unsent(String),
    /// Written, and the other side says that it did not run it: why, and the
    /// error that it gave.
    Refused(String, Option<Value>),
    /// Written, and given up by the caller: it may run, and another attempt is
    /// paid for.
    Doubted(String),
}

/// One attempt of a call.
#[derive(Debug)]
pub(super) struct Attempt {
    pub id: String,
    pub message: Arc<Outgoing>,
    pub deadline: Instant,
    /// Set once it is about to be written: from then on it may run.
    pub written: Arc<AtomicBool>,
    pub ended: oneshot::Sender<Ended>,
}

pub(super) enum Order {
    Call(Attempt),
    /// The caller gave up.
    Forget(String),
    /// No new calls; what was written may still be answered.
    Retire(String),
    /// Everything ends now.
    Abandon(String),
}

/// What all links of a service have in common.
pub(super) struct Common {
    pub cluster: Cluster,
    /// Seneca's id of this service.
    pub id: String,
    pub max_line: usize,
    pub secure: Option<Arc<Secure>>,
    /// A clock that does not step: its start, and the wall clock then.
    pub began: Instant,
    pub wall: u64,
}

/// The handle of a link; the link ends with its last handle.
#[derive(Clone)]
pub(super) struct Link {
    orders: mpsc::UnboundedSender<Order>,
    queued: Arc<AtomicUsize>,
    /// Why its target may not be there any more.
    doubts: watch::Sender<&'static str>,
}

impl Link {
    pub fn new(
        common: Arc<Common>,
        target: TargetId,
        host: String,
        port: u16,
        secure: bool,
    ) -> Self {
        let (orders, inbox) = mpsc::unbounded_channel();
        let queued = Arc::new(AtomicUsize::new(0));
        let (doubts, _) = watch::channel("");
        let task = Task {
            common,
            doubts: doubts.clone(),
            target,
            host,
            port,
            secure,
            inbox,
            queue: Queue::new(queued.clone()),
            failures: 0,
            retry_at: None,
            why: String::new(),
        };
        tokio::spawn(task.run());
        Link {
            orders,
            queued,
            doubts,
        }
    }

    /// Queues an attempt; how it ended comes through its channel, also when it
    /// is not taken.
    pub fn send(&self, attempt: Attempt) {
        let size = attempt.message.len();
        if self.queued.fetch_add(size, Ordering::Relaxed) > MAX_QUEUE {
            self.queued.fetch_sub(size, Ordering::Relaxed);
            let _ = attempt
                .ended
                .send(Ended::Unsent("its queue is full".into()));
            return;
        }
        let sent = self
            .orders
            .send(Order::Call(attempt))
            .map_err(|error| error.0);
        if let Err(Order::Call(attempt)) = sent {
            self.queued.fetch_sub(size, Ordering::Relaxed);
            let _ = attempt.ended.send(Ended::Unsent("it is gone".into()));
        }
    }

    /// Its task has ended: nothing is in flight there.
    pub fn is_over(&self) -> bool {
        self.orders.is_closed()
    }

    /// To be told of doubts that come from now on.
    pub fn doubts(&self) -> watch::Receiver<&'static str> {
        self.doubts.subscribe()
    }

    /// Its target may not be there any more: what may run twice need not wait.
    pub fn doubt(&self, why: &'static str) {
        self.doubts.send_replace(why);
    }

    pub fn forget(&self, id: String) {
        let _ = self.orders.send(Order::Forget(id));
    }

    pub fn retire(&self, why: &str) {
        let _ = self.orders.send(Order::Retire(why.into()));
    }

    pub fn abandon(&self, why: &str) {
        let _ = self.orders.send(Order::Abandon(why.into()));
    }
}

pub(super) struct Task {
    pub common: Arc<Common>,
    pub target: TargetId,
    doubts: watch::Sender<&'static str>,
    host: String,
    port: u16,
    /// With TLS?
    secure: bool,
    /// Read at any time, whether the target reads or not: it also says that
    /// the target is gone.
    pub inbox: mpsc::UnboundedReceiver<Order>,
    /// What came out of the inbox and is not written.
    pub queue: Queue,
    failures: u32,
    /// No new attempt to connect before this.
    pub retry_at: Option<Instant>,
    /// Why it takes no calls now.
    pub why: String,
}

/// Does the link go on after a connection?
#[derive(PartialEq)]
pub(super) enum Next {
    Idle,
    Gone,
}

impl Task {
    /// Its calls may be made elsewhere.
    pub fn doubt(&self, why: &'static str) {
        self.doubts.send_replace(why);
    }

    async fn run(mut self) {
        while self.next().await == Next::Idle {}
        self.end();
    }

    /// Until there is nothing to do, or a connection has ended.
    async fn next(&mut self) -> Next {
        if self.queue.is_empty() {
            let Some(order) = self.inbox.recv().await else {
                return Next::Gone;
            };
            if self.order(order) == Next::Gone {
                return Next::Gone;
            }
        }
        if self.queue.is_empty() {
            return Next::Idle;
        }
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            self.queue.unsent(&self.why);
            return Next::Idle;
        }
        match self.connect().await {
            Ok((stream, lines)) => {
                (self.failures, self.retry_at) = (0, None);
                Talk::new(self).run(stream, lines).await
            }
            Err(next) => {
                self.queue.unsent(&self.why);
                next
            }
        }
    }

    /// An order while there is no connection.
    fn order(&mut self, order: Order) -> Next {
        match order {
            Order::Call(attempt) => self.queue.push(attempt),
            Order::Forget(_) => self.queue.forget(),
            Order::Retire(why) | Order::Abandon(why) => {
                self.why = why;
                return Next::Gone;
            }
        }
        Next::Idle
    }

    /// Calls that come meanwhile are collected.
    async fn connect(&mut self) -> Result<(Stream, Lines), Next> {
        let (host, common) = (self.host.clone(), self.common.clone());
        let secure = common.secure.as_deref().filter(|_| self.secure);
        let connect = dial(&host, self.port, secure, common.max_line);
        let connect = timeout(CONNECT, connect);
        tokio::pin!(connect);
        let connected = loop {
            tokio::select! {
                connected = &mut connect => break connected,
                order = self.inbox.recv() => {
                    let next = order.map_or(Next::Gone, |order| self.order(order));
                    if next == Next::Gone {
                        return Err(next);
                    }
                }
            }
        };
        self.why = match connected {
            Ok(Ok(opened)) => return Ok(opened),
            Ok(Err(why)) => why,
            Err(_) => format!("no connection within {} ms", CONNECT.as_millis()),
        };
        self.failures += 1;
        let pause = FIRST_PAUSE * 2u32.pow(self.failures.min(7) - 1);
        // Spread, so that many callers do not come back at once.
        let jitter = 0.5 + f64::from(self.common.began.elapsed().subsec_nanos() % 50) / 100.0;
        self.retry_at = Some(Instant::now() + pause.min(MAX_PAUSE).mul_f64(jitter));
        Err(Next::Idle)
    }

    /// Nothing is taken any more.
    fn end(mut self) {
        self.inbox.close();
        while let Ok(order) = self.inbox.try_recv() {
            if let Order::Call(attempt) = order {
                self.queue.push(attempt);
            }
        }
        self.queue.unsent(&self.why);
    }
}
