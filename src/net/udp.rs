//! A UDP socket that never waits to send.
//!
//! Sending goes straight to the system: a datagram that does not fit into the
//! send buffer is lost, as on the network, and gossip copes with that. On Unix
//! the socket is registered for reading only, because tokio's own UDP socket
//! asks for writability as well and then wakes up once for every datagram that
//! a receiver on the same machine takes out of its buffer.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
#[cfg(unix)]
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};
#[cfg(unix)]
use tokio::io::Interest;
#[cfg(unix)]
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};

#[cfg(unix)]
type Inner = std::net::UdpSocket;
#[cfg(not(unix))]
type Inner = tokio::net::UdpSocket;

/// Wished for, not required: what bursts of a large cluster fit into.
const BUFFER: usize = 4 * 1024 * 1024;

/// A UDP socket, bound, and possibly connected.
pub struct Udp {
    inner: Inner,
    v6: bool,
}

impl Udp {
    /// Binds a socket; must be called inside the runtime.
    pub fn bind(addr: SocketAddr) -> io::Result<Udp> {
        let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
        if addr.is_ipv6() {
            // '::' means all addresses, the ones of IPv4 included.
            let _ = socket.set_only_v6(!addr.ip().is_unspecified());
        }
        let _ = socket.set_recv_buffer_size(BUFFER);
        let _ = socket.set_send_buffer_size(BUFFER);
        socket.bind(&addr.into())?;
        Udp::register(socket, addr.is_ipv6())
    }

    /// A socket that talks to `to` only, and hears when nobody listens there.
    pub fn connect(from: SocketAddr, to: SocketAddr) -> io::Result<Udp> {
        let socket = Socket::new(Domain::for_address(to), Type::DGRAM, Some(Protocol::UDP))?;
        let same = from.is_ipv6() == to.is_ipv6();
        if same && !from.ip().is_unspecified() {
            socket.bind(&SocketAddr::new(from.ip(), 0).into())?;
        }
        socket.connect(&to.into())?;
        Udp::register(socket, to.is_ipv6())
    }

    /// A socket that hears what is sent to a multicast group, beside others of
    /// this machine, on the interfaces that [`join`](Self::join) names.
    pub fn group(group: SocketAddrV4) -> io::Result<Udp> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        // Bound to the group, so that nothing else is heard: what is sent to an
        // address of ours may come from beyond the next router. Windows cannot.
        let ip = if cfg!(windows) {
            Ipv4Addr::UNSPECIFIED
        } else {
            *group.ip()
        };
        socket.bind(&SocketAddrV4::new(ip, group.port()).into())?;
        Udp::register(socket, false)
    }

    /// Hears a group on the interface of this address; once more is no error.
    pub fn join(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        match self.raw().join_multicast_v4(&group, &interface) {
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => Ok(()),
            other => other,
        }
    }

    fn register(socket: Socket, v6: bool) -> io::Result<Udp> {
        socket.set_nonblocking(true)?;
        let inner: std::net::UdpSocket = socket.into();
        #[cfg(not(unix))]
        let inner = Inner::from_std(inner)?;
        Ok(Udp { inner, v6 })
    }

    fn raw(&self) -> socket2::SockRef<'_> {
        socket2::SockRef::from(&self.inner)
    }

    /// Where it is bound.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let addr = self.raw().local_addr()?.as_socket();
        addr.ok_or_else(|| io::Error::other("not an address of the Internet family"))
    }

    /// Sends a datagram from an unconnected socket, or loses it.
    pub fn send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
        let to = match to {
            SocketAddr::V4(v4) if self.v6 => {
                SocketAddr::from((v4.ip().to_ipv6_mapped(), v4.port()))
            }
            plain => plain,
        };
        self.raw().send_to(bytes, &to.into()).map(drop)
    }

    /// Sends a datagram from a connected socket, or loses it.
    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        self.raw().send(bytes).map(drop)
    }

    /// To look whether there is something, without having been told.
    pub fn look(&self) -> Ready<'_> {
        Ready {
            udp: self,
            #[cfg(unix)]
            told: None,
        }
    }

    fn recv(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        #[cfg(unix)]
        return self.inner.recv_from(buffer);
        #[cfg(not(unix))]
        return self.inner.try_recv_from(buffer);
    }
}

#[cfg(unix)]
impl AsRawFd for Udp {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}

