//! Somebody else who speaks under our name: a run of ours from before, whose
//! clock was ahead, or a second node that was given the same name.

use std::net::SocketAddr;

use super::admit::FUTURE;
use super::{Engine, Level, Millis, QUIET, seldom};
use crate::wire::{Digest, Message};

/// A newer run under our own name is answered with a newer one `REBIRTHS` times
/// in `REBIRTH` ms: two nodes of one name must not chase each other for ever.
const REBIRTHS: usize = 3;
const REBIRTH: Millis = 60_000;
/// By how much newer, at most.
const CHANCE: u64 = 1_000;
/// Clocks of others may be behind ours by this when we follow a generation.
const MARGIN: u64 = 3_600_000;

/// What was done and said about others of our name.
#[derive(Debug, Default)]
pub(super) struct Double {
    /// When newer runs under our own name were answered with a newer one.
    reborn: Vec<Millis>,
    /// When we heard of a newer one and did not follow: the others do not see
    /// us, and do not tell us whether that is still so.
    lost: Option<Millis>,
    /// When a line was written, and whether it had an address.
    logged: Option<(Millis, bool)>,
    /// When it was told who stays.
    judged: Option<Millis>,
}

impl Engine {
    /// Somebody knows more of us than we do. See `hear_of_double`.
    pub(super) fn hear_of_ourselves(&mut self, now: Millis, generation: u64, version: u64) {
        self.hear_of_double(now, generation, version, None);
    }

    /// Somebody knows more of us than we do: a run of ours from before, whose
    /// clock was ahead, or another node of our name, at `addr` by its word. We
    /// begin a newer run, a few times a minute at most.
    ///
    /// How much newer is left to chance: a process that is restarted again may
    /// hear of the same old run first, and must not take the same generation
    /// as the one before it, which has told other things under it.
    pub(super) fn hear_of_double(
        &mut self,
        now: Millis,
        generation: u64,
        version: u64,
        addr: Option<SocketAddr>,
    ) {
        let known = self.store.get(self.me).map_or(0, |o| o.version());
        let newer = generation > self.generation;
        if !newer && (generation < self.generation || version <= known) {
            return;
        }
        self.warn_of_double(now, generation, addr);
        // What others would refuse is not worth following.
        let ahead = generation > self.config.wall + now + FUTURE - MARGIN;
        let recent = |t: &Millis| now < t + REBIRTH;
        self.double.reborn.retain(recent);
        if ahead || self.double.reborn.len() >= REBIRTHS {
            self.double.lost.get_or_insert(now);
            return;
        }
        self.double.lost = None;
        self.double.reborn.push(now);
        let step = 1 + self.nonce() % CHANCE;
        self.begin_again(now, generation.max(self.config.wall + now) + step);
        self.hurry_round(now);
    }

    /// Once a second: who gave way speaks up again after a while. The other one
    /// may be gone; if not, our users are reminded of it.
    pub(super) fn speak_up(&mut self, now: Millis) {
        if self.double.lost.is_some_and(|t| now >= t + REBIRTH) {
            self.double.lost = None;
            self.heat(now, self.me);
        }
    }

    /// A message in our own name came from `from`. Ours come back where a seed
    /// leads here by another address; what a second node of our name sends has
    /// another generation. Only told, never followed: anybody could forge it.
    pub(super) fn note_echo(&mut self, now: Millis, from: SocketAddr, message: &Message) {
        let digests: &[Digest] = match message {
            Message::Gossip(gossip) => &gossip.digests,
            Message::Sync(sync) => &sync.digests,
            _ => &[],
        };
        let own = digests.iter().find(|d| d.id == self.me);
        // What we said before we began anew may still be under way.
        let recent = |t: &Millis| now < t + REBIRTH;
        let reborn = self.double.reborn.iter().any(recent);
        if let Some(d) = own
            && (d.generation > self.generation || d.generation < self.generation && !reborn)
        {
            self.warn_of_double(now, d.generation, Some(from));
        }
    }

    /// Somebody else has our name, and a member has decided who stays.
    pub(super) fn warn_of_twin(&mut self, now: Millis, other: SocketAddr, stays: bool) {
        if !stays {
            // Speaks up again, as below: the other one may be gone by then.
            self.double.lost.get_or_insert(now);
        }
        if !seldom(&mut self.double.judged, now) {
            return;
        }
        self.double.logged = Some((now, true));
        let name = &self.config.name;
        let text = if stays {
            format!(
                "somebody else speaks as '{name}', from {other}: it is not let in, since this node \
                 was here first; give it another address or port to advertise, or stop it"
            )
        } else {
            format!(
                "somebody else speaks as '{name}', from {other}, and was here first: this node is \
                 not let in; give it another address or port to advertise, or stop the other one"
            )
        };
        self.log(Level::Warn, text);
    }

    /// A line a minute, and one more when the address becomes known.
    fn warn_of_double(&mut self, now: Millis, generation: u64, addr: Option<SocketAddr>) {
        let elsewhere = addr.filter(|a| *a != self.config.addr);
        let knows = elsewhere.is_some();
        let enough = |(t, knew): (Millis, bool)| now < t + QUIET && (knew || !knows);
        if self.double.logged.is_some_and(enough) {
            return;
        }
        self.double.logged = Some((now, knows));
        let (name, ours) = (&self.config.name, self.generation);
        let text = match elsewhere {
            Some(addr) => format!(
                "somebody else speaks as '{name}', from {addr} (generation {generation}, ours is \
                 {ours}): two nodes have one name; give one of them another address or port to \
                 advertise, or stop it"
            ),
            None => format!(
                "somebody else speaks as '{name}' (generation {generation}, ours is {ours}): an \
                 earlier run whose clock was ahead, which is harmless; or, if this comes again, a \
                 second node of that name: give it another address or port to advertise"
            ),
        };
        self.log(Level::Warn, text);
    }
}
