//! A running node, as its owner sees it.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;

use super::launch::{Launched, launch};
use super::lock;
use super::options::{Options, StartError};
use super::queue::Notice;
use super::runtime::{Lease, is_worker};
use super::seeds::Seed;
use super::shards::Shards;
use super::shared::Shared;
use crate::engine::{Counters, FlowView, Millis, SetError, Told};
use crate::membership::Member;
use crate::routing::{Micros, Router, TargetId};
use crate::sharding::Config as ShardConfig;
use crate::state::Value;
use crate::wire::seal::{Entry, KeyError, KeyView};

/// How long a close waits for the tasks of the node to end.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a goodbye lingers at most, to be repeated to whoever missed it.
const GOODBYE: Millis = 250;

/// What the sockets of a node are doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct NetStats {
    /// Sockets for pings.
    pub probes: usize,
    /// TCP connections.
    pub streams: usize,
    /// Neighbours found by multicast.
    pub found: usize,
    /// Datagrams that the system did not take.
    pub unsent: u64,
    /// Panics over something that arrived, which were survived.
    pub panics: u64,
}

/// One node of a cluster. Cheap to clone; the node is closed when
/// [`close`](Self::close) is called or the last clone is dropped.
#[derive(Clone)]
pub struct Cluster(Arc<Owner>);

struct Owner {
    node: Launched,
    linger: Duration,
    lease: Mutex<Option<Lease>>,
}

impl Cluster {
    /// Starts a node: binds its port and begins to look for its seeds. It runs
    /// on threads of its own, whatever the caller's runtime is.
    pub async fn start(options: Options) -> Result<Cluster, StartError> {
        let failed = |what| move |source| StartError::Io { what, source };
        options.check()?;
        let lease = Lease::acquire().map_err(failed("threads"))?;
        let handle = lease.handle().clone();
        let started = handle.spawn(Cluster::begin(options, lease)).await;
        started.unwrap_or_else(|e| Err(failed("start")(io::Error::other(e))))
    }

    /// The same for callers that are not async; not to be called inside a
    /// runtime.
    pub fn start_blocking(options: Options) -> Result<Cluster, StartError> {
        options.check()?;
        let lease = Lease::acquire().map_err(|source| StartError::Io {
            what: "threads",
            source,
        })?;
        let handle = lease.handle().clone();
        handle.block_on(Cluster::begin(options, lease))
    }

    async fn begin(options: Options, lease: Lease) -> Result<Cluster, StartError> {
        let node = launch(&options, &lease).await?;
        Ok(Cluster(Arc::new(Owner {
            node,
            linger: Duration::from_millis(options.interval.min(GOODBYE)),
            lease: Mutex::new(Some(lease)),
        })))
    }

    /// Its name in the cluster: `host:gossip_port`, as advertised.
    pub fn name(&self) -> &str {
        &self.0.node.identity.name
    }

    /// Host under which the others reach it.
    pub fn host(&self) -> &str {
        &self.0.node.identity.host
    }

    /// Where the others reach its gossip port.
    pub fn addr(&self) -> SocketAddr {
        self.0.node.identity.addr
    }

