//! The command line.

use std::error::Error;
use std::path::PathBuf;

use lexopt::prelude::*;

use crate::options::number;

pub const HELP: &str = "\
Repeats experiments of papers with the production code.

    papers FIGURE [options]

Figures
    phi             mistakes and detection time of the phi accrual failure detector
    reconciliation  stale mappings under load: precise reconciliation and scuttlebutt
    flow            rates and staleness with flow control
    all             each of these, one after the other

Options
    --out DIR   where plots (SVG) and numbers (CSV) go  [docs/papers]
    --seed N    source of all randomness                [1]
    --beats N   heartbeats of phi's trace               [5845713, a week]
";

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Args {
    pub figure: String,
    pub out: PathBuf,
    pub seed: u64,
    pub beats: Option<u64>,
}

/// Reads the command line; `None` when it asks for help.
pub fn parse() -> Result<Option<Args>, Box<dyn Error>> {
    let mut args = Args {
        figure: String::new(),
        out: PathBuf::from("docs/papers"),
        seed: 1,
        beats: None,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Value(name) if args.figure.is_empty() => args.figure = name.string()?,
            Long("out") => args.out = parser.value()?.into(),
            Long("seed") => args.seed = number(&mut parser, "--seed")?,
            Long("beats") => args.beats = Some(number(&mut parser, "--beats")?),
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected().into()),
        }
    }
    if args.figure.is_empty() {
        return Ok(None);
    }
    if args.beats.is_some_and(|beats| beats < 20_000) {
        return Err("--beats: the longest window needs 20000 or more".into());
    }
    Ok(Some(args))
}
