//! Precise reconciliation: exactly the mappings that the other has older, by
//! the time of the change (the paper, section 2).

use rand::rngs::Xoshiro256PlusPlus;

use super::Population;
use super::history::History;

/// What each participant knows: the version of each mapping.
pub(super) struct Tables {
    keys: usize,
    newest: bool,
    known: Vec<Vec<u32>>,
    last: Vec<u32>,
}

impl Tables {
    pub(super) fn new(nodes: usize, keys: usize, newest: bool) -> Self {
        Tables {
            keys,
            newest,
            known: vec![vec![0; nodes * keys]; nodes],
            last: vec![0; nodes],
        }
    }
}

impl Population for Tables {
    fn change(&mut self, node: usize, key: usize) {
        self.last[node] += 1;
        self.known[node][node * self.keys + key] = self.last[node];
    }

    fn tell(
        &mut self,
        history: &History,
        _rng: &mut Xoshiro256PlusPlus,
        from: usize,
        to: usize,
        room: Option<usize>,
    ) -> bool {
        let (ours, theirs) = (&self.known[from], &self.known[to]);
        let newer = (0..ours.len()).filter(|&mapping| ours[mapping] > theirs[mapping]);
        let mut newer: Vec<(f64, usize)> = newer
            .map(|mapping| (history.time(mapping / self.keys, ours[mapping]), mapping))
            .collect();
        let all = newer.len();
        newer.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        if self.newest {
            newer.reverse();
        }
        newer.truncate(room.unwrap_or(all));
        for &(_, mapping) in &newer {
            self.known[to][mapping] = self.known[from][mapping];
        }
        newer.len() < all
    }

    fn missing(&self, history: &History, node: usize) -> (usize, Option<f64>) {
        let known = self.known[node].iter().enumerate();
        let mut first: Option<f64> = None;
        let mut count = 0;
        for (mapping, &version) in known {
            if let Some(next) = history.next(mapping, version) {
                count += 1;
                let time = history.time(mapping / self.keys, next);
                first = Some(first.map_or(time, |first| first.min(time)));
            }
        }
        (count, first)
    }
}
