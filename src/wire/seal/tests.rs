//! What the seal promises: only who has the key reads and speaks, nothing is
//! taken twice, nothing longer, and no key in any text.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::wire::{MAX_DATAGRAM, MAX_MESSAGE, MAX_STREAM_MESSAGE};

const NOW: u64 = 1_735_689_600_000;
/// 32 bytes 0, 1, 2 ..
const TEXT: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn key(n: u8) -> Key {
    Key::new([n; 32])
}

fn ring(entries: &[Entry]) -> Keyring {
    Keyring::new(entries.iter().cloned()).unwrap()
}

fn message(body: &[u8]) -> Vec<u8> {
    let mut message = vec![VERSION, 4];
    message.extend_from_slice(&text_hash("blue").to_le_bytes());
    message.extend_from_slice(&7u64.to_le_bytes());
    message.extend_from_slice(body);
    message
}

fn nonce(session: u64, time: u64, count: u64) -> Nonce {
    Nonce {
        session,
        time,
        count,
    }
}

fn sealed(by: &Key, body: &[u8]) -> Vec<u8> {
    let seal = Seal::new("blue");
    seal.seal(by, &nonce(1, NOW, 1), &message(body)).unwrap()
}

fn open(ring: &Keyring, bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut bytes = bytes.to_vec();
    let opened = Seal::new("blue").open(ring, |_| Ok(()), &mut bytes);
    opened.map(|opened| bytes[opened.place].to_vec())
}

#[test]
fn a_key_is_32_bytes_in_base64_and_nothing_else() {
    let bytes: Vec<u8> = (0..32).collect();
    let key = Key::new(bytes.try_into().unwrap());
    assert_eq!(Key::parse(TEXT), Ok(key.clone()));
    assert_eq!(Key::parse(&format!(" {TEXT}\n")), Ok(key));
    for wrong in [
        "",
        "plain",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHhé=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8hIA==",
    ] {
        assert_eq!(Key::parse(wrong), Err(KeyError::NotAKey), "{wrong}");
    }
}

#[test]
fn no_text_about_keys_has_a_key_in_it() {
    let mut ring = Keyring::parse([TEXT, PLAIN]).unwrap();
    let fingerprint = Key::parse(TEXT).unwrap().fingerprint().to_string();
    let other = Key::new([0xfb; 32]);
    let mut texts = vec![
        format!("{ring:?}"),
        format!("{:?}", Key::parse(TEXT)),
        format!("{:?}", ring.views()),
        ring.remove(TEXT).unwrap_err().to_string(),
        ring.put_first(&"+/v7".repeat(11)).unwrap_err().to_string(),
        Key::parse(&TEXT[1..]).unwrap_err().to_string(),
    ];
    ring.add(other.into()).unwrap();
    texts.push(format!("{ring:#?}"));
    for text in &texts {
        for part in [&TEXT[..6], "AwQF", "251, 251", "0, 1, 2", "fbfb", "+/v7"] {
            assert!(!text.contains(part), "{text}");
        }
    }
    assert!(texts[0].contains(&fingerprint) && texts[3].contains(&fingerprint));
}

#[test]
fn a_ring_is_rotated_and_never_left_without_a_key_that_seals() {
    let (old, new) = (key(1), key(2));
    let (old_name, new_name) = (old.fingerprint().to_string(), new.fingerprint().to_string());
    let mut ring = Keyring::from(old.clone());
    assert_eq!(
        ring.remove(&old_name),
        Err(KeyError::Current(old_name.clone()))
    );
    ring.add(new.clone().into()).unwrap();
    ring.add(new.clone().into()).unwrap();
    assert_eq!(ring.current(), Some(&old));
    ring.put_first(&new_name).unwrap();
    assert_eq!(ring.current(), Some(&new));
    assert_eq!(open(&ring, &sealed(&old, b"x")), Ok(message(b"x")));
    ring.remove(&old_name).unwrap();
    assert_eq!(open(&ring, &sealed(&old, b"x")), Err(Refusal::WrongKey));
    let unknown = KeyError::Unknown(new_name);
    assert_eq!(ring.put_first(&old_name), Err(unknown.clone()));
    assert_eq!(ring.remove("plain"), Err(unknown));
    for n in 3..10 {
        ring.add(key(n).into()).unwrap();
    }
    assert_eq!(ring.add(key(99).into()), Err(KeyError::TooMany));
    assert_eq!(ring.views().len(), MAX_KEYS);
    assert_eq!(Keyring::new([]), Err(KeyError::Empty));
}

