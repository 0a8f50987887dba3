//! Neighbours on the same network, without configuration: nodes announce
//! themselves by multicast, every second until the first sync and now and then
//! afterwards. Off unless it is asked for.
//!
//! An announcement brings a seed and nothing else: the address that it came
//! from, with the gossip port that it names. Whether somebody is there, and of
//! our cluster, shows when it is joined by. Answers are announcements as well,
//! to the group, so nobody can be flooded by means of a forged question.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::select;
use tokio::time::sleep;

use super::found::Found;
use super::options::StartError;
use super::seeds::{EAGER, update};
use super::shared::Shared;
use super::udp::{Ears, Ready, Udp};
use crate::engine::{Drop, Level, Millis};
use crate::wire::{Announce, Envelope, MAX_DATAGRAM, MAX_MESSAGE, Message, NodeId, Writer};

/// Addresses of interfaces that are used at most.
const MAX_INTERFACES: usize = 16;
/// A neighbour is forgotten after so many announcements that did not come.
const MISSED: Millis = 4;
/// An answer comes within this time, each node at a moment of its own.
const SPREAD: Millis = 100;
/// Datagrams that are read before others get their turn.
const BATCH: usize = 16;

/// Where nodes announce themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multicast {
    /// The group, the same on all nodes.
    pub group: Ipv4Addr,
    /// Its port, the same on all nodes.
    pub port: u16,
    /// Address of the one interface that is used; `None` is all of them.
    pub interface: Option<Ipv4Addr>,
}

impl Default for Multicast {
    fn default() -> Self {
        Multicast {
            // Of the local scope of RFC 2365: routers keep it inside. S, G.
            group: Ipv4Addr::new(239, 255, 83, 71),
            port: 8371,
            interface: None,
        }
    }
}

impl Multicast {
    /// Could it work?
    pub(super) fn is_sound(&self) -> bool {
        self.group.is_multicast() && self.port != 0
    }
}

/// Who announces itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Speaker {
    /// Its id.
    pub me: NodeId,
    /// Hash of its cluster's name.
    pub cluster: u64,
    /// What its gossip port is bound to.
    pub bound: SocketAddr,
    /// Pause between two announcements once it has joined.
    pub calm: Duration,
}

/// The sockets of a node that announces itself.
pub(super) struct Caller {
    config: Multicast,
    speaker: Speaker,
    ears: Ears,
    mouth: Socket,
    found: Found,
    /// What went wrong last: told once.
    complaints: BTreeSet<String>,
}

impl Caller {
    /// Opens the sockets; must be called inside the runtime.
    pub(super) fn open(config: &Multicast, speaker: Speaker) -> Result<Caller, StartError> {
        if speaker.bound.is_ipv6() && !speaker.bound.ip().is_unspecified() {
            return Err(StartError::BadOption {
                option: "discover",
                expected: "left out where an IPv6 address is bound: multicast is of IPv4",
            });
        }
        let failed = |source| StartError::Io {
            what: "multicast",
            source,
        };
        let calm = speaker.calm.as_millis() as Millis;
        let group = Udp::group(SocketAddrV4::new(config.group, config.port));
        Ok(Caller {
            ears: Ears::of(&Arc::new(group.map_err(failed)?)).map_err(failed)?,
            mouth: mouth().map_err(failed)?,
            config: config.clone(),
            speaker,
            found: Found::new(MISSED * calm),
            complaints: BTreeSet::new(),
        })
    }

    /// Addresses of the interfaces to be used, as of now.
    fn interfaces(&self) -> Vec<Ipv4Addr> {
        match (self.config.interface, self.speaker.bound.ip()) {
            (Some(ip), _) => return vec![ip],
            (None, IpAddr::V4(ip)) if !ip.is_unspecified() => return vec![ip],
            _ => {}
        }
        let all = if_addrs::get_if_addrs().unwrap_or_default();
        let v4 = all.iter().filter(|i| !i.is_loopback()).map(|i| i.ip());
        let v4 = v4.filter_map(|ip| match ip {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        });
        let v4: Vec<Ipv4Addr> = v4.take(MAX_INTERFACES).collect();
        if v4.is_empty() {
            return vec![Ipv4Addr::LOCALHOST];
        }
        v4
    }

    /// Says that we are here, on every interface. Interfaces come and go, so the
    /// group is joined each time as well.
    fn announce(&mut self, shared: &Shared) {
        let announce = Announce {
            port: self.speaker.bound.port(),
            joined: shared.is_synced(),
        };
        let mut w = Writer::new(MAX_MESSAGE);
        announce.write(&mut w, self.speaker.cluster, self.speaker.me);
        let message = w.finish();
        let to = SocketAddrV4::new(self.config.group, self.config.port).into();
        for ip in self.interfaces() {
            // Sealed for each: who hears two of them would take the second one for
            // a recorded one.
            let Some(bytes) = shared.vault.seal(&message) else {
                return;
            };
            let joined = self.ears.udp().join(self.config.group, ip);
            let sent = self.mouth.set_multicast_if_v4(&ip);
            let sent = sent.and_then(|()| self.mouth.send_to(&bytes, &to));
            if let Err(error) = joined.and(sent) {
                self.complain(shared, ip, &error);
            }
        }
        self.found.said(shared.clock().millis());
    }

    fn complain(&mut self, shared: &Shared, ip: Ipv4Addr, error: &io::Error) {
        let text = format!("multicast on {ip} failed: {error}; trying again");
        if self.complaints.len() < MAX_INTERFACES && self.complaints.insert(text.clone()) {
            shared.log(Level::Warn, text);
        }
    }

