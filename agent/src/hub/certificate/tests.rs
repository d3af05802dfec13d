//! Tests of `certificate.rs`: what is wrong with a pair of files, and when it is looked at again.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

use super::*;

const NEW_YEAR_2026: u64 = 1_767_225_600;

fn at(days: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NEW_YEAR_2026 + days * 86_400)
}

/// A certificate valid in 2026, and its key.
fn pair(name: &str) -> (String, String) {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// Of X.509 version 1, valid from 27 November 2026 on: `openssl req -new …`, then `openssl x509 -req -signkey … -days 3650` of OpenSSL 3.0.
const VERSION_1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBIDCBxwIUfs33eVJPso6XMaU0QKUMQTsqb18wCgYIKoZIzj0EAwIwEzERMA8G
A1UEAwwIZGV2aWNlLTEwHhcNMjYxMTI3MDkxNTEwWhcNMzYxMTI0MDkxNTEwWjAT
MREwDwYDVQQDDAhkZXZpY2UtMTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABO8+
PV4VOrOu7e/A99Mp34mPNVIDpAkA10vV4gxolR9m54Le+d19dCbj2ick7qX8cQg4
ntOG3SMOdVruXSmPcLcwCgYIKoZIzj0EAwIDSAAwRQIhAO/2UPwfQx2TYYyunnSD
WySPuc188U0maHS3zLCl/yGIAiAlHAc+bx9/fcEeM8XqgA7pz/5whoeg3v/rLnkH
8UbXZQ==
-----END CERTIFICATE-----
";

fn files(directory: &Path, certificate: &str, key: &str) -> CertificateFiles {
    let files = CertificateFiles {
        certificate: directory.join("m.pem"),
        key: directory.join("m.key"),
    };
    std::fs::write(&files.certificate, certificate).unwrap();
    std::fs::write(&files.key, key).unwrap();
    files
}

fn mistakes(certificate: &str, key: &str, now: SystemTime) -> CertificateError {
    let directory = tempfile::tempdir().unwrap();
    let error = files(directory.path(), certificate, key).check(now);
    error.unwrap_err()
}

#[test]
fn a_pair_is_good_in_its_time_and_the_clock_is_told_outside_it() {
    let (certificate, key) = pair("d1");
    let directory = tempfile::tempdir().unwrap();
    let files = files(directory.path(), &certificate, &key);
    files.check(at(0)).unwrap();
    files.check(at(365)).unwrap();
    let early = files.check(at(0) - Duration::from_secs(1)).unwrap_err();
    let text = early.to_string();
    assert!(
        early.is_of_clock && text.contains("m.pem is valid from 2026-01-01T00:00:00Z"),
        "{text}"
    );
    assert!(
        text.contains("2025-12-31T23:59:59Z") && text.contains("set the clock"),
        "{text}"
    );
    let late = files.check(at(366)).unwrap_err();
    let text = late.to_string();
    assert!(
        late.is_of_clock && text.contains("put a new certificate there"),
        "{text}"
    );
}

#[test]
fn every_mistake_is_told_at_once_with_its_file() {
    let ((certificate, key), (_, other)) = (pair("d1"), pair("d1"));
    let both = mistakes(&certificate, &other, at(400));
    assert_eq!(both.mistakes.len(), 2, "{both}");
    assert!(!both.is_of_clock);
    assert!(
        both.mistakes[0].contains("m.key is the key of another certificate"),
        "{both}"
    );
    let swapped = mistakes(&key, &certificate, at(1));
    assert_eq!(swapped.mistakes.len(), 2, "{swapped}");
    assert!(swapped.mistakes[0].contains("swapped"), "{swapped}");
    assert!(
        swapped.mistakes[1].contains("m.key holds no private key"),
        "{swapped}"
    );
    let gone = CertificateFiles {
        certificate: "/nowhere/m.pem".into(),
        key: "/nowhere/m.key".into(),
    };
    let gone = gone.check(at(1)).unwrap_err();
    assert_eq!(gone.mistakes.len(), 2, "{gone}");
    assert!(
        gone.mistakes[0].contains(CERTIFICATE_SETTING) && gone.mistakes[1].contains(KEY_SETTING)
    );
}

#[test]
fn an_encrypted_key_and_what_is_no_certificate_have_their_mends() {
    let (certificate, key) = pair("d1");
    let locked =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    assert!(
        mistakes(&certificate, locked, at(1))
            .to_string()
            .contains("openssl pkey")
    );
    let wrong = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let wrong = mistakes(wrong, &key, at(1)).to_string();
    assert!(
        wrong.contains("m.pem holds something that is no certificate"),
        "{wrong}"
    );
    assert!(!wrong.contains("PRIVATE"), "{wrong}");
}

#[test]
fn a_certificate_of_version_1_is_refused_with_its_version_and_its_time_is_read_all_the_same() {
    let (_, key) = pair("d1");
    let refused = mistakes(VERSION_1, &key, at(366));
    assert_eq!(refused.mistakes.len(), 1, "{refused}");
    assert!(
        refused.mistakes[0]
            .ends_with("m.pem is of X.509 version 1 and cannot be used: make one of version 3"),
        "{refused}"
    );
    assert!(!refused.is_of_clock);
    let early = mistakes(VERSION_1, &key, at(1));
    assert_eq!(early.mistakes.len(), 2, "{early}");
    assert!(
        early.mistakes[1].contains("m.pem is valid from 2026-11-27T09:15:10Z on"),
        "{early}"
    );
}

#[tokio::test]
async fn files_are_looked_at_daily_and_at_half_of_what_is_left() {
    static NOW: AtomicU64 = AtomicU64::new(0);
    fn now() -> SystemTime {
        at(0) + Duration::from_secs(NOW.load(Ordering::Relaxed))
    }
    let day = |days: u64| NOW.store(days * 86_400, Ordering::Relaxed);
    let (certificate, key) = pair("d1");
    let directory = tempfile::tempdir().unwrap();
    let before = files(directory.path(), &certificate, &key);
    let own = before.read(now()).unwrap();
    let mut watched = Watched::new(&before, &own, now);
    assert!(watched.look_at() <= Instant::now() + SELDOM);
    // Replaced, and nobody looks before the day is over.
    let (certificate, key) = pair("d1");
    files(directory.path(), &certificate, &key);
    assert!(!watched.is_replaced(Instant::now()));
    day(2);
    assert!(watched.is_replaced(Instant::now()));
    assert!(!own.validity.is_near_end(at(300)) && own.validity.is_near_end(at(340)));
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(cut in 0_usize..600, flip in 0_usize..600, to in any::<u8>()) {
        let (pem, _) = pair("d1");
        let mut bytes = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec();
        let place = flip % bytes.len();
        bytes[place] = to;
        bytes.truncate(cut);
        let _ = Validity::of(&bytes);
        let _ = version(&bytes);
    }
}
