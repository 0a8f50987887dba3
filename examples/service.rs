//! A Seneca service without Node.js: joins a cluster, answers
//! `role:api,cmd:mcl`, and calls `role:api,cmd:add` of whoever answers that.
//!
//!     cargo run --example service -- --port 4464 --seeds 127.0.0.1:4445

#[path = "support/end.rs"]
mod end;
#[cfg(feature = "tls")]
#[path = "support/tls.rs"]
mod tls;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use end::asked_to_end;
use seneca_gossip::engine::Level;
use seneca_gossip::net::Multicast;
use seneca_gossip::service::{Builder, Event, Service, ServiceError, StartError};
use seneca_gossip::wire::seal::Keyring;
use serde_json::{Value, json};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::{Instant, interval, sleep};

const HELP: &str = "\
A Seneca service in Rust: answers role:api,cmd:mcl ({left, right} -> {answer}),
and calls role:api,cmd:add of another node every second.

  --port <n>         port for calls; the gossip port is the next one (0: free ones)
  --gossip-port <n>  gossip port, if it is not to be the next one
  --host <addr>      address to bind (127.0.0.1)
  --advertise <host> how others reach it, if not by that address
  --seeds <list>     gossip addresses of neighbours, host:port,host:port
  --discover         finds neighbours on the same network, by multicast
  --cluster <name>   name of the cluster (default)
  --calls <n>        so many calls, then leave (0: on and on)
  --every <ms>       time between calls (1000)
  --no-call          only answer
  --until-eof        leave when the standard input ends: with whoever started it
  --quiet            print the results only
  --tls-ca, --tls-cert, --tls-key <file>
                     call and be called over TLS (PEM; cargo run --features tls)
  --tls-name <name>  a name that all certificates must have (none)
  --tls-plain        nodes without TLS are served and called as well
  --help             this text

SENECA_GOSSIP_KEY in the environment: what gossip is sealed with.
SIGTERM and SIGINT: leave the cluster, finish what is in flight, exit.";

#[derive(Debug)]
struct Args {
    builder: Builder,
    calls: Option<u64>,
    every: Duration,
    seeded: bool,
    quiet: bool,
    until_eof: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = match args() {
        Ok(Some(args)) => args,
        Ok(None) => {
            say(HELP);
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            eprintln!("service: {wrong}\nservice: --help lists the options");
            return ExitCode::from(2);
        }
    };
    let (calls, every, quiet) = (args.calls, args.every, args.quiet);
    let seeded = args.seeded;
    let until_eof = args.until_eof;
    let builder = args.builder.answer("role:api,cmd:mcl", multiply);
    let service = match builder.start().await {
        Ok(service) => service,
        Err(error) => {
            eprintln!("service: {error}");
            return ExitCode::from(if is_usage(&error) { 2 } else { 1 });
        }
    };
    // Before the members are listed: nobody is missed in between.
    let events = service.events();
    if !quiet {
        let port = service
            .port()
            .map(|port| port.to_string())
            .unwrap_or_default();
        say(format_args!(
            "{} answers role:api,cmd:mcl on port {port}",
            service.name()
        ));
        for view in service.members() {
            if !view.member.is_self {
                say(format_args!(
                    "member {} {:?} {}",
                    view.member.name,
                    view.member.status,
                    view.patterns.join("; ")
                ));
            }
        }
    }
    let watch = watch(events, quiet);
    let call = call(service.clone(), calls, every, seeded);
    tokio::select! {
        () = watch => {}
        () = call => {}
        () = asked_to_end() => {}
        () = input_ends(), if until_eof => {}
    }
    service.leave().await;
    if !quiet {
        say("left");
    }
    ExitCode::SUCCESS
}

/// Is an option wrong, rather than the world?
fn is_usage(error: &StartError) -> bool {
    use seneca_gossip::net::StartError as Gossip;
    match error {
        StartError::Gossip(error) => matches!(
            error,
            Gossip::BadSeed { .. } | Gossip::BadAdvertise { .. } | Gossip::BadOption { .. }
        ),
        StartError::Host { .. } | StartError::NoGossipPort => true,
        _ => false,
    }
}

/// Prints a line; that nobody reads it is no reason to stop.
fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The action. Numbers come as they were sent: 2 * 3 is 6, not 6.0.
async fn multiply(msg: Value) -> Result<Value, ServiceError> {
    if let (Some(left), Some(right)) = (msg["left"].as_i64(), msg["right"].as_i64())
        && let Some(answer) = left.checked_mul(right)
    {
        return Ok(json!({ "answer": answer }));
    }
    match (msg["left"].as_f64(), msg["right"].as_f64()) {
        (Some(left), Some(right)) => Ok(json!({ "answer": left * right })),
        _ => Err(ServiceError::new(
            "not_a_number",
            "left and right must be numbers",
        )),
    }
}

