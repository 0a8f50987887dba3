//! The life of a cluster in this process, which is the same for both systems.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::random::Random;
use crate::series::{Figure, Series, What};
use crate::settings::Settings;
use crate::system::{Keys, System};
use crate::usage;

/// Time between two looks at who knows: what a time is exact to.
const LOOK: Duration = Duration::from_millis(5);
/// Nodes without neighbours, to see what a node needs for itself.
const LONE: usize = 8;
/// Keys that every node has, and the length of their values.
const KEYS: usize = 5;
const VALUE: usize = 100;

/// Plays all of it.
pub fn play<S: System>(system: &S, settings: &Settings) -> Result<Series> {
    let mut random = Random(settings.seed);
    let mut run = Run {
        system,
        settings,
        nodes: Vec::new(),
        series: Series::default(),
        lone: 0.0,
        longest: 0,
    };
    run.lone(&mut random)?;
    let before = (usage::heap(), usage::resident());
    let joined = run.join(&mut random)?;
    sleep(Duration::from_secs(settings.settle));
    run.quiet();
    run.memory(before);
    // What does not even join has no state from which the rest could begin.
    if joined {
        run.keys(&mut random)?;
        run.crashes(&mut random)?;
        run.silences(&mut random)?;
    }
    while let Some(node) = run.nodes.pop() {
        run.end(node)?;
    }
    run.series.add(What::Longest, run.longest as f64);
    Ok(run.series)
}

struct Run<'a, S: System> {
    system: &'a S,
    settings: &'a Settings,
    nodes: Vec<S::Node>,
    series: Series,
    /// Bytes of a node that knows nobody.
    lone: f64,
    /// Bytes of the longest datagram of those that have ended.
    longest: u64,
}

