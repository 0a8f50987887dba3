//! The table of members.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::{Life, Status};
use crate::liveness::Ring;
use crate::time::Millis;
use crate::wire::{Accusation, NodeId};

/// How long the dead keep their place on the ring, ms.
const RETIRE: Millis = 5_000;

/// For how long the word of somebody who has just come does not count against
/// those who were here before, ms.
const LATE: Millis = 3_000;
/// Members that came within this time came together, ms.
const TOGETHER: Millis = 2_000;

/// A member in our eyes.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its name.
    pub name: Arc<str>,
    /// Where its gossip port is reached.
    pub addr: SocketAddr,
    /// Which run of it.
    pub generation: u64,
    /// Its own word.
    pub life: Life,
    /// What we believe.
    pub status: Status,
    /// Since when.
    pub since: Millis,
    /// Since when it is here: known, or back from the dead.
    pub here: Millis,
    /// Since when a quorum stands against it.
    pub quorum: Option<Millis>,
    /// The run that was judged dead, while it is.
    pub died: Option<Accusation>,
    /// We would not count on its word about others.
    pub doubted: bool,
    /// When a message in its name came last.
    pub spoke: Option<Millis>,
    /// When we last told it that it is accused.
    pub told: Option<Millis>,
    /// Taken out of the gossip: gone for long.
    pub hidden: bool,
}

impl Peer {
    /// A member, or a new run of one, of which nobody doubts yet.
    pub fn new(name: Arc<str>, addr: SocketAddr, generation: u64, now: Millis) -> Self {
        Peer {
            name,
            addr,
            generation,
            life: Life::default(),
            status: Status::Alive,
            since: now,
            here: now,
            quorum: None,
            died: None,
            doubted: false,
            spoke: None,
            told: None,
            hidden: false,
        }
    }

    /// The run of it that we know, as an accusation would name it.
    pub fn run(&self) -> Accusation {
        Accusation {
            generation: self.generation,
            incarnation: self.life.incarnation,
        }
    }
}

/// All members, ourselves included, and the ring of those that are not gone.
#[derive(Debug, Default)]
pub struct Members {
    peers: BTreeMap<NodeId, Peer>,
    /// Those that are neither dead nor gone, in order of id: every round picks
    /// one of them.
    here: Vec<NodeId>,
    /// How many of these there are at each address.
    at: BTreeMap<SocketAddr, usize>,
    ring: Ring,
    /// Changes whenever the ring or a doubt does.
    epoch: u64,
}

impl Members {
    /// Adds a member, or a new run of one.
    pub fn insert(&mut self, id: NodeId, peer: Peer) {
        self.uncount(id);
        self.peers.insert(id, peer);
        self.count(id);
        self.place(id);
    }

    /// Forgets a member.
    pub fn remove(&mut self, id: NodeId) -> Option<Peer> {
        self.uncount(id);
        let peer = self.peers.remove(&id);
        self.place(id);
        peer
    }

    /// One member.
    pub fn get(&self, id: NodeId) -> Option<&Peer> {
        self.peers.get(&id)
    }

    /// One member, to change anything but its status, doubt and address.
    pub fn get_mut(&mut self, id: NodeId) -> Option<&mut Peer> {
        self.peers.get_mut(&id)
    }

    /// Those that are neither dead nor gone, ourselves included, in order of id.
    pub fn here(&self) -> &[NodeId] {
        &self.here
    }

    /// How many of them are at an address.
    pub fn count_at(&self, addr: SocketAddr) -> usize {
        self.at.get(&addr).copied().unwrap_or(0)
    }

