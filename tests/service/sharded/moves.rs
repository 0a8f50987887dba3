//! Shards that move: nothing is lost, nothing is done twice, and nobody can hold
//! them for long.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use seneca_gossip::engine::Event;
use seneca_gossip::routing::Offer;
use seneca_gossip::service::{Service, Sharding};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::super::cluster::code;
use super::super::{join, start, until};
use super::{Load, PIN, World, add, counter, counter_with, settled};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_save_that_takes_longer_than_drain_is_waited_for() {
    let saved = Arc::new(AtomicBool::new(false));
    let done = saved.clone();
    let a = Service::builder()
        .drain(Duration::ZERO)
        .shard(PIN, Sharding::by("id"))
        .answer(PIN, |_| async { Ok(json!({})) })
        .on_shards(move |moved| {
            let done = done.clone();
            async move {
                if !moved.lost.is_empty() {
                    sleep(Duration::from_millis(800)).await;
                    done.store(true, Ordering::Release);
                }
            }
        });
    let a = start(a).await;
    let plain = Service::builder()
        .shard(PIN, Sharding::by("id"))
        .answer(PIN, |_| async { Ok(json!({})) });
    let b = join(plain, &a).await;
    settled(&[&a, &b]).await;
    // It has given half of the shards away already.
    saved.store(false, Ordering::Release);
    a.leave().await;
    assert!(saved.load(Ordering::Acquire));
    settled(&[&b]).await;
}
