//! The gossip port: one number for a UDP socket and a TCP listener.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

use super::options::{Protocol, StartError};
use super::udp::Udp;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;
/// How many numbers are tried for a port that is free for both protocols.
const TRIES: usize = 64;

/// Binds both sockets; must be called inside the runtime.
pub fn bind(host: IpAddr, port: u16) -> Result<(Udp, TcpListener), StartError> {
    let mut tries = if port == 0 { TRIES } else { 1 };
    loop {
        tries -= 1;
        let udp = Udp::bind(SocketAddr::new(host, port));
        let udp = udp.map_err(|e| refused(SocketAddr::new(host, port), Protocol::Udp, e))?;
        let addr = udp.local_addr().map_err(|source| StartError::Io {
            what: "local address",
            source,
        })?;
        let addr = SocketAddr::new(host, addr.port());
        match listen(addr) {
            Ok(listener) => return Ok((udp, listener)),
            Err(e) if e.kind() == ErrorKind::AddrInUse && tries > 0 => continue,
            Err(e) => return Err(refused(addr, Protocol::Tcp, e)),
        }
    }
}

fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    // So that a restart need not wait for old connections to be forgotten. On
    // Windows the option means to steal the port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        let _ = socket.set_only_v6(!addr.ip().is_unspecified());
    }
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn refused(addr: SocketAddr, protocol: Protocol, source: io::Error) -> StartError {
    match source.kind() {
        ErrorKind::AddrInUse => StartError::PortInUse { addr, protocol },
        ErrorKind::PermissionDenied => StartError::PortDenied { addr, protocol },
        ErrorKind::AddrNotAvailable => StartError::BadHost {
            host: addr.ip().to_string(),
            source,
        },
        _ => StartError::Io {
            what: "bind the gossip port",
            source,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn a_free_port_is_the_same_for_both() {
        let (udp, tcp) = bind(HOST, 0).unwrap();
        let port = udp.local_addr().unwrap().port();
        assert_ne!(port, 0);
        assert_eq!(tcp.local_addr().unwrap().port(), port);
    }

    #[tokio::test]
    async fn a_port_in_use_is_named() {
        let (udp, tcp) = bind(HOST, 0).unwrap();
        let port = udp.local_addr().unwrap().port();
        let error = bind(HOST, port).err().unwrap();
        assert!(matches!(
            error,
            StartError::PortInUse {
                protocol: Protocol::Udp,
                ..
            }
        ));
        assert!(error.to_string().contains(&port.to_string()));
        drop(udp);
        let error = bind(HOST, port).err().unwrap();
        assert!(matches!(
            error,
            StartError::PortInUse {
                protocol: Protocol::Tcp,
                ..
            }
        ));
        drop(tcp);
        bind(HOST, port).unwrap();
    }

    #[tokio::test]
    async fn a_foreign_address_is_refused() {
        let host: IpAddr = "192.0.2.77".parse().unwrap();
        let error = bind(host, 0).err().unwrap();
        assert_eq!(error.code(), "GOSSIP_BAD_HOST");
        assert!(error.to_string().contains("192.0.2.77"));
    }
}
