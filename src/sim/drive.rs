//! Drives the engines: hands them what arrives, carries out what they want,
//! and wakes them when they ask for it.

use rand::RngExt;

use super::node::{Input, NodeId, Run};
use super::world::{Happening, World};
use crate::engine::{Engine, Millis};

/// Wake-ups without progress that are taken for an endless loop.
const SPINS: u32 = 1_000;

impl World {
    pub(super) fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Wake { node, epoch } => self.wake(node, epoch),
            Happening::Datagram { from, to, bytes } => self.arrive(from, to, bytes),
            Happening::Refused { node, epoch, addr } => {
                if self.nodes[node].epoch == epoch {
                    self.feed(node, Input::Refused { addr: addr.into() });
                }
            }
            Happening::Connect { stream } => self.connect(stream),
            Happening::Segment { stream, side } => self.segment(stream, side),
            Happening::Deadline { stream } => self.deadline(stream),
            Happening::Script(script) => script(self),
        }
    }

    fn wake(&mut self, id: NodeId, epoch: u32) {
        let now = self.now();
        let node = &mut self.nodes[id];
        if node.epoch != epoch || node.wake != now || node.run != Run::Up {
            return; // of a former process, or brought forward, or asleep
        }
        node.wake = Millis::MAX;
        if node.timeout() > now {
            return self.schedule(id);
        }
        self.feed(id, Input::Timeout);
        let node = &mut self.nodes[id];
        node.spins = if node.timeout() > now {
            0
        } else {
            node.spins + 1
        };
        let (name, spins) = (node.name.clone(), node.spins);
        assert!(
            spins < SPINS,
            "{}: {name} wants to be woken for ever",
            self.place()
        );
    }

    /// Hands an input to a process, or to its kernel while it is stopped.
    pub(super) fn feed(&mut self, id: NodeId, input: Input) {
        let now = self.now();
        self.fingerprint = mix(self.fingerprint, now, id, &input);
        if let (Some(tapped), Input::Datagram { bytes, .. } | Input::Frame { bytes, .. }) =
            (&mut self.tapped, &input)
        {
            tapped.push(bytes.clone());
        }
        let node = &mut self.nodes[id];
        let local = node.local(now);
        let Some(engine) = node.engine.as_mut() else {
            return;
        };
        if node.run == Run::Paused {
            if !node.inbox.push(input) {
                node.traffic.overflowed += 1;
            }
            return;
        }
        match input {
            Input::Datagram { from, bytes } => {
                node.traffic.received += 1;
                engine.handle_datagram(local, from, &bytes);
            }
            Input::Refused { addr } => engine.handle_refused(local, addr),
            Input::Accepted { conn, from } => engine.handle_accepted(local, conn, from),
            Input::Opened { conn } => engine.handle_opened(local, conn),
            Input::Frame { conn, bytes } => engine.handle_frame(local, conn, &bytes),
            Input::Closed { conn, reason } => engine.handle_closed(local, conn, reason),
            Input::Timeout => engine.handle_timeout(local),
        }
        self.settle(id);
    }

    /// Has a command carried out by a running engine; gets its local time.
    pub fn command<R>(&mut self, id: NodeId, f: impl FnOnce(&mut Engine, Millis) -> R) -> R {
        let now = self.now();
        let node = &mut self.nodes[id];
        assert_eq!(node.run, Run::Up, "{} does not run", node.name);
        let local = node.local(now);
        let result = f(node.engine.as_mut().expect("it runs"), local);
        self.settle(id);
        result
    }

    /// After every input: effects are carried out, the oracle looks, and the
    /// next wake-up is scheduled.
    pub(super) fn settle(&mut self, id: NodeId) {
        self.carry_out(id);
        self.look(id);
        self.schedule(id);
    }

    /// Sees to it that the engine is woken when it wants to be. A wake-up that
    /// is on the queue already and comes earlier will look again.
    pub(super) fn schedule(&mut self, id: NodeId) {
        let now = self.now();
        let wanted = self.nodes[id].timeout().max(now);
        if wanted == Millis::MAX || wanted >= self.nodes[id].wake {
            return;
        }
        let late = if self.options.slack > 0 {
            self.rng.random_range(0..=self.options.slack)
        } else {
            0
        };
        let node = &mut self.nodes[id];
        let at = (wanted + late).min(node.wake);
        node.wake = at;
        let epoch = node.epoch;
        self.queue.push(at, Happening::Wake { node: id, epoch });
    }
}

/// Adds an input to the fingerprint of a run.
fn mix(so_far: u64, now: Millis, id: NodeId, input: &Input) -> u64 {
    let add =
        |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let bytes: &[u8] = match input {
        Input::Datagram { bytes, .. } | Input::Frame { bytes, .. } => bytes,
        _ => &[],
    };
    let kind = match input {
        Input::Datagram { .. } => 0,
        Input::Refused { .. } => 1,
        Input::Accepted { conn, .. } => 2 + 8 * conn,
        Input::Opened { conn } => 3 + 8 * conn,
        Input::Frame { conn, .. } => 4 + 8 * conn,
        Input::Closed { conn, .. } => 5 + 8 * conn,
        Input::Timeout => 6,
    };
    let head = add(add(add(so_far, now), id as u64), kind);
    bytes.chunks(8).fold(head, |hash, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        add(hash, u64::from_le_bytes(word))
    })
}
