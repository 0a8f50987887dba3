//! Property tests of reconciliation: two stores that exchange deltas of any
//! size, in any order, repeated and lost, keep the invariant and come together.

use std::sync::Arc;

use proptest::prelude::*;

use super::{Limits, Owner, Store};
use crate::wire::{Delta, DeltaSource, Digest, Entry, NodeId};

const ID: NodeId = NodeId(7);

fn store(generation: u64) -> Store {
    let mut s = Store::new();
    s.insert(ID, Arc::from("h:1"), generation);
    s
}

/// What travels: the first `n` entries of a source, as packing would cut it.
fn cut(source: &DeltaSource<'_>, n: usize) -> Delta {
    let whole = n >= source.entries.len() || (source.from == 0 && source.horizon > 0);
    let entries: Vec<Entry> = match whole {
        true => source.entries.iter().copied().cloned().collect(),
        false => source.entries[..n].iter().copied().cloned().collect(),
    };
    let last = entries.last().map_or(source.from, |e| e.version);
    Delta {
        id: source.id,
        generation: source.generation,
        from: source.from,
        name: (source.from == 0).then(|| source.name.to_owned()),
        horizon: if source.from == 0 { source.horizon } else { 0 },
        upto: if whole { source.version } else { last },
        entries,
    }
}

/// The invariant of scuttlebutt between an owner's own state and a copy.
fn check(own: &Owner, copy: &Owner) {
    if own.generation() != copy.generation() {
        return;
    }
    assert!(copy.version() <= own.version());
    for e in own.entries() {
        if e.version <= copy.version() {
            assert_eq!(copy.get(&e.key), e.value.as_ref(), "{} is known", e.key);
        }
    }
    for e in copy.entries().filter(|e| e.value.is_some()) {
        let theirs = own.entries().find(|o| o.key == e.key);
        let newer = theirs.is_none_or(|o| o.version > copy.version() || o == e);
        assert!(newer, "{} was overwritten within what is known", e.key);
        if theirs.is_none() {
            assert!(own.horizon() > copy.version(), "{} was collected", e.key);
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Write {
        key: u8,
        value: Option<u8>,
    },
    /// The copy hears the first `n` entries it lacks; `again` delivers twice.
    Tell {
        n: usize,
        again: bool,
    },
    /// A second copy hears from the first.
    Pass {
        n: usize,
    },
    /// An old delta arrives late.
    Late {
        which: usize,
    },
    Collect,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0u8..6, prop::option::weighted(0.7, any::<u8>()))
            .prop_map(|(key, value)| Step::Write { key, value }),
        3 => (0usize..5, any::<bool>()).prop_map(|(n, again)| Step::Tell { n, again }),
        3 => (0usize..5).prop_map(|n| Step::Pass { n }),
        1 => (0usize..8).prop_map(|which| Step::Late { which }),
        1 => Just(Step::Collect),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 0..60)
}

/// One delta from `a` to `b`; what was sent, if there was anything to say.
fn tell(now: u64, a: &Store, b: &mut Store, n: usize) -> Option<Delta> {
    let known = b.get(ID).map(|o| Digest {
        id: ID,
        generation: o.generation(),
        version: o.version(),
    });
    let delta = cut(&a.source(ID, known.as_ref())?, n);
    let _ = b.apply(now, &delta, &Limits::default());
    Some(delta)
}

