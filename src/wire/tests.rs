//! Property tests of the grammar: what is written comes back, what is cut or
//! arbitrary is refused.

use std::sync::Arc;

use proptest::prelude::*;

use super::message::{GOSSIP, head};
use super::*;

fn number() -> impl Strategy<Value = u64> {
    0..=MAX_NUMBER
}

fn accusations() -> impl Strategy<Value = Option<Accusation>> {
    let one = (number(), number()).prop_map(|(generation, incarnation)| Accusation {
        generation,
        incarnation,
    });
    prop::option::of(one)
}

fn digest_lists() -> impl Strategy<Value = Vec<Digest>> {
    let one = (any::<u64>(), number(), number()).prop_map(|(id, generation, version)| Digest {
        id: NodeId(id),
        generation,
        version,
    });
    prop::collection::vec(one, 0..20)
}

fn entry_lists() -> impl Strategy<Value = Vec<Entry>> {
    let value = prop::option::of(prop::collection::vec(any::<u8>(), 0..200));
    let one = ("[a-z@.]{1,20}", 1u64..50, value);
    prop::collection::vec(one, 0..12).prop_map(|list| {
        let mut version = 0;
        let entry = |(key, step, value): (String, u64, Option<Vec<u8>>)| {
            version += step;
            Entry {
                key: Arc::from(key),
                version,
                value: value.map(Arc::from),
            }
        };
        list.into_iter().map(entry).collect()
    })
}

fn extensions() -> impl Strategy<Value = Extensions> {
    let want = (number(), number()).prop_map(|(rho, tau)| FlowWord::Want { rho, tau });
    let word = prop_oneof![want, number().prop_map(FlowWord::Grant)];
    prop::option::of(word).prop_map(|flow| Extensions { flow })
}

proptest! {
    #[test]
    fn small_messages_come_back(
        cluster: u64, from: u64, nonce: u64, to: u64, g in number(), i in number(),
        accuse in accusations(), port in 1u16.., joined: bool,
    ) {
        let from = NodeId(from);
        let announce = Announce { port, joined };
        let ping = Ping { nonce, to: NodeId(to), accuse };
        let ack = Ack { nonce, generation: g, incarnation: i, accuse };
        let rumor = Rumor { subject: NodeId(to), generation: g };
        let other = (std::net::Ipv4Addr::from(from.0 as u32), port).into();
        let taken = Taken { generation: g, stays: joined, other };
        let mut w = [MAX_DATAGRAM; 5].map(Writer::new);
        ping.write(&mut w[0], cluster, from);
        ack.write(&mut w[1], cluster, from);
        rumor.write(&mut w[2], cluster, from);
        announce.write(&mut w[3], cluster, from);
        taken.write(&mut w[4], cluster, from);
        let expected = [
            Message::Ping(ping),
            Message::Ack(ack),
            Message::Rumor(rumor),
            Message::Announce(announce),
            Message::Taken(taken),
        ];
        for (w, message) in w.into_iter().zip(expected) {
            let bytes = w.finish();
            prop_assert_eq!(Envelope::cluster_of(&bytes), Some(cluster));
            prop_assert_eq!(Envelope::decode(&bytes), Ok(Envelope { cluster, from, message }));
            for cut in 0..bytes.len() {
                prop_assert!(Envelope::decode(&bytes[..cut]).is_err());
            }
        }
    }

    #[test]
    fn a_packed_delta_comes_back_as_a_prefix_that_fits(
        step in 0u8..8, root: u64, digests in digest_lists(), entries in entry_lists(),
        with_buckets: bool, limit in 30usize..=MAX_MESSAGE, ahead in 0u64..3, more in extensions(),
    ) {
        let buckets = with_buckets.then(|| Box::new([7; BUCKETS]));
        let head = Gossip { step, by_stream: false, root, buckets, digests, more, deltas: vec![] };
        let mut w = Writer::new(limit);
        head.write_head(&mut w, 1, NodeId(2));
        prop_assume!(w.fits());
        let version = entries.last().map_or(0, |e| e.version) + ahead;
        let source = DeltaSource {
            id: NodeId(9), generation: 5, from: 0, name: "h:1", horizon: 0, version,
            entries: entries.iter().collect(),
        };
        let mut sizes = (0..source.parts()).map(|part| source.part_size(part));
        let mut room = w.room();
        let parts = std::iter::from_fn(|| {
            room = room.checked_sub(sizes.next()?)?;
            Some(())
        })
        .count();
        prop_assume!(parts > 0);
        pack_delta(&mut w, &source, parts);
        prop_assert!(w.fits());
        let bytes = w.finish();
        prop_assert!(bytes.len() <= limit);
        let Ok(Envelope { message: Message::Gossip(g), .. }) = Envelope::decode(&bytes) else {
            panic!("not decoded: {bytes:?}");
        };
        prop_assert_eq!(&g.digests, &head.digests);
        prop_assert_eq!(g.more, head.more);
        let [d] = g.deltas.as_slice() else { panic!("{:?}", g.deltas) };
        let n = d.entries.len();
        prop_assert_eq!(&d.entries[..], &entries[..n]);
        if parts == source.parts() {
            prop_assert_eq!((n, d.upto), (entries.len(), version));
        } else {
            prop_assert_eq!((n, d.upto), (parts, entries[n - 1].version));
        }
    }

    #[test]
    fn a_delta_is_as_long_as_was_said(
        entries in entry_lists(), from in 0u64..3, horizon in 0u64..3, generation in number(),
    ) {
        let entries: Vec<Entry> = entries
            .into_iter()
            .map(|e| Entry { version: e.version + from, ..e })
            .collect();
        let source = DeltaSource {
            id: NodeId(9), generation, from, name: "h:1", horizon,
            version: entries.last().map_or(from + 1, |e| e.version),
            entries: entries.iter().collect(),
        };
        let mut w = Writer::new(MAX_FRAME);
        pack_delta(&mut w, &source, source.parts());
        prop_assert_eq!(w.finish().len(), source.size());
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_read_but_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0u8..9,
    ) {
        let _ = Envelope::decode(&bytes);
        let mut framed = vec![VERSION, kind];
        framed.extend(&bytes);
        let _ = Envelope::decode(&framed);
    }
}

