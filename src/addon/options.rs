//! Options of a node, from JSON. The plugin has checked them once for its
//! users; who calls the binding directly gets the same strictness here.

use serde_json::{Map, Value};

use super::error::Failure;
use crate::net::{Multicast, Options};
use crate::state::Order;
use crate::wire::seal::Keyring;

/// Options as they were given: the host may be a name.
#[derive(Debug)]
pub struct Given {
    /// What to bind: an address, or a name of this machine.
    pub host: String,
    /// Everything else.
    pub options: Options,
}

/// Largest integer that JavaScript counts exactly.
const SAFE: u64 = 1 << 53;

/// Reads an object and refuses what is left over.
struct Reader<'a> {
    prefix: &'static str,
    map: &'a mut Map<String, Value>,
}

impl Reader<'_> {
    fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }

    fn refuse(&self, name: &str, expected: &str) -> Failure {
        Failure::option(format!("option '{}{name}' must be {expected}", self.prefix))
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, Failure> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(self.refuse(name, "a text")),
        }
    }

    fn whole(&mut self, name: &str, max: u64) -> Result<Option<u64>, Failure> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        let whole = value.as_u64().or_else(|| {
            let float = value.as_f64()?;
            (float.fract() == 0.0 && (0.0..SAFE as f64).contains(&float)).then_some(float as u64)
        });
        match whole.filter(|n| *n <= max) {
            Some(n) => Ok(Some(n)),
            None => Err(self.refuse(name, &format!("a whole number from 0 to {max}"))),
        }
    }

    fn set(&mut self, name: &str, to: &mut u64) -> Result<(), Failure> {
        if let Some(n) = self.whole(name, SAFE)? {
            *to = n;
        }
        Ok(())
    }

    fn set_size(&mut self, name: &str, to: &mut usize) -> Result<(), Failure> {
        if let Some(n) = self.whole(name, u64::from(u32::MAX))? {
            *to = n as usize;
        }
        Ok(())
    }

    fn end(self) -> Result<(), Failure> {
        match self.map.keys().next() {
            Some(name) => Err(Failure::option(format!(
                "unknown option '{}{name}'",
                self.prefix
            ))),
            None => Ok(()),
        }
    }
}

/// Reads the options of a node.
pub fn parse(json: &str) -> Result<Given, Failure> {
    let value: Value = serde_json::from_str(json)
        .map_err(|e| Failure::option(format!("the options are not JSON: {e}")))?;
    let Value::Object(mut map) = value else {
        return Err(Failure::option("the options must be an object"));
    };
    let mut options = Options::default();
    let mut top = Reader {
        prefix: "",
        map: &mut map,
    };
    let host = top
        .text("host")?
        .unwrap_or_else(|| options.host.to_string());
    if let Some(port) = top.whole("port", 65_535)? {
        options.port = port as u16;
    }
    options.advertise = top.text("advertise")?;
    let port = top.whole("advertisePort", 65_535)?;
    options.advertise_port = port.map(|port| port as u16);
    if let Some(cluster) = top.text("cluster")? {
        options.cluster = cluster;
    }
    match top.take("seeds") {
        None => {}
        Some(Value::Array(list)) => {
            for seed in list {
                let Value::String(seed) = seed else {
                    return Err(top.refuse("seeds", "a list of texts, host:port"));
                };
                options.seeds.push(seed);
            }
        }
        Some(_) => return Err(top.refuse("seeds", "a list of texts, host:port")),
    }
    match top.take("keys") {
        None => {}
        Some(Value::Array(list)) => {
            let texts = list.iter().map(|text| text.as_str().unwrap_or_default());
            let keys = Keyring::parse(texts);
            options.keys =
                keys.map_err(|e| Failure::option(format!("option 'gossip.key': {e}")))?;
        }
        Some(_) => return Err(top.refuse("keys", "a list of texts")),
    }
    match top.take("allow") {
        None => {}
        Some(Value::Array(list)) => {
            for network in list {
                let Value::String(network) = network else {
                    return Err(top.refuse("allow", "a list of networks"));
                };
                let parsed = network.parse();
                let parsed = parsed.map_err(|e| Failure::option(format!("option 'allow': {e}")))?;
                options.allow.push(parsed);
            }
        }
        Some(_) => return Err(top.refuse("allow", "a list of networks")),
    }
    match top.take("discover") {
        None => {}
        Some(Value::Object(mut map)) => options.discover = Some(discover(&mut map)?),
        Some(_) => return Err(top.refuse("discover", "an object")),
    }
    match top.take("gossip") {
        None => {}
        Some(Value::Object(mut map)) => timings(&mut map, &mut options)?,
        Some(_) => return Err(top.refuse("gossip", "an object")),
    }
    top.end()?;
    options
        .check()
        .map_err(|e| Failure::option(e.to_string()))?;
    Ok(Given { host, options })
}

