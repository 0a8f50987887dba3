//! What a node says of itself: that it is there, lags, leaves.

use std::net::SocketAddr;
use std::sync::Arc;

use super::rounds::LAST_STEP;
use super::{Engine, Millis};
use crate::membership::{Life, Peer};
use crate::state::{Value, keys};
use crate::wire::{Digest, MAX_MESSAGE, Writer, pack_delta};

/// How many members hear a goodbye directly.
const GOODBYES: usize = 24;
/// How many versions before a goodbye are repeated with it: the first that fits.
const REPEATED: [u64; 5] = [256, 64, 16, 4, 0];

impl Engine {
    /// Our own record, with our address as the first key: whoever hears of us
    /// hears first where to reach us.
    pub(super) fn begin(&mut self, now: Millis) {
        let name: Arc<str> = Arc::from(self.config.name.as_str());
        self.store.insert(self.me, name.clone(), self.generation);
        let mut peer = Peer::new(name, self.config.addr, self.generation, now);
        peer.life = self.life;
        self.members.insert(self.me, peer);
        let addr = self.config.addr.to_string();
        self.write(now, keys::ADDR, Some(Arc::from(addr.as_bytes())));
        self.write(now, keys::LIFE, Some(Arc::from(self.life.encode())));
    }

    /// Begins a new run under our name: everything is told anew, above what
    /// somebody else told in our name.
    pub(super) fn begin_again(&mut self, now: Millis, generation: u64) {
        let entries: Vec<_> = match self.store.get(self.me) {
            Some(own) => own.entries().cloned().collect(),
            None => Vec::new(),
        };
        self.generation = generation;
        self.life.incarnation = 0;
        self.begin(now);
        // Others of our name are told by it from those who came later.
        if self.config.name.parse::<SocketAddr>().is_err() {
            let born = self.born.to_string();
            self.write(now, keys::BORN, Some(Arc::from(born.as_bytes())));
        }
        for e in entries.into_iter().filter(|e| e.value.is_some()) {
            if !matches!(&*e.key, keys::ADDR | keys::LIFE | keys::BORN) {
                self.write(now, &e.key, e.value);
            }
        }
    }

    /// Says that this node finishes what it does and takes nothing new.
    pub fn leaving(&mut self, now: Millis) {
        self.live(now, |life| life.leaving = true);
    }

    /// Tells the others whether the host's event loop lags.
    pub fn set_stalled(&mut self, now: Millis, stalled: bool) {
        self.live(now, |life| life.stalled = stalled);
    }

    /// Says goodbye; the datagrams of it come out of `poll` at once. After
    /// this the engine opens no conversations of its own any more.
    pub fn leave(&mut self, now: Millis) {
        if self.life.left {
            return;
        }
        self.release_all(now);
        let known = self.store.get(self.me).map_or(0, |o| o.version());
        self.live(now, |life| life.left = true);
        self.watched_epoch = None;
        let mut told: Vec<_> = self.members.observers(self.me, self.config.observers);
        let mut others = self.members.here().to_vec();
        others.retain(|id| *id != self.me);
        while told.len() < GOODBYES {
            let Some(id) = self.choose(&others) else {
                break;
            };
            others.retain(|o| *o != id);
            if !told.contains(&id) {
                told.push(id);
            }
        }
        for id in told {
            let Some(to) = self.members.get(id).map(|p| p.addr) else {
                continue;
            };
            let mut w = Writer::new(MAX_MESSAGE);
            self.gossip_head(LAST_STEP, Vec::new(), None)
                .write_head(&mut w, self.cluster, self.me);
            self.pack_own(&mut w, known);
            self.send(to, w);
        }
    }

    /// Packs what we wrote after `known`, and before it as much as fits too:
    /// who has missed the last words before a goodbye could not take it.
    fn pack_own(&self, w: &mut Writer, known: u64) {
        for repeated in REPEATED {
            let digest = Digest {
                id: self.me,
                generation: self.generation,
                version: known.saturating_sub(repeated),
            };
            if let Some(source) = self.store.source(self.me, Some(&digest))
                && source.size() <= w.room()
            {
                return pack_delta(w, &source, source.parts());
            }
        }
    }

    /// Changes our own word about ourselves and has it told soon.
    pub(super) fn live(&mut self, now: Millis, change: impl FnOnce(&mut Life)) {
        change(&mut self.life);
        let value = Arc::from(self.life.encode());
        if self.write(now, keys::LIFE, Some(value)) {
            self.hurry_round(now);
        }
        if let Some(own) = self.members.get_mut(self.me) {
            own.life = self.life;
            own.generation = self.generation;
        }
    }

    /// Our own write of any key.
    pub(super) fn write(&mut self, now: Millis, key: &str, value: Option<Value>) -> bool {
        let changed = self.store.write(now, self.me, key, value);
        if changed {
            self.heat(now, self.me);
        }
        changed
    }
}
