//! Who still answers: phi accrual over the answers to our pings, the ring that
//! says who watches whom, and the verdicts of the observers.

mod phi;
mod ring;
mod verdict;
mod watch;

pub use phi::{Phi, Tuning, log10_tail};
pub use ring::Ring;
pub use verdict::{Evidence, Standing, Verdict, Verdicts};
pub use watch::{Timing, Watch};
