//! The call port: accepts connections of stock Seneca clients and of our own,
//! and bounds what they can take together.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

use super::caller::Caller;
use super::connection::Connection;
use super::counters::{Counters, Stats, count};
use super::gate::{Gate, Manner, let_in};
use super::handlers::Handlers;
use super::lines::Budget;
use super::stream::{Stream, tune};
use crate::net::Network;

/// What the unfinished lines of all connections may take, in longest lines.
const BUDGET_LINES: usize = 16;

/// Where a service stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Serving,
    /// Nothing new from those who understand a goodbye.
    Leaving,
    Closed,
}

/// Bounds of the call port.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of the longest line, both ways.
    pub max_line: usize,
    /// Inbound connections. For a new one the idlest makes room.
    pub max_connections: usize,
    /// Calls at work for one connection; it is not read from beyond that.
    pub max_working: usize,
    /// How long the other side may take for a line, and to read its replies;
    /// half of it to say anything at all. 60 s.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_line: 16 * 1024 * 1024,
            max_connections: 4_096,
            max_working: 10_000,
            patience: Duration::from_secs(60),
        }
    }
}

/// What all connections share.
pub(super) struct Shared {
    /// Seneca's id of this service.
    pub id: String,
    pub handlers: Arc<Handlers>,
    pub caller: Arc<Caller>,
    pub limits: Limits,
    /// Who may connect; none: everybody.
    pub allow: Vec<Network>,
    /// For calls whose callers name no time.
    pub timeout: Duration,
    pub budget: Budget,
    pub counters: Counters,
    pub phase: watch::Receiver<Phase>,
    /// Calls at work on all connections.
    working: AtomicUsize,
    peers: Mutex<HashMap<u64, Arc<Peer>>>,
    began: Instant,
}

/// An inbound connection, as the others see it.
#[derive(Debug, Default)]
pub(super) struct Peer {
    pub working: AtomicUsize,
    /// When its last line came, in ms since the start.
    pub last_line: AtomicU64,
    /// It has to make room.
    pub kick: Notify,
}

impl Shared {
    pub fn new(id: String, caller: Arc<Caller>, limits: Limits, allow: Vec<Network>) -> Arc<Self> {
        Arc::new(Shared {
            id,
            handlers: caller.handlers.clone(),
            budget: Budget::new(limits.max_line.saturating_mul(BUDGET_LINES)),
            limits,
            allow,
            timeout: caller.timeout,
            counters: Counters::default(),
            phase: caller.phase.clone(),
            caller,
            working: AtomicUsize::new(0),
            peers: Mutex::default(),
            began: Instant::now(),
        })
    }

    fn admits(&self, ip: IpAddr) -> bool {
        self.allow.is_empty() || self.allow.iter().any(|network| network.contains(ip))
    }

    /// Milliseconds since the start.
    pub fn millis(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    pub fn begin(&self, peer: &Peer) {
        peer.working.fetch_add(1, Ordering::Relaxed);
        self.working.fetch_add(1, Ordering::AcqRel);
    }

    pub fn end(&self, peer: &Peer) {
        peer.working.fetch_sub(1, Ordering::Relaxed);
        self.working.fetch_sub(1, Ordering::AcqRel);
    }

    /// Calls at work.
    pub fn working(&self) -> usize {
        self.working.load(Ordering::Acquire)
    }

    pub fn stats(&self) -> Stats {
        self.counters.stats(self.connections(), self.working())
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.peers().len()
    }

    fn peers(&self) -> MutexGuard<'_, HashMap<u64, Arc<Peer>>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new connection, at the cost of the idlest one if need be.
    fn admit(&self, number: u64) -> Option<Arc<Peer>> {
        let mut peers = self.peers();
        if peers.len() >= self.limits.max_connections {
            count(&self.counters.turned_away);
            let idle = |peer: &Peer| peer.working.load(Ordering::Relaxed) == 0;
            let idlest = peers
                .iter()
                .filter(|(_, peer)| idle(peer))
                .min_by_key(|(_, peer)| peer.last_line.load(Ordering::Relaxed))
                .map(|(number, _)| *number)?;
            peers.remove(&idlest)?.kick.notify_one();
        }
        let peer = Arc::new(Peer::default());
        peer.last_line.store(self.millis(), Ordering::Relaxed);
        peers.insert(number, peer.clone());
        Some(peer)
    }
}

/// The place of a connection, given back however it ends.
struct Place(Arc<Shared>, u64);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.peers().remove(&self.1);
    }
}

/// Binds the call port.
pub(super) async fn bind(host: IpAddr, port: u16) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((host, port)).await?;
    let addr = listener.local_addr()?;
    Ok((listener, addr))
}

/// A listening socket that can be closed at once, from anywhere: its port is
/// free then, whatever the task that accepts is doing.
pub(super) struct Port(Mutex<Option<TcpListener>>);

impl Port {
    pub fn new(listener: TcpListener) -> Arc<Self> {
        Arc::new(Port(Mutex::new(Some(listener))))
    }

    fn get(&self) -> MutexGuard<'_, Option<TcpListener>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn close(&self) {
        self.get().take();
    }

    /// `None` once it is closed.
    async fn accept(&self) -> Option<io::Result<(TcpStream, SocketAddr)>> {
        poll_fn(|cx| match self.get().as_ref() {
            Some(listener) => listener.poll_accept(cx).map(Some),
            None => Poll::Ready(None),
        })
        .await
    }
}

/// Accepts connections until the port or the service is closed.
/// `gate`: only who comes through it is served.
pub(super) async fn accept(shared: Arc<Shared>, port: Arc<Port>, gate: Option<Arc<Gate>>) {
    let mut phase = shared.phase.clone();
    let mut number = 0;
    loop {
        let accepted = tokio::select! {
            accepted = port.accept() => accepted,
            _ = phase.wait_for(|phase| *phase == Phase::Closed) => return,
        };
        let Some(accepted) = accepted else {
            return;
        };
        let Ok((stream, from)) = accepted else {
            // Out of file descriptors, mostly: give the others time to end.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        if !shared.admits(from.ip()) {
            count(&shared.counters.not_allowed);
            continue;
        }
        number += 1;
        tune(&stream);
        match &gate {
            None => serve(&shared, number, Stream::Plain(stream), Manner::Plain),
            Some(gate) => {
                let passing = let_in(shared.clone(), gate.clone(), number, stream, from);
                tokio::spawn(passing);
            }
        }
    }
}

/// Serves a connection, if there is a place for it.
pub(super) fn serve(shared: &Arc<Shared>, number: u64, stream: Stream, manner: Manner) {
    count(&shared.counters.connections);
    if let Some(peer) = shared.admit(number) {
        let place = Place(shared.clone(), number);
        let connection = Connection::new(shared.clone(), peer, manner);
        tokio::spawn(async move {
            let _place = place;
            connection.run(stream).await;
        });
    }
}
