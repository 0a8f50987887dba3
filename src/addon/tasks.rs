//! What takes a moment and is a promise to JavaScript. It runs on a thread of
//! Node's own pool: Node waits for those threads when an environment ends, so
//! there is nothing that could outlive it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use napi::{Env, Result, Task};

use super::error::Failure;
use super::inner::{Inner, Parts};

/// Runs something that must not panic through foreign frames.
fn guarded<T>(
    f: impl FnOnce() -> std::result::Result<T, Failure>,
) -> std::result::Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|_| {
        Err(Failure {
            code: "gossip_internal",
            text: "a panic in seneca-gossip; please report it".into(),
        })
    })
}

/// `start()`.
pub struct Start {
    /// Whom to start.
    pub inner: Arc<Inner>,
    /// With what; `Err` when it cannot even begin.
    pub parts: Option<std::result::Result<Parts, Failure>>,
}

impl Task for Start {
    type Output = std::result::Result<String, Failure>;
    type JsValue = String;

    fn compute(&mut self) -> Result<Self::Output> {
        let parts = self.parts.take();
        Ok(guarded(|| {
            let parts = parts.unwrap_or_else(|| Err(Failure::state("started twice")))?;
            self.inner.start(parts)
        }))
    }

    fn resolve(&mut self, env: Env, output: Self::Output) -> Result<String> {
        output.map_err(|failure| failure.throw(env))
    }
}

/// `leave()`.
pub struct Leave {
    /// Who leaves.
    pub inner: Arc<Inner>,
}

impl Task for Leave {
    type Output = std::result::Result<(), Failure>;
    type JsValue = ();

    fn compute(&mut self) -> Result<Self::Output> {
        Ok(guarded(|| {
            // One that does not run has nobody to take leave of.
            if let Ok(cluster) = self.inner.cluster() {
                cluster.leave_blocking();
            }
            Ok(())
        }))
    }

    fn resolve(&mut self, env: Env, output: Self::Output) -> Result<()> {
        output.map_err(|failure| failure.throw(env))
    }
}
