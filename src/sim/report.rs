//! What a run has cost and what it has shown.

use std::fmt;

use super::node::NodeId;
use crate::engine::Millis;

/// What one node has put on the network, counted at its socket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams sent.
    pub datagrams: u64,
    /// Bytes of datagrams sent, without IP and UDP headers.
    pub bytes: u64,
    /// The longest datagram sent.
    pub longest: usize,
    /// Datagrams that reached the process.
    pub received: u64,
    /// Datagrams that found the receive buffer full.
    pub overflowed: u64,
    /// Connections opened.
    pub connections: u64,
    /// Frames written to connections.
    pub frames: u64,
    /// Bytes of frames written, length prefixes included.
    pub stream_bytes: u64,
}

impl Traffic {
    /// What has been added since `before`; the longest datagram is of the
    /// whole time.
    pub fn since(&self, before: &Traffic) -> Traffic {
        Traffic {
            datagrams: self.datagrams - before.datagrams,
            bytes: self.bytes - before.bytes,
            longest: self.longest,
            received: self.received - before.received,
            overflowed: self.overflowed - before.overflowed,
            connections: self.connections - before.connections,
            frames: self.frames - before.frames,
            stream_bytes: self.stream_bytes - before.stream_bytes,
        }
    }

    /// The sum over nodes.
    pub fn sum<'a>(all: impl IntoIterator<Item = &'a Traffic>) -> Traffic {
        all.into_iter()
            .fold(Traffic::default(), |sum, one| Traffic {
                datagrams: sum.datagrams + one.datagrams,
                bytes: sum.bytes + one.bytes,
                longest: sum.longest.max(one.longest),
                received: sum.received + one.received,
                overflowed: sum.overflowed + one.overflowed,
                connections: sum.connections + one.connections,
                frames: sum.frames + one.frames,
                stream_bytes: sum.stream_bytes + one.stream_bytes,
            })
    }
}

/// Traffic of all nodes over a span of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Bytes of datagrams out per node and second.
    pub bytes: f64,
    /// Datagrams out per node and second.
    pub datagrams: f64,
    /// Bytes of streams out per node and second.
    pub stream_bytes: f64,
    /// Connections opened per node and second.
    pub connections: f64,
    /// The longest datagram.
    pub longest: usize,
}

impl Rate {
    /// `traffic` of `nodes` nodes, spread over `span` ms.
    pub fn of(traffic: &Traffic, nodes: usize, span: Millis) -> Rate {
        let unit = nodes.max(1) as f64 * span.max(1) as f64 / 1_000.0;
        Rate {
            bytes: traffic.bytes as f64 / unit,
            datagrams: traffic.datagrams as f64 / unit,
            stream_bytes: traffic.stream_bytes as f64 / unit,
            connections: traffic.connections as f64 / unit,
            longest: traffic.longest,
        }
    }
}

/// What was true of a node when another one declared it dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It was: gone for this long.
    Gone(Millis),
    /// It was stopped, for this long.
    Stopped(Millis),
    /// It worked, and the two could reach each other.
    Working,
    /// It worked, but a partition or a cut lay between the two.
    Unreachable,
}

/// One observer's verdict on another node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Death {
    /// When it was declared.
    pub at: Millis,
    /// Who believes it from then on.
    pub observer: NodeId,
    /// Who is believed dead.
    pub subject: NodeId,
    /// What was the case.
    pub truth: Truth,
}

impl Death {
    /// A death without any ground: the node worked and was reachable.
    pub fn is_false(&self) -> bool {
        self.truth == Truth::Working
    }
}

/// A sample of numbers, mostly times in ms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Samples(Vec<u64>);

impl Samples {
    /// Adds one.
    pub fn push(&mut self, sample: u64) {
        let at = self.0.partition_point(|&other| other <= sample);
        self.0.insert(at, sample);
    }

    /// Adds all of another sample.
    pub fn extend(&mut self, other: &Samples) {
        self.0.extend_from_slice(&other.0);
        self.0.sort_unstable();
    }

    /// All of them, in ascending order.
    pub fn values(&self) -> &[u64] {
        &self.0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The smallest number that a share `p` (0 to 1) does not exceed; 0 of none.
    pub fn percentile(&self, p: f64) -> u64 {
        let rank = (p * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.max(1) - 1).copied().unwrap_or(0)
    }

    /// The largest; 0 of none.
    pub fn max(&self) -> u64 {
        self.0.last().copied().unwrap_or(0)
    }

    /// The smallest; 0 of none.
    pub fn min(&self) -> u64 {
        self.0.first().copied().unwrap_or(0)
    }

    /// The mean; 0 of none.
    pub fn mean(&self) -> f64 {
        self.0.iter().sum::<u64>() as f64 / self.0.len().max(1) as f64
    }
}

impl FromIterator<u64> for Samples {
    fn from_iter<I: IntoIterator<Item = u64>>(iter: I) -> Self {
        let mut all: Vec<u64> = iter.into_iter().collect();
        all.sort_unstable();
        Samples(all)
    }
}

impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        write!(
            f,
            "min {} median {} p99 {} max {} (n = {})",
            self.min(),
            self.percentile(0.5),
            self.percentile(0.99),
            self.max(),
            self.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        let samples: Samples = (1..=200).rev().collect();
        assert_eq!(samples.percentile(0.5), 100);
        assert_eq!(samples.percentile(0.99), 198);
        assert_eq!(samples.percentile(1.0), 200);
        assert_eq!((samples.min(), samples.max(), samples.len()), (1, 200, 200));
        assert_eq!(samples.mean(), 100.5);
        assert_eq!(Samples::default().percentile(0.99), 0);
        let mut pushed = Samples::default();
        [3, 1, 2].into_iter().for_each(|sample| pushed.push(sample));
        assert_eq!(pushed, [1, 2, 3].into_iter().collect());
    }

    #[test]
    fn rates_are_per_node_and_second() {
        let traffic = Traffic {
            bytes: 60_000,
            datagrams: 600,
            ..Traffic::default()
        };
        let rate = Rate::of(&traffic, 10, 2_000);
        assert_eq!((rate.bytes, rate.datagrams), (3_000.0, 30.0));
    }
}
