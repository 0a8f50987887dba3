//! Ready-made runs that measure something, for tests and for `examples/sim`.
//! Each takes a world whose nodes know each other ([`joined`]) and leaves it so.

mod churn;
mod staleness;

pub use churn::{Churn, Plan, churn, load};
pub use staleness::{Stale, Staleness};

use super::faults::Crash;
use super::node::NodeId;
use super::report::{Rate, Samples};
use super::world::{Options, World};
use crate::engine::Millis;

/// Waiting for longer than this is a failure in every scenario, ms.
const PATIENCE: Millis = 60_000;

/// A cluster that has found together, and how long that took after the start
/// of all its nodes at once; `None` when it has not within a minute.
pub fn joined(options: Options, nodes: usize) -> (World, Option<Millis>) {
    let mut world = World::new(options);
    world.cluster(nodes);
    let time = world.converge(PATIENCE);
    (world, time)
}

/// How fast changes spread.
#[derive(Debug, Clone, Default)]
pub struct Spread {
    /// From a `set` to each other node.
    pub each: Samples,
    /// From a `set` to the last node.
    pub last: Samples,
    /// How often somebody had not heard of it within a minute.
    pub missed: usize,
}

/// Random nodes set a key, one after the other.
pub fn spread(world: &mut World, count: usize) -> Spread {
    let mut result = Spread::default();
    for round in 0..count {
        let Some(&owner) = world.pick(1, &[]).first() else {
            break;
        };
        let value = format!("round {round}");
        let times = world.spread(owner, ".spread", value.as_bytes(), PATIENCE);
        if times.len() + 1 == world.running().len() {
            result.last.push(times.max());
        } else {
            result.missed += 1;
        }
        result.each.extend(&times);
        // Not in step with anybody's rounds.
        let gap = 300 + world.random(400);
        world.run(gap);
    }
    result
}

/// How fast deaths become known.
#[derive(Debug, Clone, Default)]
pub struct Detection {
    /// From the crash to the first survivor that knows.
    pub first: Samples,
    /// From the crash to each survivor.
    pub each: Samples,
    /// From the crash to the last survivor that knows.
    pub last: Samples,
    /// From the restart until all see the node alive again.
    pub back: Samples,
    /// Crashes that somebody had not noticed, or restarts that somebody had
    /// not, within a minute.
    pub missed: usize,
}

/// Random nodes crash, one after the other, and come back once all know.
/// Node 0 is spared, so that the others find their seed.
pub fn crashes(world: &mut World, count: usize, crash: Crash) -> Detection {
    group_crashes(world, count, 1, crash)
}

/// The same with groups of `size` nodes, each of which crashes in one moment.
pub fn group_crashes(world: &mut World, count: usize, size: usize, crash: Crash) -> Detection {
    let mut result = Detection::default();
    for _ in 0..count {
        let victims = world.pick(size, &[0]);
        if victims.is_empty() {
            break;
        }
        victims.iter().for_each(|&id| world.crash(id, crash));
        let (all, times) = world.detect(&victims, PATIENCE);
        match all {
            Some(_) => {
                result.first.push(times.min());
                result.last.push(times.max());
            }
            None => result.missed += 1,
        }
        result.each.extend(&times);
        victims.iter().for_each(|&id| world.start(id));
        match world.converge(PATIENCE) {
            Some(time) => result.back.push(time),
            None => result.missed += 1,
        }
        // Long enough for the newcomer to be watched by everybody who should.
        let gap = 3_000 + world.random(1_000);
        world.run(gap);
    }
    result
}

/// Some nodes crash in the same moment; when the last survivor knows of all
/// of them. `None` when that is not within a minute.
pub fn crash_at_once(world: &mut World, victims: &[NodeId], crash: Crash) -> Option<Millis> {
    victims.iter().for_each(|&id| world.crash(id, crash));
    world.detect(victims, PATIENCE).0
}

/// What pauses did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pauses {
    /// Verdicts 'dead' against a paused node.
    pub deaths: usize,
    /// Verdicts 'dead' against a node that worked.
    pub false_deaths: usize,
    /// How often somebody began to suspect somebody.
    pub suspicions: u64,
}

/// Random nodes are stopped for `span` ms, one every `every` ms.
pub fn pauses(world: &mut World, count: usize, span: Millis, every: Millis) -> Pauses {
    let deaths = world.deaths().len();
    let false_deaths = world.false_deaths();
    let suspicions = world.suspicions();
    for _ in 0..count {
        if let Some(&id) = world.pick(1, &[]).first() {
            world.pause_for(id, span);
        }
        world.run(every);
    }
    world.run(5_000);
    let wrong = world.false_deaths() - false_deaths;
    Pauses {
        deaths: world.deaths().len() - deaths - wrong,
        false_deaths: wrong,
        suspicions: world.suspicions() - suspicions,
    }
}

/// What a partition did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Split {
    /// How many records of nodes beyond the gap all nodes together still had
    /// just before the network healed.
    pub remembered: usize,
    /// How long after the healing all see each other; `None` when they do not
    /// within a minute.
    pub whole: Option<Millis>,
}

/// The network splits into halves for a while. With a short
/// [`remember`](crate::engine::Config::remember) the halves forget each other
/// meanwhile, and only their seeds bring them together again.
pub fn split(world: &mut World, span: Millis) -> Split {
    let all = world.running();
    let half = world.pick(all.len() / 2, &[]);
    world.partition(&[&half]);
    world.run(span);
    let apart = |a: &NodeId, b: &NodeId| half.contains(a) != half.contains(b);
    let knows = |world: &World, a: &NodeId| {
        let beyond = all.iter().filter(|b| apart(a, b));
        beyond.filter(|&&b| world.status(*a, b).is_some()).count()
    };
    let remembered = all.iter().map(|a| knows(world, a)).sum();
    world.heal();
    let whole = world.converge(PATIENCE);
    Split { remembered, whole }
}

/// The network splits into halves for a while. Tells how long after its healing
/// all see each other; `None` when they do not within a minute.
pub fn partition(world: &mut World, span: Millis) -> Option<Millis> {
    split(world, span).whole
}

/// Every process is killed and started again at some time within `within` ms.
/// Tells how long after the first kill all see each other alive in their new
/// generation; `None` when they do not within a minute after the last start.
pub fn restart_all(world: &mut World, within: Millis) -> Option<Millis> {
    let start = world.now();
    for id in world.running() {
        let at = start + world.random(within);
        world.at(at, move |world| world.restart(id, 50));
    }
    world.run(within + 100);
    world.converge(PATIENCE)?;
    Some(world.now() - start)
}

/// What happens while nothing happens.
#[derive(Debug, Clone, Copy)]
pub struct Quiet {
    /// What goes over the network.
    pub rate: Rate,
    /// Verdicts 'dead'.
    pub deaths: usize,
    /// How often somebody began to suspect somebody.
    pub suspicions: u64,
}

/// Nothing happens for a while.
pub fn quiet(world: &mut World, span: Millis) -> Quiet {
    let (deaths, suspicions) = (world.deaths().len(), world.suspicions());
    Quiet {
        rate: world.measure(span),
        deaths: world.deaths().len() - deaths,
        suspicions: world.suspicions() - suspicions,
    }
}
