//! Who may connect at all: networks, by address.
//!
//! This is no proof of who somebody is (the source of a datagram can be
//! forged). It keeps strangers off the ports before anything of theirs is read.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Mutex;

use super::lock;
use crate::engine::Millis;

/// A line of the log about those who are turned away comes this often at most.
const QUIET: Millis = 60_000;

/// Addresses that begin alike: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// In 16 bytes, as the IPv6 address that it is or is mapped to.
    bits: u128,
    mask: u128,
    v4: bool,
}

/// A text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no network: an address, or one with a prefix, such as 10.0.0.0/8 or fd00::/8")]
pub struct BadNetwork(pub String);

/// An IPv4 address that came through an IPv6 socket counts as IPv4.
fn bits(ip: IpAddr) -> (u128, bool) {
    match ip.to_canonical() {
        IpAddr::V4(v4) => (v4.to_ipv6_mapped().to_bits(), true),
        IpAddr::V6(v6) => (v6.to_bits(), false),
    }
}

impl Network {
    /// Is the address one of this network?
    pub fn contains(&self, ip: IpAddr) -> bool {
        let (other, v4) = bits(ip);
        self.v4 == v4 && (self.bits ^ other) & self.mask == 0
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let bad = || BadNetwork(text.chars().take(100).collect());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let ip: IpAddr = address.parse().map_err(|_| bad())?;
        // Mapped addresses are written as what they are: a prefix of 104 would
        // else have to be read as one of 8.
        if ip != ip.to_canonical() {
            return Err(bad());
        }
        let (bits, v4) = bits(ip);
        let width = if v4 { 32 } else { 128 };
        let length: u32 = match prefix {
            // What parse takes besides digits is a sign.
            Some(prefix) if prefix.starts_with('+') => return Err(bad()),
            Some(prefix) => prefix.parse().map_err(|_| bad())?,
            None => width,
        };
        if length > width {
            return Err(bad());
        }
        let mask = u128::MAX.checked_shl(width - length).unwrap_or(0);
        // The 96 bits before an IPv4 address are the same for all of them.
        Ok(Network { bits, mask, v4 })
    }
}

/// Who may connect, and who was turned away.
#[derive(Debug, Default)]
pub struct Fence {
    allow: Vec<Network>,
    denied: Mutex<Denied>,
}

#[derive(Debug, Default)]
struct Denied {
    /// Not counted by the engine yet.
    uncounted: u64,
    /// Not told yet.
    untold: u64,
    last: Option<SocketAddr>,
    quiet_until: Millis,
}

/// What is to be said of those who were turned away.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// How many there were since the last time.
    pub count: u64,
    /// A line for the log.
    pub line: Option<String>,
}

impl Fence {
    /// Lets these networks in; none given: everybody.
    pub fn new(allow: Vec<Network>) -> Self {
        Fence {
            allow,
            denied: Mutex::default(),
        }
    }

    /// May this address talk to us? Asked before anything it sends is looked at.
    pub fn admits(&self, ip: IpAddr) -> bool {
        self.allow.is_empty() || self.allow.iter().any(|network| network.contains(ip))
    }

    /// As `admits`, for something that has arrived: a refusal is counted.
    pub fn pass(&self, from: SocketAddr) -> bool {
        let admitted = self.admits(from.ip());
        if !admitted {
            let mut denied = lock(&self.denied);
            denied.uncounted += 1;
            denied.untold += 1;
            denied.last = Some(from);
        }
        admitted
    }

    /// What is new; a line comes once a minute at most.
    pub fn account(&self, now: Millis) -> Account {
        let mut denied = lock(&self.denied);
        let count = std::mem::take(&mut denied.uncounted);
        let line = match denied.last {
            Some(last) if now >= denied.quiet_until => {
                denied.quiet_until = now + QUIET;
                denied.last = None;
                Some(Refused(std::mem::take(&mut denied.untold), last).to_string())
            }
            _ => None,
        };
        Account { count, line }
    }
}

struct Refused(u64, SocketAddr);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refused(count, last) = self;
        write!(
            f,
            "{last} sends gossip and is not in 'allow'; dropped ({count} so far)"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_has_the_addresses_that_begin_like_it() {
        for (net, inside, outside) in [
            ("10.0.0.0/8", "10.255.1.2", "11.0.0.0"),
            ("10.1.2.3/8", "10.255.1.2", "9.255.255.255"),
            ("192.168.1.5", "192.168.1.5", "192.168.1.4"),
            ("192.168.1.4/31", "192.168.1.5", "192.168.1.6"),
            ("0.0.0.0/0", "255.1.2.3", "::1"),
            ("::/0", "fe80::1", "1.2.3.4"),
            ("fd00::/8", "fdff::1", "fe00::"),
            ("::1", "::1", "::2"),
            ("2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"),
        ] {
            assert!(network(net).contains(ip(inside)), "{net} {inside}");
            assert!(!network(net).contains(ip(outside)), "{net} {outside}");
        }
    }

    #[test]
    fn an_ipv4_address_seen_through_ipv6_is_ipv4() {
        assert!(network("10.0.0.0/8").contains(ip("::ffff:10.1.2.3")));
        assert!(!network("10.0.0.0/8").contains(ip("::ffff:11.1.2.3")));
        assert!(!network("::/0").contains(ip("::ffff:10.1.2.3")));
    }

    #[test]
    fn what_is_no_network_is_refused_by_name() {
        for text in [
            "",
            "10",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "/8",
            "10.0.0.0/8/8",
            "fd00::/129",
            "host",
            "10.0.0.256",
            "::ffff:10.0.0.0/104",
            " 10.0.0.1",
        ] {
            let error = text.parse::<Network>().unwrap_err();
            assert!(error.to_string().contains(&format!("'{text}'")), "{error}");
        }
    }

    #[test]
    fn who_is_turned_away_is_counted_and_told_once_a_minute() {
        let fence = Fence::new(vec![network("10.0.0.0/8")]);
        let stranger = "127.0.0.1:7".parse().unwrap();
        assert!(fence.pass("10.0.0.1:7".parse().unwrap()));
        assert_eq!(fence.account(0), Account::default());
        assert!(!fence.pass(stranger) && !fence.pass(stranger));
        let account = fence.account(1_000);
        assert_eq!(account.count, 2);
        let line = account.line.unwrap();
        assert!(
            line.contains("127.0.0.1:7") && line.contains("(2 "),
            "{line}"
        );
        assert!(!fence.pass(stranger));
        let account = fence.account(2_000);
        assert_eq!((account.count, account.line), (1, None));
        assert!(fence.account(61_000).line.is_some());
        assert!(Fence::default().pass(stranger));
    }
}
