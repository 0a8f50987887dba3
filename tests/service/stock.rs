//! Against a stock Seneca from npm, in both directions.

use std::process::Stdio;

use seneca_gossip::net::{Cluster, Options};
use seneca_gossip::routing::{Offer, Service as Record};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{LONG, api, join, node, start};
use seneca_gossip::service::Service;

fn stock(mode: &str, port: u16) -> Option<Command> {
    let (node, modules) = match node() {
        Ok(found) => found,
        Err(reason) => {
            eprintln!("skipped: {reason}");
            return None;
        }
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/service/stock.js");
    let mut command = Command::new(node);
    command.args([script, mode, &port.to_string()]);
    command.env("NODE_PATH", modules).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    Some(command)
}

/// Has a stock client make calls to a port, all at once.
async fn calls(port: u16, calls: Value) -> Option<Vec<Value>> {
    let mut child = stock("client", port)?.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(calls.to_string().as_bytes()).await.unwrap();
    drop(stdin);
    let output = timeout(LONG, child.wait_with_output())
        .await
        .expect("an end")
        .unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stock_client_gets_answers_and_errors() {
    let service = start(api()).await;
    let port = service.port().unwrap();
    let mut list = vec![
        json!({ "role": "api", "cmd": "mcl", "left": 2, "right": 3 }),
        json!({ "role": "api", "cmd": "mcl", "left": "x", "right": 3 }),
        json!({ "role": "api", "cmd": "nothing" }),
        json!({ "role": "api", "cmd": "null" }),
        json!({ "role": "api", "cmd": "array" }),
        json!({ "role": "api", "cmd": "big", "size": 3_000_000 }),
        json!({ "role": "api", "cmd": "panic" }),
        json!({ "role": "api", "cmd": "scalar" }),
    ];
    list.extend((0..500).map(|n| json!({ "role": "api", "cmd": "mcl", "left": n, "right": 2 })));
    let Some(outcomes) = calls(port, Value::from(list)).await else {
        return;
    };
    assert_eq!(outcomes[0]["out"], json!({ "answer": 6 }));
    let error = &outcomes[1]["err"];
    assert_eq!(error["code"], json!("not_a_number"));
    assert_eq!(error["message"], json!("left and right must be numbers"));
    assert_eq!(error["details"]["left"], json!("x"));
    assert_eq!(outcomes[2]["err"]["code"], json!("act_not_found"));
    assert_eq!(outcomes[3]["out"], Value::Null);
    assert_eq!(outcomes[4]["out"], json!([1, { "a": 2 }, "x"]));
    assert_eq!(
        outcomes[5]["out"]["text"].as_str().unwrap().len(),
        3_000_000
    );
    assert_eq!(outcomes[6]["err"]["code"], json!("act_execute"));
    assert_eq!(outcomes[7]["err"]["code"], json!("result_not_objarr"));
    for (n, outcome) in outcomes[8..].iter().enumerate() {
        assert_eq!(outcome["out"], json!({ "answer": 2 * n }));
    }
    service.leave().await;
}

/// A stock server, and a node that tells the cluster of it.
struct Stock {
    child: Child,
    cluster: Cluster,
    port: u16,
}

async fn server(strategy: Offer, patterns: &[&str]) -> Option<Stock> {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut child = stock("server", port)?.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = timeout(LONG, lines.next_line())
        .await
        .expect("a sign of life");
    assert_eq!(line.unwrap().as_deref(), Some("ready"));
    let cluster = Cluster::start(Options::default()).await.unwrap();
    for pattern in patterns {
        cluster
            .set(&format!("@r/{pattern}"), strategy.to_json())
            .unwrap();
    }
    cluster
        .set("@svc", Record::tcp("127.0.0.1", port).to_json())
        .unwrap();
    Some(Stock {
        child,
        cluster,
        port,
    })
}

async fn client_of(stock: &Stock) -> Service {
    let seed = stock.cluster.addr().to_string();
    start(Service::builder().seeds([seed])).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stock_server_is_called() {
    let Some(mut stock) = server(Offer::default(), &["role:math"]).await else {
        return;
    };
    let client = client_of(&stock).await;
    let call = async |mut msg: Value| {
        msg["role"] = json!("math");
        client.act(msg).await
    };
    let sum = json!({ "cmd": "sum", "left": 1, "right": 2 });
    assert_eq!(call(sum).await.unwrap(), json!({ "answer": 3 }));
    assert_eq!(call(json!({ "cmd": "null" })).await.unwrap(), Value::Null);
    assert_eq!(
        call(json!({ "cmd": "array" })).await.unwrap(),
        json!([1, { "a": 2 }, "x"])
    );
    let keys = call(json!({ "cmd": "keys", "x": 1, "fatal$": true, "y$": 2 }))
        .await
        .unwrap();
    let keys = keys["keys"].as_array().unwrap().clone();
    assert!(
        keys.contains(&json!("x")) && !keys.contains(&json!("fatal$")),
        "{keys:?}"
    );

    let error = call(json!({ "cmd": "err" })).await.unwrap_err();
    assert_eq!(error.code, "act_execute");
    assert!(error.message.contains("bad thing"), "{}", error.message);
    assert_eq!(error.remote["orig"]["code"], json!("E_BAD"));

    let slow = json!({ "cmd": "slow", "ms": 10_000, "timeout$": 200 });
    let error = call(slow).await.unwrap_err();
    // Whoever notices first: the deadline travels with the call.
    assert!(
        ["call_timeout", "action_timeout"].contains(&error.code.as_str()),
        "{error}"
    );

    // More in flight than a stock client can have.
    let many: Vec<_> = (0..2_000)
        .map(|n| {
            let client = client.clone();
            let msg = json!({ "role": "math", "cmd": "sum", "left": n, "right": 1 });
            tokio::spawn(async move { client.act(msg).await })
        })
        .collect();
    for (n, call) in many.into_iter().enumerate() {
        assert_eq!(call.await.unwrap().unwrap(), json!({ "answer": n + 1 }));
    }

    // Its death ends what was written at once, and says so.
    let begun = std::time::Instant::now();
    let error = call(json!({ "cmd": "die" })).await.unwrap_err();
    assert_eq!(error.code, "target_lost");
    assert_eq!(error.details["written"], json!(true));
    assert!(begun.elapsed().as_secs() < 2);
    stock.child.wait().await.unwrap();
    let error = call(json!({ "cmd": "sum" })).await.unwrap_err();
    assert_eq!(error.code, "no_target", "{error}");
    client.leave().await;
    assert_ne!(stock.port, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stock_client_calls_a_service_of_a_cluster() {
    let first = start(api()).await;
    let second = join(api(), &first).await;
    let msg = json!([{ "role": "api", "cmd": "mcl", "left": 4, "right": 5 }]);
    for service in [&first, &second] {
        let Some(outcomes) = calls(service.port().unwrap(), msg.clone()).await else {
            return;
        };
        assert_eq!(outcomes[0]["out"], json!({ "answer": 20 }));
    }
}
