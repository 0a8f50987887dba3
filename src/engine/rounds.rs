//! Gossip over datagrams: a round every `interval`, and the answers to it.

use std::net::SocketAddr;

use rand::RngExt;

use super::candidates::{PINGS, Teller};
use super::compare::{DIGEST, Talk};
use super::syncs::Visit;
use super::{Engine, Millis};
use crate::membership::Status;
use crate::wire::{Delta, Digest, Extensions, Gossip, MAX_MESSAGE, NodeId, Writer};

/// A message of this step gets no answer: an exchange ends, whatever happens.
pub(super) const LAST_STEP: u8 = 6;
/// Least time between two rounds when there is urgent news.
const URGENT: Millis = 30;
/// A round that comes early for news does so after this part of an interval.
const EARLY: Millis = 4;
/// Intervals between two rounds that come early.
const ON_TIME: Millis = 5;
/// Bytes of a message before its digests: header, flags, root, count.
pub(super) const HEAD: usize = 18 + 1 + 8 + 2;
/// An answer to an unverified source is at most so many times as long as what
/// it answers: nobody can use us to flood a third party.
const AMPLIFY: usize = 3;
/// Least chance of a round to go to a seed or to somebody gone as well, so that
/// a healed partition finds itself again. It is higher in small clusters: each
/// of the gone hears about one message a round from all of us together.
const OUTWARD: f64 = 0.1;
/// More differing buckets than this are settled over TCP.
const MANY_BUCKETS: usize = 24;

impl Engine {
    /// Urgent news (a verdict, a refutation, a goodbye) need not wait for the
    /// next round.
    pub(super) fn hurry_round(&mut self, now: Millis) {
        let soonest = (self.last_round + URGENT).max(now);
        self.next_round = self.next_round.min(soonest);
    }

    /// There is news: a rumour that waits for nobody's round is sooner with
    /// everybody. Only one round in a few comes early, so that a cluster that
    /// always has news speaks hardly more than a quiet one.
    pub(super) fn hasten_round(&mut self, now: Millis) {
        let early = (self.last_round + self.config.interval / EARLY).max(now);
        if now >= self.next_early && early < self.next_round {
            self.next_round = early;
            self.next_early = now + ON_TIME * self.config.interval;
        }
    }

    /// Opens an exchange with a member that is here, out of turn: it knows more.
    /// At most one every 30 ms, whoever is asked.
    pub fn ask(&mut self, now: Millis, name: &str) {
        let id = NodeId::of(name);
        let here = self.members.here().binary_search(&id).is_ok();
        let Some(peer) = self.members.get(id).filter(|_| here && id != self.me) else {
            return;
        };
        if !self.life.left && now >= self.next_ask {
            let to = peer.addr;
            self.next_ask = now + URGENT;
            self.open_exchange(to, Extensions::default());
        }
    }

    /// Opens an exchange with somebody.
    pub(super) fn run_round(&mut self, now: Millis) {
        self.last_round = now;
        let jitter = self.rng.random_range(0..=self.config.interval / 5);
        self.next_round = now + self.config.interval * 9 / 10 + jitter;
        if self.life.left {
            return;
        }
        // A second choice when the first is doubted: after a mass failure half
        // of all rounds would go nowhere, just when there is most to tell.
        let first = self.choose_other();
        let target = match first.is_some_and(|id| self.members.is_doubted(id)) {
            true => self.choose_other(),
            false => first,
        };
        let more = self.open_flow(now, target);
        if let Some(to) = target.and_then(|id| self.members.get(id)).map(|p| p.addr) {
            self.open_exchange(to, more);
        }
        let others = self.others();
        let gone = (self.members.len() - 1 - others) as f64;
        let share = (gone / others as f64).clamp(OUTWARD, 1.0);
        if others == 0 || self.rng.random_bool(share) {
            let outside = self.outside();
            if let Some(to) = self.choose(&outside) {
                self.open_exchange(to, Extensions::default());
            }
        }
    }

    /// How many are neither dead nor gone, without ourselves.
    fn others(&self) -> usize {
        let here = self.members.here();
        here.len() - usize::from(here.binary_search(&self.me).is_ok())
    }

    /// One of them, each as likely as the others.
    fn choose_other(&mut self) -> Option<NodeId> {
        let count = self.others();
        if count == 0 {
            return None;
        }
        let at = self.rng.random_range(0..count);
        let here = self.members.here();
        let own = here.binary_search(&self.me).unwrap_or(here.len());
        Some(here[at + usize::from(at >= own)])
    }

    /// Seeds that are no members now, and the dead.
    fn outside(&self) -> Vec<SocketAddr> {
        let seeds = self.seeds.iter().copied();
        let mut all: Vec<_> = seeds.filter(|a| self.members.count_at(*a) == 0).collect();
        if self.members.len() > self.members.here().len() {
            let dead = self.members.iter();
            let dead = dead.filter(|(_, p)| p.status == Status::Dead);
            all.extend(dead.map(|(_, p)| p.addr));
        }
        all
    }

