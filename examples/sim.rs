//! Runs a simulated cluster and prints what it did, for instance
//!
//! ```text
//! cargo run --release --example sim -- --nodes 100 --loss 0.05 --scenario crash
//! ```
//!
//! Time is virtual: the same arguments and seed give the same numbers, on any
//! machine. `--help` lists scenarios and options.

use std::time::Instant;

use lexopt::prelude::*;
use seneca_gossip::sim::{Check, Crash, Delay, Options, Samples, World, chaos, scenario};

const HELP: &str = "\
Runs a simulated cluster of the production engine in virtual time.

    sim [--scenario NAME] [options]

Scenarios
    join        all nodes start at once and know one seed; then nothing happens
    quiet       a joined cluster in which nothing happens
    spread      random nodes set a key, one after the other
    crash       random processes are killed (closed port), and come back
    silent      random machines vanish (silence), and come back
    pause       random processes are stopped for --pause ms, one every 5 s
    half        half of the nodes vanish at once
    partition   the network splits into halves for --seconds, and heals
    restart     every process is restarted within 5 s
    all         each of these, one after the other
    soak        storms of random faults, for --hours of virtual time, in small
                clusters; ends with the first storm that leaves something wrong

Options
    --nodes N       nodes                                     [100]
    --seed N        source of all randomness                  [1]
    --loss P        share of the datagrams that get lost      [0]
    --duplicate P   share of the datagrams that arrive twice  [0]
    --reorder P     share of the datagrams that are held back [0]
    --delay MS      mean delay of one way                     [1]
    --jitter MS     delays spread evenly this far around it   [exponential]
    --interval MS   time between two gossip rounds            [the engine's]
    --ping MS       time between two pings                    [the engine's]
    --settle N      seconds between the join and the scenario [10]
    --seconds N     how long quiet and partition last         [60]
    --hours N       how long the soak lasts                   [1]
    --samples N     how many keys, crashes or pauses          [20]
    --pause MS      length of a pause                         [1500]
    --check         the oracle checks the invariant (slower)
";

struct Args {
    scenario: String,
    nodes: usize,
    settle: u64,
    seconds: u64,
    hours: u64,
    samples: usize,
    pause: u64,
    options: Options,
}

fn main() -> Result<(), lexopt::Error> {
    let Some(args) = parse()? else {
        print!("{HELP}");
        return Ok(());
    };
    if args.scenario == "soak" {
        return soak(&args);
    }
    let all = [
        "join",
        "quiet",
        "spread",
        "crash",
        "silent",
        "pause",
        "half",
        "partition",
        "restart",
    ];
    let chosen: Vec<&str> = match args.scenario.as_str() {
        "all" => all.to_vec(),
        one if all.contains(&one) => vec![one],
        other => return Err(format!("there is no scenario '{other}'; see --help").into()),
    };
    let conditions = args.options.conditions;
    println!(
        "{} nodes, seed {}, loss {}, duplicates {}, reordered {}, delay {:?}",
        args.nodes,
        args.options.seed,
        conditions.loss,
        conditions.duplicate,
        conditions.reorder,
        conditions.delay
    );
    for name in chosen {
        let start = Instant::now();
        let (mut world, joined) = scenario::joined(args.options.clone(), args.nodes);
        println!("\n{name}");
        row("all know all after", time(joined));
        run(name, &mut world, &args);
        if args.options.check == Check::Every {
            world.verify();
            row("invariant checked", format!("{} times", world.checks()));
        }
        row("verdicts 'dead' without ground", world.false_deaths());
        row(
            "longest datagram",
            format!("{} B", world.total_traffic().longest),
        );
        let (virtual_s, real_s) = (world.now() as f64 / 1e3, start.elapsed().as_secs_f64());
        row(
            "virtual and real time",
            format!("{virtual_s:.1} s in {real_s:.1} s"),
        );
    }
    Ok(())
}

fn run(name: &str, world: &mut World, args: &Args) {
    let span = args.seconds * 1_000;
    if name != "join" {
        world.run(args.settle * 1_000);
    }
    match name {
        "join" | "quiet" => quiet(world, span),
        "spread" => {
            let spread = scenario::spread(world, args.samples);
            row("a key reaches a node after", ms(&spread.each));
            row("... the last node after", ms(&spread.last));
            row("missed", spread.missed);
        }
        "crash" => detection(&scenario::crashes(world, args.samples, Crash::Closed)),
        "silent" => detection(&scenario::crashes(world, args.samples, Crash::Silent)),
        "pause" => {
            let pauses = scenario::pauses(world, args.samples, args.pause, 5_000);
            row("pauses", format!("{} of {} ms", args.samples, args.pause));
            row("verdicts 'dead' on the paused", pauses.deaths);
            row("... on others", pauses.false_deaths);
            row("suspicions", pauses.suspicions);
        }
        "half" => {
            let victims = world.pick(args.nodes / 2, &[]);
            let known = scenario::crash_at_once(world, &victims, Crash::Silent);
            row("all survivors know all deaths after", time(known));
        }
        "partition" => row(
            "one view after healing",
            time(scenario::partition(world, span)),
        ),
        "restart" => {
            let known = scenario::restart_all(world, 5_000);
            row("all alive and known after", time(known));
        }
        _ => unreachable!("checked in main"),
    }
}

/// Storms in clusters of 2 to 12 nodes, one seed after the other, all of them
/// checked by the oracle.
fn soak(args: &Args) -> Result<(), lexopt::Error> {
    const STRETCH: u64 = 600_000;
    let stretches = args.hours * 3_600_000 / STRETCH;
    for seed in args.options.seed..args.options.seed + stretches {
        let mut options = Options {
            seed,
            check: Check::Every,
            ..args.options.clone()
        };
        if seed % 2 == 0 {
            options.config.tombstones = 10_000;
            options.config.remember = 60_000;
        }
        let nodes = 2 + (seed % 11) as usize;
        let (mut world, result) = chaos(options, nodes, 30, STRETCH);
        row(
            &format!("seed {seed}, {nodes} nodes"),
            format!("{} faults, whole after {}", result.faults, ms(&result.calm)),
        );
        if !result.wrong.is_empty() {
            return Err(format!("seed {seed}: {:?}", result.wrong).into());
        }
        world.verify_events();
    }
    Ok(())
}

fn quiet(world: &mut World, span: u64) {
    let quiet = scenario::quiet(world, span);
    let rate = quiet.rate;
    row(
        "bytes out per node and second",
        format!("{:.0}", rate.bytes),
    );
    row(
        "datagrams out per node and second",
        format!("{:.1}", rate.datagrams),
    );
    row(
        "stream bytes out per node and second",
        format!("{:.0}", rate.stream_bytes),
    );
    row("verdicts 'dead'", quiet.deaths);
    row("suspicions", quiet.suspicions);
}

fn detection(found: &scenario::Detection) {
    row("first survivor knows after", ms(&found.first));
    row("a survivor knows after", ms(&found.each));
    row("last survivor knows after", ms(&found.last));
    row("restarted, seen alive by all after", ms(&found.back));
    row("missed", found.missed);
}

fn row(what: &str, value: impl std::fmt::Display) {
    println!("    {what:<38} {value}");
}

fn time(time: Option<u64>) -> String {
    time.map_or_else(|| "not within a minute".to_owned(), |ms| format!("{ms} ms"))
}

fn ms(samples: &Samples) -> String {
    format!("{samples} ms, mean {:.0}", samples.mean())
}

fn parse() -> Result<Option<Args>, lexopt::Error> {
    let mut args = Args {
        scenario: "join".to_owned(),
        nodes: 100,
        settle: 10,
        seconds: 60,
        hours: 1,
        samples: 20,
        pause: 1_500,
        options: Options {
            check: Check::Off,
            ..Options::new(1)
        },
    };
    let (mut delay, mut jitter) = (1.0, None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        let options = &mut args.options;
        match arg {
            Long("scenario") => args.scenario = parser.value()?.string()?,
            Long("nodes") => args.nodes = parser.value()?.parse()?,
            Long("seed") => options.seed = parser.value()?.parse()?,
            Long("loss") => options.conditions.loss = parser.value()?.parse()?,
            Long("duplicate") => options.conditions.duplicate = parser.value()?.parse()?,
            Long("reorder") => options.conditions.reorder = parser.value()?.parse()?,
            Long("delay") => delay = parser.value()?.parse()?,
            Long("jitter") => jitter = Some(parser.value()?.parse::<f64>()?),
            Long("interval") => options.config.interval = parser.value()?.parse()?,
            Long("ping") => options.config.ping = parser.value()?.parse()?,
            Long("settle") => args.settle = parser.value()?.parse()?,
            Long("seconds") => args.seconds = parser.value()?.parse()?,
            Long("hours") => args.hours = parser.value()?.parse()?,
            Long("samples") => args.samples = parser.value()?.parse()?,
            Long("pause") => args.pause = parser.value()?.parse()?,
            Long("check") => options.check = Check::Every,
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    args.options.conditions.delay = match jitter {
        Some(jitter) => Delay::Uniform {
            min: (delay - jitter).max(0.0),
            max: delay + jitter,
        },
        None => Delay::Exponential {
            min: delay / 5.0,
            mean: delay * 4.0 / 5.0,
        },
    };
    Ok(Some(args))
}
