//! The fuzz targets, driven from a seed for a short and fixed time each.
//!
//! A failure prints its seed and round; `FUZZ_SEED=<seed>` repeats the run and
//! `FUZZ_SECONDS=<n>` makes it longer.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::{Rng, RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
use seneca_gossip::fuzz::{self, Victim};
use seneca_gossip::sim::{Conditions, Options, World, forge};
use seneca_gossip::wire::{Stage, VERSION};

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|value| value.parse().expect("a number"))
}

/// Calls `round` with a new source of randomness again and again, for as long
/// as is allowed, and says which round failed.
fn drive(mut round: impl FnMut(&mut Xoshiro256PlusPlus)) {
    let seed = from_env("FUZZ_SEED").unwrap_or(1);
    let span = Duration::from_secs(from_env("FUZZ_SECONDS").unwrap_or(4));
    let start = Instant::now();
    let mut rounds = 0u64;
    struct Tell(u64, u64);
    impl Drop for Tell {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("failed with FUZZ_SEED={} in round {}", self.0, self.1);
            }
        }
    }
    let mut tell = Tell(seed, 0);
    while start.elapsed() < span {
        tell.1 = rounds;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed.wrapping_mul(1 << 32) + rounds);
        round(&mut rng);
        rounds += 1;
    }
    println!("{rounds} rounds from seed {seed}");
}

fn noise(rng: &mut Xoshiro256PlusPlus, longest: usize) -> Vec<u8> {
    let mut bytes = vec![0; rng.random_range(0..=longest)];
    rng.fill_bytes(&mut bytes);
    // Numbers and lengths in messages are mostly small.
    if rng.random::<bool>() {
        bytes.iter_mut().for_each(|byte| *byte %= 20);
    }
    bytes
}

/// One to a few small changes, as they hurt parsers most.
fn mutate(rng: &mut Xoshiro256PlusPlus, bytes: &mut Vec<u8>) {
    for _ in 0..rng.random_range(1..=4) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..7) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes[at] = rng.random(),
            2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][rng.random_range(0..5)],
            3 => bytes.truncate(at),
            4 => bytes.insert(at, rng.random()),
            5 => {
                bytes.remove(at);
            }
            _ => {
                let end = rng.random_range(at..bytes.len().min(at + 40));
                let part = bytes[at..end].to_vec();
                let to = rng.random_range(0..=bytes.len());
                bytes.splice(to..to, part);
            }
        }
    }
}

/// Real messages of a cluster: what nodes say while they join, set keys,
/// accuse each other and leave.
fn corpus() -> Vec<Vec<u8>> {
    let options = Options {
        conditions: Conditions {
            loss: 0.1,
            ..Conditions::default()
        },
        ..Options::new(1)
    };
    let mut world = World::new(options);
    world.tap();
    world.cluster(4);
    world.run(2_000);
    world.set(2, ".key", b"value").expect("a valid value");
    world.set(3, ".large", &[7; 5_000]).expect("a valid value");
    world.run(2_000);
    world.remove(2, ".key");
    world.pause_for(3, 6_000);
    world.run(8_000);
    world.leave(1, 1_000);
    world.run(3_000);
    let mut messages = world.tapped().to_vec();
    messages.sort();
    messages.dedup();
    assert!(messages.len() > 100, "only {} messages", messages.len());
    messages
}

#[test]
fn any_bytes_are_a_message_or_an_error() {
    drive(|rng| fuzz::message(&noise(rng, 200)));
}

#[test]
fn any_body_of_any_kind_of_message_is_read_or_refused() {
    drive(|rng| {
        for kind in fuzz::KINDS {
            fuzz::body(kind, &noise(rng, 120));
        }
    });
}

#[test]
fn any_value_that_nodes_publish_is_read_or_refused() {
    drive(|rng| fuzz::values(&noise(rng, 24)));
}

#[test]
fn a_damaged_message_is_read_or_refused() {
    let corpus = corpus();
    drive(|rng| {
        let mut bytes = corpus[rng.random_range(0..corpus.len())].clone();
        fuzz::message(&bytes);
        mutate(rng, &mut bytes);
        fuzz::message(&bytes);
    });
}

#[test]
fn nothing_without_the_key_is_taken() {
    drive(|rng| fuzz::sealed(&noise(rng, 200)));
}

