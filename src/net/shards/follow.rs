//! What the cluster says of sharded pins, and what comes of it.

use std::collections::{BTreeMap, VecDeque};

use super::{Member, Pin, ShardEvent, Shards};
use crate::engine::{Engine, Event, Millis};
use crate::membership::Status;
use crate::sharding::{Claim, Config, Division, Handover, Mismatch, Output, Presence};
use crate::state::{Value, keys};
use crate::wire::NodeId;

/// Pins of others that are looked at, at most.
const MAX_FOREIGN: usize = 256;
/// Replicas that are told of those: how many their owners name is not published.
const REPLICAS: usize = 2;

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

    /// Looks at a pin of others: who calls it has to know its owners. Nothing
    /// happens when nobody shares it out.
    pub fn look_at(&mut self, now: Millis, engine: &Engine, pin: &str) {
        let claims = self.claims(engine, pin);
        let Some(Division { shards, key }) = most_common(&claims) else {
            return;
        };
        let foreign = self.pins.iter().filter(|(_, pin)| !pin.ours);
        let names: Vec<String> = foreign.map(|(name, _)| name.clone()).collect();
        if let Some(first) = names.first().filter(|_| names.len() >= MAX_FOREIGN) {
            self.pins.remove(first);
        }
        let config = Config {
            shards,
            key,
            replicas: REPLICAS,
            ..Config::default()
        };
        // Who divides otherwise is in the minority.
        let (handover, _) = self.informed(now, config, claims);
        let ours = false;
        self.pins.insert(pin.to_owned(), Pin { handover, ours });
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

    pub(super) fn explain(&self, pin: &str, mismatch: Mismatch) -> String {
        let Mismatch { id, theirs, ours } = mismatch;
        let who = self.name_of(id).unwrap_or("another node");
        format!(
            "{who} divides '{pin}' into {theirs}, this node into {ours}: all nodes need the same \
             'shard.shards' and 'shard.key'"
        )
    }

    fn presence(&self, id: NodeId) -> Presence {
        self.members.get(&id).map_or(Presence::Here, |m| m.presence)
    }

    /// What the members say of a pin.
    pub(super) fn claims(&self, engine: &Engine, pin: &str) -> Vec<(NodeId, Claim)> {
        let members = self.members.iter();
        let claim =
            |(&id, member): (&NodeId, &Member)| Some((id, claim_of(engine, &member.name, pin)?));
        members.filter_map(claim).collect()
    }

    /// A handover that has heard these claims; also the first of those that divide
    /// the keys otherwise.
    pub(super) fn informed(
        &self,
        now: Millis,
        config: Config,
        claims: Vec<(NodeId, Claim)>,
    ) -> (Handover, Option<Mismatch>) {
        let mut handover = Handover::new(self.me, config);
        let mut first = None;
        for (id, claim) in claims {
            let heard = handover.heard(now, id, Some(claim));
            first = first.or(heard.err());
            handover.presence(now, id, self.presence(id));
        }
        (handover, first)
    }

    /// Takes what all pins want done.
    pub(super) fn collect(&mut self) {
        for (name, pin) in &mut self.pins {
            take_outputs(name, pin, &mut self.writes, &mut self.events);
        }
    }

    /// Takes what one pin wants done.
    pub(super) fn collect_of(&mut self, name: &str) {
        if let Some(pin) = self.pins.get_mut(name) {
            take_outputs(name, pin, &mut self.writes, &mut self.events);
        }
    }
}

fn take_outputs(
    name: &str,
    pin: &mut Pin,
    writes: &mut VecDeque<(String, Value)>,
    events: &mut VecDeque<ShardEvent>,
) {
    while let Some(output) = pin.handover.poll() {
        if !pin.ours {
            continue;
        }
        match output {
            Output::Publish(value) => {
                writes.push_back((format!("{}{name}", keys::SHARDS), value.into()));
            }
            Output::Moved {
                batch,
                gained,
                lost,
                epoch,
            } => events.push_back(ShardEvent::Moved {
                pin: name.to_owned(),
                batch,
                gained,
                lost,
                epoch,
            }),
            Output::Decide(_) => {
                let event = ShardEvent::Decide {
                    pin: name.to_owned(),
                };
                if events.back() != Some(&event) {
                    events.push_back(event);
                }
            }
        }
    }
}

fn claim_of(engine: &Engine, name: &str, pin: &str) -> Option<Claim> {
    let value = engine.value(name, &format!("{}{pin}", keys::SHARDS))?;
    Claim::decode(&value).ok()
}

/// As most claims divide the pin.
fn most_common(claims: &[(NodeId, Claim)]) -> Option<Division> {
    let mut count: BTreeMap<Division, usize> = BTreeMap::new();
    for (_, claim) in claims {
        *count.entry(claim.division()).or_default() += 1;
    }
    let most = count.into_iter().max_by_key(|(_, n)| *n);
    most.map(|(division, _)| division)
}
