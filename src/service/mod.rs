//! A Seneca service in pure Rust: answers and makes calls on the Seneca tcp
//! wire, as a node of the cluster like any other.
//!
//! ```
//! use seneca_gossip::service::Service;
//! use serde_json::{Value, json};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let multiply = Service::builder()
//!     .answer("role:api,cmd:mcl", |msg: Value| async move {
//!         let factor = |name: &str| msg[name].as_f64().unwrap_or(f64::NAN);
//!         Ok(json!({ "answer": factor("left") * factor("right") }))
//!     })
//!     .start()
//!     .await?;
//!
//! // Somewhere else. It knows one gossip address and no more.
//! let client = Service::builder()
//!     .seeds([multiply.gossip_addr().to_string()])
//!     .start()
//!     .await?;
//! let msg = json!({ "role": "api", "cmd": "mcl", "left": 2, "right": 3 });
//! assert_eq!(client.act(msg).await?, json!({ "answer": 6.0 }));
//!
//! client.leave().await;
//! multiply.leave().await;
//! # Ok(())
//! # }
//! ```
//!
//! What answers a message is chosen as Seneca would, over the actions of this
//! service and of all live nodes; its own win for the same pattern. What a
//! caller may rely on: a call never hangs ([`ActError`] names all ends), a call
//! that was never written to a target goes to another one by itself, and a
//! call that may have run is made again only where its offer says so.
//!
//! A pin may be shared out by key ([`Builder::shard`]): each value of the key
//! has one owner among the services that answer the pin, in whatever language,
//! and all its messages go there.
//!
//! With the cargo feature `tls` calls can go over TLS (`Builder::tls`): both sides
//! then show a certificate of the cluster's own authority, and nobody else may
//! call.
//!
//! Differences to a JavaScript node: of the message only what does not end in
//! `$` reaches an action (no `custom$`), targets of other transports than tcp
//! cannot be called, and half a surrogate pair or more than 127 levels, which
//! JavaScript reads, are refused with `invalid_json`.

mod act;
mod age;
#[cfg(feature = "tls")]
mod any_name;
mod attempt;
mod builder;
mod caller;
mod choose;
mod connection;
mod counters;
mod dial;
mod dispatch;
mod error;
mod flight;
mod gate;
mod handlers;
mod ids;
mod lines;
mod link;
mod links;
mod listener;
mod message;
mod moved;
mod node;
mod observe;
mod outgoing;
mod pace;
mod published;
mod pulse;
mod pump;
mod queue;
mod reach;
mod sharding;
mod start;
mod start_error;
mod stream;
mod talk;
#[cfg_attr(not(feature = "tls"), path = "without_tls.rs")]
mod tls;
#[cfg(feature = "tls")]
mod tls_error;
mod work;

pub use crate::engine::Event;
pub use crate::net::shards::Owner;
pub use builder::Builder;
pub use counters::Stats;
pub use error::{ActError, ServiceError};
pub use listener::Limits;
pub use moved::Moved;
pub use node::{MemberView, Service};
pub use sharding::Sharding;
pub use start_error::StartError;
#[cfg(feature = "tls")]
pub use tls::Tls;
#[cfg(feature = "tls")]
pub use tls_error::{TlsError, TlsPart};
