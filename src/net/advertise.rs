//! Under which address the others reach this node.
//!
//! The host and the port may each be told by the user, since a port mapping
//! changes both. A node bound to one address advertises that one. A node bound to all of
//! them has to choose: what `advertise` says; else the address from which the
//! first seed is reached, because that is where the cluster is; else the one
//! of the default route; else the first interface that is not the loopback;
//! else the loopback. An unspecified address is never advertised.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;

use super::interface::{address_of, interface_name};
use super::options::StartError;
use super::seeds::Seed;

/// How long a start waits for the lookup of a name.
const PATIENCE: Duration = Duration::from_secs(2);
/// Addresses for documentation: nobody is there, and nothing is sent.
const ELSEWHERE: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];

/// Who a node is to the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `host:gossip_port`.
    pub name: String,
    /// The host alone, for the service port beside it.
    pub host: String,
    /// Where its gossip port is reached.
    pub addr: SocketAddr,
}

/// Finds out who a node that is bound to `bound` is to the others. `host` and
/// `port` are what the user wants to be told, if anything.
pub async fn identity(
    host: Option<&str>,
    port: Option<u16>,
    bound: SocketAddr,
    seeds: &[Seed],
) -> Result<Identity, StartError> {
    let port = port.unwrap_or(bound.port());
    if let Some(host) = host {
        let ip = given(host, bound)
            .await
            .map_err(|reason| StartError::BadAdvertise {
                advertise: host.chars().take(300).collect(),
                reason,
            })?;
        let addr = SocketAddr::new(ip, port);
        // An address in its usual spelling (with brackets, for IPv6), a name as it was given.
        let literal = host.parse::<IpAddr>().is_ok() || interface_name(host).is_some();
        let name = if literal {
            addr.to_string()
        } else {
            format!("{host}:{port}")
        };
        let host = if literal {
            ip.to_string()
        } else {
            host.to_string()
        };
        return Ok(Identity { name, host, addr });
    }
    let ip = match bound.ip() {
        ip if !ip.is_unspecified() => ip,
        _ => found(bound, seeds).await,
    };
    let addr = SocketAddr::new(ip, port);
    Ok(Identity {
        name: addr.to_string(),
        host: ip.to_string(),
        addr,
    })
}

/// Address of the host that the user wants to be advertised.
async fn given(host: &str, bound: SocketAddr) -> Result<IpAddr, String> {
    if let Some(interface) = interface_name(host) {
        return address_of(interface);
    }
    let ip = match host.parse::<IpAddr>() {
        Ok(ip) => ip,
        Err(_) => {
            // Borrow the rules for names.
            let seed = Seed::parse(&format!("{host}:1"))
                .map_err(|_| "it is neither a host name nor an address".to_string())?;
            let Seed::Name(name, _) = seed else {
                return Err("it must be a host, without a port".into());
            };
            let lookup = timeout(PATIENCE, lookup_host((name.as_str(), bound.port()))).await;
            let mut addrs = lookup
                .map_err(|_| "its lookup takes too long".to_string())?
                .map_err(|e| format!("it cannot be resolved: {e}"))?
                .map(|addr| addr.ip());
            let usable = addrs.find(|ip| bound.is_ipv6() || ip.is_ipv4());
            usable.ok_or("it has no address of the family that the node is bound to")?
        }
    };
    if ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
        return Err("nobody is reached under that address".into());
    }
    Ok(ip)
}

/// The best address of a node that is bound to all of them.
async fn found(bound: SocketAddr, seeds: &[Seed]) -> IpAddr {
    for seed in seeds {
        let addrs = match timeout(PATIENCE, seed.resolve(bound.is_ipv6())).await {
            Ok(Ok(addrs)) => addrs,
            _ => continue,
        };
        if let Some(ip) = addrs.iter().find_map(|addr| towards(*addr)) {
            return ip;
        }
    }
    let fits = |ip: &IpAddr| bound.is_ipv6() || ip.is_ipv4();
    let routed = ELSEWHERE
        .iter()
        .filter_map(|ip| towards(SocketAddr::new(*ip, 9)))
        .find(|ip| fits(ip) && !ip.is_loopback());
    routed
        .or_else(|| interface(fits))
        .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// The local address from which `to` is reached. Connecting a UDP socket asks
/// the routing table and sends nothing.
fn towards(to: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(to).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified()).then_some(ip)
}