    /// A datagram came to the group.
    fn hear(
        &mut self,
        shared: &Shared,
        now: Millis,
        from: SocketAddr,
        bytes: &mut [u8],
    ) -> Option<Drop> {
        if !self.found.afford(now) {
            return Some(Drop::Limit);
        }
        if bytes.len() > MAX_DATAGRAM {
            return Some(Drop::Oversized);
        }
        // What cannot be opened is counted there.
        let message = shared.vault.open(from, bytes)?;
        let bytes = &bytes[message];
        if Envelope::cluster_of(bytes).is_some_and(|cluster| cluster != self.speaker.cluster) {
            return Some(Drop::Cluster);
        }
        let envelope = match Envelope::decode(bytes) {
            Ok(envelope) => envelope,
            Err(error) => return Some(error.into()),
        };
        let Message::Announce(announce) = envelope.message else {
            return Some(Drop::Misplaced);
        };
        // We hear ourselves: other processes of this host have to.
        if envelope.from == self.speaker.me {
            return None;
        }
        if !self
            .found
            .hear(now, SocketAddr::new(from.ip(), announce.port))
        {
            return Some(Drop::Limit);
        }
        if announce.joined {
            self.found.other_answered();
        } else if shared.is_synced() {
            self.found.ask(now, self.speaker.me.0 % SPREAD);
        }
        None
    }

    /// Takes what has come.
    fn read(&mut self, shared: &Arc<Shared>, buffer: &mut [u8], received: &[(usize, SocketAddr)]) {
        let now = shared.clock().millis();
        let size = MAX_DATAGRAM + 1;
        for ((len, from), bytes) in received.iter().zip(buffer.chunks_mut(size)) {
            if let Some(reason) = self.hear(shared, now, *from, &mut bytes[..*len]) {
                shared.engine(|engine, _| engine.count_drop(reason));
            }
        }
    }
}

/// A socket to send from: not beyond the next router, and to this host as well.
fn mouth() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_multicast_ttl_v4(1)?;
    socket.set_multicast_loop_v4(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into())?;
    Ok(socket)
}

fn take(mut ready: Ready<'_>, buffer: &mut [u8]) -> Vec<(usize, SocketAddr)> {
    let mut received = Vec::new();
    for slot in buffer.chunks_mut(MAX_DATAGRAM + 1) {
        match ready.try_recv(slot) {
            Ok(one) => received.push(one),
            Err(_) => break,
        }
    }
    received
}

/// Announces a node, and listens for others, until it is aborted.
pub(super) async fn discover(shared: Arc<Shared>, mut caller: Caller) {
    let mut buffer = vec![0; BATCH * (MAX_DATAGRAM + 1)];
    let mut due = 0;
    loop {
        let now = shared.clock().millis();
        if now >= due || caller.found.next().is_some_and(|answer| now >= answer) {
            caller.announce(&shared);
            due = now + pause(&shared, &caller.speaker);
        }
        let addrs = caller.found.addrs(now);
        update(&shared, |book| book.found = addrs);
        let next = caller.found.next().map_or(due, |answer| answer.min(due));
        // The first sync makes the pause longer, and nothing makes it shorter.
        let wait = Duration::from_millis(next.saturating_sub(now));
        let received = select! {
            ready = caller.ears.ready() => match ready {
                Ok(ready) => take(ready, &mut buffer),
                Err(_) => return, // the runtime ends
            },
            () = sleep(wait) => continue,
        };
        caller.read(&shared, &mut buffer, &received);
        tokio::task::yield_now().await;
    }
}

fn pause(shared: &Shared, speaker: &Speaker) -> Millis {
    let pause = if shared.is_synced() {
        speaker.calm
    } else {
        EAGER
    };
    pause.as_millis() as Millis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_do_not_leave_the_network_and_reach_this_host() {
        let mouth = mouth().unwrap();
        assert_eq!(mouth.multicast_ttl_v4().unwrap(), 1);
        assert!(mouth.multicast_loop_v4().unwrap());
    }

    #[test]
    fn only_a_group_with_a_port_is_sound() {
        let multicast = Multicast::default();
        assert!(multicast.is_sound());
        // Administratively scoped, and local at that: RFC 2365.
        assert_eq!(multicast.group.octets()[..2], [239, 255]);
        for (group, port) in [(Ipv4Addr::LOCALHOST, 1), (multicast.group, 0)] {
            let other = Multicast {
                group,
                port,
                interface: None,
            };
            assert!(!other.is_sound());
        }
    }

    #[tokio::test]
    async fn many_listen_to_one_group_of_a_machine_and_all_hear() {
        let free = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        let group = Multicast::default().group;
        let to = SocketAddrV4::new(group, port);
        let ears = [(); 3].map(|()| Ears::of(&Arc::new(Udp::group(to).unwrap())).unwrap());
        for ear in &ears {
            ear.udp().join(group, Ipv4Addr::LOCALHOST).unwrap();
            ear.udp().join(group, Ipv4Addr::LOCALHOST).unwrap();
        }
        let mouth = mouth().unwrap();
        mouth.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        mouth.send_to(b"here", &to.into()).unwrap();
        for ear in &ears {
            let ready = tokio::time::timeout(Duration::from_secs(5), ear.ready());
            let mut buffer = vec![0; MAX_DATAGRAM + 1];
            let heard = take(ready.await.unwrap().unwrap(), &mut buffer);
            assert_eq!((heard.len(), &buffer[..4]), (1, &b"here"[..]));
            assert_eq!(heard[0].1.ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
    }
}
