//! The class `Node`.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use napi::bindgen_prelude::{AsyncTask, Function};
use napi::{CleanupEnvHook, Env, Result};
use napi_derive::napi;

use super::error::Failure;
use super::events::Batch;
use super::inner::Inner;
use super::tasks::{Leave, Start};
use super::{calls, options, publish, shards, views};
use crate::engine::Told;
use crate::net::Cluster;
use crate::routing::RouteId;
use crate::state::keys;
use crate::wire::seal::Entry;

/// Notices that are taken at a time, and bytes after which a drain ends: the
/// event loop gets its turn before the rest.
const SOME: usize = 64;
const ENOUGH: usize = 1024 * 1024;

/// One node of a cluster.
#[napi]
pub struct Node {
    inner: Arc<Inner>,
    handle: u32,
    hook: RefCell<Option<CleanupEnvHook<Weak<Inner>>>>,
}

impl Node {
    fn with<T>(
        &self,
        env: Env,
        f: impl FnOnce(&Cluster) -> std::result::Result<T, Failure>,
    ) -> Result<T> {
        let cluster = self.inner.cluster();
        cluster
            .and_then(|c| f(&c))
            .map_err(|failure| failure.throw(env))
    }

    fn get<T>(&self, env: Env, f: impl FnOnce(&Cluster) -> T) -> Result<T> {
        self.with(env, |cluster| Ok(f(cluster)))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        calls::forget(self.handle);
    }
}

