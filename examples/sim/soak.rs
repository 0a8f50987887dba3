//! Storms of random faults, for hours.

use std::error::Error;

use seneca_gossip::sim::{Check, Options, chaos};

use crate::args::Args;
use crate::report::{row, summary};

/// Virtual time under one seed, ms.
const STRETCH: u64 = 600_000;

/// Storms in clusters of 2 to 12 nodes, one seed after the other, all of them
/// checked by the oracle.
pub fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    println!("{}", args.settings());
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
            format!(
                "{} faults, whole after {}",
                result.faults,
                summary(&result.calm)
            ),
        );
        if !result.wrong.is_empty() {
            return Err(format!("seed {seed}: {:?}", result.wrong).into());
        }
        world.verify_events();
    }
    Ok(())
}
