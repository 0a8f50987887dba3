//! How a service is described before it starts.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::error::ServiceError;
use super::handlers::Handlers;
use super::listener::Limits;
use super::moved::{Moved, OnShards};
use super::node::Service;
use super::sharding::{Sharding, SharedPin};
use super::start_error::StartError;
use super::tls::Secure;
use crate::net;
use crate::routing::{Offer, Pattern};
use crate::wire::seal::Keyring;

/// A year: longer is no different, and could not be added to a time.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3_600);

/// Describes a service; see the [module](super) for an example.
pub struct Builder {
    pub(super) host: Option<String>,
    pub(super) port: u16,
    pub(super) gossip_port: Option<u16>,
    pub(super) advertise_port: Option<u16>,
    /// Bind address, port and seeds come from the fields above.
    pub(super) gossip: net::Options,
    pub(super) handlers: Handlers,
    pub(super) limits: Limits,
    pub(super) timeout: Duration,
    pub(super) jointime: Duration,
    pub(super) drain: Duration,
    pub(super) weight: f64,
    pub(super) on_shards: Option<OnShards>,
    pub(super) secure: Option<Arc<Secure>>,
    /// The first thing that is wrong, told by `start`.
    pub(super) wrong: Option<StartError>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Builder {
            host, port, gossip, ..
        } = self;
        let mut out = f.debug_struct("Builder");
        out.field("host", host).field("port", port);
        out.field("seeds", &gossip.seeds).finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            host: None,
            port: 0,
            gossip_port: None,
            advertise_port: None,
            gossip: net::Options::default(),
            handlers: Handlers::default(),
            limits: Limits::default(),
            // As Seneca's own.
            timeout: Duration::from_millis(22_222),
            jointime: Duration::from_secs(1),
            drain: Duration::from_secs(5),
            weight: 1.0,
            on_shards: None,
            secure: None,
            wrong: None,
        }
    }
}

impl Builder {
    /// Address to bind, for calls and gossip; `127.0.0.1` by default.
    /// `0.0.0.0` means all, `@eth0` the address of that interface.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Port for calls; 0, the default, takes a free one. The gossip port is
    /// the next one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Gossip port, if it is not to be the one after the call port.
    pub fn gossip_port(mut self, port: u16) -> Self {
        self.gossip_port = Some(port);
        self
    }

    /// Host under which the others reach this service, if it is not the one
    /// that it binds; `@eth0` is the address of that interface.
    pub fn advertise(mut self, host: impl Into<String>) -> Self {
        self.gossip.advertise = Some(host.into());
        self
    }

    /// Ports under which the others reach the call port and the gossip port,
    /// where a port mapping gives them other numbers.
    pub fn advertise_ports(mut self, call: u16, gossip: u16) -> Self {
        self.advertise_port = Some(call);
        self.gossip.advertise_port = Some(gossip);
        if call == 0 || gossip == 0 {
            let error = net::StartError::BadOption {
                option: "advertise_ports",
                expected: "ports from 1 to 65535",
            };
            self.wrong.get_or_insert(StartError::Gossip(error));
        }
        self
    }

    /// Gossip addresses of neighbours, `host:port`; one that answers is enough.
    pub fn seeds<S: Into<String>>(mut self, seeds: impl IntoIterator<Item = S>) -> Self {
        self.gossip.seeds = seeds.into_iter().map(Into::into).collect();
        self
    }

    /// Networks whose nodes may talk to this one, on both ports: `10.0.0.0/8`,
    /// `fd00::/8`, or single addresses. Without any, everybody may. The loopback
    /// is a network like any other.
    pub fn allow<S: AsRef<str>>(mut self, networks: impl IntoIterator<Item = S>) -> Self {
        for network in networks {
            match network.as_ref().parse() {
                Ok(network) => self.gossip.allow.push(network),
                Err(error) => {
                    self.wrong.get_or_insert(StartError::Allow(error));
                }
            }
        }
        self
    }

    /// Seals gossip with a key, and opens it with several: the first one of the
    /// ring seals. A [`Key`](crate::wire::seal::Key) will do.
    pub fn keys(mut self, keys: impl Into<Keyring>) -> Self {
        self.gossip.keys = keys.into();
        self
    }

    /// Finds nodes on the same network, by multicast: those that do so as well.
    /// The service then binds all addresses, unless [`host`](Self::host) says
    /// otherwise.
    pub fn discover(mut self, multicast: net::Multicast) -> Self {
        self.gossip.discover = Some(multicast);
        self
    }

    /// Name of the cluster; nodes of another name are refused.
    pub fn cluster(mut self, name: impl Into<String>) -> Self {
        self.gossip.cluster = name.into();
        self
    }

