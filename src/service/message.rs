//! The Seneca tcp wire as a listener speaks it: `act` in, `res` out, one JSON
//! object a line.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::{Map, Number, Value};

use super::error::ServiceError;
use super::lines::PREFIX;

/// A longer id or origin is not one of Seneca's.
const MAX_ID: usize = 512;
/// The longest time that a caller may name, in ms: a day.
const MAX_TIMEOUT: f64 = 24.0 * 3_600_000.0;
/// Most nodes that a `track` may name.
const MAX_TRACK: usize = 64;

/// A request as it arrived.
#[derive(Debug)]
pub(super) struct Request {
    pub head: Head,
    /// The message, without directives.
    pub act: Map<String, Value>,
    /// What the caller gives us.
    pub timeout: Option<Duration>,
    /// Does the caller want an answer?
    pub sync: bool,
}

/// What of a request its reply repeats.
#[derive(Debug, Clone)]
pub(super) struct Head {
    /// Absent, or whatever scalar came.
    pub id: Option<Value>,
    pub origin: Option<String>,
    pub track: Vec<String>,
    pub sent: Number,
    /// The sender is one of us: understands a goodbye, and its clock does not
    /// step.
    pub ours: bool,
    /// This node passed the message on to the owner of its key.
    pub moved: bool,
}

impl Head {
    /// Of a line of which only the beginning is known, or can be read: what
    /// JavaScript writes is not always JSON to us (half a surrogate pair, or
    /// too deep). An id counts only where the line begins with it, as Seneca's
    /// lines do.
    pub fn of_prefix(line: &[u8]) -> Self {
        let prefix = &line[..line.len().min(PREFIX)];
        let text = |bytes: &[u8]| {
            let mut values = serde_json::Deserializer::from_slice(bytes).into_iter();
            values
                .next()
                .and_then(Result::ok)
                .filter(|text: &String| text.len() <= MAX_ID)
        };
        let after = |key: &[u8]| {
            let at = prefix.windows(key.len()).position(|part| part == key)?;
            text(&prefix[at + key.len()..])
        };
        Head {
            id: prefix
                .starts_with(b"{\"id\":")
                .then(|| after(b"\"id\":"))
                .flatten()
                .map(Value::from),
            origin: after(b"\"origin\":"),
            ..Head::default()
        }
    }
}

impl Default for Head {
    fn default() -> Self {
        head(&mut Map::new())
    }
}

/// A line that is not acted on.
#[derive(Debug)]
pub(super) struct Refused {
    pub head: Head,
    pub error: ServiceError,
    /// The sender wants no answer, not even this one.
    pub silent: bool,
}

/// Reads a line. `own` is our id, for the check of loops.
pub(super) fn read_request(line: &[u8], own: &str) -> Result<Request, Box<Refused>> {
    let refused = |head, code, text: String, silent| {
        Err(Box::new(Refused {
            head,
            error: ServiceError::new(code, text),
            silent,
        }))
    };
    let mut data: Map<String, Value> = match serde_json::from_slice(line) {
        Ok(Value::Object(data)) => data,
        Ok(_) => {
            let text = "The message has no data: it must be a JSON object.";
            return refused(Head::default(), "no_data", text.into(), false);
        }
        Err(error) => {
            let text = format!("Invalid JSON: {error}.");
            return refused(Head::of_prefix(line), "invalid_json", text, false);
        }
    };
    let head = head(&mut data);
    let silent = data.get("sync") == Some(&Value::Bool(false));
    let refuse = |head, code, text: &str| refused(head, code, text.into(), silent);
    if data.get("kind").and_then(Value::as_str) != Some("act") {
        let text = "Inbound messages should have kind \"act\".";
        return refuse(head, "invalid_kind_act", text);
    }
    match &head.id {
        Some(Value::Null) => {
            return refuse(head, "no_message_id", "The message has no identifier.");
        }
        Some(Value::String(id)) if id.len() <= MAX_ID => {}
        None => {}
        Some(_) => {
            let text = "The message identifier must be a string of at most 512 characters.";
            let known = |id: &Value| !id.is_object() && !id.is_array() && !long(id);
            let id = head.id.clone().filter(known);
            return refuse(Head { id, ..head }, "invalid_message_id", text);
        }
    }
    let Some(Value::Object(mut act)) = data.remove("act") else {
        let text = "The message has no `act`: it must be an object, the message itself.";
        return refuse(head, "invalid_act", text);
    };
    if data.get("error").is_some_and(truthy) {
        let text = "Inbound message included an error description.";
        return refuse(head, "data_error", text);
    }
    if head.track.iter().any(|id| id == own) {
        let text = "Inbound message rejected as looping back to this server.";
        return refuse(head, "message_loop", text);
    }
    let timeout = act.get("timeout$").and_then(Value::as_f64);
    let timeout = timeout.filter(|ms| *ms > 0.0).map(|ms| ms.min(MAX_TIMEOUT));
    // Directives are for Seneca's inside; `fatal$` ends a process.
    act.retain(|key, _| !key.ends_with('$'));
    Ok(Request {
        head,
        act,
        timeout: timeout.map(|ms| Duration::from_secs_f64(ms / 1_000.0)),
        sync: data.get("sync").is_some_and(truthy),
    })
}