/// Waits for what arrives at a socket. While there is none of these, nothing that
/// arrives wakes the runtime up.
pub struct Ears(#[cfg(unix)] AsyncFd<Arc<Udp>>, #[cfg(not(unix))] Arc<Udp>);

impl Ears {
    /// Of a socket, once at a time; must be called inside the runtime.
    pub fn of(udp: &Arc<Udp>) -> io::Result<Ears> {
        // Deprecated because a type could lie about its file descriptor. The
        // socket of the standard library does not, and the successor is unsafe.
        #[cfg(unix)]
        #[allow(deprecated)]
        let ears = AsyncFd::with_interest(udp.clone(), Interest::READABLE | Interest::ERROR)?;
        #[cfg(not(unix))]
        let ears = udp.clone();
        Ok(Ears(ears))
    }

    /// The socket.
    pub fn udp(&self) -> &Udp {
        #[cfg(unix)]
        return self.0.get_ref();
        #[cfg(not(unix))]
        return &self.0;
    }

    /// Waits until there is a datagram or an error to be taken.
    pub async fn ready(&self) -> io::Result<Ready<'_>> {
        #[cfg(unix)]
        let told = self.0.ready(Interest::READABLE | Interest::ERROR).await?;
        #[cfg(not(unix))]
        self.0.inner.readable().await?;
        Ok(Ready {
            udp: self.udp(),
            #[cfg(unix)]
            told: Some(told),
        })
    }
}

/// A socket that may have something to be taken.
pub struct Ready<'a> {
    udp: &'a Udp,
    #[cfg(unix)]
    told: Option<AsyncFdReadyGuard<'a, Arc<Udp>>>,
}

impl Ready<'_> {
    /// Takes a datagram. `WouldBlock` when there is none; one that is longer
    /// than the buffer is cut off.
    pub fn try_recv(&mut self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let received = self.udp.recv(buffer);
        #[cfg(unix)]
        if let (Err(e), Some(told)) = (&received, &mut self.told)
            && e.kind() == io::ErrorKind::WouldBlock
        {
            told.clear_ready();
        }
        received.map(|(size, from)| (size, canonical(from)))
    }
}

/// Does this error of a connected socket say that nobody listens there?
/// Windows calls it a reset.
pub fn is_refusal(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}

/// An IPv4 peer seen through an IPv6 socket, as the IPv4 peer that it is.
fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const ANY: &str = "127.0.0.1:0";
    const SOON: Duration = Duration::from_secs(5);

    async fn receive(udp: &Arc<Udp>) -> io::Result<(Vec<u8>, SocketAddr)> {
        let ears = Ears::of(udp)?;
        let mut buffer = [0; 64];
        loop {
            let mut ready = timeout(SOON, ears.ready()).await.expect("in time")?;
            match ready.try_recv(&mut buffer) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => continue,
                other => return other.map(|(size, from)| (buffer[..size].to_vec(), from)),
            }
        }
    }

    #[tokio::test]
    async fn datagrams_travel_both_ways() {
        let a = Arc::new(Udp::bind(ANY.parse().unwrap()).unwrap());
        let a_addr = a.local_addr().unwrap();
        let b = Arc::new(Udp::connect(ANY.parse().unwrap(), a_addr).unwrap());
        b.send(b"ping").unwrap();
        let (bytes, from) = receive(&a).await.unwrap();
        assert_eq!((&bytes[..], from), (&b"ping"[..], b.local_addr().unwrap()));
        a.send_to(b"ack", from).unwrap();
        assert_eq!(receive(&b).await.unwrap().0, b"ack");
    }

    #[tokio::test]
    async fn what_came_while_nobody_listened_is_there_afterwards() {
        let a = Arc::new(Udp::bind(ANY.parse().unwrap()).unwrap());
        let b = Udp::connect(ANY.parse().unwrap(), a.local_addr().unwrap()).unwrap();
        drop(Ears::of(&a).unwrap());
        b.send(b"one").unwrap();
        let mut buffer = [0; 64];
        let (size, _) = a.look().try_recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..size], b"one");
        let none = a.look().try_recv(&mut buffer).unwrap_err();
        assert_eq!(none.kind(), io::ErrorKind::WouldBlock);
        b.send(b"two").unwrap();
        assert_eq!(receive(&a).await.unwrap().0, b"two");
    }

    #[tokio::test]
    async fn a_connected_socket_hears_that_a_port_is_closed() {
        let gone = Udp::bind(ANY.parse().unwrap()).unwrap();
        let addr = gone.local_addr().unwrap();
        drop(gone);
        let probe = Arc::new(Udp::connect(ANY.parse().unwrap(), addr).unwrap());
        probe.send(b"ping").unwrap();
        let error = receive(&probe).await.unwrap_err();
        assert!(is_refusal(&error), "{error}");
    }

    #[tokio::test]
    async fn a_socket_of_all_addresses_speaks_ipv4_as_such() {
        let Ok(all) = Udp::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))) else {
            return; // no IPv6 here
        };
        let all = Arc::new(all);
        let port = all.local_addr().unwrap().port();
        let v4 = Arc::new(Udp::bind(ANY.parse().unwrap()).unwrap());
        let v4_addr = v4.local_addr().unwrap();
        v4.send_to(b"hi", SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            .unwrap();
        assert_eq!(receive(&all).await.unwrap(), (b"hi".to_vec(), v4_addr));
        all.send_to(b"ho", v4_addr).unwrap();
        assert_eq!(receive(&v4).await.unwrap().0, b"ho");
    }
}
