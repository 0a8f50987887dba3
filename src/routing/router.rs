//! The table of routes and targets, fed with what the cluster tells.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde_json::Value;

use super::event::{Down, RouteEvent};
use super::ids::{Micros, RouteId, TargetId};
use super::pattern::Pattern;
use super::record::{Offer, Service};
use super::strategy::Rng;
use super::table::{Slot, Table, Target};
use crate::membership::Status;

/// A member that is stalled for longer gets no more calls.
const STALLED_FOR_LONG: Micros = 30_000_000;

/// Routes, targets, and what is known of them. See the [module](super).
#[derive(Debug)]
pub struct Router {
    pub(super) table: Table,
    pub(super) rng: Rng,
    members: HashMap<String, Member>,
    stalled: BTreeSet<String>,
    pub(super) orphans: VecDeque<RouteId>,
    pub(super) events: VecDeque<RouteEvent>,
    pub(super) next_route: u32,
    next_target: u32,
}

#[derive(Debug, Default)]
struct Member {
    /// `None` until the first word of it.
    status: Option<Status>,
    stalled_since: Option<Micros>,
    generation: u64,
    service: Option<Service>,
    /// By the text under which they were published.
    offers: BTreeMap<String, (RouteId, Offer)>,
    target: Option<Slot>,
}

impl Member {
    /// Why it must not be called; `None`: it may be.
    fn barred(&self, now: Micros) -> Option<Down> {
        let since = |at| now.saturating_sub(at) > STALLED_FOR_LONG;
        match self.status {
            Some(Status::Dead) => Some(Down::Dead),
            Some(Status::Left) => Some(Down::Left),
            Some(Status::Leaving) => Some(Down::Leaving),
            Some(_) if self.service.is_none() => Some(Down::Withdrawn),
            Some(_) if self.stalled_since.is_some_and(since) => Some(Down::Leaving),
            Some(_) => None,
            None => Some(Down::Dead),
        }
    }
}

impl Router {
    /// An empty table; `seed` is the source of all its randomness.
    pub fn new(seed: u64) -> Self {
        Router {
            table: Table::new(),
            rng: Rng(seed),
            members: HashMap::new(),
            stalled: BTreeSet::new(),
            orphans: VecDeque::new(),
            events: VecDeque::new(),
            next_route: 1,
            next_target: 1,
        }
    }

    /// What is believed of a member. Feed every change; never this node itself.
    pub fn member(
        &mut self,
        now: Micros,
        name: &str,
        status: Status,
        stalled: bool,
        generation: u64,
    ) {
        let member = self.members.entry(name.to_string()).or_default();
        member.status = Some(status);
        member.generation = generation;
        if stalled {
            member.stalled_since.get_or_insert(now);
            self.stalled.insert(name.to_string());
        } else if member.stalled_since.take().is_some() {
            self.stalled.remove(name);
        }
        self.refresh(now, name);
    }

    /// A member's service, or that it has none.
    pub fn service(&mut self, now: Micros, name: &str, service: Option<Service>) {
        if service.is_none() && !self.members.contains_key(name) {
            return;
        }
        self.members.entry(name.to_string()).or_default().service = service;
        self.refresh(now, name);
    }

    /// A pattern that a member answers, or answers no longer. A text that is
    /// no pattern, patterns of Seneca's own (see [`Pattern::is_reserved`]) and
    /// those that pass for others in writing, if they come in writing only,
    /// count as not published.
    pub fn offer(&mut self, _now: Micros, name: &str, pattern: &str, offer: Option<Offer>) {
        let offer = offer.and_then(|offer| {
            let parsed = match &offer.pattern {
                Some(pairs) => Pattern::from_pairs(pairs.clone()),
                None => Pattern::parse(pattern),
            };
            let plain = offer.pattern.is_none();
            let fine = |p: &Pattern| !(p.is_reserved() || plain && p.reads_as_another());
            let parsed = parsed.ok().filter(fine)?;
            Some((self.route_for(parsed), offer))
        });
        if offer.is_none() && !self.members.contains_key(name) {
            return;
        }
        let member = self.members.entry(name.to_string()).or_default();
        let target = member.target;
        let old = match &offer {
            Some(entry) => member.offers.insert(pattern.to_string(), entry.clone()),
            None => member.offers.remove(pattern),
        };
        let old = old.map(|(route, _)| route);
        // The same route can be published under two texts.
        let still = |route| member.offers.values().any(|(other, _)| *other == route);
        let gone = old.filter(|route| !still(*route));
        if let Some((route, offer)) = offer {
            self.retain(route);
            if let Some(target) = target {
                self.connect(route, target, offer);
            }
        }
        if let (Some(route), Some(target)) = (gone, target) {
            self.disconnect(route, target);
        }
        if let Some(route) = old {
            self.release(route);
        }
    }

    /// A member is not remembered any more.
    pub fn forget(&mut self, name: &str) {
        if let Some(target) = self.members.get_mut(name).and_then(|m| m.target.take()) {
            self.target_down(target, Down::Dead);
        }
        self.stalled.remove(name);
        if let Some(member) = self.members.remove(name) {
            for (route, _) in member.offers.into_values() {
                self.release(route);
            }
        }
    }

    /// Time passes: a member that is stalled for long is left alone. Call
    /// about once a second.
    pub fn tick(&mut self, now: Micros) {
        for name in self.stalled.clone() {
            self.refresh(now, &name);
        }
    }

