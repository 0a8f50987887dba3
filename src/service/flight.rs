//! One attempt of a call, as the router and the link count it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::caller::Caller;
use super::link::{Attempt, Ended, Link};
use super::outgoing::Outgoing;
use crate::routing::{Outcome, RouteId, Service, TargetId};

/// An attempt that the router counts as in flight. When it is given up half
/// way (the future of the call is dropped), that is told as well.
pub(super) struct Flight {
    caller: Arc<Caller>,
    route: RouteId,
    target: TargetId,
    begun: Instant,
    sent: Option<(Link, String)>,
    over: bool,
}

impl Flight {
    pub fn new(caller: Arc<Caller>, route: RouteId, target: TargetId) -> Self {
        Flight {
            caller,
            route,
            target,
            begun: Instant::now(),
            sent: None,
            over: false,
        }
    }

    /// How it ends, and doubts whether it ever will.
    pub fn send(
        &mut self,
        service: &Service,
        secure: bool,
        message: Arc<Outgoing>,
        deadline: Instant,
        written: Arc<AtomicBool>,
    ) -> (
        impl Future<Output = Ended> + Send + use<>,
        watch::Receiver<&'static str>,
    ) {
        let (ended, result) = oneshot::channel();
        let id = self.caller.ids.message();
        let Service { host, port, .. } = service;
        let link = self.caller.links.open(self.target, host, *port, secure);
        let doubts = link.doubts();
        link.send(Attempt {
            id: id.clone(),
            message,
            deadline,
            written,
            ended,
        });
        self.sent = Some((link, id));
        let ended = async move {
            let gone = || Ended::Lost("its connection ended".into());
            result.await.unwrap_or_else(|_| gone())
        };
        (ended, doubts)
    }

    pub fn end(&mut self, outcome: Outcome, measured: bool) {
        self.over = true;
        let latency = match measured {
            true => self.begun.elapsed().as_micros().max(1) as u64,
            false => 0,
        };
        self.caller.done(self.route, self.target, latency, outcome);
        if outcome == Outcome::Timeout {
            self.forget();
        }
    }

    /// Whatever it still comes to is not waited for.
    pub fn give_up(&mut self) {
        self.end(Outcome::Lost, false);
        self.forget();
    }

    fn forget(&mut self) {
        if let Some((link, id)) = self.sent.take() {
            link.forget(id);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.over {
            self.end(Outcome::Error, false);
            self.forget();
        }
    }
}
