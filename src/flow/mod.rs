//! Flow control (van Renesse et al. 2008, section 4): how fast a node may
//! change its state, so that gossip can carry all changes of all nodes.
//!
//! Each node has a rate `tau` that it must not exceed, and wants to change at a
//! rate `rho`. Two nodes that gossip divide the sum of their `tau` between them
//! ([`share`]), so that who wants more gets what others leave; and each adapts
//! its own to what messages have room for ([`Flow`]): additive increase,
//! multiplicative decrease.
//!
//! - `pace`: a rate as a bucket of tokens, and how much is wanted;
//! - `held`: the changes that wait for their turn, at most one for each key.
//!
//! The unit of a rate is the caller's: the engine counts bytes a second, the
//! reproduction of the paper's figure 3 counts updates a second.

mod held;
mod pace;

pub use held::{Growth, Held};
pub use pace::{Demand, Pace};

/// Constants of the adaptation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Factor of the decrease.
    pub alpha: f64,
    /// Step of the increase.
    pub beta: f64,
    /// After so many exchanges in a row that overflowed, `tau` falls (phi 1).
    pub overflows: u32,
    /// After so many exchanges in a row with room, `tau` rises (phi 2).
    pub roomy: u32,
    /// `tau` at the start.
    pub start: f64,
    /// `tau` is never below this.
    pub least: f64,
    /// Nor above this.
    pub most: f64,
}

impl Rules {
    /// The engine's, in bytes a second. Factor and patience are the paper's;
    /// what a cluster can carry is found within seconds from either side.
    pub const BYTES: Rules = Rules {
        alpha: 0.75,
        beta: 128.0,
        overflows: 2,
        roomy: 5,
        start: 4.0 * 1024.0,
        least: 64.0,
        most: 1024.0 * 1024.0,
    };
}

/// The rate that one node may use, adapted to what its exchanges show.
#[derive(Debug, Clone)]
pub struct Flow {
    rules: Rules,
    tau: f64,
    overflows: u32,
    roomy: u32,
}

impl Flow {
    /// A node that has not gossiped yet.
    pub fn new(rules: Rules) -> Self {
        Flow {
            rules,
            tau: rules.start,
            overflows: 0,
            roomy: 0,
        }
    }

    /// The most that this node may change a second.
    pub fn tau(&self) -> f64 {
        self.tau
    }

    /// An exchange that this node opened is over. `overflowed`: there was more
    /// to say than its messages held. `wanting`: the node would change faster
    /// if it might; a rate that nobody uses proves nothing, and only comes back
    /// to where it started.
    pub fn exchanged(&mut self, overflowed: bool, wanting: bool) {
        if overflowed {
            self.roomy = 0;
            self.overflows += 1;
            if self.overflows >= self.rules.overflows {
                self.overflows = 0;
                self.set(self.tau * self.rules.alpha);
            }
        } else {
            self.overflows = 0;
            self.roomy += 1;
            if self.roomy >= self.rules.roomy {
                self.roomy = 0;
                if wanting || self.tau < self.rules.start {
                    self.set(self.tau + self.rules.beta);
                }
            }
        }
    }

    /// Another node wants to change at `rho` and may at `tau`; what this node,
    /// which wants `own_rho`, gives up for it. The other adds it to its own
    /// ([`Flow::receive`]): whoever gives lowers his rate first, so that a
    /// message that gets lost destroys a part of the sum but never adds to it.
    pub fn give(&mut self, own_rho: f64, rho: f64, tau: f64) -> f64 {
        let (theirs, _) = share((rho, tau), (own_rho, self.tau));
        let gift = (theirs - tau).min(self.tau - self.rules.least).max(0.0);
        self.tau -= gift;
        gift
    }

    /// What another node gave up for this one.
    pub fn receive(&mut self, gift: f64) {
        self.set(self.tau + gift);
    }

