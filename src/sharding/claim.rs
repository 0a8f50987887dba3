//! What a node publishes about a sharded pin: whether it takes part, what it
//! holds, and to whom it gave what it holds no more.
//!
//! ```text
//! flags     u8        1: ready, it takes shards
//! shards    varint    1 to 65,536
//! key       text      name or path of the key, at most 255 bytes
//! weight    varint    in thousandths, 10 to 100,000
//! epoch     varint    the highest that the node has seen or used
//! held      set       see `set`
//! grants    varint    how many groups follow
//!   number  varint    at most the epoch
//!   to      u64       id of the receiver, 0: nobody was there to take it
//!   shards  set       not empty
//! ```
//!
//! A shard is in one of the sets at most. Other flags, and bytes behind the
//! end, belong to later versions and are skipped.

use super::handover::Division;
use super::hash::{Shard, ShardCount};
use super::score::Weight;
use super::set;
use crate::wire::{NodeId, Reader, WireError, Writer};

const READY: u8 = 1;

/// The longest encoded claim in bytes, half of what the state takes for a
/// value. All 65,536 shards are a fourth of it.
pub const MAX_CLAIM: usize = 32 * 1024;

/// The longest name or path of a key in bytes.
pub const MAX_KEY_PATH: usize = 255;

/// A node's word about a sharded pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// It takes shards; a node that starts or leaves does not.
    pub ready: bool,
    /// Into how many shards it divides the keys.
    pub shards: ShardCount,
    /// Name or path of the key.
    pub key: String,
    /// Its share of the shards.
    pub weight: Weight,
    /// The highest epoch that it has seen or used.
    pub epoch: u64,
    /// What it has the right to execute, ascending.
    pub held: Vec<Shard>,
    /// What it gave away not long ago, oldest first.
    pub grants: Vec<Grant>,
}

/// Shards that were given to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Above every epoch that the giver had seen: of two grants of a shard the
    /// higher is the later one.
    pub number: u64,
    /// To whom; [`Grant::NOBODY`]: whoever takes it.
    pub to: NodeId,
    /// What, ascending.
    pub shards: Vec<Shard>,
}

impl Grant {
    /// The receiver of shards that no node was there to take.
    pub const NOBODY: NodeId = NodeId(0);
}

