//! Interfaces as addresses: `@eth0` is the address that `eth0` has when the
//! node starts.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// What stands before the name of an interface.
const MARK: char = '@';
/// Interfaces that an error lists at most.
const LISTED: usize = 32;

/// The interface that is meant by `@eth0`; `None` when a host is something else.
pub fn interface_name(host: &str) -> Option<&str> {
    host.strip_prefix(MARK)
}

/// The first IPv4 address of an interface, else its first IPv6 address that
/// others can use.
///
/// # Errors
/// A text that says which interfaces there are.
pub fn address_of(interface: &str) -> Result<IpAddr, String> {
    let found = if_addrs::get_if_addrs();
    let found = found.map_err(|e| format!("the interfaces cannot be listed: {e}"))?;
    let all: Vec<(String, IpAddr)> = found
        .into_iter()
        // Link-local addresses mean nothing without the interface beside them.
        .filter(|i| !i.is_link_local())
        .map(|i| (i.name.clone(), i.ip()))
        .collect();
    choose(interface, &all)
}

fn choose(interface: &str, all: &[(String, IpAddr)]) -> Result<IpAddr, String> {
    let own = all.iter().filter(|(name, _)| name == interface);
    let mut own: Vec<IpAddr> = own.map(|(_, ip)| *ip).collect();
    own.sort_by_key(IpAddr::is_ipv6); // stable: the first of its family stays the first
    if let Some(ip) = own.first() {
        return Ok(*ip);
    }
    let mut names: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, ip) in all {
        names.entry(name).or_default().push(ip.to_string());
    }
    let listed = names.iter().take(LISTED);
    let listed: Vec<String> = listed
        .map(|(name, ips)| format!("{name} ({})", ips.join(", ")))
        .collect();
    let name: String = interface.chars().take(64).collect();
    Err(format!(
        "there is no interface '{name}' with an address that others can use; there are: {}",
        listed.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Vec<(String, IpAddr)> {
        let pair = |name: &str, ip: &str| (name.to_owned(), ip.parse().unwrap());
        vec![
            pair("lo", "127.0.0.1"),
            pair("eth0", "2001:db8::7"),
            pair("eth0", "10.0.0.7"),
            pair("eth0", "10.0.0.8"),
            pair("wan6", "2001:db8::8"),
        ]
    }

    #[test]
    fn an_interface_is_its_first_ipv4_address_else_its_first_of_ipv6() {
        let all = machine();
        assert_eq!(choose("eth0", &all), Ok("10.0.0.7".parse().unwrap()));
        assert_eq!(choose("wan6", &all), Ok("2001:db8::8".parse().unwrap()));
    }

    #[test]
    fn an_unknown_interface_is_refused_with_those_that_there_are() {
        for unknown in ["eth1", "", "eth0:1", "ETH0"] {
            let text = choose(unknown, &machine()).unwrap_err();
            assert!(text.contains(&format!("'{unknown}'")), "{text}");
            assert!(text.contains("eth0 (2001:db8::7, 10.0.0.7, 10.0.0.8), lo (127.0.0.1)"));
        }
        let long = "x".repeat(10_000);
        assert!(choose(&long, &machine()).unwrap_err().len() < 400);
    }

    #[test]
    fn only_what_is_marked_is_an_interface() {
        assert_eq!(interface_name("@eth0"), Some("eth0"));
        assert_eq!(interface_name("eth0"), None);
        assert_eq!(interface_name("10.0.0.7"), None);
    }

    #[test]
    fn interfaces_of_this_machine_are_found() {
        for interface in if_addrs::get_if_addrs().unwrap() {
            if interface.ip().is_ipv4() && !interface.is_link_local() {
                address_of(&interface.name).unwrap();
            }
        }
        assert!(address_of("no such interface").is_err());
    }
}
