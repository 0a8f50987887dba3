//! Sealed gossip between real nodes on real sockets: who has the key is in, who
//! has not is refused, counted and told; keys change under way; what was
//! recorded is worth nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use seneca_gossip::engine::{Drop, Event};
use seneca_gossip::membership::Status;
use seneca_gossip::net::{Cluster, Notice, Options};
use seneca_gossip::wire::seal::{Entry, Key, Keyring, Nonce, SEALED, Seal, TOLERANCE};
use seneca_gossip::wire::{MAX_DATAGRAM, NodeId, VERSION, text_hash};

const PATIENCE: Duration = Duration::from_secs(30);

fn key(n: u8) -> Key {
    Key::new([n; 32])
}

fn name_of(n: u8) -> String {
    key(n).fingerprint().to_string()
}

async fn node(ring: impl Into<Keyring>, seeds: &[&Cluster]) -> Cluster {
    node_of("default", ring, seeds).await
}

async fn node_of(cluster: &str, ring: impl Into<Keyring>, seeds: &[&Cluster]) -> Cluster {
    let options = Options {
        keys: ring.into(),
        cluster: cluster.into(),
        seeds: seeds.iter().map(|seed| seed.name().to_string()).collect(),
        ..Options::default()
    };
    Cluster::start(options).await.expect("a node starts")
}

async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn alive(at: &Cluster) -> usize {
    let members = at.members().into_iter();
    members
        .filter(|member| member.status == Status::Alive)
        .count()
}

fn dropped(at: &Cluster, reason: Drop) -> u64 {
    at.counters().dropped.count(reason)
}

/// Lines of the log, and reasons of failed joins.
fn texts(at: &Cluster) -> Vec<String> {
    let text = |notice| match notice {
        Notice::Gossip(Event::Log { text, .. }) => Some(text),
        Notice::Gossip(Event::SeedFailed { reason, .. }) => Some(reason),
        _ => None,
    };
    at.drain().into_iter().filter_map(text).collect()
}

/// Waits until a line says something.
async fn told(at: &Cluster, part: &str) {
    let mut lines = Vec::new();
    until(part, || {
        lines.extend(texts(at));
        lines.iter().any(|line| line.contains(part))
    })
    .await;
}

/// A well formed opening of an exchange from somebody.
fn plain_message() -> Vec<u8> {
    let mut bytes = vec![VERSION, 4];
    bytes.extend_from_slice(&text_hash("default").to_le_bytes());
    bytes.extend_from_slice(&NodeId::of("10.0.0.9:1").0.to_le_bytes());
    bytes.extend_from_slice(&[0; 10]);
    bytes
}

#[tokio::test]
async fn who_has_the_key_is_a_member_and_values_spread() {
    let a = node(key(1), &[]).await;
    let b = node(key(1), &[&a]).await;
    let c = node(key(1), &[&a]).await;
    for node in [&a, &b, &c] {
        until("three are alive", || alive(node) == 3).await;
    }
    // Larger than a datagram: it goes over TCP.
    a.set(".large", vec![b'7'; 60_000]).unwrap();
    for node in [&b, &c] {
        until("the value is there", || {
            node.value(a.name(), ".large").is_some()
        })
        .await;
    }
    for reason in [Drop::WrongKey, Drop::Unsealed, Drop::Clock, Drop::Malformed] {
        assert_eq!(dropped(&a, reason), 0, "{reason:?}");
    }
}