proptest! {
    #[test]
    fn copies_keep_the_invariant_and_come_together(steps in steps()) {
        let (mut own, mut near, mut far) = (store(1), Store::new(), Store::new());
        let (mut sent, mut now, mut generation) = (Vec::<Delta>::new(), 10, 1);
        let mut known = [(0, 0); 2];
        for step in steps {
            now += 1;
            match step {
                Step::Write { key, value } => {
                    let value = value.map(|v| Arc::from([v].as_slice()));
                    own.write(now, ID, &format!("k{key}"), value);
                }
                Step::Tell { n, again } => {
                    if let Some(d) = tell(now, &own, &mut near, n) {
                        if again {
                            let _ = near.apply(now, &d, &Limits::default());
                        }
                        sent.push(d);
                    }
                }
                Step::Pass { n } => {
                    tell(now, &near, &mut far, n);
                }
                Step::Late { which } => {
                    if let Some(d) = sent.get(which) {
                        let _ = near.apply(now, d, &Limits::default());
                        let _ = far.apply(now, d, &Limits::default());
                    }
                }
                Step::Collect => {
                    own.collect(now);
                    near.collect(now);
                }
                Step::Restart => {
                    generation += 1;
                    own.insert(ID, Arc::from("h:1"), generation);
                }
            }
            let owner = own.get(ID).expect("there");
            for (copy, known) in [&near, &far].into_iter().zip(&mut known) {
                let Some(copy) = copy.get(ID) else { continue };
                check(owner, copy);
                let now = (copy.generation(), copy.version());
                prop_assert!(now >= *known, "knowledge only grows");
                *known = now;
            }
        }
        for _ in 0..100 {
            tell(now, &own, &mut near, 3);
            tell(now, &near, &mut far, 3);
        }
        let owner = own.get(ID).expect("there");
        for copy in [&near, &far] {
            if owner.version() > 0 {
                let copy = copy.get(ID).expect("told");
                prop_assert_eq!(copy.version(), owner.version());
                check(owner, copy);
            }
        }
        if owner.version() > 0 {
            prop_assert_eq!(near.root(), own.root());
            prop_assert_eq!(far.buckets(), own.buckets());
        }
    }

    #[test]
    fn changes_tell_exactly_what_is_different(steps in steps()) {
        let (mut own, mut copy, mut now) = (store(1), Store::new(), 10);
        let mut mirror = std::collections::BTreeMap::new();
        for step in steps {
            now += 1;
            match step {
                Step::Write { key, value } => {
                    let value = value.map(|v| Arc::from([v].as_slice()));
                    own.write(now, ID, &format!("k{key}"), value);
                }
                Step::Collect => own.collect(now),
                Step::Restart => own.insert(ID, Arc::from("h:1"), now),
                Step::Tell { n, .. } | Step::Pass { n } => {
                    let known = copy.get(ID).map(|o| Digest {
                        id: ID, generation: o.generation(), version: o.version(),
                    });
                    let Some(delta) = own.source(ID, known.as_ref()).map(|s| cut(&s, n)) else {
                        continue;
                    };
                    for c in copy.apply(now, &delta, &Limits::default()).unwrap_or_default() {
                        match c.value {
                            Some(v) => mirror.insert(c.key, v),
                            None => mirror.remove(&c.key),
                        };
                    }
                }
                Step::Late { .. } => {}
            }
        }
        if let Some(copy) = copy.get(ID) {
            let held = copy.entries().filter_map(|e| Some((e.key.clone(), e.value.clone()?)));
            prop_assert_eq!(mirror, held.collect());
        }
    }
}

#[test]
fn a_removed_key_does_not_come_back_from_a_peer_that_was_away() {
    let (mut own, mut copy) = (store(1), Store::new());
    own.write(1, ID, "gone", Some(Arc::from(*b"x")));
    own.write(1, ID, "stays", Some(Arc::from(*b"y")));
    tell(1, &own, &mut copy, 10);
    own.write(2, ID, "gone", None);
    own.collect(100);
    assert!(own.get(ID).is_some_and(|o| o.horizon() > 0));
    tell(101, &own, &mut copy, 10);
    let copy = copy.get(ID).expect("known");
    assert_eq!(copy.get("gone"), None);
    assert!(copy.get("stays").is_some());
}

#[test]
fn what_exceeds_the_bounds_changes_nothing() {
    let (mut own, mut copy) = (store(1), Store::new());
    own.write(1, ID, "big", Some(Arc::from(vec![0; 100])));
    let limits = Limits {
        value: 99,
        ..Limits::default()
    };
    let delta = cut(&own.source(ID, None).expect("news"), 9);
    assert!(copy.apply(1, &delta, &limits).is_err());
    assert_eq!((copy.len(), copy.root()), (0, 0));
}
