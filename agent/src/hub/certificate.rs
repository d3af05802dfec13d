//! The module's own certificate and key, as files that somebody replaces before the certificate ends.
//!
//! They are read with each link, and looked at while there is one. It must not keep the key longer than a handshake takes.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError as Flaw, Error, InconsistentKeys};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tokio::time::Instant;

use super::tls::clock_text;

mod validity;

use validity::{Validity, version};

/// Names of the settings, as messages repeat them.
pub const CERTIFICATE_SETTING: &str = "EDGEPROOF_X509_CERTIFICATE";
/// See [`CERTIFICATE_SETTING`].
pub const KEY_SETTING: &str = "EDGEPROOF_X509_KEY";

/// More of a file is not read: a chain of a dozen certificates is far below it.
const LONGEST_FILE: u64 = 256 * 1024;

/// From when on a certificate that was not replaced is said to end, unless a third of its validity is shorter.
const SAY: Duration = Duration::from_secs(30 * 24 * 3600);

/// The files are looked at no more seldom, and no more often, than this.
const SELDOM: Duration = Duration::from_secs(24 * 3600);
const OFTEN: Duration = Duration::from_secs(60);

/// Where certificate and key are, both as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, and behind it those that lead to an authority.
    pub certificate: PathBuf,
    /// Its private key, not encrypted.
    pub key: PathBuf,
}

/// Why certificate and key cannot be used: every mistake with its file and the mend; no key is shown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the module's certificate: {}", mistakes.join("; "))]
pub struct CertificateError {
    /// One sentence for each mistake.
    pub mistakes: Vec<String>,
    /// Nothing is wrong but the time by this device's clock, which may be set yet.
    pub is_of_clock: bool,
}

/// A certificate with its key, ready for a handshake.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) certified: Arc<CertifiedKey>,
    validity: Validity,
}

impl Own {
    /// SHA-256 of the certificate, in hexadecimal digits.
    pub(super) fn thumbprint(&self) -> String {
        let digest = Sha256::digest(&self.certified.cert[0]);
        digest.iter().map(|byte| format!("{byte:02X}")).collect()
    }
}

impl CertificateFiles {
    /// Reads and checks both; `now` is this device's time.
    ///
    /// # Errors
    /// Every mistake.
    pub fn check(&self, now: SystemTime) -> Result<(), CertificateError> {
        self.read(now).map(drop)
    }

    pub(super) fn read(&self, now: SystemTime) -> Result<Own, CertificateError> {
        let mut mistakes = Vec::new();
        let chain = self.chain(&mut mistakes);
        let key = self.key(&mut mistakes);
        let mut certified = None;
        if let (Some(chain), Some(key)) = (&chain, key) {
            certified = self.certified(chain.clone(), key, &mut mistakes);
        }
        let is_of_clock = mistakes.is_empty();
        let validity = chain.and_then(|chain| self.validity(&chain[0], now, &mut mistakes));
        match (certified, validity) {
            (Some(certified), Some(validity)) if mistakes.is_empty() => Ok(Own {
                certified: Arc::new(certified),
                validity,
            }),
            _ => Err(CertificateError {
                mistakes,
                is_of_clock,
            }),
        }
    }

