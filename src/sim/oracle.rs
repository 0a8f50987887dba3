//! The oracle: is what the nodes know of each other true?
//!
//! # The invariant
//!
//! A node p that knows the state of an owner r up to version m holds, for each
//! key k of r, **either what r holds, or the version of k at r is greater than
//! m**. (Nothing that p believes to have is missing or out of date.) With it:
//! m is never greater than what r has reached, p holds no mapping that r never
//! wrote, and no key whose deletion it has passed.
//!
//! It is the invariant of the scuttlebutt paper with the owner as the second
//! party. Read over any two parties p and q (van Renesse et al. 2008,
//! section 3: the mappings are the same, or p's version is greater than q's maximum for r) it holds only as
//! long as no key is overwritten. With r writing k at versions 2, 5 and 9: q
//! may have k@5 and a maximum of 5, while p has heard versions 3, 4 and 6 from
//! somebody who knew k@9 already (so 5 was superseded there) and whose message
//! ended before 9. Then p has k@2 and a maximum of 6; neither version is
//! greater than the other's maximum, and nothing is lost: both lack k@9, and
//! both know it. What all pairs have in common follows from the form above.
//!
//! # How it is checked
//!
//! After every input of a node its own writes go into a ledger, one per
//! process (a generation of a name), and what it knows of others is compared
//! with theirs: of every owner of whom it has learned something by this input
//! and of one other, and of all owners once a second. In large worlds a sample
//! is taken. The oracle draws from a random source of its own: looking changes
//! nothing.

use std::collections::HashMap;
use std::sync::Arc;

use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};

use super::mirror::Mirror;
use super::node::{Node, NodeId};
use super::world::World;
use crate::engine::{Engine, Event, Millis};
use crate::state::Value;
use crate::wire::Entry;

/// How much the oracle looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Nothing: for measurements.
    Off,
    /// A sample of the pairs: for thousands of nodes.
    Sampled,
    /// Every pair that an input has touched, and all pairs once a second.
    Every,
}

/// Everything that an owner has written in one generation.
#[derive(Debug, Default)]
struct Ledger {
    max: u64,
    /// Versions of each key in ascending order; `None` is a deletion.
    keys: HashMap<Arc<str>, Vec<(u64, Option<Value>)>>,
}

/// See the [module's text](self).
pub(super) struct Oracle {
    check: Check,
    rng: Xoshiro256PlusPlus,
    ledgers: HashMap<(NodeId, u64), Ledger>,
    /// What each node knew of each owner when it was looked at last.
    seen: Vec<Vec<(u64, u64)>>,
    mirrors: Vec<Mirror>,
    swept: Millis,
    checks: u64,
}

impl Oracle {
    pub(super) fn new(check: Check) -> Self {
        Oracle {
            check,
            rng: Xoshiro256PlusPlus::seed_from_u64(0),
            ledgers: HashMap::new(),
            seen: Vec::new(),
            mirrors: Vec::new(),
            swept: 0,
            checks: 0,
        }
    }

    /// A process has ended: the next one of this node begins with nothing.
    pub(super) fn forget_observer(&mut self, id: NodeId) {
        if let Some(seen) = self.seen.get_mut(id) {
            seen.clear();
        }
        if let Some(mirror) = self.mirrors.get_mut(id) {
            *mirror = Mirror::default();
        }
    }

    /// An engine told its user something.
    pub(super) fn hear(&mut self, id: NodeId, event: &Event) {
        if self.check == Check::Every {
            at(&mut self.mirrors, id).hear(event);
        }
    }

    /// Writes down what an owner has written since the last look.
    fn record(&mut self, id: NodeId, engine: &Engine) -> Result<(), String> {
        let Some((generation, max)) = engine.digest_of(engine.name()) else {
            return Ok(());
        };
        let ledger = self.ledgers.entry((id, generation)).or_default();
        if max < ledger.max {
            return Err(format!("own version fell from {} to {max}", ledger.max));
        }
        if max == ledger.max {
            return Ok(());
        }
        for entry in engine.versioned(engine.name()) {
            let Entry {
                key,
                version,
                value,
            } = entry;
            if *version > max {
                return Err(format!("own key {key} has version {version} above {max}"));
            }
            if *version > ledger.max {
                let history = ledger.keys.entry(key.clone()).or_default();
                history.push((*version, value.clone()));
            }
        }
        ledger.max = max;
        Ok(())
    }

