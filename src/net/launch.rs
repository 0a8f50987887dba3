//! From options to a running node.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::TryRng;
use rand::rngs::SysRng;
use tokio::sync::watch;

use super::advertise::{Identity, identity};
use super::allow::Fence;
use super::bind::bind;
use super::clock::Clock;
use super::driver;
use super::io::Io;
use super::lock;
use super::multicast::{Caller, Speaker, discover};
use super::options::{Options, StartError};
use super::probe::Probes;
use super::runtime::Lease;
use super::seeds::{Book, Seed, keep, plain};
use super::shared::Shared;
use super::streams::Streams;
use super::udp::Ears;
use super::vault::Vault;
use crate::engine::{Engine, Level};
use crate::routing::Router;
use crate::wire::{NodeId, text_hash};

/// A node that runs.
pub struct Launched {
    /// Its engine and sockets.
    pub shared: Arc<Shared>,
    /// Who it is to the others.
    pub identity: Identity,
    /// What its gossip port is bound to.
    pub bound: SocketAddr,
    /// Its seeds, which may change.
    pub seeds: watch::Sender<Vec<Seed>>,
}

/// Binds the port, finds out who we are to the others, and starts the tasks.
/// Runs on the runtime.
pub async fn launch(options: &Options, lease: &Lease) -> Result<Launched, StartError> {
    let failed = |what| move |source| StartError::Io { what, source };
    let seeds = options.seeds.iter().map(|seed| Seed::parse(seed));
    let seeds = seeds.collect::<Result<Vec<Seed>, StartError>>()?;
    let (udp, listener) = bind(options.host, options.port)?;
    let bound = udp.local_addr().map_err(failed("local address"))?;
    let named = options.discover.as_ref().and_then(|d| d.interface);
    let chosen = named.filter(|_| bound.ip().is_unspecified());
    let host = options.advertise.clone();
    let host = host.or_else(|| chosen.map(|ip| ip.to_string()));
    let identity = identity(host.as_deref(), options.advertise_port, bound, &seeds).await?;

    // Nonces of pings come from this: strangers must not guess it.
    let (mut for_engine, mut for_router, mut for_seal) = ([0; 32], [0; 8], [0; 32]);
    let parts = [&mut for_engine[..], &mut for_router, &mut for_seal];
    let filled = parts
        .into_iter()
        .try_for_each(|part| SysRng.try_fill_bytes(part));
    filled.map_err(|e| failed("random numbers")(io::Error::other(e)))?;

    let clock = Clock::start();
    let config = options.config(identity.name.clone(), identity.addr, clock.wall());
    let mut engine = Engine::new(config, clock.millis(), for_engine);
    engine.set_seeds(clock.millis(), plain(&seeds));
    let router = Router::new(u64::from_le_bytes(for_router));
    let fence = Fence::new(options.allow.clone());
    let ours = identity.addr.ip();
    let outside = !fence.admits(ours);
    let vault = Vault::new(&options.cluster, options.keys.clone(), for_seal);
    let shared = Shared::new(clock, fence, vault, engine, router);
    if outside {
        let text = format!("'allow' has no network with {ours}, the address of this node itself");
        shared.log(Level::Warn, text);
    }
    *lock(&shared.seeds) = Book::new(plain(&seeds));
    let (seeds, given) = watch::channel(seeds);
    let calm = Duration::from_millis(options.resolve);
    let speaker = Speaker {
        me: NodeId::of(&identity.name),
        cluster: text_hash(&options.cluster),
        bound,
        calm,
    };
    let caller = options.discover.as_ref();
    let caller = caller.map(|config| Caller::open(config, speaker));
    let caller = caller.transpose()?;

    let udp = Arc::new(udp);
    let ears = Ears::of(&udp).map_err(failed("gossip socket"))?;
    let runtime = lease.handle().clone();
    let v6 = bound.is_ipv6();
    let mut io = lock(&shared.io);
    let mut tasks = vec![
        shared.spawn(&runtime, driver::drive(shared.clone(), udp.clone(), ears)),
        shared.spawn(&runtime, driver::accept(shared.clone(), listener)),
        shared.spawn(&runtime, keep(shared.clone(), given, v6, calm)),
    ];
    tasks.extend(caller.map(|c| shared.spawn(&runtime, discover(shared.clone(), c))));
    *io = Some(Io {
        udp,
        bound,
        probes: Probes::default(),
        streams: Streams::default(),
        tasks,
        runtime,
        unsent: 0,
    });
    drop(io);
    Ok(Launched {
        shared,
        identity,
        bound,
        seeds,
    })
}
