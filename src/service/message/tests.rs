//! Envelopes as they were captured, and as strangers make them.

use proptest::prelude::{any, prop, prop_assert, proptest};
use serde_json::json;

use super::*;

fn read(value: Value) -> Result<Request, Box<Refused>> {
    read_request(value.to_string().as_bytes(), "OWN")
}

fn refusal(value: Value) -> (Box<Refused>, Value) {
    let refused = read(value).unwrap_err();
    let line = Answer::Refused(refused.error.clone()).line(&refused.head, "OWN", 5, 10_000);
    (refused, serde_json::from_slice(&line).unwrap())
}

#[test]
fn a_captured_request() {
    let line = br#"{"id":"hpj9wj836egp/pa9n65qe1emd","kind":"act","origin":"CLI","track":["CLI"],"time":{"client_sent":1795435068918},"act":{"role":"math","cmd":"sum","left":1,"right":2,"custom$":{},"fatal$":true},"sync":true,"msg$":{"vin":1,"sid":"CLI","out":true,"mid":"hpj9wj836egp","cid":"pa9n65qe1emd","snc":true,"pat":"role:math"}}"#;
    let request = read_request(line, "SRV").unwrap();
    let act = json!({ "role": "math", "cmd": "sum", "left": 1, "right": 2 });
    assert_eq!(Value::Object(request.act), act);
    assert!(request.sync && !request.head.ours && request.timeout.is_none());
    let answer = Answer::Ok(json!({ "answer": 3 }));
    let line = answer.line(&request.head, "SRV", 1_795_435_068_921, 1_000);
    let text = String::from_utf8(line).unwrap();
    let (before, after) = text.split_once(r#","listen_sent":"#).unwrap();
    // As seneca-transport 8.3 writes it.
    assert_eq!(
        before,
        r#"{"id":"hpj9wj836egp/pa9n65qe1emd","kind":"res","origin":"CLI","accept":"SRV","track":["CLI"],"time":{"client_sent":1795435068918,"listen_recv":1795435068921"#
    );
    let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
    assert_eq!(after, "},\"sync\":true,\"res\":{\"answer\":3}}\n");
}

#[test]
fn what_is_refused_says_why_and_keeps_its_id() {
    let act = json!({ "a": 1 });
    for (value, code, id) in [
        (json!(5), "no_data", None),
        (
            json!({ "id": "a/b" }),
            "invalid_kind_act",
            Some(json!("a/b")),
        ),
        (
            json!({ "id": null, "kind": "act", "act": act }),
            "no_message_id",
            Some(json!(null)),
        ),
        (
            json!({ "id": 7, "kind": "act", "act": act }),
            "invalid_message_id",
            Some(json!(7)),
        ),
        (
            json!({ "id": [1], "kind": "act", "act": act }),
            "invalid_message_id",
            None,
        ),
        (
            json!({ "id": "x".repeat(513), "kind": "act", "act": act }),
            "invalid_message_id",
            None,
        ),
        (
            json!({ "id": "a", "kind": "act" }),
            "invalid_act",
            Some(json!("a")),
        ),
        (
            json!({ "id": "a", "kind": "act", "act": [] }),
            "invalid_act",
            Some(json!("a")),
        ),
        (
            json!({ "id": "a", "kind": "act", "act": act, "error": {} }),
            "data_error",
            Some(json!("a")),
        ),
        (
            json!({ "id": "a", "kind": "act", "act": act, "track": ["OWN"] }),
            "message_loop",
            Some(json!("a")),
        ),
    ] {
        let (refused, reply) = refusal(value.clone());
        assert_eq!(refused.error.code, code, "{value}");
        assert_eq!(reply.get("id"), id.as_ref(), "{value}");
        assert_eq!(reply["sync"], json!(true));
        assert_eq!(reply["ran"], json!(false));
        assert_eq!(reply["error"]["code"], json!(code));
        assert_eq!(reply["res"], Value::Null);
    }
    assert_eq!(
        read_request(b"{", "OWN").unwrap_err().error.code,
        "invalid_json"
    );
    let deep = [&[b'['; 5_000][..], &[b']'; 5_000]].concat();
    assert_eq!(
        read_request(&deep, "OWN").unwrap_err().error.code,
        "invalid_json"
    );
}

#[test]
fn the_head_of_a_line_that_is_too_long() {
    let head = Head::of_prefix(br#"{"id":"a\"b/c","kind":"act","origin":"ME","act":{"x":"yyyy"#);
    assert_eq!(head.id, Some(json!("a\"b/c")));
    assert_eq!(head.origin.as_deref(), Some("ME"));
    for odd in [
        &b""[..],
        b"{",
        b"{\"id\":",
        b"{\"id\":\"x",
        b"\xff\xff",
        b"{\"id\":7",
    ] {
        assert_eq!(Head::of_prefix(odd).id, None);
    }
}

#[test]
fn results_that_do_not_fit() {
    let head = Head::default();
    let line = Answer::Ok(json!({ "x": "y".repeat(500) })).line(&head, "S", 0, 300);
    let reply: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(reply["error"]["code"], json!("reply_too_long"));
    let line = Answer::Ok(json!(5)).line(&head, "S", 0, 1_000);
    let reply: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(reply["error"]["code"], json!("result_not_objarr"));
}

proptest! {
    /// Whatever comes is read or refused, and a reply to it is one line of JSON.
    #[test]
    fn any_line_gets_a_reply(
        noise in prop::collection::vec(any::<u8>(), 0..200),
        id in "[ -~]{0,20}",
        cut in 0..200usize,
    ) {
        let whole = json!({ "id": id, "kind": "act", "origin": id, "act": { "a": id }, "sync": true });
        let mut line = whole.to_string().into_bytes();
        line.truncate(cut);
        for line in [&noise, &line] {
            let (head, answer) = match read_request(line, "OWN") {
                Ok(request) => (request.head, Answer::Ok(Value::Object(request.act))),
                Err(refused) => (refused.head, Answer::Refused(refused.error)),
            };
            let reply = answer.line(&head, "OWN", 0, 10_000);
            prop_assert!(reply.iter().filter(|b| **b == b'\n').count() == 1);
            prop_assert!(serde_json::from_slice::<Value>(&reply).is_ok());
            Head::of_prefix(line);
        }
    }
}
