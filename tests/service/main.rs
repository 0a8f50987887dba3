//! The Rust service against stock Seneca processes, against raw sockets, and
//! against itself.

mod addresses;
mod cluster;
mod example;
mod hostile;
mod lasting;
#[path = "../ports/mod.rs"]
mod ports;
#[cfg(feature = "tls")]
mod secure;
mod sharded;
mod stock;
mod targets;

use std::future::Future;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use seneca_gossip::service::{Builder, Service, ServiceError};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Nothing here may take longer; most takes a few ms.
const LONG: Duration = Duration::from_secs(20);

/// A service with one action of every kind.
fn api() -> Builder {
    Service::builder()
        .pin("role:api")
        .answer("role:api,cmd:mcl", |msg: Value| async move {
            let factor = |name: &str| msg[name].as_i64();
            match (factor("left"), factor("right")) {
                (Some(left), Some(right)) => Ok(json!({ "answer": left * right })),
                _ => {
                    let error = ServiceError::new("not_a_number", "left and right must be numbers");
                    Err(error.with_details(json!({ "left": msg["left"] })))
                }
            }
        })
        .answer("role:api,cmd:keys", |msg: Value| async move {
            let keys: Vec<String> = msg.as_object().unwrap().keys().cloned().collect();
            Ok(json!({ "keys": keys }))
        })
        .answer("role:api,cmd:big", |msg: Value| async move {
            let size = msg["size"].as_u64().unwrap() as usize;
            Ok(json!({ "text": "x".repeat(size) }))
        })
        .answer("role:api,cmd:slow", |msg: Value| async move {
            sleep(Duration::from_millis(msg["ms"].as_u64().unwrap())).await;
            Ok(json!({ "slept": msg["ms"] }))
        })
        .answer("role:api,cmd:null", |_| async { Ok(Value::Null) })
        .answer("role:api,cmd:array", |_| async {
            Ok(json!([1, { "a": 2 }, "x"]))
        })
        .answer("role:api,cmd:scalar", |_| async { Ok(json!(5)) })
        .answer("role:api,cmd:panic", |_| async { panic!("told to") })
        .answer("role:private,cmd:x", |_| async {
            Ok(json!({ "private": true }))
        })
}

async fn start(builder: Builder) -> Service {
    builder.start().await.expect("a service that starts")
}

/// A service that knows one gossip address of the others.
async fn join(builder: Builder, seed: &Service) -> Service {
    start(builder.seeds([seed.gossip_addr().to_string()])).await
}

/// Eight callers at once for a second and a half: how many calls they made, and
/// how many failed.
fn load(client: &Service, msg: Value) -> JoinHandle<(usize, usize)> {
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (client, msg) = (client.clone(), msg.clone());
            tokio::spawn(async move {
                let (mut made, mut failed) = (0, 0);
                let end = Instant::now() + Duration::from_millis(1_500);
                while Instant::now() < end {
                    let result = client.act(msg.clone()).await;
                    made += 1;
                    if let Err(error) = result {
                        eprintln!("{error}");
                        failed += 1;
                    }
                }
                (made, failed)
            })
        })
        .collect();
    tokio::spawn(async move {
        let mut all = (0, 0);
        for caller in callers {
            let (made, failed) = caller.await.unwrap();
            all = (all.0 + made, all.1 + failed);
        }
        all
    })
}

async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < LONG, "waited too long: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// A connection to a call port, by hand.
struct Raw {
    lines: Lines<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
}

impl Raw {
    async fn to(service: &Service) -> Raw {
        let port = service.port().expect("a call port");
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let (reader, writer) = stream.into_split();
        let lines = BufReader::new(reader).lines();
        Raw { lines, writer }
    }

    async fn send(&mut self, line: impl AsRef<[u8]>) {
        self.writer.write_all(line.as_ref()).await.unwrap();
        self.writer.write_all(b"\n").await.unwrap();
    }

    /// The next reply; `None` at the end.
    async fn reply(&mut self) -> Option<Value> {
        let line = timeout(LONG, self.lines.next_line())
            .await
            .expect("an answer");
        let line = line.ok().flatten()?;
        Some(serde_json::from_str(&line).unwrap())
    }

    async fn ask(&mut self, line: Value) -> Value {
        self.send(line.to_string()).await;
        self.reply().await.expect("a reply")
    }
}

fn act(id: impl Into<Value>, act: Value) -> Value {
    json!({ "id": id.into(), "kind": "act", "origin": "RAW", "track": ["RAW"], "act": act, "sync": true })
}

/// `node` and a folder with seneca from npm, or the reason why there is none.
fn node() -> Result<(PathBuf, PathBuf), String> {
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("node_modules")];
    let more = std::env::var_os("NODE_PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&more));
    let modules = folders
        .into_iter()
        .find(|folder| folder.join("seneca/package.json").exists());
    let modules = modules.ok_or("seneca is not installed: npm install")?;
    let node = PathBuf::from("node");
    let version = std::process::Command::new(&node).arg("--version").output();
    version.map_err(|error| format!("node cannot be run: {error}"))?;
    Ok((node, modules))
}