#[test]
fn an_owner_with_all_that_it_may_have_fits_into_one_frame() {
    let value: Arc<[u8]> = Arc::from(vec![0u8; 64 * 1024]);
    let entry = |i: u64| Entry {
        key: Arc::from(format!("k{i}")),
        version: i,
        value: Some(value.clone()),
    };
    let entries: Vec<Entry> = (1..=8).map(entry).collect();
    let head = Sync {
        stage: Stage::Answer,
        last: true,
        digests: vec![],
        deltas: vec![],
    };
    let mut w = Writer::new(MAX_FRAME);
    head.write_head(&mut w, 1, NodeId(2));
    let source = DeltaSource {
        id: NodeId(9),
        generation: 5,
        from: 0,
        name: "h:1",
        horizon: 3,
        version: 8,
        entries: entries.iter().collect(),
    };
    assert!(source.size() <= w.room());
    pack_delta(&mut w, &source, source.parts());
    assert!(w.fits());
    assert!(Envelope::decode(&w.finish()).is_ok());
}

/// A field as a later version may add it: type 77, three bytes.
const LATER: [u8; 5] = [77, 3, 1, 2, 3];

#[test]
fn fields_of_a_later_version_are_skipped_in_every_datagram() {
    let (cluster, from) = (1, NodeId(2));
    let rumor = Rumor {
        subject: NodeId(3),
        generation: 4,
    };
    let mut w = Writer::new(MAX_DATAGRAM);
    rumor.write(&mut w, cluster, from);
    w.bytes(&LATER);
    let bytes = w.finish();
    let message = Message::Rumor(rumor);
    assert_eq!(
        Envelope::decode(&bytes).map(|e| e.message),
        Ok(message),
        "behind the end of the known"
    );
    assert!(
        Envelope::decode(&bytes[..bytes.len() - 1]).is_err(),
        "but whole"
    );

    let flow = Some(FlowWord::Grant(9));
    let gossip = Gossip {
        step: 1,
        by_stream: false,
        root: 5,
        buckets: None,
        digests: vec![],
        more: Extensions { flow },
        deltas: vec![],
    };
    let mut w = Writer::new(MAX_DATAGRAM);
    gossip.write_head(&mut w, cluster, from);
    let mut bytes = w.finish();
    let body = bytes.len() - gossip.more.size();
    bytes[body] += LATER.len() as u8;
    bytes.splice(body + 1..body + 1, LATER);
    assert_eq!(
        Envelope::decode(&bytes).map(|e| e.message),
        Ok(Message::Gossip(gossip))
    );
}

#[test]
fn a_count_of_digests_that_are_not_there_costs_no_memory() {
    let mut w = Writer::new(MAX_DATAGRAM);
    head(&mut w, 1, NodeId(2), GOSSIP);
    w.u8(0);
    w.u64(0);
    w.varint(MAX_NUMBER);
    assert_eq!(Envelope::decode(&w.finish()), Err(WireError::Truncated));
}
