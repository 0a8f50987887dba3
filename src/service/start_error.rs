//! Why a service does not start.

use std::io;

use crate::engine::SetError;
use crate::net::{self, BadNetwork};
use crate::routing::PatternError;

/// Why a service did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The gossip port could not be opened.
    #[error("{0}; it is the call port + 1, unless gossip_port says otherwise")]
    GossipPort(#[source] net::StartError),
    /// The node could not start.
    #[error(transparent)]
    Gossip(net::StartError),
    /// The call port could not be opened.
    #[error("call port {port} cannot be opened on {host}: {source}")]
    Listen {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// A host cannot be resolved.
    #[error("host '{host}' is no address of this machine: {reason}")]
    Host {
        /// The host.
        host: String,
        /// Why not.
        reason: String,
    },
    /// There is no gossip port beside the call port.
    #[error("call port 65535 leaves no gossip port (it is the next one): set gossip_port")]
    NoGossipPort,
    /// What was to be allowed is no network.
    #[error("allow: {0}")]
    Allow(#[from] BadNetwork),
    /// A pattern or pin cannot be read.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A pattern or pin is Seneca's own.
    #[error("the pattern '{0}' belongs to Seneca itself and cannot be answered")]
    Reserved(String),
    /// A pin cannot be shared out like that.
    #[error("'{pin}' cannot be shared out by key: {reason}")]
    Sharding {
        /// The pin.
        pin: String,
        /// Why not.
        reason: String,
    },
    /// Another node divides a pin into another number of shards, or by another
    /// key.
    #[error("{0}")]
    Shards(String),
    /// The TLS that was given cannot be set up.
    #[cfg(feature = "tls")]
    #[error(transparent)]
    Tls(#[from] super::tls_error::TlsError),
    /// What the service publishes does not fit into the cluster's state.
    #[error("the service cannot be published: {0}")]
    Publish(#[from] SetError),
}

impl From<net::StartError> for StartError {
    fn from(error: net::StartError) -> Self {
        match error {
            net::StartError::PortInUse { .. } | net::StartError::PortDenied { .. } => {
                StartError::GossipPort(error)
            }
            error => StartError::Gossip(error),
        }
    }
}
