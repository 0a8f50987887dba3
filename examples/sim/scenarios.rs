//! The scenarios by name: each runs in a joined world and tells what it saw.

use seneca_gossip::sim::{Crash, Samples, World, scenario};

use crate::args::Args;
use crate::report::{Report, rounds, row, summary, time};

pub type Scenario = fn(&mut World, &Args, &mut Report);

/// All but the soak, which has no world of its own.
pub const ALL: [(&str, Scenario); 13] = [
    ("join", quiet),
    ("quiet", quiet),
    ("spread", spread),
    ("crash", |world, args, report| {
        crash(world, args, report, Crash::Closed)
    }),
    ("silent", |world, args, report| {
        crash(world, args, report, Crash::Silent)
    }),
    ("pair", pair),
    ("half", half),
    ("pause", pause),
    ("partition", partition),
    ("forget", partition),
    ("restart", restart),
    ("load", churn),
    ("churn", churn),
];

/// The scenarios that a name stands for.
pub fn chosen(name: &str) -> impl Iterator<Item = (&'static str, Scenario)> {
    ALL.into_iter()
        .filter(move |one| name == "all" || name == one.0)
}

fn quiet(world: &mut World, args: &Args, report: &mut Report) {
    let deaths = world.deaths().len();
    let mut bytes = Vec::new();
    for _ in 0..args.seconds {
        let rate = world.measure(1_000);
        bytes.push((world.now(), rate.bytes));
    }
    report.timeline("bytes_per_node_and_s", bytes);
    row("verdicts 'dead'", world.deaths().len() - deaths);
}

fn spread(world: &mut World, args: &Args, report: &mut Report) {
    let interval = args.options.config.interval;
    let spread = scenario::spread(world, args.samples);
    report.times("a key reaches a node after", "each_ms", &spread.each);
    row("...", rounds(&spread.each, interval));
    report.times("a key reaches the last node after", "last_ms", &spread.last);
    row("...", rounds(&spread.last, interval));
    row("missed", spread.missed);
}

fn crash(world: &mut World, args: &Args, report: &mut Report, crash: Crash) {
    detection(&scenario::crashes(world, args.samples, crash), report);
}

fn pair(world: &mut World, args: &Args, report: &mut Report) {
    let found = scenario::group_crashes(world, args.samples, 2, args.crash);
    detection(&found, report);
}

fn half(world: &mut World, args: &Args, report: &mut Report) {
    let size = world.running().len() / 2;
    detection(&scenario::group_crashes(world, 1, size, args.crash), report);
}

fn pause(world: &mut World, args: &Args, report: &mut Report) {
    let pauses = scenario::pauses(world, args.samples, args.pause, 5_000);
    row("pauses", format!("{} of {} ms", args.samples, args.pause));
    row("verdicts 'dead' on the paused", pauses.deaths);
    row("... on others", pauses.false_deaths);
    report.number("deaths_of_paused", Some(pauses.deaths as u64));
    report.number("false_deaths", Some(pauses.false_deaths as u64));
}

fn partition(world: &mut World, args: &Args, report: &mut Report) {
    let split = scenario::split(world, args.seconds * 1_000);
    row("records of the other half at its end", split.remembered);
    row("all know all after healing", time(split.whole));
    report.number("records", Some(split.remembered as u64));
    report.number("whole_ms", split.whole);
}

fn restart(world: &mut World, args: &Args, report: &mut Report) {
    let known = scenario::restart_all(world, args.within);
    row("all alive and known after", time(known));
    report.number("whole_ms", known);
}

fn churn(world: &mut World, args: &Args, report: &mut Report) {
    let plan = scenario::Plan {
        span: args.seconds * 1_000,
        every: (report.scenario == "churn").then_some(args.every),
        sets: args.sets(report.scenario),
        crash: args.crash,
    };
    let churn = scenario::churn(world, &plan);
    if plan.every.is_some() {
        let (crashes, leaves, restarts) = (churn.crashes, churn.leaves, churn.restarts);
        row(
            "came and went",
            format!("{crashes} crashed, {leaves} left, {restarts} restarted"),
        );
    }
    let mean = churn.stale.iter().map(|stale| stale.mean).sum::<f64>();
    let count = churn.stale.len().max(1) as f64;
    row(
        "stale mappings of a node, mean",
        format!("{:.1}", mean / count),
    );
    let most = churn.stale.iter().map(|stale| stale.most).max();
    row("... at most", most.unwrap_or(0));
    let oldest: Samples = churn.stale.iter().map(|stale| stale.oldest).collect();
    row("oldest update that somebody lacks", summary(&oldest));
    row("verdicts 'dead' on the gone", churn.deaths);
    row("... on nodes that worked", churn.false_deaths);
    row("all know all after its end", time(churn.whole));
    row("... and all agree after further", time(churn.agreed));
    report.number("false_deaths", Some(churn.false_deaths as u64));
    report.number("whole_ms", churn.whole);
    report.number("agreed_ms", churn.agreed);
    let stale = || churn.stale.iter();
    let means = stale().map(|stale| (stale.at, stale.mean)).collect();
    report.timeline("stale_mappings_per_node", means);
    let oldest = stale()
        .map(|stale| (stale.at, stale.oldest as f64))
        .collect();
    report.timeline("maximum_staleness_ms", oldest);
}

fn detection(found: &scenario::Detection, report: &mut Report) {
    report.times("first survivor knows after", "first_ms", &found.first);
    report.times("a survivor knows after", "each_ms", &found.each);
    report.times("last survivor knows after", "last_ms", &found.last);
    report.times("restarted, seen alive by all after", "back_ms", &found.back);
    row("missed", found.missed);
}