    /// What its gossip port is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.0.node.bound
    }

    /// Its generation.
    pub fn generation(&self) -> u64 {
        self.shared().peek(|engine, _| engine.generation())
    }

    /// Is its first exchange with anybody complete?
    pub fn is_synced(&self) -> bool {
        self.shared().is_synced()
    }

    /// Replaces the seeds that were given at the start, for programs that learn
    /// of neighbours while they run. Those that are members already stay so.
    ///
    /// # Errors
    /// [`StartError::BadSeed`] names the first that is not `host:port`; nothing
    /// changes then.
    pub fn set_seeds<S: AsRef<str>>(
        &self,
        seeds: impl IntoIterator<Item = S>,
    ) -> Result<(), StartError> {
        let seeds = seeds.into_iter().map(|seed| Seed::parse(seed.as_ref()));
        let seeds = seeds.collect::<Result<Vec<Seed>, StartError>>()?;
        self.0.node.seeds.send_replace(seeds);
        Ok(())
    }

    /// Sets a key of this node. What is more than the cluster can carry waits
    /// ([`Told::Held`]) until [`Event::Drained`](crate::engine::Event::Drained).
    ///
    /// # Errors
    /// [`SetError`] when a limit on keys and bytes would be exceeded; nothing
    /// changes then.
    pub fn set(&self, key: &str, value: impl Into<Value>) -> Result<Told, SetError> {
        let value = value.into();
        self.shared()
            .engine(|engine, now| engine.set(now, key, value))
    }

    /// Asks a target of calls for news, out of turn: it has passed a message of a
    /// sharded pin on, so it knows of an owner that this node does not.
    pub fn ask(&self, target: TargetId) {
        let name = self.with_router(|router| Some(router.target(target)?.0.to_owned()));
        if let Some(name) = name {
            self.shared().engine(|engine, now| engine.ask(now, &name));
        }
    }

    /// The keys of this node by their fingerprints, the one that seals first.
    pub fn keys(&self) -> Vec<KeyView> {
        self.shared().vault.keys()
    }

    /// Opens gossip with one more key from now on. Give it to all nodes before one
    /// of them [uses](Self::use_key) it.
    ///
    /// # Errors
    /// When there are too many.
    pub fn add_key(&self, key: impl Into<Entry>) -> Result<Vec<KeyView>, KeyError> {
        self.shared().vault.add(key.into())
    }

    /// Seals with a key that was added, named by itself or its fingerprint.
    ///
    /// # Errors
    /// When it is not there.
    pub fn use_key(&self, which: &str) -> Result<Vec<KeyView>, KeyError> {
        self.shared().vault.select(which)
    }

    /// Opens with a key no longer, named by itself or its fingerprint.
    ///
    /// # Errors
    /// When it is not there, or is the one that seals.
    pub fn remove_key(&self, which: &str) -> Result<Vec<KeyView>, KeyError> {
        self.shared().vault.remove(which)
    }

    /// What flow control does at the moment.
    pub fn flow(&self) -> FlowView {
        self.shared().peek(|engine, now| engine.flow(now))
    }

    /// Removes a key of this node.
    pub fn remove(&self, key: &str) -> Told {
        self.shared().engine(|engine, now| engine.remove(now, key))
    }

    /// Every known member, this node included, in order of name.
    pub fn members(&self) -> Vec<Member> {
        self.shared().peek(|engine, now| engine.members(now))
    }

    /// One member.
    pub fn member(&self, name: &str) -> Option<Member> {
        self.shared().peek(|engine, now| engine.member(now, name))
    }

    /// A value of a member.
    pub fn value(&self, name: &str, key: &str) -> Option<Value> {
        self.shared().peek(|engine, _| engine.value(name, key))
    }

    /// Every key and value of a member, in order of version.
    pub fn entries(&self, name: &str) -> Vec<(String, Value)> {
        self.shared().peek(|engine, _| engine.entries(name))
    }

    /// What was sent, received and dropped so far.
    pub fn counters(&self) -> Counters {
        self.shared().peek(|engine, _| engine.counters().clone())
    }

    /// Is this node cut off from the others, as far as it can tell?
    pub fn isolated(&self) -> Option<crate::engine::Isolation> {
        self.shared().peek(|engine, _| engine.isolated())
    }

    /// What its sockets are doing.
    pub fn net_stats(&self) -> NetStats {
        let shared = self.shared();
        let found = lock(&shared.seeds).found.len();
        let io = lock(&shared.io);
        NetStats {
            found,
            probes: io.as_ref().map_or(0, |io| io.probes.len()),
            streams: io.as_ref().map_or(0, |io| io.streams.len()),
            unsent: io.as_ref().map_or(0, |io| io.unsent),
            panics: shared.panics(),
        }
    }

    /// Says whether the owner's event loop lags.
    pub fn set_stalled(&self, stalled: bool) {
        self.shared().stall(|stall, _| stall.say(stalled));
    }

    /// A beat of the owner's event loop, `lag` ms late; to be called every
    /// 100 ms. Once begun, a missing beat makes the node stalled.
    pub fn beat(&self, lag: f64) {
        let shared = self.shared();
        let first = lock(&shared.stall).deadline().is_none();
        shared.stall(|stall, now| stall.beat(now, lag));
        if first {
            shared.poke.notify_one(); // the driver has a deadline more
        }
    }

    /// Does this node say of itself that its event loop lags?
    pub fn is_stalled(&self) -> bool {
        lock(&self.shared().stall).is_stalled()
    }

    /// Says that this node finishes what it does and takes nothing new.
    pub fn leaving(&self) {
        self.shared().engine(|engine, now| engine.leaving(now));
    }

    /// Says goodbye, and stays for a moment to repeat it to those who ask.
    /// [`close`](Self::close) follows.
    pub async fn leave(&self) {
        self.shared().engine(|engine, now| engine.leave(now));
        if let Some(runtime) = self.shared().runtime() {
            // On our runtime, because the caller may have none with a timer.
            let _ = runtime.spawn(sleep(self.0.linger)).await;
        }
    }

    /// The same for callers that are not async; blocks for that moment.
    pub fn leave_blocking(&self) {
        self.shared().engine(|engine, now| engine.leave(now));
        if !self.is_closed() {
            std::thread::sleep(self.0.linger);
        }
    }

    /// Stops this node at once, without goodbye; to the others that looks like
    /// a crash. Its port is free afterwards. Can be called again.
    pub fn close(&self) {
        self.0.close();
    }

    /// Was it closed?
    pub fn is_closed(&self) -> bool {
        self.shared().closed.load(Ordering::Acquire)
    }

    /// Microseconds of this node's clock, as its router counts them.
    pub fn micros(&self) -> Micros {
        self.shared().clock().micros()
    }

    /// Uses the table of routes, which follows the cluster by itself.
    pub fn with_router<R>(&self, f: impl FnOnce(&mut Router) -> R) -> R {
        self.shared().router(f)
    }

    /// Takes shards of a pin from now on. To be called when this node knows the
    /// cluster ([`is_synced`](Self::is_synced)) or is alone.
    ///
    /// # Errors
    /// When a member divides the keys of the pin otherwise: a text that says so.
    pub fn share(&self, pin: &str, config: ShardConfig) -> Result<(), String> {
        let shared = self.shared();
        shared.shards_and_engine(|shards, engine, now| shards.share(now, engine, pin, config))
    }

    /// Gives away all shards; [`is_sharing`](Self::is_sharing) says whether that
    /// is done.
    pub fn unshare(&self) {
        self.shared().shards(Shards::leave);
    }

    /// Has this node shards to give away, or still to tell of it?
    pub fn is_sharing(&self) -> bool {
        self.peek_shards(Shards::is_sharing)
    }

    /// Uses the shards of pins of this node.
    pub fn with_shards<R>(&self, f: impl FnOnce(&mut Shards, Millis) -> R) -> R {
        self.shared().shards(f)
    }

    /// Reads the shards of pins of this node.
    pub fn peek_shards<R>(&self, f: impl FnOnce(&Shards, Millis) -> R) -> R {
        self.shared().peek_shards(f)
    }

    /// Reads the shards of a pin of any node; the first time it is looked up.
    pub fn with_pin<R>(&self, pin: &str, f: impl FnOnce(&Shards) -> R) -> R {
        let shared = self.shared();
        if !shared.peek_shards(|shards, _| shards.knows(pin)) {
            shared.shards_and_engine(|shards, engine, now| shards.look_at(now, engine, pin));
        }
        shared.peek_shards(|shards, _| f(shards))
    }

    /// Has `wake` called, on some thread, when there is something to
    /// [`drain`](Self::drain) again; it must not block. Replaces the former one.
    pub fn subscribe(&self, wake: impl Fn() + Send + Sync + 'static) {
        *lock(&self.shared().wake) = Some(Arc::new(wake));
        if !self.is_closed() {
            // For what happened before.
            self.shared().wake_owner();
        }
    }

    /// Takes everything that happened since the last time, oldest first.
    pub fn drain(&self) -> Vec<Notice> {
        self.drain_some(usize::MAX).0
    }

    /// Takes at most `max` notices; the flag says that more are left, in which
    /// case nobody is woken for them.
    pub fn drain_some(&self, max: usize) -> (Vec<Notice>, bool) {
        lock(&self.shared().queue).take(max)
    }

    /// Wakes the owner without need: when it left something for later.
    pub fn wake(&self) {
        self.shared().wake_owner();
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.0.node.shared
    }
}

impl Owner {
    fn close(&self) {
        if self.node.shared.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        *lock(&self.node.shared.wake) = None;
        let io = lock(&self.node.shared.io).take();
        drop(io); // and with it the tasks, as soon as they pause
        if !is_worker() {
            self.node.shared.tasks.wait(PATIENCE);
        }
        let lease = lock(&self.lease).take();
        drop(lease);
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.close();
    }
}
