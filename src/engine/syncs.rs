//! Reconciliation over TCP: joins, large divergence, values too large for a
//! datagram. Who comes lists all that it knows (`Ask`), the other sends what
//! is missing there and asks for what is missing here (`Answer`), the first
//! sends that (`Finish`).

mod join;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::candidates::Teller;
use super::counters::Drop;
use super::{ConnId, Effect, Engine, Event, Millis};
use crate::wire::{Digest, MAX_STREAM_MESSAGE, Message, NodeId, Stage, Sync, Writer, pack_delta};

/// An exchange that takes longer than this is given up.
const DEADLINE: Millis = 10_000;
/// Exchanges that others opened, at most; more are refused.
const MAX_ACCEPTED: usize = 64;
/// A frame is closed when it is longer than this, unless one owner needs more.
const FRAME: usize = 64 * 1024;
/// Digests in one frame, at most.
const DIGESTS: usize = 2_000;
/// Bytes of one stage, about: what is left is for the next exchange, which
/// begins with what has come by then.
const STAGE: usize = 4 * 1024 * 1024;

/// Whom we go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visit {
    /// A seed that our user named: its answer is trusted.
    Seed,
    /// A member.
    Member,
    /// Somebody unknown who says that its state is too large for datagrams.
    /// One at a time: an invented address must not keep us from the others.
    Stranger,
}

struct Exchange {
    /// Where the other is.
    at: SocketAddr,
    /// Did we come to it? Else the other came.
    visited: bool,
    /// What it is to us, if we went to it.
    visit: Visit,
    deadline: Millis,
    /// Who the other says it is, in every frame.
    peer: Option<NodeId>,
    /// It has asked, and was answered.
    asked: bool,
    /// Digests of the stage that is being received, one for each owner: a
    /// question of a few bytes must not ask for the same thing again and again.
    digests: BTreeMap<NodeId, Digest>,
}

impl Exchange {
    fn new(at: SocketAddr, visited: bool, visit: Visit, deadline: Millis) -> Self {
        Exchange {
            at,
            visited,
            visit,
            deadline,
            peer: None,
            asked: false,
            digests: BTreeMap::new(),
        }
    }
}

/// All exchanges over TCP, and the state of the join.
#[derive(Default)]
pub(super) struct Syncs {
    open: BTreeMap<ConnId, Exchange>,
    opened: ConnId,
    joined: bool,
    next_join: Option<Millis>,
    pause: Millis,
    next_visit: Millis,
}

impl Syncs {
    pub(super) fn next(&self) -> Option<Millis> {
        let deadline = self.open.values().map(|e| e.deadline).min();
        deadline.into_iter().chain(self.next_join).min()
    }

    fn ours(&self) -> usize {
        self.open.values().filter(|e| e.visited).count()
    }
}

impl Engine {
    /// A connection asked for with `Effect::Open` is open.
    pub fn handle_opened(&mut self, now: Millis, conn: ConnId) {
        self.wake(now);
        if self.syncs.open.contains_key(&conn) {
            let all: Vec<Digest> = self.store.digests(NodeId(0)).collect();
            self.write_sync(conn, Stage::Ask, all, &[]);
        }
        self.settle(now);
    }

    /// A peer opened a TCP connection; `conn` is odd and new.
    pub fn handle_accepted(&mut self, now: Millis, conn: ConnId, from: SocketAddr) {
        self.wake(now);
        if self.syncs.open.len() - self.syncs.ours() >= MAX_ACCEPTED {
            self.counters.drop(Drop::Limit);
            self.out.push_back(Effect::Close { conn });
        } else {
            let exchange = Exchange::new(from, false, Visit::Member, now + DEADLINE);
            self.counters.syncs += 1;
            self.syncs.open.insert(conn, exchange);
        }
        self.settle(now);
    }

    /// One whole frame arrived on a connection.
    pub fn handle_frame(&mut self, now: Millis, conn: ConnId, bytes: &[u8]) {
        self.wake(now);
        self.read_frame(now, conn, bytes);
        self.settle(now);
    }

    fn read_frame(&mut self, now: Millis, conn: ConnId, bytes: &[u8]) {
        let Some(exchange) = self.syncs.open.get(&conn) else {
            return;
        };
        let visited = exchange.visited;
        // A refused frame ends the exchange: a stream that is out of step
        // never comes back into it.
        let source = exchange.at;
        let Some(envelope) = self.decode(now, source, bytes) else {
            return self.break_off(now, conn, "it speaks for another cluster, or is none");
        };
        let from = envelope.from;
        self.heard(now, from);
        let Message::Sync(sync) = envelope.message else {
            self.counters.drop(Drop::Misplaced);
            return self.break_off(now, conn, "it sent something unexpected");
        };
        let Some(exchange) = self.syncs.open.get_mut(&conn) else {
            return;
        };
        // One question a connection: an answer may be long. And one name.
        let same = *exchange.peer.get_or_insert(from) == from;
        match (sync.stage, visited, exchange.asked) {
            (Stage::Ask, false, false) if same => self.on_ask(now, conn, sync),
            (Stage::Answer, true, _) if same => self.on_answer(now, conn, from, sync),
            (Stage::Finish, false, true) if same => self.on_finish(now, conn, from, sync),
            _ => {
                self.counters.drop(Drop::Misplaced);
                self.break_off(now, conn, "it sent something unexpected");
            }
        }
    }

