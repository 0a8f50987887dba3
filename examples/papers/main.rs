//! Repeats experiments of the papers that the cluster layer is built on:
//!
//! ```text
//! cargo run --release --example papers -- phi
//! ```
//!
//! Each prints a table and writes a plot (SVG) and its numbers (CSV).
//! docs/papers.md shows them beside what the papers say. `--help` lists all.

mod args;
mod gossip;
#[path = "../support/options.rs"]
mod options;
mod phi;
#[path = "../support/plot.rs"]
mod plot;

use std::error::Error;
use std::process::ExitCode;

use args::Args;

/// A figure: the word for it on the command line, and what draws it.
type Figure = (&'static str, fn(&Args) -> Result<(), Box<dyn Error>>);

const FIGURES: [Figure; 3] = [
    ("phi", phi::run),
    ("reconciliation", gossip::reconciliation),
    ("flow", gossip::flow),
];

fn main() -> ExitCode {
    options::exit("papers", args::HELP, args::parse(), run)
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let chosen = |name: &str| args.figure == "all" || args.figure == name;
    let mut some = false;
    for (name, draw) in FIGURES {
        if chosen(name) {
            draw(args)?;
            some = true;
        }
    }
    match some {
        true => Ok(()),
        false => Err(format!("there is no figure '{}'; see --help", args.figure).into()),
    }
}
