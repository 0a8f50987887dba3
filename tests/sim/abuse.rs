//! What strangers who know the protocol could make of it: memory and time that
//! they cost, members that they invent, words that they put into mouths.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use seneca_gossip::engine::{Config, Effect, Engine};
use seneca_gossip::membership::{Life, Status};
use seneca_gossip::sim::{Check, Crash, EPOCH, Options, World, forge, scenario};
use seneca_gossip::wire::{
    Accusation, Ack, Delta, Digest, Entry, Envelope, Extensions, Gossip, Message, NodeId, Ping,
    Stage, Sync, text_hash,
};

pub const NAME: &str = "127.0.0.1:4445";
pub const PEER: &str = "127.0.0.1:4455";

pub fn stranger() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 66], 666))
}

pub fn message(from: NodeId, message: Message) -> Vec<u8> {
    let cluster = text_hash("default");
    forge::envelope(&Envelope {
        cluster,
        from,
        message,
    })
}

fn gossip(from: NodeId, digests: Vec<Digest>, deltas: Vec<Delta>) -> Vec<u8> {
    let gossip = Gossip {
        step: 1,
        by_stream: false,
        root: 1,
        buckets: None,
        digests,
        more: Extensions::default(),
        deltas,
    };
    message(from, Message::Gossip(gossip))
}

/// Entries of an owner with versions from `from` + 1 on.
fn delta(id: NodeId, generation: u64, from: u64, entries: Vec<(&str, Option<&[u8]>)>) -> Delta {
    let entries: Vec<Entry> = entries
        .into_iter()
        .zip(from + 1..)
        .map(|((key, value), version)| Entry {
            key: Arc::from(key),
            version,
            value: value.map(Arc::from),
        })
        .collect();
    Delta {
        id,
        generation,
        from,
        name: None,
        horizon: 0,
        upto: from + entries.len() as u64,
        entries,
    }
}

pub fn effects(engine: &mut Engine) -> Vec<Effect> {
    std::iter::from_fn(|| engine.poll()).collect()
}

/// Nonces of the pings among the effects.
fn nonces(engine: &mut Engine) -> Vec<u64> {
    let sent = effects(engine).into_iter().filter_map(|e| match e {
        Effect::Send { bytes, .. } => Envelope::decode(&bytes).ok(),
        _ => None,
    });
    sent.filter_map(|e| match e.message {
        Message::Ping(ping) => Some(ping.nonce),
        _ => None,
    })
    .collect()
}

/// Answers the pings among the effects, as the node of this id would.
fn answer_pings(engine: &mut Engine, now: u64, at: SocketAddr, id: NodeId) {
    for nonce in nonces(engine) {
        let ack = Ack {
            nonce,
            generation: EPOCH,
            incarnation: 0,
            accuse: None,
        };
        engine.handle_datagram(now, at, &message(id, Message::Ack(ack)));
    }
}

/// A node that knows `PEER`, which has answered it.
pub fn engine() -> Engine {
    let mut engine = Engine::new(Config::new(NAME, NAME.parse().unwrap(), EPOCH), 0, [7; 32]);
    let (id, at) = (NodeId::of(PEER), PEER.parse().unwrap());
    let claim = forge::claim(PEER, EPOCH, PEER, &[]);
    effects(&mut engine);
    engine.handle_datagram(1, at, &gossip(id, vec![], vec![claim]));
    answer_pings(&mut engine, 1, at, id);
    effects(&mut engine);
    assert!(engine.member(1, PEER).is_some());
    engine
}

fn joined(nodes: usize) -> World {
    let options = Options {
        check: Check::Off,
        ..Options::new(1)
    };
    let (mut world, joined) = scenario::joined(options, nodes);
    assert!(joined.is_some());
    world.run(5_000);
    world
}

#[test]
fn a_question_that_names_an_owner_again_and_again_is_answered_once() {
    let mut engine = engine();
    engine.set(2, ".k", Arc::from(vec![1; 60_000])).unwrap();
    effects(&mut engine);
    let digest = Digest {
        id: NodeId::of(NAME),
        generation: 0,
        version: 0,
    };
    let ask = Sync {
        stage: Stage::Ask,
        last: true,
        digests: vec![digest; 2_000],
        deltas: vec![],
    };
    engine.handle_accepted(3, 1, stranger());
    engine.handle_frame(3, 1, &message(NodeId(5), Message::Sync(ask)));
    let written = effects(&mut engine).into_iter().map(|effect| match effect {
        Effect::Write { bytes, .. } => bytes.len(),
        _ => 0,
    });
    let written: usize = written.sum();
    assert!(written > 60_000 && written < 200_000, "{written} bytes");
}

#[test]
fn removals_of_a_key_leave_one_tombstone() {
    let mut engine = engine();
    let id = NodeId::of(PEER);
    let before = super::heap::live();
    for round in 0..5_000 {
        let from = 1 + 200 * round;
        let removals = delta(id, EPOCH, from, vec![("k", None); 200]);
        engine.handle_datagram(10, stranger(), &gossip(NodeId(9), vec![], vec![removals]));
        effects(&mut engine);
    }
    assert_eq!(engine.digest_of(PEER), Some((EPOCH, 1 + 200 * 5_000)));
    // 16 MB before there was a bound.
    assert!(super::heap::live() - before < 1_000_000);
}

