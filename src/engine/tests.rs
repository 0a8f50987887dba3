//! Conversations with somebody who does not keep to the rules, message by
//! message. (Whole clusters under attack: `tests/sim/hostile.rs`.)

use std::net::SocketAddr;

use super::*;
use crate::membership::Status;
use crate::sim::forge::{claim, datagrams, envelope, gossip, sync};
use crate::wire::{Ack, Delta, Digest, Envelope, Message, Stage};

const WALL: u64 = 1_700_000_000_000;
const FRIEND: &str = "10.0.0.2:7000";

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A node that knows `FRIEND`, which it has heard itself.
fn engine() -> Engine {
    let own = at("10.0.0.1:7000");
    let mut engine = Engine::new(Config::new(own.to_string(), own, WALL), 0, [7; 32]);
    engine.handle_datagram(1, at(FRIEND), &gossip("default", FRIEND, &[], &[friend()]));
    let nonce = sent(&mut engine).into_iter().find_map(|(to, envelope)| {
        let Message::Ping(ping) = envelope.message else {
            return None;
        };
        (to == at(FRIEND)).then_some(ping.nonce)
    });
    engine.handle_datagram(2, at(FRIEND), &ack(FRIEND, nonce.unwrap(), WALL));
    assert_eq!(engine.member(2, FRIEND).unwrap().status, Status::Alive);
    while engine.poll().is_some() {}
    engine
}

fn friend() -> Delta {
    claim(FRIEND, WALL, FRIEND, &[(".mine", b"true")])
}

fn ack(from: &str, nonce: u64, generation: u64) -> Vec<u8> {
    let message = Message::Ack(Ack {
        nonce,
        generation,
        incarnation: 0,
        accuse: None,
    });
    envelope(&Envelope {
        cluster: wire::text_hash("default"),
        from: NodeId::of(from),
        message,
    })
}

/// What it sends now, and to whom.
fn sent(engine: &mut Engine) -> Vec<(SocketAddr, Envelope)> {
    let mut list = Vec::new();
    while let Some(effect) = engine.poll() {
        if let Effect::Send { to, bytes } | Effect::Probe { to, bytes } = effect {
            list.push((to, Envelope::decode(&bytes).unwrap()));
        }
    }
    list
}

/// Bytes that it sends to `to` within ten seconds.
fn bytes_to(engine: &mut Engine, to: SocketAddr) -> usize {
    let mut sum = 0;
    while engine.next_timeout() < 10_000 {
        while let Some(effect) = engine.poll() {
            if let Effect::Send { to: t, bytes } | Effect::Probe { to: t, bytes } = effect {
                sum += if t == to { bytes.len() } else { 0 };
            }
        }
        let now = engine.next_timeout();
        engine.handle_timeout(now);
    }
    sum
}

/// Closes of a connection that it asks for now.
fn closed(engine: &mut Engine, conn: ConnId) -> bool {
    let mut closed = false;
    while let Some(effect) = engine.poll() {
        closed |= matches!(effect, Effect::Close { conn: c } if c == conn);
    }
    closed
}

#[test]
fn a_name_that_is_an_address_is_asked_there_and_nowhere_else() {
    let mut engine = engine();
    let liar = at("10.66.0.1:7000");
    // A newer run of a member, a node that nobody knows, and a member that moves.
    let newer = claim(FRIEND, WALL + 5, &liar.to_string(), &[(".mine", b"false")]);
    let unknown = claim("10.0.0.3:7000", WALL, &liar.to_string(), &[]);
    let mut moved = friend();
    moved.entries[0].value = Some(liar.to_string().into_bytes().into());
    moved.entries[0].version = 3;
    moved.entries.rotate_left(1);
    moved.upto = 3;
    for delta in [newer, unknown, moved] {
        for from in [FRIEND, "10.66.0.1:7000"] {
            let lie = gossip("default", from, &[], std::slice::from_ref(&delta));
            engine.handle_datagram(10, at(FRIEND), &lie);
        }
    }
    assert_eq!(engine.member(10, FRIEND).unwrap().addr, Some(at(FRIEND)));
    assert_eq!(bytes_to(&mut engine, liar), 0);
    assert_eq!(engine.value(FRIEND, ".mine").as_deref(), Some(&b"true"[..]));
}

