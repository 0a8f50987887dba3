//! Packing of deltas into what room a message has left.

use super::codec::Writer;
use super::delta::Entry;
use super::hash::NodeId;

/// The longest number (2^53 takes eight bytes).
const NUMBER: usize = 8;
/// The end of a delta: no more entries, and a number.
const TAIL: usize = 1 + NUMBER;

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
    /// Bytes of all of it in a message, at most.
    pub fn size(&self) -> usize {
        self.head() + self.entries.iter().copied().map(entry_size).sum::<usize>()
    }

    /// Bytes of the least part of it that can be sent by itself, at most.
    pub fn least(&self) -> usize {
        if self.is_anew() {
            return self.size();
        }
        self.head() + self.entries.first().copied().map_or(0, entry_size)
    }

    /// Does it make the receiver forget what it knows? Then it must be whole:
    /// cut off, it would end below the horizon and be asked for for ever.
    fn is_anew(&self) -> bool {
        self.horizon > 0 && self.from == 0
    }

    fn head(&self) -> usize {
        8 + 3 * NUMBER + 2 + self.name.len() + TAIL
    }
}

fn entry_size(entry: &Entry) -> usize {
    let value = entry.value.as_ref().map_or(0, |v| v.len());
    2 + entry.key.len() + NUMBER + 4 + value
}

/// How much of a delta went into a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// All of it.
    All,
    /// The oldest entries; the rest stays for another message.
    Part,
    /// Nothing: there is no room even for the first entry.
    None,
}

/// Appends as much of `source` as fits, oldest first. Scuttlebutt's rule is
/// kept here: whatever is left out, everything newer of the same owner is left
/// out as well (van Renesse et al. 2008, section 3).
pub fn pack_delta(w: &mut Writer, source: &DeltaSource<'_>) -> Fit {
    let start = w.mark();
    w.u64(source.id.0);
    w.varint(source.generation);
    w.varint(source.from);
    if source.from == 0 {
        w.text(source.name);
        w.varint(source.horizon);
    }
    if !w.fits() || w.room() < TAIL {
        w.back(start);
        return Fit::None;
    }
    let mut last = source.from;
    let mut packed = 0;
    for entry in &source.entries {
        let mark = w.mark();
        w.text(&entry.key);
        w.varint(entry.version - last);
        match &entry.value {
            None => w.varint(0),
            Some(v) => {
                w.varint(v.len() as u64 + 1);
                w.bytes(v);
            }
        }
        if !w.fits() || w.room() < TAIL {
            w.back(mark);
            break;
        }
        last = entry.version;
        packed += 1;
    }
    let all = packed == source.entries.len();
    if !all && (packed == 0 || source.is_anew()) {
        w.back(start);
        return Fit::None;
    }
    w.varint(0);
    w.varint(if all { source.version } else { last });
    if all { Fit::All } else { Fit::Part }
}
