//! From evidence to a member's status: our own verdicts, those of others, and
//! what we answer when we are accused ourselves.

use super::{Engine, Event, Millis};
use crate::liveness::{Evidence, Verdict};
use crate::membership::{Rule, Status, judge};
use crate::wire::{Accusation, NodeId};

/// Least time between two refutations.
const REFUTE: Millis = 100;
/// An incarnation that others hold for ours may be above it, since somebody can
/// have lied in our name, but not by more: the numbers must last.
const LEAP: u64 = 1_000_000;
/// After this time the gone are not gossiped any more, so that they are not
/// told to newcomers for ever.
const HIDE: Millis = 60_000;

impl Engine {
    /// Judges a member anew, after anything about it has changed.
    pub(super) fn judge(&mut self, now: Millis, id: NodeId) {
        let Some(peer) = self.members.get(id).filter(|_| id != self.me) else {
            return;
        };
        let run = peer.run();
        let (life, quorum, before) = (peer.life, peer.quorum, peer.status);
        let mut against: Vec<_> = self
            .verdicts
            .against(id, run.generation, run.incarnation)
            .collect();
        let accused = !against.is_empty();
        against.retain(|(o, _)| !self.members.is_late(*o, id, now));
        if before == Status::Dead && peer.died == Some(run) {
            // Only a refutation or a new run brings the dead back; that their
            // accusers fall silent does not.
            return;
        }
        let observers: Vec<(NodeId, bool)> = match against.is_empty() {
            true => Vec::new(),
            false => self
                .members
                .observers(id, self.config.observers)
                .into_iter()
                .map(|o| {
                    let late = self.members.is_late(o, id, now);
                    (o, late || self.members.is_doubted(o))
                })
                .collect(),
        };
        let rule = Rule {
            me: self.me,
            refute: self.config.refute,
        };
        let j = judge(now, &rule, &observers, &against, quorum);
        let status = match j.status {
            _ if life.left => Status::Left,
            Status::Dead => Status::Dead,
            _ if life.leaving => Status::Leaving,
            other => other,
        };
        let waiting = accused && !status.is_gone();
        let doubted = status == Status::Dead || j.doubted && status != Status::Left;
        self.members.set_doubted(id, doubted);
        if let Some(peer) = self.members.get_mut(id) {
            peer.quorum = j.quorum;
            peer.died = (status == Status::Dead).then_some(run);
        }
        match waiting {
            true => self.pending.insert(id),
            false => self.pending.remove(&id),
        };
        if self.members.set_status(id, now, status).is_some() {
            self.status_changed(now, id, before, status);
        }
    }

    fn status_changed(&mut self, now: Millis, id: NodeId, before: Status, status: Status) {
        let Some(peer) = self.members.get_mut(id) else {
            return;
        };
        let name = peer.name.to_string();
        let was_hidden = std::mem::take(&mut peer.hidden);
        if was_hidden {
            self.store.hide(id, false);
        }
        self.hurry_round(now);
        match status {
            Status::Alive if before != Status::Alive => self.event(Event::Alive { name }),
            Status::Alive => {}
            Status::Suspect => self.event(Event::Suspect { name }),
            Status::Dead => {
                self.event(Event::Fail { name });
                self.confirm(now, id);
            }
            Status::Leaving | Status::Left => {
                self.withdraw(now, id);
                self.event(Event::Leave { name, status });
            }
        }
    }

    /// When a member's status may change without anything arriving.
    pub(super) fn next_judgement(&self) -> Option<Millis> {
        // A quorum that waits, or a verdict that stands for long: both are
        // rare and short, so a steady look is cheaper than bookkeeping.
        (!self.pending.is_empty()).then_some(self.expected_judgement())
    }

    fn expected_judgement(&self) -> Millis {
        let quorum = |id: &NodeId| self.members.get(*id).and_then(|p| p.quorum);
        let soonest = self.pending.iter().filter_map(quorum).min();
        let refuted = soonest.map(|t| t + self.config.refute);
        // Housekeeping looks at all the others once a second.
        refuted.unwrap_or(self.next_housekeeping)
    }

    /// Looks again at those whose time may have come.
    pub(super) fn run_judgements(&mut self, now: Millis) {
        for id in self.pending.clone() {
            self.judge(now, id);
        }
    }

    /// We hold a subject for dead.
    pub(super) fn accuse(&mut self, now: Millis, id: NodeId, evidence: Evidence) {
        let Some(accused) = self.members.get(id).map(|p| p.run()) else {
            return;
        };
        let verdict = Verdict { accused, evidence };
        let old = self.verdicts.of(id, self.me);
        // Silence adds nothing to a refusal.
        let weaker = |o: &Verdict| o.accused == accused && evidence == Evidence::Silent;
        if old.is_some_and(|o| *o == verdict || weaker(o)) {
            return;
        }
        let value = std::sync::Arc::from(verdict.encode());
        self.write(now, &Verdict::key(id), Some(value));
        self.verdicts.set(now, id, self.me, Some(verdict));
        self.hurry_round(now);
        self.judge(now, id);
    }

