//! Messages at work for shards.

use crate::sharding::Shard;

/// Messages at work, by the number that they were given.
#[derive(Default)]
pub(super) struct Running {
    items: Vec<Option<(String, Shard, u64)>>,
    free: Vec<u32>,
}

impl Running {
    pub fn insert(&mut self, pin: &str, shard: Shard, epoch: u64) -> u32 {
        let item = Some((pin.to_owned(), shard, epoch));
        if let Some(ticket) = self.free.pop() {
            self.items[ticket as usize] = item;
            return ticket;
        }
        self.items.push(item);
        (self.items.len() - 1) as u32
    }

    pub fn remove(&mut self, ticket: u32) -> Option<(String, Shard, u64)> {
        let item = self.items.get_mut(ticket as usize)?.take()?;
        self.free.push(ticket);
        Some(item)
    }
}
