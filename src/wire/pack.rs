//! Deltas about to be sent: what they take of a message, byte by byte.

use super::codec::{Writer, varint_size};
use super::delta::Entry;
use super::hash::NodeId;

/// What an owner's state has to say to somebody who knows it up to `from`.
#[derive(Debug, Clone)]
pub struct DeltaSource<'a> {
    /// The owner.
    pub id: NodeId,
    /// The owner's generation.
    pub generation: u64,
    /// What the receiver knows; 0 when it knows nothing or has to start anew.
    pub from: u64,
    /// The owner's name, sent along when `from` is 0.
    pub name: &'a str,
    /// The sender's tombstone horizon, sent along when `from` is 0.
    pub horizon: u64,
    /// What the sender knows.
    pub version: u64,
    /// Everything newer than `from`, in rising order of version.
    pub entries: Vec<&'a Entry>,
}

impl DeltaSource<'_> {
    /// In how many parts it can be sent, at least one: entry by entry, but
    /// whole if it makes the receiver forget what it knows. Cut off, it would
    /// end below the horizon and be asked for for ever.
    pub fn parts(&self) -> usize {
        match self.horizon > 0 && self.from == 0 {
            true => 1,
            false => self.entries.len().max(1),
        }
    }

    /// Bytes that a part adds to a message that has those before it.
    pub fn part_size(&self, part: usize) -> usize {
        let entries = self.entries_of(part);
        let sizes = entries.map(|i| self.entry_size(i)).sum::<usize>();
        sizes + if part == 0 { self.frame_size() } else { 0 }
    }

    /// Bytes of all of it.
    pub fn size(&self) -> usize {
        (0..self.parts()).map(|part| self.part_size(part)).sum()
    }

    /// The entries of the first `parts`, and what the receiver knows then.
    pub fn first(&self, parts: usize) -> (&[&Entry], u64) {
        if parts == self.parts() {
            return (&self.entries, self.version);
        }
        let entries = &self.entries[..parts];
        (entries, entries.last().map_or(self.from, |e| e.version))
    }

    fn entries_of(&self, part: usize) -> std::ops::Range<usize> {
        match self.parts() {
            1 => 0..self.entries.len(),
            _ => part..part + 1,
        }
    }

    /// What stands before and behind the entries; the last number is the
    /// version at most.
    fn frame_size(&self) -> usize {
        let anew = match self.from {
            0 => varint_size(self.name.len() as u64) + self.name.len() + varint_size(self.horizon),
            _ => 0,
        };
        8 + varint_size(self.generation)
            + varint_size(self.from)
            + anew
            + 1
            + varint_size(self.version)
    }

    fn entry_size(&self, i: usize) -> usize {
        let entry = self.entries[i];
        let value = entry.value.as_ref().map_or(0, |v| v.len());
        let size = entry.value.as_ref().map_or(0, |v| v.len() as u64 + 1);
        let key = entry.key.len();
        varint_size(key as u64) + key + varint_size(self.step(i)) + varint_size(size) + value
    }

    /// How far the version of an entry is above the one before it.
    fn step(&self, i: usize) -> u64 {
        let before = match i {
            0 => self.from,
            _ => self.entries[i - 1].version,
        };
        self.entries[i].version - before
    }
}

/// Appends the first `parts` of `source`, oldest first. What is left out is
/// the newest of the owner: scuttlebutt's rule (van Renesse et al. 2008,
/// section 3). The caller has seen to it that they fit.
pub fn pack_delta(w: &mut Writer, source: &DeltaSource<'_>, parts: usize) {
    let (entries, upto) = source.first(parts);
    w.u64(source.id.0);
    w.varint(source.generation);
    w.varint(source.from);
    if source.from == 0 {
        w.text(source.name);
        w.varint(source.horizon);
    }
    for (i, entry) in entries.iter().enumerate() {
        w.text(&entry.key);
        w.varint(source.step(i));
        match &entry.value {
            None => w.varint(0),
            Some(v) => {
                w.varint(v.len() as u64 + 1);
                w.bytes(v);
            }
        }
    }
    w.varint(0);
    // At most the version, and as long as that at most: `frame_size` counts so.
    w.varint(upto);
}
