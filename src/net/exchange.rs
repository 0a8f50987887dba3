//! One TCP connection, from its first byte to its last.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::select;
use tokio::time::timeout;

use super::frame::{Frames, TooLong, prefix};
use super::meter::Meter;
use super::shared::Shared;
use super::streams::{Half, Order};
use crate::engine::Drop;
use crate::wire::seal::Refusal;

/// A whole exchange, connecting included.
const DEADLINE: Duration = Duration::from_secs(10);
/// Connecting alone.
const CONNECT: Duration = Duration::from_secs(3);
/// How long the peer may take to read our last bytes.
const LINGER: Duration = Duration::from_secs(2);
/// Bytes that are read at a time.
const CHUNK: usize = 16 * 1024;

/// Connects for the engine, and goes on until the end.
pub async fn open(shared: Arc<Shared>, mut half: Half, to: SocketAddr) {
    let conn = half.conn;
    let exchange = async {
        let mut stream = match timeout(CONNECT, TcpStream::connect(to)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(e)) => return Ended::Error(e),
            Err(_) => return Ended::Unanswered,
        };
        shared.engine(|engine, now| engine.handle_opened(now, conn));
        converse(&shared, &mut half, &mut stream).await
    };
    let ended = timeout(DEADLINE, exchange).await;
    finish(&shared, conn, ended.unwrap_or(Ended::Slow));
}

/// Serves a connection that a peer opened.
pub async fn serve(shared: Arc<Shared>, mut half: Half, mut stream: TcpStream) {
    let conn = half.conn;
    let ended = timeout(DEADLINE, converse(&shared, &mut half, &mut stream)).await;
    finish(&shared, conn, ended.unwrap_or(Ended::Slow));
}

fn finish(shared: &Arc<Shared>, conn: u64, ended: Ended) {
    if !shared.stream_ended(conn) {
        return;
    }
    let reason = ended.to_string();
    shared.engine(|engine, now| {
        if let Some(drop) = ended.drop(conn % 2 == 1) {
            engine.count_drop(drop);
        }
        engine.handle_closed(now, conn, &reason);
    });
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    /// We were done with it.
    #[error("closed")]
    Closed,
    #[error("the peer closed the connection")]
    Eof,
    #[error(
        "the peer closed the connection without a word: has it another cluster, or another key?"
    )]
    Silent,
    #[error("{}", sealed(.0))]
    Sealed(Refusal),
    #[error("the peer closed the connection within a message")]
    Partial,
    #[error("a message of {0} bytes was announced")]
    TooLong(usize),
    #[error("too many long messages at the same time")]
    Crowded,
    #[error("the exchange took more than {} s", DEADLINE.as_secs())]
    Slow,
    #[error("no answer to the connection")]
    Unanswered,
    #[error(transparent)]
    Error(#[from] io::Error),
}

impl Ended {
    /// What is counted of it.
    fn drop(&self, inbound: bool) -> Option<Drop> {
        match self {
            Ended::Partial => Some(Drop::Partial),
            Ended::TooLong(_) => Some(Drop::Oversized),
            Ended::Crowded => Some(Drop::Crowded),
            Ended::Slow if inbound => Some(Drop::Slow),
            // Counted where it was opened.
            Ended::Sealed(_) | Ended::Silent => None,
            Ended::Slow | Ended::Closed | Ended::Eof | Ended::Unanswered | Ended::Error(_) => None,
        }
    }
}

/// Reads and writes at the same time, so that two peers that send each other
/// much do not wait for each other.
async fn converse(shared: &Arc<Shared>, half: &mut Half, stream: &mut TcpStream) -> Ended {
    let peer = match stream.peer_addr() {
        Ok(peer) => SocketAddr::new(peer.ip().to_canonical(), peer.port()),
        Err(e) => return e.into(),
    };
    let _ = stream.set_nodelay(true);
    let (mut reader, mut writer) = stream.split();
    let meter = half.meter.clone();
    let conn = half.conn;
    let ended = select! {
        ended = read(shared, conn, peer, &meter, &mut reader) => ended,
        ended = write(shared, half, &mut writer) => ended,
    };
    if matches!(ended, Ended::Closed) {
        // Unread bytes would make the system reset the connection, and the
        // peer lose what we wrote last.
        let _ = timeout(LINGER, drain(&mut reader)).await;
    }
    ended
}

async fn read(
    shared: &Arc<Shared>,
    conn: u64,
    from: SocketAddr,
    meter: &Meter,
    reader: &mut ReadHalf<'_>,
) -> Ended {
    let mut chunk = vec![0; CHUNK];
    let mut frames = Frames::default();
    let mut silent = true;
    loop {
        let size = match reader.read(&mut chunk).await {
            Ok(size) => size,
            Err(_) if frames.is_partial() => return Ended::Partial,
            // Closed with something of ours unread.
            Err(e) if silent && e.kind() == io::ErrorKind::ConnectionReset => return Ended::Silent,
            Err(e) => return e.into(),
        };
        if size == 0 {
            return match frames.is_partial() {
                true => Ended::Partial,
                false if silent => Ended::Silent,
                false => Ended::Eof,
            };
        }
        frames.push(&chunk[..size]);
        loop {
            match frames.next() {
                Ok(Some(frame)) => {
                    meter.touch(shared.clock().millis());
                    silent = false;
                    let message = match shared.vault.try_open(from, frame) {
                        Ok(message) => message,
                        Err(refusal) => return Ended::Sealed(refusal),
                    };
                    shared.input(|engine, now| engine.handle_frame(now, conn, &frame[message]));
                }
                Ok(None) => break,
                Err(TooLong(length)) => return Ended::TooLong(length),
            }
        }
        if !meter.hold(frames.held()) {
            return Ended::Crowded;
        }
    }
}

async fn write(shared: &Arc<Shared>, half: &mut Half, writer: &mut WriteHalf<'_>) -> Ended {
    write_all(shared, half, writer)
        .await
        .map_or_else(Ended::from, |()| Ended::Closed)
}

async fn write_all(
    shared: &Arc<Shared>,
    half: &mut Half,
    writer: &mut WriteHalf<'_>,
) -> io::Result<()> {
    while let Some(order) = half.orders.recv().await {
        let Order::Frame(bytes) = order else { break };
        let sealed = shared.vault.seal_frame(&bytes);
        let framed = sealed.and_then(|sealed| {
            // In one piece: with two, a small frame would be two packets.
            Some([&prefix(&sealed)?[..], &sealed].concat())
        });
        let Some(framed) = framed else {
            return Err(io::Error::other("a message of ours is too long"));
        };
        writer.write_all(&framed).await?;
        half.meter.sub(bytes.len());
        half.meter.touch(shared.clock().millis());
    }
    writer.shutdown().await
}

/// How it is told to whoever asked for the exchange.
fn sealed(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NoKey => "its messages are sealed, and this node has no key",
        Refusal::Unsealed => "its messages are not sealed, and this node has a key",
        Refusal::WrongKey => "no key of this node opens its messages",
        Refusal::Clock { .. } => "its clock is too far from ours",
        Refusal::Cluster => "it is of another cluster",
        Refusal::Replayed => "its message came before",
        Refusal::Malformed | Refusal::Version => "it does not speak this protocol",
    }
}

async fn drain(reader: &mut ReadHalf<'_>) {
    let mut scrap = [0; 4_096];
    while matches!(reader.read(&mut scrap).await, Ok(size) if size > 0) {}
}
