//! How a service starts: ports, node, what it publishes.

use std::net::IpAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, lookup_host};
use tokio::sync::{Notify, broadcast, watch};
use tokio::time::{Instant, timeout};

use super::builder::Builder;
use super::caller::Caller;
use super::counters::Sharded;
use super::gate::Gate;
use super::handlers::Handlers;
use super::ids::Ids;
use super::link::Common;
use super::links::Links;
use super::listener::{Phase, Port, Shared, accept, bind};
use super::message::wall;
use super::moved::HandOver;
use super::node::{Inner, Service};
use super::pump::{beat, pump};
use super::start_error::StartError;
use super::tls::Secure;
use crate::net::{self, Cluster};
use crate::routing;
use crate::state::keys;

/// Pairs of free ports that are tried before giving up.
const ATTEMPTS: usize = 50;
/// Events that a subscriber may be behind.
const EVENTS: usize = 1_024;

impl Service {
    pub(super) async fn start(mut builder: Builder) -> Result<Service, StartError> {
        if let Some(wrong) = builder.wrong.take() {
            return Err(wrong);
        }
        if let Some((pin, reason)) = builder.handlers.unfit() {
            return Err(StartError::Sharding { pin, reason });
        }
        let ip = address(builder.bind_host()).await?;
        let handlers = Arc::new(std::mem::take(&mut builder.handlers));
        let (cluster, listener) = open(&builder, ip, !handlers.is_empty()).await?;

        let ids = Ids::new();
        let id = format!("{}/{}/rust/{}", ids.short(), wall(), std::process::id());
        let (phase, phases) = watch::channel(Phase::Serving);
        let common = Arc::new(Common {
            cluster: cluster.clone(),
            id: id.clone(),
            max_line: builder.limits.max_line,
            secure: builder.secure.clone(),
            began: Instant::now(),
            wall: wall(),
        });
        let caller = Arc::new(Caller {
            cluster: cluster.clone(),
            handlers: handlers.clone(),
            links: Links::new(common.clone()),
            ids,
            common,
            changed: watch::channel(()).0,
            moved: watch::channel(()).0,
            held: AtomicUsize::new(0),
            sharded: Sharded::default(),
            timeout: builder.timeout,
            phase: phases,
            budget: Caller::full_budget(),
            calls: AtomicUsize::new(0),
        });
        let port = match &listener {
            Some(listener) => listener.local_addr().ok().map(|addr| addr.port()),
            None => None,
        };
        let (events, _) = broadcast::channel(EVENTS);
        let mut tasks = Vec::new();
        let listener = listener.map(Port::new);
        let calls_in = listener.clone().map(|listener| {
            let limits = builder.limits.clone();
            let allow = builder.gossip.allow.clone();
            let shared = Shared::new(id.clone(), caller.clone(), limits, allow);
            let gate = |secure: Arc<Secure>| Arc::new(Gate::new(secure, events.clone()));
            let gate = builder.secure.clone().map(gate);
            tasks.push(tokio::spawn(accept(shared.clone(), listener, gate)).abort_handle());
            shared
        });
        if let Some(port) = port {
            let port = builder.advertise_port.unwrap_or(port);
            publish(&cluster, &handlers, id, port, &builder)?;
        }
        let notify = Arc::new(Notify::new());
        let wake = notify.clone();
        cluster.subscribe(move || wake.notify_one());
        let mut synced = caller.changed.subscribe();
        let telling = Arc::new(AtomicUsize::new(0));
        let hand_over = HandOver {
            cluster: cluster.clone(),
            pins: handlers.shared.clone(),
            handler: builder.on_shards.take(),
            events: events.clone(),
            telling: telling.clone(),
        };
        let pump = pump(caller.clone(), events.clone(), notify, hand_over);
        tasks.push(tokio::spawn(pump).abort_handle());
        tasks.push(tokio::spawn(beat(cluster.clone())).abort_handle());
        let service = Service(Arc::new(Inner {
            cluster,
            caller,
            calls_in,
            listener,
            port,
            phase,
            events,
            drain: builder.drain,
            telling,
            leaving: tokio::sync::Mutex::default(),
            tasks: Mutex::new(tasks),
        }));
        if !builder.gossip.seeds.is_empty() || builder.gossip.discover.is_some() {
            let joined =
                async { while !service.0.cluster.is_synced() && synced.changed().await.is_ok() {} };
            let _ = timeout(builder.jointime, joined).await;
        }
        // Not before: who does not know the others yet would take itself for the
        // owner of everything.
        for shared in &handlers.shared {
            let config = shared.config(builder.weight);
            if let Err(text) = service.0.cluster.share(&shared.text, config) {
                service.leave().await;
                return Err(StartError::Shards(text));
            }
        }
        Ok(service)
    }
}

/// The address to bind.
async fn address(host: &str) -> Result<IpAddr, StartError> {
    if let Ok(ip) = host.parse() {
        return Ok(ip);
    }
    let unknown = |reason: String| StartError::Host {
        host: host.into(),
        reason,
    };
    if let Some(interface) = net::interface_name(host) {
        return net::address_of(interface).map_err(unknown);
    }
    let found = lookup_host((host, 0)).await;
    let mut found = found.map_err(|error| unknown(error.to_string()))?;
    let first = found.next().map(|addr| addr.ip());
    first.ok_or_else(|| unknown("it has no address".into()))
}

/// Opens the call port, if there is something to answer, and starts the node.
async fn open(
    builder: &Builder,
    ip: IpAddr,
    serves: bool,
) -> Result<(Cluster, Option<TcpListener>), StartError> {
    let mut attempt = 1;
    loop {
        let listener = match serves {
            true => Some(
                bind(ip, builder.port)
                    .await
                    .map_err(|source| StartError::Listen {
                        host: builder.bind_host().into(),
                        port: builder.port,
                        source,
                    })?,
            ),
            false => None,
        };
        let call_port = match &listener {
            Some((_, addr)) => addr.port(),
            None => builder.port,
        };
        let beside = match call_port {
            0 => 0,
            port => port.checked_add(1).unwrap_or(0),
        };
        let free = builder.port == 0 && builder.gossip_port.is_none();
        if call_port == u16::MAX && !free && builder.gossip_port.is_none() {
            return Err(StartError::NoGossipPort);
        }
        let options = net::Options {
            host: ip,
            port: builder.gossip_port.unwrap_or(beside),
            ..builder.gossip.clone()
        };
        match Cluster::start(options).await {
            Ok(cluster) => return Ok((cluster, listener.map(|(listener, _)| listener))),
            // The neighbour of a free port may be taken.
            Err(net::StartError::PortInUse { .. }) if free && attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Tells the cluster where this service is and what it answers.
fn publish(
    cluster: &Cluster,
    handlers: &Handlers,
    id: String,
    port: u16,
    builder: &Builder,
) -> Result<(), StartError> {
    let offers = handlers.published();
    let mut service = routing::Service::tcp(cluster.host(), port);
    service.instance = id;
    service.weight = builder.weight;
    if builder.secure.as_ref().is_some_and(|tls| !tls.is_plain()) {
        service.kind = "tls".into();
    }
    service.pins = match handlers.pins.as_slice() {
        [] => offers.iter().map(|(pattern, _)| pattern.clone()).collect(),
        _ => handlers.asked().map(|pin| pin.to_string()).collect(),
    };
    for (pattern, offer) in offers {
        cluster.set(&format!("{}{pattern}", keys::ROUTE), offer.to_json())?;
    }
    cluster.set(keys::SERVICE, service.to_json())?;
    Ok(())
}
