//! Runs a simulated cluster and prints what it did, for instance
//!
//! ```text
//! cargo run --release --example sim -- --nodes 100 --loss 0.05 --scenario crash
//! ```
//!
//! Time is virtual: the same arguments and seed give the same numbers, on any
//! machine. `--help` lists scenarios and options.

mod args;
mod csv;
#[path = "../support/options.rs"]
mod options;
#[path = "../support/plot.rs"]
mod plot;
mod plots;
mod report;
mod scenarios;
mod soak;

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use seneca_gossip::sim::{Check, scenario};

use args::Args;
use report::{Report, row, time};
use scenarios::Scenario;

fn main() -> ExitCode {
    options::exit("sim", args::HELP, args::parse(), |args| {
        match args.scenario == "soak" {
            true => soak::run(args),
            false => run(args),
        }
    })
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    println!("{}", args.settings());
    let mut reports = Vec::new();
    for (name, scenario) in scenarios::chosen(&args.scenario) {
        reports.push(one(name, scenario, args));
    }
    if let Some(file) = &args.csv {
        csv::write(file, args, &reports)?;
        println!("\nsamples written to {}", file.display());
    }
    if let Some(file) = &args.plot {
        plot::write(file, &plots::panels(&reports))?;
        println!("\nplots written to {}", file.display());
    }
    Ok(())
}

/// One scenario in a world of its own.
fn one(name: &'static str, scenario: Scenario, args: &Args) -> Report {
    let start = Instant::now();
    let mut report = Report::new(name, args.nodes(name));
    println!("\n{name}, {} nodes", report.nodes);
    let (mut world, joined) = scenario::joined(args.world(name), report.nodes);
    row("all know all after", time(joined));
    report.number("joined_ms", joined);
    if name != "join" {
        world.run(args.settle * 1_000);
    }
    scenario::load(&mut world, args.background(name), u64::MAX);
    let (begin, before) = (world.now(), world.total_traffic());
    let suspicions = world.suspicions();
    scenario(&mut world, args, &mut report);
    let traffic = world.total_traffic().since(&before);
    report::cost(&traffic, report.nodes, world.now() - begin);
    row("suspicions", world.suspicions() - suspicions);
    row("verdicts 'dead' without ground", world.false_deaths());
    if args.options.check == Check::Every {
        world.verify();
        row("invariant checked", format!("{} times", world.checks()));
    }
    let (virtual_s, real_s) = (world.now() as f64 / 1e3, start.elapsed().as_secs_f64());
    row(
        "virtual and real time",
        format!("{virtual_s:.1} s in {real_s:.1} s"),
    );
    report
}
