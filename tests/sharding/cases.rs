//! The cases that the handover is made for, one by one: three nodes that hear
//! of each other exactly when the test says so.

use std::collections::BTreeMap;

use seneca_gossip::sharding::{
    Claim, Config, Decision, Handover, Mismatch, Output, Ownership, Presence, Shard, ShardCount,
    Weight,
};
use seneca_gossip::time::Millis;
use seneca_gossip::wire::NodeId;

/// Times of all nodes, ms.
const HANDOVER: Millis = 1_000;
const HANDLER: Millis = 500;
const SETTLE: Millis = 100;

fn config() -> Config {
    Config {
        shards: ShardCount::DEFAULT,
        key: "id".to_owned(),
        replicas: 0,
        weight: Weight::ONE,
        handover: HANDOVER,
        handler: HANDLER,
        settle: SETTLE,
    }
}

fn id(name: &str) -> NodeId {
    NodeId::of(name)
}

/// A shard whose owners, best first, are these of a, b and c.
fn ranked(names: [&str; 3]) -> Shard {
    let mut ownership = Ownership::new(ShardCount::DEFAULT, 2);
    for name in names {
        ownership.insert(id(name), Weight::ONE);
    }
    let is_it = |&shard: &Shard| ownership.ranked(shard).eq(names.map(id));
    ShardCount::DEFAULT
        .shards()
        .find(is_it)
        .expect("one of thousands")
}

/// An event of a node, for one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Gained(u64),
    Lost,
}

struct Nodes {
    now: Millis,
    shard: Shard,
    nodes: BTreeMap<&'static str, Handover>,
    said: BTreeMap<&'static str, Vec<u8>>,
    told: BTreeMap<&'static str, Vec<Told>>,
    /// Handlers that run until the test says that they are done.
    slow: Option<&'static str>,
    running: Vec<u64>,
}

