//! Keeps the shards of each pin in step with members and their state, as
//! `feed` does with routes.
//!
//! A pin that this node serves has been told by its owner
//! ([`Shards::share`]); any other is looked at once it is called, so that a
//! member that publishes many costs nobody anything.

use std::collections::{BTreeMap, VecDeque};

use crate::engine::{Engine, Event, Millis};
use crate::membership::Status;
use crate::sharding::{
    Claim, Config, Decision, Handover, MAX_REPLICAS, Mismatch, Output, Presence, Shard, ShardCount,
};
use crate::state::{Value, keys};
use crate::wire::NodeId;

/// Pins of others that are looked at, at most.
const MAX_FOREIGN: usize = 256;

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

/// Who answers for a key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Owner {
    /// The shard of the key.
    pub shard: Shard,
    /// Name of the node that shall own it; `None`: nobody takes shards.
    pub owner: Option<String>,
    /// Who is next, best first.
    pub replicas: Vec<String>,
    /// Is it this node?
    #[serde(rename = "self")]
    pub is_self: bool,
    /// May this node run messages of it now?
    pub held: bool,
}

/// A pin in numbers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PinView {
    /// Canonical text of the pin.
    pub pin: String,
    /// Into how many shards its keys are divided.
    pub shards: usize,
    /// The highest epoch that is known.
    pub epoch: u64,
    /// How many shards this node holds.
    pub held: usize,
    /// The owners in order of name.
    pub owners: Vec<OwnerView>,
}

/// One of a pin's owners.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct OwnerView {
    /// Its name.
    pub name: String,
    /// How many shards it shall own.
    pub shards: usize,
    /// Is it this node?
    #[serde(rename = "self")]
    pub is_self: bool,
}

struct Pin {
    handover: Handover,
    ours: bool,
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

/// Messages at work, by the number that they were given.
#[derive(Default)]
struct Running {
    items: Vec<Option<(String, Shard, u64)>>,
    free: Vec<u32>,
}

impl Running {
    fn insert(&mut self, pin: &str, shard: Shard, epoch: u64) -> u32 {
        let item = Some((pin.to_owned(), shard, epoch));
        if let Some(ticket) = self.free.pop() {
            self.items[ticket as usize] = item;
            return ticket;
        }
        self.items.push(item);
        (self.items.len() - 1) as u32
    }

    fn remove(&mut self, ticket: u32) -> Option<(String, Shard, u64)> {
        let item = self.items.get_mut(ticket as usize)?.take()?;
        self.free.push(ticket);
        Some(item)
    }
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

