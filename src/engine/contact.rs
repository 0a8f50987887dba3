//! Is it them, or is it us? A node that is cut off sees everybody fall silent,
//! one that did not run hears nobody meanwhile. Neither can tell from inside
//! whether the others are gone, so it judges them as ever; but it knows that it
//! may be itself, and says so before it declares the first of them dead.
//!
//! Anybody can put a member's name on a message: what is found out here is for
//! people to read, nothing is decided by it.

use super::{Engine, HOUSEKEEPING, Level, Millis, QUIET, seldom};
use crate::wire::NodeId;

/// Nothing is heard but what does not count on us: for how long, before we say
/// that what we send does not arrive. A healed partition looks the same while
/// the dead refute, which is a matter of two seconds or three.
const UNHEARD: Millis = 5_000;
/// Who spoke within this time is heard now.
const RECENT: Millis = 2_000;
/// Time in which we did not run, in sum, before it is worth a line.
const STARVED: Millis = 1_000;

/// In what way a node is cut off from its cluster, as far as it can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// It hears nobody: more than half of those whom it watches fell silent
    /// together, and there is no word of anybody else either.
    Deaf,
    /// It hears others, but they do not answer it: what it sends is lost.
    Mute,
}

/// What a node knows of its own contact to the others.
#[derive(Debug, Default)]
pub(super) struct Contact {
    isolated: Option<Isolation>,
    since: Millis,
    /// Since when nobody is heard but those who do not answer.
    unheard: Option<Millis>,
    logged: Option<Millis>,
    /// How often, and for how long in sum, we did not run; since the last line.
    late: (u32, Millis),
    late_logged: Option<Millis>,
}

impl Engine {
    /// Is this node cut off, as far as it can tell? Others that are all gone at
    /// once, without a trace, look the same from here.
    pub fn isolated(&self) -> Option<Isolation> {
        self.contact.isolated
    }

    /// A message in the name of `id` arrived.
    pub(super) fn heard(&mut self, now: Millis, id: NodeId) {
        if let Some(peer) = self.members.get_mut(id) {
            peer.spoke = Some(now);
        }
    }

    /// How we stand to the others, when `silent` of those whom we watch have
    /// given evidence of it. Once a second, and before anybody is accused.
    pub(super) fn assess(&mut self, now: Millis, silent: usize) {
        if self.life.left {
            return;
        }
        let others = self.members.iter().filter(|(id, _)| *id != self.me);
        let spoke: Vec<(NodeId, Millis)> = others
            .filter_map(|(id, p)| Some((id, p.spoke?)))
            .filter(|(_, t)| now < t + RECENT)
            .collect();
        let of_no_use = |(id, _): &&(NodeId, Millis)| self.accusation(*id).is_some();
        let mute = 2 * spoke.iter().filter(of_no_use).count() > spoke.len();
        let unheard = mute.then(|| self.contact.unheard.unwrap_or(now));
        self.contact.unheard = unheard;
        // The last answers are spread over one interval of pings. Not shorter
        // than the time between two looks, else what was heard would be missed.
        let silence = self.config.silence.saturating_sub(self.config.ping);
        let silence = silence.clamp(HOUSEKEEPING, RECENT);
        let deaf = spoke.iter().all(|(_, t)| now >= t + silence);
        let mostly = 2 * silent > self.watches.len();
        let isolated = match self.contact.isolated {
            // The dead are watched no more, and forgotten in the end: whoever
            // hears nobody stays deaf without them.
            before if deaf && !mostly => before,
            _ if deaf => Some(Isolation::Deaf),
            _ if unheard.is_some_and(|t| now >= t + UNHEARD) => Some(Isolation::Mute),
            Some(Isolation::Mute) if mute => Some(Isolation::Mute),
            _ => None,
        };
        if isolated != self.contact.isolated {
            self.say_isolated(now, isolated, silent, spoke.len());
        }
    }

    fn say_isolated(
        &mut self,
        now: Millis,
        isolated: Option<Isolation>,
        silent: usize,
        heard: usize,
    ) {
        let before = std::mem::replace(&mut self.contact.isolated, isolated);
        let span = now - std::mem::replace(&mut self.contact.since, now);
        let watched = self.watches.len();
        let text = match isolated {
            Some(Isolation::Deaf) => format!(
                "this node hears nobody any more: {silent} of the {watched} that it watches fell \
                 silent together; either it is cut off itself, or they are all gone"
            ),
            Some(Isolation::Mute) => format!(
                "this node is not heard: {heard} others speak, but they do not answer it; \
                 what it sends by UDP does not arrive"
            ),
            // Who did not hear the bad news needs no good one.
            None if self.contact.logged.is_some_and(|t| t + span >= now) => {
                let seconds = span / 1_000;
                let text = format!("this node is in contact again, after {seconds} s");
                return self.log(Level::Info, text);
            }
            None => return,
        };
        let soon = self.contact.logged.is_some_and(|t| now < t + QUIET);
        if !soon || before.is_some() {
            self.contact.logged = Some(now);
            self.log(Level::Warn, text);
        }
    }

    /// We did not run for `gap` ms: it is excused, and told once a minute.
    pub(super) fn starved(&mut self, now: Millis, gap: Millis) {
        self.counters.late += gap;
        let (times, sum) = (self.contact.late.0 + 1, self.contact.late.1 + gap);
        self.contact.late = (times, sum);
        if sum < STARVED || !seldom(&mut self.contact.late_logged, now) {
            return;
        }
        self.contact.late = (0, 0);
        let text = format!(
            "this node did not run for {sum} ms ({times} times): the process was stopped, or it \
             is short of CPU; the silence of others meanwhile is held against nobody"
        );
        self.log(Level::Warn, text);
    }
}