impl Nodes {
    /// The first of these holds all shards; the others are not ready.
    fn new(names: &[&'static str], shard: Shard) -> Self {
        let node = |&name: &&'static str| (name, Handover::new(id(name), config()));
        let mut nodes = Nodes {
            now: 1_000,
            shard,
            nodes: names.iter().map(node).collect(),
            said: BTreeMap::new(),
            told: BTreeMap::new(),
            slow: None,
            running: Vec::new(),
        };
        nodes.ready(names[0]);
        nodes.pass(SETTLE);
        nodes.expect(names[0], Decision::Execute);
        for name in &names[1..] {
            nodes.tell(names[0], name);
        }
        nodes
    }

    fn act(&mut self, name: &'static str, act: impl FnOnce(&mut Handover, Millis)) {
        let node = self.nodes.get_mut(name).expect("a node");
        act(node, self.now);
        while let Some(output) = node.poll() {
            match output {
                Output::Publish(value) => drop(self.said.insert(name, value)),
                Output::Moved {
                    batch,
                    gained,
                    lost,
                    epoch,
                } => {
                    let told = self.told.entry(name).or_default();
                    if lost.contains(&self.shard) {
                        told.push(Told::Lost);
                    }
                    if gained.contains(&self.shard) {
                        told.push(Told::Gained(epoch));
                    }
                    match self.slow == Some(name) {
                        true => self.running.push(batch),
                        false => node.done(self.now, batch),
                    }
                }
                Output::Decide(_) => {}
            }
        }
    }

    fn ready(&mut self, name: &'static str) {
        self.act(name, |node, now| node.ready(now, true));
        self.publish();
    }

    /// Lets claims out that were held back for a moment.
    fn publish(&mut self) {
        self.pass(20);
    }

    fn pass(&mut self, span: Millis) {
        self.now += span;
        for name in self.nodes.keys().copied().collect::<Vec<_>>() {
            let due = |node: &Handover| node.next_timeout();
            while due(&self.nodes[name]).is_some_and(|due| due <= self.now) {
                self.act(name, |node, now| node.handle_timeout(now));
            }
        }
    }

    /// `to` hears what `from` published last.
    fn tell(&mut self, from: &'static str, to: &'static str) {
        self.publish();
        let claim = Claim::decode(&self.said[from]).expect("a claim");
        self.act(to, |node, now| {
            node.heard(now, id(from), Some(claim))
                .expect("the same shards");
        });
        self.publish();
    }

    fn presence(&mut self, at: &'static str, about: &str, presence: Presence) {
        self.act(at, |node, now| node.presence(now, id(about), presence));
        self.publish();
    }

    fn expect(&self, name: &str, decision: Decision) {
        assert_eq!(self.nodes[name].decide(self.shard), decision, "{name}");
    }

    fn told(&self, name: &str) -> &[Told] {
        self.told.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    fn finish(&mut self, name: &'static str) {
        for batch in std::mem::take(&mut self.running) {
            self.act(name, |node, now| node.done(now, batch));
        }
        self.publish();
    }
}

const A: &str = "a";
const B: &str = "b";
const C: &str = "c";

#[test]
fn a_shard_that_is_granted_onwards_is_executed_only_at_the_end_of_the_chain() {
    let mut nodes = Nodes::new(&[A, B, C], ranked([C, B, A]));
    nodes.ready(B);
    nodes.tell(B, A);
    nodes.expect(A, Decision::Forward(id(B)));
    // C has heard of A's release, but not of B, to whom it was.
    nodes.ready(C);
    nodes.tell(A, C);
    nodes.expect(C, Decision::Wait);
    nodes.tell(B, C);
    nodes.expect(C, Decision::Wait);
    // B has heard of C before the release, and is no longer to own it.
    nodes.tell(C, B);
    nodes.expect(B, Decision::Forward(id(C)));
    nodes.tell(A, B);
    assert_eq!(nodes.told(B), []);
    nodes.expect(C, Decision::Wait);
    nodes.tell(B, C);
    nodes.expect(C, Decision::Execute);
}

#[test]
fn a_shard_that_comes_back_before_its_release_goes_on_as_if_nothing_had_been() {
    let mut nodes = Nodes::new(&[A, B], ranked([B, A, C]));
    let shard = nodes.shard;
    let mut epoch = None;
    nodes.act(A, |node, _| epoch = node.begin(shard));
    nodes.ready(B);
    nodes.tell(B, A);
    nodes.expect(A, Decision::Forward(id(B)));
    nodes.presence(A, B, Presence::Leaving);
    nodes.expect(A, Decision::Execute);
    let held = nodes.nodes[A].held().find(|(held, _)| *held == shard);
    assert_eq!(held.map(|(_, epoch)| epoch), epoch);
    assert_eq!(nodes.told(A).len(), 1, "it was gained once, and never lost");
}

#[test]
fn a_shard_that_comes_back_while_it_is_flushed_is_gained_anew() {
    let mut nodes = Nodes::new(&[A, B], ranked([B, A, C]));
    nodes.slow = Some(A);
    nodes.ready(B);
    nodes.tell(B, A);
    nodes.presence(A, B, Presence::Gone);
    nodes.expect(A, Decision::Wait);
    nodes.finish(A);
    nodes.expect(A, Decision::Wait);
    nodes.finish(A);
    nodes.expect(A, Decision::Execute);
    let [Told::Gained(first), Told::Lost, Told::Gained(second)] = *nodes.told(A) else {
        panic!("{:?}", nodes.told(A));
    };
    assert!(first < second);
}

#[test]
fn a_grant_that_is_out_comes_back_from_who_no_longer_wants_it() {
    let mut nodes = Nodes::new(&[A, B], ranked([B, A, C]));
    nodes.ready(B);
    nodes.tell(B, A);
    nodes.act(B, |node, now| node.ready(now, false));
    nodes.tell(B, A);
    nodes.expect(A, Decision::Wait);
    nodes.tell(A, B);
    nodes.tell(B, A);
    nodes.expect(A, Decision::Execute);
    assert_eq!(nodes.told(B), []);
}

#[test]
fn calls_wait_until_the_old_owner_has_ended_its_own() {
    let mut nodes = Nodes::new(&[A, B], ranked([B, A, C]));
    let shard = nodes.shard;
    let mut epoch = None;
    nodes.act(A, |node, _| epoch = node.begin(shard));
    nodes.ready(B);
    nodes.tell(B, A);
    nodes.tell(A, B);
    nodes.expect(B, Decision::Wait);
    let epoch = epoch.expect("it may execute");
    nodes.act(A, |node, now| node.end(now, shard, epoch));
    nodes.tell(A, B);
    nodes.expect(B, Decision::Execute);
    assert!(matches!(nodes.told(B), [Told::Gained(later)] if *later > epoch));
}

#[test]
fn a_new_owner_waits_for_the_bound_and_not_longer() {
    let mut nodes = Nodes::new(&[A, B], ranked([B, A, C]));
    nodes.ready(B);
    let since = nodes.now - 20;
    nodes.pass(since + HANDOVER - 1 - nodes.now);
    nodes.expect(B, Decision::Wait);
    nodes.pass(1);
    nodes.expect(B, Decision::Execute);
    assert!(nodes.nodes[B].counters().overdue > 0);
}

#[test]
fn a_handler_that_takes_too_long_is_not_waited_for() {
    let mut nodes = Nodes::new(&[A, B], ranked([B, A, C]));
    nodes.slow = Some(B);
    nodes.ready(B);
    nodes.tell(B, A);
    nodes.tell(A, B);
    assert_eq!(nodes.told(B).len(), 1);
    nodes.pass(HANDLER / 2);
    nodes.expect(B, Decision::Wait);
    nodes.pass(HANDLER / 2);
    nodes.expect(B, Decision::Execute);
}

#[test]
fn who_takes_over_from_the_dead_does_not_wait() {
    let mut nodes = Nodes::new(&[A, B], ranked([A, B, C]));
    nodes.ready(B);
    nodes.pass(SETTLE);
    nodes.expect(B, Decision::Forward(id(A)));
    nodes.presence(B, A, Presence::Gone);
    nodes.expect(B, Decision::Execute);
}

#[test]
fn a_grant_to_who_has_died_is_free_for_the_next() {
    let mut nodes = Nodes::new(&[A, B, C], ranked([B, C, A]));
    nodes.ready(B);
    nodes.tell(B, A);
    nodes.ready(C);
    nodes.tell(B, C);
    nodes.tell(A, C);
    nodes.pass(SETTLE);
    nodes.expect(C, Decision::Forward(id(B)));
    nodes.presence(C, B, Presence::Gone);
    nodes.expect(C, Decision::Execute);
}

#[test]
fn the_grants_of_who_has_left_still_say_where_its_shards_went() {
    let mut nodes = Nodes::new(&[A, B, C], ranked([A, C, B]));
    nodes.ready(B);
    nodes.tell(B, A);
    // A leaves before it has heard of C, and grants to B.
    nodes.ready(C);
    nodes.tell(B, C);
    nodes.pass(SETTLE);
    nodes.act(A, |node, now| node.ready(now, false));
    nodes.tell(A, C);
    nodes.presence(C, A, Presence::Gone);
    nodes.expect(C, Decision::Wait);
    nodes.tell(A, B);
    nodes.expect(B, Decision::Execute);
    nodes.tell(C, B);
    nodes.tell(B, C);
    nodes.expect(C, Decision::Execute);
    nodes.pass(SETTLE);
    assert!(nodes.nodes[A].drained(nodes.now));
}

#[test]
fn the_grants_of_who_has_left_are_not_heeded_for_long() {
    let mut nodes = Nodes::new(&[A, B, C], ranked([A, C, B]));
    nodes.ready(B);
    nodes.tell(B, A);
    nodes.ready(C);
    nodes.tell(B, C);
    nodes.pass(SETTLE);
    nodes.act(A, |node, now| node.ready(now, false));
    nodes.tell(A, C);
    nodes.expect(C, Decision::Wait);
    // B, which has long been through with the shard, does not speak of it.
    nodes.presence(C, A, Presence::Gone);
    nodes.pass(SETTLE);
    nodes.expect(C, Decision::Execute);
}

#[test]
fn what_was_released_to_nobody_is_free_for_the_first_who_comes() {
    let mut nodes = Nodes::new(&[A, B, C], ranked([B, C, A]));
    nodes.ready(B);
    nodes.tell(B, A);
    nodes.tell(A, B);
    nodes.expect(B, Decision::Execute);
    // A, which is still there, says that it granted to B.
    nodes.act(A, |node, now| node.ready(now, false));
    nodes.tell(A, B);
    nodes.act(B, |node, now| node.ready(now, false));
    nodes.expect(B, Decision::Nobody);
    nodes.ready(C);
    nodes.tell(A, C);
    nodes.tell(B, C);
    nodes.pass(SETTLE);
    nodes.expect(C, Decision::Execute);
}

#[test]
fn after_a_wrong_verdict_the_earlier_owner_gives_up_and_gains_anew() {
    let mut nodes = Nodes::new(&[A, B], ranked([A, B, C]));
    nodes.ready(B);
    nodes.tell(B, A);
    nodes.pass(SETTLE);
    nodes.presence(B, A, Presence::Gone);
    nodes.expect(A, Decision::Execute);
    nodes.expect(B, Decision::Execute);
    // Both are there again; what A has in memory is older than what B did.
    nodes.tell(B, A);
    nodes.expect(A, Decision::Wait);
    assert!(matches!(nodes.told(A), [Told::Gained(_), Told::Lost]));
    nodes.presence(B, A, Presence::Here);
    nodes.expect(B, Decision::Forward(id(A)));
    nodes.tell(B, A);
    nodes.expect(A, Decision::Execute);
    let ([.., Told::Gained(a)], [Told::Gained(b), Told::Lost]) = (nodes.told(A), nodes.told(B))
    else {
        panic!("{:?} {:?}", nodes.told(A), nodes.told(B));
    };
    assert!(a > b);
}

#[test]
fn a_new_run_of_a_node_holds_nothing_and_gets_its_shards_back() {
    let mut nodes = Nodes::new(&[A, B], ranked([A, B, C]));
    nodes.ready(B);
    nodes.tell(B, A);
    nodes.nodes.insert(A, Handover::new(id(A), config()));
    nodes.act(B, |node, now| {
        node.heard(now, id(A), None).expect("nothing")
    });
    nodes.pass(SETTLE);
    nodes.expect(B, Decision::Execute);
    nodes.tell(B, A);
    nodes.ready(A);
    nodes.expect(A, Decision::Wait);
    nodes.tell(A, B);
    nodes.tell(B, A);
    nodes.expect(A, Decision::Execute);
}

#[test]
fn another_number_of_shards_or_another_key_is_refused_and_named() {
    let few = ShardCount::new(1_024).expect("a count");
    for (shards, key) in [(few, "id"), (ShardCount::DEFAULT, "user.id")] {
        let mut node = Handover::new(id(A), config());
        let claim = Claim {
            ready: true,
            shards,
            key: key.to_owned(),
            weight: Weight::ONE,
            epoch: 1,
            held: vec![1, 2, 3],
            grants: Vec::new(),
        };
        let mismatch = Mismatch {
            id: id(B),
            theirs: claim.division(),
            ours: config().division(),
        };
        let text = mismatch.to_string();
        assert_eq!(node.heard(0, id(B), Some(claim)), Err(mismatch));
        assert_eq!(node.ownership().owner(1), None, "it does not take part");
        for part in [
            shards.to_string(),
            format!("'{key}'"),
            "16384".into(),
            "'id'".into(),
        ] {
            assert!(text.contains(&part), "{text}");
        }
    }
}