/// Calls a JavaScript node again and again; ends after `calls` of them.
async fn call(service: Service, calls: Option<u64>, every: Duration, seeded: bool) {
    // Nobody may be there yet: a service does not depend on who comes first.
    // Without seeds it is the others who come.
    let alone = || match seeded {
        true => !service.is_joined(),
        false => service.members().len() < 2,
    };
    while calls.is_some() && alone() {
        sleep(Duration::from_millis(20)).await;
    }
    let mut ticks = interval(every);
    let mut made = 0;
    loop {
        if calls == Some(made) && made > 0 {
            return;
        }
        ticks.tick().await;
        if calls.is_none() {
            continue;
        }
        let msg = json!({ "role": "api", "cmd": "add", "left": 2, "right": 3, "timeout$": 5_000 });
        let begun = Instant::now();
        match service.act(msg).await {
            Ok(result) => {
                let ms = begun.elapsed().as_secs_f64() * 1_000.0;
                say(format_args!("2 + 3 = {} ({ms:.1} ms)", result["answer"]));
            }
            Err(error) => say(format_args!("2 + 3 = ? {error}")),
        }
        made += 1;
    }
}

/// Prints who comes and goes.
async fn watch(mut events: Receiver<Event>, quiet: bool) {
    loop {
        let event = match events.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(_)) => continue,
            Err(_) => return,
        };
        let line = match event {
            Event::Join { name } => format!("join {name}"),
            Event::Alive { name } => format!("alive {name}"),
            Event::Suspect { name } => format!("suspect {name}"),
            Event::Fail { name } => format!("dead {name}"),
            Event::Leave { name, status } => format!("{status:?} {name}").to_lowercase(),
            Event::SeedFailed { addr, reason } => format!("seed {addr}: {reason}"),
            Event::Log {
                level: Level::Warn,
                text,
            } => format!("warning: {text}"),
            _ => continue,
        };
        if !quiet {
            say(line);
        }
    }
}

/// Ends with the standard input; a thread, since reading it cannot be broken off.
async fn input_ends() {
    let (ended, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = ended.send(());
    });
    let _ = end.await;
}

/// `None`: help is wanted.
fn args() -> Result<Option<Args>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut args = Args {
        builder: Service::builder(),
        calls: Some(0),
        every: Duration::from_secs(1),
        seeded: false,
        quiet: false,
        until_eof: false,
    };
    #[cfg(feature = "tls")]
    let mut tls = tls::TlsArgs::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("port") => args.builder = args.builder.port(number(&mut parser, "--port")?),
            Long("gossip-port") => {
                args.builder = args
                    .builder
                    .gossip_port(number(&mut parser, "--gossip-port")?);
            }
            Long("host") => args.builder = args.builder.host(parser.value()?.string()?),
            Long("advertise") => args.builder = args.builder.advertise(parser.value()?.string()?),
            Long("cluster") => args.builder = args.builder.cluster(parser.value()?.string()?),
            Long("seeds") => {
                let list = parser.value()?.string()?;
                let seeds: Vec<_> = list
                    .split(',')
                    .map(str::trim)
                    .filter(|seed| !seed.is_empty())
                    .collect();
                args.seeded = !seeds.is_empty();
                args.builder = args.builder.seeds(seeds);
            }
            Long("discover") => {
                args.seeded = true;
                args.builder = args.builder.discover(Multicast::default());
            }
            Long("calls") => args.calls = Some(number(&mut parser, "--calls")?),
            Long("every") => {
                args.every = Duration::from_millis(number::<u64>(&mut parser, "--every")?.max(1))
            }
            Long("no-call") => args.calls = None,
            Long("quiet") => args.quiet = true,
            Long("until-eof") => args.until_eof = true,
            #[cfg(feature = "tls")]
            Long("tls-ca") => tls.ca = Some(parser.value()?.string()?),
            #[cfg(feature = "tls")]
            Long("tls-cert") => tls.cert = Some(parser.value()?.string()?),
            #[cfg(feature = "tls")]
            Long("tls-key") => tls.key = Some(parser.value()?.string()?),
            #[cfg(feature = "tls")]
            Long("tls-name") => tls.name = Some(parser.value()?.string()?),
            #[cfg(feature = "tls")]
            Long("tls-plain") => tls.plain = true,
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    #[cfg(feature = "tls")]
    {
        args.builder = tls.give(args.builder)?;
    }
    // No option: everybody on a host sees the command lines.
    if let Ok(keys) = std::env::var("SENECA_GOSSIP_KEY") {
        let ring = Keyring::parse(keys.split(','));
        let ring = ring.map_err(|e| format!("SENECA_GOSSIP_KEY: {e}"))?;
        args.builder = args.builder.keys(ring);
    }
    Ok(Some(args))
}

fn number<T: std::str::FromStr>(
    parser: &mut lexopt::Parser,
    option: &str,
) -> Result<T, lexopt::Error> {
    use lexopt::prelude::*;
    let text = parser.value()?.string()?;
    let parsed = text.parse();
    parsed.map_err(|_| format!("{option} must be a number that fits it, not '{text}'").into())
}
