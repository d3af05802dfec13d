//! The local hub and the workload API against foreign clients: the official Python SDK as a module,
//! and the crate `azure_iot_sdk` as a device. Both sides are asked what they saw.
//!
//! Each hub has a loopback address of its own, because those clients dial port 8883 and no other.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test picks the one event it waits for"
)]

mod cloud;
mod containers;
mod events;
mod renewal;
#[path = "../sdk/mod.rs"]
mod sdk;
mod service;
mod x509;

use cloud::{Cloud, HUB, NODE, NODE_AMQP, PATIENCE, PYTHON, Sdk, whole_conversation};
use sdk::Program;
use serde_json::json;
use standin::hub::{HubEvent, Identity, Mode, Rule, Transport};
use standin::workload;

#[tokio::test]
async fn the_python_sdk_is_at_home_as_an_edge_module() {
    as_an_edge_module("127.0.0.2", &PYTHON, "edge", Transport::Mqtt).await;
}

#[tokio::test]
async fn the_python_sdk_is_at_home_over_web_sockets() {
    let over = Transport::MqttWebSocket;
    as_an_edge_module("127.0.0.15", &PYTHON, "edge-web-socket", over).await;
}

#[tokio::test]
async fn the_node_sdk_is_at_home_as_an_edge_module() {
    as_an_edge_module("127.0.0.16", &NODE, "mqtt", Transport::Mqtt).await;
}

#[tokio::test]
async fn the_node_sdk_is_at_home_over_web_sockets() {
    let over = Transport::MqttWebSocket;
    as_an_edge_module("127.0.0.17", &NODE, "mqtt-web-socket", over).await;
}

#[tokio::test]
async fn the_node_sdk_is_at_home_over_amqp() {
    as_an_edge_module("127.0.0.20", &NODE_AMQP, "amqp", Transport::Amqp).await;
}

#[tokio::test]
async fn the_node_sdk_is_at_home_over_amqp_in_web_sockets() {
    let over = Transport::AmqpWebSocket;
    as_an_edge_module("127.0.0.21", &NODE_AMQP, "amqp-web-socket", over).await;
}

/// The environment of edgeAgent for device-1/module-1 behind `address`.
fn edge_environment<'a>(
    address: &'a str,
    uri: &'a str,
    generation: &'a str,
) -> [(&'static str, &'a str); 8] {
    [
        ("IOTEDGE_WORKLOADURI", uri),
        ("IOTEDGE_AUTHSCHEME", "sasToken"),
        ("IOTEDGE_MODULEGENERATIONID", generation),
        ("IOTEDGE_IOTHUBHOSTNAME", HUB),
        ("IOTEDGE_GATEWAYHOSTNAME", address),
        ("IOTEDGE_DEVICEID", "device-1"),
        ("IOTEDGE_MODULEID", "module-1"),
        ("IOTEDGE_APIVERSION", "2022-08-03"),
    ]
}

async fn as_an_edge_module(address: &str, sdk: &Sdk, how: &str, transport: Transport) {
    let identity = Identity::module("device-1", "module-1");
    let cloud = Cloud::start(address, HUB, identity, Mode::EdgeHub).await;
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("workload.sock");
    let identity = cloud.hub.workload_identity(&cloud.identity).unwrap();
    let workload = workload::serve(&socket, identity).await.unwrap();
    let uri = format!("unix://{}", socket.display());
    let generation = cloud.credentials.generation_id.clone();
    let environment = edge_environment(address, &uri, &generation);
    let module = match sdk.name {
        "node" => sdk::node(how, &environment).await,
        _ => sdk::python(how, &environment).await,
    };
    assert_eq!(whole_conversation(cloud, module, sdk).await, transport);
    let requests = workload.requests();
    let paths: Vec<&str> = requests
        .iter()
        .map(|r| r.path.split('?').next().unwrap())
        .collect();
    assert!(paths.contains(&"/trust-bundle"), "{paths:?}");
    assert!(
        paths.iter().any(|path| path.ends_with("/sign")),
        "{paths:?}"
    );
    assert!(
        requests.iter().all(|request| request.status == 200),
        "{requests:?}"
    );
}

#[tokio::test]
async fn the_official_sdk_is_at_home_with_a_connection_string() {
    let cloud = Cloud::start(
        "127.0.0.3",
        HUB,
        Identity::module("device-1", "module-1"),
        Mode::IotHub,
    )
    .await;
    let directory = tempfile::tempdir().unwrap();
    let anchor = directory.path().join("ca.pem");
    std::fs::write(&anchor, cloud.hub.trust_bundle_pem()).unwrap();
    let module = string_module(&cloud.credentials.connection_string, &anchor).await;
    whole_conversation(cloud, module, &PYTHON).await;
}

