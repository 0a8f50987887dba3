//! This project's gossip beside chitchat's: the same scenario, on the same
//! machine, in alternating processes. `--help` lists the options.

mod child;
mod ours;
mod random;
mod scenario;
mod series;
mod settings;
mod system;
mod table;
mod theirs;
mod usage;

use std::env;
use std::fs;
use std::thread::available_parallelism;

use anyhow::{Context, Result, ensure};
use lexopt::prelude::*;

use series::Series;
use settings::Settings;

#[global_allocator]
static ALLOCATOR: usage::Counting = usage::Counting;

const HELP: &str = "\
Measures clusters of seneca-gossip and of chitchat, N nodes in one process on
the loopback, and prints a table for each N.

    npm run bench:gossip -- [options]

    --nodes LIST     nodes of a cluster                              [100]
    --rounds N       how often each system is measured, in turn      [3]
    --systems LIST   ours, chitchat:MS (MS: time between two rounds),
                     chitchat:MS:v0 (with digests as it wrote them
                     before it compressed them)      [ours,chitchat:1000,chitchat:200]
    --settle S       seconds after the join until the quiet ones     [10]
    --seconds S      quiet seconds: bytes and CPU                    [60]
    --keys N         keys that are set, in each round                [20]
    --crashes N      nodes that crash, in each round                 [3]
    --silent N       nodes that fall silent, in each round           [3]
    --bound S        seconds after which a wait is given up          [60]
    --threads N      threads for chitchat's nodes (ours have one)    [1]
    --seed N         which nodes set keys and crash                  [1]
";

struct Args {
    nodes: Vec<usize>,
    rounds: u64,
    systems: Vec<String>,
    settings: Settings,
}

fn main() -> Result<()> {
    let mut words = env::args().skip(1);
    if words.next().as_deref() == Some(child::MEASURE) {
        return child::measure(&words.next().context("settings are missing")?);
    }
    let Some(args) = parse()? else {
        print!("{HELP}");
        return Ok(());
    };
    println!("{}\n", about(&args)?);
    for nodes in &args.nodes {
        let series = compare(&args, *nodes)?;
        println!("{nodes} nodes:\n");
        println!("{}", table::render(&args.systems, &series));
    }
    println!("{}", load());
    Ok(())
}

/// All rounds with clusters of one size; the systems take turns.
fn compare(args: &Args, nodes: usize) -> Result<Vec<Series>> {
    let mut all = vec![Series::default(); args.systems.len()];
    for round in 0..args.rounds {
        for (system, series) in args.systems.iter().zip(&mut all) {
            eprintln!("{nodes} nodes, round {}: {system}", round + 1);
            let settings = Settings {
                system: system.clone(),
                nodes,
                seed: args.settings.seed + round,
                ..args.settings.clone()
            };
            series.extend(child::spawn(&settings)?);
        }
    }
    Ok(all)
}

fn parse() -> Result<Option<Args>> {
    let mut args = Args {
        nodes: vec![100],
        rounds: 3,
        systems: list("ours,chitchat:1000,chitchat:200"),
        settings: Settings {
            settle: 10,
            seconds: 60,
            keys: 20,
            crashes: 3,
            silent: 3,
            bound: 60,
            threads: 1,
            seed: 1,
            ..Settings::default()
        },
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        let settings = &mut args.settings;
        match arg {
            Long("help") => return Ok(None),
            Long("nodes") => {
                let nodes = list(&parser.value()?.string()?);
                let nodes: Result<Vec<usize>, _> = nodes.iter().map(|n| n.parse()).collect();
                args.nodes = nodes.context("--nodes must be numbers")?;
            }
            Long("systems") => args.systems = list(&parser.value()?.string()?),
            Long("rounds") => args.rounds = parser.value()?.parse()?,
            Long("settle") => settings.settle = parser.value()?.parse()?,
            Long("seconds") => settings.seconds = parser.value()?.parse()?,
            Long("keys") => settings.keys = parser.value()?.parse()?,
            Long("crashes") => settings.crashes = parser.value()?.parse()?,
            Long("silent") => settings.silent = parser.value()?.parse()?,
            Long("bound") => settings.bound = parser.value()?.parse()?,
            Long("threads") => settings.threads = parser.value()?.parse()?,
            Long("seed") => settings.seed = parser.value()?.parse()?,
            _ => return Err(arg.unexpected().into()),
        }
    }
    for system in &args.systems {
        child::parse(system)?;
    }
    let Settings {
        crashes, silent, ..
    } = args.settings;
    // The seed stays, and somebody who can know of the last death.
    let enough = args.nodes.iter().all(|n| *n >= crashes + silent + 2);
    ensure!(
        enough,
        "--nodes must be 2 more than --crashes and --silent together"
    );
    ensure!(
        args.settings.seconds > 0 && args.settings.threads > 0,
        "--seconds and --threads must be 1 at least"
    );
    Ok(Some(args))
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::to_string).collect()
}

/// What was measured, and how.
fn about(args: &Args) -> Result<String> {
    let version = |name: &str| -> Result<&str> {
        let lock = include_str!("../Cargo.lock");
        let after = lock.split_once(&format!("name = \"{name}\"\nversion = \""));
        let version = after.and_then(|(_, rest)| rest.split_once('"'));
        version.map(|(version, _)| version).context("Cargo.lock")
    };
    let Settings {
        settle,
        seconds,
        threads,
        seed,
        ..
    } = args.settings;
    Ok(format!(
        "seneca-gossip {}, chitchat {} ({threads} thread{}); rounds: {}, settled for {settle} s, \
         quiet for {seconds} s, seed {seed}.\n{} cores. {}",
        version("seneca-gossip")?,
        version("chitchat")?,
        if threads == 1 { "" } else { "s" },
        args.rounds,
        available_parallelism().map_or(0, |n| n.get()),
        load(),
    ))
}

/// Who else is busy on this machine: times and CPU depend on it.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split_whitespace().take(2).collect();
    match load.is_empty() {
        true => "Load unknown.".into(),
        false => format!("Load of the last 1 and 5 minutes: {}.", load.join(" and ")),
    }
}
