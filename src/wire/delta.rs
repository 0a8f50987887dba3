//! What is told of owners: digests, and deltas with the keys themselves.

use std::sync::Arc;

use super::codec::{Reader, WireError, Writer};
use super::hash::NodeId;
use super::{MAX_KEY, MAX_NAME, MAX_NUMBER};

/// What a node knows of one owner: everything up to `version` of `generation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// The owner.
    pub id: NodeId,
    /// Its generation.
    pub generation: u64,
    /// The highest version known of it.
    pub version: u64,
}

/// One key of an owner.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Arc<str>,
    /// The owner's version of it.
    pub version: u64,
    /// `None` is a tombstone.
    pub value: Option<Arc<[u8]>>,
}

impl Entry {
    /// Bytes of its key and value.
    pub fn bytes(&self) -> usize {
        self.key.len() + self.value.as_ref().map_or(0, |v| v.len())
    }
}

/// Everything of an owner with versions in `(from, upto]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Delta {
    /// The owner.
    pub id: NodeId,
    /// The owner's generation.
    pub generation: u64,
    /// What the receiver must know already. With 0 the delta stands alone.
    pub from: u64,
    /// The owner's name; there if and only if `from` is 0.
    pub name: Option<String>,
    /// Tombstones up to this version are not in the delta any more. Who knows
    /// less has to forget what it knows first. 0 unless `from` is 0.
    pub horizon: u64,
    /// In rising order of version.
    pub entries: Vec<Entry>,
    /// What the receiver knows afterwards.
    pub upto: u64,
}

pub(super) fn write_digests(w: &mut Writer, list: &[Digest]) {
    w.varint(list.len() as u64);
    for d in list {
        w.u64(d.id.0);
        w.varint(d.generation);
        w.varint(d.version);
    }
}

pub(super) fn digests(r: &mut Reader<'_>) -> Result<Vec<Digest>, WireError> {
    // The count is a stranger's word: it bounds the loop, the bytes that are
    // really there bound the memory.
    let count = r.varint()?;
    let mut list = Vec::new();
    for _ in 0..count {
        list.push(Digest {
            id: NodeId(r.u64()?),
            generation: r.varint()?,
            version: r.varint()?,
        });
    }
    Ok(list)
}

pub(super) fn deltas(r: &mut Reader<'_>) -> Result<Vec<Delta>, WireError> {
    let mut list = Vec::new();
    while !r.is_empty() {
        list.push(delta(r)?);
    }
    Ok(list)
}

fn delta(r: &mut Reader<'_>) -> Result<Delta, WireError> {
    let id = NodeId(r.u64()?);
    let generation = r.varint()?;
    let from = r.varint()?;
    let (name, horizon) = match from {
        0 => (Some(r.text(MAX_NAME)?.to_owned()), r.varint()?),
        _ => (None, 0),
    };
    let mut last = from;
    let mut entries = Vec::new();
    loop {
        let len = r.varint()? as usize;
        if len == 0 {
            break;
        }
        if len > MAX_KEY {
            return Err(WireError::Text);
        }
        let key = std::str::from_utf8(r.bytes(len)?).map_err(|_| WireError::Text)?;
        let step = r.varint()?;
        let version = last.saturating_add(step);
        if step == 0 || version > MAX_NUMBER {
            return Err(WireError::Number);
        }
        let value = match r.varint()? {
            0 => None,
            n => Some(Arc::from(r.bytes(n as usize - 1)?)),
        };
        last = version;
        entries.push(Entry {
            key: Arc::from(key),
            version,
            value,
        });
    }
    let upto = r.varint()?;
    // Beyond the delta itself nothing can have been removed: a node that took
    // such a horizon would pass it on, and could not be brought up to it.
    if upto < last || upto < horizon {
        return Err(WireError::Number);
    }
    Ok(Delta {
        id,
        generation,
        from,
        name,
        horizon,
        entries,
        upto,
    })
}