fn discover(map: &mut Map<String, Value>) -> Result<Multicast, Failure> {
    let mut given = Reader {
        prefix: "discover.",
        map,
    };
    let mut multicast = Multicast::default();
    if let Some(group) = given.text("group")? {
        let group = group.parse();
        multicast.group = group.map_err(|_| given.refuse("group", "an IPv4 address"))?;
    }
    if let Some(port) = given.whole("port", 65_535)? {
        multicast.port = port as u16;
    }
    if let Some(interface) = given.text("interface")? {
        let ip = interface.parse();
        let ip = ip.map_err(|_| given.refuse("interface", "an IPv4 address"))?;
        multicast.interface = Some(ip);
    }
    given.end()?;
    Ok(multicast)
}

fn timings(map: &mut Map<String, Value>, options: &mut Options) -> Result<(), Failure> {
    let mut gossip = Reader {
        prefix: "gossip.",
        map,
    };
    gossip.set("interval", &mut options.interval)?;
    gossip.set("ping", &mut options.ping)?;
    if let Some(value) = gossip.take("phi") {
        let phi = value.as_f64();
        options.phi = phi.ok_or_else(|| gossip.refuse("phi", "a number"))?;
    }
    gossip.set("silence", &mut options.silence)?;
    gossip.set("refute", &mut options.refute)?;
    gossip.set_size("observers", &mut options.observers)?;
    gossip.set("remember", &mut options.remember)?;
    gossip.set_size("rememberMax", &mut options.remember_max)?;
    gossip.set("tombstones", &mut options.tombstones)?;
    gossip.set("resolve", &mut options.resolve)?;
    if let Some(order) = gossip.text("order")? {
        options.order = match order.as_str() {
            "depth" => Order::Depth,
            "breadth" => Order::Breadth,
            _ => return Err(gossip.refuse("order", "'depth' or 'breadth'")),
        };
    }
    gossip.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_taken_and_the_rest_has_defaults() {
        let given = parse(
            r#"{"host":"0.0.0.0","port":4445,"seeds":["a:1"],"cluster":"blue","advertise":null,
                "gossip":{"ping":250,"phi":7.5,"observers":3.0}}"#,
        );
        let Given { host, options } = given.unwrap();
        assert_eq!((&host[..], options.port), ("0.0.0.0", 4445));
        assert_eq!(options.seeds, ["a:1"]);
        assert_eq!(
            (options.ping, options.phi, options.observers),
            (250, 7.5, 3)
        );
        assert_eq!(options.advertise, None);
        assert_eq!(options.interval, Options::default().interval);
        assert_eq!(parse("{}").unwrap().host, "127.0.0.1");
    }

    #[test]
    fn what_is_wrong_is_refused_by_name() {
        for (json, name) in [
            (r#"{"port":70000}"#, "'port'"),
            (r#"{"port":"1"}"#, "'port'"),
            (r#"{"port":1.5}"#, "'port'"),
            (r#"{"host":1}"#, "'host'"),
            (r#"{"advertisePort":65536}"#, "'advertisePort'"),
            (r#"{"advertisePort":0}"#, "'advertise_port'"),
            (r#"{"seeds":"a:1"}"#, "'seeds'"),
            (r#"{"seeds":[1]}"#, "'seeds'"),
            (r#"{"allow":"10.0.0.0/8"}"#, "'allow'"),
            (r#"{"allow":[1]}"#, "'allow'"),
            (r#"{"allow":["::1","10.0.0.0/33"]}"#, "'10.0.0.0/33'"),
            (r#"{"discover":1}"#, "'discover'"),
            (r#"{"discover":{"group":"x"}}"#, "'discover.group'"),
            (r#"{"discover":{"group":"10.0.0.1"}}"#, "'discover'"),
            (r#"{"discover":{"port":0}}"#, "'discover'"),
            (
                r#"{"discover":{"interface":"eth0"}}"#,
                "'discover.interface'",
            ),
            (r#"{"discover":{"ttl":2}}"#, "'discover.ttl'"),
            (r#"{"color":1}"#, "'color'"),
            (r#"{"gossip":{"pong":1}}"#, "'gossip.pong'"),
            (r#"{"gossip":{"ping":-1}}"#, "'gossip.ping'"),
            (r#"{"gossip":{"ping":0}}"#, "'ping'"),
            (r#"{"gossip":{"phi":"x"}}"#, "'gossip.phi'"),
            (r#"{"gossip":{"order":"x"}}"#, "'gossip.order'"),
            (r#"[]"#, "object"),
            ("{", "JSON"),
        ] {
            let failure = parse(json).unwrap_err();
            assert_eq!(failure.code, "gossip_option");
            assert!(failure.text.contains(name), "{json}: {}", failure.text);
        }
    }
}
