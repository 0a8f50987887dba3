//! The messages of the gossip port, decoded.
//!
//! Every message begins `version, kind, cluster, from`: identity is in the
//! message, never in the source address, which containers and NAT rewrite.

use super::announce::{ANNOUNCE, Announce};
use super::codec::{Reader, WireError, Writer};
use super::delta::{Delta, Digest, deltas, digests, write_digests};
use super::extension::Extensions;
use super::hash::NodeId;
use super::taken::{TAKEN, Taken};
use super::{BUCKETS, VERSION};

const PING: u8 = 1;
const ACK: u8 = 2;
const RUMOR: u8 = 3;
pub(super) const GOSSIP: u8 = 4;
const SYNC: u8 = 5;

const STEP_MASK: u8 = 0b0000_0111;
const HAS_BUCKETS: u8 = 0b0000_1000;
const BY_STREAM: u8 = 0b0001_0000;
const EXTENDED: u8 = 0b0010_0000;
/// Place of the flags in Gossip and Sync.
const FLAGS_AT: usize = 18;
const LAST: u8 = 0b1000_0000;

/// A message and who sent it.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// Hash of the cluster's name.
    pub cluster: u64,
    /// The sender.
    pub from: NodeId,
    /// What it says.
    pub message: Message,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Are you there?
    Ping(Ping),
    /// I am.
    Ack(Ack),
    /// An observer was refused by a subject: look for yourself, now.
    Rumor(Rumor),
    /// One step of a reconciliation by datagrams.
    Gossip(Gossip),
    /// One frame of a reconciliation over TCP.
    Sync(Sync),
    /// By multicast: a node is here.
    Announce(Announce),
    /// Somebody else has your name.
    Taken(Taken),
}

/// 'I hold this generation and incarnation of yours for dead': hearing it, a
/// live node raises its incarnation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accusation {
    /// The accused generation.
    pub generation: u64,
    /// The accused incarnation.
    pub incarnation: u64,
}

/// Are you there?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ping {
    /// Comes back in the answer; unpredictable, so that an answer proves that
    /// the address is the member's.
    pub nonce: u64,
    /// Who is asked; a node of another name stays silent (reused addresses).
    pub to: NodeId,
    /// The asker doubts the asked.
    pub accuse: Option<Accusation>,
}

/// I am.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// The nonce of the ping.
    pub nonce: u64,
    /// The answering node's generation.
    pub generation: u64,
    /// The answering node's incarnation.
    pub incarnation: u64,
    /// The answerer doubts the asker.
    pub accuse: Option<Accusation>,
}

/// An observer was refused by `subject`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rumor {
    /// Who refused.
    pub subject: NodeId,
    /// Its generation as the observer knows it.
    pub generation: u64,
}

/// One step of a reconciliation by datagrams.
#[derive(Debug, Clone, PartialEq)]
pub struct Gossip {
    /// 0 opens an exchange, each answer is one higher.
    pub step: u8,
    /// The receiver should come over TCP: what it lacks is too large.
    pub by_stream: bool,
    /// Sum of the owner hashes of all that the sender knows.
    pub root: u64,
    /// The same sum by bucket, low 32 bits.
    pub buckets: Option<Box<[u32; BUCKETS]>>,
    /// What the sender knows of some owners.
    pub digests: Vec<Digest>,
    /// What else it says.
    pub more: Extensions,
    /// What the receiver seems to lack.
    pub deltas: Vec<Delta>,
}

/// The stages of a reconciliation over TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The one who came lists all that it knows.
    Ask = 0,
    /// The other sends what the first lacks, and digests of what it lacks itself.
    Answer = 1,
    /// The first sends that.
    Finish = 2,
}

/// One frame of a reconciliation over TCP.
#[derive(Debug, Clone, PartialEq)]
pub struct Sync {
    /// Which stage.
    pub stage: Stage,
    /// The last frame of this stage.
    pub last: bool,
    /// What the sender knows (`Ask`), or asks for (`Answer`).
    pub digests: Vec<Digest>,
    /// What the receiver lacks.
    pub deltas: Vec<Delta>,
}

impl Envelope {
    /// Reads one whole datagram or frame.
    ///
    /// # Errors
    /// [`WireError`] says why the bytes are no message of this protocol.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(bytes);
        if r.u8()? != VERSION {
            return Err(WireError::Version);
        }
        let kind = r.u8()?;
        let cluster = r.u64()?;
        let from = NodeId(r.u64()?);
        let message = match kind {
            PING => Message::Ping(Ping {
                nonce: r.u64()?,
                to: NodeId(r.u64()?),
                accuse: accusation(&mut r)?,
            }),
            ACK => Message::Ack(Ack {
                nonce: r.u64()?,
                generation: r.varint()?,
                incarnation: r.varint()?,
                accuse: accusation(&mut r)?,
            }),
            RUMOR => Message::Rumor(Rumor {
                subject: NodeId(r.u64()?),
                generation: r.varint()?,
            }),
            GOSSIP => Message::Gossip(gossip(&mut r)?),
            SYNC => Message::Sync(sync(&mut r)?),
            ANNOUNCE => Message::Announce(Announce::read(&mut r)?),
            TAKEN => Message::Taken(Taken::read(&mut r)?),
            _ => return Err(WireError::Kind),
        };
        // Gossip and Sync are read to their end; the others may go on with
        // fields of a later version.
        Extensions::read_all(r)?;
        Ok(Envelope {
            cluster,
            from,
            message,
        })
    }

    /// Reads only the cluster's hash, so that strangers are told from garbage.
    pub fn cluster_of(bytes: &[u8]) -> Option<u64> {
        let mut r = Reader::new(bytes);
        (r.u8() == Ok(VERSION)).then_some(())?;
        r.u8().ok()?;
        r.u64().ok()
    }
}

