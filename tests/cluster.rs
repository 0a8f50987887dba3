//! Real nodes on real sockets of the loopback. Every wait is for a state, with
//! a bound that only a broken node exceeds.

mod ports;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use seneca_gossip::engine::{Event, Told};
use seneca_gossip::membership::Status;
use seneca_gossip::net::{Cluster, Notice, Options, StartError};

use tokio::io::AsyncReadExt;

use ports::free_port;

const PATIENCE: Duration = Duration::from_secs(30);

fn options(seeds: &[&Cluster]) -> Options {
    Options {
        seeds: seeds.iter().map(|seed| seed.name().to_string()).collect(),
        ..Options::default()
    }
}

async fn node(seeds: &[&Cluster]) -> Cluster {
    node_at(0, seeds).await
}

async fn node_at(port: u16, seeds: &[&Cluster]) -> Cluster {
    let options = Options {
        port,
        ..options(seeds)
    };
    Cluster::start(options).await.expect("a node starts")
}

/// Waits until something is so.
async fn until(what: &str, mut so: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    begun.elapsed()
}

fn status(of: &str, at: &Cluster) -> Option<Status> {
    at.member(of).map(|member| member.status)
}

fn alive(at: &Cluster) -> usize {
    let members = at.members().into_iter();
    members
        .filter(|member| member.status == Status::Alive)
        .count()
}

fn events(at: &Cluster) -> Vec<Event> {
    let event = |notice| match notice {
        Notice::Gossip(event) => Some(event),
        Notice::Route(_) | Notice::Shards(_) => None,
    };
    at.drain().into_iter().filter_map(event).collect()
}

#[tokio::test]
async fn nodes_join_through_one_seed_and_keys_spread() {
    let a = node(&[]).await;
    let b = node(&[&a]).await;
    let c = node(&[&a]).await;
    for node in [&a, &b, &c] {
        until("three are alive", || alive(node) == 3).await;
    }
    assert!(b.is_synced() && c.is_synced());
    assert_eq!(a.set(".color", b"\"red\"".to_vec()), Ok(Told::Now));
    assert_eq!(a.set(".color", b"\"red\"".to_vec()), Ok(Told::Unchanged));
    for node in [&b, &c] {
        until("the key is there", || {
            node.value(a.name(), ".color").is_some()
        })
        .await;
        assert_eq!(
            node.value(a.name(), ".color").as_deref(),
            Some(&b"\"red\""[..])
        );
    }
    let heard = events(&b);
    assert!(heard.contains(&Event::Synced));
    assert!(heard.contains(&Event::Join {
        name: c.name().to_string()
    }));
    assert!(heard.iter().any(|event| matches!(
        event,
        Event::Update { name, key, value: Some(_) } if name == a.name() && key == ".color"
    )));
    assert_eq!(a.remove(".color"), Told::Now);
    until("the key is gone", || b.value(a.name(), ".color").is_none()).await;
}

#[tokio::test]
async fn seeds_may_be_set_while_a_node_runs() {
    let a = node(&[]).await;
    let b = node(&[]).await;
    let error = b.set_seeds(["nonsense"]).unwrap_err();
    assert_eq!(error.code(), "GOSSIP_BAD_SEED");
    // By a name, which is looked up.
    let port = a.addr().port();
    b.set_seeds([format!("localhost:{port}")]).unwrap();
    until("two are alive", || alive(&a) == 2 && alive(&b) == 2).await;
    assert!(b.is_synced());
}

#[tokio::test]
async fn a_crash_is_noticed_and_the_next_run_is_welcome() {
    let a = node(&[]).await;
    let b = node(&[&a]).await;
    let port = free_port();
    let c = node_at(port, &[&a]).await;
    for node in [&a, &b, &c] {
        until("three are alive", || alive(node) == 3).await;
    }
    c.set(".run", b"1".to_vec()).unwrap();
    until("its key spreads", || b.value(c.name(), ".run").is_some()).await;
    let (name, generation) = (c.name().to_string(), c.generation());
    c.close();
    for node in [&a, &b] {
        until("it is dead", || status(&name, node) == Some(Status::Dead)).await;
    }
    // Its port is free at once.
    let again = node_at(port, &[&a]).await;
    assert_eq!(again.name(), name);
    assert!(again.generation() > generation);
    for node in [&a, &b] {
        until("it is alive again", || {
            status(&name, node) == Some(Status::Alive)
        })
        .await;
        until("its old key is gone", || {
            node.value(&name, ".run").is_none()
        })
        .await;
    }
}

