//! One call: where it goes, and what becomes of it when its target does not
//! answer.
//!
//! - never written, or refused by the other side before it ran: another
//!   target, by itself;
//! - written and lost: `target_lost`, unless the offer allows `retry`; a retry
//!   has a new id, stays inside the deadline, and is paid from a budget, so
//!   that a dying cluster is not finished off by retries. It goes to another
//!   target first, and where there is none back to the same one;
//! - written, and its target does not answer the link any more or is suspect:
//!   the same, where the offer allows `retry` and there is another target;
//! - no target: waits as long as the offer says, then `no_target`;
//! - deadline: `call_timeout`, whatever the state.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::caller::Caller;
use super::choose::Picked;
use super::dispatch::Home;
use super::error::{ActError, key_missing, overloaded};
use super::outgoing::Outgoing;
use crate::routing::{Offer, TargetId};

/// A call that waits looks for a target when one appears, and this often (one
/// may be pausing).
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_millis(500);

/// A call and its attempts.
pub(super) struct Call<'a> {
    pub(super) caller: Arc<Caller>,
    /// This service answers it as well, where it owns its key.
    home: Option<&'a Home>,
    msg: Value,
    pub(super) message: Arc<Outgoing>,
    begun: Instant,
    pub(super) deadline: Instant,
    pub(super) exclude: Vec<TargetId>,
    /// Why the last attempt did not work.
    pub(super) why: String,
    pub(super) lost: Option<ActError>,
    /// Why a target did not run it.
    pub(super) refusal: Option<ActError>,
    /// It may run, or have run, somewhere: an attempt was written that is not
    /// known to have been refused.
    pub(super) written: Arc<AtomicBool>,
    /// Retries of what was lost.
    pub(super) tries: u32,
    /// How often it waited before it was sent again.
    pauses: u32,
    wait_until: Option<Instant>,
    pub(super) pattern: String,
    pub(super) target: Option<String>,
}

impl<'a> Call<'a> {
    pub fn new(
        caller: Arc<Caller>,
        msg: Value,
        message: Outgoing,
        deadline: Instant,
        home: Option<&'a Home>,
    ) -> Self {
        Call {
            caller,
            home,
            msg,
            message: Arc::new(message),
            begun: Instant::now(),
            deadline,
            exclude: Vec::new(),
            why: String::new(),
            lost: None,
            refusal: None,
            written: Arc::default(),
            tries: 0,
            pauses: 0,
            wait_until: None,
            pattern: String::new(),
            target: None,
        }
    }

    /// `None`: this node has become the owner of its key.
    pub async fn run(mut self) -> Option<Result<Value, ActError>> {
        loop {
            // Subscribed before looking, so that no change is missed.
            let mut changed = self.caller.changed.subscribe();
            let picked = self.caller.pick(&self.msg, &self.exclude, self.home);
            match picked {
                Picked::Home => return None,
                Picked::Target(chosen) => {
                    if let Some(result) = self.attempt(*chosen).await {
                        return Some(result);
                    }
                }
                Picked::Observe(route, pattern, offer) => {
                    self.pattern = pattern;
                    self.bound(&offer);
                    return Some(self.observe(route).await);
                }
                Picked::Overloaded(pattern) => return Some(Err(overloaded(&pattern, None))),
                Picked::NoKey(pattern, key) => return Some(Err(key_missing(&pattern, &key))),
                Picked::Unknown => return Some(Err(self.not_found())),
                Picked::Nobody(pattern, offer) => {
                    let wait = Duration::from_millis(offer.wait.unwrap_or(0));
                    let until = *self.wait_until.get_or_insert_with(|| Instant::now() + wait);
                    let until = until.min(self.deadline);
                    if Instant::now() >= until {
                        // Nobody else is there: the one that was lost may come back.
                        if self.lost.is_some() && self.pauses < offer.retry {
                            if let Err(error) = self.pause().await {
                                return Some(Err(error));
                            }
                            continue;
                        }
                        return Some(Err(self.nobody(&pattern, wait)));
                    }
                    self.exclude.clear();
                    tokio::select! {
                        _ = changed.changed() => {}
                        () = sleep(LOOK_AGAIN) => {}
                        () = sleep_until(until) => {}
                    }
                }
            }
        }
    }

    /// The offer may give it less time than its caller.
    pub(super) fn bound(&mut self, offer: &Offer) {
        if let Some(ms) = offer.timeout {
            self.deadline = self.deadline.min(self.begun + Duration::from_millis(ms));
        }
    }

    /// Before another attempt, which may go where it failed; `Err` when there
    /// is no time for one.
    pub(super) async fn pause(&mut self) -> Result<(), ActError> {
        self.pauses += 1;
        self.exclude.clear();
        let pause = FIRST_PAUSE * 2u32.pow(self.tries.max(self.pauses).min(10));
        let until = Instant::now() + pause.min(MAX_PAUSE);
        sleep_until(until.min(self.deadline)).await;
        match until < self.deadline {
            true => Ok(()),
            false => Err(self.timed_out()),
        }
    }

    pub(super) fn timed_out(&self) -> ActError {
        let elapsed = self.begun.elapsed().as_millis() as u64;
        let (pattern, target) = (&self.pattern, &self.target);
        let whom = target.as_ref().map(|name| format!(" from {name}"));
        let whom = whom.unwrap_or_default();
        let text = format!("The call of {pattern} got no answer within {elapsed} ms{whom}.");
        let written = self.written.load(Ordering::Relaxed);
        let mut details = json!({
            "pattern": pattern,
            "target": target,
            "elapsed": elapsed,
            "written": written,
        });
        if !self.why.is_empty() {
            details["why"] = json!(self.why);
        }
        ActError::new("call_timeout", text, details)
    }

    fn nobody(&mut self, pattern: &str, wait: Duration) -> ActError {
        if let Some(lost) = self.lost.take() {
            return lost;
        }
        if Instant::now() >= self.deadline {
            self.pattern = pattern.into();
            return self.timed_out();
        }
        if let Some(refusal) = self.refusal.take() {
            return refusal;
        }
        let why = if self.why.is_empty() {
            "none is known"
        } else {
            &self.why
        };
        let wait = wait.as_millis() as u64;
        let waited = if wait > 0 {
            format!(" (waited {wait} ms)")
        } else {
            String::new()
        };
        let text = format!("No live node answers {pattern}{waited}: {why}.");
        let details = json!({ "pattern": pattern, "waited": wait, "why": why });
        ActError::new("no_target", text, details)
    }

    fn not_found(&self) -> ActError {
        let args: String = self.msg.to_string().chars().take(400).collect();
        let text = format!("No matching action pattern found for {args}.");
        ActError::new("act_not_found", text, json!({ "args": args }))
    }
}
