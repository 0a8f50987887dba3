//! What a plot shows of a scenario: how its times are distributed, and what
//! happened over time.

use crate::plot::{Axis, Panel, Series, Style};
use crate::report::{Report, Timeline};

/// The panels of all scenarios.
pub fn panels(reports: &[Report]) -> Vec<Panel> {
    reports.iter().flat_map(of).collect()
}

fn of(report: &Report) -> Vec<Panel> {
    let mut panels = Vec::new();
    // One value has no distribution.
    let many = report.samples.iter().filter(|(_, values)| values.len() > 1);
    let series: Vec<Series> = many
        .map(|(name, values)| Series::distribution(name.trim_end_matches("_ms"), values))
        .collect();
    if !series.is_empty() {
        panels.push(Panel {
            title: format!("{}, {} nodes: distribution", report.scenario, report.nodes),
            x: Axis::linear("ms"),
            y: Axis::linear("share of the samples"),
            series,
        });
    }
    panels.extend(
        report
            .timelines
            .iter()
            .map(|timeline| over_time(report, timeline)),
    );
    panels
}

fn over_time(report: &Report, timeline: &Timeline) -> Panel {
    let seconds = |&(at, value): &(u64, f64)| (at as f64 / 1_000.0, value);
    let points = timeline.points.iter().map(seconds).collect();
    Panel {
        title: format!("{}, {} nodes: over time", report.scenario, report.nodes),
        x: Axis::linear("s"),
        y: Axis::linear(timeline.name.replace('_', " ")),
        series: vec![Series::new(
            timeline.name.replace('_', " "),
            Style::Line,
            points,
        )],
    }
}
