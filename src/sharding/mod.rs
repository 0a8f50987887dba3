//! Which node answers for which keys of a sharded pin.
//!
//! - `hash`: from the value of a key to its shard;
//! - `score` and [`Ownership`]: from the members to the target owners of each
//!   shard, the same everywhere without a word between them.
//!
//! Nothing here knows sockets, routes or a clock.

mod best;
mod hash;
mod ownership;
mod score;

pub use hash::{BadShardCount, KeyError, Shard, ShardCount, key_text};
pub use ownership::{Change, MAX_MEMBERS, MAX_REPLICAS, Ownership};
pub use score::Weight;
