//! What a node publishes of its service: only what changed is written.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::Failure;
use crate::engine::Told;
use crate::net::Cluster;
use crate::routing::{Offer, Service};
use crate::state::keys;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Published {
    #[serde(default)]
    service: Option<Map<String, Value>>,
    #[serde(default)]
    meta: Option<Map<String, Value>>,
    #[serde(default)]
    offers: Vec<(String, Map<String, Value>)>,
}

/// Keys and values, as they shall be.
type Wanted = BTreeMap<String, Vec<u8>>;

fn wanted(json: &str) -> Result<Wanted, Failure> {
    let published: Published = serde_json::from_str(json)
        .map_err(|e| Failure::value(format!("what is published cannot be read: {e}")))?;
    let mut wanted = Wanted::new();
    if let Some(service) = published.service {
        let json = Value::Object(service).to_string();
        let service = Service::parse(json.as_bytes())
            .ok_or_else(|| Failure::value("a service needs a host, and a port of 1 to 65535"))?;
        wanted.insert(keys::SERVICE.into(), service.to_json());
    }
    if let Some(meta) = published.meta.filter(|meta| !meta.is_empty()) {
        let json = Value::Object(meta).to_string();
        wanted.insert(keys::META.into(), json.into_bytes());
    }
    for (pattern, offer) in published.offers {
        let json = Value::Object(offer).to_string();
        let offer = Offer::parse(json.as_bytes())
            .ok_or_else(|| Failure::value(format!("the offer of '{pattern}' cannot be read")))?;
        wanted.insert(format!("{}{pattern}", keys::ROUTE), offer.to_json());
    }
    Ok(wanted)
}

/// Is this a key that publishing sets?
fn is_ours(key: &str) -> bool {
    key == keys::SERVICE || key == keys::META || key.starts_with(keys::ROUTE)
}

/// Makes the node publish this and nothing else; false when its tags have to
/// wait for their turn (flow control).
pub fn publish(cluster: &Cluster, json: &str) -> Result<bool, Failure> {
    let wanted = wanted(json)?;
    let known = cluster.entries(cluster.name());
    // Tags that still wait are not among the known ones.
    let stale = known.iter().map(|(key, _)| &key[..]).chain([keys::META]);
    let mut told = true;
    for key in stale.filter(|key| is_ours(key) && !wanted.contains_key(*key)) {
        told &= cluster.remove(key) != Told::Held;
    }
    // The service goes first: a pattern without one is of no use to anybody.
    let mut pairs: Vec<(String, Vec<u8>)> = wanted.into_iter().collect();
    pairs.sort_by_key(|(key, _)| key != keys::SERVICE);
    for (key, value) in pairs {
        told &= cluster.set(&key, value)? != Told::Held;
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publication_becomes_keys() {
        let wanted = wanted(
            r#"{"service":{"host":"a","port":4444,"pins":["role:api"]},"meta":{},
                "offers":[["cmd:add,role:api",{"retry":2}]]}"#,
        )
        .unwrap();
        let names: Vec<&String> = wanted.keys().collect();
        assert_eq!(names, ["@r/cmd:add,role:api", "@svc"]);
        let service = Service::parse(&wanted["@svc"]).unwrap();
        assert_eq!((&service.kind[..], service.port), ("tcp", 4444));
        assert_eq!(
            Offer::parse(&wanted["@r/cmd:add,role:api"]).unwrap().retry,
            2
        );
    }

    #[test]
    fn what_cannot_be_published_is_refused() {
        for json in [
            "{",
            r#"{"color":1}"#,
            r#"{"service":{"host":"","port":1}}"#,
            r#"{"service":{"host":"a","port":0}}"#,
            r#"{"offers":[["a:1"]]}"#,
        ] {
            assert_eq!(wanted(json).unwrap_err().code, "gossip_value", "{json}");
        }
    }
}
