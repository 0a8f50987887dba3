//! Scenarios of the whole table; `model` checks it against a simple model.

mod balance;
mod model;

use serde_json::json;

use super::*;
use crate::membership::Status;

const SECOND: Micros = 1_000_000;

fn service(port: u16) -> Option<Service> {
    Some(Service::tcp("127.0.0.1", port))
}

/// Members `m0..` of which each answers every pattern.
fn cluster(members: usize, patterns: &[&str], offer: Offer) -> Router {
    let mut router = Router::new(7);
    for m in 0..members {
        let name = format!("m{m}");
        router.member(0, &name, Status::Alive, false, 1);
        router.service(0, &name, service(4_000 + m as u16));
        for pattern in patterns {
            router.offer(0, &name, pattern, Some(offer.clone()));
        }
    }
    events(&mut router);
    router
}

fn events(router: &mut Router) -> Vec<String> {
    let mut out = Vec::new();
    while let Some(event) = router.poll() {
        out.push(match event {
            RouteEvent::RouteUp { pattern, .. } => format!("route {pattern}"),
            RouteEvent::RouteChanged { pattern, .. } => format!("changed {pattern}"),
            RouteEvent::RouteDown { pattern, .. } => format!("unroute {pattern}"),
            RouteEvent::TargetUp { name, port, .. } => format!("up {name} {port}"),
            RouteEvent::TargetDown { name, reason, .. } => format!("down {name} {reason:?}"),
        });
    }
    out
}

fn resolve(router: &Router, msg: serde_json::Value) -> Option<String> {
    let route = router.resolve(&msg)?;
    router.pattern(route).map(str::to_string)
}

#[test]
fn a_member_comes_and_goes() {
    let mut r = Router::new(1);
    // Its records may arrive in any order.
    r.offer(0, "a", "role:api,cmd:add", Some(Offer::default()));
    r.service(0, "a", service(4444));
    assert!(events(&mut r).is_empty());
    r.member(0, "a", Status::Alive, false, 1);
    assert_eq!(events(&mut r), ["up a 4444", "route cmd:add,role:api"]);

    // A restart: another target, though nothing else has changed.
    r.member(0, "a", Status::Alive, false, 2);
    let restart = [
        "unroute cmd:add,role:api",
        "down a Replaced",
        "up a 4444",
        "route cmd:add,role:api",
    ];
    assert_eq!(events(&mut r), restart);

    r.member(0, "a", Status::Suspect, false, 2);
    assert!(events(&mut r).is_empty());
    r.member(0, "a", Status::Dead, false, 2);
    assert_eq!(events(&mut r), ["unroute cmd:add,role:api", "down a Dead"]);
    r.forget("a");
    assert!(events(&mut r).is_empty());
}

#[test]
fn a_new_generation_of_the_same_instance_is_the_same_target() {
    let mut r = Router::new(1);
    let run = |instance: &str| {
        let mut service = service(4444)?;
        service.instance = instance.into();
        Some(service)
    };
    r.member(0, "a", Status::Alive, false, 1);
    r.service(0, "a", run("x/1"));
    r.offer(0, "a", "a:1", Some(Offer::default()));
    events(&mut r);
    let route = r.resolve(&json!({ "a": 1 })).unwrap();
    let target = r.pick(0, route, &[]);
    r.member(0, "a", Status::Alive, false, 2);
    assert!(events(&mut r).is_empty());
    assert_eq!(r.targets(route), Vec::from_iter(target));
    // A restart: the run of the gossip is told before that of the process.
    r.member(0, "a", Status::Alive, false, 3);
    r.service(0, "a", run("x/2"));
    assert_eq!(
        events(&mut r),
        ["unroute a:1", "down a Replaced", "up a 4444", "route a:1"]
    );
}

#[test]
fn leaving_withdrawn_moved_and_gone() {
    let mut r = cluster(2, &["a:1"], Offer::default());
    r.member(0, "m0", Status::Leaving, false, 1);
    r.member(0, "m0", Status::Left, false, 1);
    assert_eq!(events(&mut r), ["down m0 Leaving"]);
    r.service(0, "m1", service(5_000));
    assert_eq!(
        events(&mut r),
        ["unroute a:1", "down m1 Replaced", "up m1 5000", "route a:1"]
    );
    r.offer(0, "m1", "a:1", None);
    assert_eq!(events(&mut r), ["unroute a:1"]);
    r.service(0, "m1", None);
    assert_eq!(events(&mut r), ["down m1 Withdrawn"]);
}

#[test]
fn a_route_keeps_its_id_while_it_has_no_target() {
    let mut r = cluster(1, &["a:1"], Offer::default());
    let msg = json!({ "a": 1 });
    let id = r.resolve(&msg).unwrap();
    r.member(0, "m0", Status::Dead, false, 1);
    r.forget("m0");
    assert_eq!(r.resolve(&msg), None);
    assert_eq!(r.resolve_known(&msg), Some(id));
    assert_eq!(r.pick(0, id, &[]), None);
    r.member(1, "m0", Status::Alive, false, 2);
    r.service(1, "m0", service(1));
    r.offer(1, "m0", "a:1", Some(Offer::default()));
    assert_eq!(r.resolve(&msg), Some(id));
}

#[test]
fn routes_without_publisher_are_forgotten_in_the_end() {
    let mut r = cluster(1, &[], Offer::default());
    for n in 0..5_000 {
        let pattern = format!("n:{n}");
        r.offer(0, "m0", &pattern, Some(Offer::default()));
        r.offer(0, "m0", &pattern, None);
    }
    events(&mut r);
    assert!(r.table.routes.len() <= 1_024);
    assert_eq!(r.resolve_known(&json!({ "n": 0 })), None);
    assert!(r.resolve_known(&json!({ "n": 4_999 })).is_some());
}

