//! Does a connection still carry anything? As `lib/tcp/pulse.js`.
//!
//! A cut in the network, or much loss, leaves a connection open for minutes:
//! TCP tries again at ever longer intervals, also after the network has healed.
//! So who waits for replies and hears nothing asks, and the other side answers
//! before any action does. Where no answer comes, calls that may run twice are
//! made elsewhere, and the connection is given up as soon as nobody waits for
//! it any more.

use std::time::Duration;

use tokio::time::Instant;

/// What the other side answers.
pub(super) const PING: &[u8] = b"{\"kind\":\"ping\"}\n";

/// One look to the next.
const BEAT: Duration = Duration::from_secs(1);
/// Looks without a byte: after so many it is asked, and a look later it is stuck.
const ASK: u32 = 2;

/// What a look came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    Well,
    /// It is to be asked.
    Ask,
    /// It was asked, and has not answered.
    Stuck,
    /// The same, and nobody waits for it any more.
    Over,
}

/// Of one connection.
pub(super) struct Pulse {
    /// Looks without a byte, while replies were waited for.
    quiet: u32,
    /// None while nobody waits.
    next: Option<Instant>,
}

impl Pulse {
    pub fn new() -> Self {
        Pulse {
            quiet: 0,
            next: None,
        }
    }

    /// Something arrived.
    pub fn heard(&mut self) {
        self.quiet = 0;
    }

    /// When to look; `waits`: somebody waits for a reply.
    pub fn due(&mut self, waits: bool) -> Option<Instant> {
        if !waits && self.quiet == 0 {
            self.next = None;
            return None;
        }
        Some(*self.next.get_or_insert_with(|| Instant::now() + BEAT))
    }

    /// A look.
    pub fn look(&mut self, waits: bool) -> Look {
        self.next = None;
        if !waits {
            let stuck = std::mem::take(&mut self.quiet) > ASK;
            return if stuck { Look::Over } else { Look::Well };
        }
        self.quiet += 1;
        match self.quiet {
            quiet if quiet < ASK => Look::Well,
            ASK => Look::Ask,
            _ => Look::Stuck,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_looks_where_nobody_waits() {
        let mut pulse = Pulse::new();
        assert_eq!(pulse.due(false), None);
        let due = pulse.due(true).expect("somebody waits");
        assert_eq!(pulse.due(true), Some(due));
        assert_eq!(pulse.look(true), Look::Well);
        assert!(pulse.due(false).is_some(), "it is not over yet");
        assert_eq!(pulse.look(false), Look::Well);
        assert_eq!(pulse.due(false), None);
    }

    #[test]
    fn who_waits_and_hears_nothing_asks_once_and_then_gives_up() {
        let mut pulse = Pulse::new();
        assert_eq!(
            [(); 3].map(|()| pulse.look(false)),
            [(); 3].map(|()| Look::Well)
        );
        assert_eq!(pulse.look(true), Look::Well);
        pulse.heard();
        let looks = [(); 4].map(|()| pulse.look(true));
        assert_eq!(looks, [Look::Well, Look::Ask, Look::Stuck, Look::Stuck]);
        pulse.heard();
        assert_eq!(
            [pulse.look(true), pulse.look(true)],
            [Look::Well, Look::Ask]
        );
        assert_eq!(pulse.look(true), Look::Stuck);
        assert_eq!(pulse.look(false), Look::Over);
        assert_eq!(pulse.look(false), Look::Well);
    }
}
