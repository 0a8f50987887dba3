//! A process per measurement, so that what it uses is one system's alone.

use std::env;
use std::io::{self, Read};
use std::process::{Command, Stdio, exit};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use chitchat::ProtocolVersion;

use crate::ours::Ours;
use crate::scenario::play;
use crate::series::Series;
use crate::settings::Settings;
use crate::theirs::Theirs;

/// What makes of this program a process that measures.
pub const MEASURE: &str = "measure";

/// The nodes' own rounds, in ms, and how they write digests.
pub fn parse(system: &str) -> Result<Option<(u64, ProtocolVersion)>> {
    if system == "ours" {
        return Ok(None);
    }
    let wrong = || format!("'{system}' is no system: ours, chitchat:MS or chitchat:MS:v0");
    let rest = system.strip_prefix("chitchat:").with_context(wrong)?;
    let (round, version) = match rest.split_once(':') {
        Some((round, "v0")) => (round, ProtocolVersion::V0),
        Some((round, "v1")) => (round, ProtocolVersion::V1),
        Some(_) => bail!(wrong()),
        None => (rest, ProtocolVersion::V1),
    };
    let round = round.parse().with_context(wrong)?;
    ensure!(round > 0, wrong());
    Ok(Some((round, version)))
}

/// Measures in a process of its own.
pub fn spawn(settings: &Settings) -> Result<Series> {
    let mut child = Command::new(env::current_exe()?)
        .args([MEASURE, &serde_json::to_string(settings)?])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    // It stays open until the other process has ended, or this one.
    let stdin = child.stdin.take();
    let output = child.wait_with_output()?;
    drop(stdin);
    let Settings { system, nodes, .. } = settings;
    let status = output.status;
    ensure!(
        status.success(),
        "{system} with {nodes} nodes ended with {status}"
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Is that process: measures, and prints what it found.
pub fn measure(settings: &str) -> Result<()> {
    let settings: Settings = serde_json::from_str(settings)?;
    end_with_parent();
    end_in_any_case(settings.longest());
    let series = match parse(&settings.system)? {
        None => play(&Ours, &settings)?,
        Some((round, version)) => {
            let theirs = Theirs::new(round, version, settings.threads)?;
            play(&theirs, &settings)?
        }
    };
    println!("{}", serde_json::to_string(&series)?);
    Ok(())
}

/// Whatever ended the parent has closed our standard input.
fn end_with_parent() {
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        exit(1);
    });
}

/// Should one of the systems hang in what is to be bounded.
fn end_in_any_case(after: Duration) {
    thread::spawn(move || {
        thread::sleep(after);
        eprintln!("still busy after {} s: given up", after.as_secs());
        exit(1);
    });
}