#[test]
fn whoever_is_refused_is_refused_for_the_right_reason() {
    let mine = Keyring::from(key(1));
    let plain = Keyring::default();
    let both = ring(&[Entry::Plain, key(1).into()]);
    let (by_one, by_two) = (sealed(&key(1), b"hi"), sealed(&key(2), b"hi"));
    let bare = message(b"hi");
    assert_eq!(open(&mine, &by_one), Ok(bare.clone()));
    assert_eq!(open(&both, &by_one), Ok(bare.clone()));
    assert_eq!(open(&both, &bare), Ok(bare.clone()));
    assert_eq!(open(&plain, &bare), Ok(bare.clone()));
    assert_eq!(open(&mine, &by_two), Err(Refusal::WrongKey));
    assert_eq!(open(&both, &by_two), Err(Refusal::WrongKey));
    assert_eq!(open(&plain, &by_one), Err(Refusal::NoKey));
    assert_eq!(open(&mine, &bare), Err(Refusal::Unsealed));
    assert_eq!(open(&mine, &[2; 99]), Err(Refusal::Version));
    assert_eq!(open(&mine, &bare[..17]), Err(Refusal::Malformed));
    assert_eq!(open(&mine, &by_one[..57]), Err(Refusal::Malformed));
    assert_eq!(open(&mine, &[]), Err(Refusal::Malformed));
    let red = Seal::new("red");
    for (ring, bytes) in [(&mine, &by_one), (&mine, &bare), (&plain, &by_one)] {
        let opened = red.open(ring, |_| Ok(()), &mut bytes.clone()).unwrap_err();
        assert_eq!(opened, Refusal::Cluster);
    }
    assert_eq!(red.seal(&key(1), &nonce(1, 1, 1), &bare), None);
}

#[test]
fn what_a_stranger_makes_up_is_refused_before_anything_is_looked_up_or_opened() {
    let ring = ring(&[key(1).into(), key(2).into()]);
    let whole = sealed(&key(2), b"hi");
    for at in HEAD..BODY {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        let unasked = |_: &Nonce| panic!("asked about a nonce that nobody made");
        let opened = Seal::new("blue").open(&ring, unasked, &mut bytes);
        assert_eq!(opened, Err(Refusal::WrongKey), "{at}");
    }
    let mut bytes = whole.clone();
    let known = |nonce: &Nonce| {
        assert_eq!((nonce.session, nonce.time, nonce.count), (1, NOW, 1));
        Err(Refusal::Replayed)
    };
    let opened = Seal::new("blue").open(&ring, known, &mut bytes);
    assert_eq!((opened, bytes), (Err(Refusal::Replayed), whole.clone()));
    // A nonce that was overheard opens nothing else.
    let mut bytes = whole;
    bytes[BODY] ^= 1;
    assert_eq!(open(&ring, &bytes), Err(Refusal::WrongKey));
}

#[test]
fn the_name_of_the_cluster_is_part_of_the_seal() {
    // Two names of one hash would otherwise be one cluster.
    let mut namesake = Seal::new("blue");
    namesake.context.extend_from_slice(b"r");
    let mut bytes = sealed(&key(1), b"hi");
    let opened = namesake.open(&key(1).into(), |_| Ok(()), &mut bytes);
    assert_eq!(opened, Err(Refusal::WrongKey));
}

