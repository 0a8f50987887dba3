//! `examples/service.rs`, as a process.

use std::process::{Output, Stdio};

use seneca_gossip::service::Service;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use super::{LONG, start, until};

fn example(args: &[&str]) -> Command {
    // Beside the test's own binary: target/<profile>/deps/..
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let mut command = Command::new(path.join("examples/service"));
    command.args(args).kill_on_drop(true);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn output(args: &[&str]) -> Output {
    let output = example(args).output();
    timeout(LONG, output)
        .await
        .expect("an end")
        .expect("cargo test builds the example")
}

#[tokio::test]
async fn wrong_options_say_what_is_wrong() {
    for (args, code, want) in [
        (&["--bogus"][..], 2, "--bogus"),
        (&["--port", "99999"], 2, "--port"),
        (&["--port"], 2, "--port"),
        (&["--seeds", "nonsense"], 2, "nonsense"),
        (&["--host", "192.0.2.1"], 1, "192.0.2.1"),
    ] {
        let output = output(args).await;
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
        assert!(text.contains(want), "{args:?}: {text}");
    }
    let help = output(&["--help"]).await;
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("--seeds"));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_calls_is_called_and_leaves() {
    let add = Service::builder().answer("role:api,cmd:add", |msg: Value| async move {
        Ok(json!({ "answer": msg["left"].as_i64().unwrap() + msg["right"].as_i64().unwrap() }))
    });
    let here = start(add).await;
    let seed = here.gossip_addr().to_string();
    let mut child = example(&["--port", "0", "--seeds", &seed, "--every", "50"])
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    loop {
        let line = timeout(LONG, lines.next_line())
            .await
            .expect("a line")
            .unwrap();
        let line = line.expect("it still runs");
        assert!(!line.contains('?'), "{line}");
        if line.starts_with("2 + 3 = 5") {
            break;
        }
    }
    let msg = json!({ "role": "api", "cmd": "mcl", "left": 2, "right": 3 });
    // It knows us already; its own patterns reach us within a gossip round.
    until("it can be called", || async {
        here.act(msg.clone()).await == Ok(json!({ "answer": 6 }))
    })
    .await;
    let pid = child.id().unwrap().to_string();
    std::process::Command::new("kill")
        .args(["-TERM", &pid])
        .status()
        .unwrap();
    let status = timeout(LONG, child.wait()).await.expect("an end").unwrap();
    assert!(status.success());
    let mut last = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        last = line;
    }
    assert_eq!(last, "left");
}
