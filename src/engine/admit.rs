//! Who becomes a member.
//!
//! Hearsay makes nobody a member: what a third party says of a node that we do
//! not know, or of a new run of one that we know, waits until that node itself
//! has answered a ping of ours with that generation. So invented peers stay
//! where they were invented, and nobody can replace a member's state by
//! claiming a newer run of it. The exception is the answer of a seed that our
//! user named, to a question that we asked.

use std::net::SocketAddr;

use super::candidates::Teller;
use super::counters::Drop;
use super::{Engine, Event, Level, Millis, seldom};
use crate::liveness::Verdict;
use crate::membership::{Life, Peer};
use crate::state::{Change, Reject, keys};
use crate::wire::{Delta, NodeId};

/// How far in the future a generation may lie: clocks differ, but not by more.
pub(super) const FUTURE: u64 = 24 * 3_600 * 1_000;
/// Members at one address, at most: a node that came back under another name is
/// there beside its former self for a while, and one socket must not be a crowd.
const CROWD: usize = 4;

impl Engine {
    /// Takes the deltas that somebody sent. `trusted` is the answer
    /// of a seed.
    pub(super) fn take(&mut self, now: Millis, by: Teller, deltas: Vec<Delta>, trusted: bool) {
        let addr_of = |id| self.members.get(id).map(|p| p.addr);
        let believed = by.at.is_none_or(|at| addr_of(by.id) == Some(at));
        for mut delta in deltas {
            if delta.id == self.me {
                if believed {
                    self.hear_of_double(now, delta.generation, delta.upto, address(&delta));
                }
                self.counters.drop(Drop::Ours);
            } else if delta.generation > self.config.wall + now + FUTURE {
                self.counters.drop(Drop::Future);
            } else if delta.name.as_ref().is_some_and(|n| !fits(n, delta.id)) {
                self.counters.drop(Drop::BadName);
            } else {
                self.pool.share(&mut delta);
                self.take_one(now, by, delta, trusted);
            }
        }
    }

    fn take_one(&mut self, now: Millis, by: Teller, delta: Delta, trusted: bool) {
        let known = self.members.get(delta.id).map(|p| p.generation);
        if known.is_some_and(|g| delta.generation < g) {
            return self.counters.drop(Drop::Stale);
        }
        let same = known == Some(delta.generation);
        if same || trusted || self.candidates.has_confirmed(&delta) {
            self.apply(now, &delta);
        } else {
            let word = by.word(&delta);
            self.doubt(now, delta, word);
        }
    }

    /// A member that we know comes with a clock from another day. A line a
    /// minute: nobody else can tell it.
    pub(super) fn log_future(&mut self, now: Millis, id: NodeId, generation: u64) {
        let Some(name) = self.members.get(id).map(|p| p.name.clone()) else {
            return;
        };
        if !seldom(&mut self.future_logged, now) {
            return;
        }
        let hours = generation.saturating_sub(self.config.wall + now) / 3_600_000;
        let text = format!(
            "'{name}' was started with a clock that is {hours} hours ahead of ours: it is not \
             let in; set its clock and restart it"
        );
        self.log(Level::Warn, text);
    }

    /// Takes a delta of a node that we have heard ourselves.
    pub(super) fn apply(&mut self, now: Millis, delta: &Delta) {
        let known = self.members.get(delta.id).map(|p| p.generation);
        let fresh = known != Some(delta.generation);
        if fresh && (delta.from != 0 || address(delta).is_none()) {
            return self.counters.drop(Drop::Gap);
        }
        if known.is_none() {
            let crowd = address(delta).map_or(0, |addr| self.members.count_at(addr));
            let full = self.members.len() >= self.config.limits.members;
            if full || crowd >= CROWD {
                self.candidates.remove(delta.id);
                return self.counters.drop(Drop::Limit);
            }
        }
        let before = self
            .store
            .get(delta.id)
            .map(|o| (o.generation(), o.version()));
        let changes = match self.store.apply(now, delta, &self.config.limits) {
            Ok(changes) => changes,
            Err(Reject::Gap) => return self.counters.drop(Drop::Gap),
            Err(Reject::Limit) => return self.counters.drop(Drop::Limit),
            Err(Reject::OldGeneration) => return self.counters.drop(Drop::Stale),
        };
        let after = self
            .store
            .get(delta.id)
            .map(|o| (o.generation(), o.version()));
        if before == after {
            return;
        }
        self.candidates.remove(delta.id);
        self.heat(now, delta.id);
        if fresh {
            self.enlist(now, delta);
        }
        for change in changes {
            self.note(now, delta.id, change);
        }
        self.judge(now, delta.id);
    }