#[test]
fn the_bounds_hold_with_the_seal() {
    let seal = Seal::new("blue");
    for (longest, bound) in [(MAX_MESSAGE, MAX_DATAGRAM), (MAX_STREAM_MESSAGE, MAX_FRAME)] {
        let message = message(&vec![7; longest - 18]);
        let sealed = seal.seal(&key(1), &nonce(1, 2, 3), &message).unwrap();
        assert_eq!((message.len(), sealed.len()), (longest, bound));
        assert_eq!(open(&key(1).into(), &sealed), Ok(message));
    }
    let long = message(&vec![7; MAX_FRAME]);
    assert_eq!(seal.seal(&key(1), &nonce(1, 2, 3), &long), None);
}

#[test]
fn nonces_never_repeat_across_runs_and_clocks() {
    let mut seen = HashSet::new();
    for run in 0..20u8 {
        let mut nonces = Nonces::new([run; 32]);
        let (mut last, mut wall) = (nonces.next(NOW), NOW);
        assert!(seen.insert(last.bytes()));
        for step in 0..500u64 {
            // Forward, on the spot, a little back, far back.
            wall = match step % 100 {
                99 => wall - 50_000,
                n if n % 3 == 0 => wall - 300,
                n => wall + n,
            };
            let next = nonces.next(wall);
            assert!(seen.insert(next.bytes()), "run {run}, step {step}");
            assert_eq!(Nonce::read(&next.bytes()), next);
            if next.session == last.session {
                assert!(next.time >= last.time && next.count == last.count + 1);
            } else {
                assert!(wall + nonce::BACK < last.time);
            }
            assert!(next.time.abs_diff(wall) <= nonce::BACK);
            last = next;
        }
    }
}

fn take(replay: &mut Replay, wall: u64, nonce: Nonce) -> Result<(), Refusal> {
    replay.take(wall, &nonce)
}

#[test]
fn a_clock_that_is_too_far_off_is_refused_and_told() {
    let mut replay = Replay::default();
    for (time, ahead) in [
        (NOW + TOLERANCE + 1, TOLERANCE as i64 + 1),
        (NOW - TOLERANCE - 1, -(TOLERANCE as i64) - 1),
        (u64::MAX, (u64::MAX - NOW).min(i64::MAX as u64) as i64),
        (0, -(NOW as i64)),
    ] {
        let refused = take(&mut replay, NOW, nonce(1, time, 1));
        assert_eq!(refused, Err(Refusal::Clock { ahead }));
    }
    assert!(replay.is_empty());
    take(&mut replay, NOW, nonce(1, NOW + TOLERANCE, 1)).unwrap();
    take(&mut replay, NOW, nonce(2, NOW - TOLERANCE, 1)).unwrap();
}

#[test]
fn messages_may_overtake_each_other_within_the_window() {
    let mut replay = Replay::default();
    let first = nonce(1, NOW, 5);
    assert_eq!(replay.check(NOW, &first), Ok(()));
    assert_eq!(replay.check(NOW, &first), Ok(()), "it only asks");
    for count in [5, WIDTH + 4, 6, 10_000, 10_001 - WIDTH] {
        take(&mut replay, NOW, nonce(1, NOW, count)).unwrap();
    }
    for count in [5, 6, 10_000 - WIDTH, 10_000, 10_001 - WIDTH] {
        let again = take(&mut replay, NOW, nonce(1, NOW, count));
        assert_eq!(again, Err(Refusal::Replayed), "{count}");
    }
}

