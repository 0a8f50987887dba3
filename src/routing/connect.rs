//! Routes come and go as targets are connected to them.

use super::event::RouteEvent;
use super::ids::{Micros, RouteId};
use super::pattern::Pattern;
use super::record::Offer;
use super::router::Router;
use super::table::{Route, Slot};

/// So many routes are remembered that nobody publishes any more, so that calls
/// to them fail with 'no target' rather than 'no such action'.
const MAX_ORPHANS: usize = 1_024;

impl Router {
    /// The route of a pattern, new or known.
    pub(super) fn route_for(&mut self, pattern: Pattern) -> RouteId {
        let text = pattern.to_string();
        if let Some(id) = self.table.by_text.get(&text) {
            return *id;
        }
        let id = RouteId(self.next_route);
        self.next_route = self.next_route.wrapping_add(1).max(1);
        self.table.by_text.insert(text.clone(), id);
        self.table.known.insert(&pattern, id);
        let route = Route {
            id,
            text,
            pattern,
            offer: Offer::default(),
            newest: None,
            links: Vec::new(),
            good: 0,
            cursor: 0,
            trial_at: Micros::MAX,
            publishers: 0,
        };
        self.table.routes.insert(id, route);
        id
    }

    /// One more record publishes a route.
    pub(super) fn retain(&mut self, route: RouteId) {
        if let Some(route) = self.table.routes.get_mut(&route) {
            route.publishers += 1;
        }
    }

    /// One record less does.
    pub(super) fn release(&mut self, route: RouteId) {
        let Some(entry) = self.table.routes.get_mut(&route) else {
            return;
        };
        entry.publishers = entry.publishers.saturating_sub(1);
        if entry.publishers > 0 {
            return;
        }
        self.orphans.push_back(route);
        while self.orphans.len() > MAX_ORPHANS {
            let Some(oldest) = self.orphans.pop_front() else {
                return;
            };
            let orphan = |r: &Route| r.publishers == 0;
            if !self.table.routes.get(&oldest).is_some_and(orphan) {
                continue;
            }
            if let Some(route) = self.table.routes.remove(&oldest) {
                self.table.by_text.remove(&route.text);
                self.table.known.remove(&route.pattern);
            }
        }
    }

    /// A target answers a route, or answers it on other terms.
    pub(super) fn connect(&mut self, route: RouteId, target: Slot, offer: Offer) {
        let table = &mut self.table;
        let link = match table.link_of(route, table.targets[target].id) {
            Some(link) => {
                table.links[link].offer = offer;
                link
            }
            None => table.join(route, target, offer),
        };
        table.settle(link);
        let Some(entry) = table.routes.get(&route) else {
            return;
        };
        let rank = |link: Slot| {
            let target = &table.targets[table.links[link].target];
            (target.generation, &target.name)
        };
        let first = entry.newest.is_none();
        if entry.newest.is_none_or(|newest| rank(newest) <= rank(link)) {
            self.lead(route, link, first);
        }
    }

    /// A target does not answer a route any more.
    pub(super) fn disconnect(&mut self, route: RouteId, target: Slot) {
        let id = self.table.targets[target].id;
        if let Some(link) = self.table.link_of(route, id) {
            self.table.targets[target].links.retain(|l| *l != link);
            self.part(link);
        }
    }

    /// Takes a link away, and the route down with its last one.
    pub(super) fn part(&mut self, link: Slot) {
        let route = self.table.links[link].route;
        self.table.part(link);
        let table = &mut self.table;
        let Some(entry) = table.routes.get_mut(&route) else {
            return;
        };
        if entry.links.is_empty() {
            entry.newest = None;
            entry.trial_at = Micros::MAX;
            table.live.remove(&entry.pattern);
            self.events.push_back(RouteEvent::RouteDown {
                id: route,
                pattern: entry.text.clone(),
            });
        } else if entry.newest == Some(link) {
            let newest = entry.links.iter().copied().max_by_key(|link| {
                let target = &table.targets[table.links[*link].target];
                (target.generation, &target.name)
            });
            if let Some(newest) = newest {
                self.lead(route, newest, false);
            }
        }
    }

    /// The offer of this link is the route's from now on: nodes may publish
    /// different ones while a change is rolled out, and the one that was
    /// started last is right.
    fn lead(&mut self, route: RouteId, link: Slot, first: bool) {
        let table = &mut self.table;
        let Some(entry) = table.routes.get_mut(&route) else {
            return;
        };
        entry.newest = Some(link);
        let offer = &table.links[link].offer;
        let changed = entry.offer != *offer;
        if changed {
            entry.offer = offer.clone();
        }
        let (id, pattern, offer) = (route, entry.text.clone(), entry.offer.clone());
        if first {
            table.live.insert(&entry.pattern, route);
            self.events
                .push_back(RouteEvent::RouteUp { id, pattern, offer });
        } else if changed {
            let event = RouteEvent::RouteChanged { id, pattern, offer };
            self.events.push_back(event);
        }
    }
}