impl Claim {
    /// The published value, at most [`MAX_CLAIM`] bytes. Of more grants than
    /// have room the oldest are left out: who waits for those waits for the
    /// bound instead.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new(MAX_CLAIM);
        w.u8(if self.ready { READY } else { 0 });
        w.varint(self.shards.get() as u64);
        w.text(&self.key);
        w.varint(self.weight.thousandths().into());
        w.varint(self.epoch);
        set::write(&mut w, &self.held);
        // The number of groups takes three bytes at most.
        let mut groups = Writer::new(w.room().saturating_sub(3));
        let mut ends = Vec::new();
        for grant in self.grants.iter().rev() {
            groups.varint(grant.number);
            groups.u64(grant.to.0);
            set::write(&mut groups, &grant.shards);
            if !groups.fits() {
                break;
            }
            ends.push(groups.mark());
        }
        groups.back(ends.last().copied().unwrap_or_default());
        w.varint(ends.len() as u64);
        w.bytes(&groups.finish());
        w.finish()
    }

    /// Reads a published value.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        if bytes.len() > MAX_CLAIM {
            return Err(WireError::Oversized);
        }
        let mut r = Reader::new(bytes);
        let ready = r.u8()? & READY != 0;
        let shards = ShardCount::new(r.varint()?).map_err(|_| WireError::Number)?;
        let key = r.text(MAX_KEY_PATH)?.to_owned();
        let thousandths = r.varint()?;
        let weight = Weight::from_thousandths(thousandths);
        if u64::from(weight.thousandths()) != thousandths {
            return Err(WireError::Number);
        }
        let epoch = r.varint()?;
        let held = set::read(&mut r, shards, shards.get())?;
        let mut room = shards.get() - held.len();
        let mut grants = Vec::new();
        for _ in 0..r.varint()? {
            let number = r.varint()?;
            let to = NodeId(r.u64()?);
            let shards = set::read(&mut r, shards, room)?;
            room -= shards.len();
            if number > epoch || shards.is_empty() {
                return Err(WireError::Number);
            }
            grants.push(Grant { number, to, shards });
        }
        grants.reverse();
        let claim = Claim {
            ready,
            shards,
            key,
            weight,
            epoch,
            held,
            grants,
        };
        claim
            .is_disjoint()
            .then_some(claim)
            .ok_or(WireError::Number)
    }

    /// How the node divides the pin.
    pub fn division(&self) -> Division {
        Division {
            shards: self.shards,
            key: self.key.clone(),
        }
    }

    /// The shard, the number and the receiver of all grants.
    pub fn granted(&self) -> impl Iterator<Item = (Shard, u64, NodeId)> {
        self.grants.iter().flat_map(|grant| {
            let shards = grant.shards.iter();
            shards.map(|&shard| (shard, grant.number, grant.to))
        })
    }

    /// Is a shard in its set of held ones?
    pub fn holds(&self, shard: Shard) -> bool {
        self.held.binary_search(&shard).is_ok()
    }

    fn is_disjoint(&self) -> bool {
        let mut seen = vec![false; self.shards.get()];
        let granted = self.granted().map(|(shard, _, _)| shard);
        let mut all = self.held.iter().copied().chain(granted);
        all.all(|shard| !std::mem::replace(&mut seen[usize::from(shard)], true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn claim(held: Vec<Shard>, grants: Vec<Grant>) -> Claim {
        Claim {
            ready: true,
            shards: ShardCount::DEFAULT,
            key: "id".to_owned(),
            weight: Weight::ONE,
            epoch: 1_000,
            held,
            grants,
        }
    }

    proptest! {
        #[test]
        fn a_claim_comes_back(
            owners in prop::collection::vec(0u64..6, 1..400), ready: bool, weight in 10u64..100_000,
            epoch in 10u64..1 << 53, key in "[a-z]{1,9}([.][a-z]{1,9}){0,3}",
        ) {
            let of = |owner: u64| {
                let shards = (0..).zip(&owners).filter(move |&(_, &o)| o == owner);
                shards.map(|(shard, _)| shard).collect::<Vec<_>>()
            };
            let grant = |n: u64| Grant { number: n, to: NodeId(n << 60), shards: of(n) };
            let claim = Claim {
                ready,
                shards: ShardCount::new(owners.len() as u64).expect("a count"),
                key,
                weight: Weight::from_thousandths(weight),
                epoch,
                held: of(0),
                grants: (1..5).map(grant).filter(|grant| !grant.shards.is_empty()).collect(),
            };
            prop_assert_eq!(Claim::decode(&claim.encode()), Ok(claim));
        }

        #[test]
        fn any_bytes_are_a_claim_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(claim) = Claim::decode(&bytes) {
                prop_assert_eq!(Claim::decode(&claim.encode()), Ok(claim));
            }
        }
    }

    #[test]
    fn the_bytes_are_as_documented() {
        let grant = Grant {
            number: 999,
            to: NodeId(0x0807_0605_0403_0201),
            shards: vec![0],
        };
        let bytes = [
            &[1][..],                             // ready
            &[0x80, 0x80, 1],                     // 16,384 shards
            &[2, b'i', b'd'],                     // by 'id'
            &[0xe8, 7],                           // weight 1
            &[0xe8, 7],                           // epoch 1,000
            &[3, 3, 0b0000_0100, 0b0001_1111, 0], // held: 3 of k = 3, gaps 2, 0 and 40
            &[1],                                 // one group
            &[0xe7, 7],                           // number 999
            &[1, 2, 3, 4, 5, 6, 7, 8],            // to
            &[1, 0, 0],                           // 1 of k = 0, gap 0
        ]
        .concat();
        let claim = claim(vec![2, 3, 44], vec![grant]);
        assert_eq!(claim.encode(), bytes);
        assert_eq!(Claim::decode(&bytes), Ok(claim));
    }

    #[test]
    fn what_a_later_version_adds_is_skipped() {
        let claim = claim(vec![1, 2], Vec::new());
        let mut bytes = claim.encode();
        bytes[0] |= 0x80;
        bytes.extend_from_slice(b"more");
        assert_eq!(Claim::decode(&bytes), Ok(claim));
    }

    #[test]
    fn a_shard_in_two_sets_or_a_number_above_the_epoch_is_refused() {
        let grant = |number, shards| Grant {
            number,
            to: NodeId(7),
            shards,
        };
        let refused = Err(WireError::Number);
        let twice = claim(vec![1, 2], vec![grant(1, vec![2])]);
        assert_eq!(Claim::decode(&twice.encode()), refused);
        let both = claim(vec![], vec![grant(1, vec![2]), grant(2, vec![2])]);
        assert_eq!(Claim::decode(&both.encode()), refused);
        let above = claim(vec![], vec![grant(1_001, vec![2])]);
        assert_eq!(Claim::decode(&above.encode()), refused);
        assert_eq!(Claim::decode(&[]), Err(WireError::Truncated));
        assert_eq!(
            Claim::decode(&vec![0; MAX_CLAIM + 1]),
            Err(WireError::Oversized)
        );
    }

    #[test]
    fn whatever_is_granted_the_value_stays_in_its_bounds_and_the_oldest_give_way() {
        // The worst: each shard to somebody else.
        let shards = ShardCount::new(ShardCount::MAX).expect("the most");
        let grant = |shard: Shard| Grant {
            number: shard.into(),
            to: NodeId(u64::MAX),
            shards: vec![shard],
        };
        let mut claim = claim((0..30_000).collect(), (30_000..60_000).map(grant).collect());
        claim.shards = shards;
        claim.epoch = 1 << 53;
        let bytes = claim.encode();
        assert!(bytes.len() <= MAX_CLAIM);
        let read = Claim::decode(&bytes).expect("a claim");
        assert_eq!(read.held, claim.held);
        assert!(read.grants.len() > 1_000);
        assert_eq!(
            read.grants,
            claim.grants[claim.grants.len() - read.grants.len()..]
        );
    }
}
