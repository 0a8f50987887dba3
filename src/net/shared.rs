//! What the tasks of a node and its owner share: the engine, and around it the
//! table of routes, the notices for the owner, and the sockets.
//!
//! Locks are taken in this order, each only as long as needed: seeds, engine,
//! stall, router, shards, queue, outbox. The lock of the sockets is taken with
//! none but that of the seeds held: effects are handed over through the outbox, so
//! that nobody waits for the engine while datagrams are being sent.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::allow::Fence;
use super::clock::{Clock, wall_now};
use super::feed::{feed, is_public};
use super::io::{Failed, Io};
use super::lock;
use super::queue::{Notice, Queue};
use super::seeds::Book;
use super::shards::Shards;
use super::stall::Stall;
use super::tasks::Tasks;
use super::vault::Vault;
use crate::engine::{Effect, Engine, Event, Level, Millis};
use crate::routing::Router;

/// Wakes the owner.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// One node.
pub struct Shared {
    clock: Clock,
    /// Who may talk to us at all.
    pub(super) fence: Fence,
    /// What its gossip is sealed and opened with.
    pub(super) vault: Vault,
    engine: Mutex<Engine>,
    pub(super) seeds: Mutex<Book>,
    pub(super) router: Mutex<Router>,
    shards: Mutex<Shards>,
    pub(super) queue: Mutex<Queue>,
    pub(super) wake: Mutex<Option<Wake>>,
    outbox: Mutex<VecDeque<Effect>>,
    pub(super) io: Mutex<Option<Io>>,
    pub(super) stall: Mutex<Stall>,
    pub(super) tasks: Tasks,
    /// When the driver will look at the engine again.
    armed: AtomicU64,
    pub(super) poke: Notify,
    synced: AtomicBool,
    pub(super) closed: AtomicBool,
    panics: AtomicU64,
    panicked: AtomicBool,
}

/// What a visit to the engine left to be done: effects, and the owner to be woken.
#[derive(Default)]
struct Left {
    effects: bool,
    wake: bool,
}

impl Shared {
    /// A node around an engine, without sockets yet.
    pub fn new(
        clock: Clock,
        fence: Fence,
        vault: Vault,
        engine: Engine,
        router: Router,
    ) -> Arc<Self> {
        let shards = Shards::new(engine.name());
        Arc::new(Shared {
            clock,
            fence,
            vault,
            engine: Mutex::new(engine),
            seeds: Mutex::default(),
            router: Mutex::new(router),
            shards: Mutex::new(shards),
            queue: Mutex::default(),
            wake: Mutex::default(),
            outbox: Mutex::default(),
            io: Mutex::new(None),
            stall: Mutex::default(),
            tasks: Tasks::default(),
            armed: AtomicU64::new(0),
            poke: Notify::new(),
            synced: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            panics: AtomicU64::new(0),
            panicked: AtomicBool::new(false),
        })
    }

    /// Its clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Is the first exchange with anybody complete?
    pub fn is_synced(&self) -> bool {
        self.synced.load(Ordering::Acquire)
    }

    /// How many panics were survived.
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// Runs a task of this node.
    pub fn spawn<T>(&self, runtime: &Handle, task: T) -> AbortHandle
    where
        T: Future<Output = ()> + Send + 'static,
    {
        let token = self.tasks.token();
        let task = async move {
            // Declared first, dropped last: after all that the task holds.
            let _token = token;
            task.await;
        };
        runtime.spawn(task).abort_handle()
    }

    /// Reads the engine.
    pub fn peek<R>(&self, f: impl FnOnce(&Engine, Millis) -> R) -> R {
        f(&lock(&self.engine), self.clock.millis())
    }

    /// Tells the engine something, and carries out what it wants done.
    pub fn engine<R>(self: &Arc<Self>, f: impl FnOnce(&mut Engine, Millis) -> R) -> R {
        let mut engine = lock(&self.engine);
        let result = f(&mut engine, self.clock.millis());
        let left = self.collect(&mut engine);
        let next = self.next_timeout(&engine);
        let sooner = next < self.armed.load(Ordering::Acquire);
        drop(engine);
        if sooner {
            self.poke.notify_one();
        }
        self.finish(left);
        result
    }

    /// Hands something that arrived to the engine. Should that panic, it is a
    /// bug of ours that a stranger found: it is reported, and costs no more
    /// than what arrived.
    pub fn input(self: &Arc<Self>, f: impl FnOnce(&mut Engine, Millis)) {
        self.engine(|engine, now| self.survive(|| f(engine, now)));
    }

