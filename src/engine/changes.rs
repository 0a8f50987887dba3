//! Keys that our own user sets and removes, as fast as flow control lets them
//! be told (see [`crate::flow`]).
//!
//! What the node says of itself (its address, its life, its verdicts, what it
//! answers) is never held back: the cluster is for that. Tags and the keys of
//! users are, at most one change of each key, the last one.

use super::{Engine, Event, Millis};
use crate::flow::{Demand, Flow, Held, Pace, Rules};
use crate::state::{Value, keys};
use crate::wire::{Extensions, FlowWord, NodeId};

/// Bytes that a node may change at once after a quiet time, at most: the
/// largest value that there may be.
const BURST: f64 = 64.0 * 1024.0;
/// What a change costs beside the bytes of its key and value: its share of a
/// digest and of the head of a delta.
const CHANGE: usize = 32;

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The key has that value already.
    Unchanged,
    /// The others hear of it from now on.
    Now,
    /// It waits for its turn, since more is changed than the cluster can carry;
    /// a later change of the same key takes its place. [`Event::Drained`] says
    /// when nothing waits any more.
    Held,
}

/// Why a local `set` was refused.
#[derive(Debug, Clone, thiserror::Error, PartialEq)]
pub enum SetError {
    /// The value is too long.
    #[error("the value of '{key}' has {size} bytes, the limit is {limit}")]
    ValueTooLarge {
        /// The key.
        key: String,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The key is empty or too long.
    #[error("a key must have 1 to {limit} bytes, this one has {size}")]
    Key {
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Too many keys, or too many bytes in all.
    #[error("this node's state is full: at most {limit} {what}")]
    Full {
        /// Keys or bytes.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

/// How fast this node changes, and what waits.
pub(super) struct Changes {
    flow: Flow,
    pace: Pace,
    demand: Demand,
    held: Held,
    /// The exchange that we opened last: with whom, if we asked for a part of
    /// its rate, and whether there was more to say than fitted.
    asked: Option<NodeId>,
    overflowed: bool,
}

/// What flow control does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct FlowView {
    /// Bytes a second that this node may change.
    pub tau: f64,
    /// Bytes a second that its user has asked for lately.
    pub rho: f64,
    /// Keys whose last change waits.
    pub held: usize,
}

impl Changes {
    pub(super) fn new(now: Millis) -> Self {
        Changes {
            flow: Flow::new(Rules::BYTES),
            pace: Pace::new(now, BURST),
            demand: Demand::default(),
            held: Held::default(),
            asked: None,
            overflowed: false,
        }
    }

    /// When the next change may be written.
    pub(super) fn next(&self) -> Option<Millis> {
        let cost = cost(self.held.next_bytes()?);
        Some(self.pace.when(self.flow.tau(), cost))
    }

    /// Spends what a change of so many bytes costs, if there is enough.
    fn spend(&mut self, now: Millis, bytes: usize) -> bool {
        self.pace.spend(now, self.flow.tau(), cost(bytes))
    }

    /// The rate that would be used if there were no limit: what was asked for
    /// lately, and all that waits within a second.
    fn rho(&self, now: Millis) -> f64 {
        self.demand.rate(now) + self.held.bytes() as f64
    }
}

/// What a change of so many bytes of key and value costs.
fn cost(bytes: usize) -> f64 {
    (bytes + CHANGE) as f64
}

impl Engine {
    /// Sets a key of this node.
    ///
    /// # Errors
    /// [`SetError`] when a limit of [`super::Limits`] would be exceeded;
    /// nothing changes then.
    pub fn set(&mut self, now: Millis, key: &str, value: Value) -> Result<Told, SetError> {
        self.check(key, &value)?;
        Ok(self.change(now, key, Some(value)))
    }

    /// Removes a key of this node.
    pub fn remove(&mut self, now: Millis, key: &str) -> Told {
        self.change(now, key, None)
    }

    /// What flow control does at the moment.
    pub fn flow(&self, now: Millis) -> FlowView {
        FlowView {
            tau: self.changes.flow.tau(),
            rho: self.changes.rho(now),
            held: self.changes.held.len(),
        }
    }

    fn check(&self, key: &str, value: &Value) -> Result<(), SetError> {
        let limits = &self.config.limits;
        if key.is_empty() || key.len() > limits.key {
            return Err(SetError::Key {
                size: key.len(),
                limit: limits.key,
            });
        }
        if value.len() > limits.value {
            return Err(SetError::ValueTooLarge {
                key: key.trim_start_matches(keys::USER).to_owned(),
                size: value.len(),
                limit: limits.value,
            });
        }
        let Some(own) = self.store.get(self.me) else {
            return Ok(());
        };
        // What waits counts as if it were written: it is going to be.
        let waiting = self.changes.held.growth_without(key);
        let known = own.get(key).map_or(0, |v| v.len() + key.len());
        if known == 0 && own.len() + waiting.keys >= limits.keys {
            return Err(SetError::Full {
                what: "keys",
                limit: limits.keys,
            });
        }
        let bytes =
            (own.bytes() - known + key.len() + value.len()).saturating_add_signed(waiting.bytes);
        if bytes > limits.owner {
            return Err(SetError::Full {
                what: "bytes",
                limit: limits.owner,
            });
        }
        Ok(())
    }

    fn change(&mut self, now: Millis, key: &str, value: Option<Value>) -> Told {
        let own = self.store.get(self.me);
        let known = own.and_then(|o| o.get(key));
        let changes = &mut self.changes;
        let planned = changes.held.get(key);
        if planned.map_or(known == value.as_ref(), |waits| *waits == value) {
            return if planned.is_some() {
                Told::Held
            } else {
                Told::Unchanged
            };
        }
        let free = !keys::is_users(key) || self.members.present() == 1;
        if !free {
            let bytes = key.len() + value.as_ref().map_or(0, |v| v.len());
            changes.demand.add(now, cost(bytes));
            let turn = changes.held.is_empty();
            if !turn || !changes.spend(now, bytes) {
                let known = known.map(|v| key.len() + v.len());
                changes.held.put(key, value, known);
                return Told::Held;
            }
        }
        self.write(now, key, value);
        Told::Now
    }

    /// Writes what waits, as far as the rate allows it.
    pub(super) fn release_held(&mut self, now: Millis) {
        while self.changes.next().is_some_and(|at| now >= at) {
            let bytes = self.changes.held.next_bytes().unwrap_or(0);
            if !self.changes.spend(now, bytes) {
                return;
            }
            self.release_next(now);
        }
    }

    /// Writes all that waits: there is no later.
    pub(super) fn release_all(&mut self, now: Millis) {
        while !self.changes.held.is_empty() {
            self.release_next(now);
        }
    }

    fn release_next(&mut self, now: Millis) {
        if let Some((key, value)) = self.changes.held.pop() {
            self.write(now, &key, value);
            if self.changes.held.is_empty() {
                self.event(Event::Drained);
            }
        }
    }

    /// We are about to open an exchange with `to`: what we learned from the
    /// one before, and what we ask for in this one.
    pub(super) fn open_flow(&mut self, now: Millis, to: Option<NodeId>) -> Extensions {
        let changes = &mut self.changes;
        let wanting = !changes.held.is_empty();
        let overflowed = std::mem::take(&mut changes.overflowed);
        changes.flow.exchanged(overflowed, wanting);
        // Whose messages are full has no use for a higher rate.
        changes.asked = to.filter(|_| wanting && !overflowed);
        let flow = changes
            .asked
            .map(|_| FlowWord::want(changes.rho(now), changes.flow.tau()));
        Extensions { flow }
    }

    /// What a member says of flow control, and the answer to it.
    pub(super) fn on_flow(&mut self, now: Millis, from: NodeId, more: Extensions) -> Extensions {
        let changes = &mut self.changes;
        let flow = match more.flow {
            Some(FlowWord::Want { rho, tau }) => {
                let own = changes.rho(now);
                FlowWord::grant(changes.flow.give(own, rho as f64, tau as f64))
            }
            // Counted once, whatever the network does with the message.
            Some(FlowWord::Grant(rate)) if changes.asked.take_if(|to| *to == from).is_some() => {
                changes.flow.receive(rate as f64);
                None
            }
            _ => None,
        };
        Extensions { flow }
    }

    /// There was more to say in an exchange that we opened than fitted.
    pub(super) fn overflowed(&mut self) {
        self.changes.overflowed = true;
    }
}
