//! The probe's program at an IoT Hub where its module is registered with certificates, and the change from one to the next.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use standin::hub::{Certificates, HubEvent, LocalHub, Thumbprint};
use support::certificate;
use support::under_way::signal;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::{GRACE, call, command, hub, module, reads_its_twin, seen};

/// The module's connection string, once it logs in with either of two certificates.
fn registered(hub: &LocalHub, thumbprints: [Option<&str>; 2]) -> String {
    let [primary, secondary] = thumbprints.map(|text| text.and_then(Thumbprint::parse));
    let certificates = Certificates::SelfSigned { primary, secondary };
    hub.register_with_certificate(&module(), certificates)
        .unwrap()
}

/// Makes a certificate elsewhere, as who renews one does; its thumbprint.
fn made(directory: &Path) -> String {
    fs::create_dir(directory).unwrap();
    certificate::make(directory).unwrap();
    certificate::thumbprint(directory, "-sha256").unwrap()
}

/// Puts a certificate and its key where the probe looks for them.
fn put(from: &Path, place: &Path) {
    for name in ["m.pem", "m.key"] {
        fs::copy(from.join(name), place.join(name)).unwrap();
    }
}

/// Waits for a login; the probe then answers a call and reports what is wrong with a run that it is to have. The certificate of
/// that login.
async fn at_home(hub: &LocalHub, events: &mut Receiver<HubEvent>, profile: &str) -> Option<String> {
    let certificate = seen(events, "a login", |event| {
        let HubEvent::Connected(login) = event else {
            return None;
        };
        Some(login.certificate.clone())
    });
    let certificate = certificate.await;
    reads_its_twin(events).await;
    let (status, answer) = call(hub, "ping", &Value::Null).await;
    assert_eq!((status, &answer["state"]), (200, &json!("idle")));
    let wanted = json!({"conformance": {"run": {"profile": profile}}});
    hub.set_desired(&module(), &wanted).unwrap();
    seen(events, "it reports", |event| {
        let HubEvent::Reported { patch, .. } = event else {
            return None;
        };
        let mistakes = patch["conformance"]["mistakes"].to_string();
        mistakes.contains(profile).then_some(())
    })
    .await;
    certificate
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_is_asked_and_reports_with_a_certificate_and_goes_on_with_the_one_that_follows() {
    let place = tempfile::tempdir().unwrap();
    let (first, second) = (place.path().join("first"), place.path().join("second"));
    let thumbprints = [made(&first), made(&second)];
    put(&first, place.path());
    let (hub, _) = hub().await;
    let connection = registered(&hub, [Some(&thumbprints[0]), Some(&thumbprints[1])]);
    assert!(connection.ends_with("x509=true"), "{connection}");
    let mut events = hub.subscribe();
    let mut probe = command(place.path(), &connection, hub.trust_bundle_pem())
        .env("EDGEPROOF_X509_CERTIFICATE", place.path().join("m.pem"))
        .env("EDGEPROOF_X509_KEY", place.path().join("m.key"))
        .spawn()
        .unwrap();
    let shown = at_home(&hub, &mut events, "monthly").await;
    assert_eq!(shown.as_ref(), Some(&thumbprints[0]));

    // As a lab renews one: the new files, then the old thumbprint is taken away, which ends its link.
    put(&second, place.path());
    registered(&hub, [None, Some(&thumbprints[1])]);
    let shown = at_home(&hub, &mut events, "yearly").await;
    assert_eq!(shown.as_ref(), Some(&thumbprints[1]));
    signal("TERM", &[probe.id().unwrap()]).unwrap();
    let ended = timeout(GRACE, probe.wait()).await;
    assert!(ended.expect("it takes too long to stop").unwrap().success());
}