#[test]
fn dead_special_routes_do_not_shadow_live_general_ones() {
    let mut r = cluster(2, &["role:api"], Offer::default());
    r.offer(0, "m0", "role:api,cmd:add", Some(Offer::default()));
    let msg = json!({ "role": "api", "cmd": "add" });
    assert_eq!(
        resolve(&r, msg.clone()).as_deref(),
        Some("cmd:add,role:api")
    );
    let special = r.resolve(&msg).unwrap();
    r.member(0, "m0", Status::Dead, false, 1);
    assert_eq!(resolve(&r, msg.clone()).as_deref(), Some("role:api"));
    assert_eq!(r.resolve_known(&msg), Some(special));
    assert_eq!(r.more_general(special), [r.resolve(&msg).unwrap()]);
}

#[test]
fn the_offer_of_the_node_started_last_counts() {
    let with = |retry| {
        Some(Offer {
            retry,
            ..Offer::default()
        })
    };
    let mut r = cluster(2, &["a:1"], Offer::default());
    let id = r.resolve(&json!({ "a": 1 })).unwrap();
    r.offer(0, "m0", "a:1", with(1));
    assert!(events(&mut r).is_empty());
    r.member(0, "m0", Status::Alive, false, 9);
    assert_eq!(r.route_offer(id).unwrap().retry, 1);
    assert!(events(&mut r).contains(&"changed a:1".to_string()));
    r.member(0, "m0", Status::Dead, false, 9);
    assert_eq!(r.route_offer(id).unwrap().retry, 0);
}

#[test]
fn what_nobody_may_publish() {
    let mut r = cluster(1, &[], Offer::default());
    for bad in [
        "",
        "nonsense",
        "role:seneca,cmd:close",
        "sys:gossip,get:members",
        "get:'members,sys:gossip'",
        "x$:1",
    ] {
        r.offer(0, "m0", bad, Some(Offer::default()));
    }
    assert!(events(&mut r).is_empty());
    assert!(r.routes(0).is_empty());
}

#[test]
fn patterns_that_text_cannot_carry() {
    let pattern = [("a".to_string(), "x,b:1".to_string())].into();
    let offer = Offer {
        pattern: Some(pattern),
        ..Offer::default()
    };
    let mut r = cluster(1, &[], Offer::default());
    r.offer(0, "m0", "a:x,b:1", Some(offer));
    assert!(r.resolve(&json!({ "a": "x,b:1" })).is_some());
    assert!(r.resolve(&json!({ "a": "x", "b": 1 })).is_none());
}

#[test]
fn two_texts_of_one_route() {
    let mut r = cluster(1, &["a:1,b:2", "b:2,a:1"], Offer::default());
    r.offer(0, "m0", "a:1,b:2", None);
    assert!(events(&mut r).is_empty());
    r.offer(0, "m0", "b:2,a:1", None);
    assert_eq!(events(&mut r), ["unroute a:1,b:2"]);
}

#[test]
fn stalled_for_long_is_gone_until_it_moves_again() {
    let mut r = cluster(1, &["a:1"], Offer::default());
    r.member(0, "m0", Status::Alive, true, 1);
    r.tick(29 * SECOND);
    assert!(events(&mut r).is_empty());
    r.tick(31 * SECOND);
    assert_eq!(events(&mut r), ["unroute a:1", "down m0 Leaving"]);
    r.member(32 * SECOND, "m0", Status::Alive, true, 1);
    assert!(events(&mut r).is_empty());
    r.member(33 * SECOND, "m0", Status::Alive, false, 1);
    assert_eq!(events(&mut r), ["up m0 4000", "route a:1"]);
}

#[test]
fn records_of_other_versions() {
    let parsed = Offer::parse(br#"{"model":"observe","strategy":"new","retry":"x","future":1}"#);
    let offer = parsed.unwrap();
    assert_eq!(offer.model, Model::Observe);
    assert_eq!((offer.strategy, offer.retry), (Strategy::P2c, 0));
    let sharded = Offer::parse(br#"{"shard":{"pin":"a:1","key":"id","new":1},"timeout":5}"#);
    let sharded = sharded.unwrap();
    let by_key = sharded.shard.as_ref().unwrap();
    assert_eq!((&by_key.pin[..], &by_key.key[..]), ("a:1", "id"));
    assert!(!by_key.optional);
    assert_eq!(Offer::parse(&sharded.to_json()), Some(sharded));
    assert_eq!(Offer::parse(br#"{"shard":"id"}"#).unwrap().shard, None);
    for bad in [&b"[]"[..], b"", b"1", b"{", b"\xff"] {
        assert_eq!(Offer::parse(bad), None);
        assert_eq!(Service::parse(bad), None);
    }
    let s = Service::parse(br#"{"host":"h","port":1,"weight":"x","pins":3,"new":[1]}"#).unwrap();
    assert_eq!((s.kind.as_str(), s.weight, s.pins.len()), ("tcp", 1.0, 0));
    assert_eq!(s.extra["new"], json!([1]));
    assert_eq!(Service::parse(&s.to_json()), Some(s));
    for bad in [
        r#"{"host":"h","port":99999}"#,
        r#"{"host":"h","port":0}"#,
        r#"{"host":"","port":1}"#,
        r#"{"host":"a b","port":1}"#,
        r#"{"port":1}"#,
    ] {
        assert_eq!(Service::parse(bad.as_bytes()), None, "{bad}");
    }
    let heavy = Service::parse(br#"{"host":"h","port":1,"weight":1e300}"#).unwrap();
    assert_eq!(heavy.weight, 100.0);
}
