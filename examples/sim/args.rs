//! The command line.

use std::error::Error;
use std::path::PathBuf;

use lexopt::prelude::*;
use seneca_gossip::sim::{Check, Crash, Delay, Options};

use crate::options::number;
use crate::scenarios::ALL;

pub const HELP: &str = "\
Runs a simulated cluster of the production engine in virtual time.

    sim [--scenario NAME] [options]

Scenarios
    join        all nodes start at once and know one seed; then nothing happens
    quiet       a joined cluster in which nothing happens
    spread      random nodes set a key, one after the other
    crash       random processes are killed (closed port), and come back
    silent      random machines vanish (silence), and come back
    pair        two nodes crash in the same moment, and come back; of 3 nodes
                unless --nodes says otherwise
    half        half of the nodes crash at once, and come back
    pause       random processes are stopped for --pause ms, one every 5 s
    partition   the network splits into halves for --seconds, and heals
    forget      the same, and the halves forget each other meanwhile; also
                --scenario partition --forget
    restart     every process is restarted at some time --within ms
    load        keys are set for --seconds; tells who is how far behind
    churn       the same, and every --every ms a node crashes, leaves or
                restarts; --churn for short
    all         each of these, one after the other
    soak        storms of random faults, for --hours of virtual time, in small
                clusters; ends with the first storm that leaves something wrong

