//! The sans-IO state machine of a node: it takes datagrams, frames, refusals
//! and the passing of time, and hands back effects as data. No clock, no
//! socket, no global randomness: one seed reproduces any run.
//!
//! Each file beside this one is one of its conversations:
//!
//! - `rounds`: scuttlebutt over datagrams, every `interval`;
//! - `compare`: what to say to somebody whose digests we see;
//! - `syncs`: the same over TCP, for joins and large divergence;
//! - `probes`: pings, their answers and refusals;
//! - `admit`, `candidates`: who becomes a member: nobody on hearsay alone;
//! - `verdicts`: from evidence to a member's status;
//! - `contact`: whether it is us who are cut off, or did not run;
//! - `double`: somebody else who speaks under our name;
//! - `changes`: keys that our own user sets, as fast as flow control allows;
//! - `local`: what we say of ourselves;
//! - `view`: what our own user may ask.

mod admit;
mod candidates;
mod changes;
mod compare;
mod config;
mod contact;
mod counters;
mod double;
mod hot;
mod io;
mod local;
mod probes;
mod rivals;
mod rounds;
mod syncs;
#[cfg(test)]
mod tests;
mod verdicts;
mod view;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

pub use crate::state::Limits;
pub use crate::time::Millis;
pub use changes::{FlowView, SetError, Told};
pub use config::Config;
pub use contact::Isolation;
pub use counters::{Counters, Drop};
pub use io::{ConnId, Effect, Event, Level};

use crate::liveness::{Timing, Verdicts, Watch};
use crate::membership::{Life, Members};
use crate::state::{Pool, Store};
use crate::wire::{self, Envelope, Message, NodeId, Writer};
use candidates::Candidates;
use changes::Changes;
use contact::Contact;
use double::Double;
use hot::Hot;
use rivals::Rivals;
use syncs::Syncs;

/// A driver that comes later than this after the time it was asked to come
/// was not running; that time is nobody else's silence.
const LATE: Millis = 300;
/// Time between two rounds of housekeeping.
const HOUSEKEEPING: Millis = 1_000;
/// Least time between two lines of the log that say the same.
const QUIET: Millis = 60_000;

/// Has it been quiet for long enough since the last line of a kind? Then one is
/// written now.
fn seldom(last: &mut Option<Millis>, now: Millis) -> bool {
    let due = last.is_none_or(|t| now >= t + QUIET);
    if due {
        *last = Some(now);
    }
    due
}

/// One node of the cluster. See the [module's text](self).
pub struct Engine {
    config: Config,
    me: NodeId,
    cluster: u64,
    generation: u64,
    /// Its first generation.
    born: u64,
    life: Life,
    rng: ChaCha8Rng,
    out: VecDeque<Effect>,
    counters: Counters,

    store: Store,
    changes: Changes,
    pool: Pool,
    hot: Hot,
    members: Members,
    verdicts: Verdicts,
    /// Subjects whose status may change by the passing of time alone.
    pending: std::collections::BTreeSet<NodeId>,
    watches: BTreeMap<NodeId, Watch>,
    /// The epoch of the members for which `watches` was made.
    watched_epoch: Option<u64>,
    candidates: Candidates,
    rivals: Rivals,

    seeds: Vec<SocketAddr>,
    syncs: Syncs,
    next_round: Millis,
    last_round: Millis,
    /// No exchange out of turn before this.
    next_ask: Millis,
    next_early: Millis,
    next_housekeeping: Millis,
    double: Double,
    contact: Contact,
    refuted: Option<Millis>,
    stranger_logged: Option<Millis>,
    future_logged: Option<Millis>,
    /// When the driver was last here, and when it was asked to come again.
    now: Millis,
    expected: Millis,
}

impl Engine {
    /// A node that knows nobody yet. `seed` is the source of all its
    /// randomness; it has to be unpredictable to strangers in production,
    /// since the nonces of pings come from it.
    pub fn new(config: Config, now: Millis, seed: [u8; 32]) -> Self {
        let me = NodeId::of(&config.name);
        let generation = config.wall + now;
        let mut engine = Engine {
            me,
            cluster: wire::text_hash(&config.cluster),
            generation,
            born: generation,
            life: Life::default(),
            rng: ChaCha8Rng::from_seed(seed),
            out: VecDeque::new(),
            counters: Counters::default(),
            store: Store::new(),
            changes: Changes::new(now),
            pool: Pool::default(),
            hot: Hot::default(),
            members: Members::default(),
            verdicts: Verdicts::default(),
            pending: Default::default(),
            watches: BTreeMap::new(),
            watched_epoch: None,
            candidates: Candidates::default(),
            rivals: Rivals::default(),
            seeds: Vec::new(),
            syncs: Syncs::default(),
            next_round: now,
            last_round: now,
            next_ask: now,
            next_early: now,
            next_housekeeping: now + HOUSEKEEPING,
            double: Double::default(),
            contact: Contact::default(),
            refuted: None,
            stranger_logged: None,
            future_logged: None,
            now,
            expected: now,
            config,
        };
        engine.begin(now);
        engine
    }

