//! What goes into the engine and what comes out of it, as data.
//!
//! The engine reads no clock and owns no socket. Whoever drives it (the tokio
//! shell in `net`, the simulator in `sim`, a property test) calls its
//! `handle_*` methods with the current time and carries out the effects that
//! [`Engine::poll`](super::Engine::poll) hands back.

use std::net::SocketAddr;

use crate::membership::Status;
use crate::state::Value;

/// A TCP connection on the gossip port, named by whoever opened it: the engine
/// numbers the ones it asks for (even), the driver the ones it accepts (odd).
pub type ConnId = u64;

/// Something the driver has to do for the engine.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Send a datagram from the gossip socket.
    Send {
        /// Where to.
        to: SocketAddr,
        /// At most [`crate::wire::MAX_MESSAGE`] bytes.
        bytes: Vec<u8>,
    },
    /// Send a datagram from a socket connected to `to`, so that a closed port
    /// is reported (`handle_refused`). What arrives on that socket is handed
    /// to `handle_datagram` like any other datagram.
    Probe {
        /// Where to.
        to: SocketAddr,
        /// At most [`crate::wire::MAX_MESSAGE`] bytes.
        bytes: Vec<u8>,
    },
    /// Open a TCP connection; answer with `handle_opened` or `handle_closed`.
    Open {
        /// Name of the connection from now on.
        conn: ConnId,
        /// Where to.
        to: SocketAddr,
    },
    /// Write one frame (the driver adds the length prefix).
    Write {
        /// Which connection.
        conn: ConnId,
        /// At most [`crate::wire::MAX_STREAM_MESSAGE`] bytes.
        bytes: Vec<u8>,
    },
    /// Close a connection once everything written has been flushed. The driver
    /// does not answer with `handle_closed`.
    Close {
        /// Which connection.
        conn: ConnId,
    },
    /// Something that users of the cluster want to know.
    Event(Event),
}

/// What a user of the cluster hears, in the order in which it became known here.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A member was heard of for the first time.
    Join {
        /// Its name, `host:gossip_port`.
        name: String,
    },
    /// A member is alive again after having been suspect, dead or gone; also
    /// when a newer generation of it appears.
    Alive {
        /// Its name.
        name: String,
    },
    /// At least one observer doubts a member.
    Suspect {
        /// Its name.
        name: String,
    },
    /// A quorum of its observers says that a member is dead.
    Fail {
        /// Its name.
        name: String,
    },
    /// A member says goodbye (`Leaving`: finishes its calls; `Left`: gone).
    Leave {
        /// Its name.
        name: String,
        /// `Leaving` or `Left`.
        status: Status,
    },
    /// A key of a member changed; `value` is `None` when it was removed.
    Update {
        /// Whose key.
        name: String,
        /// The key, with its namespace (see [`crate::state::keys`]).
        key: String,
        /// The new value.
        value: Option<Value>,
    },
    /// A dead or gone member was forgotten.
    Forget {
        /// Its name.
        name: String,
    },
    /// Nothing that our user set waits for its turn any more
    /// ([`Told::Held`](super::Told::Held)).
    Drained,
    /// The first full exchange with a seed (or any member) is complete.
    Synced,
    /// A join attempt failed; it is repeated.
    SeedFailed {
        /// The seed's address.
        addr: SocketAddr,
        /// Why, for a log line.
        reason: String,
    },
    /// A line for the log.
    Log {
        /// How bad it is.
        level: Level,
        /// One line of text.
        text: String,
    },
}

/// Severity of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Something is wrong and is being dealt with.
    Warn,
}
