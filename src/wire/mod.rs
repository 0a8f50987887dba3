//! Bytes to messages and back: varints, size bounds, one grammar for
//! datagrams and TCP frames (docs/protocol.md has it byte by byte).
//!
//! Everything decoded here comes from strangers: every length is checked
//! against what is really there before anything is allocated, and a failure is
//! a [`WireError`], never a panic.

mod announce;
mod codec;
mod delta;
mod extension;
mod hash;
mod message;
mod pack;
pub mod seal;
mod taken;
#[cfg(test)]
mod tests;

pub use announce::Announce;
pub use codec::{Reader, WireError, Writer};
pub use delta::{Delta, Digest, Entry};
pub use extension::{Extensions, FlowWord};
pub use hash::{NodeId, owner_hash, text_hash};
pub use message::{Accusation, Ack, Envelope, Gossip, Message, Ping, Rumor, Stage, Sync};
pub use pack::{DeltaSource, pack_delta};
pub use taken::Taken;

/// The version of the protocol, first byte of every message.
pub const VERSION: u8 = 1;
/// The longest datagram, header and room for the seal included.
pub const MAX_DATAGRAM: usize = 1_200;
/// Bytes of every message that are left free for the [`seal`] (nonce and tag).
pub const SEAL: usize = 40;
/// The longest message in a datagram.
pub const MAX_MESSAGE: usize = MAX_DATAGRAM - SEAL;
/// The longest frame on a TCP connection, without its 4-byte length (u32, big
/// endian): all that one owner may have fits into one.
pub const MAX_FRAME: usize = 1024 * 1024;
/// The longest message in a frame that is sent.
pub const MAX_STREAM_MESSAGE: usize = MAX_FRAME - SEAL;
/// The longest name of a member: a DNS name, a colon and a port.
pub const MAX_NAME: usize = 253 + 6;
/// The longest key that is decoded; a node may set a lower limit for its own.
pub const MAX_KEY: usize = 1_024;
/// Versions and generations stay below this (2^53), so that JavaScript can
/// hold them and sums never overflow.
pub const MAX_NUMBER: u64 = 1 << 53;
/// Number of buckets in which two nodes compare what they know.
pub const BUCKETS: usize = 64;
