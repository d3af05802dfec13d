//! The throw-away authority of one device, and the certificates of its engine and of whoever may use that engine.
//!
//! The validity is fixed, far behind and (for 32-bit time) before 2038-01-19, so that a device with a slow clock still
//! accepts them. The authority's key is not kept: nobody can add a user later.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};

use super::cache;

/// Directory of the user's certificates, in that of the device.
pub(super) const CERTS: &str = "certs";
const ENGINE: &str = "engine";

/// All that one device needs, as PEM.
#[derive(Debug, Clone)]
pub(super) struct Certificates {
    /// What its engine has.
    pub in_guest: InGuest,
    /// What its users have, beside the authority.
    pub user: Identity,
}

/// The part that travels into the device.
#[derive(Debug, Clone)]
pub(super) struct InGuest {
    /// The authority that both sides trust.
    pub authority: String,
    /// The engine's own.
    pub engine: Identity,
}

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub(super) struct Identity {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Identity")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

/// Makes the certificates of a device.
///
/// # Errors
/// The generator failed.
pub(super) fn make() -> anyhow::Result<Certificates> {
    generate().context("make the certificates of the device")
}

impl Certificates {
    /// Writes the user's into `certs`, by the names that the engine's own client looks for, and the guest's into `engine`.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn write(&self, device: &Path) -> anyhow::Result<()> {
        let (certs, engine) = (device.join(CERTS), device.join(ENGINE));
        cache::make(&certs)?;
        cache::make(&engine)?;
        let authority = &self.in_guest.authority;
        cache::write(&certs.join("ca.pem"), authority.as_bytes())?;
        cache::write(&engine.join("ca.pem"), authority.as_bytes())?;
        self.user.write(&certs)?;
        self.in_guest.engine.write(&engine)
    }
}

impl InGuest {
    /// Reads what was written for the guest of a device.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn read(device: &Path) -> anyhow::Result<InGuest> {
        let read = |name: &str| {
            let path = device.join(ENGINE).join(name);
            fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
        };
        Ok(InGuest {
            authority: read("ca.pem")?,
            engine: Identity {
                certificate: read("cert.pem")?,
                key: read("key.pem")?,
            },
        })
    }
}

impl Identity {
    fn write(&self, directory: &Path) -> anyhow::Result<()> {
        cache::write(&directory.join("cert.pem"), self.certificate.as_bytes())?;
        cache::write(&directory.join("key.pem"), self.key.as_bytes())
    }
}

fn generate() -> Result<Certificates, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = dated("edgeproof device authority")?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);

    let mut engine = dated("edgeproof device engine")?;
    engine.subject_alt_names = vec![
        SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        SanType::DnsName("localhost".try_into()?),
    ];
    engine.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let mut user = dated("edgeproof device user")?;
    user.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(Certificates {
        in_guest: InGuest {
            authority,
            engine: signed(engine, &issuer)?,
        },
        user: signed(user, &issuer)?,
    })
}

fn signed(
    mut params: CertificateParams,
    issuer: &Issuer<'_, KeyPair>,
) -> Result<Identity, rcgen::Error> {
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    Ok(Identity {
        certificate: params.signed_by(&key, issuer)?.pem(),
        key: key.serialize_pem(),
    })
}

fn dated(common_name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2037, 12, 31);
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_device_has_an_authority_of_its_own_and_keys_stay_out_of_logs() {
        let one = make().unwrap();
        let other = make().unwrap();
        assert_ne!(one.in_guest.authority, other.in_guest.authority);
        assert_ne!(one.in_guest.engine.key, one.user.key);
        assert!(one.user.key.contains("PRIVATE KEY"));
        assert!(!format!("{one:?}").contains("PRIVATE KEY"));
    }

    #[test]
    fn files_have_the_names_that_the_engines_client_looks_for() {
        let place = tempfile::tempdir().unwrap();
        let made = make().unwrap();
        made.write(place.path()).unwrap();
        for name in ["ca.pem", "cert.pem", "key.pem"] {
            assert!(place.path().join(CERTS).join(name).is_file(), "{name}");
        }
        let read = InGuest::read(place.path()).unwrap();
        assert_eq!(read.engine.key, made.in_guest.engine.key);
        assert_eq!(read.authority, made.in_guest.authority);
    }
}
