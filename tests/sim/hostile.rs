//! What arrives is untrusted: nobody dies of it, nobody's own state changes,
//! and nothing grows without bound.

use std::net::SocketAddr;

use seneca_gossip::sim::{EPOCH, Options, World, forge};
use seneca_gossip::wire::{Delta, NodeId};

use super::heap;
use super::{finish, joined, joined_in, options, seeds};

/// Somebody outside of the cluster.
pub fn stranger() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 66], 666))
}

/// All real nodes are well, they and nobody else are members, and news travels.
pub fn unharmed(mut world: World, nodes: usize) {
    world.run(10_000);
    assert_eq!(world.blind(), None);
    assert_eq!(world.false_deaths(), 0);
    for id in 0..nodes {
        let local = world.members(id);
        assert_eq!(local.len(), nodes, "members of {id}");
    }
    let late = world.add(&[0]);
    world.start(late);
    assert!(
        world.converge(5_000).is_some(),
        "a newcomer is not let in: {:?}",
        world.blind()
    );
    let spread = world.spread(late, ".late", b"news", 5_000);
    assert_eq!(spread.len(), nodes);
    finish(world, nodes + 1);
}

/// Gossip that claims that these nodes exist, each with a value of some bytes.
fn invented(world: &World, names: std::ops::Range<usize>, bytes: usize) -> Vec<Vec<u8>> {
    let generation = EPOCH + world.now();
    let value = vec![7; bytes];
    let claims: Vec<Delta> = names
        .map(|i| {
            let name = format!("10.66.{}.{}:7000", i / 250, i % 250);
            forge::claim(&name, generation, &name, &[(".k", &value)])
        })
        .collect();
    forge::datagrams("default", "liar:1", &claims)
}

#[test]
fn twenty_thousand_invented_peers_are_not_let_in_and_leave_nothing_behind() {
    seeds(1, |seed| {
        let mut world = joined(seed, 6);
        let before = heap::live();
        let mut highest = 0;
        for (i, message) in invented(&world, 0..20_000, 900).into_iter().enumerate() {
            world.inject(i % 6, stranger(), message);
            world.run(2);
            highest = highest.max(heap::live() - before);
        }
        world.run(20_000);
        let left = heap::live() - before;
        println!("invented peers: at most {highest} bytes in 6 nodes, {left} left behind");
        assert!(highest < 6 * 8_000_000, "{highest} bytes");
        // Buffers of tables may keep their size.
        assert!(left < 6 * 1_000_000, "{left} bytes left behind");
        unharmed(world, 6);
    });
}

#[test]
fn a_newcomer_is_let_in_while_somebody_floods_all_with_invented_peers() {
    seeds(2, |seed| {
        let mut world = joined(seed, 6);
        let mut flood = invented(&world, 0..60_000, 4).into_iter().cycle();
        let storm = |world: &mut World, flood: &mut dyn Iterator<Item = Vec<u8>>| {
            for id in 0..6 {
                world.inject(id, stranger(), flood.next().expect("endless"));
            }
            world.run(5);
        };
        (0..1_000).for_each(|_| storm(&mut world, &mut flood));
        let late = world.add(&[0]);
        world.start(late);
        let start = world.now();
        let known = |world: &World| (0..6).all(|id| world.sees(id, late) && world.sees(late, id));
        while !known(&world) && world.now() < start + 20_000 {
            storm(&mut world, &mut flood);
        }
        println!(
            "newcomer in a flood, seed {seed}: {} ms",
            world.now() - start
        );
        assert!(known(&world), "kept out by invented peers");
        assert_eq!(world.deaths(), []);
        // After the flood nothing is left of it.
        world.run(20_000);
        unharmed(world, 7);
    });
}

#[test]
fn invented_peers_at_the_addresses_of_real_ones_are_not_let_in() {
    seeds(2, |seed| {
        let mut world = joined(seed, 6);
        let generation = EPOCH + world.now();
        for i in 0..600 {
            let addr = world.addr(i % 6).to_string();
            let claim = forge::claim(&format!("ghost{i}:7000"), generation, &addr, &[]);
            world.inject(
                (i + 1) % 6,
                stranger(),
                forge::gossip("default", "liar:1", &[], &[claim]),
            );
            world.run(5);
        }
        unharmed(world, 6);
    });
}