#[napi]
impl Node {
    /// Options as JSON: `{host, port, advertise, advertisePort, seeds, discover,
    /// cluster, gossip}`.
    /// `wake` is called when there is something to drain; it does not keep the
    /// process alive.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, options_json: String, wake: Function<(), ()>) -> Result<Self> {
        let given = options::parse(&options_json).map_err(|failure| failure.throw(env))?;
        let wake = wake
            .build_threadsafe_function::<()>()
            .weak::<true>()
            .build()?;
        let inner = Arc::new(Inner::new(given, wake));
        // process.exit, or the end of a worker: nobody calls close then.
        let hook = env.add_env_cleanup_hook(Arc::downgrade(&inner), |inner: Weak<Inner>| {
            if let Some(inner) = inner.upgrade() {
                inner.close();
            }
        })?;
        Ok(Node {
            handle: calls::register(&inner),
            inner,
            hook: RefCell::new(Some(hook)),
        })
    }

    /// Binds the port and begins to look for seeds. JSON of `{name, host, port, generation}`.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn start(&self) -> AsyncTask<Start> {
        AsyncTask::new(Start {
            inner: self.inner.clone(),
            parts: Some(self.inner.begin()),
        })
    }

    /// What happened since the last time, oldest first: a JSON array.
    #[napi(catch_unwind)]
    pub fn drain(&self, env: Env) -> Result<String> {
        self.get(env, |cluster| {
            let mut batch = Batch::new();
            loop {
                let (notices, more) = cluster.drain_some(SOME);
                for notice in &notices {
                    batch.add(notice);
                }
                if more && batch.size() >= ENOUGH {
                    cluster.wake();
                    break;
                }
                if !more {
                    break;
                }
            }
            batch.finish()
        })
    }

    /// Replaces the seeds.
    #[napi(catch_unwind)]
    pub fn set_seeds(&self, env: Env, seeds: Vec<String>) -> Result<()> {
        self.with(env, |cluster| Ok(cluster.set_seeds(seeds)?))
    }

    /// The keys that gossip is sealed with, by their fingerprints: a JSON array.
    #[napi(catch_unwind)]
    pub fn seals(&self, env: Env) -> Result<String> {
        self.get(env, |cluster| serde_json::json!(cluster.keys()).to_string())
    }

    /// Adds a key, has it seal (`use`) or removes it; all that there are then: a
    /// JSON array.
    #[napi(catch_unwind)]
    pub fn change_keys(&self, env: Env, what: String, key: String) -> Result<String> {
        self.with(env, |cluster| {
            let changed = match &what[..] {
                "add" => Entry::parse(&key).and_then(|key| cluster.add_key(key)),
                "use" => cluster.use_key(&key),
                _ => cluster.remove_key(&key),
            };
            let views = changed.map_err(|error| Failure::value(error.to_string()))?;
            Ok(serde_json::json!(views).to_string())
        })
    }

    /// Sets a key of this node to a JSON text; false when it has to wait for its
    /// turn (flow control).
    #[napi(catch_unwind)]
    pub fn set(&self, env: Env, key: String, json: String) -> Result<bool> {
        self.with(env, |cluster| {
            if let Err(e) = serde_json::from_str::<&serde_json::value::RawValue>(&json) {
                return Err(Failure::value(format!(
                    "the value of '{key}' is not JSON: {e}"
                )));
            }
            let told = cluster.set(&format!("{}{key}", keys::USER), json.into_bytes())?;
            Ok(told != Told::Held)
        })
    }

    /// Removes a key of this node; false when that has to wait for its turn.
    #[napi(catch_unwind)]
    pub fn remove(&self, env: Env, key: String) -> Result<bool> {
        self.get(env, |cluster| {
            cluster.remove(&format!("{}{key}", keys::USER)) != Told::Held
        })
    }

    /// Publishes `{service, meta, offers: [[pattern, offer], ...]}` and nothing
    /// else; false when the tags have to wait for their turn.
    #[napi(catch_unwind)]
    pub fn publish(&self, env: Env, json: String) -> Result<bool> {
        self.with(env, |cluster| publish::publish(cluster, &json))
    }

    /// Takes shards of `[{pin, shards, replicas, weight, handover}, ...]` from now on.
    #[napi(catch_unwind)]
    pub fn share(&self, env: Env, json: String) -> Result<()> {
        self.with(env, |cluster| shards::share(cluster, &json))
    }

    /// What an event 'shards' told is loaded, or saved.
    #[napi(catch_unwind)]
    pub fn shards_done(&self, pin: String, ticket: f64) {
        self.inner.quietly((), |cluster| {
            cluster.with_shards(|shards, now| shards.done(now, &pin, ticket as u64));
        });
    }

    /// Gives away all shards.
    #[napi(catch_unwind)]
    pub fn unshare(&self) {
        self.inner.quietly((), Cluster::unshare);
    }

    /// Has it shards to give away, or still to tell of it?
    #[napi(catch_unwind)]
    pub fn sharing(&self) -> bool {
        self.inner.quietly(false, Cluster::is_sharing)
    }

    /// Who owns a key of a pin: JSON, null where nobody shares it out.
    #[napi(catch_unwind)]
    pub fn owner(&self, env: Env, pin: String, key: String) -> Result<String> {
        self.get(env, |cluster| shards::owner(cluster, &pin, &key))
    }

    /// The sharded pins of this node: a JSON array.
    #[napi(catch_unwind)]
    pub fn shards(&self, env: Env) -> Result<String> {
        self.get(env, shards::views)
    }

    /// Every member with its service, patterns and tags: a JSON array.
    #[napi(catch_unwind)]
    pub fn members(&self, env: Env) -> Result<String> {
        self.get(env, views::members)
    }

    /// Names of members: 'all', 'live' or 'dead'.
    #[napi(catch_unwind)]
    pub fn names(&self, env: Env, which: String) -> Result<Vec<String>> {
        self.with(env, |cluster| {
            let names = views::names(cluster, &which);
            names.ok_or_else(|| Failure::value("names of 'all', 'live' or 'dead' members only"))
        })
    }

    /// Keys that a member's user set.
    #[napi(catch_unwind)]
    pub fn keys(&self, env: Env, name: String) -> Result<Vec<String>> {
        self.get(env, |cluster| views::keys_of(cluster, &name))
    }

    /// JSON text of a member's key, or null.
    #[napi(catch_unwind)]
    pub fn value(&self, env: Env, name: String, key: String) -> Result<Option<String>> {
        self.get(env, |cluster| {
            let value = cluster.value(&name, &format!("{}{key}", keys::USER))?;
            let json: &serde_json::value::RawValue = serde_json::from_slice(&value).ok()?;
            Some(json.get().to_owned())
        })
    }

    /// Routes and their targets: a JSON array.
    #[napi(catch_unwind)]
    pub fn routes(&self, env: Env) -> Result<String> {
        self.get(env, views::routes)
    }

    /// Counters, drops, version: a JSON object.
    #[napi(catch_unwind)]
    pub fn status(&self, env: Env) -> Result<String> {
        self.get(env, views::status)
    }

    /// What `pick`, `begin` and `done` know this node by.
    #[napi(getter, catch_unwind)]
    pub fn handle(&self) -> u32 {
        self.handle
    }

    /// Every live target of a route.
    #[napi(catch_unwind)]
    pub fn targets(&self, route: u32) -> Vec<u32> {
        self.inner.quietly(Vec::new(), |cluster| {
            let targets = cluster.with_router(|router| router.targets(RouteId(route)));
            targets.into_iter().map(|target| target.0).collect()
        })
    }

    /// Says whether the event loop lags.
    #[napi(catch_unwind)]
    pub fn stalled(&self, on: bool) {
        self.inner.quietly((), |cluster| cluster.set_stalled(on));
    }

    /// A beat of the event loop, so many ms late; to be called every 100 ms.
    #[napi(catch_unwind)]
    pub fn beat(&self, lag_ms: f64) {
        self.inner.quietly((), |cluster| cluster.beat(lag_ms));
    }

    /// Says that this node takes no new calls.
    #[napi(catch_unwind)]
    pub fn leaving(&self) {
        self.inner.quietly((), Cluster::leaving);
    }

    /// Says goodbye. `close` follows.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn leave(&self) -> AsyncTask<Leave> {
        AsyncTask::new(Leave {
            inner: self.inner.clone(),
        })
    }

    /// Ends the node at once. Can be called again.
    #[napi(catch_unwind)]
    pub fn close(&self, env: Env) -> Result<()> {
        self.inner.close();
        match self.hook.take() {
            Some(hook) => env.remove_env_cleanup_hook(hook),
            None => Ok(()),
        }
    }
}
