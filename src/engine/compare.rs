//! What to say to somebody whose digests we see.
//!
//! Whoever is ahead sends what the other lacks; whoever is behind answers with
//! its own digest, which is a request. When the sums of all that both know
//! differ and the digests seen do not explain it, the sums of 64 buckets are
//! compared, then the digests of the buckets that differ: two nodes find any
//! difference in one exchange, whatever their number.

use std::collections::BTreeMap;

use rand::RngExt;

use super::rounds::HEAD;
use super::{Engine, Millis};
use crate::wire::{BUCKETS, Digest, Extensions, Gossip, MAX_MESSAGE, NodeId, Writer, owner_hash};

/// State of more bytes than this goes over TCP: a few round trips there instead
/// of dozens of datagrams.
const MUCH: usize = 16 * 1024;
/// Bytes of a digest in a message, at most.
pub(super) const DIGEST: usize = 8 + 7 + 8;

/// What is to be said to one peer.
#[derive(Default)]
pub(super) struct Talk {
    /// Our digests where the peer is ahead, or may be behind.
    pub digests: Vec<Digest>,
    /// What the peer knows of owners where it is behind.
    pub behind: Vec<(NodeId, Option<Digest>)>,
    /// What else there is to say.
    pub more: Extensions,
}

/// What did not fit into a message.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// Bytes of the owners of whom something is left, with what was sent.
    bytes: usize,
    /// Some of it fits into no datagram, and would block what is behind it.
    too_large: bool,
}

impl Rest {
    /// Should it go over TCP?
    pub(super) fn by_stream(&self) -> bool {
        self.too_large || self.bytes > MUCH
    }

    /// Was the message too short?
    pub(super) fn overflowed(&self) -> bool {
        self.bytes > 0
    }
}

impl Engine {
    /// The fixed part of a gossip message from us.
    pub(super) fn gossip_head(
        &self,
        step: u8,
        digests: Vec<Digest>,
        buckets: Option<Box<[u32; BUCKETS]>>,
    ) -> Gossip {
        Gossip {
            step,
            by_stream: false,
            root: self.store.root(),
            buckets,
            digests,
            more: Extensions::default(),
            deltas: Vec::new(),
        }
    }

    /// Compares the peer's digests with what we know, one by one. What it says
    /// of ourselves counts when it is `believed`: a datagram of anybody could
    /// have us begin anew.
    pub(super) fn compare(&mut self, now: Millis, theirs: &[Digest], believed: bool) -> Talk {
        let mut talk = Talk::default();
        for d in theirs {
            if d.id == self.me && believed {
                self.hear_of_ourselves(now, d.generation, d.version);
            }
            // What is hidden is not told, but news of it are still heard.
            let ours = self.store.get(d.id).map(|o| Digest {
                id: d.id,
                generation: o.generation(),
                version: o.version(),
            });
            let rank = |d: &Digest| (d.generation, d.version);
            match ours {
                // Its own past, which nobody else tells it: a clock was set back.
                Some(o) if o.generation > d.generation && self.store.digest(d.id).is_none() => {
                    talk.digests.push(o);
                }
                Some(o) if rank(&o) > rank(d) => talk.behind.push((d.id, Some(*d))),
                Some(o) if rank(&o) == rank(d) => {}
                Some(o) if o.generation == d.generation => talk.digests.push(o),
                _ if d.id == self.me => {}
                _ => talk.digests.push(Digest { version: 0, ..*d }),
            }
        }
        talk
    }

    /// Do these digests explain why the peer's root is not ours?
    pub(super) fn explains(&self, theirs: &[Digest], root: u64) -> bool {
        let mut expected = self.store.root();
        for d in theirs {
            let ours = self.store.digest(d.id);
            if ours == Some(*d) {
                continue; // as most are: no need to hash it twice
            }
            if let Some(o) = ours {
                expected = expected.wrapping_sub(owner_hash(o.id, o.generation, o.version));
            }
            expected = expected.wrapping_add(owner_hash(d.id, d.generation, d.version));
        }
        expected == root
    }

    /// Our digests of the owners in those buckets that differ from the peer's,
    /// and how many buckets do. At most `room` bytes of them, from a random
    /// place on, so that a part that never fits is not always the same.
    pub(super) fn digests_of_differing(
        &mut self,
        theirs: &[u32; BUCKETS],
        room: usize,
    ) -> (Vec<Digest>, usize) {
        let ours = self.store.buckets();
        let differs = |id: NodeId| ours[id.bucket()] != theirs[id.bucket()];
        let count = (0..BUCKETS).filter(|b| ours[*b] != theirs[*b]).count();
        let start = NodeId(self.nonce());
        let all = self.store.digests(start).filter(|d| differs(d.id));
        (all.take(room / DIGEST).collect(), count)
    }

    /// Digests of what is news, at most `room` bytes of them.
    pub(super) fn hot_digests(&self, room: usize) -> Vec<Digest> {
        let shown = self.hot.ordered().filter_map(|id| self.store.digest(id));
        shown.take(room / DIGEST).collect()
    }

    /// Appends what the peer lacks, in the configured order. Tells what is left.
    pub(super) fn pack(&mut self, w: &mut Writer, behind: &[(NodeId, Option<Digest>)]) -> Rest {
        // From a random place on: what never fits must not always be the same.
        let start = match behind.len() {
            0 | 1 => 0,
            n => self.rng.random_range(0..n),
        };
        let around = behind[start..].iter().chain(&behind[..start]);
        let sources = around.filter_map(|(id, d)| self.store.source(*id, d.as_ref()));
        let mut sources: Vec<_> = sources.collect();
        let taken = self.config.order.pack(w, &mut sources);
        let mut rest = Rest::default();
        for (source, &parts) in sources.iter().zip(&taken) {
            if parts == source.parts() {
                continue;
            }
            rest.bytes += source.size();
            rest.too_large |= parts == 0 && source.part_size(0) > MAX_MESSAGE - HEAD;
        }
        rest
    }

    /// An owner changed: its digest is told in the next messages, about twice
    /// as often as a rumour needs to reach everybody.
    pub(super) fn heat(&mut self, now: Millis, id: NodeId) {
        let members = self.members.present().max(2) as u32;
        self.hot.heat(id, 2 * members.ilog2() + 4);
        self.hasten_round(now);
    }

    /// Which of these digests does the peer not list already?
    pub(super) fn unlisted(&self, ours: Vec<Digest>, theirs: &[Digest]) -> Vec<Digest> {
        let listed: BTreeMap<NodeId, ()> = theirs.iter().map(|d| (d.id, ())).collect();
        ours.into_iter()
            .filter(|d| !listed.contains_key(&d.id))
            .collect()
    }
}
