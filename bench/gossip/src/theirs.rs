//! Nodes of chitchat, which come with its own sockets and settings.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use chitchat::transport::{RecvOutcome, SendOutcome, Socket, Transport, UdpTransport};
use chitchat::{
    Chitchat, ChitchatConfig, ChitchatEnvelope, ChitchatHandle, ChitchatId, FailureDetectorConfig,
    ProtocolVersion, spawn_chitchat,
};
use tokio::runtime::{Builder, Runtime};

use crate::system::{Keys, System, Traffic};

/// How often a port is looked for that nobody takes in the meantime.
const TRIES: usize = 10;

/// All nodes on one runtime.
pub struct Theirs {
    runtime: Runtime,
    round: u64,
    version: ProtocolVersion,
}

/// A node, and what it has sent.
pub struct Node {
    handle: ChitchatHandle,
    sent: Arc<Sent>,
}

#[derive(Default)]
struct Sent {
    bytes: AtomicU64,
    datagrams: AtomicU64,
    longest: AtomicU64,
}

impl Theirs {
    /// `threads` do the work of all nodes.
    pub fn new(round: u64, version: ProtocolVersion, threads: usize) -> Result<Theirs> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build()?;
        Ok(Theirs {
            runtime,
            round,
            version,
        })
    }

    async fn open(&self, seed: Option<SocketAddr>, keys: &Keys) -> Result<Node> {
        // A node must know its port before it opens it.
        let addr = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
        let sent = Arc::new(Sent::default());
        let config = ChitchatConfig {
            chitchat_id: ChitchatId::new(addr.to_string(), 1, addr),
            cluster_id: "default".into(),
            gossip_interval: Duration::from_millis(self.round),
            listen_addr: addr,
            seed_nodes: seed.iter().map(SocketAddr::to_string).collect(),
            failure_detector_config: FailureDetectorConfig::default(),
            // What its own default for tests says; it has no other.
            marked_for_deletion_grace_period: Duration::from_secs(15 * 60),
            catchup_callback: None,
            extra_liveness_predicate: None,
            protocol_version: self.version,
        };
        let handle = spawn_chitchat(config, keys.clone(), &Metered(sent.clone())).await?;
        Ok(Node { handle, sent })
    }

    fn ask<R>(&self, node: &Node, f: impl FnOnce(&mut Chitchat) -> R) -> R {
        f(&mut node.handle.chitchat().blocking_lock())
    }
}

impl System for Theirs {
    type Node = Node;
    type Id = ChitchatId;

    fn round(&self) -> u64 {
        self.round
    }

    fn start(&self, seed: Option<SocketAddr>, keys: &Keys) -> Result<Node> {
        let mut last = self.runtime.block_on(self.open(seed, keys));
        for _ in 1..TRIES {
            if last.is_ok() {
                break;
            }
            last = self.runtime.block_on(self.open(seed, keys));
        }
        last
    }

    fn id(&self, node: &Node) -> ChitchatId {
        node.handle.chitchat_id().clone()
    }

    fn addr(&self, node: &Node) -> SocketAddr {
        node.handle.chitchat_id().gossip_advertise_addr
    }

    fn knows_all(&self, at: &Node, ids: &[ChitchatId], _: &mut usize) -> bool {
        // Its live nodes can be listed only; of so many nodes as there are, nobody is missing.
        self.ask(at, |chitchat| chitchat.live_nodes().count() >= ids.len())
    }

    fn holds_dead(&self, at: &Node, id: &ChitchatId) -> bool {
        self.ask(at, |chitchat| chitchat.live_nodes().all(|live| live != id))
    }

    fn set(&self, node: &Node, key: &str, value: &str) -> Result<()> {
        self.ask(node, |chitchat| chitchat.self_node_state().set(key, value));
        Ok(())
    }

    fn has(&self, at: &Node, id: &ChitchatId, key: &str, value: &str) -> bool {
        self.ask(at, |chitchat| {
            chitchat.node_state(id).and_then(|state| state.get(key)) == Some(value)
        })
    }

    fn crash(&self, node: Node) -> Result<()> {
        let ended = node.handle.termination_watcher();
        node.handle.abort();
        // An error says that it was aborted. Its socket is closed then.
        let _ = self.runtime.block_on(ended);
        Ok(())
    }

    fn traffic(&self, node: &Node) -> Traffic {
        let get = |of: &AtomicU64| of.load(Ordering::Relaxed);
        Traffic {
            bytes: get(&node.sent.bytes),
            datagrams: get(&node.sent.datagrams),
            longest: get(&node.sent.longest),
            streams: 0,
        }
    }
}

/// Its own UDP sockets, with a counter before them.
struct Metered(Arc<Sent>);

struct MeteredSocket {
    inner: Box<dyn Socket>,
    sent: Arc<Sent>,
}

#[async_trait]
impl Transport for Metered {
    async fn open(&self, addr: SocketAddr) -> Result<Box<dyn Socket>> {
        let inner = UdpTransport.open(addr).await?;
        let sent = self.0.clone();
        Ok(Box::new(MeteredSocket { inner, sent }))
    }
}

#[async_trait]
impl Socket for MeteredSocket {
    fn local_addr(&self) -> Result<SocketAddr> {
        self.inner.local_addr()
    }

    async fn send(&mut self, to: SocketAddr, envelope: ChitchatEnvelope) -> Result<SendOutcome> {
        let outcome = self.inner.send(to, envelope).await?;
        let size = outcome.num_bytes_sent as u64;
        self.sent.bytes.fetch_add(size, Ordering::Relaxed);
        self.sent.datagrams.fetch_add(1, Ordering::Relaxed);
        self.sent.longest.fetch_max(size, Ordering::Relaxed);
        Ok(outcome)
    }

    async fn recv(&mut self) -> Result<RecvOutcome> {
        self.inner.recv().await
    }
}
