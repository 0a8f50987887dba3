//! Neighbours that were found on the network: bounded, and forgotten when they
//! are not heard of any more. No sockets here, and no clock.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::engine::Millis;

/// Neighbours that are kept at most.
const MAX_FOUND: usize = 64;
/// Of one host at most: it cannot fill the table alone.
const MAX_PER_HOST: usize = 16;
/// When the table is full, who was not heard for this long makes room.
const STALE: Millis = 10_000;
/// Announcements that are looked at in a second at most.
const BUDGET: u32 = 200;
/// Others that have answered a newcomer already: no more are needed.
const ENOUGH: u32 = 2;
/// Least time between two answers.
const ANSWER_PAUSE: Millis = 1_000;

/// What is known of neighbours by their announcements.
#[derive(Debug)]
pub struct Found {
    heard: BTreeMap<SocketAddr, Millis>,
    /// After this time without a word a neighbour is forgotten.
    keep: Millis,
    budget: u32,
    refilled: Millis,
    /// When a newcomer is to be answered, and how many others did meanwhile.
    answer: Option<(Millis, u32)>,
    answered: Option<Millis>,
}

impl Found {
    /// Nobody yet.
    pub fn new(keep: Millis) -> Self {
        Found {
            heard: BTreeMap::new(),
            keep,
            budget: BUDGET,
            refilled: 0,
            answer: None,
            answered: None,
        }
    }

    /// May one more announcement be looked at now?
    pub fn afford(&mut self, now: Millis) -> bool {
        if now >= self.refilled + 1_000 {
            self.refilled = now;
            self.budget = BUDGET;
        }
        let affordable = self.budget > 0;
        self.budget = self.budget.saturating_sub(1);
        affordable
    }

    /// A neighbour was heard; `false` when there is no room for it.
    pub fn hear(&mut self, now: Millis, at: SocketAddr) -> bool {
        if let Some(heard) = self.heard.get_mut(&at) {
            *heard = now;
            return true;
        }
        let same = |ip: IpAddr| move |a: &&SocketAddr| a.ip() == ip;
        if self.heard.keys().filter(same(at.ip())).count() >= MAX_PER_HOST {
            return false;
        }
        if self.heard.len() >= MAX_FOUND {
            let oldest = self.heard.iter().min_by_key(|(_, heard)| **heard);
            let stale = oldest.filter(|(_, heard)| now >= **heard + STALE);
            let Some(addr) = stale.map(|(addr, _)| *addr) else {
                return false;
            };
            self.heard.remove(&addr);
        }
        self.heard.insert(at, now);
        true
    }

    /// Where they are, without those that were not heard for long.
    pub fn addrs(&mut self, now: Millis) -> Vec<SocketAddr> {
        self.heard.retain(|_, heard| now < *heard + self.keep);
        self.heard.keys().copied().collect()
    }

    /// A newcomer wants to hear of somebody who has joined, and we have: answer
    /// in `delay` ms, unless others do before. So of many at most a few answer.
    pub fn ask(&mut self, now: Millis, delay: Millis) {
        let due = now + delay;
        let pause = self.answered.map_or(due, |last| last + ANSWER_PAUSE);
        self.answer.get_or_insert((due.max(pause), 0));
    }

    /// Somebody else who has joined was heard.
    pub fn other_answered(&mut self) {
        if let Some((_, others)) = &mut self.answer {
            *others += 1;
            if *others >= ENOUGH {
                self.answer = None;
            }
        }
    }

    /// When an answer is due.
    pub fn next(&self) -> Option<Millis> {
        self.answer.map(|(due, _)| due)
    }

    /// Something is said now, be it for an answer or not.
    pub fn said(&mut self, now: Millis) {
        self.answer = None;
        self.answered = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: usize, port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, (host / 256) as u8, (host % 256) as u8], port))
    }

    #[test]
    fn neighbours_are_kept_while_they_are_heard() {
        let mut found = Found::new(60_000);
        assert!(found.hear(0, at(1, 4445)) && found.hear(0, at(2, 4445)));
        assert!(found.hear(50_000, at(1, 4445)));
        assert_eq!(found.addrs(59_999).len(), 2);
        assert_eq!(found.addrs(60_000), [at(1, 4445)]);
        assert_eq!(found.addrs(110_000), []);
    }

    #[test]
    fn the_table_is_bounded_and_no_host_can_fill_it() {
        let mut found = Found::new(60_000);
        let taken = (1..1_000).filter(|port| found.hear(0, at(1, *port)));
        assert_eq!(taken.count(), MAX_PER_HOST);
        let taken = (2..1_000).filter(|host| found.hear(0, at(*host, 1)));
        assert_eq!(taken.count(), MAX_FOUND - MAX_PER_HOST);
        // Who is there for long gives way only when it is silent.
        assert!(!found.hear(STALE - 1, at(2_000, 1)));
        assert!(found.hear(STALE, at(2_000, 1)));
        assert_eq!(found.addrs(STALE).len(), MAX_FOUND);
        assert!(found.addrs(STALE).contains(&at(2_000, 1)));
    }

    #[test]
    fn a_flood_is_looked_at_in_part() {
        let mut found = Found::new(60_000);
        let looked = (0..10_000).filter(|_| found.afford(500)).count();
        assert_eq!(looked, BUDGET as usize);
        assert!(found.afford(1_500));
    }

    #[test]
    fn of_many_who_could_answer_a_newcomer_some_do_and_not_too_often() {
        let mut found = Found::new(60_000);
        found.ask(0, 80);
        found.ask(10, 80);
        assert_eq!(found.next(), Some(80));
        found.other_answered();
        assert_eq!(found.next(), Some(80));
        found.other_answered();
        assert_eq!(found.next(), None);
        found.ask(100, 80);
        found.said(180);
        assert_eq!(found.next(), None);
        found.ask(200, 80);
        assert_eq!(found.next(), Some(180 + ANSWER_PAUSE));
    }
}