Cluster and network
    --nodes N       nodes                                     [100]
    --seed N        source of all randomness                  [1]
    --loss P        share of the datagrams that get lost      [0]
    --duplicate P   share of the datagrams that arrive twice  [0]
    --reorder P     share of the datagrams that are held back [0]
    --delay MS      mean delay of one way                     [1]
    --jitter MS     delays spread evenly this far around it   [exponential]
    --interval MS   time between two gossip rounds            [the engine's]
    --ping MS       time between two pings                    [the engine's]
    --silence MS    least silence before a suspicion          [the engine's]
    --phi X         threshold of suspicion                    [the engine's]

What happens
    --settle N      seconds between the join and the scenario [10]
    --seconds N     how long quiet, partition, load and churn last    [60]
    --hours N       how long the soak lasts                   [1]
    --samples N     how many keys, crashes or pauses          [20]
    --pause MS      length of a pause                         [1500]
    --within MS     time in which all are restarted           [5000]
    --every MS      time between two nodes that come or go    [1000]
    --crash KIND    how pairs, halves and churn crash: closed, silent [silent]
    --sets N        keys set per second in the whole cluster, in any scenario
                    [0; a tenth of the nodes in load and churn]

What comes out
    --csv FILE      all samples, one a row
    --plot FILE     plots of them (SVG)
    --check         the oracle checks the invariant (slower)
";

/// What was asked for.
pub struct Args {
    pub scenario: String,
    pub nodes: Option<usize>,
    pub settle: u64,
    pub seconds: u64,
    pub hours: u64,
    pub samples: usize,
    pub pause: u64,
    pub within: u64,
    pub every: u64,
    pub crash: Crash,
    pub sets: Option<f64>,
    pub csv: Option<PathBuf>,
    pub plot: Option<PathBuf>,
    pub options: Options,
}

impl Args {
    /// How many nodes a scenario has.
    pub fn nodes(&self, scenario: &str) -> usize {
        self.nodes.unwrap_or(match scenario {
            "pair" => 3,
            _ => 100,
        })
    }

    /// Keys per second that a scenario sets.
    pub fn sets(&self, scenario: &str) -> f64 {
        self.sets.unwrap_or(match scenario {
            "load" | "churn" => self.nodes(scenario) as f64 / 10.0,
            _ => 0.0,
        })
    }

    /// Keys per second that are set beside a scenario that does not set them
    /// itself.
    pub fn background(&self, scenario: &str) -> f64 {
        match scenario {
            "load" | "churn" => 0.0,
            _ => self.sets(scenario),
        }
    }

    /// The world of a scenario.
    pub fn world(&self, scenario: &str) -> Options {
        let mut options = self.options.clone();
        if scenario == "forget" {
            options.config.remember = self.seconds * 1_000 / 3;
        }
        options
    }

    /// All settings in one line.
    pub fn settings(&self) -> String {
        let (options, config) = (&self.options, &self.options.config);
        let weather = &options.conditions;
        let name = self.scenario.as_str();
        let (nodes, sets) = match name {
            // Each scenario of 'all' has its own unless they were given.
            "all" => (
                self.nodes.map_or("by scenario".into(), |n| n.to_string()),
                self.sets.map_or("by scenario".into(), |n| n.to_string()),
            ),
            "soak" => ("2 to 12".into(), "at random".into()),
            _ => (self.nodes(name).to_string(), self.sets(name).to_string()),
        };
        format!(
            "scenario {}, nodes {}, seed {}, loss {}, duplicate {}, reorder {}, delay {:?}, \
             interval {} ms, ping {} ms, silence {} ms, phi {}, remember {} ms, settle {} s, seconds {}, \
             hours {}, samples {}, pause {} ms, within {} ms, every {} ms, crash {:?}, \
             sets {}, check {:?}",
            self.scenario,
            nodes,
            options.seed,
            weather.loss,
            weather.duplicate,
            weather.reorder,
            weather.delay,
            config.interval,
            config.ping,
            config.silence,
            config.phi,
            self.world(name).config.remember,
            self.settle,
            self.seconds,
            self.hours,
            self.samples,
            self.pause,
            self.within,
            self.every,
            self.crash,
            sets,
            match name {
                "soak" => Check::Every,
                _ => options.check,
            },
        )
    }
}

/// Reads the command line; `None` when it asks for help.
pub fn parse() -> Result<Option<Args>, Box<dyn Error>> {
    let mut args = Args {
        scenario: "join".to_owned(),
        nodes: None,
        settle: 10,
        seconds: 60,
        hours: 1,
        samples: 20,
        pause: 1_500,
        within: 5_000,
        every: 1_000,
        crash: Crash::Silent,
        sets: None,
        csv: None,
        plot: None,
        options: Options {
            check: Check::Off,
            ..Options::new(1)
        },
    };
    let (mut delay, mut jitter, mut forget) = (1.0, None, false);
    let mut parser = lexopt::Parser::from_env();
    let p = &mut parser;
    while let Some(arg) = p.next()? {
        let options = &mut args.options;
        match arg {
            Long("scenario") => args.scenario = p.value()?.string()?,
            Long("churn") => args.scenario = "churn".to_owned(),
            Long("forget") => forget = true,
            Long("nodes") => args.nodes = Some(number(p, "--nodes")?),
            Long("seed") => options.seed = number(p, "--seed")?,
            Long("loss") => options.conditions.loss = share(p, "--loss")?,
            Long("duplicate") => options.conditions.duplicate = share(p, "--duplicate")?,
            Long("reorder") => options.conditions.reorder = share(p, "--reorder")?,
            Long("delay") => delay = not_negative(p, "--delay")?,
            Long("jitter") => jitter = Some(not_negative(p, "--jitter")?),
            Long("interval") => options.config.interval = at_least(p, "--interval", 10)?,
            Long("ping") => options.config.ping = at_least(p, "--ping", 10)?,
            Long("silence") => options.config.silence = positive(p, "--silence")?,
            Long("phi") => options.config.phi = not_negative(p, "--phi")?,
            Long("settle") => args.settle = number(p, "--settle")?,
            Long("seconds") => args.seconds = positive(p, "--seconds")?,
            Long("hours") => args.hours = positive(p, "--hours")?,
            Long("samples") => args.samples = positive(p, "--samples")? as usize,
            Long("pause") => args.pause = positive(p, "--pause")?,
            Long("within") => args.within = positive(p, "--within")?,
            Long("every") => args.every = positive(p, "--every")?,
            Long("crash") => args.crash = crash(&p.value()?.string()?)?,
            Long("sets") => args.sets = Some(not_negative(p, "--sets")?),
            Long("csv") => args.csv = Some(p.value()?.into()),
            Long("plot") => args.plot = Some(p.value()?.into()),
            Long("check") => options.check = Check::Every,
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected().into()),
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
    if forget {
        if args.scenario != "partition" {
            return Err("--forget: goes with --scenario partition".into());
        }
        args.scenario = "forget".to_owned();
    }
    check(&args)?;
    Ok(Some(args))
}

/// Does it all fit together?
fn check(args: &Args) -> Result<(), Box<dyn Error>> {
    let name = args.scenario.as_str();
    let known = |name: &str| ALL.iter().any(|one| one.0 == name);
    if !known(name) && !["all", "soak"].contains(&name) {
        let names: Vec<&str> = ALL.iter().map(|one| one.0).collect();
        let names = names.join(", ");
        let text = format!("--scenario: '{name}' is none of {names}, all, soak");
        return Err(text.into());
    }
    let least = if ["pair", "all"].contains(&name) {
        3
    } else {
        2
    };
    if args.nodes.is_some_and(|nodes| nodes < least) {
        return Err(format!("--nodes: '{name}' needs {least} or more").into());
    }
    // The dead are forgotten after a third of it, and it takes a while to know them.
    if ["forget", "all"].contains(&name) && args.seconds < 30 {
        return Err(format!("--seconds: '{name}' needs 30 or more").into());
    }
    if name == "soak" && (args.csv.is_some() || args.plot.is_some()) {
        return Err("--csv, --plot: the soak has no samples".into());
    }
    Ok(())
}

fn share(p: &mut lexopt::Parser, option: &str) -> Result<f64, Box<dyn Error>> {
    match number(p, option)? {
        share if (0.0..=1.0).contains(&share) => Ok(share),
        other => Err(format!("{option}: {other} is not between 0 and 1").into()),
    }
}

fn not_negative(p: &mut lexopt::Parser, option: &str) -> Result<f64, Box<dyn Error>> {
    match number(p, option)? {
        number if (0.0..1e9).contains(&number) => Ok(number),
        other => Err(format!("{option}: {other} is not between 0 and a billion").into()),
    }
}

fn positive(p: &mut lexopt::Parser, option: &str) -> Result<u64, Box<dyn Error>> {
    at_least(p, option, 1)
}

fn at_least(p: &mut lexopt::Parser, option: &str, least: u64) -> Result<u64, Box<dyn Error>> {
    match number(p, option)? {
        number if number >= least => Ok(number),
        other => Err(format!("{option}: {other} is less than {least}").into()),
    }
}

fn crash(text: &str) -> Result<Crash, Box<dyn Error>> {
    match text {
        "closed" => Ok(Crash::Closed),
        "silent" => Ok(Crash::Silent),
        other => Err(format!("--crash: '{other}' is neither 'closed' nor 'silent'").into()),
    }
}