    /// The agreed half of a [`share`].
    pub fn set(&mut self, tau: f64) {
        self.tau = tau.clamp(self.rules.least, self.rules.most);
    }
}

/// Divides what two nodes may change between them. Each comes as `(rho, tau)`;
/// the sum of both `tau` stays the same (the paper, section 4).
///
/// If both can have what they want, what is left is halved. Otherwise the one
/// who wants less than half of the sum gets what it wants and the other the
/// rest; if neither does, each gets half.
pub fn share((rho_p, tau_p): (f64, f64), (rho_q, tau_q): (f64, f64)) -> (f64, f64) {
    let sum = tau_p + tau_q;
    let half = sum / 2.0;
    let p = if rho_p + rho_q <= sum {
        rho_p + (sum - rho_p - rho_q) / 2.0
    } else if rho_p < half {
        rho_p
    } else if rho_q < half {
        sum - rho_q
    } else {
        half
    };
    (p, sum - p)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAPER: Rules = Rules {
        alpha: 0.75,
        beta: 0.2,
        overflows: 2,
        roomy: 5,
        start: 1.0,
        least: 0.01,
        most: 1_000.0,
    };

    #[test]
    fn who_wants_less_gets_it_and_the_other_the_rest() {
        assert_eq!(share((1.0, 5.0), (9.0, 1.0)), (1.0, 5.0));
        assert_eq!(share((9.0, 1.0), (1.0, 5.0)), (5.0, 1.0));
        assert_eq!(share((9.0, 1.0), (9.0, 5.0)), (3.0, 3.0));
        assert_eq!(share((1.0, 6.0), (2.0, 3.0)), (4.0, 5.0));
    }

    #[test]
    fn overflow_lowers_the_rate_and_room_raises_it() {
        let mut flow = Flow::new(PAPER);
        flow.exchanged(true, true);
        flow.exchanged(false, true);
        flow.exchanged(true, true);
        assert_eq!(flow.tau(), 1.0, "one overflow between roomy ones is chance");
        flow.exchanged(true, true);
        assert_eq!(flow.tau(), 0.75);
        for _ in 0..5 {
            flow.exchanged(false, true);
        }
        assert_eq!(flow.tau(), 0.95);
        for _ in 0..50 {
            flow.exchanged(false, false);
        }
        let unused = flow.tau();
        assert!(
            (1.0..1.2).contains(&unused),
            "it is back and no more: {unused}"
        );
        for _ in 0..1_000 {
            flow.exchanged(true, true);
        }
        assert_eq!(flow.tau(), PAPER.least);
    }

    proptest! {
        #[test]
        fn the_sum_is_kept_and_nobody_gets_less_than_his_wish_or_half(
            rho_p in 0.0..100.0, tau_p in 0.0..100.0, rho_q in 0.0..100.0, tau_q in 0.0..100.0,
        ) {
            let (p, q) = share((rho_p, tau_p), (rho_q, tau_q));
            let sum: f64 = tau_p + tau_q;
            prop_assert!((p + q - sum).abs() < 1e-9);
            let near = 1e-9;
            prop_assert!(p >= f64::min(rho_p, sum / 2.0) - near && q >= f64::min(rho_q, sum / 2.0) - near);
            let (q2, p2) = share((rho_q, tau_q), (rho_p, tau_p));
            prop_assert!((p - p2).abs() < near && (q - q2).abs() < near, "the order does not matter");
        }

        #[test]
        fn what_is_given_is_what_is_received_and_a_lost_gift_adds_nothing(
            own in 0.0..100.0, rho in 0.0..1e9, tau in 0.0..1e9, start in 0.01..1000.0,
        ) {
            let mut giver = Flow::new(Rules { start, ..PAPER });
            let gift = giver.give(own, rho, tau);
            prop_assert!(gift >= 0.0 && giver.tau() >= PAPER.least);
            prop_assert!((giver.tau() + gift - start).abs() < 1e-9);
        }
    }
}
