//! Every change that was made: what participants are measured against.

/// All changes of all participants. The version of a change is its number
/// among those of its owner, from 1 on.
pub(super) struct History {
    keys: usize,
    /// Of each owner: when each of its changes was made.
    times: Vec<Vec<f64>>,
    /// Of each mapping (owner and key): the versions of its changes.
    versions: Vec<Vec<u32>>,
}

impl History {
    pub(super) fn new(nodes: usize, keys: usize) -> Self {
        History {
            keys,
            times: vec![Vec::new(); nodes],
            versions: vec![Vec::new(); nodes * keys],
        }
    }

    pub(super) fn change(&mut self, owner: usize, key: usize, now: f64) {
        self.times[owner].push(now);
        let version = self.times[owner].len() as u32;
        self.versions[owner * self.keys + key].push(version);
    }

    /// When an owner made its change of this version.
    pub(super) fn time(&self, owner: usize, version: u32) -> f64 {
        self.times[owner][version as usize - 1]
    }

    /// The last version of an owner, 0 before the first.
    pub(super) fn last(&self, owner: usize) -> u32 {
        self.times[owner].len() as u32
    }

    /// The first change of a mapping after `known`: its version.
    pub(super) fn next(&self, mapping: usize, known: u32) -> Option<u32> {
        let versions = &self.versions[mapping];
        let next = versions.partition_point(|&version| version <= known);
        versions.get(next).copied()
    }
}
