//! The right to execute calls for a shard, and how it moves.
//!
//! The [`Ownership`](super::Ownership) says who *should* own a shard. Views
//! differ for some rounds of gossip, so that alone would let two nodes execute. The right is a
//! token for each shard, which is *held* by one node, or *granted* to one that
//! has not taken it yet. Everybody publishes what it holds and what it granted
//! not long ago ([`Claim`](super::Claim)). "Now" is what a node knows; nothing here waits for
//! agreement.
//!
//! **Who may take a shard.** Only its target owner, when it is ready, and
//! 1. no other member that is present holds it, and
//! 2. its latest grant, if there is one, is to this node or to a node that is
//!    gone. Of two grants the one with the higher number is the later, because
//!    a giver's number is above all that it has seen; and
//! 3. unless it was granted to this node, this has been ready for `settle` ms.
//!
//! Or, whatever others say, when it has been the target owner for `handover`
//! ms.
//!
//! **How it is given away.** A holder that is no longer the target owner takes
//! no new call for it, lets running ones end, has the user's handler flush, and
//! then, in one published value, ceases to hold it and grants it to the target
//! owner of its view. After `handover` ms it does so even if something is still
//! running. A node that is granted a shard and is not its target owner passes
//! the grant on, without having executed anything. Without a target owner the
//! grant is to nobody. Grants are published for `handover` ms, and so long each
//! listener heeds one; if the giver is gone, for `settle` ms.
//!
//! **What follows**, as long as gossip takes less than half of `settle`, nobody
//! dies, and handovers end within `handover`: no two nodes have the right at
//! one time. For a node that takes a shard sees a grant to itself, which only
//! it can use up; or a grant to a node that left, which was not granted
//! anything of late, because it stayed for `settle` after it had said that it
//! is not ready; or nothing ever said, where `settle` makes that two takers
//! know of each other's readiness, and then they agree on the target. The
//! cases:
//!
//! - *Two joins at once*: A holds, B joins, C joins, the shard goes A to B to
//!   C. A grants to B by its view. C sees the grant and waits for B, though B
//!   never held it. B, which knows of C, passes it on at once, or else executes
//!   for a while and then releases it to C. Nobody guesses who came before: the
//!   chain is in the grants.
//! - *A to B and back before A released*: A goes on as if nothing had happened.
//!   If its flush handler was already called, the flush ends, and A gains the
//!   shard anew in a new epoch. If the grant to B is out, B passes it back.
//! - *The new owner crashes while it waits*: the target is another, to whom A
//!   releases. If the grant was out, its receiver is gone, and the next target
//!   owner takes the shard.
//! - *The old owner crashes*: it is gone once it is dead or begins a new run;
//!   who is the target owner by then need not wait.
//! - *A node returns quickly*: a new run holds nothing. It is the target owner
//!   of the same shards, since only its name counts; others either never took
//!   them, or give them back as to any newcomer.
//! - *The first nodes of a cluster*: nothing was ever heard of any shard. A
//!   node that joined by a seed has the seed's whole state before it is ready,
//!   so it would know; `settle` covers nodes that start at the same moment.
//! - *A holder leaves*: it says that it is not ready, which moves its shards,
//!   and is [`drained`](Handover::drained) once all is released and its last
//!   words had `settle` ms to be heard. Its grants outlive it.
//! - *A partition, or a wrong verdict of death*: both sides hold shards. When
//!   they meet, the one that sees the other's *later* claim (the higher epoch)
//!   gives the shard up, target owner or not, and gains it anew from the
//!   other's release: what it has in memory is old.
//!
//! **Epochs.** Each node counts above all that it has heard of the pin (a
//! Lamport clock). A gain is a new epoch; with the owner's name it is unique,
//! and above that of every owner whose claim the new one had seen: all of them
//! in a chain of grants.

mod io;
mod machine;
mod moves;
mod others;
mod slot;

pub use io::{Config, Counters, Decision, Division, Mismatch, Output, Presence};
pub use machine::Handover;
