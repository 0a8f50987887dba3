//! What can go wrong with a call, on either side.

use std::fmt;

use serde_json::{Map, Value, json};

/// The error that an action answers with. Its caller gets code, message and
/// details, whatever language it is written in.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceError {
    /// Short and stable, for programs: `user_not_found`.
    pub code: String,
    /// One line for humans.
    pub message: String,
    /// Anything that helps; an object, or `null`.
    pub details: Value,
}

impl ServiceError {
    /// An error without details.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        ServiceError {
            code: code.into(),
            message: message.into(),
            details: Value::Null,
        }
    }

    /// The same error with details.
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// As it travels. Marked as Seneca's own, because a stock client hides the
    /// code of any other error behind `act_execute`.
    pub(super) fn to_wire(&self) -> Value {
        json!({
            "code": self.code,
            "message": self.message,
            "details": self.details,
            "name": "Error",
            "seneca": true,
            "eraro": true,
            "package": "seneca-gossip",
            "msg": self.message,
            "callpoint": "",
        })
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for ServiceError {}

impl From<ActError> for ServiceError {
    /// Passes on the error of a call that the action made itself.
    fn from(error: ActError) -> Self {
        ServiceError {
            code: error.code,
            message: error.message,
            details: error.details,
        }
    }
}

/// Why a call got no result.
///
/// | code | meaning |
/// |---|---|
/// | `act_not_found` | nobody has ever published a pattern that matches the message |
/// | `no_target` | nobody who answers it is live now, or none over tcp |
/// | `target_lost` | the connection died after the call was written: it may have run |
/// | `call_timeout` | no answer before the deadline; `written` in its details says whether it may have run |
/// | `overloaded` | every target has as many calls in flight as its offer allows |
/// | `reply_too_long` | the reply is longer than the longest line allowed |
/// | `invalid_json` | message or reply cannot be read by the Rust side, though JavaScript wrote it: half a surrogate pair, or too deep |
/// | `shard_key_missing` | the message lacks the key that decides what node owns it |
/// | `not_owner` | the owner of a key was still another one for those asked, until the offer's `wait` was over |
/// | `message_too_long` | the message is longer than the longest line allowed |
/// | `invalid_message` | the message is no JSON object |
/// | `closed` | this service is closed |
///
/// Any other code is the remote action's own.
#[derive(Debug, Clone, PartialEq)]
pub struct ActError {
    /// See the table.
    pub code: String,
    /// One line for humans.
    pub message: String,
    /// What the message names, for programs; or the remote's own details.
    pub details: Value,
    /// Everything else that the remote said about the error.
    pub remote: Map<String, Value>,
}

impl ActError {
    pub(super) fn new(code: &str, message: String, details: Value) -> Self {
        ActError {
            code: code.into(),
            message,
            details,
            remote: Map::new(),
        }
    }

    /// From the `error` of a reply, which may be anything.
    pub(super) fn from_wire(error: Value) -> Self {
        let mut remote = match error {
            Value::Object(remote) => remote,
            other => Map::from_iter([("message".to_string(), other)]),
        };
        let mut text = |key: &str| match remote.remove(key) {
            Some(Value::String(text)) => Some(text),
            Some(Value::Null) | None => None,
            Some(other) => Some(other.to_string()),
        };
        ActError {
            code: text("code").unwrap_or_else(|| "act_execute".into()),
            message: text("message").unwrap_or_default(),
            details: remote.remove("details").unwrap_or(Value::Null),
            remote,
        }
    }
}

impl fmt::Display for ActError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for ActError {}

impl From<ServiceError> for ActError {
    /// An action of this very service has failed.
    fn from(error: ServiceError) -> Self {
        ActError {
            code: error.code,
            message: error.message,
            details: error.details,
            remote: Map::new(),
        }
    }
}

pub(super) fn target_lost(pattern: &str, target: &str, why: &str, tries: u32) -> ActError {
    let text = format!(
        "The connection to {target} was lost ({why}) after the call of {pattern} was written \
         to it: it may have run there or not."
    );
    let details = json!({
        "pattern": pattern,
        "target": target,
        "why": why,
        "written": true,
        "tries": tries,
    });
    ActError::new("target_lost", text, details)
}

pub(super) fn transport_missing(target: &str, kind: &str, why: &str) -> ActError {
    let text = format!(
        "The node {target} is reached by the transport '{kind}', which cannot be used here: {why}."
    );
    let details = json!({ "target": target, "kind": kind, "why": why });
    ActError::new("transport_missing", text, details)
}

pub(super) fn key_missing(pattern: &str, key: &str) -> ActError {
    let text = format!(
        "The message for {pattern} has no '{key}', which decides what node owns it: give it a \
         string, a number or a boolean, or make its sharding optional."
    );
    let details = json!({ "pattern": pattern, "key": key });
    ActError::new("shard_key_missing", text, details)
}

/// `why`: if not because all targets have as many calls as they allow.
pub(super) fn overloaded(pattern: &str, why: Option<&str>) -> ActError {
    let reason = why.unwrap_or("all are at their limit");
    let text = format!("No target of {pattern} can take another call now: {reason}.");
    let details = match why {
        Some(why) => json!({ "pattern": pattern, "why": why }),
        None => json!({ "pattern": pattern }),
    };
    ActError::new("overloaded", text, details)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_trip() {
        let error = ServiceError::new("bad", "bad thing").with_details(json!({ "q": 1 }));
        let back = ActError::from_wire(error.to_wire());
        assert_eq!(
            (back.code.as_str(), back.message.as_str()),
            ("bad", "bad thing")
        );
        assert_eq!(back.details, json!({ "q": 1 }));
        assert_eq!(ServiceError::from(back), error);
    }

    #[test]
    fn any_error_value_can_be_read() {
        for odd in [
            json!(null),
            json!(1),
            json!("x"),
            json!([]),
            json!({ "code": 5 }),
        ] {
            ActError::from_wire(odd);
        }
        assert_eq!(ActError::from_wire(json!({ "code": 5 })).code, "5");
    }
}
