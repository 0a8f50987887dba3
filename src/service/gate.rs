//! What stands before a call port with TLS: by its first byte a connection wants
//! a handshake or speaks plainly. Who speaks plainly is told, in its own
//! protocol, what is wanted here.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, broadcast};
use tokio::time::{Instant, timeout};

use super::counters::count;
use super::listener::{Phase, Shared, serve};
use super::stream::Stream;
use super::tls::{Secure, explain};
use crate::engine::{Event, Level};

/// What a listener with TLS says first, to whom it has let in.
pub(super) const HI: &[u8] = br#"{"kind":"hi"}"#;
/// First byte of a handshake of TLS.
const HANDSHAKE: u8 = 0x16;
/// Connections that have not come through, at most.
const MAX_WAITING: usize = 256;
/// How long a connection may say nothing, and how long its handshake may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long one that is refused may take to hear of it.
const LINGER: Duration = Duration::from_secs(1);
/// Between two log lines about connections that are refused.
const TOLD: Duration = Duration::from_secs(60);

/// How a connection is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Plain,
    /// It came through TLS, and is told that it may begin.
    Greets,
    /// It should have come through TLS: its first message is answered with that.
    Refuses,
}

pub(super) struct Gate {
    secure: Arc<Secure>,
    /// Connections that have not come through, oldest first.
    waiting: Mutex<BTreeMap<u64, Arc<Notify>>>,
    /// When a refused connection was logged last.
    told: Mutex<Option<Instant>>,
    events: broadcast::Sender<Event>,
}

impl Gate {
    pub fn new(secure: Arc<Secure>, events: broadcast::Sender<Event>) -> Self {
        Gate {
            secure,
            waiting: Mutex::default(),
            told: Mutex::default(),
            events,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Notify>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection, at the cost of the oldest one if need be.
    fn enter(&self, number: u64) -> Place<'_> {
        let mut waiting = self.waiting();
        if waiting.len() >= MAX_WAITING
            && let Some((_, oldest)) = waiting.pop_first()
        {
            oldest.notify_one();
        }
        let kick = Arc::new(Notify::new());
        waiting.insert(number, kick.clone());
        let gate = self;
        Place { gate, number, kick }
    }

    /// Logged once a minute at most; a stranger must not fill the log.
    fn tell(&self, why: &str, from: SocketAddr) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_some_and(|at| at.elapsed() < TOLD) {
            return;
        }
        *told = Some(Instant::now());
        let from = from.ip();
        let text = format!("a connection from {from} to the call port was refused: {why}");
        let level = Level::Warn;
        // Fails when nobody listens.
        let _ = self.events.send(Event::Log { level, text });
    }
}

/// The place of a connection, given back however it goes on.
struct Place<'a> {
    gate: &'a Gate,
    number: u64,
    kick: Arc<Notify>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.gate.waiting().remove(&self.number);
    }
}

/// Sees to a connection until it has come through or is gone.
pub(super) async fn let_in(
    shared: Arc<Shared>,
    gate: Arc<Gate>,
    number: u64,
    stream: TcpStream,
    from: SocketAddr,
) {
    let refused = |why: &str| {
        count(&shared.counters.insecure);
        gate.tell(why, from);
    };
    let mut phase = shared.phase.clone();
    let place = gate.enter(number);
    let passed = tokio::select! {
        passed = pass(&gate.secure, stream, &refused) => passed,
        () = place.kick.notified() => {
            return refused("too many are between connection and handshake");
        }
        _ = phase.wait_for(|phase| *phase == Phase::Closed) => return,
    };
    drop(place);
    if let Some((stream, manner)) = passed {
        if manner == Manner::Refuses {
            refused("it speaks without TLS");
        }
        serve(&shared, number, stream, manner);
    }
}

async fn pass(
    secure: &Secure,
    stream: TcpStream,
    refused: impl Fn(&str),
) -> Option<(Stream, Manner)> {
    let mut first = [0];
    let seen = timeout(PATIENCE, stream.peek(&mut first)).await.ok()?;
    if seen.ok()? == 0 {
        return None;
    }
    if first[0] != HANDSHAKE {
        let manner = match secure.is_plain() {
            true => Manner::Plain,
            false => Manner::Refuses,
        };
        return Some((Stream::Plain(stream), manner));
    }
    match timeout(PATIENCE, secure.accept(stream)).await {
        Ok(Ok(stream)) => return Some((Stream::Secure(Box::new(stream)), Manner::Greets)),
        Ok(Err((error, stream))) => {
            refused(&explain(&error));
            linger(stream).await;
        }
        Err(_) => refused("its handshake took too long"),
    }
    None
}

/// What it still sends is read: closed with bytes unread, a socket takes the alert
/// back that says why.
async fn linger(mut stream: TcpStream) {
    let last = async {
        let mut sink = [0; 1024];
        let _ = stream.shutdown().await;
        while matches!(stream.read(&mut sink).await, Ok(1..)) {}
    };
    let _ = timeout(LINGER, last).await;
}
