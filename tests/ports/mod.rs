//! Ports for nodes that come back to the port that they had.

use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

/// How many pairs this process has looked at.
static LOOKED: AtomicU32 = AtomicU32::new(0);

/// A port that is free now for TCP and UDP, as its successor is. Below the
/// range from which the system serves whoever asks for any port, so that
/// nobody takes it while its node is away; a new one at each call.
pub fn free_port() -> u16 {
    let is_free = |port: u16| {
        TcpListener::bind(("127.0.0.1", port)).is_ok()
            && UdpSocket::bind(("127.0.0.1", port)).is_ok()
    };
    loop {
        let looked = LOOKED.fetch_add(1, Ordering::Relaxed);
        // Test processes that run side by side begin at different places.
        let pair = (std::process::id().wrapping_mul(64).wrapping_add(looked)) % 10_000;
        let port = 10_000 + 2 * pair as u16;
        if is_free(port) && is_free(port + 1) {
            return port;
        }
    }
}