    /// What the wall clock says now, in ms since the Unix epoch. It only counts
    /// when it is later than was thought: time that the machine slept is not in
    /// `now`, and without it nodes that start later would seem to come from the
    /// future.
    pub fn set_wall(&mut self, now: Millis, wall: u64) {
        self.config.wall = self.config.wall.max(wall.saturating_sub(now));
    }

    /// The next effect to carry out; `None` when all is done. Call until
    /// `None` after every `handle_*` method and every command.
    pub fn poll(&mut self) -> Option<Effect> {
        self.out.pop_front()
    }

    /// When `handle_timeout` wants to be called next.
    pub fn next_timeout(&self) -> Millis {
        let mut next = self.next_round.min(self.next_housekeeping);
        next = next.min(self.next_probe()).min(self.candidates.next());
        if let Some(t) = self.next_judgement() {
            next = next.min(t);
        }
        for t in self.syncs.next().into_iter().chain(self.changes.next()) {
            next = next.min(t);
        }
        next
    }

    /// The time that `next_timeout` named has come.
    pub fn handle_timeout(&mut self, now: Millis) {
        self.wake(now);
        if now >= self.next_housekeeping {
            self.next_housekeeping = now + HOUSEKEEPING;
            self.housekeeping(now);
        }
        self.refresh_watches(now);
        self.run_probes(now);
        self.run_candidates(now);
        self.run_syncs(now);
        self.run_judgements(now);
        self.release_held(now);
        if now >= self.next_round {
            self.run_round(now);
        }
        self.settle(now);
    }

    /// A datagram arrived from `from`.
    pub fn handle_datagram(&mut self, now: Millis, from: SocketAddr, bytes: &[u8]) {
        self.wake(now);
        self.counters.datagrams_in += 1;
        self.counters.bytes_in += bytes.len() as u64;
        if bytes.len() > wire::MAX_DATAGRAM {
            return self.counters.drop(Drop::Oversized);
        }
        let Some(envelope) = self.decode(now, from, bytes) else {
            return;
        };
        self.heard(now, envelope.from);
        match envelope.message {
            Message::Ping(ping) => self.on_ping(now, from, envelope.from, &ping),
            Message::Ack(ack) => self.on_ack(now, envelope.from, &ack),
            Message::Rumor(rumor) => self.on_rumor(now, envelope.from, &rumor),
            Message::Gossip(g) => self.on_gossip(now, from, envelope.from, bytes.len(), g),
            Message::Taken(taken) => self.on_taken(now, from, envelope.from, &taken),
            Message::Sync(_) | Message::Announce(_) => self.counters.drop(Drop::Misplaced),
        }
        self.settle(now);
    }

    /// Decodes a message of our cluster that is not our own echo.
    fn decode(&mut self, now: Millis, from: SocketAddr, bytes: &[u8]) -> Option<Envelope> {
        if Envelope::cluster_of(bytes).is_some_and(|c| c != self.cluster) {
            self.counters.drop(Drop::Cluster);
            self.log_stranger(now, from);
            return None;
        }
        match Envelope::decode(bytes) {
            Ok(e) if e.from == self.me => {
                self.counters.drop(Drop::Echo);
                self.note_echo(now, from, &e.message);
                None
            }
            Ok(e) => Some(e),
            Err(error) => {
                self.counters.drop(error.into());
                None
            }
        }
    }

    /// One line a minute about messages of other clusters: a wrong `cluster`
    /// option has to be visible, a flood must not fill the log.
    fn log_stranger(&mut self, now: Millis, from: SocketAddr) {
        if seldom(&mut self.stranger_logged, now) {
            let own = self.config.cluster.clone();
            self.log(
                Level::Warn,
                format!("{from} sends gossip of another cluster, ours is '{own}'; dropped"),
            );
        }
    }

    /// Before anything else: did we ourselves not run for a while? Then what
    /// we did not hear meanwhile says nothing about the others.
    fn wake(&mut self, now: Millis) {
        let gap = now.saturating_sub(self.expected);
        if gap > LATE {
            self.excuse(gap);
            self.starved(now, gap);
        }
        self.expected = self.expected.max(now);
        self.now = now;
    }

    /// After everything: what the driver will be late for is measured from here.
    fn settle(&mut self, now: Millis) {
        self.expected = self.next_timeout().max(now);
    }

    fn housekeeping(&mut self, now: Millis) {
        self.assess(now, self.silent(now));
        self.speak_up(now);
        self.maintain_verdicts(now);
        self.forget_the_gone(now);
        if let Some(before) = now.checked_sub(self.config.tombstones) {
            self.store.collect(before);
        }
    }

    fn send(&mut self, to: SocketAddr, w: Writer) {
        let bytes = w.finish();
        self.counters.sent(bytes.len());
        self.out.push_back(Effect::Send { to, bytes });
    }

    fn event(&mut self, event: Event) {
        self.out.push_back(Effect::Event(event));
    }

    fn log(&mut self, level: Level, text: String) {
        self.event(Event::Log { level, text });
    }

    /// An unpredictable number.
    fn nonce(&mut self) -> u64 {
        self.rng.random()
    }

    /// One of `list`, each as likely as the others.
    fn choose<T: Copy>(&mut self, list: &[T]) -> Option<T> {
        (!list.is_empty()).then(|| list[self.rng.random_range(0..list.len())])
    }
}
