//! Those who have none, or another one, or no TLS.

use std::time::Duration;

use seneca_gossip::service::{Event, Limits, Service};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::super::{LONG, Raw, act, api, start, until};
use super::{client, kind_of, member, nobody, product, send, stranger};
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_another_certificate_or_none_is_refused_and_hears_why() {
    let server = start(api().tls(member())).await;
    let mut events = server.events();
    let refused = client(Service::builder().tls(stranger()), &server, 1).await;
    let error = product(&refused).await.unwrap_err();
    assert_eq!(error.code, "no_target", "{error}");
    assert!(error.message.contains("it refuses us"), "{error}");
    let log = async {
        loop {
            if let Ok(Event::Log { text, .. }) = events.recv().await {
                return text;
            }
        }
    };
    let text = timeout(LONG, log).await.expect("a line of the log");
    assert!(
        text.starts_with("a connection from 127.0.0.1 to the call port was refused: "),
        "{text}"
    );
    // None at all.
    let refusals = server.stats().insecure;
    assert!(refusals >= 1);
    let mut bare = nobody(&server).await;
    send(
        &mut bare,
        act("a/b", json!({ "role": "api", "cmd": "null" })),
    )
    .await;
    let mut said = Vec::new();
    let ended = timeout(LONG, bare.read_to_end(&mut said)).await;
    let error = ended.expect("an end").unwrap_err().to_string();
    assert!(
        said.is_empty() && error.contains("CertificateRequired"),
        "{error}"
    );
    until("it is counted", || async {
        server.stats().insecure > refusals
    })
    .await;
    assert_eq!(server.stats().accepted, 0);
    assert_eq!(server.stats().connections, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_with_another_certificate_is_not_called() {
    let server = start(api().tls(stranger())).await;
    let caller = client(Service::builder().tls(member()), &server, 1).await;
    let error = product(&caller).await.unwrap_err();
    assert_eq!(error.code, "no_target", "{error}");
    assert!(
        error.message.contains("its certificate is not accepted"),
        "{error}"
    );
    // The right authority, and another name.
    let server = start(api().tls(member())).await;
    let other = member().server_name("other.test").unwrap();
    let caller = client(Service::builder().tls(other), &server, 1).await;
    let error = product(&caller).await.unwrap_err();
    assert!(
        error.message.contains("its certificate is not accepted") && error.message.contains("name"),
        "{error}"
    );
    assert_eq!(server.stats().accepted, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_none_is_asked_for_the_authority_of_the_service_still_counts() {
    let server = start(api().tls(member().request_cert(false))).await;
    let caller = client(Service::builder().tls(stranger()), &server, 1).await;
    assert_eq!(product(&caller).await, Ok(json!({ "answer": 42 })));
    let mut bare = BufReader::new(nobody(&server).await).lines();
    send(
        bare.get_mut().get_mut(),
        act("a/b", json!({ "role": "api", "cmd": "null" })),
    )
    .await;
    let mut next = async || {
        timeout(LONG, bare.next_line())
            .await
            .unwrap()
            .unwrap()
            .unwrap()
    };
    assert_eq!(next().await, "{\"kind\":\"hi\"}");
    assert!(next().await.contains("\"id\":\"a/b\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_speaks_plainly_is_told_what_is_wanted() {
    let server = start(api().tls(member())).await;
    for line in [
        act("a/b", json!({ "role": "api", "cmd": "null" })),
        json!({ "id": "a/b", "kind": "bogus" }),
    ] {
        let mut raw = Raw::to(&server).await;
        let reply = raw.ask(line).await;
        assert_eq!(reply["id"], json!("a/b"));
        assert_eq!(reply["error"]["code"], json!("tls_required"));
        assert_eq!(reply["ran"], json!(false));
        assert_eq!(raw.reply().await, None);
    }
    let mut raw = Raw::to(&server).await;
    raw.ask(json!({ "kind": "ping" })).await;
    assert_eq!(raw.reply().await, None);
    // It begins as a handshake does.
    let mut raw = Raw::to(&server).await;
    raw.send(b"\x16 and nothing else of the kind").await;
    let mut rest = Vec::new();
    let reader = raw.lines.into_inner().read_to_end(&mut rest).await;
    assert!(reader.is_err() || rest.first() == Some(&0x15), "{rest:?}");
    assert_eq!((server.stats().insecure, server.stats().accepted), (4, 0));
    let caller = client(Service::builder(), &server, 1).await;
    let error = product(&caller).await.unwrap_err();
    assert_eq!(error.code, "transport_missing", "{error}");
    assert!(error.message.contains("has no TLS"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_wants_tls_calls_nobody_without_it() {
    let server = start(api()).await;
    assert_eq!(kind_of(&server), "tcp");
    let caller = client(Service::builder().tls(member()), &server, 1).await;
    let error = product(&caller).await.unwrap_err();
    assert_eq!(error.code, "no_target", "{error}");
    assert!(error.message.contains("it does not speak TLS"), "{error}");
    assert_eq!(server.stats().accepted, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_connects_and_says_nothing_or_half_a_handshake_keeps_nobody_out() {
    let server = start(api().tls(member())).await;
    let port = server.port().unwrap();
    let mut idle = Vec::new();
    for n in 0..600 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        if n % 2 == 1 {
            let _ = stream.write_all(&[0x16, 3, 1, 2, 0, 1]).await;
        }
        idle.push(stream);
    }
    let caller = client(Service::builder().tls(member()), &server, 1).await;
    assert_eq!(product(&caller).await, Ok(json!({ "answer": 42 })));
    // The oldest ones had to make room, the others run out of time.
    assert!(server.stats().insecure >= 600 - 256);
    for mut stream in idle {
        let mut sink = Vec::new();
        let ended = timeout(LONG, stream.read_to_end(&mut sink)).await;
        assert!(ended.is_ok(), "it is still open");
    }
    assert_eq!(server.stats().open, 1);
    assert_eq!(product(&caller).await, Ok(json!({ "answer": 42 })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_its_replies_is_ended() {
    let limits = Limits {
        patience: Duration::from_secs(1),
        ..Limits::default()
    };
    let server = start(api().tls(member().request_cert(false)).limits(limits)).await;
    let (mut deaf, mut idle) = (nobody(&server).await, nobody(&server).await);
    let big = json!({ "role": "api", "cmd": "big", "size": 10_000_000 });
    send(&mut deaf, act("a/b", big)).await;
    send(
        &mut idle,
        act("a/b", json!({ "role": "api", "cmd": "null" })),
    )
    .await;
    until("it is ended", || async { server.stats().timed_out == 1 }).await;
    // Nothing is owed to the other one, not even what TLS holds back.
    sleep(Duration::from_secs(2)).await;
    assert_eq!((server.stats().timed_out, server.stats().open), (1, 1));
}
