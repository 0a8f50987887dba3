//! Random histories: the table against a simple model, and what it tells
//! against what it holds.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::{
    Strategy as Arbitrary, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Member(u8, Status, u64),
    Service(u8, Option<u16>),
    Offer(u8, u8, Option<u32>),
    Forget(u8),
    Pick(u8, u8),
    Done(Outcome),
    Pass(Micros),
}

const PATTERNS: [&str; 5] = ["a:1", "a:1,b:2", "b:2,a:1", "a:*", "b:2"];

/// Begins with everybody there, so that much can go wrong.
fn steps() -> impl Arbitrary<Value = Vec<Step>> {
    let everybody = (0..4u8).flat_map(|m| {
        let offers = (0..5).map(move |p| Step::Offer(m, p, Some(0)));
        [Step::Member(m, Status::Alive, 1), Step::Service(m, Some(1))]
            .into_iter()
            .chain(offers)
    });
    let everybody: Vec<Step> = everybody.collect();
    let status = prop::sample::select(vec![
        Status::Alive,
        Status::Alive,
        Status::Suspect,
        Status::Dead,
        Status::Leaving,
        Status::Left,
    ]);
    let outcome = prop::sample::select(vec![
        Outcome::Ok,
        Outcome::Error,
        Outcome::Lost,
        Outcome::Timeout,
    ]);
    let step = prop_oneof![
        3 => (0..4u8, status, 1..3u64)
            .prop_map(|(m, s, g)| Step::Member(m, s, g)),
        2 => (0..4u8, prop::option::weighted(0.8, 1..3u16)).prop_map(|(m, p)| Step::Service(m, p)),
        3 => (0..4u8, 0..5u8, prop::option::weighted(0.7, 0..3u32))
            .prop_map(|(m, p, o)| Step::Offer(m, p, o)),
        1 => (0..4u8).prop_map(Step::Forget),
        4 => (0..5u8, 0..3u8).prop_map(|(p, e)| Step::Pick(p, e)),
        4 => outcome.prop_map(Step::Done),
        1 => (0..20 * SECOND).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..120).prop_map(move |steps| {
        let everybody = everybody.iter().cloned();
        everybody.chain(steps).collect()
    })
}

/// What a member last said of itself.
#[derive(Default)]
struct Said {
    routable: bool,
    service: bool,
    offers: BTreeSet<&'static str>,
}

/// A listener's view, built from events alone.
#[derive(Default)]
struct Heard {
    routes: BTreeMap<RouteId, (String, Offer)>,
    targets: BTreeMap<TargetId, String>,
    ever: BTreeSet<TargetId>,
}

impl Heard {
    fn hear(&mut self, event: RouteEvent) {
        match event {
            RouteEvent::RouteUp { id, pattern, offer } => {
                assert!(self.routes.insert(id, (pattern, offer)).is_none());
            }
            RouteEvent::RouteChanged { id, pattern, offer } => {
                assert!(self.routes.insert(id, (pattern, offer)).is_some());
            }
            RouteEvent::RouteDown { id, .. } => assert!(self.routes.remove(&id).is_some()),
            RouteEvent::TargetUp { id, name, .. } => {
                assert!(self.ever.insert(id), "{id:?} was used before");
                assert!(!self.targets.values().any(|n| *n == name), "two of {name}");
                self.targets.insert(id, name);
            }
            RouteEvent::TargetDown { id, .. } => assert!(self.targets.remove(&id).is_some()),
        }
    }
}

fn canonical(text: &str) -> String {
    Pattern::parse(text).unwrap().to_string()
}