    /// We take our word back.
    pub(super) fn withdraw(&mut self, now: Millis, id: NodeId) {
        if self.verdicts.of(id, self.me).is_none() {
            return;
        }
        self.write(now, &Verdict::key(id), None);
        self.verdicts.set(now, id, self.me, None);
        self.hurry_round(now);
        self.judge(now, id);
    }

    /// A member that we hold for dead: its observers keep saying so, for those
    /// who come later.
    fn confirm(&mut self, now: Millis, id: NodeId) {
        let observers = self.members.observers(id, self.config.observers);
        if observers.contains(&self.me) {
            self.accuse(now, id, Evidence::Confirmed);
        }
    }

    /// Somebody accuses us: raising our incarnation above the accused one
    /// voids every verdict about it.
    pub(super) fn refute(&mut self, now: Millis, a: Accusation) {
        let lead = a.incarnation.checked_sub(self.life.incarnation);
        let ours = a.generation == self.generation && lead.is_some_and(|n| n < LEAP);
        let soon = self.refuted.is_some_and(|t| now < t + REFUTE);
        if ours && !soon && !self.life.left {
            self.refuted = Some(now);
            self.live(now, |life| life.incarnation = a.incarnation + 1);
        }
    }

    /// Is there a verdict about us in what we know?
    pub(super) fn refute_if_accused(&mut self, now: Millis) {
        let (generation, incarnation) = (self.generation, self.life.incarnation);
        let accused = self
            .verdicts
            .against(self.me, generation, incarnation)
            .next();
        if accused.is_some() {
            let a = Accusation {
                generation,
                incarnation,
            };
            self.refute(now, a);
        }
    }

    /// What we hold against a member, to be told to it: `Some` when we hold it
    /// for gone or have a verdict about it.
    pub(super) fn accusation(&self, id: NodeId) -> Option<Accusation> {
        let peer = self.members.get(id)?;
        let run = peer.run();
        let own = self.verdicts.of(id, self.me);
        let accused = own.is_some_and(|v| v.accused == run) || peer.status.is_gone();
        accused.then_some(run)
    }

    /// Once a second: verdicts of ours that nobody needs any more go, those
    /// that newcomers need come.
    pub(super) fn maintain_verdicts(&mut self, now: Millis) {
        self.refute_if_accused(now);
        let mine: Vec<NodeId> = self
            .verdicts
            .subjects()
            .filter(|s| self.verdicts.of(*s, self.me).is_some())
            .collect();
        for id in mine {
            let keep = match self.members.get(id) {
                None => false,
                Some(p) if p.status == Status::Dead => {
                    now < p.since + HIDE / 2 || self.observes(id)
                }
                Some(p) => p.status != Status::Left && self.watches.contains_key(&id),
            };
            if !keep {
                self.withdraw(now, id);
            }
        }
        let dead = self
            .members
            .iter()
            .filter(|(_, p)| p.status == Status::Dead);
        let dead: Vec<NodeId> = dead.map(|(id, _)| id).collect();
        for id in dead {
            if self.verdicts.of(id, self.me).is_none() {
                self.confirm(now, id);
            }
        }
        self.run_judgements(now);
    }

    fn observes(&self, id: NodeId) -> bool {
        let observers = self.members.observers(id, self.config.observers);
        observers.contains(&self.me)
    }

    /// Once a second: the gone are hidden after a minute, and forgotten after
    /// `remember` or when there are too many.
    pub(super) fn forget_the_gone(&mut self, now: Millis) {
        self.members.retire(now);
        let gone = self.members.iter().filter(|(_, p)| p.status.is_gone());
        let mut gone: Vec<(Millis, NodeId)> = gone.map(|(id, p)| (p.since, id)).collect();
        gone.sort_unstable();
        let surplus = gone.len().saturating_sub(self.config.remember_max);
        for (i, (since, id)) in gone.into_iter().enumerate() {
            if i < surplus || now >= since + self.config.remember {
                self.forget(now, id);
            } else if now >= since + HIDE
                && let Some(peer) = self.members.get_mut(id)
                && !peer.hidden
            {
                peer.hidden = true;
                self.store.hide(id, true);
                self.hot.cool(id);
            }
        }
    }

    fn forget(&mut self, now: Millis, id: NodeId) {
        let Some(peer) = self.members.remove(id) else {
            return;
        };
        self.store.remove(id);
        self.hot.cool(id);
        self.pending.remove(&id);
        self.drop_words_of(id);
        self.withdraw(now, id);
        let name = peer.name.to_string();
        self.event(Event::Forget { name });
    }

    /// The verdicts that a forgotten member gave go with it.
    fn drop_words_of(&mut self, observer: NodeId) {
        let subjects: Vec<NodeId> = self.verdicts.subjects().collect();
        for s in subjects {
            self.verdicts.set(0, s, observer, None);
        }
    }
}
