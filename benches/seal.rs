//! What the seal costs: to seal and to open a datagram, a frame, and to refuse
//! what has another key. Run: `cargo bench --bench seal`.

use std::hint::black_box;
use std::time::Instant;

use seneca_gossip::wire::seal::{Entry, Key, Keyring, MAX_KEYS, Nonce, Nonces, Replay, Seal};
use seneca_gossip::wire::{
    MAX_DATAGRAM, MAX_FRAME, MAX_MESSAGE, MAX_STREAM_MESSAGE, VERSION, text_hash,
};

const BATCHES: usize = 101;
const NOW: u64 = 1_735_689_600_000;

fn main() {
    println!("ns each              seal     open");
    let sizes = [
        ("a quiet opening", 28, 1_000),
        ("a full datagram", MAX_MESSAGE, 1_000),
        ("a full frame", MAX_STREAM_MESSAGE, 1),
    ];
    for (what, size, count) in sizes {
        let (seal, open) = run(size, count);
        println!("{what:<16} {seal:>8.0} {open:>8.0}");
    }
    println!(
        "refuse a full datagram under {MAX_KEYS} keys: {:.0}",
        refuse()
    );
}

fn message(size: usize) -> Vec<u8> {
    let mut message = vec![VERSION, 4];
    message.extend_from_slice(&text_hash("default").to_le_bytes());
    message.resize(size, 7);
    message
}

/// With what a node does for each message: a nonce, and a look at what came before.
/// The medians of batches, so that a pause of the machine does not count.
fn run(size: usize, count: usize) -> (f64, f64) {
    let seal = Seal::new("default");
    let key = Key::new([1; 32]);
    let ring = Keyring::from(key.clone());
    let mut nonces = Nonces::new([2; 32]);
    let mut replay = Replay::default();
    let message = message(size);
    let longest = if size > MAX_MESSAGE {
        MAX_FRAME
    } else {
        MAX_DATAGRAM
    };
    let (mut sealing, mut opening) = (Vec::new(), Vec::new());
    for _ in 0..BATCHES {
        let start = Instant::now();
        let sealed: Vec<Vec<u8>> = (0..count)
            .map(|_| {
                let nonce = nonces.next(NOW);
                let sealed = seal.seal(&key, &nonce, black_box(&message));
                sealed.expect("it fits")
            })
            .collect();
        sealing.push(start.elapsed().as_nanos() as f64 / count as f64);
        let start = Instant::now();
        for mut bytes in sealed {
            let check = |nonce: &Nonce| replay.check(NOW, nonce);
            assert!(bytes.len() <= longest);
            let opened = seal.open(&ring, check, black_box(&mut bytes));
            let (nonce, _) = opened.expect("it opens").seal.expect("it was sealed");
            replay.take(NOW, &nonce).expect("it is new");
        }
        opening.push(start.elapsed().as_nanos() as f64 / count as f64);
    }
    (median(sealing), median(opening))
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn refuse() -> f64 {
    const COUNT: usize = 20_000;
    let seal = Seal::new("default");
    let keys = (0..MAX_KEYS as u8).map(|n| Entry::Key(Key::new([n + 10; 32])));
    let ring = Keyring::new(keys).expect("so many are allowed");
    let nonce = Nonces::new([2; 32]).next(NOW);
    let sealed = seal.seal(&Key::new([1; 32]), &nonce, &message(MAX_MESSAGE));
    let mut sealed = sealed.expect("it fits");
    let start = Instant::now();
    for _ in 0..COUNT {
        assert!(
            seal.open(&ring, |_| Ok(()), black_box(&mut sealed))
                .is_err()
        );
    }
    start.elapsed().as_nanos() as f64 / COUNT as f64
}
