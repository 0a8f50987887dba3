//! What a ping and its answer are worth.

use seneca_gossip::engine::{Drop, Effect, Engine};
use seneca_gossip::liveness::Verdict;
use seneca_gossip::sim::EPOCH;
use seneca_gossip::wire::{Ack, Envelope, Message, NodeId, Ping};

use super::abuse::{NAME, PEER, effects, engine, message, stranger};

/// Nonces of the pings that it sends out of connected sockets.
fn probes(engine: &mut Engine) -> Vec<u64> {
    let sent = effects(engine).into_iter().filter_map(|e| match e {
        Effect::Probe { bytes, .. } => Envelope::decode(&bytes).ok(),
        _ => None,
    });
    sent.filter_map(|e| match e.message {
        Message::Ping(ping) => Some(ping.nonce),
        _ => None,
    })
    .collect()
}

fn answer(engine: &mut Engine, now: u64, nonce: u64, generation: u64) {
    let ack = Ack {
        nonce,
        generation,
        incarnation: 0,
        accuse: None,
    };
    let bytes = message(NodeId::of(PEER), Message::Ack(ack));
    engine.handle_datagram(now, PEER.parse().unwrap(), &bytes);
}

#[test]
fn who_is_pinged_under_another_name_stays_silent() {
    for (to, answers) in [(NAME, 1), ("127.0.0.1:4466", 0)] {
        let mut engine = engine();
        let ping = Ping {
            nonce: 5,
            to: NodeId::of(to),
            accuse: None,
        };
        let bytes = message(NodeId::of(PEER), Message::Ping(ping));
        engine.handle_datagram(2, stranger(), &bytes);
        let acks = effects(&mut engine).into_iter().filter(|e| match e {
            Effect::Send { bytes, .. } => {
                let envelope = Envelope::decode(bytes).unwrap();
                matches!(envelope.message, Message::Ack(_))
            }
            _ => false,
        });
        assert_eq!(acks.count(), answers, "to {to}");
        let dropped = engine.counters().dropped.count(Drop::Misaddressed);
        assert_eq!(dropped, 1 - answers as u64);
    }
}

#[test]
fn an_answer_takes_the_word_back_one_of_another_run_or_to_no_question_does_not() {
    let key = Verdict::key(NodeId::of(PEER));
    let mut engine = engine();
    let (mut now, mut asked) = (10, Vec::new());
    while engine.value(NAME, &key).is_none() {
        now = engine.next_timeout().max(now);
        assert!(now < 10_000, "it never accuses");
        engine.handle_timeout(now);
        asked.extend(probes(&mut engine));
    }
    assert!(now >= 2_100, "after {now} ms of silence");
    answer(&mut engine, now + 1, 12_345, EPOCH);
    assert!(engine.value(NAME, &key).is_some(), "to no question");
    let (last, before) = (asked[asked.len() - 1], asked[asked.len() - 2]);
    answer(&mut engine, now + 2, before, EPOCH + 5);
    assert!(engine.value(NAME, &key).is_some(), "of another run");
    answer(&mut engine, now + 3, last, EPOCH);
    assert!(engine.value(NAME, &key).is_none(), "of the accused itself");
}