#[test]
fn what_an_evicted_session_sent_is_not_taken_again() {
    let mut replay = Replay::with_room(3);
    for session in 1..=3 {
        take(&mut replay, NOW, nonce(session, NOW + session, 1)).unwrap();
    }
    take(&mut replay, NOW + 9, nonce(4, NOW + 9, 1)).unwrap();
    assert_eq!(replay.len(), 3);
    let old = nonce(1, NOW + 1, 1);
    assert_eq!(take(&mut replay, NOW + 9, old), Err(Refusal::Replayed));
    // Its sender goes on with what is new, and so does everybody else.
    take(&mut replay, NOW + 9, nonce(1, NOW + 10, 2)).unwrap();
    assert_eq!(take(&mut replay, NOW + 9, old), Err(Refusal::Replayed));
    take(&mut replay, NOW + 9, nonce(4, NOW + 10, 2)).unwrap();
}

#[test]
fn sessions_that_ended_are_forgotten_and_shut_nobody_out() {
    let mut replay = Replay::default();
    for session in 0..1_000 {
        take(&mut replay, NOW, nonce(session, NOW, 1)).unwrap();
    }
    let later = NOW + 2 * TOLERANCE;
    take(&mut replay, later, nonce(5_000, later - TOLERANCE, 1)).unwrap();
    assert_eq!(replay.len(), 1);
}

#[test]
fn a_cluster_whose_clocks_are_all_set_back_goes_on() {
    let mut replay = Replay::with_room(2);
    for session in 1..=3 {
        take(&mut replay, NOW, nonce(session, NOW, 1)).unwrap();
    }
    let back = NOW - 3_600_000;
    take(&mut replay, back, nonce(4, back, 1)).unwrap();
    // What is still known is still known.
    let again = take(&mut replay, NOW, nonce(3, NOW, 1));
    assert_eq!(again, Err(Refusal::Replayed));
}

proptest! {
    #[test]
    fn what_is_sealed_opens_to_the_same_and_is_40_bytes_longer(
        body in proptest::collection::vec(any::<u8>(), 0..1_142), at in 0usize..3,
        session: u64, time in 0u64..1 << 48, count in 0u64..1 << 48,
    ) {
        let keys = [key(1), key(2), key(3)];
        let ring = ring(&keys.clone().map(Entry::Key));
        let (seal, nonce) = (Seal::new("blue"), nonce(session, time, count));
        let mut bytes = seal.seal(&keys[at], &nonce, &message(&body)).unwrap();
        prop_assert_eq!(bytes.len(), 18 + body.len() + SEAL);
        prop_assert_eq!(bytes[0], SEALED);
        let opened = seal.open(&ring, |_| Ok(()), &mut bytes).unwrap();
        prop_assert_eq!(&bytes[opened.place], &message(&body)[..]);
        prop_assert_eq!(opened.seal, Some((nonce, keys[at].fingerprint())));
    }

    #[test]
    fn one_changed_bit_or_a_missing_byte_is_refused(
        body in proptest::collection::vec(any::<u8>(), 0..200), at: prop::sample::Index, bit in 0u8..8,
    ) {
        let whole = sealed(&key(1), &body);
        let mut bytes = whole.clone();
        bytes[at.index(whole.len())] ^= 1 << bit;
        prop_assert!(open(&key(1).into(), &bytes).is_err());
        prop_assert!(open(&key(1).into(), &whole[..at.index(whole.len())]).is_err());
    }

    /// Against a table that never forgets.
    #[test]
    fn nothing_is_ever_taken_twice(
        room in 1usize..6,
        steps in proptest::collection::vec((0u64..6, prop_oneof![0u64..30, 0u64..3_000], 0u64..100_000), 1..300),
    ) {
        let mut replay = Replay::with_room(room);
        let mut taken = HashSet::new();
        let mut wall = NOW;
        for (session, count, passes) in steps {
            wall += if passes > 90_000 { passes * 4 } else { passes % 50 };
            // A message's time is a function of it, as it is authenticated.
            let n = nonce(session, NOW + session * 100 + count * 100, count);
            if take(&mut replay, wall, n).is_ok() {
                prop_assert!(taken.insert((session, count)), "{:?} twice", n);
            }
            prop_assert!(replay.len() <= room);
        }
    }
}
