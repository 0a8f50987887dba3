//! Pings to the subjects that we observe, their answers and refusals.

use std::net::SocketAddr;

use rand::RngExt;

use super::admit::FUTURE;
use super::counters::Drop;
use super::{Effect, Engine, Millis, Timing};
use crate::liveness::{Evidence, Watch};
use crate::membership::{Peer, Status};
use crate::wire::{Ack, MAX_MESSAGE, NodeId, Ping, Rumor, Writer};

/// Subjects watched at most, however many the ring assigns.
const MAX_WATCHES: usize = 64;
/// How often the same member is told that it is accused.
const TELL: Millis = 500;

impl Engine {
    pub(super) fn timing(&self) -> Timing {
        Timing {
            ping: self.config.ping,
            phi: self.config.phi,
            silence: self.config.silence,
        }
    }

    /// Watches those whom the ring assigns to us now.
    pub(super) fn refresh_watches(&mut self, now: Millis) {
        if self.life.left {
            return;
        }
        let epoch = Some(self.members.epoch());
        if self.watched_epoch == epoch {
            return;
        }
        self.watched_epoch = epoch;
        let mut subjects = self.members.subjects(self.me, self.config.observers);
        subjects.truncate(MAX_WATCHES);
        let gone: Vec<NodeId> = self.watches.keys().copied().collect();
        for id in gone.into_iter().filter(|id| !subjects.contains(id)) {
            self.watches.remove(&id);
        }
        let timing = self.timing();
        for id in subjects {
            if !self.watches.contains_key(&id) {
                // The first pings of a cluster that starts are spread out.
                let first = now + self.rng.random_range(0..=self.config.ping / 4);
                let watch = match self.is_orphaned(id) {
                    true => Watch::step_in(now, &timing),
                    false => Watch::new(now, first, &timing),
                };
                self.watches.insert(id, watch);
            }
        }
    }

    /// Are we to watch it because others do not answer any more, or accuse it?
    /// Then it may have been silent for long.
    fn is_orphaned(&self, id: NodeId) -> bool {
        let suspect = |p: &Peer| p.status == Status::Suspect;
        let observers = self.members.observers(id, self.config.observers);
        self.members.get(id).is_some_and(suspect)
            || observers.into_iter().any(|o| self.members.is_doubted(o))
    }

    /// When the next ping is due, or silence may become evidence.
    pub(super) fn next_probe(&self) -> Millis {
        if self.life.left {
            return Millis::MAX;
        }
        if self.watched_epoch != Some(self.members.epoch()) {
            return self.now;
        }
        let next = self.watches.values().map(Watch::next);
        next.min().unwrap_or(Millis::MAX)
    }

    /// Pings who is due, accuses who was silent for too long.
    pub(super) fn run_probes(&mut self, now: Millis) {
        if self.life.left {
            return;
        }
        let timing = self.timing();
        let silent = self.silent(now);
        if silent > 0 {
            self.assess(now, silent);
        }
        let ids: Vec<NodeId> = self.watches.keys().copied().collect();
        for id in ids {
            let watch = &self.watches[&id];
            let evidence = watch.evidence(now, &timing);
            if watch.next() <= now {
                self.ping(now, id);
            }
            if let Some(evidence) = evidence {
                self.accuse(now, id, evidence);
            }
        }
    }

    /// How many of those whom we watch are silent for too long.
    pub(super) fn silent(&self, now: Millis) -> usize {
        let timing = self.timing();
        let is = |w: &&Watch| w.evidence(now, &timing) == Some(Evidence::Silent);
        self.watches.values().filter(is).count()
    }

    fn ping(&mut self, now: Millis, id: NodeId) {
        let Some(to) = self.members.get(id).map(|p| p.addr) else {
            return;
        };
        let nonce = self.nonce();
        let timing = self.timing();
        let Some(watch) = self.watches.get_mut(&id) else {
            return;
        };
        watch.sent(now, nonce, &timing);
        let is_mute = watch.is_mute();
        let ping = Ping {
            nonce,
            to: id,
            accuse: self.accusation(id),
        };
        let mut w = Writer::new(MAX_MESSAGE);
        ping.write(&mut w, self.cluster, self.me);
        if is_mute {
            // Something between us may lose the answers to other ports.
            let mut again = Writer::new(MAX_MESSAGE);
            ping.write(&mut again, self.cluster, self.me);
            self.send(to, again);
        }
        self.probe(to, w);
    }

