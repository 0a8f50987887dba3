//! What the other members say of a sharded pin.

use std::collections::{BTreeMap, BTreeSet};

use super::super::claim::{Claim, Grant};
use super::super::hash::Shard;
use super::io::{Config, Presence};
use crate::time::Millis;
use crate::wire::NodeId;

/// Of whom a shard may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// Another member has it, or was given it.
    Taken,
    /// It was given to us.
    Ours,
    /// Nobody has it, as far as is known.
    Free,
}

#[derive(Debug, Default)]
struct Peer {
    presence: Presence,
    claim: Option<Claim>,
    /// It had a claim and has none any more.
    withdrawn: bool,
}

impl Peer {
    fn held(&self) -> &[Shard] {
        match (&self.claim, self.presence) {
            (Some(claim), Presence::Here | Presence::Leaving) => &claim.held,
            _ => &[],
        }
    }

    fn takes(&self) -> Option<&Claim> {
        let here = self.presence == Presence::Here;
        self.claim.as_ref().filter(|claim| here && claim.ready)
    }
}

/// A grant, until the bound is over in which it matters.
#[derive(Debug, Clone, Copy)]
struct Given {
    number: u64,
    to: NodeId,
    until: Millis,
}

/// What has changed.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Shards of which something new is known.
    pub changed: BTreeSet<Shard>,
    /// Those that the member holds, and did not before.
    pub taken: Vec<Shard>,
}

#[derive(Debug)]
pub(super) struct Others {
    me: NodeId,
    /// How long a grant is heeded, ms; and that of a giver who is gone.
    span: Millis,
    settle: Millis,
    peers: BTreeMap<NodeId, Peer>,
    /// How many others hold each shard.
    holders: Vec<u16>,
    /// Grants by shard and giver; our own are among them.
    grants: BTreeMap<(Shard, NodeId), Given>,
    expiry: BTreeSet<(Millis, Shard, NodeId)>,
}

impl Others {
    pub fn new(me: NodeId, config: &Config) -> Self {
        Others {
            me,
            span: config.handover,
            settle: config.settle,
            peers: BTreeMap::new(),
            holders: vec![0; config.shards.get()],
            grants: BTreeMap::new(),
            expiry: BTreeSet::new(),
        }
    }

    /// A member's claim, or that it has none any more.
    pub fn heard(&mut self, now: Millis, id: NodeId, claim: Option<Claim>) -> Heard {
        let mut heard = Heard::default();
        let peer = self.peers.entry(id).or_default();
        let until = match peer.presence {
            Presence::Here | Presence::Leaving => now.saturating_add(self.span),
            Presence::Gone => now.saturating_add(self.settle),
        };
        peer.withdrawn = claim.is_none() && (peer.claim.is_some() || peer.withdrawn);
        let granted = |claim: &Option<Claim>| -> BTreeMap<Shard, (u64, NodeId)> {
            let all = claim.iter().flat_map(Claim::granted);
            all.map(|(shard, number, to)| (shard, (number, to)))
                .collect()
        };
        let (old, new) = (granted(&peer.claim), granted(&claim));
        // The grants of who has no claim any more stay until they expire: they
        // say where the shards went.
        if claim.is_some() {
            for (&shard, grant) in &old {
                if new.get(&shard) != Some(grant) {
                    self.drop_grant(shard, id);
                    heard.changed.insert(shard);
                }
            }
            for (&shard, &(number, to)) in &new {
                if old.get(&shard) != Some(&(number, to)) {
                    self.grant(shard, id, number, to, until);
                    heard.changed.insert(shard);
                }
            }
        } else {
            heard.changed.extend(self.granted_to(id));
        }
        self.replace(id, |peer| peer.claim = claim, &mut heard);
        heard
    }

    /// A member comes or goes.
    pub fn presence(&mut self, now: Millis, id: NodeId, presence: Presence) -> Heard {
        let mut heard = Heard::default();
        if self.peers.entry(id).or_default().presence != presence {
            heard.changed.extend(self.granted_to(id));
            if presence == Presence::Gone {
                self.age(id, now.saturating_add(self.settle));
            }
            self.replace(id, |peer| peer.presence = presence, &mut heard);
        }
        heard
    }

