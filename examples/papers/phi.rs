//! Mistakes and detection time of the phi accrual failure detector.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;

use seneca_gossip::liveness::Tuning;
use seneca_gossip::sim::papers::phi::{self, Curve, Kind, Losses, Outcome, Trace, WINDOWS};

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
        (Kind::paper(20), 2.0, None, None),
        (Kind::paper(100), 2.0, None, None),
        (Kind::paper(10_000), 2.0, None, None),
        phi(20, 8.0, 0.112, None),
        phi(100, 8.0, 0.049, None),
        phi(10_000, 8.0, 0.034, None),
        chen(40.0, 0.157, 0.285),
        chen(100.0, 0.017, 0.345),
        chen(110.0, 0.003, 0.355),
        chen(200.0, 0.0004, 0.445),
        (Kind::Bertier, 0.0, Some(0.436), Some(0.269)),
        (Kind::Phi(Tuning::default()), 8.0, None, None),
        (Kind::Node, 8.0, None, None),
    ]
}

pub fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let bursts = watch(args, Losses::Bursts);
    let singles = watch(args, Losses::Singles);
    print!("{}", table(&bursts, &singles));
    fs::create_dir_all(&args.out)?;
    fs::write(args.out.join("phi.csv"), csv(&[&bursts, &singles]))?;
    plot::write(&args.out.join("phi.svg"), &panels(&bursts, &singles))?;
    println!("written: phi.svg and phi.csv in {}", args.out.display());
    Ok(())
}

/// One trace, and what the detectors made of it.
struct Watched {
    trace: Trace,
    outcome: Outcome,
}

impl Watched {
    fn losses(&self) -> &'static str {
        match self.trace.losses {
            Losses::Bursts => "losses in bursts",
            Losses::Singles => "losses one by one",
        }
    }
}

fn watch(args: &Args, losses: Losses) -> Watched {
    let mut trace = Trace::new(args.seed);
    trace.beats = args.beats.unwrap_or(trace.beats);
    trace.losses = losses;
    println!("phi: {trace:?}");
    let outcome = phi::run(&trace);
    println!(
        "    {} arrived ({:.2} % lost), the longest silence {:.1} s, {:.0} s counted",
        outcome.arrived,
        100.0 * (1.0 - outcome.arrived as f64 / trace.beats as f64),
        outcome.longest as f64 / 1_000.0,
        outcome.seconds
    );
    Watched { trace, outcome }
}

/// A table in Markdown, as docs/papers.md has it.
fn table(bursts: &Watched, singles: &Watched) -> String {
    let mut text = String::from(
        "\n| detector | setting | mistakes/s: bursts | singles | [S] | detection, s: bursts | singles | [S] |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for (kind, parameter, rate, detection) in earlier() {
        let of = |watched: &Watched| watched.outcome.curve(kind)?.at(parameter).copied();
        let (Some(bursts), Some(singles)) = (of(bursts), of(singles)) else {
            continue;
        };
        let known = |value: Option<f64>| value.map_or("-".to_owned(), |value| value.to_string());
        let shown = match kind {
            Kind::Chen => format!("alpha {parameter} ms"),
            Kind::Bertier => "-".to_owned(),
            Kind::Phi(_) | Kind::Node => format!("threshold {parameter}"),
        };
        let _ = writeln!(
            text,
            "| {} | {shown} | {} | {} | {} | {:.3} | {:.3} | {} |",
            name(kind),
            short(bursts.rate),
            short(singles.rate),
            known(rate),
            bursts.detection,
            singles.detection,
            known(detection),
        );
    }
    text.push('\n');
    text
}

/// Two significant digits.
fn short(rate: f64) -> String {
    if rate == 0.0 {
        return "0".to_owned();
    }
    let digits = (1.0 - rate.log10().floor()).max(0.0) as usize;
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

fn csv(all: &[&Watched]) -> String {
    let mut text = String::from("trace,detector,parameter,mistakes,mistakes_per_s,detection_s\n");
    for watched in all {
        for curve in &watched.outcome.curves {
            for point in &curve.points {
                let _ = writeln!(
                    text,
                    "{},\"{}\",{},{},{:.6},{:.4}",
                    watched.losses(),
                    name(curve.kind),
                    point.parameter,
                    point.mistakes,
                    point.rate,
                    point.detection
                );
            }
        }
    }
    text
}

fn panels(bursts: &Watched, singles: &Watched) -> Vec<Panel> {
    let (seconds, mistakes) = ("detection time, s", "mistakes per second");
    let trade = |watched: &Watched| {
        let rest = [Kind::Chen, Kind::Bertier, Kind::Node];
        let rest = rest
            .into_iter()
            .filter_map(|kind| watched.outcome.curve(kind));
        // Beyond a second there is nothing but a node's 2.2 s, which would squeeze the rest.
        let near = |curve: &&Curve| curve.points.iter().all(|point| point.detection < 1.5);
        let all = phis(watched).chain(rest.filter(near));
        Panel {
            title: format!("Mistakes against detection time, {}", watched.losses()),
            x: Axis::linear(seconds),
            y: Axis::log(mistakes),
            series: all
                .map(|curve| series(curve, |point| (point.detection, point.rate)))
                .collect(),
        }
    };
    let rate = |watched: &Watched| Panel {
        title: format!("Mistakes against the threshold, {}", watched.losses()),
        x: Axis::linear("threshold"),
        y: Axis::log(mistakes),
        series: phis(watched)
            .map(|curve| series(curve, |point| (point.parameter, point.rate)))
            .collect(),
    };
    let detection = |watched: &Watched| Panel {
        title: format!("Detection time against the threshold, {}", watched.losses()),
        x: Axis::linear("threshold"),
        y: Axis::linear(seconds),
        series: phis(watched)
            .map(|curve| series(curve, |point| (point.parameter, point.detection)))
            .collect(),
    };
    vec![
        trade(bursts),
        trade(singles),
        rate(bursts),
        rate(singles),
        detection(bursts),
    ]
}

/// The curves of phi.
fn phis(watched: &Watched) -> impl Iterator<Item = &Curve> {
    let kinds = WINDOWS.into_iter().map(Kind::paper);
    let kinds = kinds.chain([Kind::Phi(Tuning::default())]);
    kinds.filter_map(|kind| watched.outcome.curve(kind))
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
