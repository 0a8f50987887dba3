//! Samples of what was measured, under the names that the table knows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is measured. Times are milliseconds, sizes are bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum What {
    Join,
    Bytes,
    Datagrams,
    Longest,
    Streams,
    Strangers,
    Cpu,
    Resident,
    Heap,
    PerMember,
    Key,
    KeyRounds,
    CrashFirst,
    CrashMedian,
    CrashLast,
    SilentFirst,
    SilentMedian,
    SilentLast,
    Deaf,
}

/// Samples of one thing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Samples {
    pub values: Vec<f64>,
    /// Bounds (ms) within which it did not happen.
    pub missed: Vec<f64>,
}

/// All samples of a process, or of several of the same kind.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Series(pub BTreeMap<What, Samples>);

impl Series {
    pub fn add(&mut self, what: What, value: f64) {
        self.0.entry(what).or_default().values.push(value);
    }

    /// It did not happen within so many ms.
    pub fn miss(&mut self, what: What, bound: f64) {
        self.0.entry(what).or_default().missed.push(bound);
    }

    pub fn extend(&mut self, other: Series) {
        for (what, samples) in other.0 {
            let mine = self.0.entry(what).or_default();
            mine.values.extend(samples.values);
            mine.missed.extend(samples.missed);
        }
    }
}

/// How many samples become one figure.
#[derive(Debug, Clone, Copy)]
pub enum Figure {
    Mean,
    Median,
    P99,
    Max,
}

impl Figure {
    /// `None` of no samples.
    pub fn of(self, values: &[f64]) -> Option<f64> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        // By nearest rank: of less than a hundred the 99th percentile is the largest.
        let rank = |share: f64| (sorted.len() as f64 * share).ceil().max(1.0) as usize - 1;
        match self {
            Figure::Mean if sorted.is_empty() => None,
            Figure::Mean => Some(sorted.iter().sum::<f64>() / sorted.len() as f64),
            Figure::Median => sorted.get(rank(0.5)).copied(),
            Figure::P99 => sorted.get(rank(0.99)).copied(),
            Figure::Max => sorted.last().copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_nearest_rank() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(Figure::Mean.of(&values), Some(100.5));
        assert_eq!(Figure::Median.of(&values), Some(100.0));
        assert_eq!(Figure::P99.of(&values), Some(198.0));
        assert_eq!(Figure::Max.of(&values), Some(200.0));
        assert_eq!(Figure::P99.of(&[7.0]), Some(7.0));
        for figure in [Figure::Mean, Figure::Median, Figure::P99, Figure::Max] {
            assert_eq!(figure.of(&[]), None);
        }
    }
}
