//! The official Python SDK as a module that logs in with a certificate, made by `openssl` as a lab makes one.

use std::path::Path;

use standin::hub::{Certificates, HubEvent, Identity, Mode, Rule, Thumbprint, Transport};
use support::certificate;

use super::cloud::{Cloud, PYTHON, whole_conversation};
use super::sdk::{self, Program};

/// A certificate and its key; returns its SHA-1.
fn certificate(directory: &Path) -> String {
    certificate::make(directory).unwrap();
    certificate::thumbprint(directory, "-sha1").unwrap()
}

async fn module(address: &str, directory: &Path, cloud: &Cloud, how: &str) -> Program {
    let place = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    std::fs::write(directory.join("ca.pem"), cloud.hub.trust_bundle_pem()).unwrap();
    let (anchor, own, key) = (place("ca.pem"), place("m.pem"), place("m.key"));
    let environment = [
        ("SERVER_CERT", anchor.as_str()),
        ("CERTIFICATE", own.as_str()),
        ("KEY", key.as_str()),
        ("HOST", address),
        ("DEVICE", "device-1"),
        ("MODULE", "module-1"),
    ];
    sdk::python(how, &environment).await
}

async fn cloud(address: &str, thumbprint: &str) -> Cloud {
    let identity = Identity::module("device-1", "module-1");
    let cloud = Cloud::start(address, address, identity, Mode::IotHub).await;
    let certificates = Certificates::SelfSigned {
        primary: Thumbprint::parse(thumbprint),
        secondary: None,
    };
    let registered = cloud
        .hub
        .register_with_certificate(&cloud.identity, certificates);
    assert!(registered.unwrap().ends_with("x509=true"));
    cloud
}

async fn at_home(address: &str, how: &str, transport: Transport) {
    let directory = tempfile::tempdir().unwrap();
    let cloud = cloud(address, &certificate(directory.path())).await;
    let module = module(address, directory.path(), &cloud, how).await;
    assert_eq!(whole_conversation(cloud, module, &PYTHON).await, transport);
}

#[tokio::test]
async fn the_official_sdk_is_at_home_with_a_certificate() {
    at_home("127.0.0.30", "x509", Transport::Mqtt).await;
}

#[tokio::test]
async fn the_official_sdk_is_at_home_with_a_certificate_over_web_sockets() {
    at_home("127.0.0.31", "x509-web-socket", Transport::MqttWebSocket).await;
}

#[tokio::test]
async fn the_official_sdk_is_refused_with_a_certificate_that_is_not_registered() {
    let address = "127.0.0.32";
    let directory = tempfile::tempdir().unwrap();
    certificate(directory.path());
    let mut cloud = cloud(address, &"A".repeat(64)).await;
    let mut module = module(address, directory.path(), &cloud, "x509").await;
    module.step("failed").await;
    let rule = cloud.until(|event| match event {
        HubEvent::Violation { rule, .. } => Some(*rule),
        _ => None,
    });
    assert_eq!(rule.await, Rule::Certificate);
}
