//! Opens a connection to a target, with or without TLS.

use serde_json::{Map, Value};
use tokio::net::TcpStream;

use super::gate::HI;
use super::lines::{Line, Lines};
use super::stream::{Stream, tune};
use super::tls::{Secure, explain};

/// What is believed of the reason for a refusal, in characters.
const MAX_WHY: usize = 300;

/// Opens it as far as calls can be written: a client of TLS 1.3 believes its
/// handshake to be over before the other side has seen its certificate, so with
/// TLS the other side has to say that it is ready. `Err`: why not; no call was
/// written.
pub(super) async fn dial(
    host: &str,
    port: u16,
    secure: Option<&Secure>,
    max_line: usize,
) -> Result<(Stream, Lines), String> {
    let connected = TcpStream::connect((host, port)).await;
    let stream = connected.map_err(|error| error.to_string())?;
    tune(&stream);
    let mut lines = Lines::new(max_line, None);
    let Some(secure) = secure else {
        return Ok((Stream::Plain(stream), lines));
    };
    let stream = secure.connect(stream).await;
    let stream = stream.map_err(|error| explain(&error))?;
    let mut stream = Stream::Secure(Box::new(stream));
    greeting(&mut stream, &mut lines).await?;
    Ok((stream, lines))
}

async fn greeting(stream: &mut Stream, lines: &mut Lines) -> Result<(), String> {
    let (mut reader, _) = stream.split();
    loop {
        match lines.next() {
            Some(Line::Whole(HI)) => return Ok(()),
            Some(Line::Whole(line)) => return Err(refusal(line)),
            Some(Line::TooLong(_)) => return Err(refusal(b"")),
            None => {}
        }
        match lines.fill(&mut reader).await {
            Ok(0) => return Err("closed by the other side".into()),
            Ok(_) => {}
            Err(error) => return Err(explain(&error)),
        }
    }
}

/// What it means that a listener with TLS says something else first.
fn refusal(line: &[u8]) -> String {
    let said: Map<String, Value> = serde_json::from_slice(line).unwrap_or_default();
    let text = |name: &str| said.get(name).and_then(Value::as_str);
    match (text("kind"), text("why")) {
        (Some("no"), Some(why)) => {
            let why: String = why.chars().take(MAX_WHY).collect();
            format!("it refuses us: {why}")
        }
        _ => "it does not speak as a node with TLS does".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_why() {
        let why = refusal(br#"{"kind":"no","why":"it shows no certificate"}"#);
        assert_eq!(why, "it refuses us: it shows no certificate");
        for odd in [&b""[..], b"[]", b"{", br#"{"kind":"no","why":5}"#] {
            assert_eq!(refusal(odd), "it does not speak as a node with TLS does");
        }
        let long = format!(r#"{{"kind":"no","why":"{}"}}"#, "x".repeat(10_000));
        assert!(refusal(long.as_bytes()).len() < 400);
    }
}
