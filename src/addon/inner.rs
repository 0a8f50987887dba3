//! The node behind a JavaScript object, from its making to its end.

use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::Status;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};

use super::error::Failure;
use super::options::Given;
use super::views;
use crate::net::{Cluster, Options, StartError};

/// Tells JavaScript that there is something to drain. Weak: it does not keep
/// the process alive.
pub type Wake = ThreadsafeFunction<(), (), (), Status, false, true>;

/// What a start needs.
pub type Parts = (Box<Given>, Arc<Wake>);

enum State {
    /// Made, not started.
    New(Box<Given>, Arc<Wake>),
    /// A thread is at it.
    Starting,
    /// Up.
    Running(Cluster),
    /// Over.
    Closed,
}

/// What the JavaScript object, its tasks and the hook on its environment share.
pub struct Inner(Mutex<State>);

impl Inner {
    /// A node that is not started.
    pub fn new(given: Given, wake: Wake) -> Self {
        Inner(Mutex::new(State::New(Box::new(given), Arc::new(wake))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the start: what `start` needs, once.
    pub fn begin(&self) -> Result<Parts, Failure> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Starting) {
            State::New(given, wake) => Ok((given, wake)),
            other => {
                let text = match &other {
                    State::Closed => "the node is closed",
                    _ => "the node was started before",
                };
                *state = other;
                Err(Failure::state(text))
            }
        }
    }

    /// Starts; blocks, so it is for a thread of the pool.
    pub fn start(&self, (given, wake): Parts) -> Result<String, Failure> {
        let started = with_host(*given).and_then(Cluster::start_blocking);
        let mut state = self.state();
        match (started, &*state) {
            (Ok(cluster), State::Starting) => {
                cluster.subscribe(move || {
                    wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
                });
                let told = views::started(&cluster);
                *state = State::Running(cluster);
                Ok(told)
            }
            (Ok(cluster), _) => {
                drop(state);
                cluster.close();
                Err(Failure::state("the node was closed while it was starting"))
            }
            (Err(error), _) => {
                *state = State::Closed;
                Err(error.into())
            }
        }
    }

    /// The node, if it runs.
    pub fn cluster(&self) -> Result<Cluster, Failure> {
        match &*self.state() {
            State::Running(cluster) => Ok(cluster.clone()),
            State::New(..) | State::Starting => Err(Failure::state("the node is not started")),
            State::Closed => Err(Failure::state("the node is closed")),
        }
    }

    /// For what a call in flight does: a node that does not run has no answer,
    /// and that is no error.
    pub fn quietly<T>(&self, none: T, f: impl FnOnce(&Cluster) -> T) -> T {
        match &*self.state() {
            State::Running(cluster) => f(cluster),
            _ => none,
        }
    }

    /// Ends the node at once, whatever it is doing. Can be called again.
    pub fn close(&self) {
        let state = std::mem::replace(&mut *self.state(), State::Closed);
        if let State::Running(cluster) = state {
            cluster.close();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// The host may be a name of this machine, such as `localhost`.
fn with_host(given: Given) -> Result<Options, StartError> {
    let Given { host, mut options } = given;
    options.host = match host.parse() {
        Ok(ip) => ip,
        Err(_) => {
            let found = (host.as_str(), 0).to_socket_addrs();
            let mut ips: Vec<IpAddr> = match found {
                Ok(addrs) => addrs.map(|addr| addr.ip()).collect(),
                Err(source) => return Err(StartError::BadHost { host, source }),
            };
            ips.sort_by_key(IpAddr::is_ipv6);
            match ips.first() {
                Some(ip) => *ip,
                None => {
                    let source = std::io::ErrorKind::AddrNotAvailable.into();
                    return Err(StartError::BadHost { host, source });
                }
            }
        }
    };
    Ok(options)
}
