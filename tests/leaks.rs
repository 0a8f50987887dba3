//! What a closed node leaves behind: nothing. Alone in its process, because it
//! counts the threads and files of the whole of it.
#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use seneca_gossip::net::{Cluster, Options};

fn count(what: &str) -> usize {
    let entries = std::fs::read_dir(format!("/proc/self/{what}"));
    entries.expect("procfs").count()
}

fn start(seeds: &[&Cluster]) -> Cluster {
    let options = Options {
        seeds: seeds.iter().map(|seed| seed.name().to_string()).collect(),
        ..Options::default()
    };
    Cluster::start_blocking(options).expect("a node starts")
}

fn cycle(goodbye: bool) {
    let a = start(&[]);
    let b = start(&[&a]);
    let begun = Instant::now();
    while a.members().len() + b.members().len() < 4 {
        assert!(begun.elapsed() < Duration::from_secs(30), "they never met");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(count("task") > 2, "the nodes have threads of their own");
    if goodbye {
        b.leave_blocking();
    }
    b.close();
    a.close();
}

/// Threads and files of this process, once they have been the same for half a
/// second: a thread is listed until the system has tidied it away.
fn settled() -> (usize, usize) {
    let mut counted = (count("task"), count("fd"));
    let mut since = Instant::now();
    let begun = Instant::now();
    while since.elapsed() < Duration::from_millis(500) {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "never at rest: {counted:?}"
        );
        std::thread::sleep(Duration::from_millis(10));
        let now = (count("task"), count("fd"));
        if now != counted {
            (counted, since) = (now, Instant::now());
        }
    }
    counted
}

#[test]
fn fifty_lives_leave_no_thread_and_no_socket() {
    cycle(false); // whatever is made once and kept
    let before = settled();
    for i in 0..50 {
        cycle(i % 10 == 0);
    }
    let after = settled();
    assert!(
        after.0 <= before.0 && after.1 <= before.1,
        "threads and files: {before:?} before, {after:?} after"
    );
}
