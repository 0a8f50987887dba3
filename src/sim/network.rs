//! What happens to a packet on its way: delay, loss, duplication, reordering,
//! partitions and one-way links.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use rand::{RngExt, rngs::Xoshiro256PlusPlus};

use crate::engine::Millis;

/// The gossip port of every simulated host.
pub(super) const PORT: u16 = 7_000;
/// Address of the first simulated host; the others follow.
const FIRST: u32 = u32::from_be_bytes([10, 0, 0, 1]);

/// An address, packed: millions of them are in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Addr {
    ip: u32,
    pub(super) port: u16,
}

impl Addr {
    /// A port of the host with this number.
    pub(super) fn of(host: usize, port: u16) -> Self {
        let ip = FIRST + u32::try_from(host).expect("fewer than 2^24 hosts");
        Addr { ip, port }
    }

    /// The number of the host, if it is one of ours.
    pub(super) fn host(self) -> Option<usize> {
        (self.ip >= FIRST && self.ip < FIRST + (1 << 24)).then(|| (self.ip - FIRST) as usize)
    }

    /// The packed form; the simulated network is an IPv4 network.
    pub(super) fn pack(addr: SocketAddr) -> Option<Self> {
        match addr {
            SocketAddr::V4(v4) => Some(Addr {
                ip: u32::from(*v4.ip()),
                port: v4.port(),
            }),
            SocketAddr::V6(_) => None,
        }
    }
}

impl From<Addr> for SocketAddr {
    fn from(addr: Addr) -> Self {
        SocketAddrV4::new(Ipv4Addr::from(addr.ip), addr.port).into()
    }
}

/// How the delay of a packet is spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Delay {
    /// Evenly between two bounds.
    Uniform {
        /// The shortest delay, ms.
        min: f64,
        /// The longest delay, ms.
        max: f64,
    },
    /// A floor and an exponential tail, as queues make it.
    Exponential {
        /// The shortest delay, ms.
        min: f64,
        /// Mean of what is added to it, ms.
        mean: f64,
    },
    /// A normal distribution, cut off at zero.
    Normal {
        /// Mean, ms.
        mean: f64,
        /// Standard deviation, ms.
        sigma: f64,
    },
}

impl Delay {
    fn sample(self, rng: &mut Xoshiro256PlusPlus) -> f64 {
        // 1 - u lies in (0, 1], so the logarithms are finite.
        match self {
            Delay::Uniform { min, max } => min + (max - min) * rng.random::<f64>(),
            Delay::Exponential { min, mean } => min - mean * (1.0 - rng.random::<f64>()).ln(),
            Delay::Normal { mean, sigma } => {
                let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
                let angle = std::f64::consts::TAU * rng.random::<f64>();
                (mean + sigma * radius * angle.cos()).max(0.0)
            }
        }
    }
}

/// The weather on every link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// Delay of one way.
    pub delay: Delay,
    /// Share of the datagrams that get lost.
    pub loss: f64,
    /// Share of the datagrams that arrive twice.
    pub duplicate: f64,
    /// Share of the datagrams that are held back for up to `held` ms, so that
    /// others overtake them.
    pub reorder: f64,
    /// How long a held datagram is held at most, ms.
    pub held: Millis,
    /// Does the network let 'port unreachable' through? Some firewalls do not.
    pub icmp: bool,
    /// Bytes per millisecond on a TCP connection.
    pub bandwidth: u64,
}

impl Default for Conditions {
    /// A quiet local network.
    fn default() -> Self {
        Conditions {
            delay: Delay::Exponential {
                min: 0.2,
                mean: 0.8,
            },
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            held: 300,
            icmp: true,
            bandwidth: 10_000,
        }
    }
}

/// When the copies of a datagram arrive, as delays; empty when it is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fate {
    copies: [Millis; 2],
    count: usize,
}

impl Fate {
    const LOST: Fate = Fate {
        copies: [0; 2],
        count: 0,
    };

    pub(super) fn delays(&self) -> &[Millis] {
        &self.copies[..self.count]
    }
}

/// The links between all hosts.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) conditions: Conditions,
    /// Side of each host during a partition; hosts beyond the end are on side 0.
    sides: Vec<u16>,
    /// Directed links that let nothing through.
    cut: HashSet<(usize, usize)>,
    /// Delay added to whatever a host sends or receives.
    slow: Vec<Millis>,
}

impl Network {
    pub(super) fn new(conditions: Conditions) -> Self {
        Network {
            conditions,
            sides: Vec::new(),
            cut: HashSet::new(),
            slow: Vec::new(),
        }
    }

    /// Does the link let packets through in this direction?
    pub(super) fn open(&self, from: usize, to: usize) -> bool {
        let side = |host: usize| self.sides.get(host).copied().unwrap_or(0);
        side(from) == side(to) && (self.cut.is_empty() || !self.cut.contains(&(from, to)))
    }

    /// What becomes of a datagram.
    pub(super) fn fate(&self, rng: &mut Xoshiro256PlusPlus, from: usize, to: usize) -> Fate {
        let weather = &self.conditions;
        if !self.open(from, to) || chance(rng, weather.loss) {
            return Fate::LOST;
        }
        let count = 1 + usize::from(chance(rng, weather.duplicate));
        let mut copies = [0; 2];
        for copy in &mut copies[..count] {
            *copy = self.delay(rng, from, to);
            if chance(rng, weather.reorder) {
                *copy += rng.random_range(0..=weather.held);
            }
        }
        Fate { copies, count }
    }