    fn open_exchange(&mut self, to: SocketAddr, more: Extensions) {
        let digests = self.hot_digests(MAX_MESSAGE - HEAD - more.size());
        self.hot.told(digests.iter().map(|d| d.id));
        let head = Gossip {
            more,
            ..self.gossip_head(0, digests, None)
        };
        let mut w = Writer::new(MAX_MESSAGE);
        head.write_head(&mut w, self.cluster, self.me);
        self.send(to, w);
    }

    pub(super) fn on_gossip(
        &mut self,
        now: Millis,
        from: SocketAddr,
        id: NodeId,
        size: usize,
        g: Gossip,
    ) {
        let known_at = self.members.get(id).map(|p| p.addr);
        let verified = known_at == Some(from);
        let before = self.counters.bytes_out;
        let by = Teller { id, at: Some(from) };
        let missed = g.step >= LAST_STEP && self.misses(id, &g.deltas);
        self.take(now, by, g.deltas, false);
        self.tell_accused(now, from, id);
        // Pings to those it tells of come again, and may all go to one address.
        let spent = PINGS * (self.counters.bytes_out - before) as usize;
        if g.by_stream || missed {
            match known_at {
                Some(addr) => self.visit(now, addr, Visit::Member),
                None => self.visit(now, from, Visit::Stranger),
            }
        }
        if known_at.is_none() && self.members.present() == 1 {
            // We know nobody, and somebody knows us: a seed that came back.
            self.visit(now, from, Visit::Stranger);
        }
        let limit = match verified {
            true => MAX_MESSAGE,
            false => MAX_MESSAGE.min((size * AMPLIFY).saturating_sub(spent)),
        };
        if g.step >= LAST_STEP || self.life.left {
            return;
        }
        let mut talk = self.compare(now, &g.digests, verified);
        if verified {
            talk.more = self.on_flow(now, id, g.more);
        }
        let gone = self.members.get(id).is_none_or(|p| p.status.is_gone());
        if !verified && gone && !g.digests.iter().any(|d| d.id == id) {
            // A stranger of our cluster: we have just started without a seed,
            // or have forgotten it; or somebody with the name of one that is
            // gone. An answer to it is too short for buckets; it is long enough
            // to ask who that is.
            let known = self.store.get(id);
            talk.digests.push(Digest {
                id,
                generation: known.map_or(0, |o| o.generation()),
                version: known.map_or(0, |o| o.version()),
            });
        }
        let mut buckets = None;
        if g.step == 0 && !self.explains(&g.digests, g.root) {
            let news = self.hot_digests((limit - HEAD.min(limit)) / 2);
            let news = self.unlisted(news, &g.digests);
            // Buckets as well when there is no news, and now and then anyway:
            // a cluster that always has news must still find old differences.
            if (news.is_empty() || self.rng.random_ratio(1, 4)) && limit > HEAD + 300 {
                buckets = Some(self.store.buckets());
            }
            self.hot.told(news.iter().map(|d| d.id));
            talk.digests.extend(news);
        }
        if let Some(theirs) = &g.buckets {
            let (digests, differing) = self.digests_of_differing(theirs, limit - HEAD.min(limit));
            if differing > MANY_BUCKETS && verified {
                self.visit(now, from, Visit::Member);
            }
            talk.digests.extend(self.unlisted(digests, &g.digests));
            // The peer cannot ask for owners of whom it has never heard, nor
            // can we: each needs the buckets of the other.
            if g.step == 1 {
                buckets = Some(self.store.buckets());
            }
        }
        self.answer(from, g.step + 1, limit, talk, buckets);
    }

    /// Do these begin behind what we know of their sender? In a message that gets
    /// no answer that is a goodbye, after more news than it could repeat.
    fn misses(&self, id: NodeId, deltas: &[Delta]) -> bool {
        let Some(known) = self.store.get(id) else {
            return false;
        };
        let behind = |d: &Delta| d.generation == known.generation() && d.from > known.version();
        deltas.iter().any(|delta| delta.id == id && behind(delta))
    }

    /// Sends what there is to say, if anything.
    fn answer(
        &mut self,
        to: SocketAddr,
        step: u8,
        limit: usize,
        mut talk: Talk,
        buckets: Option<Box<[u32; crate::wire::BUCKETS]>>,
    ) {
        let sums = buckets.as_ref().map_or(0, |_| 4 * crate::wire::BUCKETS);
        let fixed = HEAD + sums + talk.more.size();
        // When there is much to say both ways, half of the room is for each.
        let room = limit.saturating_sub(fixed);
        let room = if talk.behind.is_empty() {
            room
        } else {
            room / 2
        };
        talk.digests.truncate(room / DIGEST);
        let silent = talk.digests.is_empty() && talk.behind.is_empty();
        if silent && buckets.is_none() && talk.more.is_empty() {
            return;
        }
        let head = Gossip {
            more: talk.more,
            ..self.gossip_head(step, talk.digests, buckets)
        };
        let mut w = Writer::new(limit);
        head.write_head(&mut w, self.cluster, self.me);
        if !w.fits() {
            return;
        }
        let rest = self.pack(&mut w, &talk.behind);
        if rest.by_stream() {
            head.mark_by_stream(&mut w);
        }
        // Odd steps answer exchanges of others: the paper counts one's own.
        if rest.overflowed() && step.is_multiple_of(2) {
            self.overflowed();
        }
        self.send(to, w);
    }
}
