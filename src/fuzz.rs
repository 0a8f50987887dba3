//! Fuzz targets as plain functions: each takes any bytes and panics if
//! something is wrong. `tests/fuzz.rs` drives them from a seed in every test
//! run; `fuzz/` has them ready for cargo-fuzz.

mod seal;

use std::net::SocketAddr;

pub use seal::{Sealed, sealed};

use crate::engine::{Config, Effect, Engine, Millis};
use crate::liveness::Verdict;
use crate::membership::Life;
use crate::sharding::Claim;
use crate::sim::forge;
use crate::wire::{Envelope, MAX_MESSAGE, MAX_STREAM_MESSAGE, NodeId, VERSION, text_hash};

/// A whole datagram or frame. What decodes is written again as it came, unless
/// it had fields of a later version, and reads as the same.
pub fn message(bytes: &[u8]) {
    if let Ok(envelope) = Envelope::decode(bytes) {
        let written = forge::envelope(&envelope);
        let skipped = written.len() < bytes.len();
        assert!(
            skipped || written == bytes,
            "two forms of one message: {envelope:?}"
        );
        assert_eq!(Envelope::decode(&written), Ok(envelope));
    }
    let _ = Envelope::cluster_of(bytes);
}

/// The body of a message of each kind, behind a valid beginning.
pub fn body(kind: u8, bytes: &[u8]) {
    let mut whole = head(kind);
    whole.extend_from_slice(bytes);
    message(&whole);
}

/// The kinds of messages: ping, ack, rumor, gossip, sync, announce, taken.
pub const KINDS: std::ops::RangeInclusive<u8> = 1..=7;

/// The values that nodes publish about themselves and each other.
pub fn values(bytes: &[u8]) {
    if let Ok(life) = Life::decode(bytes) {
        assert_eq!(Life::decode(&life.encode()), Ok(life));
    }
    if let Ok(verdict) = Verdict::decode(bytes) {
        assert_eq!(Verdict::decode(&verdict.encode()), Ok(verdict));
    }
    if let Ok(claim) = Claim::decode(bytes) {
        assert_eq!(Claim::decode(&claim.encode()), Ok(claim));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Verdict::subject(text);
    }
}

fn head(kind: u8) -> Vec<u8> {
    let mut head = vec![VERSION, kind];
    head.extend_from_slice(&text_hash("default").to_le_bytes());
    head.extend_from_slice(&NodeId::of("10.0.0.2:7000").0.to_le_bytes());
    head
}

/// Wall clock of the engines that are fuzzed.
const WALL: Millis = 1_735_689_600_000;
/// Members that an engine may know in here.
const MEMBERS: usize = 50;

/// An engine and all that must not happen to it.
pub struct Victim {
    engine: Engine,
    now: Millis,
    conns: u64,
    opened: Vec<u64>,
    before: Vec<(String, std::sync::Arc<[u8]>)>,
}

impl Default for Victim {
    fn default() -> Self {
        let addr = SocketAddr::from(([10, 0, 0, 1], 7_000));
        let mut config = Config::new("10.0.0.1:7000", addr, WALL);
        config.limits.members = MEMBERS;
        let mut engine = Engine::new(config, 0, [7; 32]);
        engine.set_seeds(0, vec![SocketAddr::from(([10, 0, 0, 2], 7_000))]);
        for key in 0..5 {
            let value = std::sync::Arc::from(vec![key; 100]);
            engine
                .set(0, &format!(".key{key}"), value)
                .expect("a valid value");
        }
        let before = user_keys(&engine);
        let mut victim = Victim {
            engine,
            now: 0,
            conns: 1,
            opened: Vec::new(),
            before,
        };
        victim.settle(0);
        victim
    }
}

