//! Two nodes of one name: what both are told.

use std::net::SocketAddr;

use super::codec::{Reader, WireError, Writer};
use super::hash::NodeId;
use super::message::head;

pub(super) const TAKEN: u8 = 7;
const STAYS: u8 = 0b0000_0001;
/// The longest socket address as text.
const MAX_ADDR: usize = 64;

/// 'Somebody else has your name, and answers at another address.'
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// The receiver's run that is meant.
    pub generation: u64,
    /// It is the receiver that stays a member, not the other.
    pub stays: bool,
    /// Where the other is.
    pub other: SocketAddr,
}

impl Taken {
    /// The whole message.
    pub fn write(&self, w: &mut Writer, cluster: u64, from: NodeId) {
        head(w, cluster, from, TAKEN);
        w.u8(if self.stays { STAYS } else { 0 });
        w.varint(self.generation);
        w.text(&self.other.to_string());
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let flags = r.u8()?;
        if flags & !STAYS != 0 {
            return Err(WireError::Flags);
        }
        let generation = r.varint()?;
        let text = r.text(MAX_ADDR)?;
        let other: SocketAddr = text.parse().map_err(|_| WireError::Text)?;
        // Every message has one form.
        if other.to_string() != text {
            return Err(WireError::Text);
        }
        Ok(Taken {
            generation,
            stays: flags & STAYS != 0,
            other,
        })
    }
}
