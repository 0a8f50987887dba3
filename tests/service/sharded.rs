//! Services that share out a pin by key: every message of a key is answered by
//! its owner, whoever comes and goes.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use seneca_gossip::engine::Event;
use seneca_gossip::routing::{Model, Offer};
use seneca_gossip::service::{Builder, Service, Sharding, StartError};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::cluster::code;
use super::{Raw, act, join, start, until};

const PIN: &str = "role:counter";

/// Where counters save what they give away; and who counts what at the moment.
#[derive(Default)]
struct World {
    saved: Mutex<HashMap<String, u64>>,
    at_work: Mutex<HashMap<String, Vec<&'static str>>>,
    /// Keys that two counted at a time.
    twice: AtomicUsize,
}

impl World {
    fn begin(&self, name: &'static str, id: &str) {
        let mut at_work = self.at_work.lock().unwrap();
        let names = at_work.entry(id.into()).or_default();
        if names.iter().any(|other| *other != name) {
            self.twice.fetch_add(1, Ordering::Relaxed);
        }
        names.push(name);
    }

    fn end(&self, name: &'static str, id: &str) {
        let mut at_work = self.at_work.lock().unwrap();
        let names = at_work.get_mut(id).expect("it has begun");
        let at = names.iter().position(|other| *other == name);
        names.swap_remove(at.expect("it has begun"));
    }
}

/// Counts in memory, and hands over what it has counted.
fn counter(world: &Arc<World>, name: &'static str) -> Builder {
    counter_with(world, name, Offer::default())
}

fn counter_with(world: &Arc<World>, name: &'static str, offer: Offer) -> Builder {
    let counts: Arc<Mutex<HashMap<String, u64>>> = Arc::default();
    let (all, kept) = (world.clone(), counts.clone());
    let count = move |msg: Value| {
        let (all, kept) = (all.clone(), kept.clone());
        async move {
            let id = msg["id"].as_str().expect("an id").to_string();
            all.begin(name, &id);
            sleep(Duration::from_millis(id.len() as u64)).await;
            let count = {
                let mut kept = kept.lock().unwrap();
                let count = kept.entry(id.clone()).or_default();
                *count += 1;
                *count
            };
            all.end(name, &id);
            Ok(json!({ "count": count, "by": name }))
        }
    };
    let world = world.clone();
    Service::builder()
        .shard(PIN, Sharding::by("id"))
        .answer_with("role:counter,cmd:add", offer, count)
        .on_shards(move |moved| {
            let (world, counts) = (world.clone(), counts.clone());
            async move {
                // A store far away takes its time.
                sleep(Duration::from_millis(20)).await;
                let (mut saved, mut counts) = (world.saved.lock().unwrap(), counts.lock().unwrap());
                saved.extend(counts.extract_if(|id, _| moved.loses(id)));
                counts.extend(saved.extract_if(|id, _| moved.gains(id)));
            }
        })
}

/// Waits until these, and nobody else, hold all shards between them.
async fn settled(services: &[&Service]) {
    let mut names: Vec<&str> = services.iter().map(|service| service.name()).collect();
    names.sort();
    until("all shards have their owners", || async {
        let mut held = 0;
        let agreed = services.iter().all(|service| {
            let views = service.cluster().with_shards(|shards, _| shards.views());
            held += views[0].held;
            let owners = views[0].owners.iter().map(|owner| owner.name.as_str());
            owners.eq(names.iter().copied())
        });
        agreed && held == 16_384
    })
    .await;
}

fn add(id: impl Into<Value>) -> Value {
    json!({ "role": "counter", "cmd": "add", "id": id.into() })
}

/// Calls on and on, until it is told to stop; gives what was counted.
struct Load {
    stop: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<Vec<(String, u64)>>>,
}

