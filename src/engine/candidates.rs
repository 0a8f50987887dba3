//! Nodes that we know from hearsay: they are pinged, and become members when
//! they answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::admit::{FUTURE, address};
use super::counters::Drop;
use super::rivals::{Rival, born};
use super::{Engine, Millis};
use crate::wire::{Delta, Digest, MAX_DATAGRAM, MAX_MESSAGE, NodeId, Ping, Writer};

/// Nodes waiting for their answer, at most.
const MAX_CANDIDATES: usize = 4_096;
/// Bytes of state that wait with a candidate; more is asked for again.
const MAX_WAITING: usize = 16 * 1024;
/// Pings to one of them. A claim of 39 bytes is enough to make us send them to
/// whoever it names: more than three would be more than three times as much.
pub(super) const PINGS: usize = 3;
/// Pauses before the second and third ping, then before it is dropped.
const PATIENCE: [Millis; PINGS] = [150, 500, 1_000];
/// How long the state of somebody who has answered is waited for.
const CONFIRMED: Millis = 3_000;
/// Pings to candidates at most in one burst; as many again each second.
const BURST: u32 = 1_000;

/// So many are looked at for one that gives way.
const SAMPLE: usize = 32;

/// A node that we know from hearsay.
struct Candidate {
    addr: SocketAddr,
    generation: u64,
    /// Its state, if it is small.
    delta: Option<Delta>,
    nonces: Vec<u64>,
    next: Millis,
    /// It has answered with this generation.
    confirmed: bool,
    word: Word,
    /// When it began, by its own word.
    born: u64,
    /// Who has to be silent before it is let in.
    rival: Option<Rival>,
}

/// Who tells of it, the least believable first: when there are too many, they
/// give way to those behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Word {
    /// A third party, which may tell of many in one message.
    Hearsay,
    /// The node itself, as it says. It takes a message for each.
    Own,
    /// The node itself, from the address of which it tells, or over a
    /// connection: to lie about that takes more than to write a name.
    Seen,
}

/// Who sent something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Teller {
    /// The name that it gives itself.
    pub id: NodeId,
    /// Where it is; `None` when it came over a connection.
    pub at: Option<SocketAddr>,
}

impl Teller {
    /// How much its word about somebody counts.
    pub(super) fn word(&self, delta: &Delta) -> Word {
        match self.at {
            _ if self.id != delta.id => Word::Hearsay,
            Some(at) if address(delta) != Some(at) => Word::Own,
            _ => Word::Seen,
        }
    }
}

/// Everybody whom we know from hearsay only.
#[derive(Default)]
pub(super) struct Candidates {
    by_id: BTreeMap<NodeId, Candidate>,
    /// Not later than the `next` of any of them.
    soonest: Option<Millis>,
    /// Pings that may go out before the next refill, for each kind of word.
    budgets: [u32; 3],
    refilled: Millis,
}

impl Candidates {
    /// When something has to be done about one of them.
    pub(super) fn next(&self) -> Millis {
        self.soonest.unwrap_or(Millis::MAX)
    }

    fn insert(&mut self, id: NodeId, candidate: Candidate) {
        self.soonest = Some(self.next().min(candidate.next));
        self.by_id.insert(id, candidate);
    }

    /// It waits whether another one of its name answers.
    fn wait_for(&mut self, id: NodeId, rival: Rival, next: Millis) {
        if let Some(c) = self.by_id.get_mut(&id) {
            c.rival = Some(rival);
            c.next = next;
            self.soonest = Some(self.next().min(next));
        }
    }

    /// It is a member now.
    pub(super) fn remove(&mut self, id: NodeId) {
        self.by_id.remove(&id);
    }

