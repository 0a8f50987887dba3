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

#[test]
fn fifty_lives_leave_no_thread_and_no_socket() {
    cycle(false); // whatever is made once and kept
    let before = (count("task"), count("fd"));
    for i in 0..50 {
        cycle(i % 10 == 0);
    }
    // A thread is listed until the system has tidied it away.
    let begun = Instant::now();
    while (count("task"), count("fd")) != before {
        let now = (count("task"), count("fd"));
        let patient = begun.elapsed() < Duration::from_secs(10);
        assert!(
            patient,
            "threads and files: {before:?} before, {now:?} after"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
