//! The sizes that are promised: two hundred nodes, and any number of members.

use seneca_gossip::engine::{Config, Effect, Engine, Event};
use seneca_gossip::membership::Status;
use seneca_gossip::sim::{Crash, EPOCH, forge, scenario};
use seneca_gossip::wire::{Extensions, MAX_MESSAGE, Message, NodeId, Stage, text_hash};

use super::{finish, joined, options, seeds};

/// One world for both, since two hundred nodes take their time.
#[test]
fn two_hundred_in_halves_become_one_in_ten_seconds_remembered_or_forgotten() {
    seeds(1, |seed| {
        let mut options = options(seed, 200);
        options.config.remember = 4_000;
        let (mut world, joined) = scenario::joined(options, 200);
        assert!(joined.is_some(), "{:?}", world.blind());
        world.run(1_000);
        let half = world.pick(100, &[]);
        let other = (0..200).find(|id| !half.contains(id)).unwrap();
        // Found dead after three seconds, forgotten after ten.
        for (span, status) in [(5_000, Some(Status::Dead)), (11_000, None)] {
            world.partition(&[&half]);
            world.run(span);
            for id in [half[0], half[99]] {
                assert_eq!(world.status(id, other), status);
                assert_eq!(world.status(other, id), status);
            }
            world.heal();
            let time = world.converge(30_000);
            println!("200 in halves for {span} ms, seed {seed}: {time:?}");
            assert!(
                time.is_some_and(|time| time <= 10_000),
                "{time:?} {:?}",
                world.blind()
            );
            let before = world.deaths().len();
            world.run(2_000);
            assert_eq!(world.deaths().len(), before, "deaths by healing");
            assert_eq!(world.blind(), None, "later");
        }
        finish(world, 200);
    });
}

#[test]
fn two_hundred_restarted_in_five_seconds_are_all_known_within_ten() {
    seeds(1, |seed| {
        let mut world = joined(seed, 200);
        let time = scenario::restart_all(&mut world, 5_000);
        println!("restart of all 200, seed {seed}: {time:?}");
        assert!(
            time.is_some_and(|time| time <= 10_000),
            "{time:?} {:?}",
            world.blind()
        );
        world.run(10_000);
        assert_eq!(world.blind(), None, "later");
        finish(world, 200);
    });
}

#[test]
fn half_of_a_hundred_processes_may_be_killed_at_once() {
    seeds(2, |seed| {
        let mut world = joined(seed, 100);
        let victims = world.pick(50, &[]);
        let time = scenario::crash_at_once(&mut world, &victims, Crash::Closed);
        println!("half of 100 killed, seed {seed}: {time:?}");
        assert!(time.is_some_and(|time| time <= 5_000), "{time:?}");
        assert_eq!(world.false_deaths(), 0);
        finish(world, 100);
    });
}

/// Nine thousand members, all of them news: no message grows with them, and
/// nobody is left out for ever.
#[test]
fn no_datagram_overflows_however_many_members_there_are() {
    const MEMBERS: u64 = 9_000;
    let name = "10.200.0.1:7000";
    let at = name.parse().unwrap();
    let mut engine = Engine::new(Config::new(name, at, EPOCH), 0, [3; 32]);
    let seed = "10.200.0.2:7000";
    engine.set_seeds(0, vec![seed.parse().unwrap()]);
    engine.handle_timeout(0);
    let conn = std::iter::from_fn(|| engine.poll()).find_map(|effect| match effect {
        Effect::Open { conn, .. } => Some(conn),
        _ => None,
    });
    let conn = conn.expect("it joins");
    engine.handle_opened(1, conn);
    let names: Vec<String> = (0..MEMBERS)
        .map(|n| format!("10.{}.{}.1:7000", n / 250, n % 250))
        .collect();
    let claims: Vec<_> = names
        .iter()
        .map(|name| forge::claim(name, EPOCH, name, &[(".k", &[7; 40])]))
        .collect();
    engine.handle_frame(
        1,
        conn,
        &forge::sync("default", seed, Stage::Answer, &claims),
    );
    assert_eq!(engine.present() as u64, MEMBERS + 1);
    let mut joins = 0;
    let mut told = std::collections::BTreeSet::new();
    let mut now = 1;
    // Somebody who knows nobody, and asks with the sums of its buckets.
    let ask = forge::envelope(&seneca_gossip::wire::Envelope {
        cluster: text_hash("default"),
        from: NodeId::of(&names[0]),
        message: Message::Gossip(seneca_gossip::wire::Gossip {
            step: 1,
            by_stream: false,
            root: 0,
            buckets: Some(Box::new([0; 64])),
            digests: vec![],
            more: Extensions::default(),
            deltas: vec![],
        }),
    });
    for _ in 0..1_500 {
        now = engine.next_timeout().max(now + 1);
        engine.handle_timeout(now);
        engine.handle_datagram(now, names[0].parse().unwrap(), &ask);
        while let Some(effect) = engine.poll() {
            match effect {
                Effect::Send { bytes, .. } | Effect::Probe { bytes, .. } => {
                    assert!(bytes.len() <= MAX_MESSAGE, "{} bytes", bytes.len());
                    let envelope = seneca_gossip::wire::Envelope::decode(&bytes).unwrap();
                    if let Message::Gossip(gossip) = envelope.message {
                        told.extend(gossip.digests.iter().map(|d| d.id));
                    }
                }
                Effect::Event(Event::Join { .. }) => joins += 1,
                _ => {}
            }
        }
    }
    assert_eq!(joins, MEMBERS);
    assert!(engine.counters().longest_out <= MAX_MESSAGE);
    assert!(
        told.len() as u64 > MEMBERS * 9 / 10,
        "only {} of {MEMBERS} were ever told",
        told.len()
    );
}
