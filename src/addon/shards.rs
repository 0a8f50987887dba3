//! Sharded pins of a node: what it says of them, and what may be asked.

use serde::Deserialize;
use serde_json::json;

use super::error::Failure;
use crate::net::Cluster;
use crate::sharding::{Config, ShardCount, Weight};

/// One sharded pin, as JavaScript gives it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    pin: String,
    key: String,
    shards: u64,
    replicas: usize,
    weight: f64,
    handover: u64,
}

/// Takes shards of these pins from now on: a JSON array.
pub fn share(cluster: &Cluster, json: &str) -> Result<(), Failure> {
    let given: Vec<Given> = serde_json::from_str(json)
        .map_err(|e| Failure::value(format!("sharded pins cannot be read: {e}")))?;
    for one in given {
        let config = Config {
            shards: ShardCount::new(one.shards).map_err(|e| Failure::value(e.to_string()))?,
            key: one.key,
            replicas: one.replicas,
            weight: Weight::new(one.weight),
            handover: one.handover,
            handler: one.handover,
            ..Config::default()
        };
        cluster.share(&one.pin, config).map_err(|text| Failure {
            code: "gossip_shards",
            text,
        })?;
    }
    Ok(())
}

/// The owner of a key of a pin, or null: JSON.
pub fn owner(cluster: &Cluster, pin: &str, key: &str) -> String {
    let view = cluster.with_pin(pin, |shards| shards.owner_view(pin, key));
    json!(view).to_string()
}

/// The sharded pins of this node: a JSON array.
pub fn views(cluster: &Cluster) -> String {
    json!(cluster.peek_shards(|shards, _| shards.views())).to_string()
}
