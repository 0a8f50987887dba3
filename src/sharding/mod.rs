//! Which node answers for which keys of a sharded pin.
//!
//! - `hash`: from the value of a key to its shard;
//! - `score` and [`Ownership`]: from the members to the target owners of each
//!   shard, the same everywhere without a word between them;
//! - [`Handover`]: who has the right to execute calls for a shard now, and how
//!   that moves to its target owner;
//! - [`Claim`]: what nodes publish for it, in bytes.
//!
//! Nothing here knows sockets, routes or a clock.

mod best;
mod claim;
mod handover;
mod hash;
mod ownership;
mod score;
mod set;

pub use claim::{Claim, Grant, MAX_CLAIM, MAX_KEY_PATH};
pub use handover::{Config, Counters, Decision, Division, Handover, Mismatch, Output, Presence};
pub use hash::{BadShardCount, KeyError, Shard, ShardCount, key_text};
pub use ownership::{Change, MAX_MEMBERS, MAX_REPLICAS, Ownership};
pub use score::Weight;