    fn on_ask(&mut self, now: Millis, conn: ConnId, sync: Sync) {
        let Some(theirs) = self.gather(now, conn, sync.digests, sync.last) else {
            return;
        };
        if let Some(exchange) = self.syncs.open.get_mut(&conn) {
            exchange.asked = true;
        }
        let mut talk = self.compare(now, &theirs, true);
        let listed: BTreeMap<NodeId, ()> = theirs.iter().map(|d| (d.id, ())).collect();
        let unlisted = self
            .store
            .digests(NodeId(0))
            .filter(|d| !listed.contains_key(&d.id));
        talk.behind.extend(unlisted.map(|d| (d.id, None)));
        self.write_sync(conn, Stage::Answer, talk.digests, &talk.behind);
    }

    fn on_answer(&mut self, now: Millis, conn: ConnId, from: NodeId, sync: Sync) {
        let trusted = self
            .syncs
            .open
            .get(&conn)
            .is_some_and(|e| e.visit == Visit::Seed);
        let by = Teller { id: from, at: None };
        self.take(now, by, sync.deltas, trusted);
        let Some(asked) = self.gather(now, conn, sync.digests, sync.last) else {
            return;
        };
        // It knows a newer run of ours, but does not tell of it any more.
        if let Some(d) = asked.iter().find(|d| d.id == self.me) {
            self.hear_of_ourselves(now, d.generation, d.version);
        }
        let behind: Vec<_> = asked.iter().map(|d| (d.id, Some(*d))).collect();
        self.write_sync(conn, Stage::Finish, Vec::new(), &behind);
        self.out.push_back(Effect::Close { conn });
        self.syncs.open.remove(&conn);
        if trusted {
            self.joined();
            self.hurry_round(now);
        }
    }

    fn on_finish(&mut self, now: Millis, conn: ConnId, from: NodeId, sync: Sync) {
        let by = Teller { id: from, at: None };
        self.take(now, by, sync.deltas, false);
        if sync.last {
            self.out.push_back(Effect::Close { conn });
            self.syncs.open.remove(&conn);
        }
    }

    /// Collects the digests of a stage; all of them after its last frame.
    fn gather(
        &mut self,
        now: Millis,
        conn: ConnId,
        digests: Vec<Digest>,
        last: bool,
    ) -> Option<Vec<Digest>> {
        let exchange = self.syncs.open.get_mut(&conn)?;
        exchange
            .digests
            .extend(digests.into_iter().map(|d| (d.id, d)));
        if exchange.digests.len() > 2 * self.config.limits.members {
            self.counters.drop(Drop::Limit);
            self.break_off(now, conn, "it lists too many members");
            return None;
        }
        last.then(|| {
            std::mem::take(&mut exchange.digests)
                .into_values()
                .collect()
        })
    }

    /// Writes one stage in as many frames as it needs.
    fn write_sync(
        &mut self,
        conn: ConnId,
        stage: Stage,
        digests: Vec<Digest>,
        behind: &[(NodeId, Option<Digest>)],
    ) {
        let begin = |digests: &[Digest]| {
            let head = Sync {
                stage,
                last: false,
                digests: digests.to_vec(),
                deltas: Vec::new(),
            };
            let mut w = Writer::new(MAX_STREAM_MESSAGE);
            head.write_head(&mut w, self.cluster, self.me);
            (head, w)
        };
        let mut chunks = digests.chunks(DIGESTS);
        let (mut head, mut w) = begin(chunks.next().unwrap_or(&[]));
        let (mut frames, mut full) = (Vec::new(), 0);
        for chunk in chunks {
            frames.push(w.finish());
            (head, w) = begin(chunk);
        }
        for (id, digest) in behind {
            let Some(source) = self.store.source(*id, digest.as_ref()) else {
                continue;
            };
            if w.mark() < FRAME && source.size() <= w.room() {
                pack_delta(&mut w, &source, source.parts());
                continue;
            }
            full += w.mark();
            if full > STAGE {
                break;
            }
            frames.push(w.finish());
            (head, w) = begin(&[]);
            self.config.order.pack(&mut w, &mut [source]);
        }
        head.mark_last(&mut w);
        frames.push(w.finish());
        let writes = frames
            .into_iter()
            .map(|bytes| Effect::Write { conn, bytes });
        self.out.extend(writes);
    }

    fn break_off(&mut self, now: Millis, conn: ConnId, reason: &str) {
        self.out.push_back(Effect::Close { conn });
        self.ended(now, conn, reason);
    }

    /// The driver had to drop something of a connection by itself.
    pub fn count_drop(&mut self, reason: Drop) {
        self.counters.drop(reason);
    }

    /// The driver had to drop as many things before it looked at them.
    pub fn count_drops(&mut self, reason: Drop, count: u64) {
        self.counters.drops(reason, count);
    }

    /// A connection could not be opened, or ended without our `Effect::Close`.
    pub fn handle_closed(&mut self, now: Millis, conn: ConnId, reason: &str) {
        self.wake(now);
        self.ended(now, conn, reason);
        self.settle(now);
    }

    fn ended(&mut self, _now: Millis, conn: ConnId, reason: &str) {
        let Some(exchange) = self.syncs.open.remove(&conn) else {
            return;
        };
        if exchange.visited && exchange.visit == Visit::Seed && !self.syncs.joined {
            let (addr, reason) = (exchange.at, reason.to_owned());
            self.event(Event::SeedFailed { addr, reason });
        }
    }
}
