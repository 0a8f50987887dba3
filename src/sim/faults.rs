//! What goes wrong: crashes, restarts, pauses, partitions, weather.

use rand::{RngExt, seq::SliceRandom};

use super::network::Conditions;
use super::node::{Input, NodeId, Run};
use super::world::World;
use crate::engine::Millis;

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// The process is killed: its kernel answers for it, 'connection refused'.
    Closed,
    /// The machine goes: nothing answers any more.
    Silent,
}

impl World {
    /// Ends a process without a word.
    pub fn crash(&mut self, id: NodeId, crash: Crash) {
        let now = self.now();
        let silent = crash == Crash::Silent;
        let node = &mut self.nodes[id];
        assert_ne!(node.run, Run::Down, "{} is down already", node.name);
        node.run = Run::Down;
        node.since = now;
        node.epoch += 1;
        node.engine = None;
        let host = &mut self.hosts[node.host];
        host.occupant = None;
        host.silent = silent;
        self.oracle.forget_observer(id);
        self.break_streams(id, silent);
    }

    /// Kills a process and starts the next one, `downtime` ms later.
    pub fn restart(&mut self, id: NodeId, downtime: Millis) {
        if self.nodes[id].run != Run::Down {
            self.crash(id, Crash::Closed);
        }
        let at = self.now() + downtime;
        self.at(at, move |world| {
            if world.nodes[id].run == Run::Down {
                world.start(id);
            }
        });
    }

    /// A node says goodbye; its process ends `after` ms later.
    pub fn leave(&mut self, id: NodeId, after: Millis) {
        self.command(id, |engine, now| engine.leave(now));
        let at = self.now() + after;
        self.at(at, move |world| {
            if world.nodes[id].run != Run::Down {
                world.crash(id, Crash::Closed);
            }
        });
    }

    /// Stops a process; the clocks go on.
    pub fn pause(&mut self, id: NodeId) {
        let now = self.now();
        let node = &mut self.nodes[id];
        assert_eq!(node.run, Run::Up, "{} does not run", node.name);
        node.run = Run::Paused;
        node.since = now;
        node.wake = Millis::MAX;
    }

    /// Lets a stopped process go on. Whether it looks at its timers or at its
    /// sockets first is up to chance, as it is with tokio.
    pub fn resume(&mut self, id: NodeId) {
        let now = self.now();
        let timers_first = self.rng.random::<bool>();
        let node = &mut self.nodes[id];
        assert_eq!(node.run, Run::Paused, "{} is not paused", node.name);
        node.run = Run::Up;
        node.since = now;
        let inbox = node.inbox.take();
        let overdue = node.timeout() <= now;
        if overdue && timers_first {
            self.feed(id, Input::Timeout);
        }
        for input in inbox {
            self.feed(id, input);
        }
        self.schedule(id);
    }

    /// Stops a process for a while.
    pub fn pause_for(&mut self, id: NodeId, span: Millis) {
        self.pause(id);
        let at = self.now() + span;
        self.at(at, move |world| {
            if world.nodes[id].run == Run::Paused {
                world.resume(id);
            }
        });
    }

    /// Splits the network: the nodes of a group reach only each other, and the
    /// nodes in no group as well.
    pub fn partition(&mut self, groups: &[&[NodeId]]) {
        let host = |&id: &NodeId| self.nodes[id].host;
        let groups: Vec<Vec<usize>> = groups
            .iter()
            .map(|group| group.iter().map(host).collect())
            .collect();
        self.network.partition(&groups);
    }

    /// Nothing gets from one node to another any more; the way back is open.
    pub fn cut(&mut self, from: NodeId, to: NodeId) {
        let (from, to) = (self.nodes[from].host, self.nodes[to].host);
        self.network.cut(from, to);
    }

    /// Ends all partitions and cuts.
    pub fn heal(&mut self) {
        self.network.heal();
    }

    /// Adds a delay to all that a node sends and receives.
    pub fn slow(&mut self, id: NodeId, by: Millis) {
        let host = self.nodes[id].host;
        self.network.slow(host, by);
    }

    /// Changes the weather.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.network.conditions = conditions;
    }

    /// Sets a node's wall clock ahead of the true time (or behind it); its next
    /// process will read it.
    pub fn set_skew(&mut self, id: NodeId, ahead: i64) {
        self.nodes[id].skew = ahead;
    }

    /// Changes a node's seeds; its next process will use them.
    pub fn set_seeds(&mut self, id: NodeId, seeds: &[NodeId]) {
        let addrs = seeds.iter().map(|&seed| self.nodes[seed].addr()).collect();
        self.nodes[id].seeds = addrs;
    }

    /// Some of the running nodes, picked at random, without those of `spare`.
    pub fn pick(&mut self, count: usize, spare: &[NodeId]) -> Vec<NodeId> {
        let mut all = self.running();
        all.retain(|id| !spare.contains(id));
        all.shuffle(&mut self.rng);
        all.truncate(count);
        all
    }

    /// A random number below `bound`, from the source of the world.
    pub fn random(&mut self, bound: u64) -> u64 {
        self.rng.random_range(0..bound.max(1))
    }
}
