//! Carries out what the engine wants done on the network.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::probe::{Probes, Sent};
use super::shared::Shared;
use super::streams::{Ended, Streams};
use super::udp::Udp;
use crate::engine::Effect;

/// The sockets of a node, and the tasks that run on them.
pub struct Io {
    /// The gossip socket.
    pub udp: Arc<Udp>,
    /// What it is bound to.
    pub bound: SocketAddr,
    /// The sockets for pings.
    pub probes: Probes,
    /// The connections.
    pub streams: Streams,
    /// The tasks that run as long as the node.
    pub tasks: Vec<AbortHandle>,
    /// Where tasks are run.
    pub runtime: Handle,
    /// Datagrams that the system did not take.
    pub unsent: u64,
}

/// What could not be done; the engine has to be told.
#[derive(Default)]
pub struct Failed {
    /// Connections that ended.
    pub ended: Ended,
    /// Addresses where nobody listens.
    pub refused: Vec<SocketAddr>,
}

impl Failed {
    /// Was everything done?
    pub fn is_empty(&self) -> bool {
        self.ended.is_empty() && self.refused.is_empty()
    }
}

impl Io {
    /// Carries out one effect, without waiting for anything.
    pub fn carry_out(&mut self, shared: &Arc<Shared>, effect: Effect, failed: &mut Failed) {
        let runtime = &self.runtime;
        let ended = &mut failed.ended;
        match effect {
            Effect::Send { to, bytes } => self.send(shared, to, &bytes),
            Effect::Probe { to, bytes } => {
                let Some(sealed) = shared.vault.seal(&bytes) else {
                    return;
                };
                match self.probes.send(shared, runtime, self.bound, to, &sealed) {
                    Sent::Yes => {}
                    Sent::Refused => failed.refused.push(to),
                    Sent::No => self.send(shared, to, &bytes),
                }
            }
            Effect::Open { conn, to } if !shared.fence.admits(to.ip()) => {
                ended.push((conn, "its address is not in 'allow'"));
            }
            Effect::Open { conn, to } => self.streams.open(shared, runtime, conn, to, ended),
            Effect::Write { conn, bytes } => self.streams.write(conn, bytes, ended),
            Effect::Close { conn } => self.streams.close(conn),
            Effect::Event(_) => {}
        }
    }

    /// A datagram that cannot be sent is as good as one lost on the way.
    fn send(&mut self, shared: &Shared, to: SocketAddr, bytes: &[u8]) {
        let sealed = shared.vault.seal(bytes);
        let sent = sealed.is_some_and(|bytes| self.udp.send_to(&bytes, to).is_ok());
        self.unsent += u64::from(!sent);
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