    fn chain(&self, mistakes: &mut Vec<String>) -> Option<Vec<CertificateDer<'static>>> {
        let path = self.certificate.display();
        let bytes = text(&self.certificate, CERTIFICATE_SETTING, mistakes)?;
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        let why = match read {
            Ok(chain) if !chain.is_empty() => return Some(chain),
            Ok(_) if PrivateKeyDer::from_pem_slice(&bytes).is_ok() => {
                format!(
                    "a private key and no certificate: {CERTIFICATE_SETTING} and {KEY_SETTING} may be swapped"
                )
            }
            Ok(_) => "no certificate: it must be PEM, with `BEGIN CERTIFICATE`".to_owned(),
            Err(error) => format!("PEM that cannot be read ({error}): write the file anew"),
        };
        mistakes.push(format!("{path} holds {why}"));
        None
    }

    fn key(&self, mistakes: &mut Vec<String>) -> Option<PrivateKeyDer<'static>> {
        let path = self.key.display();
        let bytes = text(&self.key, KEY_SETTING, mistakes)?;
        if let Ok(key) = PrivateKeyDer::from_pem_slice(&bytes) {
            return Some(key);
        }
        let holds = |words: &str| bytes.windows(words.len()).any(|at| at == words.as_bytes());
        mistakes.push(if holds("ENCRYPTED") {
            format!(
                "{path} holds an encrypted key: decrypt it with `openssl pkey -in {path} -out FILE`"
            )
        } else {
            format!("{path} holds no private key: it must be PEM, with `BEGIN PRIVATE KEY`")
        });
        None
    }

    fn certified(
        &self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        mistakes: &mut Vec<String>,
    ) -> Option<CertifiedKey> {
        let (certificate, file) = (self.certificate.display(), self.key.display());
        let provider = rustls::crypto::ring::default_provider();
        let version = version(&chain[0]);
        let made = CertifiedKey::from_der(chain, key, &provider);
        let mistake = match made {
            Ok(made) => return Some(made),
            Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => format!(
                "{file} is the key of another certificate than the first of {certificate}: take the key that it was made with, and put the module's own certificate before those of authorities"
            ),
            Err(Error::InvalidCertificate(Flaw::BadEncoding)) => {
                format!("{certificate} holds something that is no certificate: write the file anew")
            }
            Err(Error::InvalidCertificate(error)) => match version {
                Some(version @ (1 | 2)) => format!(
                    "{certificate} is of X.509 version {version} and cannot be used: make one of version 3"
                ),
                Some(_) | None => format!("{certificate} cannot be used ({error}): make it anew"),
            },
            Err(error) => format!(
                "{file} cannot be used ({error}): make one of P-256, P-384, Ed25519 or RSA of 2048 bits and more"
            ),
        };
        mistakes.push(mistake);
        None
    }

    fn validity(
        &self,
        certificate: &[u8],
        now: SystemTime,
        mistakes: &mut Vec<String>,
    ) -> Option<Validity> {
        let path = self.certificate.display();
        let Some(validity) = Validity::of(certificate) else {
            mistakes.push(format!(
                "{path} does not say from when to when it is valid: make it anew"
            ));
            return None;
        };
        let clock = clock_text(now);
        if now < validity.start {
            mistakes.push(format!(
                "{path} is valid from {} on, and this device's clock says {clock}: set the clock, or put a certificate there that is valid now",
                clock_text(validity.start)
            ));
        } else if now >= validity.end {
            mistakes.push(format!(
                "{path} was valid until {}, and this device's clock says {clock}: put a new certificate there",
                clock_text(validity.end)
            ));
        }
        Some(validity)
    }
}

fn text(path: &Path, setting: &str, mistakes: &mut Vec<String>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path);
    let read = file.and_then(|file| file.take(LONGEST_FILE + 1).read_to_end(&mut bytes));
    let why = match read {
        Ok(_) if bytes.len() as u64 <= LONGEST_FILE => return Some(bytes),
        Ok(_) => format!("it has more than {LONGEST_FILE} bytes"),
        Err(error) => error.to_string(),
    };
    let path = path.display();
    mistakes.push(format!(
        "{path} cannot be read ({why}): {setting} must name a PEM file that the probe may read"
    ));
    None
}

/// The certificate of a link, and when its files are looked at next.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    files: CertificateFiles,
    leaf: CertificateDer<'static>,
    validity: Validity,
    now: fn() -> SystemTime,
    look_at: Instant,
    /// The same by the wall clock, which may be set.
    look_wall: SystemTime,
}

impl Watched {
    pub(super) fn new(files: &CertificateFiles, own: &Own, now: fn() -> SystemTime) -> Watched {
        let mut watched = Watched {
            files: files.clone(),
            leaf: own.certified.cert[0].clone(),
            validity: own.validity,
            now,
            look_at: Instant::now(),
            look_wall: now(),
        };
        watched.put_off(Instant::now(), now());
        watched
    }

    pub(super) fn look_at(&self) -> Instant {
        self.look_at
    }

    /// Whether another certificate has taken its place, where it is time to look; says so if none has and the end is near.
    pub(super) fn is_replaced(&mut self, now: Instant) -> bool {
        let wall = (self.now)();
        if now < self.look_at && wall < self.look_wall {
            return false;
        }
        self.put_off(now, wall);
        let end = clock_text(self.validity.end);
        match self.files.read(wall) {
            Ok(own) if own.certified.cert[0] != self.leaf => {
                tracing::info!(until = %clock_text(own.validity.end), "the module's certificate was replaced");
                true
            }
            Err(error) if !error.is_of_clock => {
                tracing::warn!(%error, %end, "the link goes on with the certificate that was read before");
                false
            }
            // The old one still, or another that is of no use either.
            Ok(_) | Err(_) => {
                if self.validity.is_near_end(wall) {
                    tracing::warn!(
                        "the module's certificate {} ends on {end} and was not replaced: put a new one and its key there",
                        self.files.certificate.display()
                    );
                }
                false
            }
        }
    }

    /// Looks again when half of what is left is over.
    fn put_off(&mut self, now: Instant, wall: SystemTime) {
        let left = self.validity.end.duration_since(wall).unwrap_or_default();
        let pause = (left / 2).clamp(OFTEN, SELDOM);
        self.look_at = now + pause;
        self.look_wall = wall + pause;
    }
}

#[cfg(test)]
mod tests;