    /// Sets an address.
    pub fn set_addr(&mut self, id: NodeId, addr: SocketAddr) {
        self.uncount(id);
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.addr = addr;
        }
        self.count(id);
    }

    /// All members in order of id.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &Peer)> {
        self.peers.iter().map(|(id, p)| (*id, p))
    }

    /// Number of members, gone ones included.
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// True before we are in the table ourselves.
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// Number of members on the ring of observers, ourselves included: those
    /// that are not gone, and the dead of the last seconds.
    pub fn present(&self) -> usize {
        self.ring.len()
    }

    /// Sets a status; the former one, when it was another.
    pub fn set_status(&mut self, id: NodeId, now: Millis, status: Status) -> Option<Status> {
        if self.peers.get(&id)?.status == status {
            return None;
        }
        self.uncount(id);
        let peer = self.peers.get_mut(&id)?;
        let before = std::mem::replace(&mut peer.status, status);
        peer.since = now;
        if before.is_gone() && !status.is_gone() {
            peer.here = now;
        }
        self.count(id);
        self.place(id);
        Some(before)
    }

    /// Sets whether we would count on its word.
    pub fn set_doubted(&mut self, id: NodeId, doubted: bool) {
        if let Some(peer) = self.peers.get_mut(&id)
            && peer.doubted != doubted
        {
            peer.doubted = doubted;
            self.epoch += 1;
        }
    }

    /// Grows whenever somebody's observers may be others than before.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The observers of a member.
    pub fn observers(&self, subject: NodeId, k: usize) -> Vec<NodeId> {
        self.ring.observers(subject, k, |id| self.is_doubted(id))
    }

    /// The members that have `me` among their observers.
    pub fn subjects(&self, me: NodeId, k: usize) -> Vec<NodeId> {
        self.ring.subjects(me, k, |id| self.is_doubted(id))
    }

    /// Would we not count on its word?
    pub fn is_doubted(&self, id: NodeId) -> bool {
        self.peers.get(&id).is_some_and(|p| p.doubted)
    }

    /// Takes the dead out of the ring some seconds after their death. When many
    /// die at once, the judges of those that are found last shall not have to
    /// wait for the word of new observers: the dead ones hold their places,
    /// doubted, until everybody is through.
    pub fn retire(&mut self, now: Millis) {
        let due = |p: &Peer| p.status == Status::Dead && now >= p.since + RETIRE;
        let due = self.peers.iter().filter(|(_, p)| due(p)).map(|(id, _)| *id);
        for id in due.collect::<Vec<_>>() {
            self.epoch += u64::from(self.ring.remove(id));
        }
    }

    /// Has `observer` come (back) lately, to find `subject` here? Then what it
    /// says of it may be a story from the other side of a cut: the subject gets
    /// the time to hear of it and to refute it. Whoever comes later than both
    /// believes what it finds.
    pub fn is_late(&self, observer: NodeId, subject: NodeId, now: Millis) -> bool {
        let here = |id: NodeId| self.peers.get(&id).map(|p| p.here);
        match (here(observer), here(subject)) {
            (Some(o), Some(s)) => now < o + LATE && o > s + TOGETHER,
            _ => false,
        }
    }

    /// Takes a member into `here` and `at`, unless it is gone.
    fn count(&mut self, id: NodeId) {
        let Some(peer) = self.peers.get(&id).filter(|p| !p.status.is_gone()) else {
            return;
        };
        *self.at.entry(peer.addr).or_default() += 1;
        if let Err(place) = self.here.binary_search(&id) {
            self.here.insert(place, id);
        }
    }

    /// Takes it out again, before anything changes.
    fn uncount(&mut self, id: NodeId) {
        let Some(peer) = self.peers.get(&id).filter(|p| !p.status.is_gone()) else {
            return;
        };
        if let Some(n) = self.at.get_mut(&peer.addr) {
            *n -= 1;
            if *n == 0 {
                self.at.remove(&peer.addr);
            }
        }
        if let Ok(place) = self.here.binary_search(&id) {
            self.here.remove(place);
        }
    }

    fn place(&mut self, id: NodeId) {
        let moved = match self.peers.get(&id).map(|p| p.status) {
            Some(Status::Dead) => false, // until it retires
            Some(status) if !status.is_gone() => self.ring.insert(id),
            _ => self.ring.remove(id),
        };
        self.epoch += u64::from(moved);
    }
}
