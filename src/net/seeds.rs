//! Seeds: `host:port` of neighbours, resolved again and again.
//!
//! In containers a name outlives the addresses behind it, and may not exist
//! yet when we start. So names are looked up every second until the first
//! sync, and now and then afterwards, when the cluster could have moved.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::select;
use tokio::sync::watch;
use tokio::time::sleep;

use super::lock;
use super::options::StartError;
use super::shared::Shared;
use crate::engine::Level;

/// Pause between two lookups before the first sync.
pub(super) const EAGER: Duration = Duration::from_secs(1);
/// Longest name that DNS knows.
const MAX_NAME: usize = 255;
/// Addresses that are taken from one name.
const MAX_ADDRS: usize = 16;

/// Where a neighbour is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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

/// Seeds from wherever, told to the engine together.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// What the user named, resolved.
    pub named: Vec<SocketAddr>,
    /// What was found on the network.
    pub found: Vec<SocketAddr>,
    /// What the engine knows.
    told: Vec<SocketAddr>,
}

impl Book {
    /// A book for an engine that was told of these.
    pub fn new(named: Vec<SocketAddr>) -> Self {
        let mut told = named.clone();
        told.sort_unstable();
        Book {
            named,
            told,
            found: Vec::new(),
        }
    }
}

/// Changes the book, and tells the engine when there is news in it.
pub(super) fn update(shared: &Arc<Shared>, change: impl FnOnce(&mut Book)) {
    // Held meanwhile: of two who change it the later one has the last word.
    let mut book = lock(&shared.seeds);
    change(&mut book);
    let mut now = [&book.named[..], &book.found[..]].concat();
    now.sort_unstable();
    now.dedup();
    if now != book.told {
        book.told.clone_from(&now);
        shared.engine(|engine, time| engine.set_seeds(time, now));
    }
}

/// What is known of a name.
#[derive(Default)]
struct Known {
    addrs: Vec<SocketAddr>,
    complaint: String,
}

/// Keeps the engine's seeds up to date: those that are given may change, and so
/// may the addresses of names, which are looked up every `calm`.
pub(super) async fn keep(
    shared: Arc<Shared>,
    mut given: watch::Receiver<Vec<Seed>>,
    v6: bool,
    calm: Duration,
) {
    let mut known: BTreeMap<Seed, Known> = BTreeMap::new();
    loop {
        let seeds = given.borrow_and_update().clone();
        known.retain(|seed, _| seeds.contains(seed));
        let mut now = plain(&seeds);
        for seed in &seeds {
            let Seed::Name(host, port) = seed else {
                continue;
            };
            let entry = known.entry(seed.clone()).or_default();
            match seed.resolve(v6).await {
                Ok(addrs) => {
                    entry.addrs = addrs;
                    entry.complaint.clear();
                }
                // The last known addresses stay: a name server that is down
                // must not cut us off from a neighbour that is up.
                Err(reason) if entry.complaint != reason => {
                    let text = format!("seed '{host}:{port}' cannot be resolved: {reason}");
                    shared.log(Level::Warn, text);
                    entry.complaint = reason;
                }
                Err(_) => {}
            }
            now.extend(&entry.addrs);
        }
        update(&shared, |book| book.named = now);
        let pause = if shared.is_synced() { calm } else { EAGER };
        select! {
            changed = given.changed() => if changed.is_err() {
                return; // the node is closed
            },
            () = sleep(pause), if !known.is_empty() => {}
        }
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
