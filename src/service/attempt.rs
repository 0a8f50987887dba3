//! One attempt of a call at one target.

use std::pin::pin;
use std::sync::atomic::Ordering;

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout_at;

use super::act::Call;
use super::choose::Chosen;
use super::error::{ActError, target_lost};
use super::flight::Flight;
use super::link::Ended;
use super::reach::wants_tls;
use crate::routing::{Offer, Outcome, RouteId, TargetId};

impl Call<'_> {
    /// `None`: another target may be tried.
    pub(super) async fn attempt(&mut self, chosen: Chosen) -> Option<Result<Value, ActError>> {
        let offer = &chosen.offer;
        self.bound(offer);
        self.pattern = chosen.pattern;
        self.target = Some(chosen.name.clone());
        let target = chosen.target;
        let mut flight = Flight::new(self.caller.clone(), chosen.route, target);
        let secure = self.caller.common.secure.as_deref();
        let secure = match wants_tls(secure, &chosen.name, &chosen.service) {
            Ok(secure) => secure,
            Err(error) => {
                self.why.clone_from(&error.message);
                self.refusal = Some(error);
                self.exclude.push(target);
                return None;
            }
        };
        let message = self.message.clone();
        let (ended, doubts) = flight.send(
            &chosen.service,
            secure,
            message,
            self.deadline,
            self.written.clone(),
        );
        let ended = self.unless_doubted(ended, doubts, offer, chosen.route);
        let ended = match timeout_at(self.deadline, ended).await {
            Ok(ended) => ended,
            Err(_) => {
                flight.end(Outcome::Timeout, true);
                return Some(Err(self.timed_out()));
            }
        };
        match ended {
            Ended::Ok(value) => {
                flight.end(Outcome::Ok, true);
                return Some(Ok(value));
            }
            Ended::Error(error) => {
                flight.end(Outcome::Error, true);
                return Some(Err(ActError::from_wire(error)));
            }
            Ended::Refused(why, error) => {
                flight.end(Outcome::Error, false);
                self.did_not_run(target, format!("{}: {why}", chosen.name));
                // That it has no action for it is what `no_target` says of all.
                let error = error.map(ActError::from_wire);
                let error = error.filter(|error| error.code != "act_not_found");
                self.refusal = error.or(self.refusal.take());
            }
            Ended::Unsent(why) => {
                flight.end(Outcome::Lost, false);
                self.did_not_run(target, format!("{}: {why}", chosen.name));
            }
            Ended::Lost(why) => {
                flight.end(Outcome::Lost, false);
                let lost = self.lost(target, &chosen.name, &why);
                if self.tries >= offer.retry || !self.caller.may_retry() {
                    return Some(Err(lost));
                }
                return self.retry(lost).await;
            }
            Ended::Doubted(why) => {
                flight.give_up();
                let lost = self.lost(target, &chosen.name, &why);
                return self.retry(lost).await;
            }
        }
        None
    }

    /// Waits for the end of an attempt; no longer when its target is doubted,
    /// and the call may be made elsewhere instead.
    async fn unless_doubted(
        &self,
        ended: impl Future<Output = Ended>,
        mut doubts: watch::Receiver<&'static str>,
        offer: &Offer,
        route: RouteId,
    ) -> Ended {
        let mut ended = pin!(ended);
        // A key has one owner, and nobody else may answer it.
        let may = self.tries < offer.retry && offer.shard.is_none();
        loop {
            tokio::select! {
                biased;
                ended = &mut ended => return ended,
                Ok(()) = doubts.changed(), if may => {
                    let why = *doubts.borrow_and_update();
                    if self.caller.has_choice(route) && self.caller.may_retry() {
                        return Ended::Doubted(why.into());
                    }
                }
            }
        }
    }

    fn lost(&mut self, target: TargetId, name: &str, why: &str) -> ActError {
        self.exclude.push(target);
        self.why = format!("{name}: {why}");
        target_lost(&self.pattern, name, why, self.tries + 1)
    }

    /// Makes another attempt possible.
    async fn retry(&mut self, lost: ActError) -> Option<Result<Value, ActError>> {
        self.lost = Some(lost);
        self.tries += 1;
        // The first retry goes at once: the others are alive.
        match self.tries > 1 {
            true => self.pause().await.err().map(Err),
            false => None,
        }
    }

    fn did_not_run(&mut self, target: TargetId, why: String) {
        self.why = why;
        self.exclude.push(target);
        self.written.store(self.lost.is_some(), Ordering::Relaxed);
    }
}
