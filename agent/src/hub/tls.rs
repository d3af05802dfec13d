//! TLS to the hub: which roots count, and what went wrong in words that name the clock.

use std::sync::Arc;
use std::time::SystemTime;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::LinkError;
use crate::clock::MADE;

/// The public roots compiled in, for a hub in the cloud.
pub(super) fn public_roots() -> RootCertStore {
    RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    }
}

/// The roots in `pem`, which may hold several certificates.
///
/// # Errors
/// The text is not PEM, or holds no certificate that can serve as a root.
pub(super) fn roots_of(pem: &str) -> Result<RootCertStore, LinkError> {
    let fail = |reason: String| LinkError::Roots { reason };
    let mut roots = RootCertStore::empty();
    let mut refused = None;
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| fail(error.to_string()))?;
        if let Err(error) = roots.add(certificate) {
            refused = Some(error.to_string());
        }
    }
    match (roots.is_empty(), refused) {
        (false, _) => Ok(roots),
        (true, Some(reason)) => Err(fail(reason)),
        (true, None) => Err(fail("no certificate in the PEM text".to_owned())),
    }
}

/// Speaks TLS over `stream`; the server's certificate must be for `host` and lead to `roots`. A server that asks for a certificate
/// is shown `own`, or none.
///
/// # Errors
/// What rustls says, with the device's time where the certificate's validity is at stake.
pub(super) async fn handshake<S>(
    host: &str,
    (roots, own): (RootCertStore, Option<Arc<CertifiedKey>>),
    stream: S,
    now: SystemTime,
) -> Result<TlsStream<S>, LinkError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let fail = |reason: String| LinkError::Tls {
        host: host.to_owned(),
        reason,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(At(now)))
        .with_safe_default_protocol_versions()
        .map_err(|error| fail(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    if let Some(own) = own {
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(own));
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|error| fail(error.to_string()))?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(|error| fail(words(&error, now)))
}

/// The time at which certificates are looked at: the same clock that makes tokens.
#[derive(Debug)]
struct At(SystemTime);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        let since = self.0.duration_since(SystemTime::UNIX_EPOCH);
        Some(UnixTime::since_unix_epoch(since.unwrap_or_default()))
    }
}

/// A device without a battery-backed clock starts in the past, where every certificate is "not
/// yet valid": say so instead of leaving the reader with the certificate.
fn words(error: &std::io::Error, now: SystemTime) -> String {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(rustls::Error::InvalidCertificate(reason)) = inner {
        let about_time = matches!(
            reason,
            CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. }
                | CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
        );
        if about_time {
            let clock = clock_text(now);
            return format!(
                "{error}; if the certificate is right, this device's clock is wrong: it says {clock}"
            );
        }
    }
    error.to_string()
}

/// The device's time for a message, marked when it cannot be right.
pub(crate) fn clock_text(now: SystemTime) -> String {
    let text = jiff::Timestamp::try_from(now).map_or_else(
        |_| "a time beyond all calendars".to_owned(),
        |t| format!("{t:.0}"),
    );
    let since = now.duration_since(SystemTime::UNIX_EPOCH);
    if since.map_or(true, |since| since.as_secs() < MADE) {
        format!("{text}, which is before this program was made: the clock is not set")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn text_without_a_certificate_is_no_root() {
        for pem in [
            "",
            "x",
            "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
        ] {
            assert!(roots_of(pem).is_err(), "{pem}");
        }
    }

    #[test]
    fn a_clock_that_was_never_set_is_called_so() {
        let boot = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        assert_eq!(
            clock_text(boot),
            "1970-01-01T00:01:40Z, which is before this program was made: the clock is not set"
        );
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        assert_eq!(clock_text(now), "2027-01-15T08:00:00Z");
    }

    #[test]
    fn a_certificate_that_is_not_valid_yet_leads_to_the_clock() {
        let error = std::io::Error::other(rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet,
        ));
        let text = words(&error, SystemTime::UNIX_EPOCH);
        assert!(
            text.contains("clock is wrong") && text.contains("1970"),
            "{text}"
        );
        let other = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert!(!words(&std::io::Error::other(other), SystemTime::UNIX_EPOCH).contains("clock"));
    }

    #[test]
    fn the_public_roots_are_there() {
        assert!(public_roots().len() > 50);
    }
}
