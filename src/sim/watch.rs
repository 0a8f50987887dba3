//! Questions that scenarios ask of a world, and waiting for the answers.

use std::sync::Arc;

use super::node::{NodeId, Run};
use super::report::{Rate, Samples};
use super::world::World;
use crate::engine::{Millis, SetError, Told};
use crate::membership::{Member, Status};
use crate::state::Value;

/// How exactly waiting measures, ms.
const STEP: Millis = 10;

impl World {
    /// A cluster of `count` nodes that all start now; the first is the seed of
    /// all others.
    pub fn cluster(&mut self, count: usize) -> Vec<NodeId> {
        let first = self.add(&[]);
        let mut all = vec![first];
        all.extend((1..count).map(|_| self.add(&[first])));
        all.iter().for_each(|&id| self.start(id));
        all
    }

    /// Sets a key of a node to some bytes.
    pub fn set(&mut self, id: NodeId, key: &str, value: &[u8]) -> Result<Told, SetError> {
        self.command(id, |engine, now| engine.set(now, key, Arc::from(value)))
    }

    /// Removes a key of a node.
    pub fn remove(&mut self, id: NodeId, key: &str) -> Told {
        self.command(id, |engine, now| engine.remove(now, key))
    }

    /// What one node believes of another.
    pub fn member(&self, observer: NodeId, subject: NodeId) -> Option<Member> {
        let local = self.nodes[observer].local(self.now());
        self.engine(observer)
            .member(local, &self.nodes[subject].name)
    }

    /// Everybody whom a node knows, itself included.
    pub fn members(&self, observer: NodeId) -> Vec<Member> {
        let local = self.nodes[observer].local(self.now());
        self.engine(observer).members(local)
    }

    /// The status that another node has for one; `None` when it is unknown.
    pub fn status(&self, observer: NodeId, subject: NodeId) -> Option<Status> {
        self.member(observer, subject).map(|member| member.status)
    }

    /// What one node holds for a key of another.
    pub fn value(&self, observer: NodeId, owner: NodeId, key: &str) -> Option<Value> {
        self.engine(observer).value(&self.nodes[owner].name, key)
    }

    /// Does a node hold exactly these bytes for a key of another?
    pub fn holds(&self, observer: NodeId, owner: NodeId, key: &str, value: &[u8]) -> bool {
        self.value(observer, owner, key)
            .is_some_and(|held| *held == *value)
    }

    /// Does one node see another as alive, in the generation that it has?
    pub fn sees(&self, observer: NodeId, subject: NodeId) -> bool {
        let generation = self.engine(subject).generation();
        self.member(observer, subject)
            .is_some_and(|member| member.status == Status::Alive && member.generation == generation)
    }

    /// Does one node hold the same keys and values of another as that one?
    pub fn agree(&self, observer: NodeId, owner: NodeId) -> bool {
        let name = &self.nodes[owner].name;
        let (theirs, own) = (self.engine(observer), self.engine(owner));
        theirs.digest_of(name) == own.digest_of(name) && theirs.entries(name) == own.entries(name)
    }

    /// Waits until something is the case. Tells how long it took; `None` when
    /// it was not within `limit`.
    pub fn wait(&mut self, limit: Millis, mut done: impl FnMut(&World) -> bool) -> Option<Millis> {
        let start = self.now();
        loop {
            if done(self) {
                return Some(self.now() - start);
            }
            let left = (start + limit)
                .checked_sub(self.now())
                .filter(|&left| left > 0)?;
            self.run(left.min(STEP));
        }
    }

    /// Waits until something is the case for every pair of running nodes.
    /// Pairs are passed one after the other, and all once more at the end, so
    /// that waiting costs little where it has to wait.
    pub fn wait_pairs(
        &mut self,
        limit: Millis,
        done: impl Fn(&World, NodeId, NodeId) -> bool,
    ) -> Option<Millis> {
        let mut next = 0;
        self.wait(limit, |world| {
            let all = world.running();
            let total = all.len() * all.len();
            next = next.min(total);
            let mut again = next > 0;
            loop {
                while next < total {
                    let (a, b) = (all[next / all.len()], all[next % all.len()]);
                    if a != b && !done(world, a, b) {
                        return false;
                    }
                    next += 1;
                }
                if !again {
                    return true;
                }
                (next, again) = (0, false);
            }
        })
    }

    /// Waits until every running node sees every other as alive.
    pub fn converge(&mut self, limit: Millis) -> Option<Millis> {
        self.wait_pairs(limit, |world, a, b| world.sees(a, b))
    }

    /// A pair of running nodes that do not see each other, for messages.
    pub fn blind(&self) -> Option<(NodeId, NodeId)> {
        let all = self.running();
        let pairs = all.iter().flat_map(|&a| all.iter().map(move |&b| (a, b)));
        pairs
            .filter(|&(a, b)| a != b)
            .find(|&(a, b)| !self.sees(a, b))
    }

    /// Sets a key and measures how long it takes to each other running node.
    /// Nodes that do not have it within `limit` are missing in the sample.
    pub fn spread(&mut self, owner: NodeId, key: &str, value: &[u8], limit: Millis) -> Samples {
        self.set(owner, key, value).expect("a valid key and value");
        let start = self.now();
        let mut left: Vec<NodeId> = self.running();
        left.retain(|&id| id != owner);
        let mut times = Samples::default();
        while !left.is_empty() && self.now() < start + limit {
            self.run(STEP);
            left.retain(|&id| {
                let there = self.nodes[id].run == Run::Up && self.holds(id, owner, key, value);
                if there {
                    times.push(self.now() - start);
                }
                !there
            });
        }
        times
    }

    /// Waits until all running nodes see each of `gone` as dead. Tells when each
    /// of them came to believe it of each, counted from now.
    pub fn detect(&mut self, gone: &[NodeId], limit: Millis) -> (Option<Millis>, Samples) {
        let (start, known) = (self.now(), self.deaths.len());
        let all = self.wait(limit, |world| {
            let running = world.running();
            gone.iter().all(|&subject| {
                let dead = |&id: &NodeId| world.status(id, subject) == Some(Status::Dead);
                running.iter().all(dead)
            })
        });
        let new = self.deaths[known..]
            .iter()
            .filter(|death| gone.contains(&death.subject));
        (all, new.map(|death| death.at - start).collect())
    }

    /// Runs for a while and tells what the nodes put on the network meanwhile.
    pub fn measure(&mut self, span: Millis) -> Rate {
        let before = self.total_traffic();
        let nodes = self.running().len();
        self.run(span);
        Rate::of(&self.total_traffic().since(&before), nodes, span)
    }

    /// Verdicts 'dead' against nodes that worked and were reachable.
    pub fn false_deaths(&self) -> usize {
        self.deaths.iter().filter(|death| death.is_false()).count()
    }
}
