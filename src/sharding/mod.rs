//! Which node answers for which keys of a sharded pin.
//!
//! - `hash`: from the value of a key to its shard;
//! - `score` and [`Ownership`]: from the members to the target owners of each
//!   shard, the same everywhere without a word between them;
//! - [`Claim`]: what nodes publish about what they hold, in bytes.
//!
//! Nothing here knows sockets, routes or a clock.

mod best;
mod claim;
mod hash;
mod ownership;
mod score;
mod set;

pub use claim::{Claim, Grant, MAX_CLAIM};
pub use hash::{BadShardCount, KeyError, Shard, ShardCount, key_text};
pub use ownership::{Change, MAX_MEMBERS, MAX_REPLICAS, Ownership};
pub use score::Weight;
