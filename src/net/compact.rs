//! Makes a long queue of notices as short as what it tells about.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;

use super::queue::Notice;
use crate::engine::Event;
use crate::routing::{RouteEvent, RouteId, TargetId};

/// Log lines that survive.
const LOGS: usize = 128;

/// Removes what a later notice supersedes, and whatever appeared and vanished
/// while nobody looked.
pub fn compact(items: &mut VecDeque<Notice>) {
    let mut keep = vec![true; items.len()];
    let mut later = Later::default();
    for (i, notice) in items.iter().enumerate().rev() {
        match notice {
            Notice::Gossip(event) => later.event(i, event, &mut keep),
            Notice::Route(event) => later.route(i, event, &mut keep),
            // The owner answers each; there are few.
            Notice::Shards(_) => {}
        }
    }
    for (last, _, seen) in later.routes.into_values() {
        keep[last] &= seen;
    }
    let mut keep = keep.into_iter();
    items.retain(|_| keep.next().unwrap_or(true));
}

/// What is known of the later notices, while walking from the last to the
/// first. Numbers are places in the queue.
#[derive(Default)]
struct Later<'a> {
    updates: HashSet<(&'a str, &'a str)>,
    statuses: HashSet<&'a str>,
    forgotten: HashMap<&'a str, usize>,
    gone: HashMap<TargetId, usize>,
    /// Last event of a route, whether it is its end, and whether the owner
    /// has to hear of it.
    routes: HashMap<RouteId, (usize, bool, bool)>,
    seeds: HashSet<SocketAddr>,
    drained: bool,
    synced: bool,
    logs: usize,
}

impl<'a> Later<'a> {
    fn event(&mut self, i: usize, event: &'a Event, keep: &mut [bool]) {
        keep[i] = match event {
            Event::Update { name, key, .. } => {
                !self.forgotten.contains_key(name.as_str()) && self.updates.insert((name, key))
            }
            Event::Alive { name }
            | Event::Suspect { name }
            | Event::Fail { name }
            | Event::Leave { name, .. } => self.statuses.insert(name),
            Event::Forget { name } => {
                self.statuses.insert(name);
                self.forgotten.insert(name, i).is_none()
            }
            Event::Join { name } => match self.forgotten.remove(name.as_str()) {
                // Nobody saw it come, so nobody need see it go.
                Some(end) => {
                    keep[end] = false;
                    self.statuses.remove(name.as_str());
                    false
                }
                None => true,
            },
            Event::Drained => !std::mem::replace(&mut self.drained, true),
            Event::Synced => !std::mem::replace(&mut self.synced, true),
            Event::SeedFailed { addr, .. } => self.seeds.insert(*addr),
            Event::Log { .. } => {
                self.logs += 1;
                self.logs <= LOGS
            }
        };
    }

    fn route(&mut self, i: usize, event: &RouteEvent, keep: &mut [bool]) {
        let (id, ends, begins) = match event {
            RouteEvent::TargetDown { id, .. } => {
                self.gone.insert(*id, i);
                return;
            }
            RouteEvent::TargetUp { id, .. } => {
                if let Some(end) = self.gone.remove(id) {
                    keep[i] = false;
                    keep[end] = false;
                }
                return;
            }
            RouteEvent::RouteUp { id, .. } => (id, false, true),
            RouteEvent::RouteChanged { id, .. } => (id, false, false),
            RouteEvent::RouteDown { id, .. } => (id, true, false),
        };
        match self.routes.get_mut(id) {
            Some((_, last_ends, seen)) => {
                keep[i] = false;
                // Holds for the first event of the route, which is visited last.
                *seen = !(*last_ends && begins);
            }
            None => {
                self.routes.insert(*id, (i, ends, true));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::membership::Status;
    use crate::routing::{Down, Offer};

    fn gossip(events: &[Event]) -> Vec<Event> {
        let mut items: VecDeque<Notice> = events.iter().cloned().map(Notice::Gossip).collect();
        compact(&mut items);
        let event = |notice| match notice {
            Notice::Gossip(event) => event,
            _ => unreachable!("none was put in"),
        };
        items.into_iter().map(event).collect()
    }

    fn routes(events: &[RouteEvent]) -> Vec<RouteEvent> {
        let mut items: VecDeque<Notice> = events.iter().cloned().map(Notice::Route).collect();
        compact(&mut items);
        let event = |notice| match notice {
            Notice::Route(event) => event,
            _ => unreachable!("none was put in"),
        };
        items.into_iter().map(event).collect()
    }

    fn name() -> String {
        "a:1".into()
    }

    fn update(value: u8) -> Event {
        let (key, value) = (".k".into(), Some(vec![value].into()));
        Event::Update {
            name: name(),
            key,
            value,
        }
    }

    fn up(id: u32) -> RouteEvent {
        RouteEvent::TargetUp {
            id: TargetId(id),
            name: name(),
            host: "a".into(),
            port: 1,
            kind: "tcp".into(),
            instance: String::new(),
        }
    }

    fn down(id: u32) -> RouteEvent {
        RouteEvent::TargetDown {
            id: TargetId(id),
            name: name(),
            reason: Down::Dead,
        }
    }

    fn open(id: u32) -> RouteEvent {
        RouteEvent::RouteUp {
            id: RouteId(id),
            pattern: "a:1".into(),
            offer: Offer::default(),
        }
    }

    fn shut(id: u32) -> RouteEvent {
        RouteEvent::RouteDown {
            id: RouteId(id),
            pattern: "a:1".into(),
        }
    }

    #[test]
    fn the_last_word_remains() {
        let (join, alive) = (Event::Join { name: name() }, Event::Alive { name: name() });
        let suspect = Event::Suspect { name: name() };
        let left = Event::Leave {
            name: name(),
            status: Status::Left,
        };
        let long = [
            join.clone(),
            update(1),
            suspect.clone(),
            alive.clone(),
            update(2),
            suspect,
            alive,
            Event::Synced,
            left.clone(),
        ];
        assert_eq!(gossip(&long), [join, update(2), Event::Synced, left]);
    }

    #[test]
    fn who_came_and_went_unseen_is_not_mentioned() {
        let (join, forget) = (Event::Join { name: name() }, Event::Forget { name: name() });
        let fail = Event::Fail { name: name() };
        let visit = [join.clone(), update(1), fail.clone(), forget.clone()];
        assert_eq!(gossip(&visit), []);
        // Known before: its end has to be told, and its second life too.
        let known = [
            fail.clone(),
            forget.clone(),
            join.clone(),
            update(1),
            forget.clone(),
        ];
        assert_eq!(gossip(&known), std::slice::from_ref(&forget));
        let back = [fail, forget.clone(), join.clone(), update(2)];
        assert_eq!(gossip(&back), [forget, join, update(2)]);
    }

    #[test]
    fn targets_and_routes_keep_what_the_owner_must_know() {
        assert_eq!(routes(&[up(1), open(1), shut(1), down(1)]), []);
        assert_eq!(
            routes(&[shut(1), down(1), up(2), open(1)]),
            [down(1), up(2), open(1)]
        );
        assert_eq!(
            routes(&[shut(1), down(1), up(2), open(1), shut(1), down(2)]),
            [down(1), shut(1)]
        );
        assert_eq!(routes(&[up(1), open(1), up(2)]), [up(1), open(1), up(2)]);
    }
}
