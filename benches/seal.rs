//! What the seal costs a datagram: `cargo bench --bench seal`.

use std::hint::black_box;
use std::time::Instant;

use seneca_gossip::wire::seal::{Key, Keyring, Nonces, Replay, Seal};
use seneca_gossip::wire::{MAX_MESSAGE, VERSION, text_hash};

const COUNT: u32 = 50_000;
const ROUNDS: usize = 9;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Microseconds a datagram, to seal and to open it, replay included.
fn round(size: usize) -> (f64, f64) {
    let seal = Seal::new("default");
    let ring = Keyring::from(Key::new([7; 32]));
    let key = ring.current().expect("a key");
    let mut message = vec![VERSION, 4];
    message.extend(text_hash("default").to_le_bytes());
    message.resize(size, 0x5a);
    let (mut nonces, mut replay) = (Nonces::new([1; 32]), Replay::default());
    let mut sealed = Vec::with_capacity(COUNT as usize);
    let begun = Instant::now();
    for _ in 0..COUNT {
        let nonce = nonces.next(1_000_000);
        sealed.push(seal.seal(key, &nonce, black_box(&message)).expect("sealed"));
    }
    let sealing = begun.elapsed();
    let begun = Instant::now();
    for bytes in &mut sealed {
        let opened = seal.open(&ring, |session| replay.key_of(session), bytes);
        let (nonce, key) = opened.expect("opened").seal.expect("sealed");
        replay.take(1_000_000, &nonce, key).expect("new");
    }
    let opening = begun.elapsed();
    let micros = |time: std::time::Duration| time.as_secs_f64() * 1e6 / f64::from(COUNT);
    (micros(sealing), micros(opening))
}

fn main() {
    println!("| bytes | seal µs | open µs |");
    println!("| ---: | ---: | ---: |");
    for size in [100, 600, MAX_MESSAGE] {
        let rounds: Vec<_> = (0..ROUNDS).map(|_| round(size)).collect();
        let seals = median(rounds.iter().map(|(seal, _)| *seal).collect());
        let opens = median(rounds.iter().map(|(_, open)| *open).collect());
        println!("| {size} | {seals:.2} | {opens:.2} |");
    }
}