    pub(super) fn on_ping(&mut self, now: Millis, from: SocketAddr, id: NodeId, ping: &Ping) {
        if ping.to != self.me {
            return self.counters.drop(Drop::Misaddressed);
        }
        if let Some(a) = ping.accuse {
            self.refute(now, a);
        }
        let ack = Ack {
            nonce: ping.nonce,
            generation: self.generation,
            incarnation: self.life.incarnation,
            accuse: self.accusation(id),
        };
        if self.life.left {
            return;
        }
        let mut w = Writer::new(MAX_MESSAGE);
        ack.write(&mut w, self.cluster, self.me);
        self.send(from, w);
    }

    pub(super) fn on_ack(&mut self, now: Millis, id: NodeId, ack: &Ack) {
        // A run that we would not admit must not keep the one before it alive.
        if ack.generation > self.config.wall + now + FUTURE {
            self.counters.drop(Drop::Future);
            return self.log_future(now, id, ack.generation);
        }
        let timing = self.timing();
        let asked = match self.watches.get_mut(&id) {
            Some(watch) => watch.answer(now, ack.nonce, &timing),
            None => false,
        };
        if asked {
            self.withdraw_if_same_run(now, id, ack.generation);
            self.hear_newer_run(now, id, ack.generation);
        } else if !self.answer_of_candidate(now, id, ack.nonce, ack.generation) {
            return self.counters.drop(Drop::Unasked);
        }
        if let Some(a) = ack.accuse {
            self.refute(now, a);
        }
    }

    /// An answer of a newer run does not clear the old one.
    fn withdraw_if_same_run(&mut self, now: Millis, id: NodeId, generation: u64) {
        if self
            .members
            .get(id)
            .is_some_and(|p| p.generation == generation)
        {
            self.withdraw(now, id);
        }
    }

    /// A probe to `addr` was answered with 'connection refused'.
    pub fn handle_refused(&mut self, now: Millis, addr: SocketAddr) {
        self.wake(now);
        let at = |id: &&NodeId| self.members.get(**id).is_some_and(|p| p.addr == addr);
        let ids: Vec<NodeId> = self.watches.keys().filter(at).copied().collect();
        for id in ids {
            let timing = self.timing();
            let Some(watch) = self.watches.get_mut(&id) else {
                continue;
            };
            let first = watch.refused(now);
            let evidence = watch.evidence(now, &timing);
            if first {
                self.spread_rumor(id);
            }
            if evidence == Some(Evidence::Refused) {
                self.accuse(now, id, Evidence::Refused);
            }
        }
        self.settle(now);
    }

    /// Tells the fellow observers to look at once.
    fn spread_rumor(&mut self, subject: NodeId) {
        let Some(generation) = self.members.get(subject).map(|p| p.generation) else {
            return;
        };
        let rumor = Rumor {
            subject,
            generation,
        };
        for id in self.members.observers(subject, self.config.observers) {
            if id == self.me {
                continue;
            }
            if let Some(to) = self.members.get(id).map(|p| p.addr) {
                let mut w = Writer::new(MAX_MESSAGE);
                rumor.write(&mut w, self.cluster, self.me);
                self.send(to, w);
            }
        }
    }

    pub(super) fn on_rumor(&mut self, now: Millis, from: NodeId, rumor: &Rumor) {
        let known = self.members.get(rumor.subject);
        let same = known.is_some_and(|p| p.generation == rumor.generation);
        let heard = self.members.get(from).is_some();
        match self.watches.get_mut(&rumor.subject) {
            Some(watch) if same && heard => watch.hurry(now),
            _ => self.counters.drop(Drop::Unasked),
        }
    }

    /// Somebody speaks whom we hold for dead, or who has left as somebody said:
    /// it has to know, to refute it.
    pub(super) fn tell_accused(&mut self, now: Millis, from: SocketAddr, id: NodeId) {
        let Some(accuse) = self.accusation(id) else {
            return;
        };
        let nonce = self.nonce();
        let Some(peer) = self.members.get_mut(id) else {
            return;
        };
        if !peer.status.is_gone() || peer.told.is_some_and(|t| now < t + TELL) {
            return;
        }
        peer.told = Some(now);
        let ping = Ping {
            nonce,
            to: id,
            accuse: Some(accuse),
        };
        let mut w = Writer::new(MAX_MESSAGE);
        ping.write(&mut w, self.cluster, self.me);
        self.send(from, w);
    }

    /// We did not run for `gap` ms: nobody else's silence.
    pub(super) fn excuse(&mut self, gap: Millis) {
        for watch in self.watches.values_mut() {
            watch.excuse(gap);
        }
        for id in self.pending.clone() {
            if let Some(peer) = self.members.get_mut(id) {
                peer.quorum = peer.quorum.map(|t| t + gap);
            }
        }
    }

    /// Emits a probe from a connected socket.
    fn probe(&mut self, to: SocketAddr, w: Writer) {
        let bytes = w.finish();
        self.counters.sent(bytes.len());
        self.out.push_back(Effect::Probe { to, bytes });
    }
}