    /// Looks at what a node knows after an input.
    fn look(&mut self, id: NodeId, nodes: &[Node]) -> Result<(), String> {
        let Some(engine) = nodes[id].engine.as_deref() else {
            return Ok(());
        };
        self.record(id, engine)?;
        let any = self.rng.random_range(0..nodes.len());
        match self.check {
            Check::Off => Ok(()),
            Check::Sampled => self.pair(id, engine, any, &nodes[any].name),
            Check::Every => {
                for (owner, node) in nodes.iter().enumerate() {
                    let digest = engine.digest_of(&node.name).unwrap_or_default();
                    let seen = at(at(&mut self.seen, id), owner);
                    if *seen != digest || owner == any {
                        *seen = digest;
                        self.pair(id, engine, owner, &node.name)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Looks at all that all nodes know.
    fn sweep(&mut self, nodes: &[Node]) -> Result<(), String> {
        for (id, node) in nodes.iter().enumerate() {
            let Some(engine) = node.engine.as_deref() else {
                continue;
            };
            for (owner, other) in nodes.iter().enumerate() {
                self.pair(id, engine, owner, &other.name)?;
            }
        }
        Ok(())
    }

    /// The invariant, for what a node knows of an owner.
    fn pair(
        &mut self,
        id: NodeId,
        engine: &Engine,
        owner: NodeId,
        name: &str,
    ) -> Result<(), String> {
        let Some((generation, max)) = engine.digest_of(name) else {
            return Ok(());
        };
        self.checks += 1;
        let place = || format!("node {id} of {name} (generation {generation}, up to {max})");
        let Some(ledger) = self.ledgers.get(&(owner, generation)) else {
            // Known by name only: from a seed list, or from a mere rumour.
            let empty = max == 0 && engine.versioned(name).next().is_none();
            return if empty {
                Ok(())
            } else {
                Err(format!("{}: invented", place()))
            };
        };
        if max > ledger.max {
            return Err(format!("{}: the owner is at {}", place(), ledger.max));
        }
        let held = engine.versioned(name);
        let mut found = 0;
        for Entry {
            key,
            version,
            value,
        } in held
        {
            let Some(history) = ledger.keys.get(key) else {
                return Err(format!("{}: {key} was never written", place()));
            };
            if !history
                .iter()
                .any(|(at, was)| at == version && was == value)
            {
                return Err(format!("{}: {key}@{version} was never so", place()));
            }
            let (newest, latest) = history.last().expect("a key has a version");
            if *version > max {
                return Err(format!(
                    "{}: {key}@{version} is beyond the maximum",
                    place()
                ));
            }
            if newest > version && *newest <= max {
                return Err(format!(
                    "{}: {key}@{version} is out of date: @{newest}",
                    place()
                ));
            }
            found += usize::from(newest == version && latest.is_some());
        }
        // Everything that is due is there: keys whose last version it passed.
        let due = |history: &&Vec<(u64, Option<Value>)>| {
            history
                .last()
                .is_some_and(|(newest, latest)| *newest <= max && latest.is_some())
        };
        let wanted = ledger.keys.values().filter(due).count();
        if found != wanted {
            return Err(format!("{}: {found} of {wanted} keys", place()));
        }
        Ok(())
    }

    /// The events of a node tell the same as its accessors.
    fn reflect(&mut self, id: NodeId, node: &Node, now: Millis) -> Result<(), String> {
        let Some(engine) = node.engine.as_deref() else {
            return Ok(());
        };
        at(&mut self.mirrors, id).compare(engine, node.local(now))
    }
}

impl World {
    /// The oracle looks at a node that has just worked.
    pub(super) fn look(&mut self, id: NodeId) {
        if self.options.check != Check::Off {
            let result = self.oracle.look(id, &self.nodes);
            self.judge(result);
        }
    }

    /// Once a virtual second the oracle looks at everything.
    pub(super) fn sweep_now_and_then(&mut self) {
        if self.options.check == Check::Every && self.now() >= self.oracle.swept + 1_000 {
            self.verify();
        }
    }

    /// Has the oracle look at everything, whatever it looks at otherwise.
    pub fn verify(&mut self) {
        self.oracle.swept = self.now();
        let result = self.oracle.sweep(&self.nodes);
        self.judge(result);
    }

    /// Compares, for every node, what its events have told with what its
    /// accessors tell. Only with [`Check::Every`].
    pub fn verify_events(&mut self) {
        assert_eq!(self.options.check, Check::Every, "needs every event");
        for id in 0..self.nodes.len() {
            let result = self.oracle.reflect(id, &self.nodes[id], self.now());
            self.judge(result);
        }
    }

    /// How many times the invariant was checked for a pair.
    pub fn checks(&self) -> u64 {
        self.oracle.checks
    }

    fn judge(&self, result: Result<(), String>) {
        if let Err(what) = result {
            panic!("{}: {what}", self.place());
        }
    }
}

/// The element at an index, which comes into being when it is asked for.
fn at<T: Default>(list: &mut Vec<T>, index: usize) -> &mut T {
    if list.len() <= index {
        list.resize_with(index + 1, T::default);
    }
    &mut list[index]
}
