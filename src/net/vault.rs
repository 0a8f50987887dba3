//! What a node seals and opens its gossip with.
//!
//! Everything passes here between the sockets and the engine, which knows
//! nothing of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use super::clock::wall_now;
use super::lock;
use crate::engine::{Drop, Millis};
use crate::wire::MAX_DATAGRAM;
use crate::wire::seal::{Entry, KeyError, KeyView, Keyring, Nonce, Nonces, Refusal, Replay, Seal};

/// A line of the log about one kind of refusal comes this often at most.
const QUIET: Millis = 60_000;

/// The keys of a node, and what it has received.
pub struct Vault {
    seal: Seal,
    cluster: String,
    state: Mutex<State>,
}

struct State {
    /// Shared with whoever seals or opens at the moment: a frame takes a
    /// millisecond, for which nobody else is to wait.
    ring: Arc<Keyring>,
    datagrams: Nonces,
    /// A session of its own: a frame may travel for seconds, and many datagrams
    /// overtake it meanwhile.
    frames: Nonces,
    replay: Replay,
    refused: BTreeMap<Drop, Refused>,
}

/// What was refused for one reason.
#[derive(Default)]
struct Refused {
    /// Not counted by the engine yet.
    uncounted: u64,
    /// The last of those that are not told yet, and why.
    last: Option<(SocketAddr, Refusal)>,
    quiet_until: Millis,
}

/// What is to be said of what was refused.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// How many there were since the last time, by reason.
    pub drops: Vec<(Drop, u64)>,
    /// Lines for the log.
    pub lines: Vec<String>,
}

impl Vault {
    /// Of a node of that cluster. `seed` has to be random, and new for each run.
    pub fn new(cluster: &str, ring: Keyring, seed: [u8; 32]) -> Self {
        Vault {
            seal: Seal::new(cluster),
            cluster: cluster.to_owned(),
            state: Mutex::new(State {
                ring: Arc::new(ring),
                datagrams: Nonces::new(seed),
                frames: Nonces::new(seed.map(|byte| !byte)),
                replay: Replay::default(),
                refused: BTreeMap::new(),
            }),
        }
    }