#[tokio::test]
async fn a_goodbye_is_heard() {
    let a = node(&[]).await;
    let b = node(&[&a]).await;
    let c = node(&[&a]).await;
    for node in [&a, &b, &c] {
        until("three are alive", || alive(node) == 3).await;
    }
    c.leaving();
    until("it is leaving", || {
        status(c.name(), &a) == Some(Status::Leaving)
    })
    .await;
    c.leave().await;
    c.close();
    for node in [&a, &b] {
        until("it has left", || {
            status(c.name(), node) == Some(Status::Left)
        })
        .await;
    }
    assert!(!events(&a).contains(&Event::Fail {
        name: c.name().to_string()
    }));
}

#[tokio::test]
async fn a_goodbye_right_after_other_news_is_heard() {
    let a = node(&[]).await;
    let b = node(&[&a]).await;
    until("both are alive", || alive(&a) == 2 && alive(&b) == 2).await;
    b.set(".last", b"1".to_vec()).unwrap();
    b.leaving();
    b.leave().await;
    b.close();
    until("it has left", || status(b.name(), &a) == Some(Status::Left)).await;
    let fail = Event::Fail {
        name: b.name().to_string(),
    };
    assert!(!events(&a).contains(&fail));
    assert!(a.value(b.name(), ".last").is_some());
}

#[tokio::test]
async fn twenty_nodes_know_each_other() {
    let first = node(&[]).await;
    let mut nodes = vec![first.clone()];
    for _ in 1..20 {
        nodes.push(node(&[&first]).await);
    }
    for node in &nodes {
        until("twenty are alive", || alive(node) == 20).await;
    }
    first.set(".k", b"1".to_vec()).unwrap();
    for node in &nodes {
        until("the key is there", || {
            node.value(first.name(), ".k").is_some()
        })
        .await;
    }
}

#[tokio::test]
async fn a_seed_that_comes_later_is_found() {
    let port = free_port();
    let seeds = vec![format!("localhost:{port}")];
    let b = Cluster::start(Options {
        seeds,
        ..Options::default()
    })
    .await
    .unwrap();
    until("the failure is told", || {
        events(&b)
            .iter()
            .any(|event| matches!(event, Event::SeedFailed { .. }))
    })
    .await;
    let a = node_at(port, &[]).await;
    until("they know each other", || alive(&a) == 2 && alive(&b) == 2).await;
}

#[tokio::test]
async fn a_port_in_use_is_refused_and_named() {
    let a = node(&[]).await;
    let port = a.addr().port();
    let error = Cluster::start(Options {
        port,
        ..Options::default()
    })
    .await
    .err();
    let error = error.expect("one port, one node");
    assert!(matches!(error, StartError::PortInUse { .. }), "{error}");
    assert!(error.to_string().contains(&port.to_string()), "{error}");
}

#[tokio::test]
async fn garbage_on_both_sockets_harms_nobody() {
    use std::io::Write;
    let a = node(&[]).await;
    let b = node(&[&a]).await;
    let to: SocketAddr = a.addr();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut idle = Vec::new();
    for i in 0..200_usize {
        let bytes: Vec<u8> = (0..i * 9).map(|j| (i * 31 + j * 7) as u8).collect();
        socket.send_to(&bytes, to).unwrap();
        if let Ok(mut stream) = std::net::TcpStream::connect(to) {
            let _ = stream.write_all(&bytes);
            idle.push(stream); // and never closed
        }
    }
    until("both are alive", || alive(&a) == 2 && alive(&b) == 2).await;
    let c = node(&[&a]).await;
    until("a newcomer gets through", || {
        alive(&a) == 3 && alive(&c) == 3
    })
    .await;
    assert!(a.net_stats().streams <= 128);
    assert!(a.counters().dropped.iter().count() > 0);
    assert_eq!(a.members().len(), 3);
}

