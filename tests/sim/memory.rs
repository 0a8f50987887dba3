//! What a known member costs.

use super::*;

/// Nodes, keys that each user sets, and bytes of each value.
const NODES: usize = 500;
const KEYS: usize = 5;
const VALUE: usize = 100;

/// All that the world holds is counted, the network and the sockets as well.
#[test]
fn a_known_member_costs_at_most_two_kilobytes() {
    let before = super::heap::live();
    let options = Options {
        check: Check::Off,
        ..Options::new(1)
    };
    let mut world = joined_in(options, NODES);
    for id in 0..NODES {
        for key in 0..KEYS {
            let value = [id as u8; VALUE];
            world.set(id, &format!(".key{key}"), &value).expect("small");
        }
    }
    let all = world.wait_pairs(60_000, |world, a, b| world.agree(a, b));
    assert!(all.is_some(), "not everybody knows everything");
    world.run(10_000);
    let bytes = (super::heap::live() - before) as usize / (NODES * NODES);
    println!("{bytes} bytes a known member");
    assert!(bytes <= 2_000, "{bytes} bytes a known member");
}
