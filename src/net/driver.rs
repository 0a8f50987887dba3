//! The one task that reads the gossip socket and keeps the engine's time.

use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::select;
use tokio::task::yield_now;
use tokio::time::{Duration, Instant, sleep, sleep_until};

use super::allow::{Account, Fence};
use super::flood::{Flood, REST};
use super::lock;
use super::shared::Shared;
use super::streams::Ended;
use super::udp::{Ears, Ready, Udp};
use super::vault::Vault;
use crate::engine::{Drop, Level, Millis};
use crate::wire::MAX_DATAGRAM;

/// Datagrams that are read before the engine is visited.
const BATCH: usize = 16;
/// Refused datagrams that are read before other tasks get their turns.
const SKIPPED: usize = 64;
/// Time between two rounds of small chores.
const CHORES: Millis = 1_000;
/// Pause after an accept that failed, most likely for want of file handles.
const PAUSE: Duration = Duration::from_millis(100);

/// Datagrams on their way from the socket to the engine.
struct Batch {
    // One byte more than allowed, so that too long is seen as too long.
    buffers: Vec<[u8; MAX_DATAGRAM + 1]>,
    received: Vec<(Range<usize>, SocketAddr)>,
}

/// What reading came to.
struct Filled {
    refused: usize,
    /// There may be more.
    full: bool,
}

impl Batch {
    fn new() -> Self {
        Batch {
            buffers: vec![[0; MAX_DATAGRAM + 1]; BATCH],
            received: Vec::with_capacity(BATCH),
        }
    }

    /// Reads until there is nothing more, or no room.
    fn fill(&mut self, mut udp: Ready<'_>, fence: &Fence, vault: &Vault) -> Filled {
        self.received.clear();
        let (mut refused, mut full) = (0, true);
        while let Some(buffer) = self.buffers.get_mut(self.received.len()) {
            match udp.try_recv(buffer) {
                Ok((size, from)) if fence.pass(from) => {
                    match vault.open_datagram(from, &mut buffer[..size]) {
                        Some(message) => self.received.push((message, from)),
                        None => refused += 1,
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    full = false;
                    break;
                }
                // Of somebody who may not, or news about a datagram that we
                // sent earlier: of no use here.
                _ => refused += 1,
            }
            if refused >= SKIPPED {
                break;
            }
        }
        Filled { refused, full }
    }

    fn datagrams(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        let buffers = self.buffers.iter();
        let pairs = self.received.iter().zip(buffers);
        pairs.map(|((message, from), buffer)| (*from, &buffer[message.clone()]))
    }
}

/// Runs a node until it is aborted.
pub async fn drive(shared: Arc<Shared>, udp: Arc<Udp>, ears: Ears) {
    let mut batch = Batch::new();
    let mut full = false;
    // None under a flood: then it is looked at from time to time.
    let mut ears = Some(ears);
    let mut looked = Instant::now();
    let mut flood = Flood::default();
    let mut chores = 0;
    let mut sleep = pin!(sleep(Duration::ZERO));
    let mut armed = 0;
    loop {
        let mut due = shared.turn(batch.datagrams());
        batch.received.clear();
        let now = shared.clock().millis();
        if let Some(deadline) = stalled(&shared, now) {
            due = due.min(deadline);
        }
        if now >= chores {
            chores = now + CHORES;
            do_chores(&shared, now);
        }
        if full {
            // Under a flood the other tasks get their turns as well.
            yield_now().await;
        }
        if armed != due {
            armed = due;
            sleep.as_mut().reset(shared.clock().wake(due));
        }
        let ready = async {
            match &ears {
                Some(ears) => ears.ready().await,
                None => {
                    sleep_until(looked + REST).await;
                    Ok(udp.look())
                }
            }
        };
        select! {
            ready = ready => {
                let Ok(ready) = ready else {
                    return; // the runtime ends
                };
                let filled = batch.fill(ready, &shared.fence, &shared.vault);
                full = filled.full;
                if flood.refused(shared.clock().micros(), filled.refused) {
                    ears = None;
                } else if filled.refused == 0 && !full && ears.is_none() {
                    ears = Ears::of(&udp).ok();
                }
                if ears.is_none() {
                    looked = Instant::now();
                }
            }
            () = &mut sleep => { full = false; armed = 0 }
            () = shared.poke.notified() => full = false,
        }
    }
}

/// Looks for a missing beat of the owner's loop, and says when to look again.
fn stalled(shared: &Arc<Shared>, now: Millis) -> Option<Millis> {
    let deadline = lock(&shared.stall).deadline()?;
    if now < deadline {
        return Some(deadline);
    }
    shared.stall(|stall, now| stall.check(now));
    None
}

fn do_chores(shared: &Arc<Shared>, now: Millis) {
    let micros = shared.clock().micros();
    shared.router(|router| router.tick(micros));
    let Account { count, line } = shared.fence.account(now);
    if count > 0 {
        shared.engine(|engine, _| engine.count_drops(Drop::NotAllowed, count));
    }
    let sealed = shared.vault.account(now);
    for (drop, count) in sealed.drops {
        shared.engine(|engine, _| engine.count_drops(drop, count));
    }
    for line in line.into_iter().chain(sealed.lines) {
        shared.log(Level::Warn, line);
    }
    if let Some(io) = lock(&shared.io).as_mut() {
        io.probes.sweep(now);
    }
}

/// Takes the connections that peers open.
pub async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    loop {
        let Ok((stream, from)) = listener.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        if !shared.fence.pass(from) {
            continue;
        }
        let now = shared.clock().millis();
        let mut ended = Ended::new();
        let half = match lock(&shared.io).as_mut() {
            Some(io) => io.streams.accept(now, &mut ended),
            None => return,
        };
        shared.engine(|engine, now| {
            for (conn, reason) in &ended {
                engine.count_drop(Drop::Crowded);
                engine.handle_closed(now, *conn, reason);
            }
            engine.handle_accepted(now, half.conn, from);
        });
        if let Some(io) = lock(&shared.io).as_mut() {
            let runtime = io.runtime.clone();
            io.streams.serve(&shared, &runtime, half, stream);
        }
    }
}
