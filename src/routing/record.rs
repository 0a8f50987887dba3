//! What a node publishes of itself: its service and the patterns it answers.
//!
//! Both travel as JSON in the node's own state (see
//! [`crate::state::keys`]). They come from other machines, possibly of
//! another version: a field that is missing, mistyped or unknown to this
//! version falls back to its default instead of hiding the whole record.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Longest host name that is believed.
const MAX_HOST: usize = 255;

/// The service behind a node: where its calls go. Value of `@svc`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Host name or address of the call port, as advertised.
    pub host: String,
    /// The call port.
    pub port: u16,
    /// Transport of calls: `tcp`, `web`, or the name of a transport plugin.
    #[serde(rename = "type", default = "tcp", deserialize_with = "lenient_kind")]
    pub kind: String,
    /// Seneca's id of the instance.
    #[serde(default, deserialize_with = "lenient")]
    pub instance: String,
    /// Share of the load relative to other targets; 1 is normal.
    #[serde(default = "one", deserialize_with = "lenient_weight")]
    pub weight: f64,
    /// What the node may be asked.
    #[serde(default, deserialize_with = "lenient")]
    pub pins: Vec<String>,
    /// Fields that this version does not know; kept as they are.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Service {
    /// A tcp service at an address, with everything else at its default.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Service {
            host: host.into(),
            port,
            kind: tcp(),
            instance: String::new(),
            weight: 1.0,
            pins: Vec::new(),
            extra: Map::new(),
        }
    }

    /// Reads a published record; `None` when it names no usable address.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let mut service: Service = serde_json::from_slice(json).ok()?;
        let host = &service.host;
        let plain = |c: char| !c.is_control() && !c.is_whitespace();
        if host.is_empty() || host.len() > MAX_HOST || !host.chars().all(plain) {
            return None;
        }
        if service.port == 0 {
            return None;
        }
        if !service.weight.is_finite() {
            service.weight = 1.0;
        }
        service.weight = service.weight.clamp(0.01, 100.0);
        Some(service)
    }

    /// The record as it is published.
    pub fn to_json(&self) -> Vec<u8> {
        // Strings, numbers and maps of them: cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// How the calls to a pattern are made. Value of `@r/<pattern>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Offer {
    /// One target or all of them.
    #[serde(deserialize_with = "lenient")]
    pub model: Model,
    /// Which target a call goes to.
    #[serde(deserialize_with = "lenient")]
    pub strategy: Strategy,
    /// How often a call that may have run is made again when its target is
    /// lost: at least once instead of at most once.
    #[serde(deserialize_with = "lenient")]
    pub retry: u32,
    /// Deadline of a call in ms; `None`: the caller's own.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// How long a call waits for a target when there is none, in ms.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub wait: Option<u64>,
    /// Calls that one caller has in flight at one target, at most.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Calls go to the owner of their key.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub shard: Option<ByKey>,
    /// The pattern as an object. Only needed where its canonical text cannot
    /// be read back, because a name or value contains `,` or `:` or quotes.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub pattern: Option<BTreeMap<String, String>>,
}

impl Default for Offer {
    fn default() -> Self {
        Offer {
            model: Model::Consume,
            strategy: Strategy::P2c,
            retry: 0,
            timeout: None,
            wait: None,
            concurrency: None,
            shard: None,
            pattern: None,
        }
    }
}

impl Offer {
    /// Reads a published record; `None` when it is not a JSON object.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(json).ok()?;
        value.is_object().then_some(())?;
        serde_json::from_value(value).ok()
    }

    /// The record as it is published.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The pattern is part of a sharded pin: whose key it is decides who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByKey {
    /// Canonical text of the pin.
    pub pin: String,
    /// Name of the key in a message, or a path such as `user.id`.
    pub key: String,
    /// Is a message without the key balanced like any other?
    #[serde(default, deserialize_with = "lenient")]
    pub optional: bool,
}

/// How many targets get a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Model {
    /// One target, one reply.
    #[default]
    Consume,
    /// Every target; the first reply wins and none is required.
    Observe,
}

/// How the target of a call is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// The better of two random targets, by latency and calls in flight.
    #[default]
    P2c,
    /// One after the other.
    RoundRobin,
    /// Any.
    Random,
}

fn tcp() -> String {
    "tcp".into()
}

fn one() -> f64 {
    1.0
}

/// Reads a field, or its default when it has another type.
fn lenient<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

fn lenient_weight<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_f64().unwrap_or(1.0))
}

fn lenient_kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_str().map_or_else(tcp, str::to_string))
}