    /// A new member, or a new run of one.
    fn enlist(&mut self, now: Millis, delta: &Delta) {
        let Some((addr, owner)) = address(delta).zip(self.store.get(delta.id)) else {
            return;
        };
        let old = self.members.get(delta.id);
        let was = old.map(|p| p.status);
        let mut peer = Peer::new(owner.name.clone(), addr, delta.generation, now);
        // Not from the changes: a new run may say the same of itself as the last.
        let life = owner.get(keys::LIFE).map(|v| Life::decode(v));
        peer.life = life.and_then(Result::ok).unwrap_or_default();
        let name = peer.name.to_string();
        self.members.insert(delta.id, peer);
        self.watches.remove(&delta.id);
        self.watched_epoch = None;
        self.pending.remove(&delta.id);
        self.event(match was {
            None => Event::Join { name },
            Some(_) => Event::Alive { name },
        });
    }

    /// One key of a member changed.
    fn note(&mut self, now: Millis, id: NodeId, change: Change) {
        let key = &*change.key;
        if let Some(subject) = Verdict::subject(key) {
            let verdict = change.value.and_then(|v| Verdict::decode(&v).ok());
            self.verdicts.set(now, subject, id, verdict);
            self.hurry_round(now);
            if subject == self.me {
                self.refute_if_accused(now);
            } else {
                self.judge(now, subject);
            }
            return;
        }
        if let Some(peer) = self.members.get_mut(id) {
            if key == keys::LIFE {
                let life = change.value.as_deref().map(Life::decode);
                if let Some(Ok(life)) = life {
                    peer.life = life;
                    self.hurry_round(now);
                }
            } else if key == keys::ADDR
                && let Some(addr) = change.value.as_deref().and_then(parse_addr)
                && is_home(&peer.name, addr)
            {
                self.members.set_addr(id, addr);
            }
        }
        if let Some(owner) = self.store.get(id) {
            let name = owner.name.to_string();
            let (key, value) = (key.to_owned(), change.value);
            self.event(Event::Update { name, key, value });
        }
    }
}

/// Where the node of a delta is reached, by its own word: told with its name,
/// against which it is checked.
pub(super) fn address(delta: &Delta) -> Option<SocketAddr> {
    let name = delta.name.as_deref()?;
    let entry = delta.entries.iter().find(|e| &*e.key == keys::ADDR)?;
    let addr = parse_addr(entry.value.as_deref()?)?;
    is_home(name, addr).then_some(addr)
}

/// Can a node of this name be there? A name that is an address is reached at
/// that address and nowhere else, so that nobody elsewhere can answer for it.
fn is_home(name: &str, addr: SocketAddr) -> bool {
    name.parse() == Ok(addr) || name.parse::<SocketAddr>().is_err()
}

fn parse_addr(value: &[u8]) -> Option<SocketAddr> {
    let addr: SocketAddr = std::str::from_utf8(value).ok()?.parse().ok()?;
    let reachable = addr.port() != 0 && !addr.ip().is_unspecified() && !addr.ip().is_multicast();
    reachable.then_some(addr)
}

/// Is this a name (`host:port`), and the one of this id?
fn fits(name: &str, id: NodeId) -> bool {
    let Some((host, port)) = name.rsplit_once(':') else {
        return false;
    };
    let plain = name.chars().all(|c| c.is_ascii_graphic());
    plain && !host.is_empty() && port.parse::<u16>().is_ok_and(|p| p > 0) && NodeId::of(name) == id
}
