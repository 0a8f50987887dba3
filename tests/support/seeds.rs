//! Scenarios that are run with several seeds.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Runs a scenario with several seeds, or with the one of the environment.
pub fn seeds(count: u64, scenario: impl Fn(u64)) {
    let seeds: Vec<u64> = match std::env::var("SIM_SEED") {
        Ok(seed) => vec![seed.parse().expect("SIM_SEED is a number")],
        Err(_) => (1..=count).collect(),
    };
    for seed in seeds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| scenario(seed))) {
            eprintln!("the scenario fails with SIM_SEED={seed}");
            resume_unwind(panic);
        }
    }
}
