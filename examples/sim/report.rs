//! What a scenario has shown: rows for the reader, samples for files.

use std::fmt::Display;

use seneca_gossip::sim::{Rate, Samples, Traffic};

/// The samples of one scenario.
pub struct Report {
    pub scenario: &'static str,
    pub nodes: usize,
    /// Each with its name; the unit is at the name's end.
    pub samples: Vec<(&'static str, Vec<u64>)>,
    pub timelines: Vec<Timeline>,
}

/// A value over time.
pub struct Timeline {
    pub name: &'static str,
    /// Time since the begin of the world in ms, and value.
    pub points: Vec<(u64, f64)>,
}

impl Report {
    pub fn new(scenario: &'static str, nodes: usize) -> Self {
        Report {
            scenario,
            nodes,
            samples: Vec::new(),
            timelines: Vec::new(),
        }
    }

    /// Times in ms, printed and kept.
    pub fn times(&mut self, what: &str, name: &'static str, samples: &Samples) {
        row(what, summary(samples));
        self.samples.push((name, samples.values().to_vec()));
    }

    /// A single number, kept; what is printed is the caller's affair.
    pub fn number(&mut self, name: &'static str, number: Option<u64>) {
        self.samples.push((name, number.into_iter().collect()));
    }

    /// A value over time, kept; what is printed is the caller's affair.
    pub fn timeline(&mut self, name: &'static str, points: Vec<(u64, f64)>) {
        self.timelines.push(Timeline { name, points });
    }
}

/// Prints one line.
pub fn row(what: &str, value: impl Display) {
    println!("    {what:<38} {value}");
}

/// A time, or that there is none.
pub fn time(time: Option<u64>) -> String {
    time.map_or_else(|| "not within a minute".to_owned(), |ms| format!("{ms} ms"))
}

/// Times in ms in one line.
pub fn summary(samples: &Samples) -> String {
    match samples.is_empty() {
        true => "none".to_owned(),
        false => format!("{samples} ms, mean {:.0}", samples.mean()),
    }
}

/// Times in ms as multiples of the time between two rounds.
pub fn rounds(samples: &Samples, interval: u64) -> String {
    if samples.is_empty() {
        return "none".to_owned();
    }
    let of = |ms: f64| ms / interval as f64;
    format!(
        "median {:.1} p99 {:.1} max {:.1} rounds, mean {:.1}",
        of(samples.percentile(0.5) as f64),
        of(samples.percentile(0.99) as f64),
        of(samples.max() as f64),
        of(samples.mean())
    )
}

/// What a scenario has cost.
pub fn cost(traffic: &Traffic, nodes: usize, span: u64) {
    let rate = Rate::of(traffic, nodes, span);
    row(
        "datagrams, all nodes",
        format!("{} of {} B", traffic.datagrams, traffic.bytes),
    );
    row(
        "streams, all nodes",
        format!("{} of {} B", traffic.connections, traffic.stream_bytes),
    );
    let each = "out per node and second";
    row(&format!("bytes {each}"), format!("{:.0}", rate.bytes));
    row(
        &format!("datagrams {each}"),
        format!("{:.1}", rate.datagrams),
    );
    row(
        &format!("stream bytes {each}"),
        format!("{:.0}", rate.stream_bytes),
    );
    row("longest datagram", format!("{} B", traffic.longest));
}