impl Load {
    fn of(service: &Service) -> Self {
        let stop = Arc::new(AtomicU64::new(0));
        let task = |seed: u64| {
            let (service, stop) = (service.clone(), stop.clone());
            tokio::spawn(async move {
                let mut counted = Vec::new();
                let mut random = seed;
                while stop.load(Ordering::Relaxed) == 0 {
                    random = random.wrapping_mul(6_364_136_223_846_793_005) + 1;
                    let id = format!("u{}", (random >> 33) % 300);
                    let begun = Instant::now();
                    match service.act(add(id.as_str())).await {
                        Ok(out) => counted.push((id, out["count"].as_u64().unwrap())),
                        Err(error) => panic!("after {:?}: {error}", begun.elapsed()),
                    }
                    sleep(Duration::from_millis(5)).await;
                }
                counted
            })
        };
        let tasks = (1..=4).map(task).collect();
        Load { stop, tasks }
    }

    async fn end(self) -> Vec<(String, u64)> {
        self.stop.store(1, Ordering::Relaxed);
        let mut all = Vec::new();
        for task in self.tasks {
            all.extend(task.await.unwrap());
        }
        all
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_right_whoever_joins_and_leaves() {
    let world = Arc::new(World::default());
    let a = start(counter(&world, "a")).await;
    let b = join(counter(&world, "b"), &a).await;
    settled(&[&a, &b]).await;
    let client = join(Service::builder(), &b).await;
    until("the client knows them", || async {
        client.act(add("first")).await.is_ok()
    })
    .await;
    let (from_a, from_b, from_client) = (Load::of(&a), Load::of(&b), Load::of(&client));
    sleep(Duration::from_millis(500)).await;
    let c = join(counter(&world, "c"), &b).await;
    settled(&[&a, &b, &c]).await;
    sleep(Duration::from_millis(300)).await;
    let mut all = from_a.end().await;
    a.leave().await;
    settled(&[&b, &c]).await;
    sleep(Duration::from_millis(300)).await;
    all.extend(from_b.end().await);
    all.extend(from_client.end().await);
    assert!(all.len() > 500, "{}", all.len());
    let mut counts: HashMap<String, Vec<u64>> = HashMap::new();
    for (id, count) in all {
        counts.entry(id).or_default().push(count);
    }
    // Who counts from a wrong number gives one twice, or leaves one out.
    for (id, mut counts) in counts {
        counts.sort_unstable();
        assert!(
            counts.iter().copied().eq(1..=counts.len() as u64),
            "{id}: {counts:?}"
        );
    }
    assert_eq!(world.twice.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_retry_the_death_of_an_owner_costs_no_call() {
    let offer = Offer {
        retry: 1,
        ..Offer::default()
    };
    let world = Arc::new(World::default());
    let a = start(counter_with(&world, "a", offer.clone())).await;
    let b = join(counter_with(&world, "b", offer), &a).await;
    settled(&[&a, &b]).await;
    let client = join(Service::builder(), &a).await;
    let (from_a, from_client) = (Load::of(&a), Load::of(&client));
    sleep(Duration::from_millis(500)).await;
    b.close();
    settled(&[&a]).await;
    sleep(Duration::from_millis(300)).await;
    let all = [from_a.end().await, from_client.end().await].concat();
    assert!(all.len() > 200, "{}", all.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_name_the_same_owner_and_it_alone_answers() {
    let world = Arc::new(World::default());
    let a = start(counter(&world, "a")).await;
    let b = join(counter(&world, "b"), &a).await;
    settled(&[&a, &b]).await;
    let client = join(Service::builder(), &a).await;
    let owner = |service: &Service, number: i32| service.owner(PIN, number)?.owner;
    until("the client knows the owners", || async {
        (0..50).all(|number| owner(&client, number) == owner(&a, number))
    })
    .await;
    for number in 0..50 {
        let id = number.to_string();
        let owner = client.owner(PIN, number).expect("a sharded pin");
        let name = owner.owner.expect("an owner");
        let by = if name == a.name() { "a" } else { "b" };
        for service in [&a, &b] {
            let same = service.owner(PIN, &id[..]).unwrap();
            assert_eq!(
                (same.owner.as_deref(), same.shard),
                (Some(&name[..]), owner.shard)
            );
            assert_eq!(service.owns(PIN, number), service.name() == name);
            assert_eq!(same.is_self, service.name() == name);
        }
        for service in [&a, &b, &client] {
            assert_eq!(service.act(add(&id[..])).await.unwrap()["by"], json!(by));
        }
    }
    assert_eq!(a.owner("role:other", 1), None);
    assert_eq!(a.owner(PIN, Value::Null), None);
    assert!(!a.owns(PIN, Value::Null) && !client.owns(PIN, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_general_action_answers_for_a_narrower_pin() {
    let named = |name: &'static str| {
        Service::builder()
            .shard("role:counter,kind:sharded", Sharding::by("id"))
            .answer(PIN, move |_| async move { Ok(json!({ "by": name })) })
    };
    let a = start(named("a")).await;
    let b = join(named("b"), &a).await;
    settled(&[&a, &b]).await;
    let mut answers = HashSet::new();
    for id in 0..20 {
        let msg = json!({ "role": "counter", "kind": "sharded", "id": id });
        let by = a.act(msg.clone()).await.unwrap()["by"].clone();
        assert_eq!(b.act(msg).await.unwrap()["by"], by);
        answers.insert(by.to_string());
        // What is outside of the pin needs no key, and no other node.
        let other = a.act(json!({ "role": "counter", "kind": "other" })).await;
        assert_eq!(other.unwrap()["by"], json!("a"));
    }
    assert_eq!(answers.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_passed_on_once() {
    let world = Arc::new(World::default());
    let a = start(counter(&world, "a")).await;
    let b = join(counter(&world, "b"), &a).await;
    settled(&[&a, &b]).await;
    let theirs = (0..).map(|n| n.to_string()).find(|id| b.owns(PIN, &id[..]));
    let msg = add(theirs.unwrap());
    let mut raw = Raw::to(&a).await;
    let reply = raw.ask(act("1", msg.clone())).await;
    assert_eq!(reply["res"]["by"], json!("b"), "{reply}");
    let mut again = act("2", msg);
    again["track"] = json!(["RAW", "OTHER"]);
    let reply = raw.ask(again).await;
    assert_eq!(reply["error"]["code"], json!("not_owner"), "{reply}");
    assert_eq!(reply["error"]["details"]["owner"], json!(b.name()));
    assert_eq!(reply["ran"], json!(false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_without_its_key_says_so_or_goes_anywhere() {
    let named = |optional| {
        let how = Sharding::by("user.id").optional(optional);
        Service::builder()
            .shard(PIN, how)
            .answer("role:counter", |_| async { Ok(json!({})) })
    };
    let a = start(named(false)).await;
    settled(&[&a]).await;
    let client = join(Service::builder(), &a).await;
    let mut raw = Raw::to(&a).await;
    let msg = |more: Value| json!({ "role": "counter", "user": more });
    for without in [Value::Null, json!(7), json!({}), json!({ "id": [1] })] {
        let without = msg(without);
        for service in [&a, &client] {
            let error = service.act(without.clone()).await.unwrap_err();
            assert_eq!(error.code, "shard_key_missing", "{error}");
            assert!(error.message.contains("'user.id'"), "{error}");
        }
        let reply = raw.ask(act("1", without)).await;
        assert_eq!(reply["error"]["code"], json!("shard_key_missing"));
        assert_eq!(reply.get("ran"), None);
    }
    let with = msg(json!({ "id": 7 }));
    assert_eq!(code(&client.act(with).await), "ok");
    a.leave().await;

    let b = start(named(true)).await;
    settled(&[&b]).await;
    let client = join(Service::builder(), &b).await;
    for service in [&b, &client] {
        assert_eq!(code(&service.act(msg(json!({}))).await), "ok");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_number_of_shards_is_refused_by_both_numbers() {
    let a = start(counter(&Arc::default(), "a")).await;
    settled(&[&a]).await;
    let other = Service::builder()
        .shard(PIN, Sharding::by("id").shards(512))
        .answer(PIN, |_| async { Ok(Value::Null) })
        .seeds([a.gossip_addr().to_string()]);
    let error = other.start().await.unwrap_err();
    assert!(matches!(error, StartError::Shards(_)), "{error:?}");
    let says = format!("16384 shards by {}, into 512 by this node", a.name());
    assert!(error.to_string().contains(&says), "{error}");
}

#[tokio::test]
async fn what_cannot_be_shared_out_is_refused() {
    let nothing = Service::builder().shard(PIN, Sharding::by("id"));
    let elsewhere = Service::builder()
        .shard(PIN, Sharding::by("id"))
        .answer("role:other", |_| async { Ok(Value::Null) });
    let offer = Offer {
        model: Model::Observe,
        ..Offer::default()
    };
    let observed = Service::builder()
        .shard(PIN, Sharding::by("id"))
        .answer_with(PIN, offer, |_| async { Ok(Value::Null) });
    let unnamed = Service::builder()
        .shard(PIN, Sharding::by("a..b"))
        .answer(PIN, |_| async { Ok(Value::Null) });
    for (builder, says) in [
        (nothing, "no action"),
        (elsewhere, "no action"),
        (observed, "observed"),
        (unnamed, "'a..b'"),
    ] {
        let error = builder.start().await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(PIN) && text.contains(says), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_an_action_ends_its_shard_can_move() {
    let counter = || {
        Service::builder()
            .shard(PIN, Sharding::by("id").handover(Duration::from_secs(60)))
            .answer(PIN, |msg: Value| async move {
                match msg["how"].as_str() {
                    Some("panic") => panic!("told to"),
                    Some("never") => std::future::pending().await,
                    _ => Ok(json!({})),
                }
            })
    };
    let a = start(counter()).await;
    settled(&[&a]).await;
    let client = join(Service::builder(), &a).await;
    for number in 0..100 {
        let msg =
            move |how: &str| json!({ "role": "counter", "id": number, "how": how, "timeout$": 50 });
        let service = if number % 2 == 0 { &a } else { &client };
        assert_eq!(code(&service.act(msg("panic")).await), "act_execute");
        let service = service.clone();
        // Its time is over, or nobody waits for it any more.
        let never = msg("never");
        tokio::spawn(async move { service.act(never).await });
        let given_up = tokio::time::timeout(Duration::from_millis(1), a.act(msg("never")));
        assert!(given_up.await.is_err());
    }
    let b = join(counter(), &a).await;
    settled(&[&a, &b]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_hangs_or_fails_holds_shards_no_longer_than_handover() {
    let how = Sharding::by("id").handover(Duration::from_millis(300));
    let a = Service::builder()
        .shard(PIN, how)
        .answer(PIN, |_| async { Ok(json!({})) })
        .on_shards(|moved| async move {
            match moved.gained.is_empty() {
                true => panic!("told to"),
                false => std::future::pending().await,
            }
        });
    let a = start(a).await;
    let mut events = a.events();
    settled(&[&a]).await;
    assert_eq!(
        code(&a.act(json!({ "role": "counter", "id": 1 })).await),
        "ok"
    );
    let begun = Instant::now();
    let quick = Service::builder()
        .shard(PIN, Sharding::by("id").handover(Duration::from_millis(300)))
        .answer(PIN, |_| async { Ok(json!({})) });
    let b = join(quick, &a).await;
    settled(&[&a, &b]).await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    let mut told = Vec::new();
    let want = ["more than 300 ms", "failed: told to"];
    until("it is told", || {
        while let Ok(event) = events.try_recv() {
            if let Event::Log { text, .. } = event {
                told.push(text);
            }
        }
        let has = |part| {
            told.iter()
                .any(|text: &String| text.contains(PIN) && text.contains(part))
        };
        std::future::ready(want.into_iter().all(has))
    })
    .await;
}
