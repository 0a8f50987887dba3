//! Services among themselves: discovery, balance, failure, leave.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use seneca_gossip::membership::Status;
use seneca_gossip::routing::{Model, Offer};
use seneca_gossip::service::{ActError, Builder, Service, StartError};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use super::ports::free_port;
use super::{Raw, act, api, join, load, start, until};

/// Answers `a:1` with a name.
fn named(name: &'static str, offer: Offer) -> Builder {
    Service::builder().answer_with("a:1", offer, move |msg: Value| async move {
        sleep(Duration::from_millis(msg["ms"].as_u64().unwrap_or(0))).await;
        Ok(json!({ "by": name }))
    })
}

/// A client, once it knows so many targets of `a:1`.
pub(super) async fn client(seed: &Service, targets: usize) -> Service {
    let client = join(Service::builder(), seed).await;
    knows(&client, "a:1", targets).await;
    client
}

/// Waits until a client knows so many targets of a pattern.
pub(super) async fn knows(client: &Service, pattern: &str, targets: usize) {
    until("targets are known", || async {
        let cluster = client.cluster();
        let now = cluster.micros();
        let routes = cluster.with_router(|router| router.routes(now));
        routes
            .iter()
            .any(|route| route.pattern == pattern && route.targets.len() == targets)
    })
    .await;
}

