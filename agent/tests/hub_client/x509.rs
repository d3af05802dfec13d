//! A module that logs in with a certificate, and one with a token at a hub that asks for a certificate.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use agent::hub::{Content, HubClient, HubSettings, Identity, LinkError};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use standin::hub::{Certificates, HubEvent, Mode, Thumbprint};

use crate::bench::{Bench, connected, message, module, settings, why_not};

const DAY: i64 = 86_400;

/// Writes a new certificate, valid from yesterday for a hundred days, and its key; returns its thumbprint.
fn renew(directory: &Path) -> String {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let now = rcgen::date_time_ymd(1970, 1, 1) + now;
    params.not_before = now - Duration::from_secs(86_400);
    params.not_after = now + Duration::from_secs(99 * 86_400);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    std::fs::write(directory.join("m.pem"), &pem).unwrap();
    std::fs::write(directory.join("m.key"), key.serialize_pem()).unwrap();
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let digest = Sha256::digest(&certificate);
    digest.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Registers the probe with these thumbprints; settings that log in with the files.
fn registered(bench: &Bench, directory: &Path, thumbprints: [&str; 2]) -> HubSettings {
    let [primary, secondary] = thumbprints.map(Thumbprint::parse);
    let certificates = Certificates::SelfSigned { primary, secondary };
    let string = bench.hub.register_with_certificate(&module(), certificates);
    let files = (Some(directory.join("m.pem")), Some(directory.join("m.key")));
    let identity = Identity::from_connection_string_and_files(&string.unwrap(), files);
    HubSettings {
        ca_pem: Some(bench.hub.trust_bundle_pem().to_owned()),
        longest_pause: Duration::from_millis(50),
        ..settings(identity.unwrap(), bench.hub.address().port())
    }
}

async fn shown(bench: &mut Bench) -> Option<String> {
    bench
        .see(|event| {
            let HubEvent::Connected(login) = event else {
                return None;
            };
            Some(login.certificate)
        })
        .await
}

/// What is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn a_certificate_logs_in_and_its_end_is_said_until_it_is_replaced_which_renews_the_link() {
    static OFF: AtomicI64 = AtomicI64::new(0);
    fn now() -> SystemTime {
        SystemTime::now() + Duration::from_secs(OFF.load(Ordering::Relaxed).unsigned_abs())
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .finish();
    let _logged = tracing::subscriber::set_default(subscriber);
    let mut bench = Bench::new(Mode::IotHub).await;
    let directory = tempfile::tempdir().unwrap();
    let first = renew(directory.path());
    let settings = HubSettings {
        now,
        ..registered(&bench, directory.path(), [&first, &first])
    };
    let (client, mut events) = HubClient::connect(settings);
    connected(&mut events).await;
    assert_eq!(shown(&mut bench).await.as_deref(), Some(first.as_str()));
    let wake = || client.send("report", &[], Content::JSON, b"{}".to_vec());

    // Two months before the end nothing is said; a day before it, the date is.
    OFF.store(40 * DAY, Ordering::Relaxed);
    wake().await.unwrap();
    assert!(!log.text().contains("was not replaced"), "{}", log.text());
    OFF.store(98 * DAY, Ordering::Relaxed);
    wake().await.unwrap();
    wake().await.unwrap();
    let text = log.text();
    let end = SystemTime::now() + Duration::from_secs(99 * 86_400);
    let date = jiff::Timestamp::try_from(end).unwrap().to_string();
    assert!(
        text.contains("m.pem ends on")
            && text.contains(&date[..10])
            && text.contains("was not replaced"),
        "{text}"
    );

    OFF.store(0, Ordering::Relaxed);
    let second = renew(directory.path());
    registered(&bench, directory.path(), [&first, &second]);
    OFF.store(99 * DAY - 3_600, Ordering::Relaxed);
    wake().await.unwrap();
    let (why, pause) = why_not(&mut events).await;
    assert!(
        matches!(
            why,
            LinkError::Renewal {
                what: "certificate"
            }
        ),
        "{why}"
    );
    assert_eq!(pause, Duration::ZERO);
    assert_eq!(shown(&mut bench).await.as_deref(), Some(second.as_str()));
}

#[tokio::test]
async fn a_certificate_that_the_hub_does_not_know_is_named_by_its_thumbprint() {
    let bench = Bench::new(Mode::IotHub).await;
    let directory = tempfile::tempdir().unwrap();
    let thumbprint = renew(directory.path());
    let other = "A".repeat(40);
    let settings = registered(&bench, directory.path(), [&other, &other]);
    let (_client, mut events) = HubClient::connect(settings);
    let (why, _) = why_not(&mut events).await;
    assert!(
        matches!(why, LinkError::Credentials { code: 5, .. }),
        "{why}"
    );
    assert!(why.to_string().contains(&thumbprint), "{why}");
}

#[tokio::test]
async fn files_that_are_wrong_are_told_with_each_attempt_and_mended_ones_log_in() {
    let bench = Bench::new(Mode::IotHub).await;
    let directory = tempfile::tempdir().unwrap();
    renew(directory.path());
    let old_key = std::fs::read(directory.path().join("m.key")).unwrap();
    let thumbprint = renew(directory.path());
    let new_key = std::fs::read(directory.path().join("m.key")).unwrap();
    std::fs::write(directory.path().join("m.key"), old_key).unwrap();
    let settings = registered(&bench, directory.path(), [&thumbprint, &thumbprint]);
    let (_client, mut events) = HubClient::connect(settings);
    let (why, _) = why_not(&mut events).await;
    assert!(matches!(why, LinkError::Certificate(_)), "{why}");
    assert!(
        why.to_string()
            .contains("m.key is the key of another certificate"),
        "{why}"
    );
    std::fs::write(directory.path().join("m.key"), new_key).unwrap();
    connected(&mut events).await;
}

#[tokio::test]
async fn a_probe_with_a_token_goes_on_with_it_where_the_hub_asks_for_a_certificate() {
    for mode in [Mode::IotHub, Mode::EdgeHub] {
        let mut bench = Bench::new(mode).await;
        let (client, mut events) = HubClient::connect(bench.settings());
        connected(&mut events).await;
        assert_eq!(shown(&mut bench).await, None);
        let sent = client.send("report", &[], Content::JSON, b"token".to_vec());
        sent.await.unwrap();
        assert_eq!(bench.see(message).await.1, b"token");
    }
}
