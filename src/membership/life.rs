//! What a node says of itself under `@life`.

use crate::wire::{Reader, WireError, Writer};

const LEAVING: u8 = 1;
const LEFT: u8 = 2;
const STALLED: u8 = 4;

/// A node's own word about its state. Flags that a later version adds are
/// ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Life {
    /// Raised to refute an accusation.
    pub incarnation: u64,
    /// Takes no new calls.
    pub leaving: bool,
    /// Is gone.
    pub left: bool,
    /// Its event loop lags.
    pub stalled: bool,
}

impl Life {
    /// The published value.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new(16);
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        w.u8(flag(self.leaving, LEAVING) | flag(self.left, LEFT) | flag(self.stalled, STALLED));
        w.varint(self.incarnation);
        w.finish()
    }

    /// Reads a published value.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(bytes);
        let flags = r.u8()?;
        let incarnation = r.varint()?;
        Ok(Life {
            incarnation,
            leaving: flags & LEAVING != 0,
            left: flags & LEFT != 0,
            stalled: flags & STALLED != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_comes_back_and_unknown_flags_are_ignored() {
        let life = Life {
            incarnation: 300,
            leaving: true,
            left: false,
            stalled: true,
        };
        let mut bytes = life.encode();
        assert_eq!(Life::decode(&bytes), Ok(life));
        bytes[0] |= 0x80;
        assert_eq!(Life::decode(&bytes), Ok(life));
        assert!(Life::decode(&[]).is_err());
    }
}
