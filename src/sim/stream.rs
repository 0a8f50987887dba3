//! TCP connections: two ordered, reliable ways between two processes, which
//! take their time and break when a process dies or the network does.

use std::collections::VecDeque;
use std::net::SocketAddr;

use rand::RngExt;

use super::network::{Addr, PORT, RETRANSMIT};
use super::node::{Input, NodeId, Run};
use super::world::{Happening, World};
use crate::engine::{ConnId, Millis};

/// Connections that a process takes in at the same time.
const INBOUND: usize = 64;
/// How long a whole exchange may take, ms.
const DEADLINE: Millis = 10_000;

/// What travels on a way.
#[derive(Debug)]
enum Segment {
    Accept,
    Refuse,
    Frame(Vec<u8>),
    Finish,
    Reset,
}

/// One end of a connection.
#[derive(Debug)]
struct End {
    host: usize,
    node: NodeId,
    conn: ConnId,
    open: bool,
}

/// A connection: side 0 asked for it.
#[derive(Debug)]
pub(super) struct Stream {
    ends: [End; 2],
    /// What is on the way from each side.
    ways: [VecDeque<Segment>; 2],
    /// When the last of it arrives.
    last: [Millis; 2],
}

impl World {
    /// A process opens a connection.
    pub(super) fn open(&mut self, id: NodeId, conn: ConnId, to: SocketAddr) {
        let host = self.nodes[id].host;
        let target = Addr::pack(to)
            .filter(|addr| addr.port == PORT)
            .and_then(Addr::host);
        let stream = self.next_stream;
        self.next_stream += 1;
        self.nodes[id].traffic.connections += 1;
        self.nodes[id].conns.insert(conn, (stream, 0));
        let end = |host, open| End {
            host,
            node: id,
            conn,
            open,
        };
        let ends = [end(host, true), end(target.unwrap_or(host), false)];
        let ways = Default::default();
        self.streams.insert(
            stream,
            Stream {
                ends,
                ways,
                last: [0; 2],
            },
        );
        let now = self.now();
        self.queue
            .push(now + DEADLINE, Happening::Deadline { stream });
        // To nowhere: silence until the deadline.
        if let Some(target) = target {
            let delay = self.network.stream_delay(&mut self.rng, host, target, 0);
            self.queue.push(now + delay, Happening::Connect { stream });
        }
    }

    /// A connection request arrives.
    pub(super) fn connect(&mut self, stream: u64) {
        let Some(it) = self.streams.get_mut(&stream) else {
            return;
        };
        let (from, to) = (it.ends[0].host, it.ends[1].host);
        if !self.network.open(from, to) {
            let retry = self.now() + 5 * RETRANSMIT;
            return self.queue.push(retry, Happening::Connect { stream });
        }
        let Some(host) = self.hosts.get(to) else {
            return;
        };
        match host.occupant {
            Some(node) => {
                let conn = self.nodes[node].next_conn;
                self.nodes[node].next_conn += 2;
                it.ends[1] = End {
                    host: to,
                    node,
                    conn,
                    open: true,
                };
                let from = self.nodes[it.ends[0].node].addr();
                self.nodes[node].conns.insert(conn, (stream, 1));
                self.nodes[node].inbound.push_back(conn);
                self.forward(stream, 1, Segment::Accept);
                if self.nodes[node].inbound.len() > INBOUND {
                    let oldest = self.nodes[node].inbound[0];
                    self.abort(node, oldest, "too many connections");
                }
                self.feed(node, Input::Accepted { conn, from });
            }
            None if host.silent => {}
            None => self.forward(stream, 1, Segment::Refuse),
        }
    }

    /// A process writes a frame.
    pub(super) fn write(&mut self, id: NodeId, conn: ConnId, bytes: Vec<u8>) {
        let Some(&(stream, side)) = self.nodes[id].conns.get(&conn) else {
            return;
        };
        let traffic = &mut self.nodes[id].traffic;
        traffic.frames += 1;
        traffic.stream_bytes += bytes.len() as u64 + 4;
        self.forward(stream, side, Segment::Frame(bytes));
    }

    /// A process closes a connection and hears nothing more of it.
    pub(super) fn close(&mut self, id: NodeId, conn: ConnId) {
        if let Some((stream, side)) = self.shut(id, conn) {
            self.forward(stream, side, Segment::Finish);
        }
    }

