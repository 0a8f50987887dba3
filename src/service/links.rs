//! The connections of a service to its targets, one each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::link::{Common, Link};
use crate::routing::{Down, TargetId};

pub(super) struct Links {
    common: Arc<Common>,
    map: Mutex<HashMap<TargetId, Link>>,
}

impl Links {
    pub fn new(common: Arc<Common>) -> Self {
        Links {
            common,
            map: Mutex::default(),
        }
    }

    fn map(&self) -> MutexGuard<'_, HashMap<TargetId, Link>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The link of a target; it connects with its first call.
    pub fn open(&self, target: TargetId, host: &str, port: u16) -> Link {
        let mut map = self.map();
        let new = || Link::new(self.common.clone(), host.to_string(), port);
        map.entry(target).or_insert_with(new).clone()
    }

    /// A target is gone for new calls. What it works on ends now if it cannot
    /// finish it.
    pub fn drop_target(&self, target: TargetId, reason: Down) {
        let Some(link) = self.map().remove(&target) else {
            return;
        };
        match reason {
            Down::Leaving => link.retire("it is leaving"),
            Down::Withdrawn => link.retire("it is withdrawn"),
            Down::Dead => link.abandon("the node is dead"),
            Down::Left => link.abandon("the node has left"),
            Down::Replaced => link.abandon("the node is replaced"),
        }
    }

    /// Ends everything; what was in flight is told.
    pub fn close(&self) {
        for (_, link) in self.map().drain() {
            link.abandon("this node is closing");
        }
    }
}