#[tokio::test]
async fn the_owner_is_woken_and_a_lagging_loop_is_told() {
    let a = node(&[]).await;
    let b = node(&[&a]).await;
    let wakes = Arc::new(AtomicUsize::new(0));
    let count = wakes.clone();
    b.subscribe(move || {
        count.fetch_add(1, Ordering::Relaxed);
    });
    until("they know each other", || alive(&a) == 2 && alive(&b) == 2).await;
    b.drain();
    let before = wakes.load(Ordering::Relaxed);
    a.set(".k", b"1".to_vec()).unwrap();
    until("a wake", || wakes.load(Ordering::Relaxed) > before).await;

    let stalled = |at: &Cluster| at.member(b.name()).is_some_and(|member| member.stalled);
    assert!(!stalled(&a), "who never beats does not lag");
    b.beat(0.0);
    until("the missing beat is known to others", || stalled(&a)).await;
    until("and the end of it", || {
        b.beat(0.0);
        !stalled(&a)
    })
    .await;
}

#[tokio::test]
async fn a_closed_node_can_still_be_asked() {
    let a = node(&[]).await;
    a.close();
    a.close();
    assert!(a.is_closed());
    assert_eq!(a.members().len(), 1);
    assert_eq!(a.set(".k", b"1".to_vec()), Ok(Told::Now));
    a.leave().await;
    assert_eq!(a.net_stats().streams, 0);
}

#[tokio::test]
async fn the_last_clone_takes_the_node_along() {
    let a = node(&[]).await;
    let (other, addr) = (a.clone(), a.local_addr());
    drop(a);
    assert!(UdpSocket::bind(addr).is_err(), "still in use");
    drop(other);
    UdpSocket::bind(addr).expect("free");
}

/// A node at its own address of the loopback that lets in `allow` only.
#[cfg(target_os = "linux")]
async fn guarded(host: &str, allow: &[&str], seeds: &[&Cluster]) -> Cluster {
    let options = Options {
        host: host.parse().unwrap(),
        allow: allow.iter().map(|text| text.parse().unwrap()).collect(),
        ..options(seeds)
    };
    Cluster::start(options).await.expect("a node starts")
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn gossip_from_other_networks_is_neither_read_nor_answered() {
    let a = guarded("127.0.0.1", &["127.0.0.1"], &[]).await;
    let b = guarded("127.0.0.1", &["127.0.0.0/8"], &[&a]).await;
    until("both are there", || alive(&a) == 2 && alive(&b) == 2).await;
    let count = |reason: &str| {
        let dropped = a.counters().dropped;
        let found = dropped.iter().find(|(name, _)| *name == reason);
        found.map_or(0, |(_, count)| count)
    };
    let dropped = || count("not_allowed");
    assert_eq!(dropped(), 0);

    // A datagram, and what it would have been answered with.
    let stranger = UdpSocket::bind("127.0.0.2:0").unwrap();
    for _ in 0..100 {
        stranger.send_to(&[7; 50], a.addr()).unwrap();
    }
    until("they are counted", || dropped() == 100).await;
    assert_eq!(count("malformed"), 0);

    // A connection: it is closed without a word.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut stream = socket.connect(a.addr()).await.unwrap();
    let mut read = Vec::new();
    let ended = stream.read_to_end(&mut read);
    let ended = tokio::time::timeout(PATIENCE, ended).await;
    assert_eq!(ended.expect("an end").unwrap_or(0), 0);
    until("it is counted", || dropped() == 101).await;
    let told = events(&a);
    let line = |event: &&Event| matches!(event, Event::Log { text, .. } if text.contains("127.0.0.2") && text.contains("'allow'"));
    assert_eq!(told.iter().filter(line).count(), 1, "{told:?}");

    // Let in by b, it is no member for a: what it answers is not read.
    let d = guarded("127.0.0.2", &["127.0.0.0/8"], &[&b]).await;
    until("b knows it", || status(d.name(), &b).is_some()).await;
    let before = dropped();
    until("a has asked it", || dropped() > before).await;
    assert_eq!(a.member(d.name()), None);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_node_outside_of_its_own_networks_says_so_and_opens_none_there() {
    let a = node(&[]).await;
    let b = guarded("127.0.0.1", &["10.0.0.0/8"], &[&a]).await;
    until("it says so", || {
        events(&b).iter().any(|event| match event {
            Event::Log { text, .. } => text.contains("127.0.0.1") && text.contains("'allow'"),
            Event::SeedFailed { reason, .. } => panic!("too soon: {reason}"),
            _ => false,
        })
    })
    .await;
    until("it does not join by it", || {
        events(&b).iter().any(
            |event| matches!(event, Event::SeedFailed { reason, .. } if reason.contains("'allow'")),
        )
    })
    .await;
}
