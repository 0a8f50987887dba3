//! Sets of shards as bytes: the gaps between them, Rice coded.
//!
//! The shards of one of N nodes are `16,384 / N` at random places, which takes
//! `log2(N) + 1.5` bits each and cannot take less: 2 kB for the half of all
//! shards, 1 kB for a tenth, 170 bytes for a hundredth.
//!
//! ```text
//! n       varint   how many, at most the number of shards
//! k       u8       0 to 15; only if n > 0
//! bits             for each shard, ascending: what lies between it and the one
//!                  before (or 0), as `gap >> k` ones, a zero, and the low k bits
//!                  of the gap, lowest first
//! ```
//!
//! Bits fill each byte from the lowest; the last byte is filled with zeros.

use super::hash::{Shard, ShardCount};
use crate::wire::{Reader, WireError, Writer};

/// The largest `k` that is read.
const MAX_K: u8 = 15;

/// Writes a set; `shards` ascend.
pub(super) fn write(w: &mut Writer, shards: &[Shard]) {
    w.varint(shards.len() as u64);
    if shards.is_empty() {
        return;
    }
    let k = best_k(shards);
    w.u8(k);
    let mut bits = BitWriter::default();
    for gap in gaps(shards) {
        for _ in 0..gap >> k {
            bits.push(w, true);
        }
        bits.push(w, false);
        for bit in 0..k {
            bits.push(w, gap >> bit & 1 == 1);
        }
    }
    bits.finish(w);
}

/// Reads a set of at most `most` of the shards that there are.
pub(super) fn read(
    r: &mut Reader<'_>,
    shards: ShardCount,
    most: usize,
) -> Result<Vec<Shard>, WireError> {
    let n = r.varint()? as usize;
    if n > most {
        return Err(WireError::Number);
    }
    let mut set = Vec::new();
    if n == 0 {
        return Ok(set);
    }
    let k = r.u8()?;
    if k > MAX_K {
        return Err(WireError::Number);
    }
    let mut bits = BitReader::default();
    let mut next = 0;
    for _ in 0..n {
        let mut shard = next;
        while bits.pull(r)? {
            shard += 1 << k;
            if shard >= shards.get() {
                return Err(WireError::Number);
            }
        }
        for bit in 0..k {
            shard += usize::from(bits.pull(r)?) << bit;
        }
        if shard >= shards.get() {
            return Err(WireError::Number);
        }
        set.push(shard as Shard);
        next = shard + 1;
    }
    bits.finish()?;
    Ok(set)
}

fn gaps(shards: &[Shard]) -> impl Iterator<Item = u32> {
    let mut next = 0;
    shards.iter().map(move |&shard| {
        let gap = u32::from(shard) - next;
        next = u32::from(shard) + 1;
        gap
    })
}

/// The `k` that takes the fewest bits.
fn best_k(shards: &[Shard]) -> u8 {
    let bits = |k: &u8| {
        let ones: u64 = gaps(shards).map(|gap| u64::from(gap >> k)).sum();
        ones + shards.len() as u64 * u64::from(k + 1)
    };
    (0..=MAX_K).min_by_key(bits).unwrap_or_default()
}

#[derive(Default)]
struct BitWriter {
    byte: u8,
    used: u8,
}

impl BitWriter {
    fn push(&mut self, w: &mut Writer, bit: bool) {
        self.byte |= u8::from(bit) << self.used;
        self.used += 1;
        if self.used == 8 {
            w.u8(std::mem::take(&mut self.byte));
            self.used = 0;
        }
    }

    fn finish(self, w: &mut Writer) {
        if self.used > 0 {
            w.u8(self.byte);
        }
    }
}

#[derive(Default)]
struct BitReader {
    byte: u8,
    left: u8,
}

impl BitReader {
    fn pull(&mut self, r: &mut Reader<'_>) -> Result<bool, WireError> {
        if self.left == 0 {
            self.byte = r.u8()?;
            self.left = 8;
        }
        let bit = self.byte & 1 == 1;
        self.byte >>= 1;
        self.left -= 1;
        Ok(bit)
    }

    fn finish(self) -> Result<(), WireError> {
        match self.byte {
            0 => Ok(()),
            _ => Err(WireError::Flags),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(shards: &[Shard]) -> Vec<u8> {
        let mut w = Writer::new(usize::MAX >> 1);
        write(&mut w, shards);
        w.finish()
    }

    fn back(bytes: &[u8], shards: ShardCount) -> Result<Vec<Shard>, WireError> {
        let mut r = Reader::new(bytes);
        let set = read(&mut r, shards, shards.get())?;
        r.finish()?;
        Ok(set)
    }

    proptest! {
        #[test]
        fn a_set_comes_back(set in prop::collection::btree_set(any::<Shard>(), 0..3_000)) {
            let all = ShardCount::new(ShardCount::MAX).expect("the most");
            let set: Vec<_> = set.into_iter().collect();
            prop_assert_eq!(back(&written(&set), all), Ok(set));
        }

        #[test]
        fn no_set_takes_more_than_a_bit_for_each_shard(
            set in prop::collection::btree_set(0u16..1_000, 0..1_000),
        ) {
            let set: Vec<_> = set.into_iter().collect();
            prop_assert!(written(&set).len() <= 2 + 1 + 1_000 / 8);
        }
    }

    #[test]
    fn the_shards_of_one_of_many_are_small() {
        for (nodes, most) in [(1, 2_052), (3, 2_000), (10, 1_010), (100, 180), (1_000, 30)] {
            // Every shard with the probability of 1/N, by the hash of its number.
            let owned = |s: &Shard| crate::wire::text_hash(&s.to_string()).is_multiple_of(nodes);
            let set: Vec<_> = ShardCount::DEFAULT.shards().filter(owned).collect();
            let bytes = written(&set).len();
            assert!(bytes <= most, "{} of one in {nodes}: {bytes}", set.len());
        }
    }

    #[test]
    fn a_shard_that_is_not_there_is_refused() {
        let ten = ShardCount::new(10).expect("a count");
        assert_eq!(back(&written(&[9]), ten), Ok(vec![9]));
        assert_eq!(back(&written(&[10]), ten), Err(WireError::Number));
        assert_eq!(back(&[11, 0], ten), Err(WireError::Number));
        assert_eq!(back(&[1, 16, 0], ten), Err(WireError::Number));
        assert_eq!(back(&[1, 0, 0xff, 0xff], ten), Err(WireError::Number));
        assert_eq!(back(&[1, 0, 0x80], ten), Err(WireError::Flags));
        assert_eq!(back(&[1, 0, 0x7f], ten), Ok(vec![7]));
        assert_eq!(back(&[1, 0, 0xff], ten), Err(WireError::Truncated));
    }
}