#[test]
fn a_new_seed_need_not_wait_for_the_patience_that_old_ones_have_used_up() {
    let own = at("10.0.0.1:7000");
    let mut engine = Engine::new(Config::new(own.to_string(), own, WALL), 0, [7; 32]);
    let opened = |engine: &mut Engine| {
        let effects = std::iter::from_fn(|| engine.poll());
        let open = effects.filter_map(|effect| match effect {
            Effect::Open { conn, to } => Some((conn, to)),
            _ => None,
        });
        open.collect::<Vec<_>>()
    };
    let (old, new) = (at("10.0.0.2:7000"), at("10.0.0.3:7000"));
    engine.set_seeds(0, vec![old]);
    let mut now = 0;
    while now < 60_000 {
        engine.handle_timeout(now);
        for (conn, _) in opened(&mut engine) {
            engine.handle_closed(now, conn, "refused");
        }
        now = engine.next_timeout();
    }
    // The same again changes nothing.
    engine.set_seeds(now, vec![old]);
    engine.handle_timeout(now);
    let tried: Vec<_> = opened(&mut engine).into_iter().map(|o| o.1).collect();
    engine.set_seeds(now, vec![old, new]);
    engine.handle_timeout(now);
    assert!(!tried.contains(&new));
    assert!(opened(&mut engine).iter().any(|(_, to)| *to == new));
}

#[test]
fn a_name_of_another_kind_may_move() {
    let mut engine = engine();
    let lie = claim("host:7000", WALL, "10.66.0.1:7000", &[]);
    engine.handle_datagram(10, at(FRIEND), &gossip("default", FRIEND, &[], &[lie]));
    assert!(bytes_to(&mut engine, at("10.66.0.1:7000")) > 0);
}

#[test]
fn nobody_is_flooded_with_our_questions() {
    let victim = at("10.66.0.1:7000");
    let names: Vec<String> = (0..40).map(|i| format!("{i}:1")).collect();
    let lies: Vec<Delta> = names
        .iter()
        .map(|name| claim(name, WALL, &victim.to_string(), &[]))
        .collect();
    let digests = [Digest {
        id: NodeId::of(FRIEND),
        generation: WALL,
        version: 0,
    }];
    // All in one message; one in each, in its own name; and in the victim's name.
    let mut single = Vec::new();
    for (name, lie) in names.iter().zip(&lies) {
        single.push(gossip("default", name, &digests, std::slice::from_ref(lie)));
    }
    for messages in [datagrams("default", "liar:1", &lies), single] {
        let mut engine = engine();
        for message in &messages {
            engine.handle_datagram(10, victim, message);
        }
        let asked: usize = messages.iter().map(Vec::len).sum();
        let answered = bytes_to(&mut engine, victim);
        println!("{answered} bytes for {asked}");
        assert!(
            answered > 0 && answered <= 3 * asked,
            "{answered} for {asked}"
        );
    }
}

#[test]
fn nobody_is_kept_out_by_invented_peers_however_they_introduce_themselves() {
    let newcomer = "10.0.0.3:7000";
    let claims = [claim(newcomer, WALL, newcomer, &[])];
    let is_asked = |engine: &mut Engine| {
        let pings =
            |(to, e): &(_, Envelope)| *to == at(newcomer) && matches!(e.message, Message::Ping(_));
        sent(engine).iter().any(pings)
    };
    let mut engine = engine();
    for i in 0..12_000 {
        let name = format!("10.66.{}.{}:7000", i / 250, i % 250);
        let lie = [claim(&name, WALL, &name, &[])];
        let by = if i < 6_000 { "liar:1" } else { &name };
        engine.handle_datagram(10, at("10.66.0.1:666"), &gossip("default", by, &[], &lie));
    }
    while engine.poll().is_some() {}
    // Told by a third party it has to wait.
    engine.handle_datagram(11, at(FRIEND), &gossip("default", FRIEND, &[], &claims));
    assert!(!is_asked(&mut engine));
    engine.handle_datagram(12, at(newcomer), &gossip("default", newcomer, &[], &claims));
    assert!(is_asked(&mut engine), "from its own address");
    engine.handle_accepted(13, 1, at("10.99.0.1:5"));
    engine.handle_frame(13, 1, &sync("default", newcomer, Stage::Ask, &[]));
    let newer = [claim(newcomer, WALL + 1, newcomer, &[])];
    engine.handle_frame(13, 1, &sync("default", newcomer, Stage::Finish, &newer));
    assert!(is_asked(&mut engine), "over a connection");
}

