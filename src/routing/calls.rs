//! Calls: where they go and how they ended. Nothing here allocates or takes
//! longer for more targets, except the search for a target that is due for a
//! trial, once per pause.

use super::event::{Outcome, Refusal};
use super::ids::{Micros, RouteId, TargetId};
use super::router::Router;
use super::strategy::Choice;
use super::table::Slot;

impl Router {
    /// Chooses the target of a call and counts it as in flight; end it with
    /// [`done`](Self::done). `None`: no live target that is not excluded, or
    /// all of them are full (see [`try_pick`](Self::try_pick)).
    pub fn pick(&mut self, now: Micros, route: RouteId, exclude: &[TargetId]) -> Option<TargetId> {
        self.try_pick(now, route, exclude).ok()
    }

    /// Like [`pick`](Self::pick), with the reason when there is none.
    pub fn try_pick(
        &mut self,
        now: Micros,
        route: RouteId,
        exclude: &[TargetId],
    ) -> Result<TargetId, Refusal> {
        // A call that has failed once is not put at risk again.
        let trial = match exclude {
            [] => self.trial(now, route),
            _ => None,
        };
        let table = &mut self.table;
        let link = match trial {
            Some(link) => link,
            None => {
                let route = table.routes.get_mut(&route).ok_or(Refusal::NoTarget)?;
                Choice {
                    now,
                    links: &table.links,
                    targets: &table.targets,
                    exclude,
                    rng: &mut self.rng,
                }
                .choose(route)?
            }
        };
        Ok(self.count_in(now, link))
    }

    /// Counts a call to a given member as in flight: the owner of a key.
    ///
    /// # Errors
    /// When it is no live target of the route, or has as many calls in flight
    /// as the offer allows.
    pub fn begin_at(
        &mut self,
        now: Micros,
        route: RouteId,
        name: &str,
    ) -> Result<TargetId, Refusal> {
        let target = self.target_of(name).ok_or(Refusal::NoTarget)?;
        let table = &self.table;
        let link = table.link_of(route, target).ok_or(Refusal::NoTarget)?;
        let most = table.routes.get(&route).and_then(|r| r.offer.concurrency);
        if most.is_some_and(|most| table.links[link].inflight >= most) {
            return Err(Refusal::Overloaded);
        }
        Ok(self.count_in(now, link))
    }

    /// Counts a call to a given target as in flight (for `observe`); `false`
    /// when it is no target of the route.
    pub fn begin(&mut self, now: Micros, route: RouteId, target: TargetId) -> bool {
        let link = self.table.link_of(route, target);
        link.map(|link| self.count_in(now, link)).is_some()
    }

    /// A call has ended. A `latency_us` of 0 says that it was not measured: the
    /// caller wanted no answer ([`Outcome::Ok`]), or the call came back without
    /// having been made ([`Outcome::Error`]). Neither says anything about the
    /// target: that a message was written does not mean that it was read.
    ///
    /// Of a target that is gone in the meantime nothing is known any more, and
    /// nothing happens.
    pub fn done(
        &mut self,
        now: Micros,
        route: RouteId,
        target: TargetId,
        latency_us: u64,
        outcome: Outcome,
    ) {
        let table = &mut self.table;
        let Some(slot) = table.link_of(route, target) else {
            return;
        };
        let link = &mut table.links[slot];
        let target = &mut table.targets[link.target];
        // None when the pattern was withdrawn and published again meanwhile.
        if link.inflight > 0 {
            link.inflight -= 1;
            target.inflight -= 1;
        }
        if matches!(outcome, Outcome::Ok | Outcome::Error) && latency_us == 0 {
            link.health.take_back(now);
            return table.settle(slot);
        }
        if outcome != Outcome::Ok {
            link.errors += 1;
        }
        if matches!(outcome, Outcome::Ok | Outcome::Error) {
            target.waiting_since = now;
        }
        if outcome != Outcome::Lost && latency_us > 0 {
            link.latency.observe(now, latency_us);
        }
        let good = link.health.is_good();
        if outcome == Outcome::Lost {
            // Its connection served all routes.
            self.lost(now, slot);
        } else if !good || outcome != Outcome::Ok {
            link.health.observe(now, outcome, self.rng.unit());
            table.settle(slot);
        } else {
            link.health.observe(now, outcome, 0.0);
        }
    }

    fn lost(&mut self, now: Micros, slot: Slot) {
        let table = &mut self.table;
        let jitter = self.rng.unit();
        let target = table.links[slot].target;
        for index in 0..table.targets[target].links.len() {
            let link = table.targets[target].links[index];
            table.links[link].health.observe(now, Outcome::Lost, jitter);
            table.settle(link);
        }
    }

    fn count_in(&mut self, now: Micros, link: Slot) -> TargetId {
        let link = &mut self.table.links[link];
        let target = &mut self.table.targets[link.target];
        if target.inflight == 0 {
            target.waiting_since = now;
        }
        link.inflight += 1;
        target.inflight += 1;
        target.id
    }

    /// An ejected target whose pause is over, to be tried with one call.
    fn trial(&mut self, now: Micros, route: RouteId) -> Option<Slot> {
        let table = &mut self.table;
        let route = table.routes.get_mut(&route)?;
        if now < route.trial_at {
            return None;
        }
        let (mut found, mut next) = (None, Micros::MAX);
        for slot in &route.links[route.good..] {
            let link = &mut table.links[*slot];
            let target = &table.targets[link.target];
            let full = route.offer.concurrency.is_some_and(|n| link.inflight >= n);
            let fit = !target.suspect && !target.stalled && !full;
            match link.health.due() {
                Some(due) if found.is_none() && fit && due <= now => {
                    link.health.begin_trial(now);
                    found = Some(*slot);
                    next = next.min(link.health.due().unwrap_or(next));
                }
                // Not fit now: look again soon rather than at every pick.
                Some(due) => next = next.min(due.max(now + 10_000)),
                None => {}
            }
        }
        route.trial_at = next;
        found
    }
}
