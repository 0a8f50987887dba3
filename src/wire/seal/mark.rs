//! A mark at the end of each nonce, which only who has the key can make.
//!
//! It says with which key a message was sealed, and refuses what a stranger made
//! up for a thirtieth of the price of trying to open it. What passes is opened,
//! which alone decides: to find a mark by chance (one in 2^32) wins nothing but
//! that.

use std::hash::Hasher;

use chacha20::{R20, hchacha};
use siphasher::sip::SipHasher24;

use super::MARK;
use super::nonce::NUMBERS;

/// What HChaCha20 makes the marks' own key of. No nonce begins so: its session
/// and its time would be the highest that there are.
const DOMAIN: [u8; 16] = [0xff; 16];

/// Makes the marks of a key: the low half of SipHash-2-4 over the rest of the
/// nonce.
#[derive(Clone)]
pub(super) struct Marker(SipHasher24);

impl Marker {
    /// Of the key of these bytes.
    pub fn of(key: &[u8; 32]) -> Self {
        let made = hchacha::<R20>(key.into(), &DOMAIN.into());
        let mut own = [0; 16];
        own.copy_from_slice(&made[..16]);
        Marker(SipHasher24::new_with_key(&own))
    }

    /// The mark for these numbers of a nonce.
    pub fn mark(&self, numbers: &[u8; NUMBERS]) -> [u8; MARK] {
        let mut hash = self.0;
        hash.write(numbers);
        (hash.finish() as u32).to_le_bytes()
    }
}
