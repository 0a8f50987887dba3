//! A call that goes to every target of its route.

use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::act::Call;
use super::error::ActError;
use super::flight::Flight;
use super::link::Ended;
use super::reach::wants_tls;
use crate::routing::{Outcome, RouteId};

impl Call<'_> {
    /// Every target gets the message. The first result counts; an error only
    /// when there is no result; nobody's answer is `null`, unless the time is
    /// up: then somebody may still be at it.
    pub(super) async fn observe(&mut self, route: RouteId) -> Result<Value, ActError> {
        let (report, mut results) = tokio::sync::mpsc::unbounded_channel();
        for (target, service) in self.caller.begin_all(route) {
            let mut flight = Flight::new(self.caller.clone(), route, target);
            let secure = self.caller.common.secure.as_deref();
            // As if it were not there: none is required.
            let Ok(secure) = wants_tls(secure, &service.host, &service) else {
                continue;
            };
            let deadline = self.deadline;
            let message = self.message.clone();
            let (ended, _) = flight.send(&service, secure, message, deadline, self.written.clone());
            let report = report.clone();
            // On its own, so that all get it, whoever answers first.
            tokio::spawn(async move {
                match timeout_at(deadline, ended).await {
                    Ok(Ended::Ok(value)) => {
                        flight.end(Outcome::Ok, true);
                        let _ = report.send(Ok(value));
                    }
                    Ok(Ended::Error(error)) => {
                        flight.end(Outcome::Error, true);
                        let _ = report.send(Err(ActError::from_wire(error)));
                    }
                    Ok(Ended::Refused(..)) => flight.end(Outcome::Error, false),
                    Ok(Ended::Unsent(_) | Ended::Lost(_) | Ended::Doubted(_)) => {
                        flight.end(Outcome::Lost, false)
                    }
                    Err(_) => flight.end(Outcome::Timeout, true),
                }
            });
        }
        drop(report);
        let mut failed = None;
        while let Some(result) = results.recv().await {
            match result {
                Ok(value) => return Ok(value),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) => Err(error),
            None if Instant::now() >= self.deadline => Err(self.timed_out()),
            None => Ok(Value::Null),
        }
    }
}
