//! What strangers send to the call port.

use std::time::{Duration, Instant};

use seneca_gossip::service::Limits;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::{LONG, Raw, act, api, start, until};

fn mcl(id: impl Into<Value>) -> Value {
    act(
        id,
        json!({ "role": "api", "cmd": "mcl", "left": 6, "right": 7 }),
    )
}

#[tokio::test]
async fn every_line_gets_exactly_one_reply() {
    let service = start(api()).await;
    let mut raw = Raw::to(&service).await;
    let code = |reply: &Value| {
        reply["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_string()
    };
    for (line, want, id) in [
        (json!(7), "no_data", Value::Null),
        (
            json!({ "id": "a/b", "kind": "bogus" }),
            "invalid_kind_act",
            json!("a/b"),
        ),
        (mcl(Value::Null), "no_message_id", Value::Null),
        (mcl(5), "invalid_message_id", json!(5)),
        (mcl(true), "invalid_message_id", json!(true)),
        (mcl(json!({ "x": 1 })), "invalid_message_id", Value::Null),
        (
            json!({ "id": "a/b", "kind": "act" }),
            "invalid_act",
            json!("a/b"),
        ),
        (
            act("a/b", json!({ "role": "seneca", "cmd": "close" })),
            "act_not_found",
            json!("a/b"),
        ),
        (
            act("a/b", json!({ "sys": "gossip", "get": "members" })),
            "act_not_found",
            json!("a/b"),
        ),
        (
            act("a/b", json!({ "role": "private", "cmd": "x" })),
            "not_served",
            json!("a/b"),
        ),
        (
            act(
                "a/b",
                json!({ "role": "api", "cmd": "zzz", "fatal$": true }),
            ),
            "act_not_found",
            json!("a/b"),
        ),
    ] {
        let reply = raw.ask(line.clone()).await;
        assert_eq!(code(&reply), want, "{line}");
        assert_eq!(reply["id"], id, "{line}");
        assert_eq!(
            (&reply["sync"], &reply["ran"]),
            (&json!(true), &json!(false))
        );
    }
    assert_eq!(service.stats().refused, 11);
    // No id, and what a stock client may leave out.
    let reply = raw
        .ask(json!({ "kind": "act", "sync": true, "act": { "role": "api", "cmd": "null" } }))
        .await;
    assert_eq!((reply.get("id"), &reply["kind"]), (None, &json!("res")));
    // Nobody waits for these; the next reply is the next call's.
    let mut quiet = mcl("q/1");
    quiet["sync"] = json!(false);
    raw.send(quiet.to_string()).await;
    let mut wrong = act("q/2", json!({ "role": "nobody" }));
    wrong["sync"] = json!(false);
    raw.send(wrong.to_string()).await;
    raw.send("\r\n   \n").await;
    let reply = raw.ask(mcl("a/b")).await;
    assert_eq!(
        (&reply["id"], &reply["res"]),
        (&json!("a/b"), &json!({ "answer": 42 }))
    );
    // Directives stay outside.
    let msg = json!({ "role": "api", "cmd": "keys", "fatal$": true, "custom$": {}, "x": 1 });
    let reply = raw.ask(act("a/c", msg)).await;
    assert_eq!(reply["res"]["keys"], json!(["cmd", "role", "x"]));
    // A loop.
    let members = service.members();
    let own = &members[0].service.as_ref().unwrap().instance;
    let mut looping = mcl("a/d");
    looping["track"] = json!(["x", own]);
    assert_eq!(code(&raw.ask(looping).await), "message_loop");
}

#[tokio::test]
async fn a_ping_is_answered_and_counts_for_no_line() {
    let service = start(api()).await;
    let mut raw = Raw::to(&service).await;
    let mut first = mcl("1");
    first["msg$"] = json!({ "bye": 1 });
    raw.ask(first).await;
    raw.send(r#"{"kind":"ping"}"#).await;
    assert_eq!(raw.reply().await, Some(json!({ "kind": "pong" })));
    service.leave().await;
    assert_eq!(
        raw.reply().await,
        Some(json!({ "kind": "bye", "accepted": 1 }))
    );
}

#[tokio::test]
async fn replies_find_their_own_caller() {
    let service = start(api()).await;
    // Two callers with the same id, and one with the same id twice.
    let (mut a, mut b) = (Raw::to(&service).await, Raw::to(&service).await);
    let slow = |ms: u64| act("same/id", json!({ "role": "api", "cmd": "slow", "ms": ms }));
    a.send(slow(200).to_string()).await;
    b.send(slow(100).to_string()).await;
    let twice = a.ask(mcl("same/id")).await;
    assert_eq!(twice["error"]["code"], json!("duplicate_message_id"));
    assert_eq!(b.reply().await.unwrap()["res"], json!({ "slept": 100 }));
    assert_eq!(a.reply().await.unwrap()["res"], json!({ "slept": 200 }));
    // The id is free again.
    assert_eq!(a.ask(mcl("same/id")).await["res"], json!({ "answer": 42 }));
}

#[tokio::test]
async fn deadlines_are_kept() {
    let service = start(api()).await;
    let mut raw = Raw::to(&service).await;
    let msg = json!({ "role": "api", "cmd": "slow", "ms": 60_000, "timeout$": 50 });
    let begun = Instant::now();
    let reply = raw.ask(act("a/b", msg)).await;
    assert_eq!(reply["error"]["code"], json!("action_timeout"));
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn what_is_no_json_ends_the_connection_in_the_end() {
    let service = start(api()).await;
    let mut raw = Raw::to(&service).await;
    for _ in 0..3 {
        raw.send(b"\xff\x00{nonsense").await;
        assert_eq!(
            raw.reply().await.unwrap()["error"]["code"],
            json!("invalid_json")
        );
    }
    assert_eq!(raw.ask(mcl("a/b")).await["res"], json!({ "answer": 42 }));
    for _ in 0..8 {
        raw.send(b"GET / HTTP/1.1").await;
    }
    let mut replies = 0;
    while raw.reply().await.is_some() {
        replies += 1;
    }
    assert_eq!(replies, 8);
}

#[tokio::test]
async fn long_lines_are_skipped() {
    let limits = Limits {
        max_line: 10_000,
        ..Limits::default()
    };
    let service = start(api().limits(limits)).await;
    let mut raw = Raw::to(&service).await;
    let long = act(
        "long/1",
        json!({ "role": "api", "text": "y".repeat(3_000_000) }),
    );
    let reply = raw.ask(long).await;
    assert_eq!(reply["error"]["code"], json!("line_too_long"));
    let reply = raw
        .ask(act(
            "r/1",
            json!({ "role": "api", "cmd": "big", "size": 20_000 }),
        ))
        .await;
    assert_eq!(
        (&reply["id"], &reply["error"]["code"]),
        (&json!("r/1"), &json!("reply_too_long"))
    );
    assert_eq!(raw.ask(mcl("a/b")).await["res"], json!({ "answer": 42 }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_not_read_from() {
    let service = start(api()).await;
    let port = service.port().unwrap();
    let mut greedy = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let line = act(
        "a/b",
        json!({ "role": "api", "cmd": "big", "size": 1_000_000 }),
    );
    // Asks for a gigabyte and reads nothing of it.
    let flood = async {
        for n in 0..1_000 {
            let mut line = line.clone();
            line["id"] = json!(format!("a/{n}"));
            greedy
                .write_all(format!("{line}\n").as_bytes())
                .await
                .unwrap();
        }
    };
    let _ = timeout(Duration::from_secs(2), flood).await;
    let resident = memory();
    assert!(resident.is_none_or(|mb| mb < 300), "{resident:?} MB");
    // The others are served meanwhile.
    let mut raw = Raw::to(&service).await;
    assert_eq!(raw.ask(mcl("a/b")).await["res"], json!({ "answer": 42 }));
    // It gets everything once it reads.
    let mut bytes = vec![0; 1 << 16];
    let mut got = 0;
    while got < 50_000_000 {
        got += timeout(LONG, greedy.read(&mut bytes))
            .await
            .unwrap()
            .unwrap();
    }
}

/// Resident memory of this process, in MB.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<u64>()
        .ok()
        .map(|kb| kb / 1024)
}

#[tokio::test]
async fn idle_connections_make_room() {
    let limits = Limits {
        max_connections: 50,
        ..Limits::default()
    };
    let service = start(api().limits(limits)).await;
    let mut busy = Raw::to(&service).await;
    busy.send(act("a/b", json!({ "role": "api", "cmd": "slow", "ms": 500 })).to_string())
        .await;
    sleep(Duration::from_millis(50)).await;
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(Raw::to(&service).await);
    }
    let mut last = Raw::to(&service).await;
    assert_eq!(last.ask(mcl("a/b")).await["res"], json!({ "answer": 42 }));
    assert_eq!(busy.reply().await.unwrap()["res"], json!({ "slept": 500 }));
    assert!(idle[0].reply().await.is_none());
}

#[tokio::test]
async fn a_slow_writer_blocks_nobody() {
    let service = start(api()).await;
    let mut slow = Raw::to(&service).await;
    let line = format!("{}\n", mcl("s/1"));
    let mut other = Raw::to(&service).await;
    for byte in line.as_bytes() {
        slow.writer.write_all(&[*byte]).await.unwrap();
        if byte % 16 == 0 {
            assert_eq!(other.ask(mcl("a/b")).await["res"], json!({ "answer": 42 }));
        }
    }
    assert_eq!(slow.reply().await.unwrap()["res"], json!({ "answer": 42 }));
}

#[tokio::test]
async fn half_a_message_and_a_reset() {
    let service = start(api()).await;
    for _ in 0..50 {
        let mut raw = Raw::to(&service).await;
        raw.writer
            .write_all(b"{\"id\":\"a/b\",\"kind\":\"act\",")
            .await
            .unwrap();
        let stream = raw
            .lines
            .into_inner()
            .into_inner()
            .reunite(raw.writer)
            .unwrap();
        let socket = stream.into_std().unwrap();
        socket2::SockRef::from(&socket)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(socket);
    }
    until("it still answers", || async {
        let mut raw = Raw::to(&service).await;
        raw.ask(mcl("a/b")).await["res"] == json!({ "answer": 42 })
    })
    .await;
}

#[tokio::test]
async fn who_closes_its_side_still_gets_its_answers() {
    let service = start(api()).await;
    let mut raw = Raw::to(&service).await;
    for n in 0..10 {
        let slow = json!({ "role": "api", "cmd": "slow", "ms": 100 + n });
        raw.send(act(format!("a/{n}"), slow).to_string()).await;
    }
    raw.writer.shutdown().await.unwrap();
    for _ in 0..10 {
        assert!(raw.reply().await.unwrap()["res"]["slept"].is_u64());
    }
    assert!(raw.reply().await.is_none());
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_call_port_is_closed_to_networks_that_are_not_allowed() {
    let service = start(api().allow(["127.0.0.1", "fd00::/8"])).await;
    let port = service.port().unwrap();
    let mut ours = Raw::to(&service).await;
    let msg = json!({ "role": "api", "cmd": "null" });
    assert_eq!(ours.ask(act("a/b", msg)).await["res"], Value::Null);
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut stranger = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap();
    let mut text = String::new();
    let read = timeout(
        LONG,
        tokio::io::AsyncReadExt::read_to_string(&mut stranger, &mut text),
    );
    assert_eq!(read.await.expect("an end").unwrap_or(0), 0);
    assert_eq!(service.stats().not_allowed, 1);
    assert_eq!(service.stats().connections, 1);
    service.leave().await;
    let wrong = api().allow(["10.0.0.0/33"]).start().await.err().unwrap();
    assert!(wrong.to_string().contains("'10.0.0.0/33'"), "{wrong}");
}
