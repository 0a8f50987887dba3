//! One shard in the hands of this node.

use crate::time::Millis;

/// How far this node is with a shard that it is to own, or still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// To be owned, not held: others go first, up to a time.
    Waiting { until: Millis },
    /// Held; the handler of gained shards runs.
    Loading { batch: u64 },
    /// Held, calls are run.
    Held,
    /// Held, but given up: calls are still running, or the handler of the gain
    /// is (`loading`).
    Draining {
        until: Millis,
        loading: Option<u64>,
        /// Somebody else took it as well: it is given up even if it is ours.
        conflict: bool,
    },
    /// Held; no call is running any more, the handler of lost shards is.
    Flushing { until: Millis, batch: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub phase: Phase,
    /// Calls that are running.
    pub running: u32,
    /// In which it was gained; 0 before.
    pub epoch: u64,
}

impl Slot {
    pub fn waiting(until: Millis) -> Self {
        Slot {
            phase: Phase::Waiting { until },
            running: 0,
            epoch: 0,
        }
    }

    /// Has this node the right to execute, or is it still using it?
    pub fn is_held(&self) -> bool {
        !matches!(self.phase, Phase::Waiting { .. })
    }

    /// Do calls run?
    pub fn runs(&self) -> bool {
        let draining = |phase| matches!(phase, Phase::Draining { loading: None, .. });
        self.phase == Phase::Held || draining(self.phase)
    }

    /// When the phase ends whatever happens.
    pub fn until(&self) -> Option<Millis> {
        match self.phase {
            Phase::Waiting { until }
            | Phase::Draining { until, .. }
            | Phase::Flushing { until, .. } => Some(until),
            Phase::Loading { .. } | Phase::Held => None,
        }
    }
}
