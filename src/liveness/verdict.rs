//! What observers say of subjects: ordinary scuttlebutt state, a key
//! `@v/<id>` in the observer's own namespace.

use std::collections::BTreeMap;

use crate::state::keys;
use crate::time::Millis;
use crate::wire::{Accusation, NodeId, Reader, WireError, Writer};

/// Why an observer holds a subject for dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// It was silent for too long.
    Silent = 0,
    /// Its port is closed.
    Refused = 1,
    /// A quorum had said so before; kept for those who come later.
    Confirmed = 2,
}

/// An observer's word about one run (generation, incarnation) of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Which generation and incarnation is meant; a later one refutes it.
    pub accused: Accusation,
    /// Why.
    pub evidence: Evidence,
}

impl Verdict {
    /// The key under which a verdict about `subject` is published.
    pub fn key(subject: NodeId) -> String {
        format!("{}{subject}", keys::VERDICT)
    }

    /// The subject that a key is about; `None` when it is no verdict's key.
    pub fn subject(key: &str) -> Option<NodeId> {
        let hex = key.strip_prefix(keys::VERDICT)?;
        (hex.len() == 16).then_some(())?;
        u64::from_str_radix(hex, 16).ok().map(NodeId)
    }

    /// The published value.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new(32);
        w.u8(self.evidence as u8);
        w.varint(self.accused.generation);
        w.varint(self.accused.incarnation);
        w.finish()
    }

    /// Reads a published value.
    ///
    /// # Errors
    /// When the bytes are no verdict.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(bytes);
        let evidence = match r.u8()? {
            0 => Evidence::Silent,
            1 => Evidence::Refused,
            2 => Evidence::Confirmed,
            _ => return Err(WireError::Kind),
        };
        let accused = Accusation {
            generation: r.varint()?,
            incarnation: r.varint()?,
        };
        r.finish()?;
        Ok(Verdict { accused, evidence })
    }
}

/// A verdict and since when it stands here.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// What was said.
    pub verdict: Verdict,
    /// When we heard of it.
    pub since: Millis,
}

/// All verdicts known, by subject and observer. A mirror of the `@v/` keys of
/// all owners: changed by nothing else.
#[derive(Debug, Default)]
pub struct Verdicts {
    by_subject: BTreeMap<NodeId, BTreeMap<NodeId, Standing>>,
}

impl Verdicts {
    /// An observer published (or withdrew) its word about a subject. A word
    /// that only changes its evidence keeps standing since when it did.
    pub fn set(&mut self, now: Millis, subject: NodeId, observer: NodeId, v: Option<Verdict>) {
        match v {
            Some(verdict) => {
                let about = self.by_subject.entry(subject).or_default();
                let old = about.get(&observer);
                let since = match old.filter(|o| o.verdict.accused == verdict.accused) {
                    Some(old) => old.since,
                    None => now,
                };
                about.insert(observer, Standing { verdict, since });
            }
            None => {
                if let Some(about) = self.by_subject.get_mut(&subject) {
                    about.remove(&observer);
                    if about.is_empty() {
                        self.by_subject.remove(&subject);
                    }
                }
            }
        }
    }

    /// The words about a run of a subject that it has not refuted.
    pub fn against(
        &self,
        subject: NodeId,
        generation: u64,
        incarnation: u64,
    ) -> impl Iterator<Item = (NodeId, &Standing)> {
        let about = self.by_subject.get(&subject);
        about.into_iter().flatten().filter_map(move |(o, s)| {
            let a = s.verdict.accused;
            let valid = a.generation == generation && a.incarnation >= incarnation;
            valid.then_some((*o, s))
        })
    }

    /// Everybody about whom somebody said something.
    pub fn subjects(&self) -> impl Iterator<Item = NodeId> {
        self.by_subject.keys().copied()
    }

    /// What `observer` says of `subject`.
    pub fn of(&self, subject: NodeId, observer: NodeId) -> Option<&Verdict> {
        let s = self.by_subject.get(&subject)?.get(&observer)?;
        Some(&s.verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V: Verdict = Verdict {
        accused: Accusation {
            generation: 1_700_000_000_000,
            incarnation: 3,
        },
        evidence: Evidence::Refused,
    };

    #[test]
    fn a_verdict_comes_back_from_its_key_and_value() {
        assert_eq!(Verdict::decode(&V.encode()), Ok(V));
        assert_eq!(Verdict::subject(&Verdict::key(NodeId(7))), Some(NodeId(7)));
        assert_eq!(Verdict::subject("@v/7"), None);
        assert_eq!(Verdict::subject("@addr"), None);
        assert!(Verdict::decode(b"").is_err() && Verdict::decode(&[9, 1, 1]).is_err());
    }

    #[test]
    fn a_higher_incarnation_or_generation_refutes() {
        let mut all = Verdicts::default();
        all.set(5, NodeId(1), NodeId(2), Some(V));
        let g = V.accused.generation;
        assert_eq!(all.against(NodeId(1), g, 3).count(), 1);
        assert_eq!(all.against(NodeId(1), g, 4).count(), 0);
        assert_eq!(all.against(NodeId(1), g + 1, 0).count(), 0);
        all.set(6, NodeId(1), NodeId(2), None);
        assert_eq!(all.subjects().count(), 0);
    }
}
