//! What may be asked about the owners of keys.

use super::Shards;
use crate::sharding::{Handover, Shard};
use crate::wire::NodeId;

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

impl Shards {
    /// Is the pin known?
    pub fn knows(&self, pin: &str) -> bool {
        self.pins.contains_key(pin)
    }

    /// The shard of a key.
    pub fn shard_of(&self, pin: &str, key: &str) -> Option<Shard> {
        Some(self.pins.get(pin)?.shard_of(key))
    }

    /// The node that owns a key; `None`: nobody does.
    pub fn owner(&self, pin: &str, key: &str) -> Option<&str> {
        let pin = self.pins.get(pin)?;
        let owner = pin.handover.ownership().owner(pin.shard_of(key))?;
        self.name_of(owner)
    }

    /// The same with all that is known.
    pub fn owner_view(&self, pin: &str, key: &str) -> Option<Owner> {
        let pin = self.pins.get(pin)?;
        let (handover, shard) = (&pin.handover, pin.shard_of(key));
        let ownership = handover.ownership();
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

    pub(super) fn name_of(&self, id: NodeId) -> Option<&str> {
        if id == self.me {
            return Some(&self.name);
        }
        self.members.get(&id).map(|member| &member.name[..])
    }
}
