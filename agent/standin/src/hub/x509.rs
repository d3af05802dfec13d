//! Identities that log in with a certificate: how they are registered, and whether one is theirs.
//!
//! Sources: "Authenticate identities with X.509 certificates" (Microsoft Learn) for thumbprints of either digest and for authorities;
//! Azure/iotedge, `DeviceScopeCertificateAuthenticator.cs`, for the common name, which is the device's id for a module as well.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;

use super::LocalHub;
use super::client_certificate::Shown;
use super::error::HubError;
use super::identity::Identity;
use super::registry::{Change, Precondition};

mod common_name;

/// SHA-1 or SHA-256 of a certificate, in hexadecimal digits of either case.
#[derive(Debug, Clone)]
pub struct Thumbprint(String);

/// Digits of SHA-1 and of SHA-256.
const LENGTHS: [usize; 2] = [40, 64];

impl Thumbprint {
    /// Reads 40 or 64 hexadecimal digits with nothing between them.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        (digits && LENGTHS.contains(&text.len())).then(|| Self(text.to_owned()))
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_of(&self, shown: &Shown) -> bool {
        let actual = if self.0.len() == LENGTHS[0] {
            shown.thumbprint_sha1()
        } else {
            shown.thumbprint()
        };
        self.0.eq_ignore_ascii_case(&actual)
    }
}

impl PartialEq for Thumbprint {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

/// Which certificates an identity logs in with.
#[derive(Debug, Clone, PartialEq)]
pub enum Certificates {
    /// One of these two, whoever signed it and whatever its validity says.
    SelfSigned {
        /// The first.
        primary: Option<Thumbprint>,
        /// The second, so that one certificate can follow another.
        secondary: Option<Thumbprint>,
    },
    /// One that an authority of the hub's has signed, with the device's id as its common name.
    CertificateAuthority,
}

impl Certificates {
    /// `type` in `authentication` of the REST API.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::SelfSigned { .. } => "selfSigned",
            Self::CertificateAuthority => "certificateAuthority",
        }
    }

    /// The thumbprints, where there are any.
    pub(crate) const fn thumbprints(&self) -> [Option<&Thumbprint>; 2] {
        match self {
            Self::SelfSigned { primary, secondary } => [primary.as_ref(), secondary.as_ref()],
            Self::CertificateAuthority => [None, None],
        }
    }

    /// Whether every certificate that this lets in, `other` lets in too.
    pub(crate) fn is_kept_by(&self, other: &Self) -> bool {
        match self {
            Self::CertificateAuthority => *other == Self::CertificateAuthority,
            Self::SelfSigned { .. } => {
                let kept = other.thumbprints();
                let mut own = self.thumbprints().into_iter().flatten();
                own.all(|one| kept.contains(&Some(one)))
            }
        }
    }

    /// Whether what was shown is a certificate of `identity`; `now` is in seconds since the Unix epoch.
    ///
    /// # Errors
    /// Why not, in words.
    pub(crate) fn judge(
        &self,
        identity: &Identity,
        shown: &Shown,
        authorities: &Authorities,
        now: u64,
    ) -> Result<(), String> {
        let (Identity::Device { device } | Identity::Module { device, .. }) = identity;
        match self {
            Self::SelfSigned { .. } => {
                let mut own = self.thumbprints().into_iter().flatten();
                if own.any(|thumbprint| thumbprint.is_of(shown)) {
                    return Ok(());
                }
                Err(format!(
                    "the certificate with thumbprint {} (SHA-1 {}) is none that `{identity}` is registered with",
                    shown.thumbprint(),
                    shown.thumbprint_sha1()
                ))
            }
            Self::CertificateAuthority => {
                authorities.verify(shown, now)?;
                let name = common_name::of(shown.own());
                if name.as_deref() == Some(device.as_str()) {
                    return Ok(());
                }
                let has = name.map_or("no common name".to_owned(), |name| {
                    format!("the common name `{name}`")
                });
                Err(format!(
                    "the certificate has {has}, wanted is the device's id `{device}`"
                ))
            }
        }
    }
}

/// The authorities that were given to the hub.
#[derive(Debug)]
pub(crate) struct Authorities {
    known: Mutex<Arc<RootCertStore>>,
}

impl Default for Authorities {
    fn default() -> Self {
        Self {
            known: Mutex::new(Arc::new(RootCertStore::empty())),
        }
    }
}

impl Authorities {
    fn verify(&self, shown: &Shown, now: u64) -> Result<(), String> {
        let known = self.lock().clone();
        if known.is_empty() {
            return Err("this hub was given no authority for certificates".to_owned());
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(known, provider).build();
        let verifier = verifier.map_err(|error| error.to_string())?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let verified = verifier.verify_client_cert(shown.own(), shown.others(), now);
        verified.map(drop).map_err(|error| error.to_string())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Arc<RootCertStore>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LocalHub {
    /// Takes certificates that this authority (PEM) has signed, for identities of the type `certificateAuthority`.
    ///
    /// # Errors
    /// The text holds no certificate that can serve as an authority; none of it is taken then.
    pub fn trust_authority(&self, pem: &str) -> Result<(), HubError> {
        let refuse = |why: String| HubError::BadAuthority(why);
        let mut known = self.shared.service.authorities.lock();
        let (before, mut more) = (known.len(), RootCertStore::clone(&known));
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
            more.add(certificate)
                .map_err(|error| refuse(error.to_string()))?;
        }
        if more.len() == before {
            return Err(refuse("there is no certificate in it".to_owned()));
        }
        *known = Arc::new(more);
        Ok(())
    }

    /// Registers an identity that logs in with a certificate, or has one that is there do so from now on. Returns its connection
    /// string: `HostName=…;[GatewayHostName=…;]DeviceId=…;[ModuleId=…;]x509=true`.
    ///
    /// # Errors
    /// As [`LocalHub::register`].
    pub fn register_with_certificate(
        &self,
        identity: &Identity,
        certificates: Certificates,
    ) -> Result<String, HubError> {
        let made = self.register(identity)?;
        let change = Change {
            certificates: Some(Some(certificates)),
            ..Change::default()
        };
        let changed = self
            .shared
            .registry
            .change(identity, &Precondition::Exists, change);
        changed.map_err(|_| HubError::UnknownIdentity(identity.clone()))?;
        let end = made.connection_string.find("SharedAccessKey=");
        let stem = end.map_or("", |end| &made.connection_string[..end]);
        Ok(format!("{stem}x509=true"))
    }
}
