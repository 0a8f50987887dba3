//! The state that is gossiped: one map of versioned keys for each owner,
//! reconciled by scuttlebutt (van Renesse et al. 2008, section 3).
//!
//! **The invariant.** For all nodes p and q, every owner r and key k: either p
//! and q hold the same mapping for k of r, or the version of k that p holds is
//! greater than the highest version that q knows of r. It holds because only r
//! gives versions to its keys, each higher than all before, and because
//! knowledge grows only in order of version: a node that knows r up to v has
//! every mapping of r with a version up to v that was not overwritten since.

pub mod keys;
mod limits;
mod log;
mod order;
mod owner;
mod pool;
mod store;
#[cfg(test)]
mod tests;

pub use limits::Limits;
pub use order::Order;
pub use owner::{Change, Owner};
pub use pool::Pool;
pub use store::{Reject, Store};

/// A value: bytes that only users interpret; cheap to clone.
pub type Value = std::sync::Arc<[u8]>;
