//! The connections of a service to its targets, one each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use super::link::{Common, Link};
use crate::routing::{Down, TargetId};

/// How long the last words of a node that has left may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(super) struct Links {
    common: Arc<Common>,
    map: Mutex<HashMap<TargetId, Link>>,
    /// Of targets that get no new calls, by their node's name: what was written
    /// may still be answered.
    retired: Mutex<Vec<(String, Link)>>,
}

impl Links {
    pub fn new(common: Arc<Common>) -> Self {
        Links {
            common,
            map: Mutex::default(),
            retired: Mutex::default(),
        }
    }

    fn map(&self) -> MutexGuard<'_, HashMap<TargetId, Link>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn retired(&self) -> MutexGuard<'_, Vec<(String, Link)>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The link of a target, with TLS or without; it connects with its first call.
    pub fn open(&self, target: TargetId, host: &str, port: u16, secure: bool) -> Link {
        let mut map = self.map();
        let new = || Link::new(self.common.clone(), target, host.to_string(), port, secure);
        map.entry(target).or_insert_with(new).clone()
    }

    /// A target of this node is gone for new calls. What it works on ends now
    /// if it cannot finish it.
    pub fn drop_target(&self, target: TargetId, name: String, reason: Down) {
        let Some(link) = self.map().remove(&target) else {
            return;
        };
        match reason {
            Down::Leaving => self.retire(name, link, "it is leaving"),
            Down::Withdrawn => self.retire(name, link, "it is withdrawn"),
            Down::Dead => link.abandon("the node is dead"),
            Down::Left => {
                // Its last replies and its goodbye may still wait to be read here.
                let last = link.clone();
                self.retire(name, link, "it has left");
                tokio::spawn(async move {
                    sleep(LAST_WORDS).await;
                    last.abandon("it has left");
                });
            }
            Down::Replaced => link.abandon("the node is replaced"),
        }
    }

    fn retire(&self, name: String, link: Link, why: &str) {
        link.retire(why);
        let mut retired = self.retired();
        retired.retain(|(_, link)| !link.is_over());
        retired.push((name, link));
    }

    /// A target is suspect.
    pub fn suspected(&self, target: TargetId) {
        if let Some(link) = self.map().get(&target) {
            link.doubt("is suspect");
        }
    }

    /// A node is dead: what it was still working on after it said that it
    /// leaves ends as well.
    pub fn failed(&self, name: &str) {
        for (_, link) in self.retired().extract_if(.., |(other, _)| other == name) {
            link.abandon("the node is dead");
        }
    }

    /// Ends everything; what was in flight is told.
    pub fn close(&self) {
        for (_, link) in self.map().drain() {
            link.abandon("this node is closing");
        }
        for (_, link) in self.retired().drain(..) {
            link.abandon("this node is closing");
        }
    }
}