    /// A datagram as it goes out; `None` when it cannot be sealed.
    pub fn seal<'a>(&self, message: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        self.seal_by(message, |state| &mut state.datagrams)
    }

    /// A frame as it goes out; `None` when it cannot be sealed.
    pub fn seal_frame<'a>(&self, message: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        self.seal_by(message, |state| &mut state.frames)
    }

    fn seal_by<'a>(
        &self,
        message: &'a [u8],
        nonces: impl FnOnce(&mut State) -> &mut Nonces,
    ) -> Option<Cow<'a, [u8]>> {
        let (ring, nonce) = {
            let mut state = lock(&self.state);
            let ring = state.ring.clone();
            if ring.current().is_none() {
                return Some(message.into());
            }
            (ring, nonces(&mut state).next(wall_now()))
        };
        let sealed = self.seal.seal(ring.current()?, &nonce, message)?;
        Some(sealed.into())
    }

    /// Opens what arrived, in place, and says where the message is; `None`, and it
    /// is counted, when it is not to be looked at.
    pub fn open(&self, from: SocketAddr, bytes: &mut [u8]) -> Option<Range<usize>> {
        self.try_open(from, bytes).ok()
    }

    /// The same; why not.
    pub fn try_open(&self, from: SocketAddr, bytes: &mut [u8]) -> Result<Range<usize>, Refusal> {
        let wall = wall_now();
        let ring = lock(&self.state).ring.clone();
        let check = |nonce: &Nonce| lock(&self.state).replay.check(wall, nonce);
        let opened = self.seal.open(&ring, check, bytes);
        let taken = opened.and_then(|opened| {
            if let Some((nonce, _)) = opened.seal {
                // Checks once more: another thread may have opened the same.
                lock(&self.state).replay.take(wall, &nonce)?;
            }
            Ok(opened.place)
        });
        if let Err(refusal) = &taken {
            self.refused(reason(*refusal), Some((from, *refusal)));
        }
        taken
    }

    /// Opens a datagram, unless it is too long to be one of ours.
    pub fn open_datagram(&self, from: SocketAddr, bytes: &mut [u8]) -> Option<Range<usize>> {
        if bytes.len() > MAX_DATAGRAM {
            self.refused(Drop::Oversized, None);
            return None;
        }
        self.open(from, bytes)
    }

    fn refused(&self, drop: Drop, told: Option<(SocketAddr, Refusal)>) {
        let mut state = lock(&self.state);
        let refused = state.refused.entry(drop).or_default();
        refused.uncounted += 1;
        refused.last = told.or(refused.last);
    }

    /// Its keys as they may be shown.
    pub fn keys(&self) -> Vec<KeyView> {
        lock(&self.state).ring.views()
    }

    /// Opens with this key, too, from now on.
    ///
    /// # Errors
    /// When there are too many.
    pub fn add(&self, entry: Entry) -> Result<Vec<KeyView>, KeyError> {
        self.change(|ring| ring.add(entry))
    }

    /// Seals with this key, or the one of this fingerprint, from now on.
    ///
    /// # Errors
    /// When it is not there.
    pub fn select(&self, which: &str) -> Result<Vec<KeyView>, KeyError> {
        self.change(|ring| ring.put_first(which))
    }

    /// Opens no longer with this key, or the one of this fingerprint.
    ///
    /// # Errors
    /// When it is not there, or is the one that seals.
    pub fn remove(&self, which: &str) -> Result<Vec<KeyView>, KeyError> {
        self.change(|ring| ring.remove(which))
    }

    fn change(
        &self,
        change: impl FnOnce(&mut Keyring) -> Result<(), KeyError>,
    ) -> Result<Vec<KeyView>, KeyError> {
        let mut state = lock(&self.state);
        change(Arc::make_mut(&mut state.ring))?;
        Ok(state.ring.views())
    }

    /// What is new; lines come once a minute and reason at most.
    pub fn account(&self, now: Millis) -> Account {
        let mut account = Account::default();
        for (drop, refused) in &mut lock(&self.state).refused {
            let count = std::mem::take(&mut refused.uncounted);
            if count > 0 {
                account.drops.push((*drop, count));
            }
            if now < refused.quiet_until {
                continue;
            }
            if let Some(line) = refused.last.and_then(|last| self.line(last)) {
                refused.quiet_until = now + QUIET;
                account.lines.push(line);
            }
            refused.last = None;
        }
        account
    }

    fn line(&self, (from, refusal): (SocketAddr, Refusal)) -> Option<String> {
        let what = match refusal {
            Refusal::Cluster => {
                let cluster = &self.cluster;
                return Some(format!(
                    "{from} sends gossip of another cluster, ours is '{cluster}'; dropped"
                ));
            }
            Refusal::NoKey => "sealed gossip, and this node has no key".to_owned(),
            Refusal::Unsealed => "gossip without a seal, and this node has a key".to_owned(),
            Refusal::WrongKey => "gossip that no key of this node opens".to_owned(),
            Refusal::Replayed => "gossip that was sent before".to_owned(),
            Refusal::Clock { ahead } => {
                let (seconds, way) = (ahead.unsigned_abs() / 1_000, ahead > 0);
                let way = if way { "ahead of" } else { "behind" };
                format!("gossip by a clock that is {seconds} s {way} ours")
            }
            // Counted; noise of the network says nothing.
            Refusal::Malformed | Refusal::Version => return None,
        };
        Some(format!("{from} sends {what}; dropped"))
    }
}