/// Begins a message: the part that all have in common.
pub(super) fn head(w: &mut Writer, cluster: u64, from: NodeId, kind: u8) {
    w.u8(VERSION);
    w.u8(kind);
    w.u64(cluster);
    w.u64(from.0);
}

impl Ping {
    /// The whole message.
    pub fn write(&self, w: &mut Writer, cluster: u64, from: NodeId) {
        head(w, cluster, from, PING);
        w.u64(self.nonce);
        w.u64(self.to.0);
        write_accusation(w, self.accuse);
    }
}

impl Ack {
    /// The whole message.
    pub fn write(&self, w: &mut Writer, cluster: u64, from: NodeId) {
        head(w, cluster, from, ACK);
        w.u64(self.nonce);
        w.varint(self.generation);
        w.varint(self.incarnation);
        write_accusation(w, self.accuse);
    }
}

impl Rumor {
    /// The whole message.
    pub fn write(&self, w: &mut Writer, cluster: u64, from: NodeId) {
        head(w, cluster, from, RUMOR);
        w.u64(self.subject.0);
        w.varint(self.generation);
    }
}

impl Gossip {
    /// The message up to its deltas, which [`super::pack_delta`] appends.
    /// `by_stream` is known only after packing: [`Gossip::mark_by_stream`].
    pub fn write_head(&self, w: &mut Writer, cluster: u64, from: NodeId) {
        head(w, cluster, from, GOSSIP);
        w.u8(self.flags());
        w.u64(self.root);
        for b in self.buckets.iter().flat_map(|b| b.iter()) {
            w.u32(*b);
        }
        write_digests(w, &self.digests);
        self.more.write(w);
    }

    /// Sets the flag 'come over TCP' in a message begun by `write_head`.
    pub fn mark_by_stream(&self, w: &mut Writer) {
        w.patch(FLAGS_AT, self.flags() | BY_STREAM);
    }

    fn flags(&self) -> u8 {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        (self.step & STEP_MASK)
            | flag(self.by_stream, BY_STREAM)
            | flag(self.buckets.is_some(), HAS_BUCKETS)
            | flag(!self.more.is_empty(), EXTENDED)
    }
}

impl Sync {
    /// The frame up to its deltas, which [`super::pack_delta`] appends. `last`
    /// is known only after packing: [`Sync::mark_last`].
    pub fn write_head(&self, w: &mut Writer, cluster: u64, from: NodeId) {
        head(w, cluster, from, SYNC);
        w.u8(self.stage as u8 | if self.last { LAST } else { 0 });
        write_digests(w, &self.digests);
    }

    /// Sets the flag 'last of this stage' in a frame begun by `write_head`.
    pub fn mark_last(&self, w: &mut Writer) {
        w.patch(FLAGS_AT, self.stage as u8 | LAST);
    }
}

fn accusation(r: &mut Reader<'_>) -> Result<Option<Accusation>, WireError> {
    match r.u8()? {
        0 => Ok(None),
        1 => Ok(Some(Accusation {
            generation: r.varint()?,
            incarnation: r.varint()?,
        })),
        _ => Err(WireError::Flags),
    }
}

fn write_accusation(w: &mut Writer, a: Option<Accusation>) {
    match a {
        None => w.u8(0),
        Some(a) => {
            w.u8(1);
            w.varint(a.generation);
            w.varint(a.incarnation);
        }
    }
}

fn gossip(r: &mut Reader<'_>) -> Result<Gossip, WireError> {
    let flags = r.u8()?;
    if flags & !(STEP_MASK | HAS_BUCKETS | BY_STREAM | EXTENDED) != 0 {
        return Err(WireError::Flags);
    }
    let root = r.u64()?;
    let buckets = match flags & HAS_BUCKETS != 0 {
        false => None,
        true => {
            let mut b = Box::new([0; BUCKETS]);
            for slot in b.iter_mut() {
                *slot = r.u32()?;
            }
            Some(b)
        }
    };
    Ok(Gossip {
        step: flags & STEP_MASK,
        by_stream: flags & BY_STREAM != 0,
        root,
        buckets,
        digests: digests(r)?,
        more: match flags & EXTENDED != 0 {
            true => Extensions::read(r)?,
            false => Extensions::default(),
        },
        deltas: deltas(r)?,
    })
}

fn sync(r: &mut Reader<'_>) -> Result<Sync, WireError> {
    let flags = r.u8()?;
    let stage = match flags & !LAST {
        0 => Stage::Ask,
        1 => Stage::Answer,
        2 => Stage::Finish,
        _ => return Err(WireError::Flags),
    };
    Ok(Sync {
        stage,
        last: flags & LAST != 0,
        digests: digests(r)?,
        deltas: deltas(r)?,
    })
}
