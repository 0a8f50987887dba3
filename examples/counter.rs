//! A sharded service without Node.js: counts what it is asked to,
//! `role:counter,cmd:add,id:...`, in the memory of the node that owns the id, and
//! hands its counts over when nodes come and go.
//!
//!     cargo run --example counter -- --port 4474
//!     cargo run --example counter -- --port 4484 --seeds 127.0.0.1:4475
//!
//! What a real service keeps in a database is a directory here.

#[path = "support/end.rs"]
mod end;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use end::asked_to_end;
use seneca_gossip::service::{Moved, Service, ServiceError, Sharding};
use seneca_gossip::sharding::key_text;
use serde_json::{Value, json};

const HELP: &str = "\
A sharded counter in Rust: answers role:counter,cmd:add ({id} -> {n, pid}).

  --port <n>      port for calls; the gossip port is the next one (0: free ones)
  --seeds <list>  gossip addresses of neighbours, host:port,host:port
  --dir <path>    where counts are kept between two owners
  --help          this text

SIGTERM and SIGINT: hand over, leave the cluster, exit.";

/// The counts of this node, and where they are when they move.
struct Counts {
    dir: PathBuf,
    kept: Mutex<HashMap<String, u64>>,
}

impl Counts {
    fn add(&self, id: &str) -> u64 {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let count = kept.entry(id.into()).or_default();
        *count += 1;
        *count
    }

    /// Saves what is lost, one file a shard, and loads what is gained.
    fn moved(&self, moved: &Moved) -> std::io::Result<()> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut given: BTreeMap<u16, HashMap<String, u64>> = BTreeMap::new();
        for (id, count) in kept.extract_if(|id, _| moved.loses(id)) {
            let shard = moved.shard_of(&id);
            given.entry(shard).or_default().insert(id, count);
        }
        for (shard, counts) in given {
            fs::write(self.file(shard), json!(counts).to_string())?;
        }
        // Mostly there are fewer files than shards.
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let shard = shard_of(&path).filter(|shard| moved.gained.contains(shard));
            if shard.is_some() {
                let counts: HashMap<String, u64> = serde_json::from_slice(&fs::read(path)?)?;
                kept.extend(counts);
            }
        }
        Ok(())
    }

    fn file(&self, shard: u16) -> PathBuf {
        self.dir.join(format!("{shard}.json"))
    }
}

/// The shard whose file it is.
fn shard_of(path: &Path) -> Option<u16> {
    path.extension().filter(|kind| *kind == "json")?;
    path.file_stem()?.to_str()?.parse().ok()
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("counter: {error}\ncounter: --help lists the options");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let Some((builder, dir)) = args()? else {
        println!("{HELP}");
        return Ok(());
    };
    fs::create_dir_all(&dir)?;
    let kept = Mutex::default();
    let counts = Arc::new(Counts { dir, kept });
    let moving = counts.clone();
    let pid = std::process::id();
    let this: Arc<OnceLock<Service>> = Arc::default();
    let asked = this.clone();
    let service = builder
        .shard("role:counter", Sharding::by("id"))
        .answer("role:counter,cmd:add", move |msg: Value| {
            let counts = counts.clone();
            async move {
                // It has one, else it would not be here.
                let id = key_text(&msg["id"]).unwrap_or_default();
                Ok(json!({ "n": counts.add(&id), "pid": pid }))
            }
        })
        // Messages of what is gained wait for this, and what is lost is given away after it.
        .on_shards(move |moved| {
            let counts = moving.clone();
            async move {
                let saved = tokio::task::spawn_blocking(move || counts.moved(&moved)).await;
                if let Err(error) = saved.unwrap_or_else(|error| Err(error.into())) {
                    eprintln!("counter: {error}");
                }
            }
        })
        // Whom this very process takes for the owner of an id.
        .answer(&format!("role:owner,pid:{pid}"), move |msg: Value| {
            let owner = asked
                .get()
                .and_then(|service| service.owner("role:counter", msg["id"].clone()));
            async move { owner.map(|owner| json!(owner)).ok_or_else(unknown) }
        })
        .start()
        .await?;
    let _ = this.set(service.clone());
    let port = service.port().unwrap_or_default();
    println!(
        "{} answers role:counter,cmd:add on port {port}",
        service.name()
    );
    asked_to_end().await;
    service.leave().await;
    println!("left");
    Ok(())
}

fn unknown() -> ServiceError {
    ServiceError::new("no_owner", "The id has no owner.")
}

/// `None`: help is wanted.
fn args() -> Result<Option<(seneca_gossip::service::Builder, PathBuf)>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut builder = Service::builder();
    let mut dir = std::env::temp_dir().join("seneca-gossip-counter");
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("port") => builder = builder.port(parser.value()?.parse()?),
            Long("seeds") => {
                let list = parser.value()?.string()?;
                let seeds = list
                    .split(',')
                    .map(str::trim)
                    .filter(|seed| !seed.is_empty());
                builder = builder.seeds(seeds);
            }
            Long("dir") => dir = parser.value()?.into(),
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some((builder, dir)))
}