fn reason(refusal: Refusal) -> Drop {
    match refusal {
        Refusal::Malformed => Drop::Malformed,
        Refusal::Version => Drop::Version,
        Refusal::Cluster => Drop::Cluster,
        Refusal::NoKey => Drop::NoKey,
        Refusal::Unsealed => Drop::Unsealed,
        Refusal::WrongKey => Drop::WrongKey,
        Refusal::Replayed => Drop::Replayed,
        Refusal::Clock { .. } => Drop::Clock,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::seal::Key;
    use crate::wire::{Ack, NodeId, Writer, text_hash};

    const FROM: &str = "10.0.0.1:4445";

    fn vault(keys: &[u8]) -> Vault {
        let entries = keys.iter().map(|n| Entry::from(Key::new([*n; 32])));
        let ring = match keys {
            [] => Keyring::default(),
            _ => Keyring::new(entries).unwrap(),
        };
        Vault::new("default", ring, [keys.first().copied().unwrap_or(9); 32])
    }

    fn message(cluster: &str) -> Vec<u8> {
        let ack = Ack {
            nonce: 7,
            generation: 1,
            incarnation: 0,
            accuse: None,
        };
        let mut w = Writer::new(MAX_DATAGRAM);
        ack.write(&mut w, text_hash(cluster), NodeId(5));
        w.finish()
    }

    fn pass(from: &Vault, to: &Vault, message: &[u8]) -> Result<Vec<u8>, Refusal> {
        let mut bytes = from.seal(message).expect("sealed").into_owned();
        let range = to.try_open(FROM.parse().unwrap(), &mut bytes)?;
        Ok(bytes[range].to_vec())
    }

    #[test]
    fn a_message_passes_between_those_who_share_a_key_or_have_none() {
        let message = message("default");
        for (from, to) in [(&[][..], &[][..]), (&[1], &[1]), (&[1], &[2, 1])] {
            let got = pass(&vault(from), &vault(to), &message);
            assert_eq!(got.as_deref(), Ok(&message[..]), "{from:?} {to:?}");
        }
    }

    #[test]
    fn what_is_refused_is_counted_and_told_once_a_minute_by_reason() {
        let ours = message("default");
        let other = Vault::new("other", Key::new([1; 32]).into(), [3; 32]);
        for (from, to, drop, says) in [
            (vault(&[1]), vault(&[]), Drop::NoKey, "has no key"),
            (vault(&[]), vault(&[1]), Drop::Unsealed, "without a seal"),
            (
                vault(&[1]),
                vault(&[2]),
                Drop::WrongKey,
                "no key of this node",
            ),
        ] {
            assert!(pass(&from, &to, &ours).is_err());
            assert!(pass(&from, &to, &ours).is_err());
            let account = to.account(0);
            assert_eq!(account.drops, [(drop, 2)]);
            assert!(account.lines[0].contains(says) && account.lines[0].contains(FROM));
            assert!(pass(&from, &to, &ours).is_err());
            let account = to.account(1_000);
            assert_eq!((account.drops, account.lines.len()), (vec![(drop, 1)], 0));
            assert!(pass(&from, &to, &ours).is_err());
            assert_eq!(to.account(60_000).lines.len(), 1);
        }
        let to = vault(&[1]);
        assert_eq!(pass(&other, &to, &message("other")), Err(Refusal::Cluster));
        assert!(to.account(0).lines[0].contains("another cluster, ours is 'default'"));
    }

    #[test]
    fn what_is_too_long_is_counted_and_not_looked_at() {
        let to = vault(&[]);
        let from = FROM.parse().unwrap();
        assert_eq!(to.open_datagram(from, &mut [0; MAX_DATAGRAM + 1]), None);
        let account = to.account(0);
        assert_eq!(
            (account.drops, account.lines.len()),
            (vec![(Drop::Oversized, 1)], 0)
        );
        let whole = Some(0..MAX_DATAGRAM);
        assert_eq!(to.open_datagram(from, &mut [0; MAX_DATAGRAM]), whole);
    }

    #[test]
    fn what_was_recorded_is_not_taken_again() {
        let (from, to) = (vault(&[1]), vault(&[1]));
        let sealed = from.seal(&message("default")).unwrap().into_owned();
        let addr = FROM.parse().unwrap();
        assert!(to.open(addr, &mut sealed.clone()).is_some());
        assert_eq!(
            to.try_open(addr, &mut sealed.clone()),
            Err(Refusal::Replayed)
        );
        assert_eq!(to.account(0).drops, [(Drop::Replayed, 1)]);
    }

    #[test]
    fn datagrams_do_not_make_a_slow_frame_look_old() {
        let (from, to) = (vault(&[1]), vault(&[1]));
        let message = message("default");
        let mut frame = from.seal_frame(&message).unwrap().into_owned();
        for _ in 0..5_000 {
            assert!(pass(&from, &to, &message).is_ok());
        }
        assert!(to.open(FROM.parse().unwrap(), &mut frame).is_some());
    }

    #[test]
    fn keys_are_changed_while_it_runs_and_shown_by_their_prints() {
        let vault = vault(&[1]);
        let text = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
        let entry = || Entry::parse(text).unwrap();
        let views = vault.add(entry()).unwrap();
        assert_eq!((views.len(), views[0].current), (2, true));
        let print = views[1].fingerprint.clone();
        assert_eq!(vault.select(&print).unwrap()[0].fingerprint, print);
        assert!(vault.remove(&print).is_err(), "it seals");
        assert_eq!(vault.remove(&views[0].fingerprint).unwrap().len(), 1);
        assert!(!format!("{:?}", vault.keys()).contains(text));
    }
}
