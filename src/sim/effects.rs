//! What the driver does for an engine: the simulated counterpart of `net`.

use std::net::SocketAddr;

use super::network::{Addr, PORT};
use super::node::{Input, NodeId, Run};
use super::report::{Death, Truth};
use super::world::{Happening, Heard, World};
use crate::engine::{Effect, Event};
use crate::wire::{MAX_MESSAGE, MAX_STREAM_MESSAGE};

impl World {
    /// Carries out whatever an engine wants done.
    pub(super) fn carry_out(&mut self, id: NodeId) {
        loop {
            let Some(engine) = self.nodes[id].engine.as_mut() else {
                return;
            };
            let Some(effect) = engine.poll() else { return };
            match effect {
                Effect::Send { to, bytes } => self.send(id, PORT, to, bytes),
                Effect::Probe { to, bytes } => self.probe(id, to, bytes),
                Effect::Open { conn, to } => {
                    assert_eq!(conn % 2, 0, "{}: engines number evenly", self.place());
                    self.open(id, conn, to);
                }
                Effect::Write { conn, bytes } => {
                    let size = bytes.len();
                    assert!(
                        size <= MAX_STREAM_MESSAGE,
                        "{}: a frame of {size} bytes",
                        self.place()
                    );
                    self.write(id, conn, bytes);
                }
                Effect::Close { conn } => self.close(id, conn),
                Effect::Event(event) => self.hear(id, event),
            }
        }
    }

    fn probe(&mut self, id: NodeId, to: SocketAddr, bytes: Vec<u8>) {
        let now = self.now();
        let Some(peer) = Addr::pack(to) else { return };
        let port = self.nodes[id].sockets.to(now, peer);
        self.send(id, port, to, bytes);
    }

    fn send(&mut self, id: NodeId, port: u16, to: SocketAddr, bytes: Vec<u8>) {
        let size = bytes.len();
        assert!(
            size <= MAX_MESSAGE,
            "{}: a datagram of {size} bytes",
            self.place()
        );
        let node = &mut self.nodes[id];
        node.traffic.datagrams += 1;
        node.traffic.bytes += size as u64;
        node.traffic.longest = node.traffic.longest.max(size);
        let Some(to) = Addr::pack(to) else { return };
        let from = Addr::of(node.host, port);
        self.transmit(from, to, bytes);
    }

    /// Puts a datagram on the network.
    fn transmit(&mut self, from: Addr, to: Addr, bytes: Vec<u8>) {
        let now = self.now();
        let hosts = from
            .host()
            .zip(to.host())
            .filter(|&(_, to)| to < self.hosts.len());
        let Some((source, target)) = hosts else {
            self.stray += bytes.len() as u64;
            return;
        };
        let fate = self.network.fate(&mut self.rng, source, target);
        let mut bytes = bytes;
        for (at, delay) in fate.delays().iter().enumerate() {
            let last = at + 1 == fate.delays().len();
            let copy = if last {
                std::mem::take(&mut bytes)
            } else {
                bytes.clone()
            };
            self.queue.push(
                now + delay,
                Happening::Datagram {
                    from,
                    to,
                    bytes: copy,
                },
            );
        }
    }

    /// A datagram reaches a host.
    pub(super) fn arrive(&mut self, from: Addr, to: Addr, bytes: Vec<u8>) {
        let Some(target) = to.host() else { return };
        match self.hosts[target].occupant {
            Some(id) if to.port == PORT || self.nodes[id].sockets.hears(to.port, from) => {
                self.feed(
                    id,
                    Input::Datagram {
                        from: from.into(),
                        bytes,
                    },
                );
            }
            Some(_) => {}
            None if self.hosts[target].silent => {}
            None => self.refuse(from, to),
        }
    }

    /// 'Port unreachable' goes back; only a connected socket hears of it.
    fn refuse(&mut self, from: Addr, to: Addr) {
        let (Some(source), Some(target)) = (from.host(), to.host()) else {
            return;
        };
        let Some(node) = self.hosts.get(source).and_then(|host| host.occupant) else {
            return;
        };
        if !self.network.conditions.icmp || !self.nodes[node].sockets.hears(from.port, to) {
            return;
        }
        let now = self.now();
        let epoch = self.nodes[node].epoch;
        let fate = self.network.fate(&mut self.rng, target, source);
        if let Some(delay) = fate.delays().first() {
            self.queue.push(
                now + delay,
                Happening::Refused {
                    node,
                    epoch,
                    addr: to,
                },
            );
        }
    }

    /// Somebody who is no engine sends a datagram, right into the socket of a
    /// node and from whatever address he likes to write on it.
    pub fn inject(&mut self, to: NodeId, from: SocketAddr, bytes: Vec<u8>) {
        if self.nodes[to].run != Run::Down {
            self.feed(to, Input::Datagram { from, bytes });
        }
    }

    /// Keeps the books on what an engine tells its user.
    fn hear(&mut self, id: NodeId, event: Event) {
        let at = self.now();
        match &event {
            Event::Suspect { .. } => self.suspicions += 1,
            Event::Fail { name } => {
                if let Some(&subject) = self.names.get(name) {
                    let truth = self.truth(id, subject);
                    self.deaths.push(Death {
                        at,
                        observer: id,
                        subject,
                        truth,
                    });
                }
            }
            _ => {}
        }
        self.oracle.hear(id, &event);
        if self.options.record {
            self.heard.push(Heard {
                at,
                node: id,
                event,
            });
        }
    }

    /// What is true of a node that another one has just declared dead.
    fn truth(&self, observer: NodeId, subject: NodeId) -> Truth {
        let node = &self.nodes[subject];
        let span = self.now() - node.since;
        let former = || {
            let known = self.engine(observer).digest_of(&node.name);
            known.is_some_and(|(generation, _)| generation != self.engine(subject).generation())
        };
        match node.run {
            Run::Down => Truth::Gone(span),
            Run::Paused => Truth::Stopped(span),
            // It is back already, but the verdict is about the process before.
            Run::Up if former() => Truth::Gone(span),
            Run::Up => {
                let (a, b) = (self.nodes[observer].host, node.host);
                let reachable = self.network.open(a, b) && self.network.open(b, a);
                if reachable {
                    Truth::Working
                } else {
                    Truth::Unreachable
                }
            }
        }
    }
}
