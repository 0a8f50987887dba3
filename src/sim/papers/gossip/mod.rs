//! Figures 2 and 3 of van Renesse, Dumitriu, Gough, Thomas: Efficient
//! Reconciliation and Flow Control for Anti-Entropy Protocols, LADIS 2008.
//!
//! Participants gossip once a second, with messages that hold so many changes.
//! Scuttlebutt is that of [`crate::state`], its order that of
//! [`Order`], the flow control [`crate::flow`]: what a node runs, with changes
//! counted one by one instead of by their bytes. Precise reconciliation, which
//! needs synchronised clocks, is written for the comparison.

mod history;
mod precise;
mod scuttlebutt;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};

use crate::flow::{Flow, Rules, share};
use crate::state::Order;
use history::History;

/// How two participants reconcile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Everything newer, the newest changes first.
    PreciseNewest,
    /// Everything newer, the oldest changes first.
    PreciseOldest,
    /// Scuttlebutt.
    Scuttle(Order),
}

impl Method {
    /// The paper's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Method::PreciseNewest => "precise-newest",
            Method::PreciseOldest => "precise-oldest",
            Method::Scuttle(Order::Depth) => "scuttle-depth",
            Method::Scuttle(Order::Breadth) => "scuttle-breadth",
        }
    }
}

/// What happens, second by second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Second {
    /// The share of [`Experiment::room`] that a message holds; `None` for any
    /// number of changes.
    pub room: Option<f64>,
    /// Changes that each participant makes.
    pub pace: f64,
}

/// How fast participants change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Control {
    /// As fast as the experiment says.
    None,
    /// At most at the rate that flow control leaves them.
    Flow(Rules),
}

/// The constants of the paper's flow control, as far as they are known: factor
/// and step from an independent replication, the patience from a fit of it to
/// the figure. Updates a second.
pub const PAPER: Rules = Rules {
    alpha: 0.75,
    beta: 0.2,
    overflows: 2,
    roomy: 5,
    start: 0.1,
    least: 0.01,
    most: 1_000.0,
};

/// One experiment.
#[derive(Debug, Clone, Copy)]
pub struct Experiment {
    /// Source of all randomness.
    pub seed: u64,
    /// Participants.
    pub nodes: usize,
    /// Keys of each.
    pub keys: usize,
    /// Changes that a message holds.
    pub room: usize,
    /// How they reconcile.
    pub method: Method,
    /// How fast they change.
    pub control: Control,
    /// Length, s.
    pub seconds: u64,
    /// What happens in each second.
    pub script: fn(u64) -> Second,
}

impl Experiment {
    /// The same with fewer participants: messages hold less in proportion, so
    /// that the curves have the same shape.
    pub fn scaled(self, nodes: usize) -> Experiment {
        Experiment {
            nodes,
            room: self.room * nodes / self.nodes,
            ..self
        }
    }
}

/// One second of an experiment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Seconds since the start.
    pub second: u64,
    /// Mappings that are out of date at a participant, on average.
    pub stale: f64,
    /// Time since the first change that somebody has missed, s.
    pub staleness: f64,
    /// Changes that a participant made in this second, on average.
    pub rate: f64,
}

/// Figure 2: the load doubles from 25 to 75 s, messages hold 100 changes from
/// 15 s on, and changes stop at 120 s.
pub fn figure2(seed: u64, nodes: usize, method: Method) -> Experiment {
    Experiment {
        seed,
        nodes,
        keys: 64,
        room: 100,
        method,
        control: Control::None,
        seconds: 140,
        script: |second| Second {
            room: (second >= 15).then_some(1.0),
            pace: match second {
                25..75 => 2.0,
                120.. => 0.0,
                _ => 1.0,
            },
        },
    }
}

/// Figure 3: everybody changes as fast as it may from 15 s on; messages hold
/// 100 changes, and 50 from 90 s on.
pub fn figure3(seed: u64, nodes: usize, method: Method) -> Experiment {
    Experiment {
        control: Control::Flow(PAPER),
        seconds: 160,
        script: |second| Second {
            room: Some(if second < 90 { 1.0 } else { 0.5 }),
            pace: if second < 15 { 0.0 } else { 1_000.0 },
        },
        ..figure2(seed, nodes, method)
    }
}

/// All participants under one method of reconciliation.
trait Population {
    /// A participant has changed one of its keys.
    fn change(&mut self, node: usize, key: usize);
    /// `from` tells `to` what it lacks, `room` changes at most. True when that
    /// was not all.
    fn tell(
        &mut self,
        history: &History,
        rng: &mut Xoshiro256PlusPlus,
        from: usize,
        to: usize,
        room: Option<usize>,
    ) -> bool;
    /// How many mappings a participant has out of date, and when the first
    /// change was made that it has missed.
    fn missing(&self, history: &History, node: usize) -> (usize, Option<f64>);
}

/// Runs an experiment.
pub fn run(experiment: &Experiment) -> Vec<Point> {
    let Experiment { nodes, keys, .. } = *experiment;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(experiment.seed);
    let mut history = History::new(nodes, keys);
    let mut all: Box<dyn Population> = match experiment.method {
        Method::Scuttle(order) => Box::new(scuttlebutt::Stores::new(nodes, order)),
        method => Box::new(precise::Tables::new(
            nodes,
            keys,
            method == Method::PreciseNewest,
        )),
    };
    let mut flows: Option<Vec<Flow>> = match experiment.control {
        Control::None => None,
        Control::Flow(rules) => Some(vec![Flow::new(rules); nodes]),
    };
    let mut due = vec![0.0; nodes];
    let mut points = Vec::new();
    for second in 0..experiment.seconds {
        let Second { room, pace } = (experiment.script)(second);
        let room = room.map(|share| (share * experiment.room as f64) as usize);
        let mut order: Vec<usize> = (0..nodes).collect();
        order.shuffle(&mut rng);
        let mut changes = 0;
        for (turn, &node) in order.iter().enumerate() {
            let now = second as f64 + turn as f64 / nodes as f64;
            let allowed = flows.as_ref().map_or(f64::MAX, |flows| flows[node].tau());
            due[node] += pace.min(allowed);
            while due[node] >= 1.0 {
                due[node] -= 1.0;
                changes += 1;
                let key = rng.random_range(0..keys);
                history.change(node, key, now);
                all.change(node, key);
            }
            let peer = (node + rng.random_range(1..nodes)) % nodes;
            all.tell(&history, &mut rng, peer, node, room);
            let overflowed = all.tell(&history, &mut rng, node, peer, room);
            if let Some(flows) = &mut flows {
                let (a, b) = share((pace, flows[node].tau()), (pace, flows[peer].tau()));
                flows[node].set(a);
                flows[peer].set(b);
                flows[node].exchanged(overflowed, pace > a);
            }
        }
        let end = (second + 1) as f64;
        let missing: Vec<_> = (0..nodes).map(|node| all.missing(&history, node)).collect();
        let first = missing.iter().filter_map(|(_, first)| *first);
        points.push(Point {
            second: second + 1,
            stale: missing.iter().map(|(count, _)| *count as f64).sum::<f64>() / nodes as f64,
            staleness: first.map(|first| end - first).fold(0.0, f64::max),
            rate: changes as f64 / nodes as f64,
        });
    }
    points
}
