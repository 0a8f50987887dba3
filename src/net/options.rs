//! What a node is told at its start, and why a start is refused.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::allow::Network;
use super::multicast::Multicast;
use crate::engine::{Config, Limits, Millis};
use crate::state::Order;
use crate::wire::seal::Keyring;

/// The longest time that makes sense, in ms.
const DAY: Millis = 24 * 3_600 * 1_000;
/// The longest name of a cluster.
const MAX_CLUSTER: usize = 255;

/// Settings of a [`Cluster`](super::Cluster). Times are milliseconds.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address to bind. Unspecified (`0.0.0.0`, `::`) means all.
    pub host: IpAddr,
    /// Gossip port, UDP and TCP; 0 takes one that is free for both.
    pub port: u16,
    /// Host under which the others reach this node, or an interface (`@eth0`);
    /// `None` finds one out (see [`advertise`](super::advertise)).
    pub advertise: Option<String>,
    /// Port under which the others reach the gossip port, where a port mapping
    /// gives it another number; `None` is the bound one.
    pub advertise_port: Option<u16>,
    /// Gossip addresses of neighbours, `host:port`. Names are resolved again
    /// and again.
    pub seeds: Vec<String>,
    /// Networks whose nodes may talk to this one, by UDP and TCP; none: all.
    /// The loopback is one like any other.
    pub allow: Vec<Network>,
    /// Time between two lookups of their names, once the node has joined.
    pub resolve: Millis,
    /// What gossip is sealed with, and opened. By default it is not sealed.
    pub keys: Keyring,
    /// Whether, and where, nodes on the same network find each other.
    pub discover: Option<Multicast>,
    /// Name of the cluster; nodes of another name are refused.
    pub cluster: String,
    /// Time between two gossip rounds.
    pub interval: Millis,
    /// Time between two pings of a watched member.
    pub ping: Millis,
    /// Suspicion threshold of the failure detector.
    pub phi: f64,
    /// A member is never suspected before it was silent for this long.
    pub silence: Millis,
    /// How long the word of a quorum must stand before a member is dead.
    pub refute: Millis,
    /// Observers of each member, at most.
    pub observers: usize,
    /// How long dead and gone members are remembered.
    pub remember: Millis,
    /// How many dead and gone members are remembered at most.
    pub remember_max: usize,
    /// How long a removed key is remembered as removed.
    pub tombstones: Millis,
    /// Whose changes come first when a message cannot hold everything.
    pub order: Order,
    /// Bounds on the state.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        // The engine's defaults, so that there is one place that has them.
        let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let engine = Config::new("", nobody, 0);
        Options {
            host: nobody.ip(),
            port: 0,
            advertise: None,
            advertise_port: None,
            seeds: Vec::new(),
            allow: Vec::new(),
            resolve: 30_000,
            keys: Keyring::default(),
            discover: None,
            cluster: engine.cluster,
            interval: engine.interval,
            ping: engine.ping,
            phi: engine.phi,
            silence: engine.silence,
            refute: engine.refute,
            observers: engine.observers,
            remember: engine.remember,
            remember_max: engine.remember_max,
            tombstones: engine.tombstones,
            order: engine.order,
            limits: engine.limits,
        }
    }
}

impl Options {
    /// Refuses what could not work.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let time = |ms: Millis, least: Millis| (least..=DAY).contains(&ms);
        let rules = [
            (
                "cluster",
                (1..=MAX_CLUSTER).contains(&self.cluster.len()),
                "1 to 255 bytes",
            ),
            (
                "advertise_port",
                self.advertise_port != Some(0),
                "a port from 1 to 65535",
            ),
            ("resolve", time(self.resolve, 1_000), "1 s to a day, in ms"),
            (
                "discover",
                self.discover.as_ref().is_none_or(Multicast::is_sound),
                "a multicast group of IPv4 and a port from 1 to 65535",
            ),
            ("interval", time(self.interval, 10), "10 ms to a day"),
            ("ping", time(self.ping, 10), "10 ms to a day"),
            (
                "phi",
                self.phi > 0.0 && self.phi <= 1_000.0,
                "more than 0, and 1000 at most",
            ),
            ("silence", time(self.silence, 0), "a day at most, in ms"),
            ("refute", time(self.refute, 0), "a day at most, in ms"),
            ("observers", (1..=64).contains(&self.observers), "1 to 64"),
            (
                "remember",
                self.remember <= 365 * DAY,
                "a year at most, in ms",
            ),
            (
                "remember_max",
                self.remember_max <= 100_000,
                "100000 at most",
            ),
        ];
        match rules.into_iter().find(|(_, fine, _)| !fine) {
            Some((option, _, expected)) => Err(StartError::BadOption { option, expected }),
            None => Ok(()),
        }
    }

    /// The engine's part, for a node of that name and address.
    pub(super) fn config(&self, name: String, addr: SocketAddr, wall: u64) -> Config {
        let mut config = Config::new(name, addr, wall);
        config.cluster.clone_from(&self.cluster);
        config.interval = self.interval;
        config.ping = self.ping;
        config.phi = self.phi;
        config.silence = self.silence;
        config.refute = self.refute;
        config.observers = self.observers;
        config.remember = self.remember;
        config.remember_max = self.remember_max;
        config.tombstones = self.tombstones;
        config.order = self.order;
        config.limits = self.limits;
        config
    }
}