#[tokio::test]
async fn another_key_no_key_and_another_cluster_are_told_apart() {
    let a = node(key(1), &[]).await;
    let wrong = node(key(2), &[&a]).await;
    until("the wrong key is counted", || {
        dropped(&a, Drop::WrongKey) > 0
    })
    .await;
    told(&a, "no key of this node opens").await;
    told(&wrong, "another key?").await;

    let without = node(Keyring::default(), &[&a]).await;
    until("the missing key is counted", || {
        dropped(&a, Drop::Unsealed) > 0
    })
    .await;
    told(&a, "without a seal").await;
    told(&without, "another key?").await;

    let stranger = node_of("other", key(1), &[&a]).await;
    until("the other cluster is counted", || {
        dropped(&a, Drop::Cluster) > 0
    })
    .await;

    let lonely = node(Keyring::default(), &[]).await;
    let keyed = node(key(1), &[&lonely]).await;
    until("the seal is counted", || dropped(&lonely, Drop::NoKey) > 0).await;
    told(&lonely, "this node has no key").await;

    for node in [&a, &wrong, &without, &stranger, &lonely, &keyed] {
        assert_eq!(node.members().len(), 1);
        assert!(!node.is_synced());
    }
    assert!(a.counters().datagrams_out == 0, "it answered");
}

#[tokio::test]
async fn a_key_is_replaced_under_way_and_nobody_is_lost() {
    let a = node(key(1), &[]).await;
    let b = node(key(1), &[&a]).await;
    let c = node(key(1), &[&a]).await;
    let nodes = [&a, &b, &c];
    for node in nodes {
        until("three are alive", || alive(node) == 3).await;
    }
    rotate(&nodes, &name_of(1), 2).await;
    // Who comes later has the new one only.
    let d = node(key(2), &[&a]).await;
    until("the newcomer is in", || alive(&d) == 4 && alive(&a) == 4).await;
}

#[tokio::test]
async fn a_cluster_gets_its_first_key_under_way() {
    let a = node(Keyring::default(), &[]).await;
    let b = node(Keyring::default(), &[&a]).await;
    let nodes = [&a, &b];
    for node in nodes {
        until("two are alive", || alive(node) == 2).await;
    }
    rotate(&nodes, "plain", 2).await;
    let bare = node(Keyring::default(), &[&a]).await;
    until("plain is refused", || dropped(&a, Drop::Unsealed) > 0).await;
    assert_eq!(bare.members().len(), 1);
}

/// From one key to another while a value changes all the time.
async fn rotate(nodes: &[&Cluster], old: &str, new: u8) {
    let mut step = 0;
    let mut spread = async || {
        step += 1;
        let text = step.to_string();
        nodes[0].set(".step", text.clone().into_bytes()).unwrap();
        for node in nodes {
            until("the step is known", || {
                let value = node.value(nodes[0].name(), ".step");
                value.as_deref() == Some(text.as_bytes())
            })
            .await;
        }
    };
    for node in nodes {
        node.add_key(key(new)).unwrap();
        spread().await;
    }
    for node in nodes {
        node.use_key(&name_of(new)).unwrap();
        spread().await;
    }
    for node in nodes {
        node.remove_key(old).unwrap();
        spread().await;
    }
    for node in nodes {
        assert_eq!(node.keys().len(), 1);
        let bad: Vec<String> = texts(node);
        assert!(bad.iter().all(|line| !line.contains("key")), "{bad:?}");
        for reason in [Drop::WrongKey, Drop::NoKey, Drop::Unsealed, Drop::Replayed] {
            assert_eq!(dropped(node, reason), 0, "{reason:?}");
        }
        assert_eq!(alive(node), nodes.len());
    }
}

/// Hands on what `from` sends to its seed, and tells what it was.
fn tap(to: SocketAddr) -> (SocketAddr, mpsc::Receiver<Vec<u8>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (tell, heard) = mpsc::channel();
    std::thread::spawn(move || {
        let Ok((mut visitor, _)) = listener.accept() else {
            return;
        };
        let mut visited = TcpStream::connect(to).unwrap();
        let mut back = (visited.try_clone().unwrap(), visitor.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut back.0, &mut back.1));
        let mut bytes = [0; 16_384];
        while let Ok(size) = visitor.read(&mut bytes) {
            if size == 0 || tell.send(bytes[..size].to_vec()).is_err() {
                return;
            }
            visited.write_all(&bytes[..size]).unwrap();
        }
    });
    (addr, heard)
}

