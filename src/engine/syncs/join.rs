//! The exchanges that we open: with seeds until we have joined, with members
//! when datagrams would not do.

use std::net::SocketAddr;

use super::{DEADLINE, Exchange, Visit};
use crate::engine::counters::Drop;
use crate::engine::{Effect, Engine, Event, Millis};

/// Exchanges that we open at the same time, at most.
const MAX_OPENED: usize = 4;
/// Pauses between two attempts to join: first and longest.
const JOIN_PAUSE: (Millis, Millis) = (500, 10_000);
/// Least time between two visits to members.
const VISIT_PAUSE: Millis = 200;

impl Engine {
    /// Addresses of seeds, as (re-)resolved by the driver; replaces the former
    /// ones. Ourselves among them is no harm.
    pub fn set_seeds(&mut self, now: Millis, seeds: Vec<SocketAddr>) {
        self.wake(now);
        let own = self.config.addr;
        let named = !seeds.is_empty();
        let before = std::mem::take(&mut self.seeds);
        self.seeds = seeds.into_iter().filter(|a| *a != own).collect();
        if !self.syncs.joined {
            if self.seeds.is_empty() && named {
                self.joined();
            } else if self.seeds.iter().any(|a| !before.contains(a)) {
                // Somebody new need not wait because others did not answer.
                self.syncs.next_join = Some(now);
                self.syncs.pause = JOIN_PAUSE.0;
            }
        }
        self.settle(now);
    }

    pub(super) fn joined(&mut self) {
        if !self.syncs.joined {
            self.syncs.joined = true;
            self.syncs.next_join = None;
            self.event(Event::Synced);
        }
    }

    /// Tries to join while we have not, gives up what takes too long.
    pub(in crate::engine) fn run_syncs(&mut self, now: Millis) {
        let late = self.syncs.open.iter().filter(|(_, e)| now >= e.deadline);
        let late: Vec<_> = late.map(|(c, e)| (*c, !e.visited)).collect();
        for (conn, accepted) in late {
            if accepted {
                self.counters.drop(Drop::Slow);
            }
            self.out.push_back(Effect::Close { conn });
            self.ended(now, conn, "no answer in time");
        }
        if self.life.left {
            self.syncs.next_join = None;
        }
        if self.syncs.next_join.is_none_or(|t| now < t) {
            return;
        }
        self.syncs.next_join = Some(now + self.syncs.pause);
        self.syncs.pause = (self.syncs.pause * 2).min(JOIN_PAUSE.1);
        let open = self.syncs.open.values().filter(|e| e.visited);
        let visited: Vec<_> = open.map(|e| e.at).collect();
        let mut seeds = self.seeds.clone();
        seeds.retain(|s| !visited.contains(s));
        while let Some(seed) = self.choose(&seeds) {
            if self.syncs.ours() >= MAX_OPENED {
                break;
            }
            seeds.retain(|s| *s != seed);
            self.open(now, seed, Visit::Seed);
        }
    }

    /// Goes to a member over TCP, because datagrams would not do.
    pub(in crate::engine) fn visit(&mut self, now: Millis, to: SocketAddr, visit: Visit) {
        let there = |e: &Exchange| e.visited && e.visit == Visit::Stranger;
        let busy = visit == Visit::Stranger && self.syncs.open.values().any(there);
        if busy || now < self.syncs.next_visit || self.syncs.ours() >= MAX_OPENED {
            return;
        }
        self.syncs.next_visit = now + VISIT_PAUSE;
        self.open(now, to, visit);
    }

    fn open(&mut self, now: Millis, to: SocketAddr, visit: Visit) {
        self.syncs.opened += 2;
        let conn = self.syncs.opened;
        self.counters.syncs += 1;
        let exchange = Exchange::new(to, true, visit, now + DEADLINE);
        self.syncs.open.insert(conn, exchange);
        self.out.push_back(Effect::Open { conn, to });
    }
}
