//! The examples and numbers of docs/protocol.md are what this crate really
//! writes and reads: each block of bytes there is built here anew.
//!
//! A block begins with three backticks and `hex <name>`; what follows `#` in a
//! line of it is for the reader.

use std::collections::BTreeMap;
use std::sync::Arc;

use seneca_gossip::liveness::{Evidence, Verdict};
use seneca_gossip::membership::Life;
use seneca_gossip::routing::{Offer, Service};
use seneca_gossip::state::keys;
use seneca_gossip::wire::seal::{Key, Nonce, Seal};
use seneca_gossip::wire::{
    self, Accusation, Ack, Announce, DeltaSource, Digest, Entry, Envelope, Extensions, FlowWord,
    Gossip, Message, NodeId, Ping, Rumor, Stage, Sync, Taken, Writer, owner_hash, pack_delta,
    text_hash,
};

const DOCS: &str = include_str!("../docs/protocol.md");

const US: &str = "127.0.0.1:4445";
const THEM: &str = "127.0.0.1:4455";
const GENERATION: u64 = 1_735_689_600_000;
const NONCE: u64 = 0x0102_0304_0506_0708;

/// The blocks of the document, by name.
fn blocks() -> BTreeMap<String, Vec<u8>> {
    let mut blocks = BTreeMap::new();
    let mut lines = DOCS.lines();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("```hex ") else {
            continue;
        };
        let body = lines.by_ref().take_while(|line| *line != "```");
        let digits: String = body
            .flat_map(|line| line.split('#').next().unwrap_or_default().chars())
            .filter(|c| !c.is_whitespace())
            .collect();
        let byte = |at: usize| {
            let pair = digits.get(at..at + 2);
            let byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
            byte.unwrap_or_else(|| panic!("{name}: no byte at digit {at}"))
        };
        let bytes = (0..digits.len()).step_by(2).map(byte).collect();
        let twice = blocks.insert(name.to_owned(), bytes);
        assert_eq!(twice, None, "two blocks are called {name}");
    }
    blocks
}

fn digest(name: &str, version: u64) -> Digest {
    Digest {
        id: NodeId::of(name),
        generation: GENERATION,
        version,
    }
}

fn entry(key: &str, version: u64, value: Option<&[u8]>) -> Entry {
    Entry {
        key: Arc::from(key),
        version,
        value: value.map(Arc::from),
    }
}

/// All of a node that was just started, as a newcomer hears it.
fn whole() -> Vec<Entry> {
    vec![
        entry(keys::ADDR, 1, Some(US.as_bytes())),
        entry(keys::LIFE, 2, Some(&Life::default().encode())),
    ]
}

fn source<'a>(entries: &'a [Entry], from: u64, version: u64) -> DeltaSource<'a> {
    DeltaSource {
        id: NodeId::of(US),
        generation: GENERATION,
        from,
        name: US,
        horizon: 0,
        version,
        entries: entries.iter().collect(),
    }
}

fn packed(entries: &[Entry], from: u64, version: u64) -> Vec<u8> {
    let mut w = Writer::new(wire::MAX_MESSAGE);
    pack_all(&mut w, &source(entries, from, version));
    w.finish()
}

fn pack_all(w: &mut Writer, source: &DeltaSource<'_>) {
    pack_delta(w, source, source.parts());
    assert!(w.fits());
}

fn message(write: impl FnOnce(&mut Writer, u64, NodeId)) -> Vec<u8> {
    let mut w = Writer::new(wire::MAX_MESSAGE);
    write(&mut w, text_hash("default"), NodeId::of(US));
    assert!(w.fits());
    w.finish()
}