#[test]
fn impossible_peers_are_not_let_in() {
    seeds(1, |seed| {
        let mut world = joined(seed, 3);
        let generation = EPOCH + world.now();
        let addrs = [
            "nonsense",
            "",
            "127.0.0.1:99999",
            "127.0.0.1:0",
            "0.0.0.0:7000",
            "[::]:7000",
        ];
        for name in [
            "nonsense",
            "host:99999",
            "a:0",
            " : ",
            "\u{202e}:7000",
            "x:y:z:1",
        ] {
            for addr in addrs {
                let claim = forge::claim(name, generation, addr, &[]);
                for id in 0..3 {
                    let message =
                        forge::gossip("default", "liar:1", &[], std::slice::from_ref(&claim));
                    world.inject(id, stranger(), message);
                }
            }
            world.run(100);
        }
        unharmed(world, 3);
    });
}

#[test]
fn garbage_harms_nobody() {
    seeds(2, |seed| {
        let mut world = joined(seed, 5);
        for round in 0..5_000 {
            let length = world.random(1_400) as usize;
            let mut bytes: Vec<u8> = (0..length).map(|_| world.random(256) as u8).collect();
            if round % 2 == 0 && length > 10 {
                // Past the first checks: a known version, kind and cluster.
                let head = forge::gossip("default", "liar:1", &[], &[]);
                bytes[..10].copy_from_slice(&head[..10]);
                bytes[1] = 1 + (round % 6) as u8;
            }
            let to = world.random(5) as usize;
            world.inject(to, stranger(), bytes);
            if round % 10 == 0 {
                world.run(5);
            }
        }
        unharmed(world, 5);
    });
}

#[test]
fn another_cluster_on_the_same_network_stays_another() {
    seeds(2, |seed| {
        // The second cluster names a node of the first as its seed.
        let mut world = World::new(options(seed, 8));
        let ours: Vec<_> = (0..4)
            .map(|_| world.add(&[0][..usize::from(!world.is_empty())]))
            .collect();
        ours.iter().for_each(|&id| world.start(id));
        world.run(3_000);
        world.set_cluster("another");
        let theirs: Vec<_> = (0..4)
            .map(|_| world.add(&[0, 4][..1 + usize::from(world.len() > 4)]))
            .collect();
        theirs.iter().for_each(|&id| world.start(id));
        world.run(20_000);
        for &id in &ours {
            assert_eq!(world.members(id).len(), 4, "members of {id}");
            assert!(
                theirs
                    .iter()
                    .all(|&other| world.status(id, other).is_none())
            );
        }
        for &id in &theirs {
            assert_eq!(world.members(id).len(), 4, "members of {id}");
        }
        finish(world, 8);
    });
}

#[test]
fn answers_to_strangers_are_at_most_three_times_as_long_as_their_questions() {
    seeds(1, |seed| {
        let options = Options {
            record: false,
            ..options(seed, 20)
        };
        let mut world = joined_in(options, 20);
        for key in 0..40 {
            world.set(0, &format!(".key{key}"), &[7; 500]).unwrap();
        }
        world.run(10_000);
        // Questions about nothing, about all, with buckets and without.
        let mut asked = 0;
        for round in 0..200 {
            let deltas = [];
            let digests: Vec<_> = (0..round % 20)
                .map(|id| seneca_gossip::wire::Digest {
                    id: NodeId::of(world.name(id)),
                    generation: world.engine(id).generation(),
                    version: 0,
                })
                .collect();
            let question = forge::gossip("default", "liar:1", &digests, &deltas);
            asked += question.len() as u64;
            world.inject(0, stranger(), question);
            world.run(50);
        }
        let answered = world.stray_bytes();
        println!("asked with {asked} bytes, answered with {answered}");
        assert!(answered <= 3 * asked, "{answered} bytes for {asked}");
        unharmed(world, 20);
    });
}
