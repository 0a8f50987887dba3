//! What every call crosses for: `pick` (or `begin`) and `done`.
//!
//! They are functions of a handle, not methods: to find the Rust half of a
//! JavaScript object costs N-API more than all the rest of a pick
//! (`bench/pick.js`). Handles are numbers of this thread's own nodes, since an
//! object never leaves the thread that made it, so nothing is locked for them.

// Tests are built without the registration of what is exported.
#![cfg_attr(test, allow(dead_code))]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use napi_derive::napi;

use super::inner::Inner;
use crate::net::{Cluster, Turn};
use crate::routing::{Micros, Outcome, Refusal, RouteId, Router, TargetId};

/// What `pick` returns when there is no target.
const NO_TARGET: i32 = -1;
/// What `pick` returns when every target has as many calls as the offer allows.
const OVERLOADED: i32 = -2;
/// What `pick_key` returns when this node owns the key.
const HERE: i32 = -3;

#[derive(Default)]
struct Nodes {
    last: u32,
    by_handle: BTreeMap<u32, Weak<Inner>>,
}

thread_local! {
    static NODES: RefCell<Nodes> = RefCell::default();
}

/// The handle of a new node.
pub fn register(inner: &Arc<Inner>) -> u32 {
    NODES.with_borrow_mut(|nodes| {
        nodes.last = nodes.last.wrapping_add(1);
        nodes.by_handle.insert(nodes.last, Arc::downgrade(inner));
        nodes.last
    })
}

/// The object is no more.
pub fn forget(handle: u32) {
    // When the thread ends the table may be gone before the last object.
    let _ = NODES.try_with(|nodes| nodes.borrow_mut().by_handle.remove(&handle));
}

/// Uses the router of a node, `none` where it does not run.
fn with_router<T>(handle: u32, none: T, f: impl FnOnce(&mut Router, Micros) -> T) -> T {
    with_cluster(handle, none, |cluster| {
        let now = cluster.micros();
        cluster.with_router(|router| f(router, now))
    })
}

/// Uses a node, `none` where it does not run.
fn with_cluster<T>(handle: u32, none: T, f: impl FnOnce(&Cluster) -> T) -> T {
    NODES.with_borrow(
        |nodes| match nodes.by_handle.get(&handle).and_then(Weak::upgrade) {
            Some(inner) => inner.quietly(none, f),
            None => none,
        },
    )
}

fn number(target: TargetId) -> i32 {
    i32::try_from(target.0).unwrap_or(NO_TARGET)
}

fn picked(handle: u32, route: u32, exclude: &[TargetId]) -> i32 {
    told(with_router(
        handle,
        Err(Refusal::NoTarget),
        |router, now| router.try_pick(now, RouteId(route), exclude),
    ))
}

fn told(picked: Result<TargetId, Refusal>) -> i32 {
    match picked {
        Ok(target) => number(target),
        Err(Refusal::NoTarget) => NO_TARGET,
        Err(Refusal::Overloaded) => OVERLOADED,
    }
}

/// Target of a call of a route: its id; -1 when there is none, -2 when all
/// have as many calls in flight as the route's offer allows.
#[napi(catch_unwind)]
pub fn pick(handle: u32, route: u32) -> i32 {
    picked(handle, route, &[])
}

/// The same, but none of these. A function of its own: an argument that may
/// be left out costs those who do.
#[napi(catch_unwind)]
pub fn pick_other(handle: u32, route: u32, exclude: Vec<u32>) -> i32 {
    let exclude: Vec<TargetId> = exclude.into_iter().map(TargetId).collect();
    picked(handle, route, &exclude)
}

/// Target of a call of a sharded route: the node that owns the key. -1 when there
/// is none that is reached, -2 when it has as many calls in flight as the
/// route's offer allows, -3 when it is this node.
#[napi(catch_unwind)]
pub fn pick_key(handle: u32, route: u32, key: String) -> i32 {
    with_cluster(handle, NO_TARGET, |cluster| {
        let now = cluster.micros();
        let pin = cluster.with_router(|router| {
            let by_key = router.route_offer(RouteId(route))?.shard.as_ref()?;
            Some(by_key.pin.clone())
        });
        let owner = pin.and_then(|pin| {
            cluster.with_pin(&pin, |shards| shards.owner(&pin, &key).map(str::to_owned))
        });
        match owner {
            Some(name) if name == cluster.name() => HERE,
            Some(name) => {
                told(cluster.with_router(|router| router.begin_at(now, RouteId(route), &name)))
            }
            None => NO_TARGET,
        }
    })
}

/// A target has passed a message on to another owner of its key: this node asks
/// it for what it knows.
#[napi(catch_unwind)]
pub fn ask(handle: u32, target: u32) {
    with_cluster(handle, (), |cluster| cluster.ask(TargetId(target)));
}

/// A message of a sharded pin of this node: a number for `shard_exit` when it may
/// run now, -1 when it has to wait, -2 when another node owns its key.
#[napi(catch_unwind)]
pub fn shard_enter(handle: u32, pin: String, key: String) -> i32 {
    let turn = with_cluster(handle, Turn::Elsewhere, |cluster| {
        cluster.with_shards(|shards, _| shards.enter(&pin, &key))
    });
    match turn {
        Turn::Run(ticket) => i32::try_from(ticket).unwrap_or(-2),
        Turn::Hold => -1,
        Turn::Elsewhere => -2,
    }
}

/// A message that ran is over.
#[napi(catch_unwind)]
pub fn shard_exit(handle: u32, ticket: u32) {
    with_cluster(handle, (), |cluster| {
        cluster.with_shards(|shards, now| shards.exit(now, ticket));
    });
}

/// Do messages of this key run here: new ones, or those that were begun before
/// its shard was given up?
#[napi(catch_unwind)]
pub fn shard_owns(handle: u32, pin: String, key: String) -> bool {
    with_cluster(handle, false, |cluster| {
        cluster.peek_shards(|shards, _| shards.owns(&pin, &key))
    })
}

/// The shard of a key of a sharded pin; -1 where nobody shares it out.
#[napi(catch_unwind)]
pub fn shard_of(handle: u32, pin: String, key: String) -> i32 {
    with_cluster(handle, NO_TARGET, |cluster| {
        let shard = cluster.with_pin(&pin, |shards| shards.shard_of(&pin, &key));
        shard.map_or(NO_TARGET, i32::from)
    })
}

/// Counts a call to a target that was not picked; false when it is none of the route.
#[napi(catch_unwind)]
pub fn begin(handle: u32, route: u32, target: u32) -> bool {
    with_router(handle, false, |router, now| {
        router.begin(now, RouteId(route), TargetId(target))
    })
}

/// A call has ended: 0 ok, 1 error, 2 lost, 3 timeout.
#[napi(catch_unwind)]
pub fn done(handle: u32, route: u32, target: u32, latency_us: f64, outcome: u32) {
    let outcome = match outcome {
        0 => Outcome::Ok,
        1 => Outcome::Error,
        2 => Outcome::Lost,
        _ => Outcome::Timeout,
    };
    // Saturates, and makes nothing of what is no number.
    let latency = latency_us as u64;
    with_router(handle, (), |router, now| {
        router.done(now, RouteId(route), TargetId(target), latency, outcome);
    });
}