fn head(data: &mut Map<String, Value>) -> Head {
    let text = |value: &Value| match value {
        Value::String(text) if text.len() <= MAX_ID => Some(text.clone()),
        _ => None,
    };
    let track = data.get("track").and_then(Value::as_array);
    let track = track.into_iter().flatten().take(MAX_TRACK);
    let time = data.get("time").and_then(|time| time.get("client_sent"));
    let bye = data.get("msg$").and_then(|mark| mark.get("bye"));
    Head {
        origin: data.get("origin").and_then(text),
        track: track.filter_map(text).collect(),
        sent: match time {
            Some(Value::Number(sent)) => sent.clone(),
            _ => Number::from(0),
        },
        ours: bye.and_then(Value::as_u64) == Some(1),
        moved: false,
        id: data.remove("id"),
    }
}

fn long(id: &Value) -> bool {
    id.as_str().is_some_and(|id| id.len() > MAX_ID)
}

/// JavaScript's idea of true.
pub(super) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

#[derive(Serialize)]
struct Reply<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: &'a Option<Value>,
    kind: &'a str,
    origin: &'a Option<String>,
    accept: &'a str,
    track: &'a [String],
    time: ReplyTime<'a>,
    sync: bool,
    res: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ran: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    moved: Option<bool>,
}

#[derive(Serialize)]
struct ReplyTime<'a> {
    client_sent: &'a Number,
    listen_recv: u64,
    listen_sent: u64,
}

/// How a call ended here.
#[derive(Debug)]
pub(super) enum Answer {
    Ok(Value),
    /// The action ran and failed.
    Failed(ServiceError),
    /// It was not run, and may be run elsewhere.
    Refused(ServiceError),
}

impl Answer {
    fn failed(code: &str, text: String) -> Self {
        Answer::Failed(ServiceError::new(code, text))
    }

    /// As it travels: the line of a reply, of at most `max` bytes.
    pub fn line(&self, head: &Head, accept: &str, received: u64, max: usize) -> Vec<u8> {
        if let Answer::Ok(Value::Bool(_) | Value::Number(_) | Value::String(_)) = self {
            let text = "The result of an action must be an object, an array or null.";
            let error = Answer::failed("result_not_objarr", text.into());
            return error.line(head, accept, received, max);
        }
        let reply = Reply {
            id: &head.id,
            kind: "res",
            origin: &head.origin,
            accept,
            track: &head.track,
            time: ReplyTime {
                client_sent: &head.sent,
                listen_recv: received,
                listen_sent: wall(),
            },
            sync: true,
            res: match self {
                Answer::Ok(value) => Some(value),
                _ => None,
            },
            error: match self {
                Answer::Ok(_) => None,
                Answer::Failed(error) | Answer::Refused(error) => Some(error.to_wire()),
            },
            ran: matches!(self, Answer::Refused(_)).then_some(false),
            moved: head.moved.then_some(true),
        };
        let mut line = serde_json::to_vec(&reply).unwrap_or_default();
        if line.len() > max {
            let code = "reply_too_long";
            let text = format!("The reply has more than {max} bytes, the longest line allowed.");
            // An error that fits, whatever `max` is.
            return Answer::failed(code, text).line(head, accept, received, usize::MAX);
        }
        line.push(b'\n');
        line
    }
}

/// Milliseconds since the Unix epoch.
pub(super) fn wall() -> u64 {
    let since = SystemTime::UNIX_EPOCH.elapsed();
    since.map_or(0, |t| t.as_millis() as u64)
}

#[cfg(test)]
mod tests;