/// Everything that the document shows, as the crate writes it.
fn written() -> BTreeMap<&'static str, Vec<u8>> {
    let accused = Accusation {
        generation: GENERATION,
        incarnation: 2,
    };
    let key = Key::new(std::array::from_fn(|at| at as u8));
    let nonce = Nonce {
        session: 1,
        time: GENERATION,
        count: 2,
    };
    let ping = Ping {
        nonce: NONCE,
        to: NodeId::of(THEM),
        accuse: None,
    };
    let ack = Ack {
        nonce: NONCE,
        generation: GENERATION,
        incarnation: 0,
        accuse: Some(accused),
    };
    let rumor = Rumor {
        subject: NodeId::of(THEM),
        generation: GENERATION,
    };
    let taken = Taken {
        generation: GENERATION,
        stays: true,
        other: "10.0.0.6:4445".parse().unwrap(),
    };
    let announce = Announce {
        port: 4445,
        joined: true,
    };
    let open = Gossip {
        step: 0,
        by_stream: false,
        root: owner_hash(NodeId::of(US), GENERATION, 2),
        buckets: None,
        digests: vec![digest(US, 2)],
        more: Extensions::default(),
        deltas: Vec::new(),
    };
    let answer = Gossip {
        step: 2,
        digests: Vec::new(),
        ..open.clone()
    };
    let flow = |word| Gossip {
        step: u8::from(matches!(word, FlowWord::Grant(_))),
        digests: Vec::new(),
        more: Extensions { flow: Some(word) },
        ..open.clone()
    };
    let (want, grant) = (
        flow(FlowWord::want(5_000.0, 1_200.0)),
        flow(FlowWord::Grant(700)),
    );
    let ask = Sync {
        stage: Stage::Ask,
        last: true,
        digests: vec![digest(US, 2)],
        deltas: Vec::new(),
    };
    let finish = Sync {
        stage: Stage::Finish,
        digests: Vec::new(),
        ..ask.clone()
    };
    let changed = [entry(".load", 4, Some(b"0.5")), entry(".old", 6, None)];
    let frame = message(|w, c, f| ask.write_head(w, c, f));
    let prefix = (frame.len() as u32).to_be_bytes();
    BTreeMap::from([
        ("ping", message(|w, c, f| ping.write(w, c, f))),
        ("ack", message(|w, c, f| ack.write(w, c, f))),
        ("rumor", message(|w, c, f| rumor.write(w, c, f))),
        ("taken", message(|w, c, f| taken.write(w, c, f))),
        ("announce", message(|w, c, f| announce.write(w, c, f))),
        ("gossip-open", message(|w, c, f| open.write_head(w, c, f))),
        ("flow-want", message(|w, c, f| want.write_head(w, c, f))),
        ("flow-grant", message(|w, c, f| grant.write_head(w, c, f))),
        (
            "gossip-delta",
            message(|w, c, f| {
                answer.write_head(w, c, f);
                let entries = whole();
                pack_all(w, &source(&entries, 0, 2));
            }),
        ),
        ("delta-changes", packed(&changed, 2, 6)),
        ("sync-ask", [&prefix[..], &frame].concat()),
        (
            "sync-finish",
            message(|w, c, f| {
                finish.write_head(w, c, f);
                let entries = whole();
                pack_all(w, &source(&entries, 0, 2));
            }),
        ),
        (
            "life",
            Life {
                incarnation: 3,
                stalled: true,
                ..Life::default()
            }
            .encode(),
        ),
        (
            "sealed",
            Seal::new("default")
                .seal(&key, &nonce, &message(|w, c, f| ping.write(w, c, f)))
                .expect("a seal"),
        ),
        (
            "verdict",
            Verdict {
                accused,
                evidence: Evidence::Refused,
            }
            .encode(),
        ),
    ])
}

#[test]
fn every_example_of_the_document_is_what_is_written() {
    let hex = |bytes: Vec<u8>| -> String { bytes.iter().map(|b| format!("{b:02x}")).collect() };
    let written = written().into_iter();
    let written: BTreeMap<_, _> = written.map(|(n, b)| (n.to_owned(), hex(b))).collect();
    let shown: BTreeMap<_, _> = blocks().into_iter().map(|(n, b)| (n, hex(b))).collect();
    assert_eq!(shown, written);
}

