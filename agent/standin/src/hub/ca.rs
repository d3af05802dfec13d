//! A throw-away certificate authority and the server certificate it signs, new for every hub.
//!
//! P-256 keys. The validity is fixed, far behind and (for 32-bit time) before 2038-01-19, so that a
//! board with a slow clock still accepts it.

use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use thiserror::Error;

/// Why no certificate could be made.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// No name was given for the server.
    #[error("the server certificate needs at least one name")]
    NoName,
    /// A name is neither a DNS name nor an address, or the generator failed.
    #[error("failed to make the certificate for {names:?}: {source}")]
    Generate {
        /// Names asked for.
        names: Vec<String>,
        /// The generator's reason.
        source: rcgen::Error,
    },
    /// The TLS library refused what was made.
    #[error("failed to set up tls: {0}")]
    Tls(#[from] rustls::Error),
}

/// What a TLS server needs, and what its clients must trust.
#[derive(Debug)]
pub(crate) struct Certificates {
    pub(crate) trust_bundle_pem: String,
    pub(crate) server: Arc<ServerConfig>,
}

/// Makes authority and server certificate for `names` (DNS names and IP addresses); TLS 1.2 and 1.3.
pub(crate) fn make(names: &[String]) -> Result<Certificates, CertificateError> {
    if names.is_empty() {
        return Err(CertificateError::NoName);
    }
    let (ca_pem, chain, key) = chain(names).map_err(|source| CertificateError::Generate {
        names: names.to_vec(),
        source,
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Certificates {
        trust_bundle_pem: ca_pem,
        server: Arc::new(server),
    })
}

type Chain = (
    String,
    Vec<rustls::pki_types::CertificateDer<'static>>,
    PrivateKeyDer<'static>,
);

fn chain(names: &[String]) -> Result<Chain, rcgen::Error> {
    let ca_key = KeyPair::generate()?;
    let ca_params = authority()?;
    let ca = ca_params.self_signed(&ca_key)?;
    let leaf_key = KeyPair::generate()?;
    let leaf = leaf(names)?.signed_by(&leaf_key, &Issuer::new(ca_params, ca_key))?;
    let key = PrivateKeyDer::Pkcs8(leaf_key.serialize_der().into());
    Ok((ca.pem(), vec![leaf.der().clone(), ca.der().clone()], key))
}

fn authority() -> Result<CertificateParams, rcgen::Error> {
    let mut params = dated("edgeproof throw-away authority")?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn leaf(names: &[String]) -> Result<CertificateParams, rcgen::Error> {
    let mut params = dated("edgeproof local hub")?;
    params.subject_alt_names = names
        .iter()
        .map(|name| san(name))
        .collect::<Result<_, _>>()?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn dated(common_name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2037, 12, 31);
    Ok(params)
}

fn san(name: &str) -> Result<SanType, rcgen::Error> {
    match name.parse::<IpAddr>() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) => Ok(SanType::DnsName(name.try_into()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_make_one_pem_anchor() {
        let made = make(&["172.17.0.1".to_owned(), "edgeproof.local".to_owned()]).unwrap();
        assert_eq!(
            made.trust_bundle_pem.matches("BEGIN CERTIFICATE").count(),
            1
        );
    }

    #[test]
    fn a_server_without_a_name_is_refused() {
        assert!(matches!(make(&[]), Err(CertificateError::NoName)));
        assert!(matches!(
            make(&["n\u{f6}".to_owned()]),
            Err(CertificateError::Generate { .. })
        ));
    }
}
