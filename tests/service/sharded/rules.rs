//! Who answers a message of a sharded pin, and what is refused.

use std::collections::HashSet;
use std::sync::Arc;

use seneca_gossip::routing::{Model, Offer};
use seneca_gossip::service::{Service, Sharding, StartError};
use serde_json::{Value, json};

use super::super::cluster::code;
use super::super::{Raw, act, join, start, until};
use super::{PIN, World, add, counter, counter_with, settled};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_name_the_same_owner_and_it_alone_answers() {
    let world = Arc::new(World::default());
    let a = start(counter(&world, "a")).await;
    let b = join(counter(&world, "b"), &a).await;
    settled(&[&a, &b]).await;
    let client = join(Service::builder(), &a).await;
    let owner = |service: &Service, number: i32| service.owner(PIN, number)?.owner;
    until(
        "the client knows the owners, and their handlers are done",
        || async {
            (0..50).all(|number| {
                let name = owner(&client, number);
                let owns = |service: &Service| {
                    let named = name.as_deref() == Some(service.name());
                    service.owns(PIN, number) == named
                };
                name == owner(&a, number) && owns(&a) && owns(&b)
            })
        },
    )
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
    assert_eq!(reply["moved"], json!(true), "{reply}");
    let mine = (0..).map(|n| n.to_string()).find(|id| a.owns(PIN, &id[..]));
    let reply = raw.ask(act("3", add(mine.unwrap()))).await;
    assert_eq!(
        (&reply["res"]["by"], reply.get("moved")),
        (&json!("a"), None)
    );
    let mut again = act("2", msg);
    again["track"] = json!(["RAW", "OTHER"]);
    let reply = raw.ask(again).await;
    assert_eq!(reply["error"]["code"], json!("not_owner"), "{reply}");
    assert_eq!(reply["error"]["details"]["owner"], json!(b.name()));
    assert_eq!(reply["ran"], json!(false));
    let stats = a.stats();
    assert_eq!((stats.forwarded, stats.not_owner), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_gets_no_more_calls_at_once_than_its_offer_allows() {
    let offer = Offer {
        concurrency: Some(1),
        ..Offer::default()
    };
    let world = Arc::new(World::default());
    let a = start(counter_with(&world, "a", offer)).await;
    settled(&[&a]).await;
    let client = join(Service::builder(), &a).await;
    // The length of the id is how long it takes.
    let long = "x".repeat(300);
    let (first, second) = tokio::join!(client.act(add(&long[..])), client.act(add(&long[..])));
    let mut codes = [code(&first), code(&second)];
    codes.sort();
    assert_eq!(codes, ["ok", "overloaded"]);
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
async fn another_number_of_shards_or_another_key_is_refused_by_both() {
    let a = start(counter(&Arc::default(), "a")).await;
    settled(&[&a]).await;
    for (how, says) in [
        (Sharding::by("id").shards(512), "512 shards by the key 'id'"),
        (Sharding::by("user.id"), "16384 shards by the key 'user.id'"),
    ] {
        let other = Service::builder()
            .shard(PIN, how)
            .answer(PIN, |_| async { Ok(Value::Null) })
            .seeds([a.gossip_addr().to_string()]);
        let error = other.start().await.unwrap_err();
        assert!(matches!(error, StartError::Shards(_)), "{error:?}");
        let theirs = format!(
            "{} divides '{PIN}' into 16384 shards by the key 'id'",
            a.name()
        );
        let told = error.to_string();
        assert!(told.contains(&theirs) && told.contains(says), "{told}");
    }
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
