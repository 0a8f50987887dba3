//! Those who have a certificate of the authority.

use std::sync::Arc;
use std::time::Duration;

use seneca_gossip::net::{Cluster, Options};
use seneca_gossip::routing::{self, Offer};
use seneca_gossip::service::{Builder, Service, StartError, Tls, TlsError, TlsPart};
use seneca_gossip::state::keys;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::ServerConfig;

use super::super::{LONG, api, join, load, start, until};
use super::{client, kind_of, member, product, read};
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_call_each_other() {
    let named = || member().server_name("node.test").unwrap();
    for (ours, theirs) in [(member(), named()), (named(), member())] {
        let server = start(api().tls(ours)).await;
        assert_eq!(kind_of(&server), "tls");
        let caller = client(Service::builder().tls(theirs), &server, 1).await;
        assert_eq!(product(&caller).await, Ok(json!({ "answer": 42 })));
        // More than any buffer in between holds, both ways at the same time.
        let many: Vec<_> = (0..40)
            .map(|n| {
                let caller = caller.clone();
                tokio::spawn(async move {
                    let size = 1_000_000 + n;
                    let text = "y".repeat(size);
                    let msg = json!({ "role": "api", "cmd": "big", "size": size, "text": text });
                    let answer = caller.act(msg).await.unwrap();
                    assert_eq!(answer["text"].as_str().unwrap().len(), size);
                })
            })
            .collect();
        for call in many {
            call.await.unwrap();
        }
        assert_eq!(server.stats().connections, 1);
        assert_eq!(server.stats().insecure, 0);
        caller.leave().await;
        server.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_leaves_under_load_costs_no_call() {
    let (a, b) = (api().tls(member()), api().tls(member()));
    let a = start(a).await;
    let b = join(b, &a).await;
    let caller = client(Service::builder().tls(member()), &a, 2).await;
    let load = load(&caller, json!({ "role": "api", "cmd": "slow", "ms": 5 }));
    sleep(Duration::from_millis(500)).await;
    b.leave().await;
    let (made, failed) = load.await.unwrap();
    assert_eq!(failed, 0, "of {made}");
    assert!(made > 300);
    assert!(b.stats().accepted > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_can_be_introduced_node_by_node() {
    let plain = || Some(member().plain(true));
    let manners = [|| None, plain, || Some(member())];
    let with = |builder: Builder, tls: Option<Tls>| match tls {
        Some(tls) => builder.tls(tls),
        None => builder,
    };
    // Those without TLS and those that want it never meet: one step lies between.
    for pair in [&manners[..2], &manners[1..]] {
        for how in pair {
            for by in pair {
                let server = start(with(api(), how())).await;
                let caller = client(with(Service::builder(), by()), &server, 1).await;
                assert_eq!(product(&caller).await, Ok(json!({ "answer": 42 })));
                server.close();
            }
        }
    }
}

/// A member that answers `a:1` at a socket of the test, with TLS, and who calls it.
async fn fake() -> (Cluster, TcpListener, TlsAcceptor, Service) {
    let hub = start(Service::builder()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = Options {
        seeds: vec![hub.gossip_addr().to_string()],
        ..Options::default()
    };
    let cluster = Cluster::start(options).await.unwrap();
    let route = format!("{}a:1", keys::ROUTE);
    cluster.set(&route, Offer::default().to_json()).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut service = routing::Service::tcp("127.0.0.1", port);
    service.kind = "tls".into();
    cluster.set(keys::SERVICE, service.to_json()).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(&read("node.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(&read("node.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let client = join(Service::builder().tls(member()), &hub).await;
    until("the target is known", || async {
        let found = |router: &routing::Router| router.resolve(&json!({ "a": 1 })).is_some();
        client.cluster().with_router(|router| found(router))
    })
    .await;
    (cluster, listener, Arc::new(config).into(), client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_before_the_other_side_is_ready() {
    for (first, want) in [
        (
            &b"{\"kind\":\"no\",\"why\":\"not today\"}\n"[..],
            "it refuses us: not today",
        ),
        (
            b"{\"kind\":\"res\"}\n",
            "does not speak as a node with TLS does",
        ),
        (b"", "closed by the other side"),
    ] {
        let (_cluster, listener, acceptor, client) = fake().await;
        let served = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = acceptor.accept(stream).await.unwrap();
            stream.write_all(first).await.unwrap();
            let mut said = Vec::new();
            if first.is_empty() {
                let read = stream.read_buf(&mut said);
                assert!(timeout(Duration::from_millis(300), read).await.is_err());
                return said;
            }
            let _ = stream.read_to_end(&mut said).await;
            said
        });
        let error = client.act(json!({ "a": 1 })).await.unwrap_err();
        assert_eq!(error.code, "no_target", "{error}");
        assert!(error.message.contains(want), "{error}");
        assert!(served.await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_stops_reading_costs_what_was_written_to_it() {
    let (cluster, listener, acceptor, client) = fake().await;
    let held = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        stream.write_all(b"{\"kind\":\"hi\"}\n").await.unwrap();
        stream
    });
    let text = "y".repeat(1_000_000);
    let call = |timeout: u64| {
        let client = client.clone();
        let msg = json!({ "a": 1, "text": text, "timeout$": timeout });
        tokio::spawn(async move { client.act(msg).await.map_err(|error| error.code) })
    };
    let calls: Vec<_> = (0..20).map(|_| call(60_000)).collect();
    let _held = timeout(LONG, held).await.unwrap().unwrap();
    assert_eq!(call(300).await.unwrap(), Err("call_timeout".into()));
    cluster.leave().await;
    let mut codes = Vec::new();
    for call in calls {
        codes.push(timeout(LONG, call).await.unwrap().unwrap().unwrap_err());
    }
    let count = |code: &str| codes.iter().filter(|other| *other == code).count();
    let (lost, none) = (count("target_lost"), count("no_target"));
    assert!(lost > 0 && none > 0 && lost + none == 20, "{codes:?}");
}

#[tokio::test]
async fn what_is_wrong_with_pem_is_said_without_showing_the_key() {
    let (ca, cert, key) = (read("ca.pem"), read("node.pem"), read("node.key"));
    let of = |ca: &[u8], cert: &[u8], key: &[u8]| Tls::from_pem(ca, cert, key).unwrap_err();
    assert_eq!(of(b"", &cert, &key), TlsError::Missing(TlsPart::Ca));
    assert_eq!(of(&ca, &key, &key), TlsError::Missing(TlsPart::Cert));
    assert_eq!(of(&ca, &cert, &cert), TlsError::Missing(TlsPart::Key));
    let other = read("stranger.key");
    assert_eq!(of(&ca, &cert, &other), TlsError::KeyMismatch);
    let text = String::from_utf8(key.clone()).unwrap();
    let secret = text.lines().nth(1).unwrap();
    let half = text.replace("-----END", "");
    let spoilt = text.replace(secret, &format!("{}!", &secret[1..]));
    let odd = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for wrong in [half.as_str(), &spoilt, odd, secret] {
        let error = of(&ca, &cert, wrong.as_bytes());
        let said = format!("{error} {error:?}");
        assert!(said.contains("key"), "{said}");
        assert!(!said.contains(&secret[5..20]), "{said}");
    }
    let junk = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (error, part) in [
        (of(junk, &cert, &key), TlsPart::Ca),
        (of(&ca, junk, &key), TlsPart::Cert),
    ] {
        assert!(
            matches!(&error, TlsError::Unfit { part: which, .. } if *which == part),
            "{error}"
        );
    }
    let old = of(&ca, &read("old.pem"), &read("old.key")).to_string();
    assert!(
        old.contains("version 3") && old.contains("-extfile"),
        "{old}"
    );
    let tls = Tls::from_pem(&ca, &cert, &key).unwrap();
    let shown = format!("{tls:?}");
    assert!(
        shown.contains("plain") && !shown.to_lowercase().contains("key"),
        "{shown}"
    );
    let error = tls.server_name("no name").unwrap_err();
    assert_eq!(error, TlsError::ServerName("no name".into()));
    let error: StartError = error.into();
    assert!(error.to_string().contains("server_name"));
}
