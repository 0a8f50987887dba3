//! Sharding: what docs/sharding.md says is what the crate does, owners are
//! balanced and move little, and the right to execute moves without overlap.

mod cases;
mod churn;
mod cluster;
mod fate;
mod ownership;
mod vectors;

#[path = "../support/seeds.rs"]
mod seeds;

use seeds::seeds;
