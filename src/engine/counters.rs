//! What was sent, received and dropped.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::wire::WireError;

/// Why something that arrived was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drop {
    /// Longer than a datagram may be.
    Oversized,
    /// Not a message of this protocol.
    Malformed,
    /// A protocol version that we do not speak.
    Version,
    /// A kind of message that this version does not know.
    Unknown,
    /// Another cluster's.
    Cluster,
    /// Our own message came back, or somebody uses our name.
    Echo,
    /// A kind of message that does not belong here.
    Misplaced,
    /// Meant for another node: an address was reused.
    Misaddressed,
    /// An answer to nothing we asked.
    Unasked,
    /// State about ourselves from somebody else.
    Ours,
    /// A generation in the far future.
    Future,
    /// A name that is none, or does not fit its id.
    BadName,
    /// A member that we have not heard ourselves yet.
    Unconfirmed,
    /// Older than what is known.
    Stale,
    /// Builds on what is not known here.
    Gap,
    /// Beyond a bound of [`super::Limits`].
    Limit,
    /// A connection that ended within a message.
    Partial,
    /// A connection that took too long.
    Slow,
    /// A connection that made room for others.
    Crowded,
    /// From an address that may not talk to us; nothing of it was read.
    NotAllowed,
    /// Sealed, and this node has no key.
    NoKey,
    /// Not sealed, and this node has a key.
    Unsealed,
    /// Sealed with another key, or forged.
    WrongKey,
    /// Sealed, and it came before.
    Replayed,
    /// Sealed by a clock that is too far from ours.
    Clock,
    /// A name that another live node has.
    Taken,
}

const REASONS: [(Drop, &str); 26] = [
    (Drop::Oversized, "oversized"),
    (Drop::Malformed, "malformed"),
    (Drop::Version, "version"),
    (Drop::Unknown, "unknown"),
    (Drop::Cluster, "cluster"),
    (Drop::Echo, "echo"),
    (Drop::Misplaced, "misplaced"),
    (Drop::Misaddressed, "misaddressed"),
    (Drop::Unasked, "unasked"),
    (Drop::Ours, "ours"),
    (Drop::Future, "future"),
    (Drop::BadName, "bad_name"),
    (Drop::Unconfirmed, "unconfirmed"),
    (Drop::Stale, "stale"),
    (Drop::Gap, "gap"),
    (Drop::Limit, "limit"),
    (Drop::Partial, "partial"),
    (Drop::Slow, "slow"),
    (Drop::Crowded, "crowded"),
    (Drop::NotAllowed, "not_allowed"),
    (Drop::NoKey, "no_key"),
    (Drop::Unsealed, "unsealed"),
    (Drop::WrongKey, "wrong_key"),
    (Drop::Replayed, "replayed"),
    (Drop::Clock, "clock"),
    (Drop::Taken, "taken"),
];

impl From<WireError> for Drop {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Version => Drop::Version,
            WireError::Kind => Drop::Unknown,
            _ => Drop::Malformed,
        }
    }
}

/// Counters since the start of the engine.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counters {
    /// Datagrams sent.
    pub datagrams_out: u64,
    /// Bytes of datagrams sent.
    pub bytes_out: u64,
    /// The longest datagram sent.
    pub longest_out: usize,
    /// Datagrams received.
    pub datagrams_in: u64,
    /// Bytes of datagrams received.
    pub bytes_in: u64,
    /// Time in which this node should have run and did not, in ms.
    pub late: u64,
    /// Exchanges over TCP begun or answered.
    pub syncs: u64,
    /// What was dropped, by reason.
    pub dropped: Dropped,
}

/// How often something was dropped, by reason; an object of reasons and counts
/// when serialised, without those that never happened.
#[derive(Debug, Clone, Default)]
pub struct Dropped([u64; REASONS.len()]);

impl Dropped {
    /// How often for this reason.
    pub fn count(&self, reason: Drop) -> u64 {
        self.0[reason as usize]
    }

    /// Reasons and counts, without those that never happened.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let all = REASONS.iter().map(|(r, name)| (*name, self.count(*r)));
        all.filter(|(_, n)| *n > 0)
    }
}

impl Serialize for Dropped {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(None)?;
        for (name, n) in self.iter() {
            map.serialize_entry(name, &n)?;
        }
        map.end()
    }
}

impl Counters {
    pub(super) fn drop(&mut self, reason: Drop) {
        self.drops(reason, 1);
    }

    pub(super) fn drops(&mut self, reason: Drop, count: u64) {
        self.dropped.0[reason as usize] += count;
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.datagrams_out += 1;
        self.bytes_out += bytes as u64;
        self.longest_out = self.longest_out.max(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_counts_under_its_own_name() {
        for (i, (reason, name)) in REASONS.iter().enumerate() {
            assert_eq!(*reason as usize, i);
            let mut c = Counters::default();
            c.drop(*reason);
            assert_eq!(c.dropped.iter().collect::<Vec<_>>(), [(*name, 1)]);
        }
    }
}
