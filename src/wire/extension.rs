//! What a message says beyond its fixed form: fields with a type and a length,
//! which a node that does not know them skips. This is how a later version adds
//! to a message without ceasing to be understood.

use super::MAX_NUMBER;
use super::codec::{Reader, WireError, Writer, varint_size};

const WANT: u64 = 1;
const GRANT: u64 = 2;

/// A word of flow control, rates in bytes a second (docs/protocol.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowWord {
    /// The sender wants to change at `rho` and may at `tau`.
    Want {
        /// What it wants.
        rho: u64,
        /// What it may.
        tau: u64,
    },
    /// The sender gives up so much of its own rate for the receiver.
    Grant(u64),
}

/// The fields that this version knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extensions {
    /// Flow control.
    pub flow: Option<FlowWord>,
}

impl Extensions {
    /// True when there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.flow.is_none()
    }

    /// Bytes in a message, the length in front included; 0 when empty.
    pub fn size(&self) -> usize {
        match self.body_size() {
            0 => 0,
            n => varint_size(n as u64) + n,
        }
    }

    fn body_size(&self) -> usize {
        match self.flow {
            None => 0,
            Some(word) => 2 + word.size(),
        }
    }

    /// Length and fields; nothing when empty.
    pub(super) fn write(&self, w: &mut Writer) {
        let Some(word) = self.flow else { return };
        w.varint(self.body_size() as u64);
        let (kind, numbers) = word.parts();
        w.varint(kind);
        w.varint(word.size() as u64);
        numbers.into_iter().flatten().for_each(|n| w.varint(n));
    }

    /// A length and so many bytes of fields.
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let len = r.varint()? as usize;
        Self::read_all(Reader::new(r.bytes(len)?))
    }

    /// Fields up to the end.
    pub(super) fn read_all(mut r: Reader<'_>) -> Result<Self, WireError> {
        let mut found = Extensions::default();
        while !r.is_empty() {
            let kind = r.varint()?;
            let len = r.varint()? as usize;
            let mut field = Reader::new(r.bytes(len)?);
            match kind {
                WANT => {
                    found.flow = Some(FlowWord::Want {
                        rho: field.varint()?,
                        tau: field.varint()?,
                    });
                }
                GRANT => found.flow = Some(FlowWord::Grant(field.varint()?)),
                _ => {}
            }
        }
        Ok(found)
    }
}

impl FlowWord {
    /// A word about rates that are real numbers.
    pub fn want(rho: f64, tau: f64) -> Self {
        FlowWord::Want {
            rho: whole(rho),
            tau: whole(tau),
        }
    }

    /// Gives up a rate, rounded down; `None` when that is nothing.
    pub fn grant(rate: f64) -> Option<Self> {
        Some(FlowWord::Grant(whole(rate))).filter(|word| *word != FlowWord::Grant(0))
    }

    fn parts(self) -> (u64, [Option<u64>; 2]) {
        match self {
            FlowWord::Want { rho, tau } => (WANT, [Some(rho), Some(tau)]),
            FlowWord::Grant(rate) => (GRANT, [Some(rate), None]),
        }
    }

    fn size(self) -> usize {
        let (_, numbers) = self.parts();
        numbers.into_iter().flatten().map(varint_size).sum()
    }
}

/// A rate as a number of the wire (the cast saturates, and makes NaN 0).
fn whole(rate: f64) -> u64 {
    (rate as u64).min(MAX_NUMBER)
}