#[tokio::test]
async fn the_official_sdk_turns_away_from_a_hub_it_does_not_trust() {
    let mut cloud = Cloud::start(
        "127.0.0.4",
        HUB,
        Identity::module("device-1", "module-1"),
        Mode::IotHub,
    )
    .await;
    let other = Cloud::start(
        "127.0.0.5",
        HUB,
        Identity::module("device-1", "module-1"),
        Mode::IotHub,
    )
    .await;
    let directory = tempfile::tempdir().unwrap();
    let anchor = directory.path().join("ca.pem");
    std::fs::write(&anchor, other.hub.trust_bundle_pem()).unwrap();
    let mut module = string_module(&cloud.credentials.connection_string, &anchor).await;
    module.step("failed").await;
    let detail = cloud
        .until(|event| match event {
            HubEvent::HandshakeFailed { detail, .. } => Some(detail.clone()),
            _ => None,
        })
        .await;
    assert!(detail.contains("UnknownCA"), "{detail}");
}

#[tokio::test]
async fn the_official_sdk_is_told_that_its_key_is_wrong() {
    let mut cloud = Cloud::start(
        "127.0.0.6",
        HUB,
        Identity::module("device-1", "module-1"),
        Mode::IotHub,
    )
    .await;
    let directory = tempfile::tempdir().unwrap();
    let anchor = directory.path().join("ca.pem");
    std::fs::write(&anchor, cloud.hub.trust_bundle_pem()).unwrap();
    let (head, _) = cloud
        .credentials
        .connection_string
        .split_once("SharedAccessKey=")
        .unwrap();
    let mut module = string_module(&format!("{head}SharedAccessKey=AAECAwQFBgc="), &anchor).await;
    assert_eq!(module.step("failed").await["error"], "CredentialError");
    let rule = cloud
        .until(|event| match event {
            HubEvent::Violation { rule, .. } => Some(*rule),
            _ => None,
        })
        .await;
    assert_eq!(rule, Rule::Token);
}

#[tokio::test]
async fn a_foreign_device_client_talks_to_the_hub() {
    let host = "127.0.0.7";
    let mut cloud = Cloud::start(host, host, Identity::device("device-2"), Mode::IotHub).await;
    let directory = tempfile::tempdir().unwrap();
    let anchor = directory.path().join("ca.pem");
    std::fs::write(&anchor, cloud.hub.trust_bundle_pem()).unwrap();
    let (_, key) = cloud
        .credentials
        .connection_string
        .split_once("SharedAccessKey=")
        .unwrap();
    let mut device = sdk::foreign_device(&[host, "device-2", key], &anchor).await;
    device.step("connected").await;
    let login = cloud.login().await;
    assert_eq!(
        (login.api_version.as_str(), login.keep_alive.as_secs()),
        ("2018-06-30", 10)
    );
    assert_eq!(login.client_type, None);
    device.step("sent").await;
    let (output, properties, body) = cloud.message().await;
    assert_eq!((output, body), (None, json!({"n": 1})));
    assert_eq!(properties.application["kind"].as_deref(), Some("foreign"));
    let patch = cloud
        .until(|event| match event {
            HubEvent::Reported { patch, .. } => Some(patch.clone()),
            _ => None,
        })
        .await;
    assert_eq!(patch, json!({"sdk": "rust"}));
    let version = cloud.desired(&json!({"interval": 5}));
    assert_eq!(
        device.step("desired").await["patch"],
        json!({"interval": 5, "$version": version})
    );
    let result = cloud
        .hub
        .invoke(&cloud.identity, "ping", &json!({}), PATIENCE)
        .await
        .unwrap();
    assert_eq!((result.status, result.payload), (200, json!({"ok": true})));
    assert_eq!(device.step("answered").await["method"], "ping");
    assert!(cloud.hub.disconnect(&cloud.identity));
    device.step("lost").await;
}

async fn string_module(connection_string: &str, anchor: &std::path::Path) -> Program {
    let anchor = anchor.to_str().unwrap();
    sdk::python(
        "string",
        &[
            ("CONNECTION_STRING", connection_string),
            ("SERVER_CERT", anchor),
        ],
    )
    .await
}
