//! Stands in for `tls.rs` where the crate is built without the feature `tls`:
//! there is nothing that a service could be given.

use std::io;

use tokio::net::TcpStream;

/// Never made.
pub(super) type SecureStream = TcpStream;

/// Never made.
pub(super) enum Secure {}

impl Secure {
    pub fn is_plain(&self) -> bool {
        match *self {}
    }

    pub async fn connect(&self, _: TcpStream) -> io::Result<SecureStream> {
        match *self {}
    }

    pub async fn accept(&self, _: TcpStream) -> Result<SecureStream, (io::Error, TcpStream)> {
        match *self {}
    }
}

/// What it means that a connection failed.
pub(super) fn explain(error: &io::Error) -> String {
    error.to_string()
}
