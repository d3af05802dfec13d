//! A registry over TLS whose certificate an authority of a lab's own signed: read with that authority, refused clearly without.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use serde_json::Value;

use crate::shop::{Shop, verdicts};
use crate::stage::{Stage, inspect};

/// Writes `authority.pem`, and `server.pem` with `server.key`: signed by it for this name, valid through that year.
fn write(directory: &Path, name: &str, year: i32) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    // Each has a name of its own, as labs' authorities have.
    let own = directory.display().to_string();
    params.distinguished_name.push(DnType::CommonName, own);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(year, 12, 31);
    let server = params.signed_by(&key, &issuer).unwrap();
    for (file, pem) in [
        ("authority.pem", authority.pem()),
        ("server.pem", server.pem()),
        ("server.key", key.serialize_pem()),
    ] {
        fs::write(directory.join(file), pem).unwrap();
    }
}

/// A repository in order behind such a certificate.
fn stage(name: &str, year: i32) -> Stage {
    let stage = Stage::start();
    Shop::new("air").open(&stage);
    write(stage.directory.path(), name, year);
    stage.over_tls()
}

/// What an inspection with these arguments says, and its exit code.
fn seen(stage: &Stage, more: &[&str]) -> (Value, i32) {
    let reference = format!("{}/air:1.0.1", stage.address);
    let arguments = [&[reference.as_str(), "--format", "json"], more].concat();
    let output = inspect(&arguments, stage.directory.path());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let inspection =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    (inspection, output.status.code().unwrap())
}

/// Why nothing was seen.
fn refused(stage: &Stage, authority: &Path) -> String {
    let (inspection, exit) = seen(stage, &["--registry-ca", authority.to_str().unwrap()]);
    assert_eq!(exit, 2);
    assert!(inspection["repository"].is_null());
    let findings = inspection["findings"].as_array().unwrap();
    let finding = findings
        .iter()
        .find(|finding| finding["id"] == "IEM-REG-02")
        .unwrap();
    finding["saw"].as_str().unwrap().to_owned()
}

#[test]
fn a_registry_is_read_with_the_authority_that_signed_its_certificate() {
    let stage = stage("127.0.0.1", 2037);
    let authority = stage.directory.path().join("authority.pem");
    let (inspection, _) = seen(&stage, &["--registry-ca", authority.to_str().unwrap()]);
    let place = inspection["repository"]["place"].as_str().unwrap();
    assert!(place.starts_with("https://127.0.0.1:"), "{place}");
    let verdicts = verdicts(&inspection);
    for id in ["IEM-REG-02", "IEM-CONT-01", "IEM-TAG-01"] {
        assert_eq!(verdicts[id], "pass", "{id}");
    }
}

#[test]
fn a_certificate_that_is_not_trusted_not_valid_or_not_for_this_name_is_told_as_that() {
    let other = tempfile::tempdir().unwrap();
    write(other.path(), "127.0.0.1", 2037);
    let unknown = stage("127.0.0.1", 2037);
    let told = refused(&unknown, &other.path().join("authority.pem"));
    assert!(
        told.contains("no authority that is trusted here signed") && told.contains("--registry-ca"),
        "{told}"
    );
    let old = stage("127.0.0.1", 2021);
    let told = refused(&old, &old.directory.path().join("authority.pem"));
    assert!(told.contains("ran out on 2021-12-31"), "{told}");
    let wrong = stage("registry.example", 2037);
    let told = refused(&wrong, &wrong.directory.path().join("authority.pem"));
    assert!(
        told.contains("for another name") && told.contains("registry.example"),
        "{told}"
    );
    // Spoken to without TLS it does not answer as a registry does.
    let (inspection, exit) = seen(&wrong, &[]);
    assert_eq!(exit, 2);
    assert!(inspection["repository"].is_null());
}

#[test]
fn an_authority_that_is_no_certificate_is_bad_input() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("authority.pem");
    fs::write(&file, "no certificate").unwrap();
    let arguments = ["localhost:1/air:1", "--registry-ca", file.to_str().unwrap()];
    let output = inspect(&arguments, home.path());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(65), "{told}");
    assert!(told.contains("holds no certificate"), "{told}");
}
