//! Two live nodes of one name at two addresses: the one that began first stays.
//!
//! Names that are addresses cannot be at two. Of others, a newer run elsewhere
//! is a node that moved, as a rule, and takes the place of its former self. But
//! if that one still answers, where it was, it is somebody else: it stays, the
//! newcomer is not let in, and both are told. Every node judges so for itself,
//! by what the two say of when they began.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::candidates::PINGS;
use super::counters::Drop;
use super::{Engine, Millis};
use crate::membership::Status;
use crate::state::keys;
use crate::wire::{Delta, MAX_DATAGRAM, MAX_MESSAGE, NodeId, Ping, Taken, Writer};

/// Pauses between the pings to the one that was here first, and until it is
/// given up.
const PATIENCE: [Millis; PINGS] = [150, 350, 500];
/// How long a newcomer that was refused is not looked at again, while the other
/// is here.
const SETTLED: Millis = 30_000;
/// Refused newcomers that are remembered at most.
const MAX_SETTLED: usize = 256;

/// The node that was here first, while a newcomer of its name waits.
#[derive(Debug)]
pub(super) struct Rival {
    addr: SocketAddr,
    pub(super) nonces: Vec<u64>,
}

/// Newcomers that were refused: where they are, and until when.
#[derive(Debug, Default)]
pub(super) struct Rivals(BTreeMap<NodeId, (SocketAddr, Millis)>);

/// When the node of a delta began, by its own word.
pub(super) fn born(delta: &Delta) -> u64 {
    let entry = delta.entries.iter().find(|e| &*e.key == keys::BORN);
    let value = entry.and_then(|e| e.value.as_deref());
    value.and_then(read).unwrap_or(delta.generation)
}

fn read(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

impl Engine {
    /// Whoever must be silent before a node of this name, which began then and
    /// has answered from there, is let in.
    pub(super) fn rival(&self, id: NodeId, addr: SocketAddr, born: u64) -> Option<Rival> {
        let peer = self.members.get(id)?;
        let here = matches!(peer.status, Status::Alive | Status::Suspect);
        if !here || peer.addr == addr {
            return None;
        }
        let own = self.store.get(id).and_then(|owner| owner.get(keys::BORN));
        let first = own.and_then(|v| read(v)).unwrap_or(peer.generation);
        // Of two that began in the same ms the address decides.
        ((first, peer.addr) < (born, addr)).then(|| Rival {
            addr: peer.addr,
            nonces: Vec::new(),
        })
    }

    /// Was a node of this name refused there a moment ago, by one that is here?
    pub(super) fn is_settled(&self, now: Millis, id: NodeId, addr: SocketAddr) -> bool {
        let settled = self.rivals.0.get(&id);
        settled.is_some_and(|(at, until)| *at == addr && now < *until)
            && self.rival(id, addr, u64::MAX).is_some()
    }

    /// Pings a rival; says when to come again.
    pub(super) fn ask_rival(&mut self, now: Millis, id: NodeId, rival: &mut Rival) -> Millis {
        let nonce = self.nonce();
        let pause = PATIENCE[rival.nonces.len().min(PINGS - 1)];
        rival.nonces.push(nonce);
        let ping = Ping {
            nonce,
            to: id,
            accuse: None,
        };
        let mut w = Writer::new(MAX_DATAGRAM);
        ping.write(&mut w, self.cluster, self.me);
        self.send(rival.addr, w);
        now + pause
    }

    /// The rival of a newcomer at `addr` has answered, or somebody at its
    /// address; `true`: it stays.
    pub(super) fn judge_rival(
        &mut self,
        now: Millis,
        id: NodeId,
        rival: &Rival,
        answered: u64,
        newcomer: (SocketAddr, u64),
    ) -> bool {
        let (addr, generation) = newcomer;
        // One node that is reached at both addresses.
        if answered == generation {
            return false;
        }
        self.counters.drop(Drop::Taken);
        self.rivals.0.retain(|_, (_, until)| now < *until);
        if self.rivals.0.len() < MAX_SETTLED {
            self.rivals.0.insert(id, (addr, now + SETTLED));
        }
        self.tell_taken(rival.addr, answered, true, addr);
        self.tell_taken(addr, generation, false, rival.addr);
        true
    }

    fn tell_taken(&mut self, to: SocketAddr, generation: u64, stays: bool, other: SocketAddr) {
        let taken = Taken {
            generation,
            stays,
            other,
        };
        let mut w = Writer::new(MAX_MESSAGE);
        taken.write(&mut w, self.cluster, self.me);
        self.send(to, w);
    }

    /// A member says that somebody else has our name. Only told: others decide.
    pub(super) fn on_taken(&mut self, now: Millis, from: SocketAddr, id: NodeId, taken: &Taken) {
        let believed = self.members.get(id).is_some_and(|p| p.addr == from);
        if !believed || taken.generation != self.generation || taken.other == self.config.addr {
            return self.counters.drop(Drop::Unasked);
        }
        self.warn_of_twin(now, taken.other, taken.stays);
    }
}