    /// How long `bytes` of a stream take. A lost segment is sent again by the
    /// kernel, which costs its retransmission timeout.
    pub(super) fn stream_delay(
        &self,
        rng: &mut Xoshiro256PlusPlus,
        from: usize,
        to: usize,
        bytes: usize,
    ) -> Millis {
        let mut delay = self.delay(rng, from, to) + bytes as Millis / self.conditions.bandwidth;
        let mut timeout = RETRANSMIT;
        while timeout <= 8 * RETRANSMIT && chance(rng, self.conditions.loss) {
            delay += timeout;
            timeout *= 2;
        }
        delay
    }

    fn delay(&self, rng: &mut Xoshiro256PlusPlus, from: usize, to: usize) -> Millis {
        let slow = |host: usize| self.slow.get(host).copied().unwrap_or(0);
        self.conditions.delay.sample(rng).round() as Millis + slow(from) + slow(to)
    }

    /// Splits the hosts: those of each group talk only among themselves.
    /// Hosts that are in no group form one more.
    pub(super) fn partition(&mut self, groups: &[Vec<usize>]) {
        self.sides.clear();
        for (side, group) in groups.iter().enumerate() {
            for &host in group {
                if self.sides.len() <= host {
                    self.sides.resize(host + 1, 0);
                }
                self.sides[host] = side as u16 + 1;
            }
        }
    }

    pub(super) fn cut(&mut self, from: usize, to: usize) {
        self.cut.insert((from, to));
    }

    /// Ends every partition and every cut.
    pub(super) fn heal(&mut self) {
        self.sides.clear();
        self.cut.clear();
    }

    pub(super) fn slow(&mut self, host: usize, by: Millis) {
        if self.slow.len() <= host {
            self.slow.resize(host + 1, 0);
        }
        self.slow[host] = by;
    }
}

/// First retransmission timeout of a stream, ms (Linux: at least 200).
pub(super) const RETRANSMIT: Millis = 200;

/// Heads or tails; draws nothing when the answer is certain, so that a run
/// without loss is the same run in a world that knows no loss.
fn chance(rng: &mut Xoshiro256PlusPlus, share: f64) -> bool {
    share > 0.0 && rng.random::<f64>() < share
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn rng() -> Xoshiro256PlusPlus {
        Xoshiro256PlusPlus::seed_from_u64(1)
    }

    #[test]
    fn addresses_and_hosts_map_one_to_one() {
        for host in [0, 1, 255, 256, 70_000] {
            let addr = Addr::of(host, PORT);
            let wide = SocketAddr::from(addr);
            assert_eq!(Addr::pack(wide), Some(addr));
            assert_eq!(addr.host(), Some(host));
        }
        let foreign = Addr::pack("192.168.7.7:1".parse().unwrap()).unwrap();
        assert_eq!(foreign.host(), None);
    }

    #[test]
    fn loss_and_duplication_are_as_frequent_as_asked() {
        let conditions = Conditions {
            loss: 0.2,
            duplicate: 0.1,
            ..Conditions::default()
        };
        let network = Network::new(conditions);
        let mut rng = rng();
        let mut counts = [0u32; 3];
        for _ in 0..20_000 {
            counts[network.fate(&mut rng, 0, 1).delays().len()] += 1;
        }
        assert!((3_600..4_400).contains(&counts[0]), "lost {}", counts[0]);
        assert!((1_400..1_800).contains(&counts[2]), "doubled {}", counts[2]);
    }

    #[test]
    fn delays_have_the_mean_and_floor_of_their_distribution() {
        let mut rng = rng();
        let cases = [
            (
                Delay::Uniform {
                    min: 10.0,
                    max: 30.0,
                },
                20.0,
                10.0,
            ),
            (
                Delay::Exponential {
                    min: 5.0,
                    mean: 10.0,
                },
                15.0,
                5.0,
            ),
            (
                Delay::Normal {
                    mean: 40.0,
                    sigma: 5.0,
                },
                40.0,
                0.0,
            ),
        ];
        for (delay, mean, floor) in cases {
            let samples: Vec<f64> = (0..20_000).map(|_| delay.sample(&mut rng)).collect();
            let average = samples.iter().sum::<f64>() / samples.len() as f64;
            assert!((average - mean).abs() < 0.5, "{delay:?}: mean {average}");
            assert!(samples.iter().all(|&sample| sample >= floor), "{delay:?}");
        }
    }

    #[test]
    fn a_partition_separates_and_a_cut_is_one_way() {
        let mut network = Network::new(Conditions::default());
        network.partition(&[vec![1, 2]]);
        assert!(network.open(1, 2) && network.open(0, 3));
        assert!(!network.open(0, 1) && !network.open(2, 3));
        network.heal();
        network.cut(0, 1);
        assert!(!network.open(0, 1) && network.open(1, 0));
        assert_eq!(network.fate(&mut rng(), 0, 1), Fate::LOST);
    }
}