proptest! {
    #[test]
    fn the_table_is_what_was_told(steps in steps()) {
        let mut r = Router::new(3);
        let mut said: BTreeMap<String, Said> = BTreeMap::new();
        let mut heard = Heard::default();
        let mut flying = Vec::new();
        let mut now = 0;
        for step in steps {
            match step {
                Step::Member(m, status, generation) => {
                    let name = format!("m{m}");
                    // 'Stalled for long' has its own test.
                    r.member(now, &name, status, false, generation);
                    let routable = matches!(status, Status::Alive | Status::Suspect);
                    said.entry(name).or_default().routable = routable;
                }
                Step::Service(m, port) => {
                    let name = format!("m{m}");
                    r.service(now, &name, port.and_then(service));
                    said.entry(name).or_default().service = port.is_some();
                }
                Step::Offer(m, p, retry) => {
                    let (name, text) = (format!("m{m}"), PATTERNS[p as usize]);
                    let offer = retry.map(|retry| Offer { retry, ..Offer::default() });
                    r.offer(now, &name, text, offer);
                    let offers = &mut said.entry(name).or_default().offers;
                    if retry.is_some() { offers.insert(text) } else { offers.remove(text) };
                }
                Step::Forget(m) => {
                    r.forget(&format!("m{m}"));
                    said.remove(&format!("m{m}"));
                }
                Step::Pick(p, excluded) => {
                    let text = canonical(PATTERNS[p as usize]);
                    let route = r.routes(now).into_iter().find(|v| v.pattern == text);
                    let Some(route) = route else { continue };
                    let all = r.targets(route.id);
                    let exclude = &all[..all.len().min(excluded as usize)];
                    let picked = r.pick(now, route.id, exclude);
                    prop_assert_eq!(picked.is_some(), all.len() > exclude.len());
                    if let Some(target) = picked {
                        prop_assert!(all.contains(&target) && !exclude.contains(&target));
                        flying.push((route.id, target));
                    }
                }
                Step::Done(outcome) => {
                    if let Some((route, target)) = flying.pop() {
                        r.done(now, route, target, 500, outcome);
                    }
                }
                Step::Pass(us) => {
                    now += us;
                    r.tick(now);
                }
            }
            while let Some(event) = r.poll() {
                heard.hear(event);
            }
            // Of calls to what is gone nothing is known any more.
            flying.retain(|(route, target)| r.targets(*route).contains(target));
            check(&r, &said, &heard, &flying, now);
        }
    }
}

fn check(
    r: &Router,
    said: &BTreeMap<String, Said>,
    heard: &Heard,
    flying: &[(RouteId, TargetId)],
    now: Micros,
) {
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let live = said.iter().filter(|(_, s)| s.routable && s.service);
    for (name, s) in live.clone() {
        for text in &s.offers {
            let members = expected.entry(canonical(text)).or_default();
            members.insert(name.clone());
        }
    }
    let mut views = BTreeMap::new();
    for view in r.routes(now) {
        let (pattern, offer) = &heard.routes[&view.id];
        assert_eq!((pattern, offer), (&view.pattern, &view.offer));
        for target in &view.targets {
            assert_eq!(heard.targets.get(&target.id), Some(&target.name));
            let calls = flying.iter().filter(|f| **f == (view.id, target.id));
            assert_eq!(calls.count(), target.inflight as usize);
        }
        let members: BTreeSet<_> = view.targets.iter().map(|t| t.name.clone()).collect();
        assert_eq!(members.len(), view.targets.len());
        views.insert(view.pattern, members);
    }
    assert_eq!(views, expected);
    assert_eq!(heard.routes.len(), views.len());
    let names: BTreeSet<_> = live.map(|(name, _)| name).collect();
    assert_eq!(heard.targets.values().collect::<BTreeSet<_>>(), names);
    for slot in r.table.slots.values() {
        let target = &r.table.targets[*slot];
        let calls = flying.iter().filter(|(_, id)| *id == target.id).count();
        assert_eq!(calls, target.inflight as usize);
    }
    // The good ones are in front, and everybody knows its place.
    let table = &r.table;
    for route in table.routes.values() {
        for (at, slot) in route.links.iter().enumerate() {
            let link = &table.links[*slot];
            let target = &table.targets[link.target];
            assert_eq!(link.at, at);
            let good = link.health.is_good() && !target.suspect && !target.stalled;
            assert_eq!(good, at < route.good);
            if let Some(due) = link.health.due() {
                assert!(route.trial_at <= due.max(now + 10_000));
            }
        }
    }
}
