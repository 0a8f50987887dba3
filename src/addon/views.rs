//! What JavaScript may ask of the cluster, as JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::membership::{Member, Status};
use crate::net::Cluster;
use crate::routing::Service;
use crate::state::keys;

/// Every member with its service, patterns and tags.
pub fn members(cluster: &Cluster) -> String {
    let list = cluster.members().into_iter();
    let list: Vec<Value> = list.map(|member| full(cluster, &member)).collect();
    Value::Array(list).to_string()
}

fn full(cluster: &Cluster, member: &Member) -> Value {
    let mut object = match serde_json::to_value(member) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    };
    let mut patterns = Vec::new();
    for (key, value) in cluster.entries(&member.name) {
        if let Some(pattern) = key.strip_prefix(keys::ROUTE) {
            patterns.push(Value::from(pattern));
        } else if key == keys::META {
            let meta = serde_json::from_slice(&value).unwrap_or(Value::Null);
            object.insert("meta".into(), meta);
        } else if key == keys::SERVICE
            && let Some(Ok(Value::Object(service))) =
                Service::parse(&value).map(serde_json::to_value)
        {
            // What the cluster knows of a member goes before what it says of itself.
            for (key, value) in service {
                object.entry(key).or_insert(value);
            }
        }
    }
    object.insert("patterns".into(), Value::Array(patterns));
    Value::Object(object)
}

/// Names of members: `all`, `live` or `dead`.
pub fn names(cluster: &Cluster, which: &str) -> Option<Vec<String>> {
    let wanted = |status: Status| match which {
        "all" => Some(true),
        "live" => Some(!status.is_gone()),
        "dead" => Some(status.is_gone()),
        _ => None,
    };
    wanted(Status::Alive)?;
    let members = cluster.members().into_iter();
    let members = members.filter(|member| wanted(member.status) == Some(true));
    Some(members.map(|member| member.name).collect())
}

/// The keys that the user of a member set.
pub fn keys_of(cluster: &Cluster, name: &str) -> Vec<String> {
    let entries = cluster.entries(name).into_iter();
    let key = |(key, _): (String, _)| key.strip_prefix(keys::USER).map(str::to_owned);
    entries.filter_map(key).collect()
}

/// The routes and their targets.
pub fn routes(cluster: &Cluster) -> String {
    let now = cluster.micros();
    let routes = cluster.with_router(|router| router.routes(now));
    serde_json::to_string(&routes).unwrap_or_else(|_| "[]".into())
}

/// How the node is.
pub fn status(cluster: &Cluster) -> String {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for member in cluster.members() {
        if let Ok(Value::String(status)) = serde_json::to_value(member.status) {
            *count.entry(status).or_default() += 1;
        }
    }
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "name": cluster.name(),
        "host": cluster.host(),
        "port": cluster.addr().port(),
        "generation": cluster.generation(),
        "synced": cluster.is_synced(),
        "stalled": cluster.is_stalled(),
        "isolated": cluster.isolated(),
        "members": count,
        "flow": cluster.flow(),
        "counters": cluster.counters(),
        "net": cluster.net_stats(),
    })
    .to_string()
}

/// What `start` resolves to.
pub fn started(cluster: &Cluster) -> String {
    json!({
        "name": cluster.name(),
        "host": cluster.host(),
        "port": cluster.addr().port(),
        "generation": cluster.generation(),
    })
    .to_string()
}