pub(super) fn code<T>(result: &Result<T, ActError>) -> &str {
    match result {
        Ok(_) => "ok",
        Err(error) => &error.code,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_find_who_answers() {
    let a = start(api()).await;
    // Same pin, another pattern.
    let add = Service::builder().pin("role:api").answer(
        "role:api,cmd:add",
        |msg: Value| async move {
            Ok(json!({ "answer": msg["left"].as_i64().unwrap() + msg["right"].as_i64().unwrap() }))
        },
    );
    let b = join(add, &a).await;
    let c = join(Service::builder(), &b).await;
    until("everybody is known", || async { c.members().len() == 3 }).await;
    for (cmd, answer) in [("mcl", 6), ("add", 5), ("mcl", 6), ("add", 5)] {
        let msg = json!({ "role": "api", "cmd": cmd, "left": 2, "right": 3 });
        assert_eq!(c.act(msg).await.unwrap(), json!({ "answer": answer }));
    }
    // One of the two calls the other; its own action needs no network.
    let msg = json!({ "role": "api", "cmd": "mcl", "left": 2, "right": 3 });
    assert_eq!(b.act(msg).await.unwrap(), json!({ "answer": 6 }));
    let msg = json!({ "role": "private", "cmd": "x" });
    assert_eq!(code(&c.act(msg.clone()).await), "act_not_found");
    assert_eq!(a.act(msg).await.unwrap(), json!({ "private": true }));

    let error = c
        .act(json!({ "role": "api", "cmd": "mcl", "left": "x" }))
        .await
        .unwrap_err();
    assert_eq!(
        (error.code.as_str(), &error.details["left"]),
        ("not_a_number", &json!("x"))
    );
    assert_eq!(code(&c.act(json!([1])).await), "invalid_message");

    let view = c
        .members()
        .into_iter()
        .find(|m| m.member.name == b.name())
        .unwrap();
    assert_eq!(view.patterns, ["cmd:add,role:api"]);
    assert_eq!(view.service.unwrap().pins, ["role:api"]);
    for service in [c, b, a] {
        service.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_loses_no_call() {
    let a = start(named("a", Offer::default())).await;
    let b = join(named("b", Offer::default()), &a).await;
    let client = client(&a, 2).await;
    let load = load(&client, json!({ "a": 1, "ms": 3 }));
    sleep(Duration::from_millis(500)).await;
    b.leave().await;
    let (made, failed) = load.await.unwrap();
    assert!(made > 500, "{made}");
    assert_eq!(failed, 0, "of {made}");
    let status = client.cluster().member(b.name()).map(|m| m.status);
    assert_eq!(status, Some(Status::Left));
    assert_eq!(code(&b.act(json!({ "a": 1 })).await), "closed");
}

/// Calls under way at a target that dies without a word.
async fn crash(offer: Offer) -> Vec<Result<Value, ActError>> {
    let a = start(named("a", offer.clone())).await;
    let b = join(named("b", offer), &a).await;
    let client = client(&a, 2).await;
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.act(json!({ "a": 1, "ms": 300 })).await })
        })
        .collect();
    sleep(Duration::from_millis(150)).await;
    let begun = Instant::now();
    b.close();
    let mut results = Vec::new();
    for call in calls {
        results.push(call.await.unwrap());
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
    // Whatever comes later finds the survivor.
    for _ in 0..20 {
        assert_eq!(
            client.act(json!({ "a": 1 })).await.unwrap(),
            json!({ "by": "a" })
        );
    }
    results
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_costs_only_what_was_written() {
    let results = crash(Offer::default()).await;
    let lost = results.iter().filter(|r| code(r) == "target_lost").count();
    let fine = results.iter().filter(|r| r.is_ok()).count();
    assert!(lost > 0 && fine > 0 && lost + fine == 50, "{lost} {fine}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_retry_a_crash_costs_nothing() {
    let retry = Offer {
        retry: 2,
        ..Offer::default()
    };
    for result in crash(retry).await {
        result.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_target_wait_and_return() {
    let offer = Offer {
        wait: Some(10_000),
        ..Offer::default()
    };
    let hub = start(Service::builder()).await;
    let a = join(named("a", offer.clone()), &hub).await;
    let client = client(&hub, 1).await;
    assert_eq!(code(&client.act(json!({ "b": 1 })).await), "act_not_found");
    let error = client
        .act(json!({ "a": 1, "ms": 5_000, "timeout$": 100 }))
        .await
        .unwrap_err();
    assert!(
        ["call_timeout", "action_timeout"].contains(&error.code.as_str()),
        "{error}"
    );
    a.leave().await;
    knows_none(&client).await;
    // Known, but nobody is there: the call waits, its deadline ends it,
    let error = client
        .act(json!({ "a": 1, "timeout$": 100 }))
        .await
        .unwrap_err();
    assert_eq!(error.code, "call_timeout", "{error}");
    assert_eq!(error.details["written"], json!(false));
    // and another one is answered by who comes meanwhile.
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.act(json!({ "a": 1 })).await }
    });
    sleep(Duration::from_millis(50)).await;
    let _b = join(named("b", offer), &hub).await;
    assert_eq!(waiting.await.unwrap().unwrap(), json!({ "by": "b" }));
}

async fn knows_none(client: &Service) {
    until("the route is gone", || async {
        let cluster = client.cluster();
        cluster
            .with_router(|router| router.resolve(&json!({ "a": 1 })))
            .is_none()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_most_so_many_at_once() {
    let offer = Offer {
        concurrency: Some(3),
        ..Offer::default()
    };
    let a = start(named("a", offer)).await;
    let client = client(&a, 1).await;
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.act(json!({ "a": 1, "ms": 500 })).await })
        })
        .collect();
    let mut codes = Vec::new();
    for call in calls {
        codes.push(code(&call.await.unwrap()).to_string());
    }
    codes.sort();
    assert_eq!(codes[..3], ["ok", "ok", "ok"]);
    assert!(
        codes[3..].iter().all(|code| code == "overloaded"),
        "{codes:?}"
    );
    // A call that is given up frees its place.
    for _ in 0..10 {
        let call = client.act(json!({ "a": 1, "ms": 200 }));
        assert!(timeout(Duration::from_millis(10), call).await.is_err());
    }
    assert!(client.act(json!({ "a": 1 })).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn observers_all_hear_it() {
    static HEARD: AtomicU64 = AtomicU64::new(0);
    let offer = Offer {
        model: Model::Observe,
        ..Offer::default()
    };
    let observer = |pause: u64| {
        Service::builder().answer_with("a:1", offer.clone(), move |_| async move {
            sleep(Duration::from_millis(pause)).await;
            HEARD.fetch_add(1, Ordering::Relaxed);
            Ok(json!({ "pause": pause }))
        })
    };
    let a = start(observer(0)).await;
    let _b = join(observer(100), &a).await;
    let _c = join(observer(200), &a).await;
    let client = client(&a, 3).await;
    assert_eq!(
        client.act(json!({ "a": 1 })).await.unwrap(),
        json!({ "pause": 0 })
    );
    until("all three have heard", || async {
        HEARD.load(Ordering::Relaxed) == 3
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nested_calls_inherit_the_deadline() {
    let a = start(named("a", Offer::default())).await;
    let (told, outer) = tokio::sync::watch::channel::<Option<Service>>(None);
    let nested = Service::builder().answer("b:1", move |_| {
        let mut outer = outer.clone();
        async move {
            let service = outer
                .wait_for(Option::is_some)
                .await
                .unwrap()
                .clone()
                .unwrap();
            // Would take a minute, were it not for the caller's 300 ms.
            Ok(service.act(json!({ "a": 1, "ms": 60_000 })).await?)
        }
    });
    let b = join(nested, &a).await;
    knows(&b, "a:1", 1).await;
    told.send_replace(Some(b.clone()));
    let begun = Instant::now();
    let error = b.act(json!({ "b": 1, "timeout$": 300 })).await.unwrap_err();
    assert!(error.code.ends_with("_timeout"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    told.send_replace(None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goodbye_names_what_counts() {
    let service = start(api()).await;
    let mut ours = Raw::to(&service).await;
    let mut stock = Raw::to(&service).await;
    let slow = |id: &str| act(id, json!({ "role": "api", "cmd": "slow", "ms": 200 }));
    let mut hello = slow("a/1");
    hello["msg$"] = json!({ "bye": 1 });
    ours.send(hello.to_string()).await;
    ours.send(slow("a/2").to_string()).await;
    stock.send(slow("s/1").to_string()).await;
    sleep(Duration::from_millis(50)).await;
    let leave = tokio::spawn({
        let service = service.clone();
        async move { service.leave().await }
    });
    assert_eq!(
        ours.reply().await.unwrap(),
        json!({ "kind": "bye", "accepted": 2 })
    );
    // Too late: does not run, and is not answered.
    ours.send(slow("a/3").to_string()).await;
    // Stock clients do not know better and are served.
    stock
        .send(act("s/2", json!({ "role": "api", "cmd": "null" })).to_string())
        .await;
    let mut ids = Vec::new();
    while let Some(reply) = ours.reply().await {
        ids.push(reply["id"].clone());
    }
    ids.sort_by_key(|id| id.to_string());
    assert_eq!(ids, [json!("a/1"), json!("a/2")]);
    assert_eq!(stock.reply().await.unwrap()["id"], json!("s/2"));
    assert_eq!(stock.reply().await.unwrap()["id"], json!("s/1"));
    leave.await.unwrap();
    assert!(stock.reply().await.is_none());
}

#[tokio::test]
async fn starts_that_are_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = api().port(port).start().await.unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }), "{error}");
    assert!(error.to_string().contains(&port.to_string()));
    for (builder, want) in [
        (
            Service::builder().answer("nonsense", |_| async { Ok(Value::Null) }),
            "nonsense",
        ),
        (
            Service::builder().answer("role:seneca", |_| async { Ok(Value::Null) }),
            "role:seneca",
        ),
        (api().pin("a"), "'a'"),
        (api().seeds(["nonsense"]), "nonsense"),
        (api().host("192.0.2.1"), "192.0.2.1"),
        (api().host("no such host"), "no such host"),
        (api().port(65_535), "65535"),
    ] {
        let error = builder.start().await.unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }
}

#[tokio::test]
async fn one_text_may_hold_several_pins() {
    let answers = api().answer("role:x,n:1.0", |_| async { Ok(Value::Null) });
    let service = start(answers.pin("role:private; role:x")).await;
    let view = service.members().remove(0);
    assert_eq!(
        view.service.unwrap().pins,
        ["role:api", "role:private", "role:x"]
    );
    // A number is its value, as for Seneca.
    assert!(view.patterns.contains(&"n:1,role:x".to_string()));
}

#[tokio::test]
async fn start_and_leave_again_and_again() {
    let port = free_port();
    for _ in 0..20 {
        let service = start(api().port(port)).await;
        assert!(
            service
                .act(json!({ "role": "api", "cmd": "null" }))
                .await
                .is_ok()
        );
        service.leave().await;
        service.leave().await;
        service.close();
    }
    // The last clone takes it along.
    let service = start(api().port(port)).await;
    drop(service.clone());
    drop(service);
    start(api().port(port)).await;
}