    /// Makes room for a word, if need be at the cost of another one that is not
    /// better: of one at a random place, so that a flood cannot hold them all.
    fn make_room(&mut self, random: NodeId, word: Word) -> bool {
        let around = self.by_id.range(random..).chain(self.by_id.range(..random));
        let waiting = around.filter(|(_, c)| !c.confirmed && c.word <= word);
        let waiting = waiting.take(SAMPLE);
        let Some(id) = waiting.min_by_key(|(_, c)| c.word).map(|(id, _)| *id) else {
            return false;
        };
        self.by_id.remove(&id);
        true
    }

    fn take_budget(&mut self, now: Millis, word: Word) -> bool {
        if now >= self.refilled + 1_000 || self.refilled == 0 {
            self.refilled = now.max(1);
            self.budgets = [BURST; 3];
        }
        let budget = &mut self.budgets[word as usize];
        *budget = budget.saturating_sub(1);
        *budget > 0
    }

    /// Has the node that a delta is of answered us, as that run, and where the
    /// delta says that it is?
    pub(super) fn has_confirmed(&self, delta: &Delta) -> bool {
        let c = self.by_id.get(&delta.id);
        let c = c.filter(|c| c.confirmed && c.rival.is_none());
        c.is_some_and(|c| c.generation == delta.generation && address(delta) == Some(c.addr))
    }

    /// Has this node answered us with this generation?
    pub(super) fn is_confirmed(&self, id: NodeId, generation: u64) -> bool {
        let c = self.by_id.get(&id);
        c.is_some_and(|c| c.confirmed && c.generation == generation)
    }
}

impl Engine {
    /// A delta of somebody we have not heard ourselves: ask them.
    pub(super) fn doubt(&mut self, now: Millis, delta: Delta, word: Word) {
        self.counters.drop(Drop::Unconfirmed);
        // Only what stands alone: without the name anybody's address would do.
        let Some(addr) = address(&delta) else {
            return;
        };
        let (id, generation, born) = (delta.id, delta.generation, born(&delta));
        if self.is_settled(now, id, addr) {
            return self.counters.drop(Drop::Taken);
        }
        let size: usize = delta.entries.iter().map(|e| 64 + e.bytes()).sum();
        let delta = (size <= MAX_WAITING).then_some(delta);
        match self.candidates.by_id.get_mut(&id) {
            Some(c) if c.generation == generation && c.addr == addr => {
                c.word = c.word.max(word);
                if delta.is_some() {
                    c.delta = delta;
                }
                return;
            }
            // Hearsay does not take the place of somebody's own word, nor an
            // older run that of a newer one.
            Some(c) if c.word > word => return,
            Some(c) if c.generation > generation && c.word == word => return,
            Some(c) if c.confirmed && (word == Word::Hearsay || generation <= c.generation) => {
                return;
            }
            _ => {}
        }
        let full = self.candidates.by_id.len() >= MAX_CANDIDATES;
        let place = NodeId(self.nonce());
        if full && (word == Word::Hearsay || !self.candidates.make_room(place, word)) {
            return self.counters.drop(Drop::Limit);
        }
        let candidate = Candidate {
            addr,
            generation,
            delta,
            nonces: Vec::new(),
            next: now,
            confirmed: false,
            word,
            born,
            rival: None,
        };
        self.candidates.insert(id, candidate);
        self.ask_candidate(now, id);
    }

    /// A member answered with a newer generation than the one that we know.
    pub(super) fn hear_newer_run(&mut self, now: Millis, id: NodeId, generation: u64) {
        let Some(peer) = self.members.get(id) else {
            return;
        };
        let ahead = generation > self.config.wall + now + FUTURE;
        if generation <= peer.generation || ahead || self.candidates.is_confirmed(id, generation) {
            return;
        }
        let candidate = Candidate {
            addr: peer.addr,
            generation,
            delta: None,
            nonces: Vec::new(),
            next: now + CONFIRMED,
            confirmed: true,
            word: Word::Seen,
            born: generation,
            rival: None,
        };
        self.candidates.insert(id, candidate);
        self.request(now, id);
    }

