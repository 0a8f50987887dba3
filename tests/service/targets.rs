//! Targets that misbehave, as a caller meets them.

use std::time::{Duration, Instant};

use seneca_gossip::net::{Cluster, Options};
use seneca_gossip::routing::{self, Model, Offer};
use seneca_gossip::service::Service;
use seneca_gossip::state::keys;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::cluster::{client, code};
use super::{join, start, until};

/// A member that answers `a:1` at a socket of the test, and who calls it.
async fn fake(offer: Offer) -> (Cluster, TcpListener, Service) {
    let hub = start(Service::builder()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = Options {
        seeds: vec![hub.gossip_addr().to_string()],
        ..Options::default()
    };
    let cluster = Cluster::start(options).await.unwrap();
    let route = format!("{}a:1", keys::ROUTE);
    cluster.set(&route, offer.to_json()).unwrap();
    let service = routing::Service::tcp("127.0.0.1", port);
    cluster.set(keys::SERVICE, service.to_json()).unwrap();
    let client = client(&hub, 1).await;
    (cluster, listener, client)
}

fn call(client: &Service, msg: Value) -> JoinHandle<Result<Value, String>> {
    let client = client.clone();
    tokio::spawn(async move { client.act(msg).await.map_err(|error| error.code) })
}

type Ends = (Lines<BufReader<OwnedReadHalf>>, OwnedWriteHalf);

fn ends(stream: TcpStream) -> Ends {
    let (reader, writer) = stream.into_split();
    (BufReader::new(reader).lines(), writer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_reads_nothing_is_heard_of() {
    let (cluster, listener, client) = fake(Offer::default()).await;
    let accepted = tokio::spawn(async move { listener.accept().await.unwrap() });
    let text = "y".repeat(1_000_000);
    let msg = |timeout: u64| json!({ "a": 1, "text": text, "timeout$": timeout });
    let calls: Vec<_> = (0..20).map(|_| call(&client, msg(60_000))).collect();
    let _held = accepted.await.unwrap();
    for late in (0..5).map(|_| call(&client, msg(200))).collect::<Vec<_>>() {
        assert_eq!(late.await.unwrap(), Err("call_timeout".into()));
    }
    // Gone without an end of its connection.
    let begun = Instant::now();
    cluster.leave().await;
    let mut codes = Vec::new();
    for call in calls {
        codes.push(call.await.unwrap().unwrap_err());
    }
    assert!(begun.elapsed() < Duration::from_secs(15));
    // What was written may have run; what waited goes to another target, and
    // there is none.
    let count = |code: &str| codes.iter().filter(|other| *other == code).count();
    let (lost, none) = (count("target_lost"), count("no_target"));
    assert!(lost > 0 && none > 0 && lost + none == 20, "{codes:?}");
}

/// Another one that answers `a:1`, known to the client.
async fn another(client: &Service, offer: &Offer) -> Service {
    let answer = |_| async { Ok(json!({ "by": "the other" })) };
    let other = Service::builder().answer_with("a:1", offer.clone(), answer);
    let other = join(other, client).await;
    until("both are known", || async {
        client.cluster().with_router(|router| {
            let route = router.resolve(&json!({ "a": 1 }));
            route.is_some_and(|route| router.targets(route).len() == 2)
        })
    })
    .await;
    other
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_run_twice_leaves_a_connection_that_carries_nothing() {
    let offer = Offer {
        retry: 1,
        ..Offer::default()
    };
    let (_cluster, listener, client) = fake(offer.clone()).await;
    let held = call(&client, json!({ "a": 1, "timeout$": 60_000 }));
    let (mut lines, _writer) = ends(listener.accept().await.unwrap().0);
    assert!(
        lines
            .next_line()
            .await
            .unwrap()
            .unwrap()
            .contains("\"act\"")
    );
    let _other = another(&client, &offer).await;
    assert_eq!(
        lines.next_line().await.unwrap().unwrap(),
        r#"{"kind":"ping"}"#
    );
    let answer = timeout(Duration::from_secs(20), held).await;
    assert_eq!(
        answer.expect("in time").unwrap(),
        Ok(json!({ "by": "the other" }))
    );
    // Nobody waits for it any more.
    let end = timeout(Duration::from_secs(20), lines.next_line()).await;
    assert_eq!(end.expect("in time").unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_run_once_waits_for_a_target_that_is_slow() {
    let (_cluster, listener, client) = fake(Offer::default()).await;
    let held = call(&client, json!({ "a": 1, "timeout$": 60_000 }));
    let (mut lines, mut writer) = ends(listener.accept().await.unwrap().0);
    let line = lines.next_line().await.unwrap().unwrap();
    let id = serde_json::from_str::<Value>(&line).unwrap()["id"].clone();
    let _other = another(&client, &Offer::default()).await;
    assert_eq!(
        lines.next_line().await.unwrap().unwrap(),
        r#"{"kind":"ping"}"#
    );
    sleep(Duration::from_secs(3)).await;
    assert!(!held.is_finished());
    let reply = format!(r#"{{"id":{id},"kind":"res","sync":true,"res":"late"}}"#) + "\n";
    writer.write_all(reply.as_bytes()).await.unwrap();
    assert_eq!(held.await.unwrap(), Ok(json!("late")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_leaving_node_works_on_ends_when_it_dies_instead() {
    let (cluster, listener, client) = fake(Offer::default()).await;
    let held = call(&client, json!({ "a": 1, "timeout$": 60_000 }));
    let (mut lines, _writer) = ends(listener.accept().await.unwrap().0);
    assert!(lines.next_line().await.unwrap().is_some());
    cluster.leaving();
    let msg = json!({ "a": 1, "timeout$": 300 });
    let refused = async || call(&client, msg.clone()).await.unwrap() == Err("no_target".into());
    until("no more calls there", refused).await;
    assert!(!held.is_finished());
    // Its connection stays open.
    let begun = Instant::now();
    cluster.close();
    assert_eq!(held.await.unwrap(), Err("target_lost".into()));
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_only_javascript_reads_costs_one_call() {
    let (_cluster, listener, client) = fake(Offer::default()).await;
    tokio::spawn(async move {
        let (mut lines, mut writer) = ends(listener.accept().await.unwrap().0);
        let mut waiting = Vec::new();
        while let Ok(Some(line)) = lines.next_line().await {
            let request: Value = serde_json::from_str(&line).unwrap();
            let reply = |res: &str, id: &Value| {
                format!(r#"{{"id":{id},"kind":"res","sync":true,"res":{res}}}"#) + "\n"
            };
            if request["act"]["x"] != json!("odd") {
                waiting.push(request["id"].clone());
                continue;
            }
            // First the odd one, then all that were before it.
            let mut text = reply(r#"{"text":"\ud83d"}"#, &request["id"]);
            for id in waiting.drain(..) {
                text += &reply(r#"{"fine":true}"#, &id);
            }
            writer.write_all(text.as_bytes()).await.unwrap();
        }
    });
    let others: Vec<_> = (0..5)
        .map(|n| call(&client, json!({ "a": 1, "x": n })))
        .collect();
    sleep(Duration::from_millis(200)).await;
    let odd = call(&client, json!({ "a": 1, "x": "odd" })).await.unwrap();
    assert_eq!(odd, Err("invalid_json".into()));
    for other in others {
        assert_eq!(other.await.unwrap(), Ok(json!({ "fine": true })));
    }
}

/// Answers from the connection of this number on; before that it reads a call
/// and hangs up.
async fn answer_from(listener: TcpListener, first: usize) {
    for number in 1.. {
        let (mut lines, mut writer) = ends(listener.accept().await.unwrap().0);
        while let Ok(Some(line)) = lines.next_line().await {
            if number < first {
                break;
            }
            let request: Value = serde_json::from_str(&line).unwrap();
            let reply =
                json!({ "id": request["id"], "kind": "res", "sync": true, "res": { "n": number } });
            writer
                .write_all(format!("{reply}\n").as_bytes())
                .await
                .unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_goes_back_where_nobody_else_is() {
    let offer = Offer {
        retry: 3,
        ..Offer::default()
    };
    let (_cluster, listener, client) = fake(offer).await;
    tokio::spawn(answer_from(listener, 4));
    let result = client.act(json!({ "a": 1 })).await;
    assert_eq!(result.unwrap(), json!({ "n": 4 }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_end() {
    let offer = Offer {
        retry: 2,
        ..Offer::default()
    };
    let (_cluster, listener, client) = fake(offer).await;
    let served = tokio::spawn(answer_from(listener, usize::MAX));
    let begun = Instant::now();
    let error = client.act(json!({ "a": 1 })).await.unwrap_err();
    assert_eq!(error.code, "target_lost", "{error}");
    assert_eq!(error.details["tries"], json!(3));
    // Nor do they go on where nobody listens any more.
    served.abort();
    assert!(served.await.unwrap_err().is_cancelled());
    let error = client.act(json!({ "a": 1 })).await.unwrap_err();
    assert_eq!(error.code, "no_target", "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn observers_that_say_nothing_in_time_are_a_timeout() {
    let offer = Offer {
        model: Model::Observe,
        timeout: Some(200),
        ..Offer::default()
    };
    let (_cluster, listener, client) = fake(offer).await;
    let held = tokio::spawn(async move { listener.accept().await.unwrap() });
    let begun = Instant::now();
    let result = client.act(json!({ "a": 1 })).await;
    assert_eq!(code(&result), "call_timeout");
    let details = result.unwrap_err().details;
    assert_eq!(details["pattern"], json!("a:1"));
    assert_eq!(details["written"], json!(true));
    // Of 22 s, which is what the caller would have given them.
    assert!(begun.elapsed() < Duration::from_secs(10));
    drop(held.await.unwrap());
    // Nobody there is no timeout.
    until("the target is lost", || async {
        client.act(json!({ "a": 1 })).await == Ok(Value::Null)
    })
    .await;
}
