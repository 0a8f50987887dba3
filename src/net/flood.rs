//! Is the gossip socket flooded by what is refused?
//!
//! To be woken up for a datagram costs more than to refuse it. So under a flood
//! nobody is: the socket is looked at from time to time, until nothing comes.

use std::time::Duration;

use crate::routing::Micros;

/// Time between two looks, and what members send comes later by at most. Linux
/// keeps some 180 full datagrams for a socket unless it is told otherwise.
pub const REST: Duration = Duration::from_millis(1);
/// So many refused datagrams ...
const MANY: usize = 16;
/// ... within this time are a flood: 1,000 a second.
const WITHIN: Micros = 16_000;

/// What was refused lately.
#[derive(Debug, Default)]
pub struct Flood {
    since: Micros,
    refused: usize,
}

impl Flood {
    /// So many were refused just now; is it a flood?
    pub fn refused(&mut self, now: Micros, count: usize) -> bool {
        self.refused += count;
        if self.refused < MANY {
            return false;
        }
        let flood = now < self.since + WITHIN;
        (self.since, self.refused) = (now, 0);
        flood
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One every `apart`: after how many is it a flood?
    fn flooded(apart: Micros) -> Option<u64> {
        let mut flood = Flood::default();
        (1..1_000).find(|n| flood.refused(1_000_000 + n * apart, 1))
    }

    #[test]
    fn a_thousand_a_second_are_a_flood_and_less_is_not() {
        assert_eq!(flooded(100), Some(32), "16 of the first 32 are in time");
        assert_eq!(flooded(900), Some(32));
        assert_eq!(flooded(1_100), None);
        assert_eq!(flooded(100_000), None);
    }

    #[test]
    fn what_comes_at_once_counts_at_once() {
        let mut flood = Flood::default();
        assert!(!flood.refused(1_000_000, 64), "nobody knows since when");
        assert!(flood.refused(1_001_000, 64));
        assert!(!flood.refused(2_000_000, 0));
    }
}
