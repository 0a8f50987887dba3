//! A long random run: everything that can go wrong does, in random order, and
//! once it is quiet again the cluster must be whole.

use super::faults::Crash;
use super::network::{Conditions, Delay};
use super::node::{NodeId, Run};
use super::report::Samples;
use super::world::{Options, World};
use crate::engine::Millis;

/// What a random run has shown.
#[derive(Debug, Clone, Default)]
pub struct Chaos {
    /// How often something was broken.
    pub faults: u64,
    /// After each storm: how long until all saw each other again.
    pub calm: Samples,
    /// After each storm: how long until all had the same state.
    pub agreed: Samples,
    /// What was not right in the end.
    pub wrong: Vec<String>,
}

/// How long a storm may take to settle, ms.
const PATIENCE: Millis = 60_000;

/// Storms of random faults, `steps` in each, until the clock stands at `until`.
pub fn chaos(options: Options, nodes: usize, steps: u64, until: Millis) -> (World, Chaos) {
    let conditions = options.conditions;
    let mut world = World::new(options);
    let mut result = Chaos::default();
    world.cluster(nodes);
    world.converge(PATIENCE);
    while world.now() < until && result.wrong.is_empty() {
        for _ in 0..steps {
            step(&mut world, nodes);
            result.faults += 1;
            let gap = world.random(3_000);
            world.run(gap);
        }
        calm_down(&mut world, nodes, conditions);
        settle(&mut world, &mut result);
    }
    (world, result)
}

/// One random fault, or two.
fn step(world: &mut World, nodes: usize) {
    let ids = world.pick(1, &[]);
    let Some(&id) = ids.first() else {
        return;
    };
    let span = match world.random(3) {
        0 => world.random(300),
        1 => world.random(5_000),
        _ => world.random(40_000),
    };
    // No real process is back within the millisecond.
    let span = span + 5;
    let at = world.now() + span;
    match world.random(16) {
        0 | 1 => world.restart(id, span),
        2 => {
            world.crash(id, Crash::Silent);
            world.at(at, move |world| revive(world, id));
        }
        3 | 4 => world.pause_for(id, span),
        5 => {
            world.leave(id, 500);
            world.at(at + 600, move |world| revive(world, id));
        }
        6 => {
            let count = 1 + world.random(nodes as u64 - 1) as usize;
            let some = world.pick(count, &[]);
            world.partition(&[&some]);
            world.at(at, World::heal);
        }
        7 => {
            let other = world.random(nodes as u64) as NodeId;
            world.cut(id, other);
            world.at(at, World::heal);
        }
        8 => {
            let by = world.random(400);
            world.slow(id, by);
        }
        9 => {
            let skew = world.random(7_200_000) as i64 - 3_600_000;
            world.set_skew(id, skew);
            world.restart(id, span);
        }
        10 => {
            let conditions = Conditions {
                delay: Delay::Exponential {
                    min: 0.5,
                    mean: 1.0 + world.random(60) as f64,
                },
                loss: world.random(30) as f64 / 100.0,
                duplicate: world.random(10) as f64 / 100.0,
                reorder: world.random(20) as f64 / 100.0,
                ..Conditions::default()
            };
            world.set_conditions(conditions);
        }
        11 => {
            let key = format!(".big{}", world.random(3));
            let size = world.random(40_000) as usize;
            // Full is an answer, too.
            let _ = world.set(id, &key, &vec![size as u8; size]);
        }
        12 => {
            let key = format!(".key{}", world.random(20));
            world.remove(id, &key);
        }
        _ => {
            for _ in 0..world.random(20) {
                let key = format!(".key{}", world.random(20));
                let size = world.random(200) as usize;
                let byte = world.random(256) as u8;
                let _ = world.set(id, &key, &vec![byte; size]);
            }
        }
    }
}

/// Starts a node unless something else has started it already.
fn revive(world: &mut World, id: NodeId) {
    if world.run_state(id) == Run::Down {
        world.start(id);
    }
}

/// No new faults; what is broken is mended.
fn calm_down(world: &mut World, nodes: usize, conditions: Conditions) {
    // Goodbyes come to their end. What else is planned only starts or resumes
    // what is down or paused.
    world.run(600);
    world.heal();
    world.set_conditions(conditions);
    for id in 0..nodes {
        world.slow(id, 0);
        match world.run_state(id) {
            Run::Down => world.start(id),
            Run::Paused => world.resume(id),
            Run::Up => {}
        }
    }
}

fn settle(world: &mut World, result: &mut Chaos) {
    let at = world.now();
    match world.converge(PATIENCE) {
        Some(time) => result.calm.push(time),
        None => {
            let who = world.blind().map(|(a, b)| (a, b, world.member(a, b)));
            result.wrong.push(format!("{at} ms: strangers: {who:?}"));
        }
    }
    match world.wait_pairs(PATIENCE, World::agree) {
        Some(time) => result.agreed.push(time),
        None => result.wrong.push(format!("{at} ms: the states differ")),
    }
    let deaths = world.deaths().len();
    world.run(20_000);
    for death in &world.deaths()[deaths..] {
        result.wrong.push(format!("in the calm: {death:?}"));
    }
    if let Some(pair) = world.blind() {
        result
            .wrong
            .push(format!("in the calm: strangers {pair:?}"));
    }
    world.verify();
}