impl<S: System> Run<'_, S> {
    fn lone(&mut self, random: &mut Random) -> Result<()> {
        let mut lone = vec![self.system.start(None, &keys(random))?];
        sleep(Duration::from_secs(1));
        // The first one stays out of it: threads come with it.
        let before = usage::heap();
        for _ in 0..LONE {
            lone.push(self.system.start(None, &keys(random))?);
        }
        sleep(Duration::from_secs(1));
        self.lone = (usage::heap() - before) / LONE as f64;
        for node in lone {
            self.system.crash(node)?;
        }
        sleep(Duration::from_secs(1));
        Ok(())
    }

    /// Starts all, the first one being the seed of the others.
    fn join(&mut self, random: &mut Random) -> Result<bool> {
        let begun = Instant::now();
        let mut seed = None;
        for _ in 0..self.settings.nodes {
            let node = self.system.start(seed, &keys(random))?;
            seed = seed.or(Some(self.system.addr(&node)));
            self.nodes.push(node);
        }
        let took = self.complete(begun);
        let bound = self.settings.bound().as_millis() as f64;
        match took {
            Some(took) => self.series.add(What::Join, ms(took)),
            None => self.series.miss(What::Join, bound),
        }
        Ok(took.is_some())
    }

    /// Waits until everybody knows everybody, all at once.
    fn complete(&self, begun: Instant) -> Option<Duration> {
        let ids: Vec<S::Id> = self.nodes.iter().map(|n| self.system.id(n)).collect();
        let mut seen = vec![0; self.nodes.len()];
        loop {
            let mut all = true;
            for (node, seen) in self.nodes.iter().zip(&mut seen) {
                all &= self.system.knows_all(node, &ids, seen);
            }
            if all {
                let took = begun.elapsed();
                if self.strangers(&ids) == 0 {
                    return Some(took);
                }
                seen.fill(0);
            }
            if begun.elapsed() > self.settings.bound() {
                return None;
            }
            sleep(LOOK);
        }
    }

    /// How many nodes miss somebody.
    fn strangers(&self, ids: &[S::Id]) -> usize {
        let misses = |node: &&S::Node| !self.system.knows_all(node, ids, &mut 0);
        self.nodes.iter().filter(misses).count()
    }

    /// Nobody is asked anything meanwhile, so that what is used is the system's.
    fn quiet(&mut self) {
        let sent = || -> (u64, u64, u64) {
            let each = self.nodes.iter().map(|node| self.system.traffic(node));
            each.fold((0, 0, 0), |sum, t| {
                (sum.0 + t.bytes, sum.1 + t.datagrams, sum.2 + t.streams)
            })
        };
        let (begun, cpu, before) = (Instant::now(), usage::cpu(), sent());
        sleep(Duration::from_secs(self.settings.seconds));
        let (took, after) = (begun.elapsed().as_secs_f64(), sent());
        let cpu = usage::cpu().zip(cpu).map(|(after, before)| after - before);
        let per = took * self.nodes.len() as f64;
        let rate = |after: u64, before: u64| (after - before) as f64 / per;
        let figures = [
            (What::Bytes, rate(after.0, before.0)),
            (What::Datagrams, rate(after.1, before.1)),
            (What::Streams, rate(after.2, before.2) * 60.0),
        ];
        for (what, value) in figures {
            self.series.add(what, value);
        }
        if let Some(cpu) = cpu {
            self.series.add(What::Cpu, ms(cpu) * 60.0 / per);
        }
        let ids: Vec<S::Id> = self.nodes.iter().map(|n| self.system.id(n)).collect();
        let strangers = self.strangers(&ids);
        self.series.add(What::Strangers, strangers as f64);
    }

    fn memory(&mut self, (heap, resident): (f64, Option<f64>)) {
        let count = self.nodes.len() as f64;
        // More than once: messages that are being read or written count as well.
        let looks: Vec<f64> = (0..50)
            .map(|_| {
                sleep(LOOK * 3);
                usage::heap()
            })
            .collect();
        let now = Figure::Median.of(&looks).unwrap_or(heap);
        let each = (now - heap) / count;
        self.series.add(What::Heap, each);
        if self.nodes.len() > 1 {
            let member = (each - self.lone) / (count - 1.0);
            self.series.add(What::PerMember, member);
        }
        if let Some((now, before)) = usage::resident().zip(resident) {
            self.series.add(What::Resident, (now - before) / count);
        }
    }

    fn keys(&mut self, random: &mut Random) -> Result<()> {
        let round = self.system.round();
        for i in 0..self.settings.keys {
            // At any moment within a round, not always right after what came before.
            sleep(Duration::from_millis(
                500 + random.below(round as usize) as u64,
            ));
            let at = random.below(self.nodes.len());
            let id = self.system.id(&self.nodes[at]);
            let (key, value) = (".k0", format!("{i}-{}", random.text(VALUE - 10)));
            let begun = Instant::now();
            self.system.set(&self.nodes[at], key, &value)?;
            let seen = self.watch(begun, |node| self.system.has(node, &id, key, &value));
            match seen.last().copied().flatten() {
                Some(took) => {
                    self.series.add(What::Key, ms(took));
                    self.series.add(What::KeyRounds, ms(took) / round as f64);
                }
                None => {
                    let bound = ms(self.settings.bound());
                    self.series.miss(What::Key, bound);
                    self.series.miss(What::KeyRounds, bound);
                    break;
                }
            }
        }
        Ok(())
    }

    fn crashes(&mut self, random: &mut Random) -> Result<()> {
        for _ in 0..self.settings.crashes {
            let victim = self.victim(random);
            let id = self.system.id(&victim);
            let begun = Instant::now();
            self.end(victim)?;
            let what = [What::CrashFirst, What::CrashMedian, What::CrashLast];
            if !self.noticed(&id, begun, what) {
                break;
            }
        }
        Ok(())
    }

    /// The port of the dead stays open, and nobody answers there: for UDP, and
    /// for TCP as well, where the system takes connections that nobody serves.
    fn silences(&mut self, random: &mut Random) -> Result<()> {
        let mut deaf = Vec::new();
        for _ in 0..self.settings.silent {
            let victim = self.victim(random);
            let (id, addr) = (self.system.id(&victim), self.system.addr(&victim));
            let begun = Instant::now();
            self.end(victim)?;
            deaf.push(occupy(addr)?);
            self.series.add(What::Deaf, ms(begun.elapsed()));
            let what = [What::SilentFirst, What::SilentMedian, What::SilentLast];
            if !self.noticed(&id, begun, what) {
                break;
            }
        }
        Ok(())
    }

    /// Takes any node but the seed.
    fn victim(&mut self, random: &mut Random) -> S::Node {
        let pause = 1_000 + random.below(self.system.round() as usize);
        sleep(Duration::from_millis(pause as u64));
        // It is to be alive for all, or it would be noticed too early.
        self.complete(Instant::now());
        let victim = 1 + random.below(self.nodes.len() - 1);
        self.nodes.remove(victim)
    }

    fn end(&mut self, node: S::Node) -> Result<()> {
        self.longest = self.longest.max(self.system.traffic(&node).longest);
        self.system.crash(node)
    }

    fn noticed(&mut self, id: &S::Id, begun: Instant, what: [What; 3]) -> bool {
        let seen = self.watch(begun, |node| self.system.holds_dead(node, id));
        let ranks = [0, (seen.len() - 1) / 2, seen.len() - 1];
        let bound = ms(self.settings.bound());
        for (what, rank) in what.into_iter().zip(ranks) {
            match seen[rank] {
                Some(took) => self.series.add(what, ms(took)),
                None => self.series.miss(what, bound),
            }
        }
        seen.iter().all(Option::is_some)
    }

    /// When each node saw it, the soonest first; those that did not are last.
    fn watch(&self, begun: Instant, sees: impl Fn(&S::Node) -> bool) -> Vec<Option<Duration>> {
        let mut blind: Vec<&S::Node> = self.nodes.iter().collect();
        let mut seen = Vec::new();
        while !blind.is_empty() && begun.elapsed() <= self.settings.bound() {
            blind.retain(|node| {
                let sees = sees(node);
                if sees {
                    seen.push(Some(begun.elapsed()));
                }
                !sees
            });
            sleep(LOOK);
        }
        seen.extend(blind.iter().map(|_| None));
        seen
    }
}

fn occupy(addr: SocketAddr) -> Result<(UdpSocket, TcpListener)> {
    Ok((UdpSocket::bind(addr)?, TcpListener::bind(addr)?))
}

fn keys(random: &mut Random) -> Keys {
    let key = |i| (format!(".k{i}"), random.text(VALUE));
    (0..KEYS).map(key).collect()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
