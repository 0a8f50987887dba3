//! By which transport a target is called.

use super::error::{ActError, transport_missing};
use super::tls::Secure;
use crate::routing::Service;

/// Is a target called with TLS? Whoever has it speaks nothing else, whatever a
/// target says of itself, unless it may be plain.
pub(super) fn wants_tls(
    secure: Option<&Secure>,
    name: &str,
    target: &Service,
) -> Result<bool, ActError> {
    let why = match (target.kind.as_str(), secure) {
        ("tcp", None) => return Ok(false),
        (kind @ ("tcp" | "tls"), Some(secure)) => return Ok(kind == "tls" || !secure.is_plain()),
        ("tls", None) => "this service has no TLS (Builder::tls)",
        _ => "a service in Rust has tcp only",
    };
    Err(transport_missing(name, &target.kind, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: &str, secure: Option<&Secure>) -> Result<bool, String> {
        let mut target = Service::tcp("h", 1);
        target.kind = kind.into();
        wants_tls(secure, "n", &target).map_err(|error| error.code)
    }

    #[test]
    fn without_tls_only_tcp_is_called() {
        assert_eq!(of("tcp", None), Ok(false));
        for kind in ["tls", "web", ""] {
            assert_eq!(of(kind, None), Err("transport_missing".into()));
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn with_tls_the_type_counts_only_where_it_may_be_plain() {
        let read = |name: &str| {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/test/support/certs/");
            std::fs::read(format!("{folder}{name}")).unwrap()
        };
        let (ca, cert, key) = (read("ca.pem"), read("node.pem"), read("node.key"));
        let tls = crate::service::Tls::from_pem(&ca, &cert, &key).unwrap();
        let strict = tls.clone().secure().unwrap();
        let plain = tls.plain(true).secure().unwrap();
        for (kind, by_strict, by_plain) in [("tcp", true, false), ("tls", true, true)] {
            assert_eq!(of(kind, Some(&strict)), Ok(by_strict));
            assert_eq!(of(kind, Some(&plain)), Ok(by_plain));
        }
        assert!(of("web", Some(&strict)).is_err());
    }
}