#[tokio::test]
async fn what_was_recorded_changes_nothing_and_gets_no_answer() {
    let a = node(key(1), &[]).await;
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.unwrap().as_millis() as u64;
    let seal = Seal::new("default");
    let mut sent = 0;
    let mut datagram = |time: u64| {
        sent += 1;
        let nonce = Nonce {
            session: 9,
            time,
            count: sent,
        };
        seal.seal(&key(1), &nonce, &plain_message()).unwrap()
    };
    let fresh = datagram(now);
    let mut answer = [0; MAX_DATAGRAM + 1];
    // A stranger with the key is asked who it is; the same datagram again is not even read.
    socket.send_to(&fresh, a.addr()).unwrap();
    let size = socket.recv(&mut answer).expect("an answer");
    assert_eq!(answer[0], SEALED);
    assert!(size <= MAX_DATAGRAM);
    // It goes there over TCP as well, since it knows nobody: that is not of interest here.
    let drain = |answer: &mut [u8]| while socket.recv(answer).is_ok() {};
    drain(&mut answer);
    for _ in 0..20 {
        socket.send_to(&fresh, a.addr()).unwrap();
    }
    for time in [now - 2 * TOLERANCE, now + 2 * TOLERANCE] {
        socket.send_to(&datagram(time), a.addr()).unwrap();
    }
    let mut forged = datagram(now);
    forged[40] ^= 1;
    socket.send_to(&forged, a.addr()).unwrap();
    socket.send_to(&plain_message(), a.addr()).unwrap();
    until("all are counted", || {
        let counts = [
            (Drop::Replayed, 20),
            (Drop::Clock, 2),
            (Drop::WrongKey, 1),
            (Drop::Unsealed, 1),
        ];
        counts.iter().all(|(reason, n)| dropped(&a, *reason) == *n)
    })
    .await;
    assert!(socket.recv(&mut answer).is_err(), "an answer");
    let lines = texts(&a);
    for part in [
        "was sent before",
        "s ahead of ours",
        "no key of this node",
        "without a seal",
    ] {
        let found = lines.iter().filter(|line| line.contains(part)).count();
        assert_eq!(found, 1, "{part}: {lines:?}");
    }
    assert_eq!(a.members().len(), 1);
}

#[tokio::test]
async fn a_recorded_connection_is_closed_without_a_word() {
    let a = node(key(1), &[]).await;
    let (addr, heard) = tap(a.addr());
    let options = Options {
        keys: key(1).into(),
        seeds: vec![addr.to_string()],
        ..Options::default()
    };
    let b = Cluster::start(options).await.unwrap();
    until("it has joined", || b.is_synced() && alive(&a) == 2).await;
    let recorded: Vec<u8> = heard.try_iter().flatten().collect();
    assert_eq!(recorded[4], SEALED);
    let name = b.name().as_bytes();
    assert!(
        recorded.windows(name.len()).all(|part| part != name),
        "its name is in clear"
    );
    let mut again = TcpStream::connect(a.addr()).unwrap();
    again.set_read_timeout(Some(PATIENCE)).unwrap();
    again.write_all(&recorded).unwrap();
    let mut answer = Vec::new();
    // The end may be a reset, since it did not read everything.
    let _ = again.read_to_end(&mut answer);
    assert!(answer.is_empty(), "{} bytes of answer", answer.len());
    until("it is counted", || dropped(&a, Drop::Replayed) > 0).await;
}

#[tokio::test]
async fn keys_are_shown_by_their_fingerprints_only() {
    let a = node(key(0x41), &[]).await;
    a.add_key(Entry::parse("plain").unwrap()).unwrap();
    let shown = format!("{:?}", a.keys());
    assert!(shown.contains(&name_of(0x41)) && shown.contains("plain"));
    assert!(a.keys()[0].current && !a.keys()[1].current);
    let error = a.remove_key(&name_of(0x41)).unwrap_err().to_string();
    assert!(error.contains("use another key first"), "{error}");
    let builder = seneca_gossip::service::Service::builder().keys(key(0x41));
    for text in [shown, error, format!("{builder:?}")] {
        assert!(!text.contains("QUFB") && !text.contains("65, 65"), "{text}");
    }
}