#[test]
fn every_message_of_the_document_can_be_read() {
    let blocks = blocks();
    let read = |name: &str, skip: usize| {
        let bytes = &blocks[name][skip..];
        let envelope = Envelope::decode(bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(envelope.cluster, text_hash("default"));
        assert_eq!(envelope.from, NodeId::of(US));
        envelope.message
    };
    assert!(matches!(read("ping", 0), Message::Ping(p) if p.accuse.is_none()));
    assert!(matches!(read("ack", 0), Message::Ack(a) if a.accuse.is_some()));
    assert!(matches!(read("rumor", 0), Message::Rumor(r) if r.subject == NodeId::of(THEM)));
    assert!(matches!(read("taken", 0), Message::Taken(t) if t.stays));
    assert!(matches!(read("announce", 0), Message::Announce(a) if a.port == 4445 && a.joined));
    assert!(matches!(read("gossip-open", 0), Message::Gossip(g) if g.digests.len() == 1));
    let want = FlowWord::Want {
        rho: 5_000,
        tau: 1_200,
    };
    assert!(matches!(read("flow-want", 0), Message::Gossip(g) if g.more.flow == Some(want)));
    let grant = FlowWord::Grant(700);
    assert!(matches!(read("flow-grant", 0), Message::Gossip(g) if g.more.flow == Some(grant)));
    let Message::Gossip(gossip) = read("gossip-delta", 0) else {
        panic!("not gossip");
    };
    assert_eq!(gossip.deltas[0].name.as_deref(), Some(US));
    assert_eq!(gossip.deltas[0].entries, whole());
    assert!(matches!(read("sync-ask", 4), Message::Sync(s) if s.stage == Stage::Ask && s.last));
    let Message::Sync(finish) = read("sync-finish", 0) else {
        panic!("no frame");
    };
    assert_eq!(
        (finish.stage, finish.deltas),
        (Stage::Finish, gossip.deltas)
    );
}

#[test]
fn values_of_the_document_can_be_read() {
    let blocks = blocks();
    let life = Life::decode(&blocks["life"]).unwrap();
    assert!(life.stalled && life.incarnation == 3);
    let verdict = Verdict::decode(&blocks["verdict"]).unwrap();
    assert_eq!(verdict.evidence, Evidence::Refused);
}

/// Tables with the head `| name | value |`: the constants of the wire.
#[test]
fn numbers_of_the_document_are_those_of_the_code() {
    let numbers: [(&str, u64); 8] = [
        ("VERSION", wire::VERSION.into()),
        ("MAX_DATAGRAM", wire::MAX_DATAGRAM as u64),
        ("SEAL", wire::SEAL as u64),
        ("MAX_MESSAGE", wire::MAX_MESSAGE as u64),
        ("MAX_FRAME", wire::MAX_FRAME as u64),
        ("MAX_NAME", wire::MAX_NAME as u64),
        ("MAX_KEY", wire::MAX_KEY as u64),
        ("BUCKETS", wire::BUCKETS as u64),
    ];
    for (name, value) in numbers {
        let row = format!("| `{name}` | {value} |");
        assert!(DOCS.contains(&row), "docs/protocol.md has no row '{row}'");
    }
    assert_eq!(wire::MAX_NUMBER, 1 << 53);
    assert!(DOCS.contains("| `MAX_NUMBER` | 2^53 |"));
}

#[test]
fn hashes_of_the_document_are_those_of_the_code() {
    let shown = |text: String| assert!(DOCS.contains(&text), "docs/protocol.md has no '{text}'");
    for name in [US, THEM] {
        shown(format!("| `\"{name}\"` | `{}` |", NodeId::of(name)));
    }
    shown(format!(
        "| `\"default\"` | `{:016x}` |",
        text_hash("default")
    ));
    shown(format!(
        "`owner_hash(1, 2, 3)` = {}",
        owner_hash(NodeId(1), 2, 3)
    ));
    let key = Verdict::key(NodeId::of(THEM));
    shown(format!("`{key}`"));
}

#[test]
fn records_of_the_document_are_what_is_published() {
    let mut service = Service::tcp("10.0.0.7", 4444);
    service.instance = "3f9k/1735689600000/812/3.38.0/-".into();
    service.pins = vec!["role:api".into()];
    for json in [service.to_json(), Offer::default().to_json()] {
        let json = String::from_utf8(json).unwrap();
        assert!(DOCS.contains(&json), "docs/protocol.md has no '{json}'");
    }
}
