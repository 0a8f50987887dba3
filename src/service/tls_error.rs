//! Why a service cannot be given TLS.

use std::fmt;

use tokio_rustls::rustls::Error;
use tokio_rustls::rustls::pki_types::pem;

/// Which part of a [`Tls`](super::Tls) is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsPart {
    /// The certificates of the authorities.
    Ca,
    /// The certificate of this service.
    Cert,
    /// Its key.
    Key,
}

impl fmt::Display for TlsPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TlsPart::Ca => "ca",
            TlsPart::Cert => "cert",
            TlsPart::Key => "key",
        })
    }
}

/// Why a [`Tls`](super::Tls) cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// There is nothing of the kind in it.
    #[error(
        "tls {0}: there is none in it; it must be PEM, and a key must not be under a passphrase"
    )]
    Missing(TlsPart),
    /// It is no PEM.
    #[error("tls {part} cannot be read as PEM: {reason}")]
    Pem {
        /// Which one.
        part: TlsPart,
        /// What is wrong with it.
        reason: String,
    },
    /// It can be read and not be used.
    #[error("tls {part} cannot be used: {reason}")]
    Unfit {
        /// Which one.
        part: TlsPart,
        /// What is wrong with it.
        reason: String,
    },
    /// The key belongs to another certificate.
    #[error("tls key does not belong to the first certificate of tls cert")]
    KeyMismatch,
    /// It is no name.
    #[error("tls server_name must be a DNS name or an IP address, not '{0}'")]
    ServerName(String),
    /// Anything else.
    #[error("tls cannot be set up: {0}")]
    Setup(String),
}

pub(super) fn pem(part: TlsPart, error: &pem::Error) -> TlsError {
    match error {
        pem::Error::NoItemsFound => TlsError::Missing(part),
        // Some show what they have found, which may be of the key.
        pem::Error::MissingSectionEnd { .. } => TlsError::Pem {
            part,
            reason: "it has a beginning and no end".into(),
        },
        pem::Error::IllegalSectionStart { .. } => TlsError::Pem {
            part,
            reason: "it has no proper beginning".into(),
        },
        pem::Error::Base64Decode(_) => TlsError::Pem {
            part,
            reason: "its content is no base64".into(),
        },
        _ => TlsError::Pem {
            part,
            reason: "it is malformed".into(),
        },
    }
}

pub(super) fn unfit(part: TlsPart, error: &Error) -> TlsError {
    let mut reason = match error {
        // It is no peer's.
        Error::InvalidCertificate(why) => why.to_string(),
        _ => error.to_string(),
    };
    // What openssl makes where it is not told of any extension.
    if reason.contains("UnsupportedCertVersion") {
        reason =
            "it is of X.509 version 1, and must be of version 3: give openssl x509 an -extfile"
                .into();
    }
    TlsError::Unfit { part, reason }
}
