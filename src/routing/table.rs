//! Routes, targets and the links between them, as flat storage.
//!
//! A route keeps the links to its targets in one vector, the good ones in
//! front. What changes a link's standing moves it across that border in
//! constant time, so that a pick never searches.

use std::collections::HashMap;
use std::ops::{Index, IndexMut};

use super::health::{Health, Latency};
use super::ids::{IdMap, Micros, RouteId, TargetId};
use super::pattern::Pattern;
use super::record::{Offer, Service};
use super::resolve::Tree;

/// Place of a target or link in its slab.
pub(super) type Slot = u32;

/// A vector with holes.
#[derive(Debug)]
pub(super) struct Slab<T> {
    items: Vec<Option<T>>,
    free: Vec<Slot>,
}

impl<T> Slab<T> {
    fn new() -> Self {
        Slab {
            items: Vec::new(),
            free: Vec::new(),
        }
    }

    pub fn insert(&mut self, item: T) -> Slot {
        if let Some(slot) = self.free.pop() {
            self.items[slot as usize] = Some(item);
            return slot;
        }
        self.items.push(Some(item));
        (self.items.len() - 1) as Slot
    }

    pub fn remove(&mut self, slot: Slot) -> Option<T> {
        let item = self.items.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        Some(item)
    }
}

/// A slot is only ever taken from an index that is kept in step with the slab.
impl<T> Index<Slot> for Slab<T> {
    type Output = T;

    fn index(&self, slot: Slot) -> &T {
        self.items[slot as usize].as_ref().expect("a live slot")
    }
}

impl<T> IndexMut<Slot> for Slab<T> {
    fn index_mut(&mut self, slot: Slot) -> &mut T {
        self.items[slot as usize].as_mut().expect("a live slot")
    }
}

#[derive(Debug)]
pub(super) struct Route {
    pub id: RouteId,
    pub text: String,
    pub pattern: Pattern,
    /// The offer of the link that was started last.
    pub offer: Offer,
    pub newest: Option<Slot>,
    pub links: Vec<Slot>,
    /// So many links, at the front, are good.
    pub good: usize,
    /// Where round-robin goes on.
    pub cursor: usize,
    /// When an ejected link may be tried next; `Micros::MAX`: none is ejected.
    pub trial_at: Micros,
    /// Members that publish it, live or not.
    pub publishers: u32,
}

#[derive(Debug)]
pub(super) struct Target {
    pub id: TargetId,
    pub name: String,
    pub service: Service,
    pub generation: u64,
    pub links: Vec<Slot>,
    /// Calls of all routes in flight there.
    pub inflight: u32,
    /// The last sign of life while calls are in flight.
    pub waiting_since: Micros,
    pub suspect: bool,
    pub stalled: bool,
}

/// What one route knows of one target.
#[derive(Debug)]
pub(super) struct Link {
    pub route: RouteId,
    pub target: Slot,
    /// Place in the route's vector.
    pub at: usize,
    pub offer: Offer,
    pub inflight: u32,
    pub latency: Latency,
    pub health: Health,
    pub errors: u64,
}

#[derive(Debug)]
pub(super) struct Table {
    pub routes: IdMap<RouteId, Route>,
    pub by_text: HashMap<String, RouteId>,
    pub targets: Slab<Target>,
    pub slots: IdMap<TargetId, Slot>,
    pub links: Slab<Link>,
    pub pairs: IdMap<u64, Slot>,
    /// Routes with targets.
    pub live: Tree<RouteId>,
    /// Those, and the ones that had some.
    pub known: Tree<RouteId>,
}

fn pair(route: RouteId, target: TargetId) -> u64 {
    u64::from(route.0) << 32 | u64::from(target.0)
}

impl Table {
    pub fn new() -> Self {
        Table {
            routes: IdMap::default(),
            by_text: HashMap::new(),
            targets: Slab::new(),
            slots: IdMap::default(),
            links: Slab::new(),
            pairs: IdMap::default(),
            live: Tree::default(),
            known: Tree::default(),
        }
    }

    pub fn link_of(&self, route: RouteId, target: TargetId) -> Option<Slot> {
        self.pairs.get(&pair(route, target)).copied()
    }

    /// Joins a route and a target; the link starts among the bad ones, call
    /// [`settle`](Self::settle).
    pub fn join(&mut self, route: RouteId, target: Slot, offer: Offer) -> Slot {
        let slot = self.links.insert(Link {
            route,
            target,
            at: 0,
            offer,
            inflight: 0,
            latency: Latency::default(),
            health: Health::default(),
            errors: 0,
        });
        let id = self.targets[target].id;
        self.targets[target].links.push(slot);
        self.pairs.insert(pair(route, id), slot);
        if let Some(route) = self.routes.get_mut(&route) {
            self.links[slot].at = route.links.len();
            route.links.push(slot);
        }
        slot
    }

    /// Takes a link out of its route; its target's own list is the caller's.
    pub fn part(&mut self, slot: Slot) {
        let (route, target, at) = {
            let link = &self.links[slot];
            (link.route, self.targets[link.target].id, link.at)
        };
        self.pairs.remove(&pair(route, target));
        if let Some(route) = self.routes.get_mut(&route) {
            let mut hole = at;
            if hole < route.good {
                route.good -= 1;
                swap(&mut self.links, route, hole, route.good);
                hole = route.good;
            }
            let last = route.links.len() - 1;
            swap(&mut self.links, route, hole, last);
            route.links.pop();
        }
        if let Some(link) = self.links.remove(slot) {
            // The ends of its calls will not find it any more.
            let target = &mut self.targets[link.target];
            target.inflight = target.inflight.saturating_sub(link.inflight);
        }
    }

    /// Moves a link to its side of the border after something about it changed.
    pub fn settle(&mut self, slot: Slot) {
        let link = &self.links[slot];
        let target = &self.targets[link.target];
        let good = !target.suspect && !target.stalled && link.health.is_good();
        let (at, due) = (link.at, link.health.due());
        let Some(route) = self.routes.get_mut(&link.route) else {
            return;
        };
        if let Some(due) = due {
            route.trial_at = route.trial_at.min(due);
        }
        if good && at >= route.good {
            swap(&mut self.links, route, at, route.good);
            route.good += 1;
        } else if !good && at < route.good {
            route.good -= 1;
            swap(&mut self.links, route, at, route.good);
        }
    }

    /// A pattern that covers everything `route` covers, and has targets.
    pub fn more_general(&self, route: RouteId) -> Vec<RouteId> {
        let Some(route) = self.routes.get(&route) else {
            return Vec::new();
        };
        let general = |r: &&Route| {
            r.id != route.id && !r.links.is_empty() && r.pattern.covers(&route.pattern)
        };
        let mut found: Vec<&Route> = self.routes.values().filter(general).collect();
        found.sort_by(|a, b| {
            let specific = b.pattern.pairs().len().cmp(&a.pattern.pairs().len());
            specific.then_with(|| a.text.cmp(&b.text))
        });
        found.iter().map(|r| r.id).collect()
    }
}

fn swap(links: &mut Slab<Link>, route: &mut Route, a: usize, b: usize) {
    route.links.swap(a, b);
    links[route.links[a]].at = a;
    links[route.links[b]].at = b;
}
