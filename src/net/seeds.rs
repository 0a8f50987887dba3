//! Seeds: `host:port` of neighbours, resolved again and again.
//!
//! In containers a name outlives the addresses behind it, and may not exist
//! yet when we start. So names are looked up every second until the first
//! sync, and now and then afterwards, when the cluster could have moved.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::sleep;

use super::options::StartError;
use super::shared::Shared;
use crate::engine::Level;

/// Pause between two lookups before the first sync.
const EAGER: Duration = Duration::from_secs(1);
/// Pause between two lookups afterwards.
const CALM: Duration = Duration::from_secs(30);
/// Longest name that DNS knows.
const MAX_NAME: usize = 255;
/// Addresses that are taken from one name.
const MAX_ADDRS: usize = 16;

/// Where a neighbour is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seed {
    /// An address.
    Addr(SocketAddr),
    /// A name, to be resolved.
    Name(String, u16),
}

impl Seed {
    /// Reads `host:port`.
    pub fn parse(text: &str) -> Result<Seed, StartError> {
        let refuse = |reason| StartError::BadSeed {
            seed: text.chars().take(300).collect(),
            reason,
        };
        if let Ok(addr) = text.parse::<SocketAddr>() {
            return match addr {
                addr if addr.port() == 0 => Err(refuse("port 0 reaches nobody")),
                addr if addr.ip().is_unspecified() => {
                    Err(refuse("an unspecified address reaches nobody"))
                }
                addr => Ok(Seed::Addr(addr)),
            };
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            return Err(refuse("the port is missing"));
        };
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
        if host.is_empty() {
            return Err(refuse("the host is missing"));
        }
        if host.len() > MAX_NAME || !host.chars().all(plain) {
            return Err(refuse("the host is neither a name nor an address"));
        }
        match port.parse() {
            Ok(0) | Err(_) => Err(refuse("this is no port")),
            Ok(port) => Ok(Seed::Name(host.into(), port)),
        }
    }

    /// Its addresses, as of now. A socket of IPv4 reaches only those of IPv4.
    pub async fn resolve(&self, v6: bool) -> Result<Vec<SocketAddr>, String> {
        let (host, port) = match self {
            Seed::Addr(addr) => return Ok(vec![*addr]),
            Seed::Name(host, port) => (host, *port),
        };
        let found = lookup_host((host.as_str(), port)).await;
        let found: Vec<SocketAddr> = found.map_err(|e| e.to_string())?.collect();
        let usable = found.iter().filter(|addr| v6 || addr.is_ipv4());
        let usable: Vec<SocketAddr> = usable.take(MAX_ADDRS).copied().collect();
        match usable.is_empty() {
            true => Err("no usable address".into()),
            false => Ok(usable),
        }
    }
}

/// Addresses of the seeds that need no lookup.
pub fn plain(seeds: &[Seed]) -> Vec<SocketAddr> {
    let addr = |seed: &Seed| match seed {
        Seed::Addr(addr) => Some(*addr),
        Seed::Name(..) => None,
    };
    seeds.iter().filter_map(addr).collect()
}

/// Keeps the engine's seeds up to date; ends at once when there are no names.
pub(super) async fn keep(shared: Arc<Shared>, seeds: Vec<Seed>, v6: bool) {
    if !seeds.iter().any(|seed| matches!(seed, Seed::Name(..))) {
        return;
    }
    let mut known = vec![Vec::new(); seeds.len()];
    let mut complaints = vec![String::new(); seeds.len()];
    let mut told = plain(&seeds);
    told.sort_unstable();
    loop {
        for (i, seed) in seeds.iter().enumerate() {
            match seed.resolve(v6).await {
                Ok(addrs) => {
                    known[i] = addrs;
                    complaints[i].clear();
                }
                // The last known addresses stay: a name server that is down
                // must not cut us off from a neighbour that is up.
                Err(reason) if complaints[i] != reason => {
                    let Seed::Name(host, port) = seed else {
                        continue;
                    };
                    let text = format!("seed '{host}:{port}' cannot be resolved: {reason}");
                    shared.log(Level::Warn, text);
                    complaints[i] = reason;
                }
                Err(_) => {}
            }
        }
        let mut now: Vec<SocketAddr> = known.concat();
        now.sort_unstable();
        now.dedup();
        if now != told {
            told.clone_from(&now);
            shared.engine(|engine, time| engine.set_seeds(time, now));
        }
        sleep(if shared.is_synced() { CALM } else { EAGER }).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_are_told_apart() {
        let addr = "127.0.0.1:4445".parse().unwrap();
        assert_eq!(Seed::parse("127.0.0.1:4445").unwrap(), Seed::Addr(addr));
        let v6 = "[::1]:4445".parse().unwrap();
        assert_eq!(Seed::parse("[::1]:4445").unwrap(), Seed::Addr(v6));
        let name = Seed::Name("seed-0.example_x.org".into(), 1);
        assert_eq!(Seed::parse("seed-0.example_x.org:1").unwrap(), name);
    }

    #[test]
    fn nonsense_is_refused_and_named() {
        let long = format!("{}:1", "a".repeat(256));
        for bad in [
            "",
            ":",
            "nonsense",
            "host:",
            ":4445",
            "host:0",
            "host:99999",
            "host:-1",
            "127.0.0.1",
            "127.0.0.1:0",
            "0.0.0.0:4445",
            "::1:x",
            "a b:1",
            "http://a:1",
            &long,
        ] {
            let error = Seed::parse(bad).unwrap_err();
            assert!(error.to_string().contains(bad), "{error}");
            assert_eq!(error.code(), "GOSSIP_BAD_SEED");
        }
    }

    #[tokio::test]
    async fn names_resolve_to_the_family_of_the_socket() {
        let seed = Seed::parse("localhost:4445").unwrap();
        let addrs = seed.resolve(false).await.unwrap();
        assert!(addrs.contains(&"127.0.0.1:4445".parse().unwrap()));
        assert!(addrs.iter().all(SocketAddr::is_ipv4));
        assert!(
            Seed::Name("no-such-host.invalid".into(), 1)
                .resolve(true)
                .await
                .is_err()
        );
    }
}