#[test]
fn a_datagram_about_an_owner_of_many_keys_takes_no_time_of_note() {
    let mut engine = engine();
    let id = NodeId::of(PEER);
    let keys: Vec<String> = (0..7_800).map(|n| format!(".{n}")).collect();
    let mut from = 1;
    let mut say = |engine: &mut Engine, keys: &[String]| {
        let entries = keys.iter().map(|k| (&**k, Some(&b"1"[..]))).collect();
        let said = delta(id, EPOCH, from, entries);
        from = said.upto;
        engine.handle_datagram(10, stranger(), &gossip(NodeId(9), vec![], vec![said]));
        effects(engine);
    };
    for some in keys.chunks(60) {
        say(&mut engine, some);
    }
    let begun = Instant::now();
    for _ in 0..20 {
        for some in keys.chunks(60) {
            say(&mut engine, some);
        }
    }
    assert!(engine.versioned(PEER).count() > 7_800);
    // 156,000 entries: over a minute when each cost the number of keys.
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_claim_without_a_name_has_nobody_pinged() {
    let mut engine = engine();
    let at = Some(&b"192.0.2.66:666"[..]);
    for id in [NodeId::of("10.66.0.1:7000"), NodeId::of(PEER)] {
        let claim = delta(id, EPOCH + 1_000, 1, vec![("@addr", at)]);
        engine.handle_datagram(2, stranger(), &gossip(id, vec![], vec![claim]));
        assert!(nonces(&mut engine).is_empty());
    }
}

#[test]
fn a_socket_is_not_a_crowd() {
    let mut engine = engine();
    for n in 0..100 {
        let name = format!("ghost{n}:7000");
        let claim = forge::claim(&name, EPOCH, &stranger().to_string(), &[]);
        let id = NodeId::of(&name);
        engine.handle_datagram(2, stranger(), &gossip(id, vec![], vec![claim]));
        answer_pings(&mut engine, 2, stranger(), id);
    }
    assert!((3..=6).contains(&engine.members(2).len()));
}

#[test]
fn a_forged_goodbye_does_not_last() {
    let mut world = joined(5);
    let name = world.name(2).to_owned();
    let id = NodeId::of(&name);
    let (generation, version) = world.engine(2).digest_of(&name).unwrap();
    let life = Life {
        incarnation: 9,
        left: true,
        ..Life::default()
    };
    let lie = delta(
        id,
        generation,
        version,
        vec![("@life", Some(&life.encode()))],
    );
    // The owner writes the very version that the lie has: digests do not tell them apart.
    let accuse = Some(Accusation {
        generation,
        incarnation: 0,
    });
    let ping = Ping {
        nonce: 1,
        to: id,
        accuse,
    };
    let liar = NodeId::of("liar:1");
    world.inject(2, stranger(), message(liar, Message::Ping(ping)));
    for node in [0, 1, 3, 4] {
        world.inject(node, stranger(), gossip(liar, vec![], vec![lie.clone()]));
    }
    world.run(60_000);
    for node in [0, 1, 3, 4] {
        assert_eq!(world.status(node, 2), Some(Status::Alive), "at node {node}");
    }
}

#[test]
fn a_stranger_does_not_have_a_node_begin_anew() {
    let mut world = joined(5);
    let name = world.name(2).to_owned();
    let (generation, _) = world.engine(2).digest_of(&name).unwrap();
    let newer = Digest {
        id: NodeId::of(&name),
        generation: generation + 1,
        version: 1,
    };
    let lie = gossip(NodeId::of("liar:1"), vec![newer], vec![]);
    world.inject(2, stranger(), lie);
    world.run(10_000);
    assert_eq!(world.engine(2).generation(), generation);
}

#[test]
fn a_clock_that_was_set_back_while_nobody_spoke_of_the_node_any_more() {
    for crash in [true, false] {
        let mut world = joined(8);
        world.set_skew(5, -3_600_000);
        match crash {
            true => world.crash(5, Crash::Silent),
            false => world.leave(5, 300),
        }
        world.run(90_000);
        world.start(5);
        assert!(world.converge(60_000).is_some(), "crash: {crash}");
    }
}

#[test]
fn time_that_a_machine_slept_is_not_the_future_of_others() {
    const DAYS: u64 = 60 * 3_600_000;
    let mut engine = engine();
    engine.set_wall(1_000, EPOCH + DAYS);
    let (id, at) = (NodeId::of("127.0.0.1:4465"), "127.0.0.1:4465");
    let claim = forge::claim(at, EPOCH + DAYS, at, &[]);
    engine.handle_datagram(1_000, at.parse().unwrap(), &gossip(id, vec![], vec![claim]));
    assert_eq!(nonces(&mut engine).len(), 1);
}
