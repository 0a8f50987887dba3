//! Scenarios in the deterministic simulator, each named after the promise that
//! it checks. The invariant of scuttlebutt is checked all the while.
//!
//! A failure prints its seed; `SIM_SEED=<seed> cargo test --test sim <name>`
//! runs that very run again.

mod abuse;
mod answers;
mod churn;
mod clock;
mod contact;
mod crash;
mod double;
mod flow;
mod forged;
mod heap;
mod hostile;
mod join;
mod memory;
mod observer;
mod partition;
mod pause;
mod restart;
mod scale;
mod soak;
mod state;

#[path = "../support/seeds.rs"]
mod seeds;

use seeds::seeds;
use seneca_gossip::sim::{Check, Conditions, Delay, Options, World};

/// Loss, duplication and reordering together.
fn rough(loss: f64) -> Conditions {
    Conditions {
        delay: Delay::Exponential {
            min: 1.0,
            mean: 10.0,
        },
        loss,
        duplicate: 0.05,
        reorder: 0.1,
        ..Conditions::default()
    }
}

/// The oracle looks at everything in small worlds, at a sample in large ones.
fn options(seed: u64, nodes: usize) -> Options {
    let check = if nodes <= 30 {
        Check::Every
    } else {
        Check::Sampled
    };
    Options {
        check,
        ..Options::new(seed)
    }
}

/// A cluster that has found together on a quiet network.
fn joined(seed: u64, nodes: usize) -> World {
    joined_in(options(seed, nodes), nodes)
}

/// A cluster that has found together, and is settled: everybody has been
/// watched for a while.
fn joined_in(options: Options, nodes: usize) -> World {
    let (mut world, time) = seneca_gossip::sim::scenario::joined(options, nodes);
    assert!(
        time.is_some(),
        "no one cluster: {:?} are strangers",
        world.blind()
    );
    world.run(5_000);
    world
}

/// The last word of every scenario: the whole state is true, and what the
/// events told is what the accessors tell.
fn finish(mut world: World, nodes: usize) {
    world.verify();
    if nodes <= 30 {
        world.verify_events();
    }
}
