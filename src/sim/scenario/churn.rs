//! Nodes come and go while keys are set.

use super::{PATIENCE, Stale, Staleness};
use crate::engine::Millis;
use crate::sim::{Crash, NodeId, Rate, Run, World};

/// How exactly the time of an update is written down, ms.
const STEP: Millis = 20;
/// How long a goodbye takes, ms.
const GOODBYE: Millis = 500;
/// Keys that a node sets in turn.
const KEYS: u64 = 16;

/// How much happens.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How long, ms.
    pub span: Millis,
    /// Time between two nodes that crash, leave or restart, ms; `None` when all stay.
    pub every: Option<Millis>,
    /// Keys that are set in the whole cluster, per second.
    pub sets: f64,
    /// How those that crash do so.
    pub crash: Crash,
}

/// What it did.
#[derive(Debug, Clone, PartialEq)]
pub struct Churn {
    /// Nodes that crashed, and came back 2 to 12 s later.
    pub crashes: usize,
    /// Nodes that said goodbye, and came back 2 to 12 s later.
    pub leaves: usize,
    /// Nodes that were restarted at once.
    pub restarts: usize,
    /// How far behind the nodes were, once a second.
    pub stale: Vec<Stale>,
    /// Verdicts 'dead' on nodes that were gone.
    pub deaths: usize,
    /// Verdicts 'dead' on nodes that worked.
    pub false_deaths: usize,
    /// What went over the network.
    pub rate: Rate,
    /// From the end, when all that were down start, until all see each other
    /// alive; `None` when that is not within a minute.
    pub whole: Option<Millis>,
    /// From there until all have the same state, likewise.
    pub agreed: Option<Millis>,
}

/// From now until `until`, random nodes set keys, `per_second` in all in the
/// mean, in step with nothing (a Poisson process).
pub fn load(world: &mut World, per_second: f64, until: Millis) {
    if per_second > 0.0 {
        let now = world.now() as f64;
        plan_write(world, now, per_second, until);
    }
}

fn plan_write(world: &mut World, last: f64, per_second: f64, until: Millis) {
    // In (0, 1], so the logarithm is finite.
    let chance = (world.random(1 << 53) + 1) as f64 / (1u64 << 53) as f64;
    let due = last - chance.ln() * 1_000.0 / per_second;
    // What is due within this millisecond is written in it.
    let at = (due.ceil() as Millis).max(world.now());
    if at <= until {
        world.at(at, move |world| {
            write(world);
            plan_write(world, due, per_second, until);
        });
    }
}

fn write(world: &mut World) {
    let running = world.running();
    if running.is_empty() {
        return;
    }
    let owner = running[world.random(running.len() as u64) as usize];
    let key = format!(".load{}", world.random(KEYS));
    let value = format!("{:016x}", world.random(u64::MAX));
    // Full is an answer, too.
    let _ = world.set(owner, &key, value.as_bytes());
}

/// Random nodes crash, leave or restart, one after the other, while keys are
/// set. Node 0 is spared, so that the others find their seed, and no more than
/// half of the nodes are away at a time.
pub fn churn(world: &mut World, plan: &Plan) -> Churn {
    let (deaths, wrong) = (world.deaths().len(), world.false_deaths());
    let traffic = world.total_traffic();
    let (start, end) = (world.now(), world.now() + plan.span);
    load(world, plan.sets, end);
    let mut turnover = Turnover::default();
    let mut staleness = Staleness::default();
    let mut stale = Vec::new();
    let mut next = start + plan.every.unwrap_or(plan.span + 1);
    while world.now() < end {
        staleness.observe(world);
        let step = STEP.min(end - world.now());
        world.run(step);
        if world.now() >= next {
            next += plan.every.unwrap_or(plan.span);
            turnover.one(world, plan.crash);
        }
        if (world.now() - start) / 1_000 > stale.len() as u64 {
            stale.push(staleness.sample(world));
        }
    }
    let rate = Rate::of(
        &world.total_traffic().since(&traffic),
        world.len(),
        plan.span,
    );
    // Goodbyes come to their end.
    world.run(GOODBYE + 100);
    for id in 0..world.len() {
        revive(world, id);
    }
    let whole = world.converge(PATIENCE);
    let agreed = world.wait_pairs(PATIENCE, World::agree);
    let false_deaths = world.false_deaths() - wrong;
    Churn {
        crashes: turnover.crashes,
        leaves: turnover.leaves,
        restarts: turnover.restarts,
        stale,
        deaths: world.deaths().len() - deaths - false_deaths,
        false_deaths,
        rate,
        whole,
        agreed,
    }
}

/// Who comes and goes.
#[derive(Debug, Default)]
struct Turnover {
    crashes: usize,
    leaves: usize,
    restarts: usize,
    /// Who is away, and until when.
    away: Vec<(NodeId, Millis)>,
}

impl Turnover {
    fn one(&mut self, world: &mut World, crash: Crash) {
        let now = world.now();
        self.away.retain(|&(_, until)| until > now);
        if self.away.len() >= world.len() / 2 {
            return;
        }
        let mut spare = vec![0];
        spare.extend(self.away.iter().map(|&(id, _)| id));
        let picked = world.pick(1, &spare);
        let Some(&id) = picked.first() else {
            return;
        };
        let long = now + 2_000 + world.random(10_000);
        let short = 50 + world.random(450);
        let back = match world.random(3) {
            0 => {
                self.crashes += 1;
                world.crash(id, crash);
                long
            }
            1 => {
                self.leaves += 1;
                world.leave(id, GOODBYE);
                long
            }
            _ => {
                self.restarts += 1;
                world.restart(id, short);
                now + short
            }
        };
        self.away.push((id, back));
        world.at(back, move |world| revive(world, id));
    }
}

/// Starts a node unless it runs.
fn revive(world: &mut World, id: NodeId) {
    if world.run_state(id) == Run::Down {
        world.start(id);
    }
}
