//! The bytes of a connection, with or without TLS.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{self as tokio_io, AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp;
use tokio::time::timeout;

use super::tls::SecureStream;

/// A peer that vanished without a word is noticed after some of these.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// A connection that is open.
pub(super) enum Stream {
    Plain(TcpStream),
    Secure(Box<SecureStream>),
}

impl Stream {
    pub fn split(&mut self) -> (Reader<'_>, Writer<'_>) {
        match self {
            Stream::Plain(stream) => {
                let (reader, writer) = stream.split();
                (Reader::Plain(reader), Writer::new(WriteHalf::Plain(writer)))
            }
            Stream::Secure(stream) => {
                let (reader, writer) = tokio_io::split(&mut **stream);
                (
                    Reader::Secure(reader),
                    Writer::new(WriteHalf::Secure(writer)),
                )
            }
        }
    }

    /// Tells the other side that this is the end, and that nothing was cut off.
    pub async fn goodbye(&mut self, within: Duration) {
        if let Stream::Secure(stream) = self {
            let _ = timeout(within, stream.shutdown()).await;
        }
    }
}

/// What arrives.
pub(super) enum Reader<'a> {
    Plain(tcp::ReadHalf<'a>),
    Secure(tokio_io::ReadHalf<&'a mut SecureStream>),
}

impl AsyncRead for Reader<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = match self.get_mut() {
            Reader::Plain(reader) => return Pin::new(reader).poll_read(cx, into),
            Reader::Secure(reader) => ready!(Pin::new(reader).poll_read(cx, into)),
        };
        Poll::Ready(match read {
            // An end without TLS's own goodbye. Only whole lines count, so nothing
            // can be cut off unseen.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            read => read,
        })
    }
}

enum WriteHalf<'a> {
    Plain(tcp::WriteHalf<'a>),
    Secure(tokio_io::WriteHalf<&'a mut SecureStream>),
}

/// What leaves.
pub(super) struct Writer<'a> {
    half: WriteHalf<'a>,
    /// Some of what was taken has not reached the system yet.
    holds: bool,
}

impl<'a> Writer<'a> {
    fn new(half: WriteHalf<'a>) -> Self {
        Writer { half, holds: false }
    }

    /// Does it take bytes that it has not passed on, and does it not know after an
    /// error how many it has?
    pub fn is_secure(&self) -> bool {
        matches!(self.half, WriteHalf::Secure(_))
    }

    /// Is there something to be pushed on, though there are no more bytes?
    pub fn holds(&self) -> bool {
        self.holds
    }

    /// Takes as many of the bytes as there is room for; with none of them, passes
    /// on what it holds. Loses nothing when the future is dropped.
    pub async fn push(&mut self, bytes: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| {
            if bytes.is_empty() {
                ready!(Pin::new(&mut *self).poll_flush(cx))?;
                return Poll::Ready(Ok(0));
            }
            let taken = ready!(Pin::new(&mut *self).poll_write(cx, bytes))?;
            Poll::Ready(match taken {
                0 => Err(io::ErrorKind::WriteZero.into()),
                taken => Ok(taken),
            })
        })
        .await
    }
}

impl AsyncWrite for Writer<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match &mut this.half {
            WriteHalf::Plain(half) => Pin::new(half).poll_write(cx, bytes),
            WriteHalf::Secure(half) => {
                let taken = ready!(Pin::new(half).poll_write(cx, bytes));
                this.holds = true;
                Poll::Ready(taken)
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = ready!(match &mut this.half {
            WriteHalf::Plain(half) => Pin::new(half).poll_flush(cx),
            WriteHalf::Secure(half) => Pin::new(half).poll_flush(cx),
        });
        this.holds = false;
        Poll::Ready(flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().half {
            WriteHalf::Plain(half) => Pin::new(half).poll_shutdown(cx),
            WriteHalf::Secure(half) => Pin::new(half).poll_shutdown(cx),
        }
    }
}

/// Replies and calls are small and urgent, and a dead peer must be noticed.
pub(super) fn tune(stream: &TcpStream) {
    // Both are improvements only: a socket without them works.
    let _ = stream.set_nodelay(true);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE);
    let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
}
