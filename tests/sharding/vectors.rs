//! The tables of docs/sharding.md, whose numbers are those of an independent
//! implementation.

use std::collections::BTreeMap;

use seneca_gossip::sharding::{Ownership, ShardCount, Weight, key_text};
use seneca_gossip::wire::{NodeId, text_hash};

const DOCS: &str = include_str!("../../docs/sharding.md");

/// The cells of the table whose first title is `title`.
fn table(title: &str) -> Vec<Vec<&'static str>> {
    let head = format!("| {title} |");
    let rows = DOCS.lines().skip_while(|line| !line.starts_with(&head));
    let rows = rows.skip(2).take_while(|line| line.starts_with('|'));
    let cells = |row: &'static str| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().trim_matches('`')).collect()
    };
    rows.map(cells).collect()
}

#[test]
fn keys_hash_as_documented() {
    let rows = table("key, as JSON");
    assert!(rows.len() > 10);
    let thousand = ShardCount::new(1_000).expect("a count");
    for row in rows {
        let key = serde_json::from_str(row[0]).expect("JSON");
        let text = key_text(&key).expect("a key");
        assert!(text == row[1] || text.is_empty(), "{row:?}");
        assert_eq!(format!("{:016x}", text_hash(&text)), row[2], "{row:?}");
        let shard = |count: ShardCount| count.of(&key).expect("a key").to_string();
        assert_eq!(shard(ShardCount::DEFAULT), row[3], "{row:?}");
        assert_eq!(shard(thousand), row[4], "{row:?}");
    }
}

#[test]
fn owners_rank_as_documented() {
    let name = |letter: &str| match letter {
        "a" => NodeId::of("10.0.0.1:4445"),
        "b" => NodeId::of("10.0.0.2:4445"),
        _ => NodeId::of("10.0.0.3:4445"),
    };
    let members = BTreeMap::from([
        (name("a"), Weight::ONE),
        (name("b"), Weight::ONE),
        (name("c"), Weight::new(2.5)),
    ]);
    let mut ownership = Ownership::new(ShardCount::DEFAULT, 2);
    ownership.update(&members);
    let rows = table("shard");
    assert!(rows.len() > 5);
    for row in rows {
        let ranked: Vec<_> = row[4].split(' ').map(name).collect();
        let shard = row[0].parse().expect("a shard");
        assert!(ownership.ranked(shard).eq(ranked), "{row:?}");
    }
}