    /// Changes what is known of a peer, and the sums of holders with it.
    fn replace(&mut self, id: NodeId, change: impl FnOnce(&mut Peer), heard: &mut Heard) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let before = peer.held().to_vec();
        change(peer);
        let (lost, taken) = apart(&before, peer.held());
        for &shard in &lost {
            self.holders[usize::from(shard)] -= 1;
        }
        for &shard in &taken {
            self.holders[usize::from(shard)] += 1;
        }
        heard
            .changed
            .extend(lost.into_iter().chain(taken.iter().copied()));
        heard.taken = taken;
    }

    /// Forgets a member that is gone.
    pub fn forget(&mut self, now: Millis, id: NodeId) -> Heard {
        let heard = self.presence(now, id, Presence::Gone);
        self.peers.remove(&id);
        heard
    }

    /// The epoch of a member's claim; 0 without one.
    pub fn epoch(&self, id: NodeId) -> u64 {
        let claim = self.peers.get(&id).and_then(|peer| peer.claim.as_ref());
        claim.map_or(0, |claim| claim.epoch)
    }

    /// The claim of a member that takes shards.
    pub fn taker(&self, id: NodeId) -> Option<&Claim> {
        self.peers.get(&id).and_then(Peer::takes)
    }

    /// Our own grant.
    pub fn give(&mut self, now: Millis, shard: Shard, number: u64, to: NodeId) {
        let until = now.saturating_add(self.span);
        self.grant(shard, self.me, number, to, until);
    }

    /// We hold it again.
    pub fn keep(&mut self, shard: Shard) {
        self.drop_grant(shard, self.me);
    }

    /// Our own grants, as they are published.
    pub fn given(&self) -> BTreeMap<(u64, NodeId), Vec<Shard>> {
        let mut groups: BTreeMap<_, Vec<Shard>> = BTreeMap::new();
        for (&(shard, giver), given) in &self.grants {
            if giver == self.me {
                groups
                    .entry((given.number, given.to))
                    .or_default()
                    .push(shard);
            }
        }
        groups
    }

    /// Who has the shard, when we do not.
    pub fn word(&self, shard: Shard) -> Word {
        if self.holders[usize::from(shard)] > 0 {
            return Word::Taken;
        }
        match self.receiver(shard) {
            Some(to) if to == self.me => Word::Ours,
            // Somebody of whom nothing was heard yet has just begun.
            Some(to) if !self.is_gone(to) => Word::Taken,
            _ => Word::Free,
        }
    }

    /// To whom it was given last.
    pub fn receiver(&self, shard: Shard) -> Option<NodeId> {
        let range = (shard, NodeId(0))..=(shard, NodeId(u64::MAX));
        let grants = self.grants.range(range);
        let last = grants.max_by_key(|(key, given)| (given.number, key.1));
        last.map(|(_, given)| given.to)
    }

    fn is_gone(&self, id: NodeId) -> bool {
        let gone = |peer: &Peer| peer.withdrawn || peer.presence == Presence::Gone;
        id == Grant::NOBODY || self.peers.get(&id).is_some_and(gone)
    }

    fn granted_to(&self, id: NodeId) -> impl Iterator<Item = Shard> {
        let to_it = self.grants.iter().filter(move |(_, given)| given.to == id);
        to_it.map(|(&(shard, _), _)| shard)
    }

    /// When the next grant expires.
    pub fn next_expiry(&self) -> Option<Millis> {
        self.expiry.first().map(|&(until, _, _)| until)
    }

    /// Drops grants whose time is over; the second is whether our own are among them.
    pub fn expire(&mut self, now: Millis) -> (BTreeSet<Shard>, bool) {
        let (mut changed, mut own) = (BTreeSet::new(), false);
        while let Some(&(until, shard, giver)) = self.expiry.first()
            && until <= now
        {
            self.drop_grant(shard, giver);
            changed.insert(shard);
            own |= giver == self.me;
        }
        (changed, own)
    }

    /// The grants of who is gone need not be remembered for long: whoever got a
    /// shard has said so by then, and nobody takes them back.
    fn age(&mut self, giver: NodeId, most: Millis) {
        let Some(claim) = self.peers.get(&giver).and_then(|peer| peer.claim.as_ref()) else {
            return;
        };
        for (shard, _, _) in claim.granted() {
            if let Some(given) = self.grants.get_mut(&(shard, giver))
                && given.until > most
            {
                self.expiry.remove(&(given.until, shard, giver));
                given.until = most;
                self.expiry.insert((most, shard, giver));
            }
        }
    }

    fn grant(&mut self, shard: Shard, giver: NodeId, number: u64, to: NodeId, until: Millis) {
        self.drop_grant(shard, giver);
        let given = Given { number, to, until };
        self.grants.insert((shard, giver), given);
        self.expiry.insert((until, shard, giver));
    }

    fn drop_grant(&mut self, shard: Shard, giver: NodeId) {
        if let Some(given) = self.grants.remove(&(shard, giver)) {
            self.expiry.remove(&(given.until, shard, giver));
        }
    }
}

/// What is only in `a`, and what is only in `b`; both ascend.
fn apart(a: &[Shard], b: &[Shard]) -> (Vec<Shard>, Vec<Shard>) {
    let without = |x: &[Shard], y: &[Shard]| {
        let mut y = y.iter().peekable();
        let mut only = x.to_vec();
        only.retain(|shard| {
            while y.next_if(|other| *other < shard).is_some() {}
            y.peek() != Some(&shard)
        });
        only
    };
    (without(a, b), without(b, a))
}
