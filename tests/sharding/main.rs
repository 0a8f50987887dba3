//! Sharding: what docs/sharding.md says is what the crate does, owners are
//! balanced and move little, and the right to execute moves without overlap.

mod ownership;
mod vectors;