    fn survive(&self, f: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(f)).is_err() {
            self.panics.fetch_add(1, Ordering::Relaxed);
            self.panicked.store(true, Ordering::Release);
        }
    }

    /// The driver's turn: takes datagrams, and says when the next turn is due.
    pub fn turn<'a>(
        self: &Arc<Self>,
        datagrams: impl Iterator<Item = (SocketAddr, &'a [u8])>,
    ) -> Millis {
        let mut engine = lock(&self.engine);
        let now = self.clock.millis();
        for (from, bytes) in datagrams {
            self.survive(|| engine.handle_datagram(now, from, bytes));
        }
        if now >= engine.next_timeout() {
            engine.set_wall(now, wall_now());
            self.survive(|| engine.handle_timeout(now));
        }
        if now >= lock(&self.shards).next_timeout() {
            self.survive(|| lock(&self.shards).handle_timeout(now));
        }
        let left = self.collect(&mut engine);
        // An engine that wants to be called at once again would be a busy loop.
        let next = self.next_timeout(&engine).max(now + 1);
        self.armed.store(next, Ordering::Release);
        drop(engine);
        self.finish(left);
        next
    }

    /// When somebody has to be told that time has passed.
    fn next_timeout(&self, engine: &Engine) -> Millis {
        engine.next_timeout().min(lock(&self.shards).next_timeout())
    }

    /// Takes what the engine and the shards want done, in order.
    fn collect(&self, engine: &mut Engine) -> Left {
        let mut left = Left::default();
        self.effects(engine, &mut left);
        loop {
            let write = lock(&self.shards).poll_write();
            let Some((key, value)) = write else { break };
            if let Err(refused) = engine.set(self.clock.millis(), &key, value) {
                let text = format!("what this node owns cannot be published: {refused}");
                left.wake |= self.push_log(Level::Warn, text);
            }
            self.effects(engine, &mut left);
        }
        left.wake |= self.tell_shards(&mut lock(&self.shards));
        left
    }

    /// Hands what happened to shards to the owner; `true`: it must be woken.
    fn tell_shards(&self, shards: &mut Shards) -> bool {
        let mut wake = false;
        while let Some(event) = shards.poll_event() {
            wake |= lock(&self.queue).push(Notice::Shards(event));
        }
        while let Some(text) = shards.poll_complaint() {
            wake |= self.push_log(Level::Warn, text);
        }
        wake
    }

    /// Uses the shards, which follow the cluster by themselves.
    pub fn shards<R>(self: &Arc<Self>, f: impl FnOnce(&mut Shards, Millis) -> R) -> R {
        let mut shards = lock(&self.shards);
        let result = f(&mut shards, self.clock.millis());
        let quiet = shards.is_quiet();
        let sooner = shards.next_timeout() < self.armed.load(Ordering::Acquire);
        drop(shards);
        if !quiet || sooner {
            self.engine(|_, _| ());
        }
        result
    }

    /// Reads the shards; nothing comes of it.
    pub fn peek_shards<R>(&self, f: impl FnOnce(&Shards, Millis) -> R) -> R {
        f(&lock(&self.shards), self.clock.millis())
    }

    /// Uses the shards and what is known of the members.
    pub fn shards_and_engine<R>(
        self: &Arc<Self>,
        f: impl FnOnce(&mut Shards, &Engine, Millis) -> R,
    ) -> R {
        self.engine(|engine, now| f(&mut lock(&self.shards), engine, now))
    }

    fn effects(&self, engine: &mut Engine, left: &mut Left) {
        while let Some(effect) = engine.poll() {
            match effect {
                Effect::Event(event) => left.wake |= self.publish(engine, event),
                effect => {
                    lock(&self.outbox).push_back(effect);
                    left.effects = true;
                }
            }
        }
    }

    /// Does it. The engine is told at once of what could not be done.
    fn finish(self: &Arc<Self>, mut left: Left) {
        let mut wake = left.wake;
        while left.effects {
            let failed = self.flush();
            if failed.is_empty() {
                break;
            }
            let mut engine = lock(&self.engine);
            let now = self.clock.millis();
            for (conn, reason) in failed.ended {
                engine.handle_closed(now, conn, reason);
            }
            for addr in failed.refused {
                engine.handle_refused(now, addr);
            }
            left = self.collect(&mut engine);
            wake |= left.wake;
            if engine.next_timeout() < self.armed.load(Ordering::Acquire) {
                self.poke.notify_one();
            }
        }
        if wake {
            self.wake_owner();
        }
        if self.panicked.swap(false, Ordering::AcqRel) {
            let text = "a panic in the gossip engine was survived; please report it";
            self.log(Level::Warn, text.into());
        }
    }

    fn flush(self: &Arc<Self>) -> Failed {
        let mut failed = Failed::default();
        let mut io = lock(&self.io);
        loop {
            let Some(effect) = lock(&self.outbox).pop_front() else {
                return failed;
            };
            // After the close there is nothing left to do it with.
            if let Some(io) = io.as_mut() {
                io.carry_out(self, effect, &mut failed);
            }
        }
    }

    /// Tells the routes and the owner; `true` when the owner must be woken.
    fn publish(&self, engine: &Engine, event: Event) -> bool {
        if event == Event::Synced {
            self.synced.store(true, Ordering::Release);
        }
        let mut router = lock(&self.router);
        feed(&mut router, engine, &self.clock, &event);
        lock(&self.shards).feed(self.clock.millis(), engine, &event);
        let mut queue = lock(&self.queue);
        let mut wake = is_public(&event) && queue.push(Notice::Gossip(event));
        while let Some(event) = router.poll() {
            wake |= queue.push(Notice::Route(event));
        }
        wake
    }

    /// Uses the table of routes.
    pub fn router<R>(&self, f: impl FnOnce(&mut Router) -> R) -> R {
        let mut router = lock(&self.router);
        let result = f(&mut router);
        let mut wake = false;
        while let Some(event) = router.poll() {
            wake |= lock(&self.queue).push(Notice::Route(event));
        }
        drop(router);
        if wake {
            self.wake_owner();
        }
        result
    }

    /// A line for the owner's log.
    pub fn log(&self, level: Level, text: String) {
        if self.push_log(level, text) {
            self.wake_owner();
        }
    }

    fn push_log(&self, level: Level, text: String) -> bool {
        let event = Event::Log { level, text };
        lock(&self.queue).push(Notice::Gossip(event))
    }

    /// Calls the owner, with no lock held: it may do anything but wait.
    pub fn wake_owner(&self) {
        let wake = lock(&self.wake).clone();
        if let Some(wake) = wake {
            wake();
        }
    }

    /// The runtime, unless the node is closed.
    pub fn runtime(&self) -> Option<Handle> {
        lock(&self.io).as_ref().map(|io| io.runtime.clone())
    }

    /// The task of a connection has ended; must the engine know?
    pub fn stream_ended(&self, conn: u64) -> bool {
        lock(&self.io)
            .as_mut()
            .is_some_and(|io| io.streams.remove(conn))
    }

    /// The loop of the owner lags, or does so no longer: tell the cluster.
    pub fn stall(self: &Arc<Self>, f: impl FnOnce(&mut Stall, Millis)) {
        let changed = {
            let mut stall = lock(&self.stall);
            let before = stall.is_stalled();
            f(&mut stall, self.clock.millis());
            before != stall.is_stalled()
        };
        if changed {
            // Asked again under the engine's lock: of two callers the later
            // one must have the last word.
            self.engine(|engine, now| {
                engine.set_stalled(now, lock(&self.stall).is_stalled());
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Config;

    #[test]
    fn a_panic_over_what_arrived_is_survived_and_told() {
        let clock = Clock::start();
        let addr = "127.0.0.1:4445".parse().unwrap();
        let config = Config::new("127.0.0.1:4445", addr, clock.wall());
        let engine = Engine::new(config, clock.millis(), [0; 32]);
        let vault = Vault::new("default", Default::default(), [0; 32]);
        let shared = Shared::new(clock, Fence::default(), vault, engine, Router::new(0));
        shared.input(|_, _| panic!("on purpose, to see it survived"));
        assert_eq!(shared.panics(), 1);
        assert!(shared.turn([(addr, &b"x"[..])].into_iter()) > 0);
        assert_eq!(shared.peek(|engine, _| engine.counters().datagrams_in), 1);
        let (notices, _) = lock(&shared.queue).take(10);
        assert!(matches!(
            &notices[..],
            [Notice::Gossip(Event::Log {
                level: Level::Warn,
                ..
            })]
        ));
    }
}
