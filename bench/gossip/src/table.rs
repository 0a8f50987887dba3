//! The figures as a table that is plain text and Markdown at once.

use crate::series::{Figure, Samples, Series, What};

/// What a figure is shown as.
#[derive(Clone, Copy)]
enum Unit {
    Time,
    Size,
    Rounds,
    Count,
}

/// A row: its label, what is shown of which samples, and our goal.
type Row = (&'static str, What, Figure, Unit, Option<f64>);

#[rustfmt::skip] // one row, one line
const ROWS: [Row; 24] = {
    use Figure::{Max, Mean, Median, P99};
    use Unit::{Count, Rounds, Size, Time};
    [
        ("join: all know all", What::Join, Median, Time, None),
        ("quiet: bytes/s out of a node", What::Bytes, Mean, Size, Some(8_000.0)),
        ("quiet: datagrams/s out of a node", What::Datagrams, Mean, Count, None),
        ("quiet: TCP exchanges/min of a node", What::Streams, Mean, Count, None),
        ("quiet: nodes that miss somebody", What::Strangers, Max, Count, None),
        ("quiet: CPU of a node per minute", What::Cpu, Mean, Time, Some(50.0)),
        ("largest datagram", What::Longest, Max, Size, Some(1_200.0)),
        ("memory of a node, resident", What::Resident, Median, Size, None),
        ("memory of a node, allocated", What::Heap, Median, Size, None),
        ("... per known member", What::PerMember, Median, Size, Some(2_000.0)),
        ("a key reaches all: mean", What::Key, Mean, Time, None),
        ("... p99", What::Key, P99, Time, None),
        ("... max", What::Key, Max, Time, None),
        ("... mean, in rounds", What::KeyRounds, Mean, Rounds, None),
        ("... max, in rounds", What::KeyRounds, Max, Rounds, None),
        ("crash: first that knows, median", What::CrashFirst, Median, Time, None),
        ("... middle one, median", What::CrashMedian, Median, Time, None),
        ("... last one, median", What::CrashLast, Median, Time, None),
        ("... last one, p99", What::CrashLast, P99, Time, Some(1_500.0)),
        ("silence: first that knows, median", What::SilentFirst, Median, Time, None),
        ("... middle one, median", What::SilentMedian, Median, Time, None),
        ("... last one, median", What::SilentLast, Median, Time, None),
        ("... last one, p99", What::SilentLast, P99, Time, None),
        ("... port closed in between, max", What::Deaf, Max, Time, None),
    ]
};

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Unit::Time if value < 10.0 => format!("{value:.1} ms"),
            Unit::Time if value < 1_000.0 => format!("{value:.0} ms"),
            Unit::Time => format!("{:.2} s", value / 1_000.0),
            Unit::Size if value < 10_000.0 => format!("{value:.0} B"),
            Unit::Size => format!("{:.1} kB", value / 1_000.0),
            Unit::Rounds | Unit::Count => format!("{value:.1}"),
        }
    }
}

/// A figure, or why there is none.
fn cell(samples: Option<&Samples>, figure: Figure, unit: Unit) -> (String, Option<f64>) {
    let Some(samples) = samples else {
        return ("".into(), None);
    };
    let missed = samples.missed.len();
    if let Some(bound) = samples.missed.first() {
        let all = missed + samples.values.len();
        let bound = bound / 1_000.0;
        return (format!("{missed} of {all} not within {bound:.0} s"), None);
    }
    let value = figure.of(&samples.values);
    (value.map_or(String::new(), |v| unit.show(v)), value)
}

/// One table, of clusters of one size. Of the systems, the first one is ours.
pub fn render(systems: &[String], series: &[Series]) -> String {
    let mut lines = vec![header(systems)];
    for (label, what, figure, unit, goal) in ROWS {
        let samples: Vec<_> = series.iter().map(|s| s.0.get(&what)).collect();
        if samples.iter().all(Option::is_none) {
            continue;
        }
        let goal = goal.map_or(String::new(), |goal| format!("≤ {}", unit.show(goal)));
        let mut line = vec![label.to_string(), goal];
        let mut ours = None;
        let mut counts = Vec::new();
        for (i, samples) in samples.into_iter().enumerate() {
            let (text, value) = cell(samples, figure, unit);
            line.push(text);
            let count = samples.map_or(0, |s| s.values.len() + s.missed.len());
            counts.push(count.to_string());
            match i {
                0 => ours = value,
                _ => line.push(ratio(ours, value)),
            }
        }
        line.push(counts.join(", "));
        lines.push(line);
    }
    align(&lines)
}

fn header(systems: &[String]) -> Vec<String> {
    let mut line = vec!["what".to_string(), "our goal".to_string()];
    for (i, system) in systems.iter().enumerate() {
        line.push(system.clone());
        if i > 0 {
            line.push("ratio".into());
        }
    }
    line.push("samples".into());
    line
}

/// The first system by another one: below 1, the first one needs less.
fn ratio(ours: Option<f64>, theirs: Option<f64>) -> String {
    match ours.zip(theirs) {
        Some((ours, theirs)) if theirs > 0.0 => format!("{:.2}", ours / theirs),
        _ => String::new(),
    }
}

fn align(lines: &[Vec<String>]) -> String {
    let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max();
    let widths: Vec<usize> = (0..lines[0].len()).filter_map(width).collect();
    let mut text = String::new();
    for (i, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(&widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text += &format!("| {} |\n", cells.join(" | "));
        if i == 0 {
            let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            text += &format!("| {} |\n", rules.join(" | "));
        }
    }
    text
}
