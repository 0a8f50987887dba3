//! Names of the keys that have a meaning to this crate. A user's key `k`
//! travels as `.k`, so that users and the engine never meet.

/// Prefix of the keys of users.
pub const USER: &str = ".";
/// Where a node's gossip port is reached: a socket address as text. The first
/// key that a node ever sets.
pub const ADDR: &str = "@addr";
/// Incarnation and flags of a node, see [`crate::membership::Life`].
pub const LIFE: &str = "@life";
/// When a node first began (ms), where its generation has been raised since and
/// its name is no address: decimal text.
pub const BORN: &str = "@born";
/// Prefix of an observer's verdict; the rest is the subject's id in hex.
pub const VERDICT: &str = "@v/";
/// The service behind a node: JSON of `routing::Service`.
pub const SERVICE: &str = "@svc";
/// Prefix of a published pattern; the rest is the canonical pattern, the
/// value JSON of `routing::Offer`.
pub const ROUTE: &str = "@r/";
/// Prefix of what a node owns of a sharded pin; the rest is the canonical pin,
/// the value is that of `sharding`.
pub const SHARDS: &str = "@s/";
/// Free tags, JSON.
pub const META: &str = "@meta";

/// Does its user change this key whenever it likes, at any rate?
pub fn is_users(key: &str) -> bool {
    key.starts_with(USER) || key == META
}
