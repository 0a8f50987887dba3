//! Mistakes and detection time of the phi accrual failure detector.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;

use seneca_gossip::sim::papers::phi::{self, Curve, Kind, Outcome, Trace, WINDOWS};

use crate::args::Args;
use crate::plot::{self, Axis, Panel, Series, Style};

/// What an earlier simulation gave: detector, parameter, mistakes per second,
/// detection time in s. It is not the paper's own data: those are only in its
/// figures, and their trace is not public.
type Earlier = (Kind, f64, Option<f64>, Option<f64>);

fn earlier() -> Vec<Earlier> {
    let phi = |window, threshold, rate, detection| {
        (Kind::paper(window), threshold, Some(rate), detection)
    };
    let chen = |margin, rate, detection| (Kind::Chen, margin, Some(rate), Some(detection));
    vec![
        phi(1_000, 0.5, 1.41, Some(0.256)),
        phi(1_000, 2.0, 0.20, Some(0.295)),
        phi(1_000, 8.0, 0.038, Some(0.365)),
        phi(1_000, 12.0, 0.012, Some(0.396)),
        phi(1_000, 16.0, 0.002, Some(0.421)),
        phi(20, 8.0, 0.112, None),
        phi(100, 8.0, 0.049, None),
        phi(10_000, 8.0, 0.034, None),
        chen(40.0, 0.157, 0.285),
        chen(100.0, 0.017, 0.345),
        chen(110.0, 0.003, 0.355),
        chen(200.0, 0.0004, 0.445),
        (Kind::Bertier, 0.0, Some(0.436), Some(0.269)),
        (Kind::Phi(Default::default()), 8.0, None, None),
        (Kind::Node, 8.0, None, None),
    ]
}

pub fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let mut trace = Trace::new(args.seed);
    trace.beats = args.beats.unwrap_or(trace.beats);
    trace.losses = args.losses;
    println!("phi: {trace:?}");
    let outcome = phi::run(&trace);
    println!(
        "{} of {} heartbeats arrived ({:.2} % lost), the longest silence {:.1} s, {:.0} s counted",
        outcome.arrived,
        trace.beats,
        100.0 * (1.0 - outcome.arrived as f64 / trace.beats as f64),
        outcome.longest as f64 / 1_000.0,
        outcome.seconds
    );
    print!("{}", table(&outcome));
    fs::create_dir_all(&args.out)?;
    fs::write(args.out.join("phi.csv"), csv(&outcome))?;
    plot::write(&args.out.join("phi.svg"), &panels(&outcome))?;
    println!("written: phi.svg and phi.csv in {}", args.out.display());
    Ok(())
}

/// A table in Markdown, as docs/papers.md has it.
fn table(outcome: &Outcome) -> String {
    let mut text = String::from(
        "\n| detector | parameter | mistakes/s | an earlier simulation | detection, s | an earlier simulation |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    for (kind, parameter, rate, detection) in earlier() {
        let Some(point) = outcome.curve(kind).and_then(|curve| curve.at(parameter)) else {
            continue;
        };
        let known = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        let shown = match kind {
            Kind::Chen => format!("alpha {parameter} ms"),
            Kind::Bertier => String::new(),
            Kind::Phi(_) | Kind::Node => format!("threshold {parameter}"),
        };
        let _ = writeln!(
            text,
            "| {} | {shown} | {} | {} | {:.3} | {} |",
            name(kind),
            short(point.rate),
            known(rate),
            point.detection,
            known(detection),
        );
    }
    text.push('\n');
    text
}

/// Two significant digits.
fn short(rate: f64) -> String {
    let digits = (1.0 - rate.max(1e-9).log10().floor()).max(0.0) as usize;
    format!("{rate:.digits$}")
}

fn name(kind: Kind) -> String {
    match kind {
        Kind::Phi(tuning) if tuning.floor > phi::NO_FLOOR => {
            format!(
                "phi, window {}, sigma floor {} ms",
                tuning.window, tuning.floor
            )
        }
        Kind::Phi(tuning) => format!("phi, window {}", tuning.window),
        Kind::Node => "phi as a node has it".to_owned(),
        Kind::Chen => "Chen".to_owned(),
        Kind::Bertier => "Bertier".to_owned(),
    }
}

fn csv(outcome: &Outcome) -> String {
    let mut text = String::from("detector,parameter,mistakes,mistakes_per_s,detection_s\n");
    for curve in &outcome.curves {
        for point in &curve.points {
            let _ = writeln!(
                text,
                "\"{}\",{},{},{:.6},{:.4}",
                name(curve.kind),
                point.parameter,
                point.mistakes,
                point.rate,
                point.detection
            );
        }
    }
    text
}

fn panels(outcome: &Outcome) -> Vec<Panel> {
    let trade = |point: &phi::Point| (point.detection, point.rate);
    let rate = |point: &phi::Point| (point.parameter, point.rate);
    let detection = |point: &phi::Point| (point.parameter, point.detection);
    let phis = || {
        let with_floor = outcome.curve(Kind::Phi(Default::default()));
        let papers = WINDOWS
            .into_iter()
            .filter_map(|window| outcome.curve(Kind::paper(window)));
        papers.chain(with_floor)
    };
    let rest = [Kind::Chen, Kind::Bertier, Kind::Node];
    let all = phis().chain(rest.into_iter().filter_map(|kind| outcome.curve(kind)));
    // Beyond a second there is nothing but a node's 2.2 s, which would squeeze the rest.
    let near = |curve: &Curve| curve.points.iter().all(|point| point.detection < 1.5);
    let (seconds, mistakes) = ("detection time, s", "mistakes per second");
    vec![
        Panel {
            title: "Mistakes against detection time".to_owned(),
            x: Axis::linear(seconds),
            y: Axis::log(mistakes),
            series: all
                .filter(|curve| near(curve))
                .map(|curve| series(curve, trade))
                .collect(),
        },
        Panel {
            title: "Mistakes against the threshold of phi".to_owned(),
            x: Axis::linear("threshold"),
            y: Axis::log(mistakes),
            series: phis().map(|curve| series(curve, rate)).collect(),
        },
        Panel {
            title: "Detection time against the threshold of phi".to_owned(),
            x: Axis::linear("threshold"),
            y: Axis::linear(seconds),
            series: phis().map(|curve| series(curve, detection)).collect(),
        },
    ]
}

fn series(curve: &Curve, of: impl Fn(&phi::Point) -> (f64, f64)) -> Series {
    let style = match curve.points.len() {
        1 => Style::Marks,
        _ => Style::Line,
    };
    Series::new(
        name(curve.kind),
        style,
        curve.points.iter().map(of).collect(),
    )
}