    /// The next change to tell; call until `None` after every feed.
    pub fn poll(&mut self) -> Option<RouteEvent> {
        self.events.pop_front()
    }

    /// Every live target of a route.
    pub fn targets(&self, route: RouteId) -> Vec<TargetId> {
        let table = &self.table;
        let links = table.routes.get(&route).map(|r| r.links.iter());
        let target = |link: &Slot| table.targets[table.links[*link].target].id;
        links.into_iter().flatten().map(target).collect()
    }

    /// The live target of a member.
    pub fn target_of(&self, name: &str) -> Option<TargetId> {
        let slot = self.members.get(name)?.target?;
        Some(self.table.targets[slot].id)
    }

    /// The live route that Seneca would choose for a message.
    pub fn resolve(&self, msg: &Value) -> Option<RouteId> {
        self.table.live.find(msg.as_object()?).copied()
    }

    /// Like [`resolve`](Self::resolve), over every route that was published
    /// so far, live or not.
    pub fn resolve_known(&self, msg: &Value) -> Option<RouteId> {
        self.table.known.find(msg.as_object()?).copied()
    }

    /// Live routes that match whatever `route` matches, most specific first:
    /// where calls go when `route` has lost its last target.
    pub fn more_general(&self, route: RouteId) -> Vec<RouteId> {
        self.table.more_general(route)
    }

    /// Canonical pattern of a known route.
    pub fn pattern(&self, route: RouteId) -> Option<&str> {
        self.table.routes.get(&route).map(|r| r.text.as_str())
    }

    /// How calls to a known route are made.
    pub fn route_offer(&self, route: RouteId) -> Option<&Offer> {
        self.table.routes.get(&route).map(|r| &r.offer)
    }

    /// Name and service of a live target.
    pub fn target(&self, target: TargetId) -> Option<(&str, &Service)> {
        let slot = self.table.slots.get(&target)?;
        let target = &self.table.targets[*slot];
        Some((&target.name, &target.service))
    }

    /// Brings a member's target in line with what is known of the member.
    fn refresh(&mut self, now: Micros, name: &str) {
        let Some(member) = self.members.get_mut(name) else {
            return;
        };
        let barred = member.barred(now);
        if let Some(slot) = member.target {
            let target = &self.table.targets[slot];
            let place = |s: &Service| (s.host.clone(), s.port, s.kind.clone(), s.instance.clone());
            // A run of the gossip is not a run of the process: a node that heard
            // somebody else speak in its name begins a new one, and its calls go
            // on. Seneca's id of the instance tells the processes apart.
            let anew = target.generation != member.generation;
            let moved = anew && target.service.instance.is_empty()
                || member.service.as_ref().map(place) != Some(place(&target.service));
            let down = barred.or(moved.then_some(Down::Replaced));
            let Some(reason) = down else {
                self.table.targets[slot].generation = member.generation;
                let suspect = member.status == Some(Status::Suspect);
                let stalled = member.stalled_since.is_some();
                let service = member.service.clone();
                return self.update_target(slot, service, suspect, stalled);
            };
            member.target = None;
            self.target_down(slot, reason);
        }
        if barred.is_none() {
            self.target_up(name);
        }
    }

    fn update_target(
        &mut self,
        slot: Slot,
        service: Option<Service>,
        suspect: bool,
        stalled: bool,
    ) {
        let target = &mut self.table.targets[slot];
        if let Some(service) = service {
            target.service = service;
        }
        let cleared = target.suspect && !suspect || target.stalled && !stalled;
        if (target.suspect, target.stalled) == (suspect, stalled) {
            return;
        }
        (target.suspect, target.stalled) = (suspect, stalled);
        for link in target.links.clone() {
            if cleared {
                self.table.links[link].health.absolve();
            }
            self.table.settle(link);
        }
    }

    fn target_up(&mut self, name: &str) {
        let Some(member) = self.members.get_mut(name) else {
            return;
        };
        let Some(service) = member.service.clone() else {
            return;
        };
        let id = TargetId(self.next_target);
        self.next_target = self.next_target.wrapping_add(1).max(1);
        self.events.push_back(RouteEvent::TargetUp {
            id,
            name: name.to_string(),
            host: service.host.clone(),
            port: service.port,
            kind: service.kind.clone(),
            instance: service.instance.clone(),
        });
        let slot = self.table.targets.insert(Target {
            id,
            name: name.to_string(),
            service,
            generation: member.generation,
            links: Vec::new(),
            inflight: 0,
            waiting_since: 0,
            suspect: member.status == Some(Status::Suspect),
            stalled: member.stalled_since.is_some(),
        });
        self.table.slots.insert(id, slot);
        member.target = Some(slot);
        for (route, offer) in member.offers.values().cloned().collect::<Vec<_>>() {
            self.connect(route, slot, offer);
        }
    }

    fn target_down(&mut self, slot: Slot, reason: Down) {
        for link in std::mem::take(&mut self.table.targets[slot].links) {
            self.part(link);
        }
        if let Some(target) = self.table.targets.remove(slot) {
            self.table.slots.remove(&target.id);
            self.events.push_back(RouteEvent::TargetDown {
                id: target.id,
                name: target.name,
                reason,
            });
        }
    }
}