    /// Sets everything else about gossip. Host, port, `advertise` with its port,
    /// `seeds`, `discover`, `keys` and `cluster` of these options are not used,
    /// and `allow` is added to what was [given](Self::allow).
    pub fn gossip(mut self, mut options: net::Options) -> Self {
        options.allow.append(&mut self.gossip.allow);
        self.gossip = net::Options {
            advertise: self.gossip.advertise,
            advertise_port: self.gossip.advertise_port,
            seeds: self.gossip.seeds,
            keys: self.gossip.keys,
            discover: self.gossip.discover,
            cluster: self.gossip.cluster,
            ..options
        };
        self
    }

    /// Others may only ask what matches a pin. Can be given several times, or
    /// with several pins, `role:api;role:web`; without any they may ask every
    /// pattern that this service answers.
    pub fn pin(mut self, pin: &str) -> Self {
        for pin in Pattern::list(pin) {
            if let Some(pin) = self.pattern(pin) {
                self.handlers.pins.push(pin);
            }
        }
        self
    }

    /// Answers a pattern: `role:api,cmd:add`. The closure gets the message
    /// without Seneca's `$` directives; its result must be an object, an array
    /// or `null`. Of two actions for one pattern the later one counts.
    pub fn answer<F, R>(self, pattern: &str, action: F) -> Self
    where
        F: Fn(Value) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Value, ServiceError>> + Send + 'static,
    {
        self.answer_with(pattern, Offer::default(), action)
    }

    /// Answers a pattern, and says how it is to be called.
    pub fn answer_with<F, R>(mut self, pattern: &str, offer: Offer, action: F) -> Self
    where
        F: Fn(Value) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Value, ServiceError>> + Send + 'static,
    {
        if let Some(pattern) = self.pattern(pattern) {
            self.handlers.add(pattern, offer, action);
        }
        self
    }

    /// Shares out a pin by key: of all nodes that answer it, one owns all messages
    /// with one value of the key. Others may ask what matches the pin. Can be
    /// given several times, or with several pins.
    ///
    /// Messages of a pattern inside the pin are run only while this service owns
    /// their key; others are sent to the owner, also those that this service makes
    /// itself. A message whose key is on its way waits, as long as its caller does.
    pub fn shard(mut self, pin: &str, how: Sharding) -> Self {
        for text in Pattern::list(pin) {
            let Some(pattern) = self.pattern(text) else {
                continue;
            };
            match SharedPin::new(pattern, how.clone()) {
                Ok(pin) => self.handlers.share(pin),
                Err(reason) => {
                    let pin = text.into();
                    self.wrong
                        .get_or_insert(StartError::Sharding { pin, reason });
                }
            }
        }
        self
    }

    /// Hears of shards that come or go: loads the state of those that are gained,
    /// before the first message for them runs, and saves the state of those that
    /// are lost, when none runs any more and before another node gets them.
    ///
    /// It has as long as the pin's [`handover`](Sharding::handover) allows, and is
    /// dropped half way then. Of several events it may run at the same time, never
    /// for the same shard.
    pub fn on_shards<F, R>(mut self, handler: F) -> Self
    where
        F: Fn(Moved) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.on_shards = Some(OnShards::new(handler));
        self
    }

    /// Calls go over TLS, both ways, and only members may call. Without it the
    /// call port is open to whoever reaches it.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: super::Tls) -> Self {
        match tls.secure() {
            Ok(secure) => self.secure = Some(Arc::new(secure)),
            Err(error) => {
                self.wrong.get_or_insert(error.into());
            }
        }
        self
    }

    /// Bounds of the call port.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long a call may take that names no time itself (with `timeout$`);
    /// 22,222 ms as in Seneca.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(LONGEST);
        self
    }

    /// How long `start` waits for the first exchange with a seed; 1 s.
    pub fn jointime(mut self, jointime: Duration) -> Self {
        self.jointime = jointime.min(LONGEST);
        self
    }

    /// How long `leave` waits for calls in flight; 5 s.
    pub fn drain(mut self, drain: Duration) -> Self {
        self.drain = drain.min(LONGEST);
        self
    }

    /// Share of the load relative to other nodes; 1 is normal.
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }

    /// Opens the ports, joins the cluster, and waits until it has heard of the
    /// others (a moment, see [`jointime`](Self::jointime)). A join that fails
    /// is no error: it goes on being tried.
    ///
    /// The service runs on the tokio runtime that this is called in.
    pub async fn start(self) -> Result<Service, StartError> {
        Service::start(self).await
    }

    /// What it binds.
    pub(super) fn bind_host(&self) -> &str {
        let all = self.gossip.discover.is_some();
        let default = if all { "0.0.0.0" } else { "127.0.0.1" };
        self.host.as_deref().unwrap_or(default)
    }

    fn pattern(&mut self, text: &str) -> Option<Pattern> {
        let parsed = match Pattern::typed(text) {
            Ok(pattern) if pattern.is_reserved() => Err(StartError::Reserved(text.into())),
            Ok(pattern) => Ok(pattern),
            Err(error) => Err(error.into()),
        };
        match parsed {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                self.wrong.get_or_insert(error);
                None
            }
        }
    }
}