impl Victim {
    /// Lets an engine do what the bytes say: a sequence of datagrams, frames,
    /// refusals, closed connections and passing time.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((&[what, length, source], tail)) = rest.split_first_chunk::<3>() {
            let length = usize::from(length) * if what & 0x40 == 0 { 1 } else { 8 };
            let (payload, tail) = tail.split_at(length.min(tail.len()));
            rest = tail;
            let from = SocketAddr::from(([10, 0, 0, source % 5], 7_000));
            let whole = match what & 0x80 == 0 {
                true => payload.to_vec(),
                false => {
                    let mut whole = head(1 + source % 5);
                    whole.extend_from_slice(payload);
                    whole
                }
            };
            match what % 8 {
                0..=2 => self.datagram(from, &whole),
                3 => self.frame(from, &whole, source % 2 == 0),
                4 => self.refused(from),
                5 => self.close(),
                _ => self.pass(u64::from(source) * 8),
            }
        }
    }

    /// A datagram arrives.
    pub fn datagram(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.engine.handle_datagram(self.now, from, bytes);
        self.settle(bytes.len());
    }

    /// A frame arrives, on a connection that the engine opened or on a new one.
    pub fn frame(&mut self, from: SocketAddr, bytes: &[u8], own: bool) {
        let conn = match self.opened.first() {
            Some(&conn) if own => {
                self.engine.handle_opened(self.now, conn);
                conn
            }
            _ => {
                self.conns += 2;
                self.engine.handle_accepted(self.now, self.conns, from);
                self.conns
            }
        };
        self.settle(0);
        self.engine.handle_frame(self.now, conn, bytes);
        self.settle(bytes.len());
        if conn % 2 == 1 {
            self.engine.handle_closed(self.now, conn, "over");
            self.settle(0);
        }
    }

    /// A port is closed.
    pub fn refused(&mut self, from: SocketAddr) {
        self.engine.handle_refused(self.now, from);
        self.settle(0);
    }

    /// A connection that the engine opened ends.
    pub fn close(&mut self) {
        if let Some(conn) = self.opened.pop() {
            self.engine.handle_closed(self.now, conn, "gone");
            self.settle(0);
        }
    }

    /// Time passes; the engine is woken when it wants to be.
    pub fn pass(&mut self, span: Millis) {
        let until = self.now + span;
        let mut woken = 0;
        while self.engine.next_timeout() <= until {
            self.now = self.now.max(self.engine.next_timeout());
            self.engine.handle_timeout(self.now);
            self.settle(0);
            woken += 1;
            assert!(woken < 10_000, "woken {woken} times in {span} ms");
        }
        self.now = until;
    }

    /// What must hold after every input, `got` bytes long.
    fn settle(&mut self, got: usize) {
        let mut sent = 0;
        while let Some(effect) = self.engine.poll() {
            match effect {
                Effect::Send { bytes, .. } | Effect::Probe { bytes, .. } => {
                    assert!(
                        bytes.len() <= MAX_MESSAGE,
                        "a datagram of {} bytes",
                        bytes.len()
                    );
                    Envelope::decode(&bytes).expect("it speaks its own protocol");
                    sent += 1;
                }
                Effect::Write { bytes, .. } => {
                    assert!(
                        bytes.len() <= MAX_STREAM_MESSAGE,
                        "a frame of {} bytes",
                        bytes.len()
                    );
                    Envelope::decode(&bytes).expect("it speaks its own protocol");
                }
                Effect::Open { conn, .. } => self.opened.push(conn),
                Effect::Close { conn } => self.opened.retain(|&other| other != conn),
                Effect::Event(_) => {}
            }
        }
        assert!(
            sent <= 64 + got,
            "{sent} datagrams for an input of {got} bytes"
        );
        assert!(self.engine.members(self.now).len() <= MEMBERS);
    }

    /// What must hold at the end.
    pub fn verify(&mut self) {
        assert_eq!(
            user_keys(&self.engine),
            self.before,
            "its own state has changed"
        );
        let generation = self.engine.generation();
        let latest = WALL + self.now + 48 * 3_600_000;
        assert!(
            generation < latest,
            "it went along to generation {generation}"
        );
        assert!(
            self.opened.len() < 1_000,
            "{} connections",
            self.opened.len()
        );
        self.pass(10_000);
    }
}

fn user_keys(engine: &Engine) -> Vec<(String, std::sync::Arc<[u8]>)> {
    let mut keys = engine.entries(engine.name());
    keys.retain(|(key, _)| key.starts_with('.'));
    keys
}

/// An engine fed with whatever the bytes say.
pub fn engine(bytes: &[u8]) {
    let mut victim = Victim::default();
    victim.feed(bytes);
    victim.verify();
}
