//! Services that share out a pin by key: every message of a key is answered by
//! its owner, whoever comes and goes.

mod moves;
mod rules;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use seneca_gossip::routing::Offer;
use seneca_gossip::service::{Builder, Service, Sharding};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::until;

const PIN: &str = "role:counter";

/// Where counters save what they give away; and who counts what at the moment.
#[derive(Default)]
struct World {
    saved: Mutex<HashMap<String, u64>>,
    at_work: Mutex<HashMap<String, Vec<&'static str>>>,
    /// Keys that two counted at a time.
    twice: AtomicUsize,
}

impl World {
    fn begin(&self, name: &'static str, id: &str) {
        let mut at_work = self.at_work.lock().unwrap();
        let names = at_work.entry(id.into()).or_default();
        if names.iter().any(|other| *other != name) {
            self.twice.fetch_add(1, Ordering::Relaxed);
        }
        names.push(name);
    }

    fn end(&self, name: &'static str, id: &str) {
        let mut at_work = self.at_work.lock().unwrap();
        let names = at_work.get_mut(id).expect("it has begun");
        let at = names.iter().position(|other| *other == name);
        names.swap_remove(at.expect("it has begun"));
    }
}

/// Counts in memory, and hands over what it has counted.
fn counter(world: &Arc<World>, name: &'static str) -> Builder {
    counter_with(world, name, Offer::default())
}

fn counter_with(world: &Arc<World>, name: &'static str, offer: Offer) -> Builder {
    let counts: Arc<Mutex<HashMap<String, u64>>> = Arc::default();
    let (all, kept) = (world.clone(), counts.clone());
    let count = move |msg: Value| {
        let (all, kept) = (all.clone(), kept.clone());
        async move {
            let id = msg["id"].as_str().expect("an id").to_string();
            all.begin(name, &id);
            sleep(Duration::from_millis(id.len() as u64)).await;
            let count = {
                let mut kept = kept.lock().unwrap();
                let count = kept.entry(id.clone()).or_default();
                *count += 1;
                *count
            };
            all.end(name, &id);
            Ok(json!({ "count": count, "by": name }))
        }
    };
    let world = world.clone();
    Service::builder()
        .shard(PIN, Sharding::by("id"))
        .answer_with("role:counter,cmd:add", offer, count)
        .on_shards(move |moved| {
            let (world, counts) = (world.clone(), counts.clone());
            async move {
                // A store far away takes its time.
                sleep(Duration::from_millis(20)).await;
                let (mut saved, mut counts) = (world.saved.lock().unwrap(), counts.lock().unwrap());
                saved.extend(counts.extract_if(|id, _| moved.loses(id)));
                counts.extend(saved.extract_if(|id, _| moved.gains(id)));
            }
        })
}

/// Waits until these, and nobody else, own the shards, and each holds what it is to
/// own. (Whether all are held between them would not do: they are as well before
/// the first of them has given anything away.) Its handler may still run.
async fn settled(services: &[&Service]) {
    let mut names: Vec<&str> = services.iter().map(|service| service.name()).collect();
    names.sort();
    until("all shards have their owners", || async {
        services.iter().all(|service| {
            let views = service.cluster().with_shards(|shards, _| shards.views());
            let (held, owners) = (views[0].held, &views[0].owners);
            let own = owners.iter().find(|owner| owner.is_self);
            own.is_some_and(|own| own.shards == held)
                && owners
                    .iter()
                    .map(|owner| &owner.name[..])
                    .eq(names.iter().copied())
        })
    })
    .await;
}

fn add(id: impl Into<Value>) -> Value {
    json!({ "role": "counter", "cmd": "add", "id": id.into() })
}

/// Calls on and on, until it is told to stop; gives what was counted.
struct Load {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Vec<(String, u64)>>>,
}

impl Load {
    fn of(service: &Service) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let task = |seed: u64| {
            let (service, stop) = (service.clone(), stop.clone());
            tokio::spawn(async move {
                let mut counted = Vec::new();
                let mut random = seed;
                while !stop.load(Ordering::Relaxed) {
                    random = random.wrapping_mul(6_364_136_223_846_793_005) + 1;
                    let id = format!("u{}", (random >> 33) % 300);
                    let begun = Instant::now();
                    match service.act(add(id.as_str())).await {
                        Ok(out) => counted.push((id, out["count"].as_u64().unwrap())),
                        Err(error) => panic!("after {:?}: {error}", begun.elapsed()),
                    }
                    sleep(Duration::from_millis(5)).await;
                }
                counted
            })
        };
        let tasks = (1..=4).map(task).collect();
        Load { stop, tasks }
    }

    async fn end(self) -> Vec<(String, u64)> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for task in self.tasks {
            all.extend(task.await.unwrap());
        }
        all
    }
}
