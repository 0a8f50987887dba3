//! TCP connections on the gossip port: who is connected, and what is queued.
//!
//! What a stranger can hold is bounded: connections, the time of an exchange,
//! and the bytes that wait for a peer that does not read.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::exchange;
use super::meter::{Meter, Totals};
use super::shared::Shared;
use crate::engine::{ConnId, Millis};

/// Connections that others opened, at most.
const MAX_INBOUND: usize = 64;
/// Connections that we opened, at most.
const MAX_OUTBOUND: usize = 64;
/// What the engine wants from a connection.
#[derive(Debug)]
pub enum Order {
    /// To write a frame.
    Frame(Vec<u8>),
    /// To close it once everything is written.
    Close,
}

struct Stream {
    orders: mpsc::UnboundedSender<Order>,
    meter: Arc<Meter>,
    inbound: bool,
    closing: bool,
    task: Option<AbortHandle>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// The connections of a node.
#[derive(Default)]
pub struct Streams {
    table: HashMap<ConnId, Stream>,
    accepted: u64,
    all: Arc<Totals>,
}

/// What the task of a connection is given.
pub struct Half {
    /// Its name.
    pub conn: ConnId,
    /// What the engine wants.
    pub orders: mpsc::UnboundedReceiver<Order>,
    /// Shared with the table.
    pub meter: Arc<Meter>,
}

/// Connections that ended here; the engine has to be told.
pub type Ended = Vec<(ConnId, &'static str)>;

impl Streams {
    fn add(&mut self, conn: ConnId, inbound: bool, now: Millis) -> Half {
        let (orders, receiver) = mpsc::unbounded_channel();
        let meter = Arc::new(Meter::new(now, self.all.clone()));
        let stream = Stream {
            orders,
            meter: meter.clone(),
            inbound,
            closing: false,
            task: None,
        };
        self.table.insert(conn, stream);
        Half {
            conn,
            orders: receiver,
            meter,
        }
    }

    fn count(&self, inbound: bool) -> usize {
        let same = |stream: &&Stream| stream.inbound == inbound;
        self.table.values().filter(same).count()
    }

    /// A peer connected. The one that was idle for longest makes room for it.
    pub fn accept(&mut self, now: Millis, ended: &mut Ended) -> Half {
        if self.count(true) >= MAX_INBOUND {
            let inbound = self.table.iter().filter(|(_, stream)| stream.inbound);
            let idle = inbound.min_by_key(|(conn, stream)| (stream.meter.active(), **conn));
            if let Some(conn) = idle.map(|(conn, _)| *conn) {
                self.end(conn, "too many connections", ended);
            }
        }
        let conn = 2 * self.accepted + 1;
        self.accepted += 1;
        self.add(conn, true, now)
    }

    /// Says which task a connection belongs to; `false` when it is gone.
    pub fn own(&mut self, conn: ConnId, task: AbortHandle) -> bool {
        match self.table.get_mut(&conn) {
            Some(stream) => {
                stream.task = Some(task);
                true
            }
            None => {
                task.abort();
                false
            }
        }
    }

    /// Opens a connection for the engine.
    pub fn open(
        &mut self,
        shared: &Arc<Shared>,
        runtime: &Handle,
        conn: ConnId,
        to: SocketAddr,
        ended: &mut Ended,
    ) {
        if self.count(false) >= MAX_OUTBOUND || self.table.contains_key(&conn) {
            ended.push((conn, "too many connections"));
            return;
        }
        let half = self.add(conn, false, shared.clock().millis());
        let task = shared.spawn(runtime, exchange::open(shared.clone(), half, to));
        self.own(conn, task);
    }

    /// Takes the connection that a peer opened.
    pub fn serve(&mut self, shared: &Arc<Shared>, runtime: &Handle, half: Half, stream: TcpStream) {
        let conn = half.conn;
        if self.table.contains_key(&conn) {
            let task = shared.spawn(runtime, exchange::serve(shared.clone(), half, stream));
            self.own(conn, task);
        }
    }

    /// Queues a frame.
    pub fn write(&mut self, conn: ConnId, bytes: Vec<u8>, ended: &mut Ended) {
        let Some(stream) = self.table.get(&conn).filter(|stream| !stream.closing) else {
            return;
        };
        if !stream.meter.add(bytes.len()) {
            self.end(conn, "the peer does not read", ended);
        } else {
            // A task that has just ended reports that by itself.
            let _ = stream.orders.send(Order::Frame(bytes));
        }
    }

    /// The engine is done with a connection.
    pub fn close(&mut self, conn: ConnId) {
        if let Some(stream) = self.table.get_mut(&conn) {
            stream.closing = true;
            let _ = stream.orders.send(Order::Close);
        }
    }

    fn end(&mut self, conn: ConnId, reason: &'static str, ended: &mut Ended) {
        if self
            .table
            .remove(&conn)
            .is_some_and(|stream| !stream.closing)
        {
            ended.push((conn, reason));
        }
    }

    /// The task of a connection has ended; `true` when the engine has to know.
    pub fn remove(&mut self, conn: ConnId) -> bool {
        self.table
            .remove(&conn)
            .is_some_and(|stream| !stream.closing)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::meter::MAX_QUEUED;
    use super::*;

    #[test]
    fn the_longest_idle_connection_makes_room() {
        let mut streams = Streams::default();
        let mut ended = Ended::new();
        let halves: Vec<Half> = (0..MAX_INBOUND as u64)
            .map(|i| streams.accept(100 + i, &mut ended))
            .collect();
        assert!(halves.iter().all(|half| half.conn % 2 == 1));
        assert!(ended.is_empty());
        halves[0].meter.touch(10_000);
        let new = streams.accept(20_000, &mut ended);
        assert_eq!(ended, [(halves[1].conn, "too many connections")]);
        assert!(streams.table.contains_key(&new.conn));
        assert_eq!(streams.len(), MAX_INBOUND);
        // One that the engine closed goes without a word.
        streams.close(halves[2].conn);
        streams.accept(20_001, &mut ended);
        assert_eq!(ended.len(), 1);
    }

    #[test]
    fn a_peer_that_does_not_read_is_dropped_and_its_bytes_are_freed() {
        let mut streams = Streams::default();
        let mut ended = Ended::new();
        let half = streams.accept(0, &mut ended);
        for _ in 0..MAX_QUEUED / 1_000_000 {
            streams.write(half.conn, vec![0; 1_000_000], &mut ended);
        }
        assert!(ended.is_empty());
        half.meter.sub(1_000_000);
        streams.write(half.conn, vec![0; 1_000_000], &mut ended);
        assert!(ended.is_empty(), "what was written does not count");
        streams.write(half.conn, vec![0; 1_000_000], &mut ended);
        assert_eq!(ended, [(half.conn, "the peer does not read")]);
        drop(half);
        assert!(streams.all.is_empty());
    }
}
