//! What a call port owes to connections that last, and to the last ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use seneca_gossip::service::{Builder, Limits, Service};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};

use super::{LONG, Raw, act, start, until};

/// Answers `a:1` after `ms`, and counts how often it was asked to.
fn counting(ran: &Arc<AtomicUsize>) -> Builder {
    let ran = ran.clone();
    Service::builder().answer("a:1", move |msg: Value| {
        let ran = ran.clone();
        async move {
            ran.fetch_add(1, Ordering::SeqCst);
            sleep(Duration::from_millis(msg["ms"].as_u64().unwrap_or(0))).await;
            Ok(json!({ "x": msg["x"] }))
        }
    })
}

fn impatient(patience: Duration) -> Builder {
    let limits = Limits {
        patience,
        ..Limits::default()
    };
    counting(&Arc::default()).limits(limits)
}

#[tokio::test]
async fn a_connection_at_work_is_kept_whatever_its_age() {
    let service = start(impatient(Duration::from_secs(1))).await;
    let mut idle = Raw::to(&service).await;
    let mut pipelined = Raw::to(&service).await;
    idle.ask(act("i/0", json!({ "a": 1 }))).await;
    // Always in the middle of a line, but never in the same one for long.
    pipelined.writer.write_all(b"{").await.unwrap();
    let begun = Instant::now();
    let mut n = 0;
    while begun.elapsed() < Duration::from_millis(2_500) {
        n += 1;
        let line = act(format!("p/{n}"), json!({ "a": 1, "ms": 10 })).to_string();
        pipelined.send(&line[1..]).await;
        pipelined.writer.write_all(b"{").await.unwrap();
        let reply = pipelined.reply().await.expect("it is still served");
        assert_eq!(reply["id"], json!(format!("p/{n}")));
        sleep(Duration::from_millis(20)).await;
    }
    // Nothing of a line is here, so nobody is waited for.
    let reply = idle.ask(act("i/1", json!({ "a": 1 }))).await;
    assert_eq!(reply["id"], json!("i/1"));
    assert_eq!(service.stats().timed_out, 0);
}

#[tokio::test]
async fn who_does_not_finish_a_line_is_cut_off() {
    let service = start(impatient(Duration::from_millis(500))).await;
    let mut slow = Raw::to(&service).await;
    slow.send(act("s/1", json!({ "a": 1 })).to_string()).await;
    slow.writer.write_all(b"{\"id\":").await.unwrap();
    assert_eq!(slow.reply().await.unwrap()["id"], json!("s/1"));
    assert!(slow.reply().await.is_none());
    let mut silent = Raw::to(&service).await;
    assert!(silent.reply().await.is_none());
    assert_eq!(service.stats().timed_out, 2);
}

#[tokio::test]
async fn nothing_runs_that_a_goodbye_did_not_count() {
    let ran = Arc::new(AtomicUsize::new(0));
    let service = start(counting(&ran)).await;
    // Keeps it from closing at once.
    let mut stock = Raw::to(&service).await;
    stock
        .send(act("s/1", json!({ "a": 1, "ms": 1_000 })).to_string())
        .await;
    until("the first runs", || async {
        ran.load(Ordering::SeqCst) == 1
    })
    .await;
    let leave = leaving(&service);
    sleep(Duration::from_millis(50)).await;
    let mut ours = Raw::to(&service).await;
    let mut hello = act("o/1", json!({ "a": 1 }));
    hello["msg$"] = json!({ "bye": 1 });
    let mut lines = vec![hello.to_string()];
    for n in 2..5 {
        lines.push(act(format!("o/{n}"), json!({ "a": 1 })).to_string());
    }
    ours.send(lines.join("\n")).await;
    assert_eq!(
        ours.reply().await.unwrap(),
        json!({ "kind": "bye", "accepted": 0 })
    );
    assert!(ours.reply().await.is_none());
    leave.await.unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 1);
    assert_eq!(service.stats().after_goodbye, 4);
}

#[tokio::test]
async fn json_that_only_javascript_reads_costs_one_call() {
    let service = start(counting(&Arc::default())).await;
    let mut raw = Raw::to(&service).await;
    raw.send(act("slow/1", json!({ "a": 1, "ms": 500 })).to_string())
        .await;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let line = |n: usize| {
        let odd = if n < 10 { r#""\ud83d""# } else { &deep };
        format!(
            r#"{{"id":"odd/{n}","kind":"act","origin":"RAW","track":[],"act":{{"a":1,"x":{odd}}},"sync":true}}"#
        )
    };
    let lines: Vec<_> = (0..20).map(line).collect();
    raw.send(lines.join("\n")).await;
    for n in 0..20 {
        let reply = raw.reply().await.expect("the connection goes on");
        assert_eq!(reply["id"], json!(format!("odd/{n}")));
        assert_eq!(reply["origin"], json!("RAW"));
        assert_eq!(reply["error"]["code"], json!("invalid_json"));
        assert_eq!(reply["ran"], json!(false));
    }
    assert_eq!(raw.reply().await.unwrap()["id"], json!("slow/1"));
}

fn leaving(service: &Service) -> tokio::task::JoinHandle<()> {
    let service = service.clone();
    tokio::spawn(async move { service.leave().await })
}

#[tokio::test]
async fn to_leave_twice_cuts_no_call_off() {
    let ran = Arc::new(AtomicUsize::new(0));
    let service = start(counting(&ran)).await;
    let mut raw = Raw::to(&service).await;
    raw.send(act("a/1", json!({ "a": 1, "ms": 500 })).to_string())
        .await;
    until("it runs", || async { ran.load(Ordering::SeqCst) == 1 }).await;
    // The first one is given up half way, which must not hold up the others.
    let leave = service.leave();
    assert!(timeout(Duration::from_millis(20), leave).await.is_err());
    let (first, second) = (leaving(&service), leaving(&service));
    assert_eq!(raw.reply().await.expect("an answer")["id"], json!("a/1"));
    assert!(raw.reply().await.is_none());
    for leave in [first, second, leaving(&service)] {
        timeout(LONG, leave).await.expect("an end").unwrap();
    }
}

#[tokio::test]
async fn without_any_bound_calls_end_and_connections_go() {
    let limits = Limits {
        patience: Duration::MAX,
        ..Limits::default()
    };
    let builder = counting(&Arc::default()).limits(limits);
    let builder = builder.timeout(Duration::MAX).drain(Duration::MAX);
    let service = start(builder.jointime(Duration::MAX)).await;
    let own = service.act(json!({ "a": 1, "x": 7 })).await;
    assert_eq!(own.unwrap(), json!({ "x": 7 }));
    let mut raw = Raw::to(&service).await;
    for odd in [json!(1e300), json!(u64::MAX), json!(1e11), json!(null)] {
        let reply = raw
            .ask(act("a/1", json!({ "a": 1, "x": 8, "timeout$": odd })))
            .await;
        assert_eq!(reply["res"], json!({ "x": 8 }), "{odd}");
    }
    drop(raw);
    until("nothing is left", || async {
        let stats = service.stats();
        (stats.open, stats.working, stats.calls) == (0, 0, 0)
    })
    .await;
    timeout(LONG, service.leave()).await.expect("an end");
}