/// The first interface's address that others can use; IPv4 before IPv6.
fn interface(fits: impl Fn(&IpAddr) -> bool) -> Option<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().ok()?;
    let mut ips: Vec<IpAddr> = interfaces
        .iter()
        .filter(|interface| !interface.is_loopback() && !interface.is_link_local())
        .map(|interface| interface.ip())
        .filter(|ip| fits(ip) && !ip.is_unspecified())
        .collect();
    ips.sort_by_key(IpAddr::is_ipv6);
    ips.first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ip: &str) -> SocketAddr {
        SocketAddr::new(ip.parse().unwrap(), 4445)
    }

    #[tokio::test]
    async fn one_address_advertises_itself() {
        let me = identity(None, None, at("127.0.0.1"), &[]).await.unwrap();
        assert_eq!(me.name, "127.0.0.1:4445");
        assert_eq!(me.addr, at("127.0.0.1"));
        let me = identity(None, None, at("::1"), &[]).await.unwrap();
        assert_eq!((&me.name[..], &me.host[..]), ("[::1]:4445", "::1"));
    }

    #[tokio::test]
    async fn all_addresses_advertise_the_one_towards_the_seed() {
        let seed = Seed::parse("127.0.0.1:4445").unwrap();
        let me = identity(None, None, at("0.0.0.0"), &[seed]).await.unwrap();
        assert_eq!(me.name, "127.0.0.1:4445");
        for any in ["0.0.0.0", "::"] {
            let me = identity(None, None, at(any), &[]).await.unwrap();
            assert!(!me.addr.ip().is_unspecified(), "{me:?}");
        }
    }

    #[tokio::test]
    async fn the_users_word_comes_first() {
        let me = identity(Some("10.1.2.3"), None, at("0.0.0.0"), &[])
            .await
            .unwrap();
        assert_eq!((&me.name[..], me.addr), ("10.1.2.3:4445", at("10.1.2.3")));
        let me = identity(Some("localhost"), None, at("127.0.0.1"), &[])
            .await
            .unwrap();
        assert_eq!((&me.name[..], me.addr), ("localhost:4445", at("127.0.0.1")));
    }

    #[tokio::test]
    async fn a_port_of_a_mapping_is_told_in_place_of_the_bound_one() {
        let bound = at("0.0.0.0");
        let me = identity(Some("10.1.2.3"), Some(14_445), bound, &[]);
        let me = me.await.unwrap();
        assert_eq!(me.name, "10.1.2.3:14445");
        assert_eq!(me.addr, "10.1.2.3:14445".parse().unwrap());
        let me = identity(Some("localhost"), Some(14_445), at("127.0.0.1"), &[]);
        assert_eq!(me.await.unwrap().name, "localhost:14445");
        let me = identity(None, Some(14_445), at("127.0.0.1"), &[]);
        assert_eq!(me.await.unwrap().name, "127.0.0.1:14445");
        let me = identity(Some("::1"), Some(14_445), at("::"), &[]);
        assert_eq!(me.await.unwrap().name, "[::1]:14445");
    }

    #[tokio::test]
    async fn an_interface_is_told_as_its_address() {
        let interfaces = if_addrs::get_if_addrs().unwrap();
        let loopback = interfaces.iter().find(|i| i.is_loopback()).unwrap();
        let host = format!("@{}", loopback.name);
        let me = identity(Some(&host), None, at("0.0.0.0"), &[]);
        let me = me.await.unwrap();
        assert_eq!(me.name, me.addr.to_string());
        assert!(me.addr.ip().is_loopback(), "{me:?}");
    }

    #[tokio::test]
    async fn what_nobody_reaches_is_not_advertised() {
        for bad in [
            "0.0.0.0",
            "::",
            "255.255.255.255",
            "224.0.0.1",
            "a:b",
            "",
            "no such.invalid",
            "@no such interface",
        ] {
            let error = identity(Some(bad), None, at("0.0.0.0"), &[])
                .await
                .unwrap_err();
            assert_eq!(error.code(), "GOSSIP_BAD_ADVERTISE");
            assert!(error.to_string().contains(bad), "{error}");
        }
    }
}