    /// A candidate may have answered; true when the nonce was ours.
    pub(super) fn answer_of_candidate(
        &mut self,
        now: Millis,
        id: NodeId,
        nonce: u64,
        generation: u64,
    ) -> bool {
        let Some(c) = self.candidates.by_id.get_mut(&id) else {
            return false;
        };
        if let Some(rival) = c.rival.take_if(|r| r.nonces.contains(&nonce)) {
            let newcomer = (c.addr, c.generation);
            if self.judge_rival(now, id, &rival, generation, newcomer) {
                self.candidates.by_id.remove(&id);
            } else {
                self.let_in(now, id, true);
            }
            return true;
        }
        if !c.nonces.contains(&nonce) {
            return false;
        }
        let first = !c.confirmed;
        c.confirmed = true;
        c.generation = generation;
        let (addr, born) = (c.addr, c.born);
        if first && let Some(mut rival) = self.rival(id, addr, born) {
            let next = self.ask_rival(now, id, &mut rival);
            self.candidates.wait_for(id, rival, next);
        } else {
            self.let_in(now, id, first);
        }
        true
    }

    /// Nothing speaks against a node that has answered.
    fn let_in(&mut self, now: Millis, id: NodeId, first: bool) {
        let Some(c) = self.candidates.by_id.get_mut(&id) else {
            return;
        };
        if c.rival.is_some() {
            return;
        }
        c.next = now + CONFIRMED;
        let generation = c.generation;
        match c.delta.take().filter(|d| d.generation == generation) {
            Some(delta) => self.apply(now, &delta),
            None if first => self.request(now, id),
            None => {}
        }
    }

    /// Asks a node that has just answered for its own state.
    fn request(&mut self, now: Millis, id: NodeId) {
        let Some(c) = self.candidates.by_id.get(&id) else {
            return;
        };
        let (to, generation) = (c.addr, c.generation);
        let digest = Digest {
            id,
            generation,
            version: 0,
        };
        let mut w = Writer::new(MAX_MESSAGE);
        self.gossip_head(super::rounds::LAST_STEP - 1, vec![digest], None)
            .write_head(&mut w, self.cluster, self.me);
        self.send(to, w);
        self.hurry_round(now);
    }

    fn ask_candidate(&mut self, now: Millis, id: NodeId) {
        let nonce = self.nonce();
        let Some(word) = self.candidates.by_id.get(&id).map(|c| c.word) else {
            return;
        };
        let affordable = self.candidates.take_budget(now, word);
        let Some(c) = self.candidates.by_id.get_mut(&id) else {
            return;
        };
        if !affordable {
            c.next = now + 500;
            return;
        }
        c.next = now + PATIENCE[c.nonces.len().min(PINGS - 1)];
        c.nonces.push(nonce);
        let to = c.addr;
        let mut w = Writer::new(MAX_DATAGRAM);
        let ping = Ping {
            nonce,
            to: id,
            accuse: None,
        };
        ping.write(&mut w, self.cluster, self.me);
        self.send(to, w);
    }

    /// Asks those again that have not answered, drops those that never do.
    pub(super) fn run_candidates(&mut self, now: Millis) {
        if self.candidates.next() > now {
            return;
        }
        let due = self.candidates.by_id.iter().filter(|(_, c)| c.next <= now);
        let due: Vec<NodeId> = due.map(|(id, _)| *id).collect();
        for id in due {
            let Some(c) = self.candidates.by_id.get_mut(&id) else {
                continue;
            };
            if let Some(mut rival) = c.rival.take() {
                if rival.nonces.len() >= PINGS {
                    self.let_in(now, id, true);
                } else {
                    let next = self.ask_rival(now, id, &mut rival);
                    self.candidates.wait_for(id, rival, next);
                }
            } else if c.confirmed || c.nonces.len() >= PINGS {
                self.candidates.by_id.remove(&id);
            } else {
                self.ask_candidate(now, id);
            }
        }
        let times = self.candidates.by_id.values().map(|c| c.next);
        self.candidates.soonest = times.min();
    }
}
