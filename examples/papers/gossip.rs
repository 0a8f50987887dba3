//! Reconciliation under load (figure 2) and flow control (figure 3).

use std::error::Error;
use std::fmt::Write as _;
use std::fs;

use seneca_gossip::sim::papers::gossip::{Experiment, Method, Point, figure2, figure3, run};
use seneca_gossip::state::Order;

use crate::args::Args;
use crate::plot::{self, Axis, Panel, Series, Style};

const OLDEST: Method = Method::PreciseOldest;
const BREADTH: Method = Method::Scuttle(Order::Breadth);
const DEPTH: Method = Method::Scuttle(Order::Depth);
const NEWEST: Method = Method::PreciseNewest;

/// An experiment and what came of it.
struct Curve {
    experiment: Experiment,
    points: Vec<Point>,
}

impl Curve {
    fn of(experiment: Experiment) -> Self {
        Curve {
            experiment,
            points: run(&experiment),
        }
    }

    fn name(&self) -> String {
        let Experiment { method, nodes, .. } = self.experiment;
        format!("{}, N = {nodes}", method.name())
    }

    fn at(&self, second: u64) -> Point {
        self.points[second as usize - 1]
    }

    /// The mean rate over some seconds.
    fn rate(&self, seconds: std::ops::Range<u64>) -> f64 {
        let of = self.points.iter().filter(|p| seconds.contains(&p.second));
        let rates: Vec<f64> = of.map(|p| p.rate).collect();
        rates.iter().sum::<f64>() / rates.len() as f64
    }

    fn series(&self, value: fn(&Point) -> f64) -> Series {
        let points = self.points.iter().map(|p| (p.second as f64, value(p)));
        Series::new(self.name(), Style::Line, points.collect())
    }
}

pub fn reconciliation(args: &Args) -> Result<(), Box<dyn Error>> {
    println!(
        "reconciliation: seed {}, 128 participants of 64 keys",
        args.seed
    );
    // The paper's readings: stale at 75 s, at 98 s, and the longest at 98 s.
    let paper = [
        (OLDEST, 3230, 2020, 44),
        (BREADTH, 3050, 1660, 60),
        (DEPTH, 2180, 590, 9),
        (NEWEST, 2080, 430, 73),
    ];
    println!("\n| | stale at 75 s | [F] | at 98 s | [F] | longest out of date at 98 s | [F] |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    let mut curves = Vec::new();
    for (method, at_75, at_98, longest) in paper {
        let curve = Curve::of(figure2(args.seed, 128, method));
        let (peak, late) = (curve.at(75), curve.at(98));
        println!(
            "| {} | {:.0} | {at_75} | {:.0} | {at_98} | {:.0} s | {longest} s |",
            method.name(),
            peak.stale,
            late.stale,
            late.staleness,
        );
        curves.push(curve);
    }
    let panels = [
        panel(
            "Stale mappings of a participant",
            "mappings",
            &curves,
            |p| p.stale,
        ),
        panel("Longest out of date", "s", &curves, |p| p.staleness),
    ];
    write(args, "reconciliation", &panels, &curves)
}

pub fn flow(args: &Args) -> Result<(), Box<dyn Error>> {
    println!("flow: seed {}", args.seed);
    println!(
        "\n| | rate, 70 to 90 s | lowest after 90 s | rate, 135 to 160 s | longest out of date |"
    );
    println!("| --- | ---: | ---: | ---: | ---: |");
    let mut curves = Vec::new();
    for nodes in [64, 128] {
        for method in [OLDEST, DEPTH, NEWEST] {
            let curve = Curve::of(figure3(args.seed, nodes, method));
            let late = &curve.points[90..];
            println!(
                "| {} | {:.2} | {:.2} | {:.2} | {:.0} s |",
                curve.name(),
                curve.rate(70..90),
                late.iter().map(|p| p.rate).fold(f64::MAX, f64::min),
                curve.rate(135..160),
                late.iter().map(|p| p.staleness).fold(0.0, f64::max),
            );
            curves.push(curve);
        }
    }
    let panels = [
        panel(
            "Changes of a participant",
            "changes per second",
            &curves,
            |p| p.rate,
        ),
        panel("Longest out of date", "s", &curves, |p| p.staleness),
    ];
    write(args, "flow", &panels, &curves)
}

fn panel(title: &str, label: &str, curves: &[Curve], value: fn(&Point) -> f64) -> Panel {
    Panel {
        title: title.to_owned(),
        x: Axis::linear("time, s"),
        y: Axis::linear(label),
        series: curves.iter().map(|curve| curve.series(value)).collect(),
    }
}

fn write(
    args: &Args,
    name: &str,
    panels: &[Panel],
    curves: &[Curve],
) -> Result<(), Box<dyn Error>> {
    let mut text = String::from("method,nodes,second,stale,staleness_s,rate\n");
    for curve in curves {
        let Experiment { method, nodes, .. } = curve.experiment;
        for p in &curve.points {
            let (method, second) = (method.name(), p.second);
            let _ = writeln!(
                text,
                "{method},{nodes},{second},{:.1},{:.1},{:.3}",
                p.stale, p.staleness, p.rate
            );
        }
    }
    fs::create_dir_all(&args.out)?;
    fs::write(args.out.join(format!("{name}.csv")), text)?;
    plot::write(&args.out.join(format!("{name}.svg")), panels)?;
    println!(
        "\nwritten: {name}.svg and {name}.csv in {}\n",
        args.out.display()
    );
    Ok(())
}
