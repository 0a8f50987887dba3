//! This project's nodes.

use std::net::SocketAddr;

use anyhow::Result;
use seneca_gossip::membership::Status;
use seneca_gossip::net::{Cluster, Options};

use crate::system::{Keys, System, Traffic};

/// With the defaults. Its threads are its own affair: one that does the work.
pub struct Ours;

impl System for Ours {
    type Node = Cluster;
    type Id = String;

    fn round(&self) -> u64 {
        Options::default().interval
    }

    fn start(&self, seed: Option<SocketAddr>, keys: &Keys) -> Result<Cluster> {
        let options = Options {
            seeds: seed.iter().map(SocketAddr::to_string).collect(),
            ..Options::default()
        };
        let node = Cluster::start_blocking(options)?;
        for (key, value) in keys {
            node.set(key, value.clone().into_bytes())?;
        }
        Ok(node)
    }

    fn id(&self, node: &Cluster) -> String {
        node.name().to_string()
    }

    fn addr(&self, node: &Cluster) -> SocketAddr {
        node.addr()
    }

    fn knows_all(&self, at: &Cluster, ids: &[String], seen: &mut usize) -> bool {
        // As an owner does: what happened is taken, and kept by nobody.
        drop(at.drain());
        let alive = |id| at.member(id).is_some_and(|m| m.status == Status::Alive);
        while ids.get(*seen).is_some_and(|id| alive(id)) {
            *seen += 1;
        }
        *seen == ids.len()
    }

    fn holds_dead(&self, at: &Cluster, id: &String) -> bool {
        at.member(id).is_none_or(|m| m.status == Status::Dead)
    }

    fn set(&self, node: &Cluster, key: &str, value: &str) -> Result<()> {
        node.set(key, value.as_bytes().to_vec())?;
        Ok(())
    }

    fn has(&self, at: &Cluster, id: &String, key: &str, value: &str) -> bool {
        at.value(id, key).as_deref() == Some(value.as_bytes())
    }

    fn crash(&self, node: Cluster) -> Result<()> {
        node.close();
        Ok(())
    }

    fn traffic(&self, node: &Cluster) -> Traffic {
        let counters = node.counters();
        Traffic {
            bytes: counters.bytes_out,
            datagrams: counters.datagrams_out,
            longest: counters.longest_out as u64,
            streams: counters.syncs,
        }
    }
}
