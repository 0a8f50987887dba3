//! Receives datagrams and does nothing with them: what a flood costs whoever
//! only listens, for `npm run bench:attack`. Prints its port, and ends with its
//! input.

use std::io::Read;
use std::net::UdpSocket;

use socket2::SockRef;

fn main() -> std::io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    let _ = SockRef::from(&socket).set_recv_buffer_size(4 * 1024 * 1024);
    println!("{}", socket.local_addr()?.port());
    std::thread::spawn(move || {
        let mut buffer = [0; 2_048];
        while socket.recv_from(&mut buffer).is_ok() {}
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
