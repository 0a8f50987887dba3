//! Identifiers in Seneca's form: letters and digits, unlikely to meet.

use std::sync::Mutex;

use rand::TryRng;
use rand::rngs::SysRng;

const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// A source of identifiers, seeded by the system.
#[derive(Debug)]
pub(super) struct Ids(Mutex<u64>);

impl Ids {
    pub fn new() -> Self {
        let seed = SysRng.try_next_u64().unwrap_or_else(|_| {
            // Still differs between processes and starts.
            let time = std::time::SystemTime::UNIX_EPOCH.elapsed();
            time.map_or(0, |t| t.as_nanos() as u64) ^ u64::from(std::process::id()) << 32
        });
        Ids(Mutex::new(seed))
    }

    /// Twelve characters.
    pub fn short(&self) -> String {
        let mut bits = self.next();
        let mut id = String::with_capacity(25);
        for _ in 0..12 {
            id.push(char::from(LETTERS[(bits % 36) as usize]));
            bits /= 36;
        }
        id
    }

    /// Of a message: `mi/tx`.
    pub fn message(&self) -> String {
        let mut id = self.short();
        id.push('/');
        id.push_str(&self.short());
        id
    }

    pub fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(|e| e.into_inner());
        // splitmix64
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Ids;

    #[test]
    fn ids_look_like_senecas_and_differ() {
        let ids = Ids::new();
        let all: HashSet<String> = (0..10_000).map(|_| ids.message()).collect();
        assert_eq!(all.len(), 10_000);
        for id in &all {
            let (mi, tx) = id.split_once('/').unwrap();
            assert!(mi.len() == 12 && tx.len() == 12);
            let plain = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase();
            assert!(mi.chars().chain(tx.chars()).all(plain));
        }
    }
}