#[test]
fn what_was_sealed_is_taken_once_and_never_changed() {
    let corpus = corpus();
    drive(|rng| {
        let mut node = fuzz::Sealed::default();
        let mut wire: Vec<Vec<u8>> = Vec::new();
        let (mut theirs, mut ours) = (1_735_689_600_000, 1_735_689_600_000);
        for _ in 0..rng.random_range(1..200) {
            match rng.random_range(0..8) {
                // Clocks go their ways; a sender's that is set back begins a session.
                0 => theirs += rng.random_range(0..400_000),
                1 => ours += rng.random_range(0..100_000),
                2 => theirs -= rng.random_range(0..5_000),
                3 | 4 => {
                    let message = &corpus[rng.random_range(0..corpus.len())];
                    wire.push(node.make(message, theirs, rng.random_range(0..2)));
                }
                _ if wire.is_empty() => {}
                5 => {
                    let mut bytes = wire[rng.random_range(0..wire.len())].clone();
                    mutate(rng, &mut bytes);
                    let whole = wire.contains(&bytes);
                    let taken = node.arrive(&bytes, ours);
                    assert!(whole || !taken, "a damaged message was taken");
                }
                _ => {
                    node.arrive(&wire[rng.random_range(0..wire.len())], ours);
                }
            }
        }
    });
}

#[test]
fn an_engine_fed_with_noise_stays_itself() {
    drive(|rng| fuzz::engine(&noise(rng, 4_000)));
}

#[test]
fn an_engine_fed_with_damaged_messages_stays_itself() {
    let corpus = corpus();
    drive(|rng| {
        let mut victim = Victim::default();
        for _ in 0..rng.random_range(1..150) {
            let mut bytes = corpus[rng.random_range(0..corpus.len())].clone();
            if rng.random_range(0..4) > 0 {
                mutate(rng, &mut bytes);
            }
            let from = std::net::SocketAddr::from(([10, 0, 0, rng.random_range(1..5)], 7_000));
            match rng.random_range(0..10) {
                0 => victim.pass(rng.random_range(0..4_000)),
                1 => victim.refused(from),
                2 => victim.frame(from, &bytes, rng.random()),
                3 => victim.close(),
                _ => victim.datagram(from, &bytes),
            }
        }
        victim.verify();
    });
}

#[test]
fn an_engine_fed_with_well_formed_lies_stays_itself() {
    let names = [
        "10.0.0.1:7000",
        "10.0.0.2:7000",
        "10.0.0.3:7000",
        "ghost:1",
        "ghost:2",
        "x",
    ];
    drive(|rng| {
        let mut victim = Victim::default();
        let mut sent = VecDeque::new();
        for _ in 0..rng.random_range(1..100) {
            let from = names[rng.random_range(0..names.len())];
            let lies: Vec<_> = (0..rng.random_range(0..5))
                .map(|_| lie(rng, &names))
                .collect();
            let bytes = match rng.random_range(0..3) {
                0 => {
                    let stage = [Stage::Ask, Stage::Answer, Stage::Finish][rng.random_range(0..3)];
                    forge::sync("default", from, stage, &lies)
                }
                _ => forge::gossip("default", from, &[], &lies),
            };
            assert_eq!(bytes[0], VERSION);
            sent.push_back(bytes);
            let bytes = &sent[rng.random_range(0..sent.len())];
            let from = std::net::SocketAddr::from(([10, 0, 0, rng.random_range(1..5)], 7_000));
            match rng.random_range(0..6) {
                0 => victim.pass(rng.random_range(0..2_000)),
                1 | 2 => victim.frame(from, bytes, rng.random()),
                _ => victim.datagram(from, bytes),
            }
        }
        victim.verify();
    });
}

/// Something well formed and untrue about somebody.
fn lie(rng: &mut Xoshiro256PlusPlus, names: &[&str]) -> seneca_gossip::wire::Delta {
    let name = names[rng.random_range(0..names.len())];
    let wall = 1_735_689_600_000u64;
    let generation = [
        0,
        1,
        wall - 1,
        wall,
        wall + 1,
        wall + 3_600_000,
        wall * 2,
        1 << 53,
    ][rng.random_range(0..8)];
    let addr = ["10.0.0.3:7000", "nonsense", "0.0.0.0:0", "[::1]:9"][rng.random_range(0..4)];
    let junk = noise(rng, 40);
    let verdict = format!("@v/{:016x}", seneca_gossip::wire::NodeId::of(names[0]).0);
    let values: [(&str, &[u8]); 4] = [
        ("@life", &junk),
        (&verdict, &junk),
        (".key0", &junk),
        ("@svc", b"{"),
    ];
    let mut delta = forge::claim(
        name,
        generation,
        addr,
        &values[..rng.random_range(0..=values.len())],
    );
    let step = [1, 1, 2, 1_000, 1 << 40][rng.random_range(0..5)];
    let mut version = 0;
    for entry in &mut delta.entries {
        version += step;
        entry.version = version;
        if rng.random_range(0..6) == 0 {
            entry.value = None;
        }
    }
    delta.upto = version + rng.random_range(0..3);
    if rng.random_range(0..3) == 0 {
        delta.horizon = rng.random_range(0..=delta.upto);
    }
    delta
}
