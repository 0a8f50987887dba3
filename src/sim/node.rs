//! A simulated process and the sockets that its kernel holds for it.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use super::network::{Addr, PORT};
use super::report::Traffic;
use crate::engine::{ConnId, Engine, Millis};

/// Number of a node in its [`World`](super::World), in order of addition.
pub type NodeId = usize;

/// What a process is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// It does not exist.
    Down,
    /// It works.
    Up,
    /// It is stopped (SIGSTOP, a debugger, a suspended machine): the kernel
    /// goes on taking in what arrives, as far as its buffers reach.
    Paused,
}

/// Something that waits for the process to look at it.
#[derive(Debug)]
pub(super) enum Input {
    Datagram { from: SocketAddr, bytes: Vec<u8> },
    Refused { addr: SocketAddr },
    Accepted { conn: ConnId, from: SocketAddr },
    Opened { conn: ConnId },
    Frame { conn: ConnId, bytes: Vec<u8> },
    Closed { conn: ConnId, reason: &'static str },
    Timeout,
}

/// One node: its identity, which outlives its processes, and the process that
/// it has at the moment.
pub(super) struct Node {
    pub(super) name: String,
    pub(super) host: usize,
    pub(super) seeds: Vec<SocketAddr>,
    /// How far its wall clock is ahead of the true time, ms.
    pub(super) skew: i64,
    pub(super) run: Run,
    /// When `run` changed last.
    pub(super) since: Millis,
    /// Counts its processes, so that nothing reaches the wrong one.
    pub(super) epoch: u32,
    pub(super) engine: Option<Box<Engine>>,
    /// What the engine's clock is behind (or ahead of) the world's: each
    /// process has a clock that starts somewhere else.
    pub(super) clock: i64,
    /// When the earliest wake-up that is on the queue happens.
    pub(super) wake: Millis,
    /// Wake-ups in a row that came without the clock moving on.
    pub(super) spins: u32,
    pub(super) inbox: Inbox,
    pub(super) sockets: Sockets,
    /// Open connections: the stream, and which end of it is ours.
    pub(super) conns: BTreeMap<ConnId, (u64, usize)>,
    /// Connections that others opened, the longest idle first.
    pub(super) inbound: VecDeque<ConnId>,
    pub(super) next_conn: ConnId,
    pub(super) traffic: Traffic,
}

impl Node {
    pub(super) fn new(name: String, host: usize) -> Self {
        Node {
            name,
            host,
            seeds: Vec::new(),
            skew: 0,
            run: Run::Down,
            since: 0,
            epoch: 0,
            engine: None,
            clock: 0,
            wake: Millis::MAX,
            spins: 0,
            inbox: Inbox::default(),
            sockets: Sockets::default(),
            conns: BTreeMap::new(),
            inbound: VecDeque::new(),
            next_conn: 1,
            traffic: Traffic::default(),
        }
    }

    pub(super) fn addr(&self) -> SocketAddr {
        Addr::of(self.host, PORT).into()
    }

    /// The process's own clock.
    pub(super) fn local(&self, now: Millis) -> Millis {
        now.wrapping_add_signed(self.clock)
    }

    /// The world's time at which the engine wants to be woken; a time that has
    /// passed means now, the last of all times means never.
    pub(super) fn timeout(&self) -> Millis {
        match self.engine.as_ref().map(|engine| engine.next_timeout()) {
            None | Some(Millis::MAX) => Millis::MAX,
            Some(local) => local.saturating_add_signed(-self.clock),
        }
    }
}

/// What the kernel of a stopped process holds for it.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    waiting: VecDeque<Input>,
    bytes: usize,
}

/// Linux's default size of a receive buffer.
const RECEIVE_BUFFER: usize = 212_992;
/// What a datagram occupies in it beside its bytes, about.
const OVERHEAD: usize = 512;

impl Inbox {
    /// Keeps an input; `false` when a datagram found the buffer full.
    pub(super) fn push(&mut self, input: Input) -> bool {
        if let Input::Datagram { bytes, .. } = &input {
            let size = bytes.len() + OVERHEAD;
            if self.bytes + size > RECEIVE_BUFFER {
                return false;
            }
            self.bytes += size;
        }
        self.waiting.push_back(input);
        true
    }

    /// Everything that waits.
    pub(super) fn take(&mut self) -> VecDeque<Input> {
        self.bytes = 0;
        std::mem::take(&mut self.waiting)
    }
}

/// The connected UDP sockets of a process, one per probed address.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    open: Vec<Socket>,
    ports: u16,
}

#[derive(Debug)]
struct Socket {
    port: u16,
    peer: Addr,
    used: Millis,
}

/// Probe sockets of a process, at most.
const SOCKETS: usize = 64;
/// How long an unused probe socket stays open, ms.
const IDLE: Millis = 15_000;

impl Sockets {
    /// The port of the socket that is connected to `peer`.
    pub(super) fn to(&mut self, now: Millis, peer: Addr) -> u16 {
        if let Some(socket) = self.open.iter_mut().find(|socket| socket.peer == peer) {
            socket.used = now;
            return socket.port;
        }
        self.open.retain(|socket| socket.used + IDLE > now);
        if self.open.len() >= SOCKETS {
            let oldest = (0..self.open.len()).min_by_key(|&at| self.open[at].used);
            self.open.swap_remove(oldest.expect("the list is full"));
        }
        let port = 32_768 + self.ports;
        self.ports = (self.ports + 1) % 28_000;
        self.open.push(Socket {
            port,
            peer,
            used: now,
        });
        port
    }

    /// Does a packet from `from` reach a socket on this port? A connected
    /// socket hears nobody but its peer.
    pub(super) fn hears(&self, port: u16, from: Addr) -> bool {
        self.open
            .iter()
            .any(|socket| socket.port == port && socket.peer == from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_process_keeps_what_its_buffer_holds() {
        let mut inbox = Inbox::default();
        let from = Addr::of(0, PORT).into();
        let kept = (0..1_000)
            .filter(|_| {
                inbox.push(Input::Datagram {
                    from,
                    bytes: vec![0; 1_000],
                })
            })
            .count();
        assert_eq!(kept, RECEIVE_BUFFER / (1_000 + OVERHEAD));
        assert!(inbox.push(Input::Timeout), "only datagrams are bounded");
        assert_eq!(inbox.take().len(), kept + 1);
        assert!(inbox.push(Input::Datagram {
            from,
            bytes: vec![0; 1_000]
        }));
    }

    #[test]
    fn probe_sockets_are_reused_bounded_and_deaf_to_strangers() {
        let mut sockets = Sockets::default();
        let first = sockets.to(0, Addr::of(0, PORT));
        assert_eq!(sockets.to(10, Addr::of(0, PORT)), first);
        assert!(sockets.hears(first, Addr::of(0, PORT)));
        assert!(!sockets.hears(first, Addr::of(1, PORT)));
        for host in 1..200 {
            sockets.to(20, Addr::of(host, PORT));
        }
        assert_eq!(sockets.open.len(), SOCKETS);
        assert!(
            !sockets.hears(first, Addr::of(0, PORT)),
            "the longest unused is closed"
        );
        sockets.to(20 + IDLE, Addr::of(500, PORT));
        assert_eq!(sockets.open.len(), 1);
    }
}