    /// This node takes shards of a pin from now on.
    ///
    /// # Errors
    /// When a member divides the keys of the pin into another number of
    /// shards.
    pub fn share(
        &mut self,
        now: Millis,
        engine: &Engine,
        pin: &str,
        config: Config,
    ) -> Result<(), String> {
        let mut handover = Handover::new(self.me, config);
        for (id, claim) in self.claims(engine, pin) {
            let heard = handover.heard(now, id, Some(claim));
            heard.map_err(|mismatch| self.explain(pin, mismatch))?;
            handover.presence(now, id, self.presence(id));
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
        let handover = &mut found.handover;
        let shard = handover.ownership().shards().of_text(key);
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
        if let Some(pin) = self.pins.get_mut(&pin) {
            pin.handover.end(now, shard, epoch);
            self.collect();
        }
    }

    /// Do messages of this key run here: new ones, or those that were begun before
    /// its shard was given up?
    pub fn owns(&self, pin: &str, key: &str) -> bool {
        self.pins.get(pin).is_some_and(|pin| {
            let shard = pin.handover.ownership().shards().of_text(key);
            pin.handover.runs(shard)
        })
    }

    /// The owner of this node is done with what [`ShardEvent::Moved`] told.
    pub fn done(&mut self, now: Millis, pin: &str, batch: u64) {
        if let Some(pin) = self.pins.get_mut(pin) {
            pin.handover.done(now, batch);
            self.collect();
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

/// What the cluster says.
impl Shards {
    /// Follows an event of the engine.
    pub fn feed(&mut self, now: Millis, engine: &Engine, event: &Event) {
        match event {
            Event::Join { name }
            | Event::Alive { name }
            | Event::Suspect { name }
            | Event::Fail { name }
            | Event::Leave { name, .. } => self.member(now, engine, name),
            Event::Update { name, key, value } if *name != self.name => {
                if let Some(pin) = key.strip_prefix(keys::SHARDS) {
                    let claim = value.as_deref().and_then(|v| Claim::decode(v).ok());
                    self.heard(now, pin, NodeId::of(name), claim);
                }
            }
            Event::Forget { name } => {
                let id = NodeId::of(name);
                self.members.remove(&id);
                for pin in self.pins.values_mut() {
                    pin.handover.forget(now, id);
                }
            }
            _ => return,
        }
        self.collect();
    }

    fn member(&mut self, now: Millis, engine: &Engine, name: &str) {
        let Some(member) = engine.member(now, name).filter(|member| !member.is_self) else {
            return;
        };
        let (id, generation) = (NodeId::of(name), member.generation);
        let presence = match member.status {
            Status::Alive | Status::Suspect => Presence::Here,
            Status::Leaving => Presence::Leaving,
            Status::Dead | Status::Left => Presence::Gone,
        };
        let known = Member {
            name: name.to_owned(),
            generation,
            presence,
        };
        let before = self.members.insert(id, known);
        let anew = before.is_some_and(|before| before.generation != generation);
        let pins: Vec<String> = self.pins.keys().cloned().collect();
        for pin in &pins {
            if anew {
                // Another run holds nothing of what the last one held.
                self.presence_of(now, pin, id, Presence::Gone);
                self.heard(now, pin, id, None);
            }
            self.presence_of(now, pin, id, presence);
            if anew {
                self.heard(now, pin, id, claim_of(engine, name, pin));
            }
        }
    }

    fn presence_of(&mut self, now: Millis, pin: &str, id: NodeId, presence: Presence) {
        if let Some(pin) = self.pins.get_mut(pin) {
            pin.handover.presence(now, id, presence);
        }
    }

    fn heard(&mut self, now: Millis, pin: &str, id: NodeId, claim: Option<Claim>) {
        let Some(found) = self.pins.get_mut(pin) else {
            return;
        };
        match found.handover.heard(now, id, claim) {
            Ok(()) => {}
            Err(mismatch) if found.ours => {
                let text = self.explain(pin, mismatch);
                self.complaints.push_back(text);
            }
            // Looked at anew when it is called again.
            Err(_) => {
                self.pins.remove(pin);
            }
        }
    }

    fn explain(&self, pin: &str, mismatch: Mismatch) -> String {
        let Mismatch { id, theirs, ours } = mismatch;
        let who = self.name_of(id).unwrap_or("another node");
        format!(
            "'{pin}' is divided into {theirs} shards by {who}, into {ours} by this node: all \
             nodes need the same 'shard.shards'"
        )
    }

    fn presence(&self, id: NodeId) -> Presence {
        self.members.get(&id).map_or(Presence::Here, |m| m.presence)
    }

    /// What the members say of a pin.
    fn claims(&self, engine: &Engine, pin: &str) -> Vec<(NodeId, Claim)> {
        let members = self.members.iter();
        let claim =
            |(&id, member): (&NodeId, &Member)| Some((id, claim_of(engine, &member.name, pin)?));
        members.filter_map(claim).collect()
    }

    fn collect(&mut self) {
        for (name, pin) in &mut self.pins {
            while let Some(output) = pin.handover.poll() {
                if !pin.ours {
                    continue;
                }
                match output {
                    Output::Publish(value) => {
                        let key = format!("{}{name}", keys::SHARDS);
                        self.writes.push_back((key, value.into()));
                    }
                    Output::Moved {
                        batch,
                        gained,
                        lost,
                        epoch,
                    } => self.events.push_back(ShardEvent::Moved {
                        pin: name.clone(),
                        batch,
                        gained,
                        lost,
                        epoch,
                    }),
                    Output::Decide(_) => {
                        let event = ShardEvent::Decide { pin: name.clone() };
                        if self.events.back() != Some(&event) {
                            self.events.push_back(event);
                        }
                    }
                }
            }
        }
    }
}

/// Questions.
impl Shards {
    /// Is the pin known?
    pub fn knows(&self, pin: &str) -> bool {
        self.pins.contains_key(pin)
    }

    /// Looks at a pin of others: who calls it has to know its owners. Nothing
    /// happens when nobody shares it out.
    pub fn look_at(&mut self, now: Millis, engine: &Engine, pin: &str) {
        let claims = self.claims(engine, pin);
        let Some(shards) = most_common(&claims) else {
            return;
        };
        let foreign = self.pins.iter().filter(|(_, pin)| !pin.ours);
        let names: Vec<String> = foreign.map(|(name, _)| name.clone()).collect();
        if let Some(first) = names.first().filter(|_| names.len() >= MAX_FOREIGN) {
            self.pins.remove(first);
        }
        let config = Config {
            shards,
            replicas: MAX_REPLICAS,
            ..Config::default()
        };
        let mut handover = Handover::new(self.me, config);
        for (id, claim) in claims {
            // Who divides otherwise is in the minority.
            let _ = handover.heard(now, id, Some(claim));
            handover.presence(now, id, self.presence(id));
        }
        let ours = false;
        self.pins.insert(pin.to_owned(), Pin { handover, ours });
        self.collect();
    }

    /// The shard of a key.
    pub fn shard_of(&self, pin: &str, key: &str) -> Option<Shard> {
        let handover = &self.pins.get(pin)?.handover;
        Some(handover.ownership().shards().of_text(key))
    }

    /// The node that owns a key; `None`: nobody does.
    pub fn owner(&self, pin: &str, key: &str) -> Option<&str> {
        let ownership = self.pins.get(pin)?.handover.ownership();
        let owner = ownership.owner(ownership.shards().of_text(key))?;
        self.name_of(owner)
    }

    /// The same with all that is known.
    pub fn owner_view(&self, pin: &str, key: &str) -> Option<Owner> {
        let handover = &self.pins.get(pin)?.handover;
        let ownership = handover.ownership();
        let shard = ownership.shards().of_text(key);
        let mut ranked = ownership.ranked(shard).filter_map(|id| self.name_of(id));
        let owner = ranked.next().map(str::to_owned);
        Some(Owner {
            shard,
            is_self: owner.as_deref() == Some(&self.name),
            owner,
            replicas: ranked.map(str::to_owned).collect(),
            held: handover.runs(shard),
        })
    }

    /// The pins of this node.
    pub fn views(&self) -> Vec<PinView> {
        let ours = self.pins.iter().filter(|(_, pin)| pin.ours);
        ours.map(|(name, pin)| self.view(name, &pin.handover))
            .collect()
    }

    fn view(&self, pin: &str, handover: &Handover) -> PinView {
        let ownership = handover.ownership();
        let owner = |(id, _)| {
            let name = self.name_of(id)?.to_owned();
            let shards = ownership.shards_of(id).count();
            let is_self = id == self.me;
            Some(OwnerView {
                name,
                shards,
                is_self,
            })
        };
        let mut owners: Vec<OwnerView> = ownership.members().filter_map(owner).collect();
        owners.sort_by(|a, b| a.name.cmp(&b.name));
        PinView {
            pin: pin.to_owned(),
            shards: ownership.shards().get(),
            epoch: handover.epoch(),
            held: handover.held().count(),
            owners,
        }
    }

    fn name_of(&self, id: NodeId) -> Option<&str> {
        if id == self.me {
            return Some(&self.name);
        }
        self.members.get(&id).map(|member| &member.name[..])
    }
}

fn claim_of(engine: &Engine, name: &str, pin: &str) -> Option<Claim> {
    let value = engine.value(name, &format!("{}{pin}", keys::SHARDS))?;
    Claim::decode(&value).ok()
}

/// The number of shards that most claims have.
fn most_common(claims: &[(NodeId, Claim)]) -> Option<ShardCount> {
    let mut count: BTreeMap<ShardCount, usize> = BTreeMap::new();
    for (_, claim) in claims {
        *count.entry(claim.shards).or_default() += 1;
    }
    let most = count.into_iter().max_by_key(|(_, n)| *n);
    most.map(|(shards, _)| shards)
}
