//! Messages as somebody writes them who does not keep to the rules: for
//! scenarios with hostile input, and as raw material for fuzzing.

use std::sync::Arc;

use crate::state::keys;
use crate::wire::{
    Delta, Digest, Entry, Envelope, Extensions, Gossip, MAX_DATAGRAM, MAX_FRAME, Message, NodeId,
    Stage, Sync, Writer, text_hash,
};

/// A claim about a node: that it exists in this generation, at this address,
/// with these keys and values.
pub fn claim(name: &str, generation: u64, addr: &str, values: &[(&str, &[u8])]) -> Delta {
    let address = (keys::ADDR, addr.as_bytes());
    let entry = |(at, (key, value)): (usize, &(&str, &[u8]))| Entry {
        key: Arc::from(*key),
        version: at as u64 + 1,
        value: Some(Arc::from(*value)),
    };
    let entries: Vec<Entry> = std::iter::once(&address)
        .chain(values)
        .enumerate()
        .map(entry)
        .collect();
    Delta {
        id: NodeId::of(name),
        generation,
        from: 0,
        name: Some(name.to_owned()),
        horizon: 0,
        upto: entries.len() as u64,
        entries,
    }
}

/// A gossip message that tells of these deltas, true or not.
pub fn gossip(cluster: &str, from: &str, digests: &[Digest], deltas: &[Delta]) -> Vec<u8> {
    let message = Message::Gossip(Gossip {
        step: 1,
        by_stream: false,
        root: 1,
        buckets: None,
        digests: digests.to_vec(),
        more: Extensions::default(),
        deltas: deltas.to_vec(),
    });
    envelope(&Envelope {
        cluster: text_hash(cluster),
        from: NodeId::of(from),
        message,
    })
}

/// A frame of a reconciliation over TCP.
pub fn sync(cluster: &str, from: &str, stage: Stage, deltas: &[Delta]) -> Vec<u8> {
    let message = Message::Sync(Sync {
        stage,
        last: true,
        digests: Vec::new(),
        deltas: deltas.to_vec(),
    });
    envelope(&Envelope {
        cluster: text_hash(cluster),
        from: NodeId::of(from),
        message,
    })
}

/// The bytes of any message that can be decoded, whatever its deltas say.
pub fn envelope(envelope: &Envelope) -> Vec<u8> {
    let mut w = Writer::new(2 * MAX_FRAME);
    let (cluster, from) = (envelope.cluster, envelope.from);
    match &envelope.message {
        Message::Ping(ping) => ping.write(&mut w, cluster, from),
        Message::Ack(ack) => ack.write(&mut w, cluster, from),
        Message::Rumor(rumor) => rumor.write(&mut w, cluster, from),
        Message::Announce(announce) => announce.write(&mut w, cluster, from),
        Message::Taken(taken) => taken.write(&mut w, cluster, from),
        Message::Gossip(gossip) => {
            gossip.write_head(&mut w, cluster, from);
            gossip.deltas.iter().for_each(|delta| write(&mut w, delta));
        }
        Message::Sync(sync) => {
            sync.write_head(&mut w, cluster, from);
            sync.deltas.iter().for_each(|delta| write(&mut w, delta));
        }
    }
    w.finish()
}

/// The deltas packed into as many gossip messages as it takes.
pub fn datagrams(cluster: &str, from: &str, deltas: &[Delta]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut rest = deltas;
    while !rest.is_empty() {
        let fits =
            |count: &usize| gossip(cluster, from, &[], &rest[..*count]).len() <= MAX_DATAGRAM;
        let count = (1..=rest.len()).take_while(fits).last().unwrap_or(1);
        messages.push(gossip(cluster, from, &[], &rest[..count]));
        rest = &rest[count..];
    }
    messages
}

fn write(w: &mut Writer, delta: &Delta) {
    w.u64(delta.id.0);
    w.varint(delta.generation);
    w.varint(delta.from);
    if delta.from == 0 {
        w.text(delta.name.as_deref().unwrap_or("?"));
        w.varint(delta.horizon);
    }
    let mut last = delta.from;
    for entry in &delta.entries {
        w.text(&entry.key);
        w.varint(entry.version - last);
        match &entry.value {
            None => w.varint(0),
            Some(value) => {
                w.varint(value.len() as u64 + 1);
                w.bytes(value);
            }
        }
        last = entry.version;
    }
    w.varint(0);
    w.varint(delta.upto);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forged_decodes_to_what_was_meant() {
        let claims: Vec<Delta> = (0..40)
            .map(|i| {
                claim(
                    &format!("host{i}:7000"),
                    5,
                    "10.9.9.9:7000",
                    &[(".k", b"v")],
                )
            })
            .collect();
        let messages = datagrams("default", "liar:1", &claims);
        assert!(messages.len() > 1);
        let mut decoded = Vec::new();
        for bytes in messages {
            assert!(bytes.len() <= MAX_DATAGRAM);
            let envelope = Envelope::decode(&bytes).expect("well formed");
            let Message::Gossip(gossip) = envelope.message else {
                panic!("not gossip")
            };
            decoded.extend(gossip.deltas);
        }
        assert_eq!(decoded, claims);
    }
}
