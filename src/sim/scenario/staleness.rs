//! How far behind the nodes are.

use crate::engine::Millis;
use crate::sim::World;

/// How far behind the nodes are at one moment.
///
/// A mapping is stale at a node that does not know the owner's last version of
/// it. The keys of the engine itself count as well, a node that runs and is
/// unknown is stale with all it has, and nodes that do not run do not count.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Stale {
    /// When, ms.
    pub at: Millis,
    /// Stale mappings of a node, in the mean over all nodes.
    pub mean: f64,
    /// Stale mappings of the node that has most of them.
    pub most: u64,
    /// The longest time for which a node lacks an update, ms: since the update,
    /// or since the start of the node if that came later. Exact to the time
    /// between two calls of [`Staleness::observe`].
    pub oldest: Millis,
}

/// The versions of a node and when it came to them.
#[derive(Debug, Default)]
struct Log {
    generation: u64,
    /// When this generation was seen first.
    begin: Millis,
    writes: Vec<(u64, Millis)>,
}

impl Log {
    /// When the first version above `version` was written.
    fn first_above(&self, version: u64) -> Option<Millis> {
        let next = self.writes.partition_point(|write| write.0 <= version);
        self.writes.get(next).map(|write| write.1)
    }
}

/// Keeps a log of who has written when.
#[derive(Debug, Default)]
pub struct Staleness {
    logs: Vec<Log>,
}

impl Staleness {
    /// Writes down who has written since the last call.
    pub fn observe(&mut self, world: &World) {
        let now = world.now();
        self.logs.resize_with(world.len(), Log::default);
        for id in world.running() {
            let Some((generation, version)) = world.engine(id).digest_of(world.name(id)) else {
                continue;
            };
            let log = &mut self.logs[id];
            if log.generation != generation {
                *log = Log {
                    generation,
                    begin: now,
                    writes: Vec::new(),
                };
            }
            if log.writes.last().is_none_or(|last| last.0 < version) {
                log.writes.push((version, now));
            }
        }
    }

    /// How far behind the nodes are now.
    pub fn sample(&mut self, world: &World) -> Stale {
        self.observe(world);
        let running = world.running();
        let mut stale = Stale {
            at: world.now(),
            ..Stale::default()
        };
        let mut total = 0;
        for &observer in &running {
            let mut missing = 0;
            for &owner in running.iter().filter(|&&owner| owner != observer) {
                let name = world.name(owner);
                let log = &self.logs[owner];
                let known = match world.engine(observer).digest_of(name) {
                    Some((generation, version)) if generation == log.generation => version,
                    _ => 0,
                };
                let Some(since) = log.first_above(known) else {
                    continue;
                };
                let entries = world.engine(owner).versioned(name);
                missing += entries.filter(|entry| entry.version > known).count() as u64;
                // Nobody misses what was written before it began.
                let since = since.max(self.logs[observer].begin);
                stale.oldest = stale.oldest.max(stale.at - since);
            }
            total += missing;
            stale.most = stale.most.max(missing);
        }
        stale.mean = total as f64 / running.len().max(1) as f64;
        stale
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Options;

    #[test]
    fn what_a_node_has_not_heard_of_is_stale_since_it_was_written() {
        let mut world = World::new(Options::new(1));
        world.cluster(3);
        world.converge(10_000).expect("they find each other");
        world.run(5_000);
        let mut staleness = Staleness::default();
        assert_eq!(staleness.sample(&world).mean, 0.0);
        world.partition(&[&[2]]);
        let at = world.now();
        for key in [".a", ".b", ".a"] {
            world.set(2, key, &world.now().to_be_bytes()).unwrap();
            staleness.observe(&world);
            world.run(100);
        }
        let stale = staleness.sample(&world);
        assert_eq!((stale.mean, stale.most), (4.0 / 3.0, 2));
        assert_eq!(stale.oldest, world.now() - at);
        world.heal();
        world.run(3_000);
        assert_eq!(staleness.sample(&world).oldest, 0);
    }
}
