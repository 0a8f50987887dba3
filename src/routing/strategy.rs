//! Which of a route's targets gets the next call.

use super::event::Refusal;
use super::ids::{Micros, TargetId};
use super::record::Strategy;
use super::table::{Link, Route, Slab, Slot, Target};

/// When fewer than one in so many targets look good, all are used: more likely
/// we see badly than they all are bad, and the few would be overrun.
const FEW: usize = 3;

/// How much worse a target counts that does not look good, where it is used
/// all the same.
const HANDICAP: f64 = 4.0;

/// Attempts at random before a search.
const TRIES: usize = 8;

/// A small generator of random numbers (splitmix64). Balance needs no better.
#[derive(Debug, Clone)]
pub(super) struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In `0..n`; `n` is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// In `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// What a choice looks at.
pub(super) struct Choice<'a> {
    pub now: Micros,
    pub links: &'a Slab<Link>,
    pub targets: &'a Slab<Target>,
    pub exclude: &'a [TargetId],
    pub rng: &'a mut Rng,
}

impl Choice<'_> {
    /// The link for the next call.
    pub fn choose(&mut self, route: &mut Route) -> Result<Slot, Refusal> {
        let (n, good) = (route.links.len(), route.good);
        let pool = if good * FEW < n { n } else { good };
        let chosen = match route.offer.strategy {
            Strategy::RoundRobin => self.round_robin(route, pool),
            Strategy::Random => self.random(route, pool),
            Strategy::P2c => self.p2c(route, pool),
        };
        // What is not good is still better than nothing.
        let chosen = chosen
            .or_else(|| self.first(route, 0, n))
            .map(|at| route.links[at]);
        chosen.ok_or_else(|| self.refusal(route))
    }

    fn round_robin(&mut self, route: &mut Route, pool: usize) -> Option<usize> {
        let start = route.cursor % pool.max(1);
        let at = self.first(route, start, pool)?;
        route.cursor = at + 1;
        Some(at)
    }

    /// Random, in proportion to weights: a walk (Metropolis) that takes a step
    /// to a lighter target only as often as it is lighter. With equal weights
    /// every call is independent of the last one.
    fn random(&mut self, route: &mut Route, pool: usize) -> Option<usize> {
        let (last, next) = (route.cursor, self.any(route, pool)?);
        let stay = last < pool
            && self.usable(route, last)
            && self.weight(route, next) < self.weight(route, last) * self.rng.unit();
        route.cursor = if stay { last } else { next };
        Some(route.cursor)
    }

    /// The better of two. Where few are good, one of the two is good if any
    /// is, so that the others only take what is too much for those.
    fn p2c(&mut self, route: &Route, pool: usize) -> Option<usize> {
        let first_pool = if route.good > 0 { route.good } else { pool };
        let Some(a) = self.any(route, first_pool) else {
            return self.any(route, pool);
        };
        if pool < 2 {
            return Some(a);
        }
        // A different one: skip over `a`.
        let mut b = self.rng.below(pool - 1);
        if b >= a {
            b += 1;
        }
        if !self.usable(route, b) {
            b = match self.any(route, pool) {
                Some(other) if other != a => other,
                _ => return Some(a),
            };
        }
        Some(if self.better(route, b, a) { b } else { a })
    }

    /// A usable one in `0..pool`, at random.
    fn any(&mut self, route: &Route, pool: usize) -> Option<usize> {
        if pool == 0 {
            return None;
        }
        for _ in 0..TRIES {
            let at = self.rng.below(pool);
            if self.usable(route, at) {
                return Some(at);
            }
        }
        let start = self.rng.below(pool);
        self.first(route, start, pool)
    }

    /// The first usable one from `start` on, around.
    fn first(&self, route: &Route, start: usize, pool: usize) -> Option<usize> {
        (start..pool)
            .chain(0..start.min(pool))
            .find(|at| self.usable(route, *at))
    }

    fn usable(&self, route: &Route, at: usize) -> bool {
        let link = &self.links[route.links[at]];
        let full = route.offer.concurrency.is_some_and(|n| link.inflight >= n);
        !full && !self.exclude.contains(&self.targets[link.target].id)
    }

    fn refusal(&self, route: &Route) -> Refusal {
        let excluded = |link: &Slot| {
            let target = &self.targets[self.links[*link].target];
            self.exclude.contains(&target.id)
        };
        if route.links.iter().all(excluded) {
            Refusal::NoTarget
        } else {
            Refusal::Overloaded
        }
    }

    fn weight(&self, route: &Route, at: usize) -> f64 {
        self.targets[self.links[route.links[at]].target]
            .service
            .weight
    }

    fn better(&self, route: &Route, a: usize, b: usize) -> bool {
        let (latency_a, queue_a) = self.load(route, a);
        let (latency_b, queue_b) = self.load(route, b);
        match (latency_a, latency_b) {
            (Some(a), Some(b)) => a * queue_a < b * queue_b,
            // Nothing is known of one of them: it counts as fast as the other.
            _ => queue_a < queue_b,
        }
    }

    /// Expected latency of one call, and the calls before it, by weight.
    fn load(&self, route: &Route, at: usize) -> (Option<f64>, f64) {
        let link = &self.links[route.links[at]];
        let target = &self.targets[link.target];
        let mut queue = f64::from(target.inflight + 1) / target.service.weight;
        if at >= route.good {
            queue *= HANDICAP;
        }
        // While calls wait there, its silence tells more than its past.
        let silence = match target.inflight {
            0 => 0,
            _ => self.now.saturating_sub(target.waiting_since),
        };
        let latency = link.latency.read(self.now);
        (latency.map(|us| us.max(silence as f64).max(1.0)), queue)
    }
}
