//! The raw samples in a file, one row for each.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::args::Args;
use crate::report::Report;

/// Writes all samples. `at_ms` is empty for samples that are not over time.
pub fn write(file: &Path, args: &Args, reports: &[Report]) -> Result<(), Box<dyn Error>> {
    let mut text = String::from("scenario,seed,nodes,loss,what,value,at_ms\n");
    for report in reports {
        let run = format!(
            "{},{},{},{}",
            report.scenario, args.options.seed, report.nodes, args.options.conditions.loss
        );
        for (what, values) in &report.samples {
            for value in values {
                let _ = writeln!(text, "{run},{what},{value},");
            }
        }
        for timeline in &report.timelines {
            for (at, value) in &timeline.points {
                let _ = writeln!(text, "{run},{},{value},{at}", timeline.name);
            }
        }
    }
    if let Some(dir) = file.parent() {
        fs::create_dir_all(dir)?;
    }
    let wrong = |error| format!("--csv: {}: {error}", file.display());
    Ok(fs::write(file, text).map_err(wrong)?)
}
