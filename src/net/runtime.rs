//! The one tokio runtime of the process.
//!
//! Every [`Cluster`](super::Cluster) runs on it, however many there are and
//! whatever runtime (or none) its owner uses: liveness must not depend on the
//! owner's event loop. It exists from the first lease to the last, so that a
//! process that closed its nodes has no threads of ours left.

use std::cell::Cell;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

/// Threads that do the work. Measured with 100 nodes in a process: a second
/// one makes the join of all of them a quarter faster, and the quiet cluster
/// 5 to 20 % dearer for the wake-ups between the two.
const WORKERS: usize = 1;

/// How long the last close waits for the threads. All that can outlast the
/// tasks is a name lookup that hangs; it is left behind.
const PATIENCE: Duration = Duration::from_millis(250);

struct Shared {
    runtime: Option<Runtime>,
    leases: usize,
}

static SHARED: Mutex<Shared> = Mutex::new(Shared {
    runtime: None,
    leases: 0,
});

thread_local! {
    static OURS: Cell<bool> = const { Cell::new(false) };
}

fn shared() -> MutexGuard<'static, Shared> {
    SHARED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Is this one of the runtime's own threads? Such a thread must not wait for
/// the others to end.
pub fn is_worker() -> bool {
    OURS.with(Cell::get)
}

/// Keeps the runtime alive.
#[derive(Debug)]
pub struct Lease {
    handle: Handle,
}

impl Lease {
    /// Takes part in the runtime, starting it when this is the first lease.
    pub fn acquire() -> io::Result<Lease> {
        let mut shared = shared();
        let handle = match &shared.runtime {
            Some(runtime) => runtime.handle().clone(),
            None => {
                let runtime = Builder::new_multi_thread()
                    .worker_threads(WORKERS)
                    .max_blocking_threads(8)
                    .thread_keep_alive(Duration::from_secs(5))
                    .thread_name("gossip-net")
                    .on_thread_start(|| OURS.with(|ours| ours.set(true)))
                    .enable_io()
                    .enable_time()
                    .build()?;
                let handle = runtime.handle().clone();
                shared.runtime = Some(runtime);
                handle
            }
        };
        shared.leases += 1;
        Ok(Lease { handle })
    }

    /// To spawn on the runtime.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let last = {
            let mut shared = shared();
            shared.leases -= 1;
            match shared.leases {
                0 => shared.runtime.take(),
                _ => None,
            }
        };
        if let Some(runtime) = last {
            stop(runtime);
        }
    }
}

/// Ends the runtime. Tokio panics when that is tried from within a runtime,
/// ours or the owner's, so it is left to a thread of its own there.
fn stop(runtime: Runtime) {
    if !is_worker() && Handle::try_current().is_err() {
        runtime.shutdown_timeout(PATIENCE);
        return;
    }
    let slot = std::sync::Arc::new(Mutex::new(Some(runtime)));
    let theirs = slot.clone();
    let take =
        |slot: &Mutex<Option<Runtime>>| slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    let reaper = std::thread::Builder::new()
        .name("gossip-stop".into())
        .spawn(move || {
            if let Some(runtime) = take(&theirs) {
                runtime.shutdown_timeout(PATIENCE);
            }
        });
    if reaper.is_err() {
        // No thread to be had: let it go without waiting, which is allowed here.
        if let Some(runtime) = take(&slot) {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The other tests of this binary lease the same runtime, so only what is
    /// true in their presence is asserted here; `tests/cluster.rs` counts threads.
    #[test]
    fn leases_share_one_runtime_that_outlives_each_of_them() {
        let first = Lease::acquire().unwrap();
        let second = Lease::acquire().unwrap();
        assert_eq!(first.handle().id(), second.handle().id());
        drop(first);
        let (tx, rx) = std::sync::mpsc::channel();
        second.handle().spawn(async move {
            tx.send(is_worker()).unwrap();
        });
        assert_eq!(rx.recv_timeout(Duration::from_secs(5)), Ok(true));
        assert!(!is_worker());
    }

    #[test]
    fn the_last_lease_may_be_dropped_inside_a_runtime() {
        let lease = Lease::acquire().unwrap();
        let owner = Builder::new_current_thread().build().unwrap();
        owner.block_on(async move { drop(lease) });
        let lease = Lease::acquire().unwrap();
        let (tx, rx) = std::sync::mpsc::channel();
        let inner = Lease::acquire().unwrap();
        lease.handle().spawn(async move {
            drop(inner);
            tx.send(()).unwrap();
        });
        assert_eq!(rx.recv_timeout(Duration::from_secs(5)), Ok(()));
    }
}
