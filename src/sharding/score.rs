//! How much a member wants a shard, the same number on every machine.
//!
//! Weighted rendezvous: of the members' costs `-log2(u) / weight`, with `u`
//! uniform in (0, 1) for each pair of member and shard, the lowest wins. That
//! is the member with probability `weight / sum of weights`, and another
//! member's cost never depends on who else is there.
//!
//! Logarithms of floating point differ between platforms in the last digit,
//! and one digit would be two owners. So everything here is integers:
//!
//! - `u` is output `shard + 1` of SplitMix64 seeded with the member's id;
//! - the logarithm is a table of 1,024 steps with straight lines between them,
//!   at most 0.05 % off, which is so much more or less weight, for everybody
//!   alike;
//! - the division by the weight is a multiplication with a rounded reciprocal.

use super::hash::Shard;
use crate::wire::NodeId;

/// A share of the shards relative to other members: 0.01 to 100, in steps of
/// a thousandth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(u32);

impl Weight {
    /// Weight 1.
    pub const ONE: Weight = Weight(1_000);
    /// The least, 0.01.
    pub const LEAST: Weight = Weight(10);
    /// The most, 100.
    pub const MOST: Weight = Weight(100_000);

    /// The nearest weight; what is no number is 1.
    pub fn new(weight: f64) -> Self {
        match weight.is_nan() {
            true => Weight::ONE,
            false => Weight::from_thousandths((weight * 1_000.0).round() as u64),
        }
    }

    /// So many thousandths, or the nearest that is allowed.
    pub fn from_thousandths(thousandths: u64) -> Self {
        let (least, most) = (Self::LEAST.0.into(), Self::MOST.0.into());
        Weight(thousandths.clamp(least, most) as u32)
    }

    /// In thousandths, 10 to 100,000.
    pub fn thousandths(self) -> u32 {
        self.0
    }
}

impl Default for Weight {
    fn default() -> Self {
        Weight::ONE
    }
}

/// What a member brings into the competition for a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bidder {
    pub id: NodeId,
    /// 2^40 / weight in thousandths.
    reciprocal: u64,
    /// That, times a little less than 1 / ln 2.
    slope: u64,
}

impl Bidder {
    pub fn new(id: NodeId, weight: Weight) -> Self {
        let reciprocal = (1 << 40) / u64::from(weight.0);
        Bidder {
            id,
            reciprocal,
            slope: reciprocal * 369 / 256,
        }
    }

    /// The lowest cost wins the shard, of equal ones the lowest id.
    #[inline]
    pub fn cost(&self, shard: Shard) -> u64 {
        self.cost_at(uniform(self.id, shard))
    }

    /// The cost, unless it is surely above `most`. Mostly it is: this finds out
    /// in a fifth of the time.
    #[inline]
    pub fn cost_up_to(&self, most: u64, shard: Shard) -> Option<u64> {
        let u = uniform(self.id, shard);
        (self.cost_at_least(u) <= most).then(|| self.cost_at(u))
    }

    #[inline]
    fn cost_at(&self, u: u64) -> u64 {
        let log = u128::from(minus_log2(u));
        // 54 bits by 37 bits: the result has at most 59.
        ((log * u128::from(self.reciprocal)) >> 32) as u64
    }

    /// `-log2(x)` is at least `(1 - x) / ln 2`, and the table's is never below
    /// the exact one. 24 bits of it by 38 bits.
    #[inline]
    fn cost_at_least(&self, u: u64) -> u64 {
        ((!u >> 40) * self.slope) >> 8
    }
}

/// SplitMix64, seeded with the id, at step `shard + 1`.
#[inline]
fn uniform(id: NodeId, shard: Shard) -> u64 {
    let step = u64::from(shard) + 1;
    let mut z = id.0.wrapping_add(step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Fractional bits of a logarithm.
const BITS: u32 = 48;
/// Bits of a number that choose its step in the table.
const STEP: u32 = 10;
/// Bits behind those that choose the place between two steps. Differences of
/// steps have 39 bits, so that the product stays below 2^63.
const BETWEEN: u32 = 24;

/// `log2(1 + i / 1024)` with [`BITS`] fractional bits.
static LOG2: [u64; (1 << STEP) + 1] = table();

const fn table() -> [u64; (1 << STEP) + 1] {
    let mut table = [0; (1 << STEP) + 1];
    let mut i = 0;
    while i < 1 << STEP {
        // In [1, 2), with 63 fractional bits. Squared, the logarithm doubles:
        // its next bit is whether the square has reached 2.
        let mut x: u128 = ((1 << STEP) + i as u128) << (63 - STEP);
        let mut bit = 0;
        while bit < BITS {
            x = (x * x) >> 63;
            table[i] <<= 1;
            if x >= 1 << 64 {
                table[i] |= 1;
                x >>= 1;
            }
            bit += 1;
        }
        i += 1;
    }
    table[1 << STEP] = 1 << BITS;
    table
}

/// `-log2(u / 2^64)` with [`BITS`] fractional bits, for u = 0 as for u = 1:
/// between 1 and 2^54. Never rises with `u`.
#[inline]
fn minus_log2(u: u64) -> u64 {
    let u = u | 1;
    let zeros = u.leading_zeros();
    // What is behind the first one.
    let rest = u << zeros << 1;
    let i = (rest >> (64 - STEP)) as usize;
    let between = rest << STEP >> (64 - BETWEEN);
    let rise = ((LOG2[i + 1] - LOG2[i]) * between) >> BETWEEN;
    (u64::from(zeros + 1) << BITS) - LOG2[i] - rise
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_logarithm_is_right_to_half_a_thousandth(u in 1u64.., shift in 0u32..63) {
            let u = u >> shift | 1;
            let exact = 64.0 - (u as f64).log2();
            let ours = minus_log2(u) as f64 / (1u64 << BITS) as f64;
            prop_assert!((ours - exact).abs() <= exact * 5e-4 + 1e-9, "{u}: {ours} for {exact}");
        }

        #[test]
        fn the_lower_bound_of_a_cost_is_one(u: u64, shift in 0u32..63, weight in 10u64..100_000) {
            let bidder = Bidder::new(NodeId(0), Weight::from_thousandths(weight));
            for u in [u, u >> shift, !(u >> shift)] {
                prop_assert!(bidder.cost_at_least(u) <= bidder.cost_at(u), "{u}");
            }
        }

        #[test]
        fn more_is_never_dearer(a: u64, b: u64) {
            let (a, b) = (a.min(b), a.max(b));
            prop_assert!(minus_log2(a) >= minus_log2(b));
        }
    }

    #[test]
    fn the_ends_are_in_range() {
        assert_eq!(minus_log2(0), 64 << BITS);
        assert_eq!(minus_log2(1 << 63), 1 << BITS);
        assert!((1..1 << 15).contains(&minus_log2(u64::MAX)));
        let dear = Bidder::new(NodeId(0), Weight::LEAST);
        assert_eq!(dear.reciprocal, 109_951_162_777);
        assert!(((64u128 << BITS) * u128::from(dear.reciprocal)) >> 32 < 1 << 60);
    }

    #[test]
    fn a_weight_is_the_nearest_that_is_allowed() {
        assert_eq!(Weight::new(1.0), Weight::ONE);
        assert_eq!(Weight::new(0.3333).thousandths(), 333);
        assert_eq!(Weight::new(-1.0), Weight::LEAST);
        assert_eq!(Weight::new(f64::INFINITY), Weight::MOST);
        assert_eq!(Weight::new(f64::NAN), Weight::ONE);
    }
}