    /// The kernel takes a connection from a living process.
    fn abort(&mut self, id: NodeId, conn: ConnId, reason: &'static str) {
        if let Some((stream, side)) = self.shut(id, conn) {
            self.forward(stream, side, Segment::Reset);
            self.feed(id, Input::Closed { conn, reason });
        }
    }

    /// All connections of a process that has just died.
    pub(super) fn break_streams(&mut self, id: NodeId, silent: bool) {
        while let Some((&conn, _)) = self.nodes[id].conns.first_key_value() {
            let Some((stream, side)) = self.shut(id, conn) else {
                continue;
            };
            // A kernel that finds unread input drops what it still had to send.
            let drop = silent || self.rng.random::<bool>();
            if let Some(it) = self.streams.get_mut(&stream).filter(|_| drop) {
                it.ways[side].clear();
            }
            if !silent {
                self.forward(stream, side, Segment::Reset);
            }
        }
    }

    /// Our end of a connection is gone.
    fn shut(&mut self, id: NodeId, conn: ConnId) -> Option<(u64, usize)> {
        let node = &mut self.nodes[id];
        node.inbound.retain(|&other| other != conn);
        let (stream, side) = node.conns.remove(&conn)?;
        if let Some(it) = self.streams.get_mut(&stream) {
            it.ends[side].open = false;
        }
        Some((stream, side))
    }

    /// Puts a segment on the way from `side`, behind what is there already.
    fn forward(&mut self, stream: u64, side: usize, segment: Segment) {
        let now = self.now();
        let Some(it) = self.streams.get_mut(&stream) else {
            return;
        };
        let bytes = if let Segment::Frame(bytes) = &segment {
            bytes.len()
        } else {
            0
        };
        let (from, to) = (it.ends[side].host, it.ends[1 - side].host);
        let delay = self.network.stream_delay(&mut self.rng, from, to, bytes);
        it.last[side] = it.last[side].max(now + delay);
        it.ways[side].push_back(segment);
        self.queue
            .push(it.last[side], Happening::Segment { stream, side });
    }

    /// The first segment on the way from `side` arrives, if the link is up.
    pub(super) fn segment(&mut self, stream: u64, side: usize) {
        let now = self.now();
        let Some(it) = self.streams.get_mut(&stream) else {
            return;
        };
        let (from, to) = (it.ends[side].host, it.ends[1 - side].host);
        if !self.network.open(from, to) {
            return self
                .queue
                .push(now + RETRANSMIT, Happening::Segment { stream, side });
        }
        let Some(segment) = it.ways[side].pop_front() else {
            return;
        };
        let answerable = it.ends[side].open;
        let End {
            node, conn, open, ..
        } = it.ends[1 - side];
        let closed = |reason| Input::Closed { conn, reason };
        let input = match segment {
            Segment::Accept => Input::Opened { conn },
            Segment::Refuse => closed("connection refused"),
            Segment::Frame(bytes) => Input::Frame { conn, bytes },
            Segment::Finish => closed("closed by the peer"),
            Segment::Reset => closed("connection reset"),
        };
        match &input {
            Input::Frame { .. } if !open => {
                // Nobody reads this any more; a living kernel says so.
                if answerable && !self.hosts[to].silent {
                    self.forward(stream, 1 - side, Segment::Reset);
                }
            }
            _ if !open => {}
            Input::Closed { .. } => {
                self.shut(node, conn);
                self.feed(node, input);
            }
            _ => {
                let inbound = &mut self.nodes[node].inbound;
                if let Some(at) = inbound.iter().position(|&other| other == conn) {
                    inbound.remove(at);
                    inbound.push_back(conn);
                }
                self.feed(node, input);
            }
        }
        let over = |it: &Stream| {
            it.ends.iter().all(|end| !end.open) && it.ways.iter().all(VecDeque::is_empty)
        };
        if self.streams.get(&stream).is_some_and(over) {
            self.streams.remove(&stream);
        }
    }

    /// The time for an exchange is over.
    pub(super) fn deadline(&mut self, stream: u64) {
        let Some(it) = self.streams.remove(&stream) else {
            return;
        };
        for end in it.ends.iter().filter(|end| end.open) {
            self.shut(end.node, end.conn);
            self.feed(
                end.node,
                Input::Closed {
                    conn: end.conn,
                    reason: "timed out",
                },
            );
        }
    }

    /// Connections that exist at the moment, of all nodes.
    pub fn connections(&self) -> usize {
        self.nodes
            .iter()
            .filter(|node| node.run != Run::Down)
            .map(|node| node.conns.len())
            .sum()
    }
}
