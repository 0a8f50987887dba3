//! The options of TLS, of programs that are called.

use std::fs::read;

use seneca_gossip::service::{Builder, Tls};

/// What was given on the command line.
#[derive(Debug, Default)]
pub struct TlsArgs {
    /// File of the cluster's authority.
    pub ca: Option<String>,
    /// File of the certificate.
    pub cert: Option<String>,
    /// File of its key.
    pub key: Option<String>,
    /// Name that the certificates of all members must have.
    pub name: Option<String>,
    /// Are nodes without TLS served and called as well?
    pub plain: bool,
}

impl TlsArgs {
    /// All of it, or nothing at all.
    pub fn give(self, builder: Builder) -> Result<Builder, String> {
        let (ca, cert, key) = match (self.ca, self.cert, self.key) {
            (None, None, None) if self.name.is_none() && !self.plain => return Ok(builder),
            (Some(ca), Some(cert), Some(key)) => (ca, cert, key),
            _ => return Err("TLS needs --tls-ca, --tls-cert and --tls-key".into()),
        };
        let file = |path: &str| read(path).map_err(|error| format!("{path}: {error}"));
        let tls = Tls::from_pem(&file(&ca)?, &file(&cert)?, &file(&key)?);
        let mut tls = tls.map_err(|error| error.to_string())?.plain(self.plain);
        if let Some(name) = &self.name {
            tls = tls.server_name(name).map_err(|error| error.to_string())?;
        }
        Ok(builder.tls(tls))
    }
}