/// UDP or TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Datagrams.
    Udp,
    /// Connections.
    Tcp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Udp => "UDP",
            Protocol::Tcp => "TCP",
        })
    }
}

/// Why a node could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else has the port.
    #[error("gossip port {} ({protocol}) is already in use on {}", addr.port(), addr.ip())]
    PortInUse {
        /// What was to be bound.
        addr: SocketAddr,
        /// Which of the two sockets.
        protocol: Protocol,
    },
    /// No permission for the port.
    #[error("no permission to use gossip port {} ({protocol}) on {}", addr.port(), addr.ip())]
    PortDenied {
        /// What was to be bound.
        addr: SocketAddr,
        /// Which of the two sockets.
        protocol: Protocol,
    },
    /// The address to bind is not one of this machine.
    #[error("host '{host}' is not an address of this machine: {source}")]
    BadHost {
        /// What was to be bound.
        host: String,
        /// What the system said.
        source: io::Error,
    },
    /// The name to be advertised cannot be used.
    #[error("advertise '{advertise}' cannot be used: {reason}")]
    BadAdvertise {
        /// What was to be advertised.
        advertise: String,
        /// Why not.
        reason: String,
    },
    /// A seed is not `host:port`.
    #[error("seed '{seed}' must be host:port with a port of 1 to 65535: {reason}")]
    BadSeed {
        /// The seed.
        seed: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A setting makes no sense.
    #[error("option '{option}' must be {expected}")]
    BadOption {
        /// Its name.
        option: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// The system refused something else.
    #[error("cannot start the node: {what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl StartError {
    /// A short, stable name of the error, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            StartError::PortInUse { .. } => "GOSSIP_PORT_IN_USE",
            StartError::PortDenied { .. } => "GOSSIP_PORT_DENIED",
            StartError::BadHost { .. } => "GOSSIP_BAD_HOST",
            StartError::BadAdvertise { .. } => "GOSSIP_BAD_ADVERTISE",
            StartError::BadSeed { .. } => "GOSSIP_BAD_SEED",
            StartError::BadOption { .. } => "GOSSIP_OPTION",
            StartError::Io { .. } => "GOSSIP_IO",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_and_settings_reach_the_engine() {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 4445));
        let options = Options {
            ping: 123,
            observers: 3,
            cluster: "blue".into(),
            ..Options::default()
        };
        let config = options.config("127.0.0.1:4445".into(), addr, 7);
        let plain = Config::new("127.0.0.1:4445", addr, 7);
        assert_eq!((config.ping, config.observers), (123, 3));
        assert_eq!(config.cluster, "blue");
        assert_eq!(config.interval, plain.interval);
        assert_eq!(config.remember_max, plain.remember_max);
        assert_eq!((config.addr, config.wall), (addr, 7));
    }

    #[test]
    fn what_could_not_work_is_refused_by_name() {
        Options::default().check().unwrap();
        let options = Options {
            interval: 0,
            ..Options::default()
        };
        let error = options.check().unwrap_err();
        assert!(error.to_string().contains("'interval'"), "{error}");
        let options = Options {
            phi: f64::NAN,
            ..Options::default()
        };
        assert!(options.check().unwrap_err().to_string().contains("'phi'"));
    }

    #[test]
    fn an_error_names_the_port_and_the_reason() {
        let error = StartError::PortInUse {
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 4445)),
            protocol: Protocol::Tcp,
        };
        let text = error.to_string();
        assert!(text.contains("4445") && text.contains("in use") && text.contains("TCP"));
        assert_eq!(error.code(), "GOSSIP_PORT_IN_USE");
    }
}
