//! A throw-away certificate authority, new for every hub, and what it signs: server and module certificates.
//!
//! P-256 keys. Its own validity is fixed, far behind and (for 32-bit time) before 2038-01-19, so that a board with a slow
//! clock still accepts it. What it issues for a module is valid for 30 days, as the device's daemon has it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

use crate::hub::Asking;

/// Life of a module's certificate, whatever it asks for (observed on the daemon, version 1.6.0).
const MODULE_CERTIFICATE: Duration = Duration::from_secs(30 * 24 * 3600);

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

/// The authority, with the key that signs.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

impl std::fmt::Debug for Authority {
    /// Leaves the key out: it is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// A certificate with its key, as the workload API hands it out.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Issued {
    /// PKCS#8 PEM.
    pub(crate) private_key: String,
    /// PEM, the leaf first and the authority after it.
    pub(crate) certificate: String,
    /// End of its validity, RFC 3339, UTC.
    pub(crate) expiration: String,
}

/// What a module's certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose<'a> {
    /// It serves TLS under a name or address.
    Server { common_name: &'a str },
    /// It shows who it is; `uri` is `azureiot://HUB/devices/D/modules/M`.
    Identity { uri: &'a str },
}

impl Authority {
    /// A new authority with a new key.
    pub(crate) fn new() -> Result<Self, CertificateError> {
        let make = || {
            let key = KeyPair::generate()?;
            let params = authority(&key)?;
            let own = params.self_signed(&key)?;
            Ok((own, Issuer::new(params, key)))
        };
        let (own, issuer) = make().map_err(|source| CertificateError::Generate {
            names: Vec::new(),
            source,
        })?;
        Ok(Self {
            pem: own.pem(),
            certificate: own.der().clone(),
            issuer,
        })
    }

    /// The anchor that clients must trust.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// TLS 1.2 and 1.3 for a server of these DNS names and IP addresses, which asks its clients for a certificate.
    pub(crate) fn server(&self, names: &[String]) -> Result<Arc<ServerConfig>, CertificateError> {
        if names.is_empty() {
            return Err(CertificateError::NoName);
        }
        let (leaf, key) = self
            .leaf_of_hub(names)
            .map_err(|source| CertificateError::Generate {
                names: names.to_vec(),
                source,
            })?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let asking = Arc::new(Asking::new(Arc::clone(&provider)));
        let server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_client_cert_verifier(asking)
            .with_single_cert(vec![leaf, self.certificate.clone()], key)?;
        Ok(Arc::new(server))
    }

    /// A certificate for a module, with the names that the device's daemon gives it.
    pub(crate) fn issue(
        &self,
        module: &str,
        purpose: Purpose<'_>,
        now: SystemTime,
    ) -> Result<Issued, CertificateError> {
        let make = || {
            let (mut params, usage) = match purpose {
                Purpose::Server { common_name } => {
                    let mut params = dated(common_name)?;
                    params.subject_alt_names = vec![san(common_name)?, san(module)?];
                    (params, ExtendedKeyUsagePurpose::ServerAuth)
                }
                Purpose::Identity { uri } => {
                    let mut params = dated(module)?;
                    // The daemon writes a DNS name that begins with the word URI (observed on version 1.6.0).
                    params.subject_alt_names =
                        vec![SanType::DnsName(format!("URI: {uri}").try_into()?)];
                    (params, ExtendedKeyUsagePurpose::ClientAuth)
                }
            };
            let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
            let end = date_time_ymd(1970, 1, 1) + since + MODULE_CERTIFICATE;
            params.not_after = end.clamp(params.not_before + MODULE_CERTIFICATE, params.not_after);
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![usage];
            params.use_authority_key_identifier_extension = true;
            let key = KeyPair::generate()?;
            let leaf = params.signed_by(&key, &self.issuer)?;
            let end = params.not_after;
            Ok(Issued {
                private_key: key.serialize_pem(),
                certificate: format!("{}{}", leaf.pem(), self.pem),
                expiration: format!(
                    "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
                    end.year(),
                    u8::from(end.month()),
                    end.day(),
                    end.hour(),
                    end.minute(),
                    end.second()
                ),
            })
        };
        make().map_err(|source| CertificateError::Generate {
            names: vec![module.to_owned()],
            source,
        })
    }

    fn leaf_of_hub(
        &self,
        names: &[String],
    ) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
        let mut params = dated("edgeproof local hub")?;
        params.subject_alt_names = names
            .iter()
            .map(|name| san(name))
            .collect::<Result<_, _>>()?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let leaf = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Ok((leaf.der().clone(), key))
    }
}

/// Each has a name of its own: a chain of another one is then told as one of an unknown issuer, not as a forged one of this.
fn authority(key: &KeyPair) -> Result<CertificateParams, rcgen::Error> {
    let mark: String = key
        .public_key_raw()
        .iter()
        .rev()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut params = dated(&format!("edgeproof throw-away authority {mark}"))?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
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
        let made = Authority::new().unwrap();
        made.server(&["172.17.0.1".to_owned(), "edgeproof.local".to_owned()])
            .unwrap();
        assert_eq!(made.pem().matches("BEGIN CERTIFICATE").count(), 1);
    }

    #[test]
    fn a_server_without_a_name_is_refused() {
        let authority = Authority::new().unwrap();
        assert!(matches!(
            authority.server(&[]),
            Err(CertificateError::NoName)
        ));
        assert!(matches!(
            authority.server(&["n\u{f6}".to_owned()]),
            Err(CertificateError::Generate { .. })
        ));
    }

    #[test]
    fn a_modules_certificate_ends_after_thirty_days_and_before_2038() {
        let authority = Authority::new().unwrap();
        let at = |seconds| {
            let now = UNIX_EPOCH + Duration::from_secs(seconds);
            let server = Purpose::Server {
                common_name: "10.0.0.7",
            };
            authority.issue("m1", server, now).unwrap().expiration
        };
        assert_eq!(at(1_800_000_000), "2027-02-14T08:00:00Z");
        // A board that thinks it is 1970 still gets one that is valid at some time.
        assert_eq!(at(0), "2020-01-31T00:00:00Z");
        assert_eq!(at(4_000_000_000), "2037-12-31T00:00:00Z");
    }

    #[test]
    fn an_identity_certificate_comes_with_its_chain_and_key() {
        let authority = Authority::new().unwrap();
        let uri = "azureiot://h/devices/d1/modules/m1";
        let issued = authority.issue("m1", Purpose::Identity { uri }, SystemTime::now());
        let issued = issued.unwrap();
        assert_eq!(issued.certificate.matches("BEGIN CERTIFICATE").count(), 2);
        assert!(issued.certificate.ends_with(authority.pem()));
        assert!(issued.private_key.contains("BEGIN PRIVATE KEY"));
    }
}
