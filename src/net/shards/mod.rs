//! Keeps the shards of each pin in step with members and their state, as
//! `feed` does with routes.
//!
//! A pin that this node serves has been told by its owner
//! ([`Shards::share`]); any other is looked at once it is called, so that a
//! member that publishes many costs nobody anything.

use std::collections::{BTreeMap, VecDeque};

mod follow;
mod running;
mod view;

use running::Running;
pub use view::{Owner, OwnerView, PinView};

use crate::engine::{Engine, Millis};
use crate::sharding::{Config, Decision, Handover, Presence, Shard};
use crate::state::Value;
use crate::wire::NodeId;

/// Rounds until everybody has heard of something, twice over.
const SETTLE: Millis = 5;

/// What happened to the shards of a pin of this node.
#[derive(Debug, Clone, PartialEq)]
pub enum ShardEvent {
    /// Shards came or went: the owner says [`Shards::done`] when its state is
    /// loaded or saved.
    Moved {
        /// Canonical text of the pin.
        pin: String,
        /// Names this event.
        batch: u64,
        /// What this node owns from now on, once the owner is done.
        gained: Vec<Shard>,
        /// What it gives away, once the owner is done.
        lost: Vec<Shard>,
        /// Above that of every owner before.
        epoch: u64,
    },
    /// Calls that were told to wait may ask again.
    Decide {
        /// Canonical text of the pin.
        pin: String,
    },
}

struct Pin {
    handover: Handover,
    ours: bool,
}

impl Pin {
    fn shard_of(&self, key: &str) -> Shard {
        self.handover.ownership().shards().of_text(key)
    }
}

struct Member {
    name: String,
    generation: u64,
    presence: Presence,
}

/// The sharded pins that a node serves or calls.
pub struct Shards {
    me: NodeId,
    name: String,
    pins: BTreeMap<String, Pin>,
    members: BTreeMap<NodeId, Member>,
    running: Running,
    /// Keys to be written, with their values.
    writes: VecDeque<(String, Value)>,
    events: VecDeque<ShardEvent>,
    complaints: VecDeque<String>,
}

/// What becomes of a message of a sharded pin of this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It runs here; [`Shards::exit`] takes this number back.
    Run(u32),
    /// It waits for a [`ShardEvent::Decide`].
    Hold,
    /// Another node owns its key, or nobody does.
    Elsewhere,
}

impl Shards {
    /// Those of a node of this name: none yet.
    pub fn new(name: &str) -> Self {
        Shards {
            me: NodeId::of(name),
            name: name.to_owned(),
            pins: BTreeMap::new(),
            members: BTreeMap::new(),
            running: Running::default(),
            writes: VecDeque::new(),
            events: VecDeque::new(),
            complaints: VecDeque::new(),
        }
    }

    /// This node takes shards of a pin from now on. How long it waits for those
    /// that others may be about to take is five rounds of gossip.
    ///
    /// # Errors
    /// When a member divides the pin into another number of shards, or by
    /// another key.
    pub fn share(
        &mut self,
        now: Millis,
        engine: &Engine,
        pin: &str,
        config: Config,
    ) -> Result<(), String> {
        let settle = SETTLE * engine.interval();
        let config = Config { settle, ..config };
        let (mut handover, mismatch) = self.informed(now, config, self.claims(engine, pin));
        if let Some(mismatch) = mismatch {
            return Err(self.explain(pin, mismatch));
        }
        handover.ready(now, true);
        let ours = true;
        self.pins.insert(pin.to_owned(), Pin { handover, ours });
        self.collect();
        Ok(())
    }

    /// This node takes no shards any more, and gives away what it has.
    pub fn leave(&mut self, now: Millis) {
        for pin in self.pins.values_mut().filter(|pin| pin.ours) {
            pin.handover.ready(now, false);
        }
        self.collect();
    }

    /// Has it still something to give away, or to say?
    pub fn is_sharing(&self, now: Millis) -> bool {
        let mut ours = self.pins.values().filter(|pin| pin.ours);
        ours.any(|pin| !pin.handover.drained(now))
    }

    /// A message of this node's own pin has arrived.
    pub fn enter(&mut self, pin: &str, key: &str) -> Turn {
        let Some(found) = self.pins.get_mut(pin).filter(|pin| pin.ours) else {
            return Turn::Elsewhere;
        };
        let shard = found.shard_of(key);
        let handover = &mut found.handover;
        match handover.begin(shard) {
            Some(epoch) => Turn::Run(self.running.insert(pin, shard, epoch)),
            None if handover.decide(shard) == Decision::Wait => Turn::Hold,
            None => Turn::Elsewhere,
        }
    }

    /// A message that ran is over.
    pub fn exit(&mut self, now: Millis, ticket: u32) {
        let Some((pin, shard, epoch)) = self.running.remove(ticket) else {
            return;
        };
        if let Some(found) = self.pins.get_mut(&pin) {
            found.handover.end(now, shard, epoch);
            self.collect_of(&pin);
        }
    }

    /// Do messages of this key run here: new ones, or those that were begun before
    /// its shard was given up?
    pub fn owns(&self, pin: &str, key: &str) -> bool {
        let pin = self.pins.get(pin);
        pin.is_some_and(|pin| pin.handover.runs(pin.shard_of(key)))
    }

    /// The owner of this node is done with what [`ShardEvent::Moved`] told.
    pub fn done(&mut self, now: Millis, pin: &str, batch: u64) {
        if let Some(found) = self.pins.get_mut(pin) {
            found.handover.done(now, batch);
            self.collect_of(pin);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    pub fn next_timeout(&self) -> Millis {
        let ours = self.pins.values().filter(|pin| pin.ours);
        let times = ours.filter_map(|pin| pin.handover.next_timeout());
        times.min().unwrap_or(Millis::MAX)
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Millis) {
        for pin in self.pins.values_mut().filter(|pin| pin.ours) {
            pin.handover.handle_timeout(now);
        }
        self.collect();
    }

    /// Keys to be written into this node's state, with their values.
    pub fn poll_write(&mut self) -> Option<(String, Value)> {
        self.writes.pop_front()
    }

    /// What the owner of this node has to hear.
    pub fn poll_event(&mut self) -> Option<ShardEvent> {
        self.events.pop_front()
    }

    /// A line for its log.
    pub fn poll_complaint(&mut self) -> Option<String> {
        self.complaints.pop_front()
    }

    /// Is there nothing to poll?
    pub fn is_quiet(&self) -> bool {
        self.writes.is_empty() && self.events.is_empty() && self.complaints.is_empty()
    }
}
