//! Sockets for pings: each talks to one address only, so that the system
//! reports a closed port there as 'connection refused'.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::{AbortHandle, yield_now};

use super::shared::Shared;
use super::udp::{Ears, Udp, is_refusal};
use crate::engine::Millis;
use crate::wire::MAX_DATAGRAM;

/// Sockets at a time. A node watches few others; more are asked for only when
/// the ring changes quickly.
const MAX: usize = 64;
/// A socket that was not used for so long is dropped.
const UNUSED: Millis = 15_000;
/// Datagrams that are taken in one turn.
const BATCH: usize = 16;

struct Probe {
    udp: Arc<Udp>,
    used: Millis,
    task: AbortHandle,
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What became of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It is on its way.
    Yes,
    /// It is on its way, but an earlier one was refused.
    Refused,
    /// There is no socket to be had.
    No,
}

/// The probe sockets of a node.
#[derive(Default)]
pub struct Probes {
    sockets: HashMap<SocketAddr, Probe>,
}

impl Probes {
    /// Sends a datagram to `to`; what comes back reaches the engine. `from` is
    /// what the gossip socket is bound to.
    pub fn send(
        &mut self,
        shared: &Arc<Shared>,
        runtime: &Handle,
        from: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
    ) -> Sent {
        let now = shared.clock().millis();
        if !self.sockets.contains_key(&to) && !self.open(shared, runtime, from, to, now) {
            return Sent::No;
        }
        let Some(probe) = self.sockets.get_mut(&to) else {
            return Sent::No;
        };
        probe.used = now;
        match probe.udp.send(bytes) {
            Ok(()) => Sent::Yes,
            // Not about this datagram: the refusal of an earlier one is
            // reported first, and this one was not sent.
            Err(e) if is_refusal(&e) => {
                let _ = probe.udp.send(bytes);
                Sent::Refused
            }
            // No route, or a full buffer: as good as lost on the way.
            Err(_) => Sent::Yes,
        }
    }

    fn open(
        &mut self,
        shared: &Arc<Shared>,
        runtime: &Handle,
        from: SocketAddr,
        to: SocketAddr,
        now: Millis,
    ) -> bool {
        if self.sockets.len() >= MAX {
            let oldest = self.sockets.iter().min_by_key(|(_, probe)| probe.used);
            if let Some(oldest) = oldest.map(|(addr, _)| *addr) {
                self.sockets.remove(&oldest);
            }
        }
        let _inside = runtime.enter();
        let Ok(udp) = Udp::connect(from, to) else {
            return false;
        };
        let udp = Arc::new(udp);
        let Ok(ears) = Ears::of(&udp) else {
            return false;
        };
        let task = shared.spawn(runtime, listen(shared.clone(), ears, to));
        let probe = Probe {
            udp,
            used: now,
            task,
        };
        self.sockets.insert(to, probe);
        true
    }

    /// Drops the sockets that nobody uses.
    pub fn sweep(&mut self, now: Millis) {
        self.sockets.retain(|_, probe| now < probe.used + UNUSED);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sockets.len()
    }
}

/// Hands what arrives on a probe socket to the engine.
async fn listen(shared: Arc<Shared>, ears: Ears, to: SocketAddr) {
    let mut buffer = [0; MAX_DATAGRAM + 1];
    while let Ok(mut ready) = ears.ready().await {
        for _ in 0..BATCH {
            match ready.try_recv(&mut buffer) {
                Ok((_, from)) if !shared.fence.pass(from) => {}
                Ok((size, from)) => {
                    let Some(message) = shared.vault.open_datagram(from, &mut buffer[..size])
                    else {
                        continue;
                    };
                    shared.input(|engine, now| engine.handle_datagram(now, from, &buffer[message]));
                }
                Err(e) if is_refusal(&e) => {
                    shared.engine(|engine, now| engine.handle_refused(now, to));
                }
                Err(_) => break,
            }
        }
        // A peer that floods us gets its turn again after the others.
        yield_now().await;
    }
}
