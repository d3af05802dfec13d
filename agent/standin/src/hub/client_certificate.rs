//! The certificate that a client may show: asked for in every handshake, demanded in none, and judged at the login.
//!
//! IoT Hub and edgeHub (`ClientCertAuthEnabled`, on in `appsettings_hub.json` of Azure/iotedge) ask alike. The handshake proves that
//! the client has the certificate's key; it must not decide whose certificate that is.

use std::sync::Arc;

#[cfg(feature = "hub")]
use ring::digest;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

/// Takes whatever certificate a client shows, if the client has its key.
#[derive(Debug)]
pub(crate) struct Asking {
    provider: Arc<CryptoProvider>,
}

impl Asking {
    pub(crate) const fn new(provider: Arc<CryptoProvider>) -> Self {
        Self { provider }
    }
}

impl ClientCertVerifier for Asking {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// None: a self-signed certificate has no authority that could be named.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let known = &self.provider.signature_verification_algorithms;
        known.supported_schemes()
    }
}

/// The certificates that a client showed, its own first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown(Arc<[CertificateDer<'static>]>);

impl Shown {
    /// What a client showed; nothing where it showed none.
    pub(crate) fn of(certificates: Option<&[CertificateDer<'_>]>) -> Option<Self> {
        let certificates = certificates.filter(|shown| !shown.is_empty())?;
        let owned = certificates.iter().map(|one| one.clone().into_owned());
        Some(Self(owned.collect()))
    }

    /// The client's own certificate.
    #[cfg(feature = "hub")]
    pub(crate) fn own(&self) -> &CertificateDer<'static> {
        &self.0[0]
    }

    /// Those that lead from it to an authority.
    #[cfg(feature = "hub")]
    pub(crate) fn others(&self) -> &[CertificateDer<'static>] {
        &self.0[1..]
    }

    /// SHA-256 of the client's own certificate, in hexadecimal digits.
    #[cfg(feature = "hub")]
    pub(crate) fn thumbprint(&self) -> String {
        hex(&digest::SHA256, self.own())
    }

    /// SHA-1 of the client's own certificate, which most tools call its thumbprint.
    #[cfg(feature = "hub")]
    pub(crate) fn thumbprint_sha1(&self) -> String {
        hex(&digest::SHA1_FOR_LEGACY_USE_ONLY, self.own())
    }
}

#[cfg(feature = "hub")]
fn hex(algorithm: &'static digest::Algorithm, bytes: &[u8]) -> String {
    let digest = digest::digest(algorithm, bytes);
    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02X}"));
    digits.collect()
}
