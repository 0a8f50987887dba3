//! TLS for a service: what it is given, and the connections that come of it.
//!
//! The authority is the cluster's own: whoever has a certificate of it is a
//! member. So both sides show one, and it is the authority that is checked, not
//! a name, since members are reached by address.

use std::fmt;
use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::client::{Resumption, WebPkiServerVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{
    CertificateDer, IpAddr, Ipv4Addr, PrivateKeyDer, ServerName,
};
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{
    AlertDescription, ClientConfig, Error, InvalidMessage, RootCertStore, ServerConfig,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::any_name::AnyName;
use super::tls_error::{TlsError, TlsPart, pem, unfit};

pub(super) type SecureStream = TlsStream<TcpStream>;

/// TLS for the calls of a service, both ways: given to
/// [`Builder::tls`](super::Builder::tls).
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use seneca_gossip::service::{Service, Tls};
///
/// let tls = Tls::from_pem(
///     &std::fs::read("ca.pem")?,
///     &std::fs::read("node.pem")?,
///     &std::fs::read("node.key")?,
/// )?;
/// let service = Service::builder().tls(tls);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tls {
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
    server_name: Option<ServerName<'static>>,
    request_cert: bool,
    plain: bool,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key is nobody's business.
        let mut out = f.debug_struct("Tls");
        out.field("authorities", &self.roots.len());
        out.field("chain", &self.chain.len());
        out.field("server_name", &self.server_name);
        out.field("request_cert", &self.request_cert);
        out.field("plain", &self.plain).finish_non_exhaustive()
    }
}

impl Tls {
    /// From PEM: the cluster's authority (or several), the certificate of this
    /// service, followed by those between it and the authority, and its key.
    pub fn from_pem(ca: &[u8], cert: &[u8], key: &[u8]) -> Result<Tls, TlsError> {
        let mut roots = RootCertStore::empty();
        for authority in certificates(ca, TlsPart::Ca)? {
            let added = roots.add(authority);
            added.map_err(|error| unfit(TlsPart::Ca, &error))?;
        }
        let chain = certificates(cert, TlsPart::Cert)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| pem(TlsPart::Key, &error))?;
        let pair = CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider());
        pair.map_err(|error| match error {
            Error::InconsistentKeys(_) => TlsError::KeyMismatch,
            Error::InvalidCertificate(_) => unfit(TlsPart::Cert, &error),
            _ => unfit(TlsPart::Key, &error),
        })?;
        Ok(Tls {
            roots: Arc::new(roots),
            chain,
            key: Arc::new(key),
            server_name: None,
            request_cert: true,
            plain: false,
        })
    }

    /// A name that the certificates of all members must have. Without it the
    /// authority alone counts.
    pub fn server_name(mut self, name: &str) -> Result<Self, TlsError> {
        let parsed = ServerName::try_from(name.to_string());
        self.server_name = Some(parsed.map_err(|_| TlsError::ServerName(name.into()))?);
        Ok(self)
    }

    /// Must callers show a certificate? They must by default; without it whoever
    /// reaches the call port may call.
    pub fn request_cert(mut self, request: bool) -> Self {
        self.request_cert = request;
        self
    }

    /// Are nodes without TLS served and called as well? They are not by default.
    /// To introduce TLS node by node: first with it everywhere, then without.
    pub fn plain(mut self, plain: bool) -> Self {
        self.plain = plain;
        self
    }

    pub(super) fn secure(self) -> Result<Secure, TlsError> {
        let setup = |error: Error| TlsError::Setup(error.to_string());
        let server = ServerConfig::builder_with_provider(provider());
        let server = server.with_safe_default_protocol_versions();
        let server = server.map_err(setup)?;
        let server = match self.request_cert {
            true => server.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(self.roots.clone(), provider())
                    .build()
                    .map_err(|error| TlsError::Setup(error.to_string()))?,
            ),
            false => server.with_no_client_auth(),
        };
        let mut server = server
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .map_err(setup)?;
        // Connections last, and each is to be looked at anew.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;

        let verifier: Arc<dyn ServerCertVerifier> = match self.server_name {
            Some(_) => WebPkiServerVerifier::builder_with_provider(self.roots.clone(), provider())
                .build()
                .map_err(|error| TlsError::Setup(error.to_string()))?,
            None => Arc::new(AnyName::new(self.roots, &provider())),
        };
        let mut client = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(setup)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_auth_cert(self.chain, self.key.clone_key())
            .map_err(setup)?;
        client.resumption = Resumption::disabled();
        client.enable_sni = self.server_name.is_some();
        let nobody = ServerName::IpAddress(IpAddr::V4(Ipv4Addr::from([0, 0, 0, 0])));
        Ok(Secure {
            acceptor: Arc::new(server).into(),
            connector: Arc::new(client).into(),
            name: self.server_name.unwrap_or(nobody),
            plain: self.plain,
        })
    }
}

/// TLS as it is spoken.
pub(super) struct Secure {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
    /// Looked at only if one was given.
    name: ServerName<'static>,
    plain: bool,
}

impl Secure {
    /// May others go without it?
    pub fn is_plain(&self) -> bool {
        self.plain
    }

    pub async fn connect(&self, stream: TcpStream) -> io::Result<SecureStream> {
        let connected = self.connector.connect(self.name.clone(), stream).await;
        connected.map(TlsStream::Client)
    }

    /// The connection comes back with the error: its other end is to read of it.
    pub async fn accept(&self, stream: TcpStream) -> Result<SecureStream, (io::Error, TcpStream)> {
        let accepted = self.acceptor.accept(stream).into_fallible().await;
        accepted.map(TlsStream::Server)
    }
}

/// What it means that a connection failed.
pub(super) fn explain(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            "it does not speak TLS".into()
        }
        Some(Error::InvalidCertificate(why)) => format!("its certificate is not accepted: {why}"),
        Some(Error::NoCertificatesPresented) => "it shows no certificate".into(),
        Some(Error::AlertReceived(alert)) => match alert {
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateRequired
            | AlertDescription::DecryptError
            | AlertDescription::AccessDenied => {
                format!("it refuses us: our certificate is not accepted ({alert:?})")
            }
            _ => format!("it refuses us ({alert:?})"),
        },
        _ => error.to_string(),
    }
}

/// Not the process's: that one may be another, or none.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificates(text: &[u8], part: TlsPart) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let read = read.map_err(|error| pem(part, &error))?;
    match read.is_empty() {
        true => Err(TlsError::Missing(part)),
        false => Ok(read),
    }
}
