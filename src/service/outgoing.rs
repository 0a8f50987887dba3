//! The Seneca tcp wire as a client speaks it: `act` out, `res` in.

use std::time::Duration;

use serde_json::{Map, Value};

use super::message::truthy;

/// What of a call is the same for every attempt.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// JSON of the message without its closing brace, so that the deadline
    /// can be added when it is sent.
    body: String,
    /// The nodes that it came through.
    track: Vec<String>,
}

impl Outgoing {
    /// Top-level directives stay home, as in the stock client.
    pub fn new(msg: &Map<String, Value>, track: &[String]) -> Self {
        let mut act = msg.clone();
        act.retain(|key, _| !key.ends_with('$'));
        act.insert("custom$".into(), Value::Object(Map::new()));
        let mut body = serde_json::to_string(&act).unwrap_or_default();
        body.pop();
        Outgoing {
            body,
            track: track.to_vec(),
        }
    }

    pub fn len(&self) -> usize {
        self.body.len()
    }

    /// One attempt. `greet`: the first line of a connection says that we
    /// understand a goodbye; stock listeners ignore it.
    pub fn line(&self, id: &str, origin: &str, sent: u64, left: Duration, greet: bool) -> Vec<u8> {
        let origin = Value::from(origin);
        let left = left.as_millis().max(1);
        let Outgoing { body, track } = self;
        let passed: String = track
            .iter()
            .map(|id| format!("{},", Value::from(&id[..])))
            .collect();
        let mut line = format!(
            r#"{{"id":{},"kind":"act","origin":{origin},"track":[{passed}{origin}],"time":{{"client_sent":{sent}}},"act":{body},"timeout$":{left}}},"sync":true"#,
            Value::from(id),
        );
        if greet {
            line.push_str(&format!(r#","msg$":{{"vin":1,"sid":{origin},"bye":1}}"#));
        }
        line.push_str("}\n");
        line.into_bytes()
    }
}

/// A line from a listener.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    Ok(String, Value),
    /// The action ran and failed.
    Error(String, Value),
    /// It was not run.
    Refused(String, Value),
    /// It leaves: lines after so many were not run.
    Bye(u64),
    /// No reply that we can use.
    Other,
}

/// Does a line tell that the message was passed on to the owner of its key?
pub(super) fn is_moved(line: &[u8]) -> bool {
    // At its end, so that nobody reads all of a long reply for it.
    line.trim_ascii_end().ends_with(br#","moved":true}"#)
}

/// Reads a line; `Err` when it is no JSON at all.
pub(super) fn read_reply(line: &[u8]) -> Result<Incoming, serde_json::Error> {
    let Value::Object(mut data) = serde_json::from_slice(line)? else {
        return Ok(Incoming::Other);
    };
    let kind = data.remove("kind");
    let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default();
    if kind == "bye" {
        let accepted = data.get("accepted").and_then(Value::as_u64);
        return Ok(accepted.map_or(Incoming::Other, Incoming::Bye));
    }
    let Some(Value::String(id)) = data.remove("id").filter(|_| kind == "res") else {
        return Ok(Incoming::Other);
    };
    Ok(match data.remove("error").filter(truthy) {
        Some(error) if data.get("ran") == Some(&Value::Bool(false)) => Incoming::Refused(id, error),
        Some(error) => Incoming::Error(id, error),
        None => Incoming::Ok(id, data.remove("res").unwrap_or(Value::Null)),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::service::error::ServiceError;
    use crate::service::message::{Answer, read_request};

    #[test]
    fn what_we_send_we_can_read() {
        let msg = json!({ "a": 1, "fatal$": true, "x": { "y$": 2 } });
        let out = Outgoing::new(msg.as_object().unwrap(), &["C".into()]);
        let line = out.line("m/t", "ME\"", 77, Duration::from_millis(1_234), true);
        let request = read_request(&line, "OWN").unwrap();
        assert_eq!(
            Value::Object(request.act),
            json!({ "a": 1, "x": { "y$": 2 } })
        );
        assert_eq!(request.timeout, Some(Duration::from_millis(1_234)));
        assert!(request.head.ours && request.sync);
        assert_eq!(request.head.track, ["C", "ME\""]);
        let reply = |answer: Answer| {
            let line = answer.line(&request.head, "S", 0, 1_000);
            read_reply(&line).unwrap()
        };
        let id = || "m/t".to_string();
        assert_eq!(
            reply(Answer::Ok(json!([1]))),
            Incoming::Ok(id(), json!([1]))
        );
        let error = ServiceError::new("c", "m");
        let wire = error.to_wire();
        assert_eq!(
            reply(Answer::Failed(error.clone())),
            Incoming::Error(id(), wire.clone())
        );
        assert_eq!(reply(Answer::Refused(error)), Incoming::Refused(id(), wire));
        assert_eq!(
            read_reply(br#"{"kind":"bye","accepted":3}"#).unwrap(),
            Incoming::Bye(3)
        );
        for odd in [
            "[]",
            "1",
            "{}",
            r#"{"kind":"res","id":5}"#,
            r#"{"kind":"bye","accepted":-1}"#,
        ] {
            assert_eq!(
                read_reply(odd.as_bytes()).unwrap(),
                Incoming::Other,
                "{odd}"
            );
        }
    }
}
