//! Scuttlebutt as nodes run it: the production store and order of service, with
//! messages that hold a number of changes instead of bytes.

use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom;
use std::sync::Arc;

use super::Population;
use super::history::History;
use crate::state::{Limits, Order, Store};
use crate::wire::{Delta, DeltaSource, NodeId};

/// The store of each participant.
pub(super) struct Stores {
    order: Order,
    ids: Vec<NodeId>,
    stores: Vec<Store>,
    limits: Limits,
    changes: u64,
}

impl Stores {
    /// Everybody knows of everybody, and nothing yet.
    pub(super) fn new(nodes: usize, order: Order) -> Self {
        let names: Vec<Arc<str>> = (0..nodes).map(|i| format!("node:{i}").into()).collect();
        let ids: Vec<NodeId> = names.iter().map(|name| NodeId::of(name)).collect();
        let store = || {
            let mut store = Store::new();
            let known = ids.iter().zip(&names);
            known.for_each(|(id, name)| store.insert(*id, name.clone(), 1));
            store
        };
        Stores {
            order,
            stores: (0..nodes).map(|_| store()).collect(),
            ids,
            limits: Limits::default(),
            changes: 0,
        }
    }

    fn version(&self, node: usize, owner: usize) -> u32 {
        let owner = self.stores[node].get(self.ids[owner]);
        owner.map_or(0, |owner| owner.version() as u32)
    }
}

impl Population for Stores {
    fn change(&mut self, node: usize, key: usize) {
        self.changes += 1;
        let value = Arc::from(self.changes.to_le_bytes());
        self.stores[node].write(0, self.ids[node], &key.to_string(), Some(value));
    }

    fn tell(
        &mut self,
        _history: &History,
        rng: &mut Xoshiro256PlusPlus,
        from: usize,
        to: usize,
        room: Option<usize>,
    ) -> bool {
        let (ours, theirs) = (&self.stores[from], &self.stores[to]);
        let source = |id: &NodeId| ours.source(*id, theirs.digest(*id).as_ref());
        let mut sources: Vec<_> = self.ids.iter().filter_map(source).collect();
        sources.shuffle(rng);
        self.order.arrange(&mut sources, |s| s.entries.len());
        let pending: Vec<usize> = sources.iter().map(|s| s.parts()).collect();
        let all: usize = pending.iter().sum();
        let taken = self.order.plan(&pending, room.unwrap_or(all), |_, _| 1);
        let deltas: Vec<Delta> = sources
            .iter()
            .zip(&taken)
            .filter(|(_, n)| **n > 0)
            .map(|(source, n)| delta(source, *n))
            .collect();
        for delta in &deltas {
            let taken = self.stores[to].apply(0, delta, &self.limits);
            debug_assert!(taken.is_ok(), "{taken:?}");
        }
        taken.iter().sum::<usize>() < all
    }

    fn missing(&self, history: &History, node: usize) -> (usize, Option<f64>) {
        let (mut count, mut first) = (0, None::<f64>);
        for owner in 0..self.ids.len() {
            let known = self.version(node, owner);
            if known >= history.last(owner) {
                continue;
            }
            let own = self.stores[owner].get(self.ids[owner]);
            count += own.map_or(0, |own| own.since(known.into()).count());
            let time = history.time(owner, known + 1);
            first = Some(first.map_or(time, |first| first.min(time)));
        }
        (count, first)
    }
}

/// The first `parts`, as they are read out of a message.
fn delta(source: &DeltaSource<'_>, parts: usize) -> Delta {
    let (entries, upto) = source.first(parts);
    Delta {
        id: source.id,
        generation: source.generation,
        from: source.from,
        name: (source.from == 0).then(|| source.name.to_owned()),
        horizon: source.horizon,
        entries: entries.iter().map(|&entry| entry.clone()).collect(),
        upto,
    }
}
