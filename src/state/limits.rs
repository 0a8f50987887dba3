//! Bounds on what is kept.

/// Bounds on the state that a node holds, so that nothing that arrives on the
/// gossip port can make it grow for ever.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Members, ourselves and the dead included.
    pub members: usize,
    /// Keys of one member, tombstones included.
    pub keys: usize,
    /// Bytes of a key's name.
    pub key: usize,
    /// Bytes of one value.
    pub value: usize,
    /// Bytes of all keys and values of one member.
    pub owner: usize,
    /// Bytes of the keys and values of all members.
    pub total: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            members: 10_000,
            keys: 4_096,
            key: 512,
            value: 64 * 1024,
            owner: 512 * 1024,
            total: 256 * 1024 * 1024,
        }
    }
}
