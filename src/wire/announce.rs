//! What a node calls into the network by multicast.

use super::codec::{Reader, WireError, Writer};
use super::hash::NodeId;
use super::message::head;

pub(super) const ANNOUNCE: u8 = 6;
const JOINED: u8 = 0b0000_0001;

/// 'A node is here': at the source address of the datagram, the one exception
/// to the rule that identity is in the message. So nobody can be made to knock
/// at the door of somebody who has not sent it, and whoever forges the source is
/// on the same network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announce {
    /// The gossip port that it has bound.
    pub port: u16,
    /// It has joined a cluster; who has not wants to be answered.
    pub joined: bool,
}

impl Announce {
    /// The whole message.
    pub fn write(&self, w: &mut Writer, cluster: u64, from: NodeId) {
        head(w, cluster, from, ANNOUNCE);
        w.u8(if self.joined { JOINED } else { 0 });
        w.varint(self.port.into());
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let flags = r.u8()?;
        if flags & !JOINED != 0 {
            return Err(WireError::Flags);
        }
        let joined = flags & JOINED != 0;
        match u16::try_from(r.varint()?) {
            Ok(0) | Err(_) => Err(WireError::Number),
            Ok(port) => Ok(Announce { port, joined }),
        }
    }
}