#[test]
fn a_connection_has_one_name_and_one_question() {
    let ask = |from| sync("default", from, Stage::Ask, &[]);
    let finish = |from| sync("default", from, Stage::Finish, &[friend()]);
    let (a, b) = (FRIEND, "10.0.0.3:7000");
    let talks: [(&[Vec<u8>], bool); 5] = [
        (&[ask(a), finish(a)], true),
        (&[ask(a), ask(a)], false),
        (&[finish(a)], false),
        (&[ask(a), finish(b)], false),
        (&[sync("default", a, Stage::Answer, &[])], false),
    ];
    for (i, (frames, fine)) in talks.into_iter().enumerate() {
        let mut engine = engine();
        engine.handle_accepted(10, 1, at(FRIEND));
        for frame in frames {
            assert!(!closed(&mut engine, 1), "before the last frame of {i}");
            engine.handle_frame(11, 1, frame);
        }
        assert!(closed(&mut engine, 1));
        let refused = engine.counters().dropped.count(Drop::Misplaced);
        assert_eq!(refused, u64::from(!fine), "{i}");
    }
}

#[test]
fn who_takes_too_long_is_counted() {
    let mut engine = engine();
    engine.handle_accepted(10, 1, at(FRIEND));
    let mut over = false;
    while !over && engine.next_timeout() < 11_000 {
        let now = engine.next_timeout();
        engine.handle_timeout(now);
        over = closed(&mut engine, 1);
        assert!(!over || now >= 10_010, "at {now}");
    }
    assert!(over, "{}", engine.next_timeout());
    assert_eq!(engine.counters().dropped.count(Drop::Slow), 1);
}

#[test]
fn a_message_of_another_cluster_over_tcp_is_told_with_the_address_it_came_from() {
    let mut engine = engine();
    engine.handle_accepted(10, 1, at("10.9.9.9:555"));
    engine.handle_frame(10, 1, &sync("others", "10.9.9.9:7000", Stage::Ask, &[]));
    let text = std::iter::from_fn(|| engine.poll()).find_map(|effect| match effect {
        Effect::Event(Event::Log { text, .. }) => Some(text),
        _ => None,
    });
    let text = text.expect("a line");
    assert!(text.starts_with("10.9.9.9:555 sends"), "{text}");
}

#[test]
fn messages_in_our_own_name_are_told_when_they_are_not_ours() {
    let said = |generation: u64| {
        let mut engine = engine();
        let name = engine.name().to_owned();
        let digest = Digest {
            id: NodeId::of(&name),
            generation,
            version: 2,
        };
        let echo = gossip("default", &name, &[digest], &[]);
        engine.handle_datagram(10, at("10.9.9.9:7000"), &echo);
        engine.handle_datagram(11, at("10.9.9.9:7000"), &echo);
        assert_eq!(engine.generation(), WALL, "nothing is followed");
        let lines = std::iter::from_fn(|| engine.poll())
            .filter(|e| matches!(e, Effect::Event(Event::Log { .. })));
        lines.count()
    };
    assert_eq!(said(WALL), 0, "our own, by a seed that leads back here");
    assert_eq!(said(WALL + 5), 1);
    assert_eq!(said(WALL - 5), 1);
}

#[test]
fn a_horizon_beyond_what_is_told_is_malformed() {
    let mut engine = engine();
    let mut lie = claim("10.0.0.3:7000", WALL, "10.0.0.3:7000", &[]);
    lie.horizon = lie.upto + 1;
    engine.handle_datagram(10, at(FRIEND), &gossip("default", FRIEND, &[], &[lie]));
    assert_eq!(engine.counters().dropped.count(Drop::Malformed), 1);
}

#[test]
fn a_member_is_asked_for_news_out_of_turn_but_not_at_every_call() {
    let mut engine = engine();
    let mut asked = |now, name: &str| {
        engine.ask(now, name);
        sent(&mut engine)
    };
    let first = asked(3, FRIEND);
    let is_gossip = |m: &Message| matches!(m, Message::Gossip(_));
    assert_eq!(first.len(), 1);
    assert!(first[0].0 == at(FRIEND) && is_gossip(&first[0].1.message));
    assert!(asked(4, FRIEND).is_empty());
    assert!(asked(3 + 30, "10.0.0.1:7000").is_empty(), "itself");
    assert!(asked(3 + 30, "10.0.0.99:7000").is_empty(), "a stranger");
    assert_eq!(asked(3 + 30, FRIEND).len(), 1);
}
