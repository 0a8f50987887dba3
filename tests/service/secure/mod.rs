//! The call port with TLS: who has a certificate of the cluster's authority may
//! call, and everybody else is told why not.

mod members;
mod strangers;

use std::sync::Arc;

use seneca_gossip::service::{ActError, Builder, Service, Tls};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::cluster::knows;
use super::join;
fn read(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/test/support/certs/");
    std::fs::read(format!("{folder}{name}")).unwrap()
}

fn tls(name: &str) -> Tls {
    let (cert, key) = (read(&format!("{name}.pem")), read(&format!("{name}.key")));
    Tls::from_pem(&read("ca.pem"), &cert, &key).unwrap()
}

fn member() -> Tls {
    tls("node")
}

/// Knows the right authority, but has its certificate from another one.
fn stranger() -> Tls {
    tls("stranger")
}

/// A client, once it knows so many targets of `role:api,cmd:mcl`.
async fn client(builder: Builder, seed: &Service, targets: usize) -> Service {
    let client = join(builder, seed).await;
    knows(&client, "cmd:mcl,role:api", targets).await;
    client
}

async fn product(client: &Service) -> Result<Value, ActError> {
    let msg = json!({ "role": "api", "cmd": "mcl", "left": 6, "right": 7 });
    client.act(msg).await
}

fn kind_of(service: &Service) -> String {
    let view = service.members().remove(0);
    view.service.unwrap().kind
}

/// A client without a certificate.
async fn nobody(service: &Service) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(&read("ca.pem")).unwrap();
    roots.add(ca).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let port = service.port().unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let name = "node.test".try_into().unwrap();
    connector.connect(name, stream).await.unwrap()
}

async fn send(stream: &mut TlsStream<TcpStream>, line: Value) {
    let line = format!("{line}\n");
    let _ = stream.write_all(line.as_bytes()).await;
    let _ = stream.flush().await;
}
