//! The local hub and the workload API against foreign clients: the official Python SDK as a module,
//! and the crate `azure_iot_sdk` as a device. Both sides are asked what they saw.
//!
//! Each hub has a loopback address of its own, because those clients dial port 8883 and no other.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test picks the one event it waits for"
)]

mod sdk;

use std::time::Duration;

use sdk::Program;
use serde_json::{Value, json};
use standin::hub::{
    Credentials, DisconnectReason, HubConfig, HubEvent, Identity, LocalHub, Login, Mode,
    OtherPorts, Properties, Rule, Transport,
};
use standin::workload;
use tokio::sync::mpsc;

const HUB: &str = "edgeproof.local";
const PATIENCE: Duration = Duration::from_secs(60);

struct Cloud {
    hub: LocalHub,
    mode: Mode,
    events: mpsc::Receiver<HubEvent>,
    identity: Identity,
    credentials: Credentials,
}

impl Cloud {
    async fn start(address: &str, host_name: &str, identity: Identity, mode: Mode) -> Self {
        let hub = LocalHub::start(HubConfig {
            listen: format!("{address}:8883").parse().unwrap(),
            also: OtherPorts {
                web_socket: Some(format!("{address}:443").parse().unwrap()),
                amqp: None,
            },
            host_name: host_name.to_owned(),
            names: vec![address.to_owned()],
            mode,
        })
        .await
        .unwrap();
        let events = hub.subscribe();
        let credentials = hub.register(&identity).unwrap();
        Self {
            hub,
            mode,
            events,
            identity,
            credentials,
        }
    }

    async fn until<T>(&mut self, pick: impl Fn(&HubEvent) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("the hub still runs");
                if let Some(found) = pick(&event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found)
            .await
            .expect("the event comes")
    }

    async fn login(&mut self) -> Login {
        self.until(|event| match event {
            HubEvent::Connected(login) => Some(login.clone()),
            _ => None,
        })
        .await
    }

    async fn message(&mut self) -> (Option<String>, Properties, Value) {
        self.until(|event| match event {
            HubEvent::Message {
                output,
                properties,
                body,
                ..
            } => {
                let body = serde_json::from_slice(body).expect("the body is JSON");
                Some((output.clone(), properties.clone(), body))
            }
            _ => None,
        })
        .await
    }

    async fn ended(&mut self) -> DisconnectReason {
        self.until(|event| match event {
            HubEvent::Disconnected { reason, .. } => Some(*reason),
            _ => None,
        })
        .await
    }

    fn desired(&self, patch: &Value) -> u64 {
        self.hub.set_desired(&self.identity, patch).unwrap()
    }
}

/// What an official SDK is known by.
struct Sdk {
    name: &'static str,
    client_type: &'static str,
    api_version: &'static str,
    keep_alive: u64,
    /// The error of a reported property with a forbidden name.
    refusal: &'static str,
    /// Whether it subscribes anew after a lost connection, although its session was kept.
    subscribes_again: bool,
}

const PYTHON: Sdk = Sdk {
    name: "python",
    client_type: "azure-iot-device-iothub-py/2.14.0",
    api_version: "2019-10-01",
    keep_alive: 60,
    refusal: "ClientError",
    subscribes_again: false,
};

const NODE: Sdk = Sdk {
    name: "node",
    client_type: "azure-iot-device/1.18.4",
    api_version: "2021-04-12",
    keep_alive: 180,
    refusal: "Error",
    subscribes_again: true,
};

/// Plays the cloud for `module.py` or `module.js` from the first step to the last; what its MQTT came through.
async fn whole_conversation(mut cloud: Cloud, mut module: Program, sdk: &Sdk) -> Transport {
    cloud.desired(&json!({"mode": "fast"}));
    module.step("connected").await;
    let login = cloud.login().await;
    assert_eq!(login.identity, cloud.identity);
    let client_type = login.client_type.unwrap();
    assert!(client_type.starts_with(sdk.client_type), "{client_type}");
    assert!(client_type.ends_with("contoso.offer.plan"), "{client_type}");
    assert_eq!(
        (login.api_version.as_str(), login.keep_alive.as_secs()),
        (sdk.api_version, sdk.keep_alive)
    );
    assert!(!login.clean_session);

    let twin = module.step("twin").await["twin"].clone();
    assert_eq!(
        twin,
        json!({"desired": {"mode": "fast", "$version": 2}, "reported": {"$version": 1}})
    );
    assert_eq!(module.step("reported").await["refused"], sdk.refusal);
    let twin = cloud.hub.twin(&cloud.identity).unwrap();
    assert_eq!(
        Value::Object(twin.reported),
        json!({"sdk": {"name": sdk.name}})
    );
    assert_eq!(twin.reported_version, 3);

    module.step("sent").await;
    let (output, properties, body) = cloud.message().await;
    assert_eq!(output.as_deref(), Some("report"));
    assert_eq!(body, json!({"text": "first"}));
    assert_eq!(
        properties.application["run"].as_deref(),
        Some("a b/c&d=e+f%")
    );
    assert_eq!(properties.application["\u{fc}ber"].as_deref(), Some(""));
    assert_eq!(
        properties.system["$.ct"].as_deref(),
        Some("application/json")
    );
    assert_eq!(properties.system["$.ce"].as_deref(), Some("utf-8"));
    assert_eq!(properties.system["$.mid"].as_deref(), Some("message-1"));

    module.step("listening").await;
    let version = cloud.desired(&json!({"mode": null, "interval": 5}));
    let patch = module.step("desired").await["patch"].clone();
    assert_eq!(
        patch,
        json!({"mode": null, "interval": 5, "$version": version})
    );
    let payload = json!({"n": [1, 2]});
    let result = cloud
        .hub
        .invoke(&cloud.identity, "startRun", &payload, PATIENCE)
        .await
        .unwrap();
    assert_eq!(
        (result.status, result.payload),
        (202, json!({"echo": payload}))
    );
    assert_eq!(module.step("answered").await["method"], "startRun");
    if cloud.mode == Mode::EdgeHub {
        let sender = Identity::module("device-1", "sensor");
        cloud
            .hub
            .send_to_input(&cloud.identity, "in1", &sender, (&properties, b"21.5"))
            .unwrap();
        let step = module.step("input").await;
        assert_eq!(
            (&step["input"], &step["body"]),
            (&json!("in1"), &json!("21.5"))
        );
    }

    module.step("waiting").await;
    assert!(cloud.hub.disconnect(&cloud.identity));
    assert_eq!(cloud.ended().await, DisconnectReason::Requested);
    assert!(cloud.login().await.session_present);
    let reconnected = module.step("reconnected").await;
    if sdk.name == "python" {
        assert_eq!(
            reconnected["states"].as_array().unwrap().last(),
            Some(&json!(true))
        );
    }
    let second = cloud.until(|event| match event {
        HubEvent::Message { body, .. } => Some(body.clone()),
        HubEvent::Subscribed { filter, .. } if !sdk.subscribes_again => {
            panic!("subscribed to {filter} again")
        }
        _ => None,
    });
    let second: Value = serde_json::from_slice(&second.await).unwrap();
    assert_eq!(second, json!({"text": "second"}));
    let version = cloud.desired(&json!({"interval": 6}));
    assert_eq!(
        module.step("desired").await["patch"],
        json!({"interval": 6, "$version": version})
    );
    module.step("done").await;
    assert_eq!(cloud.ended().await, DisconnectReason::Goodbye);
    login.transport
}

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

async fn as_an_edge_module(address: &str, sdk: &Sdk, how: &str, transport: Transport) {
    let identity = Identity::module("device-1", "module-1");
    let cloud = Cloud::start(address, HUB, identity, Mode::EdgeHub).await;
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("workload.sock");
    let identity = cloud.hub.workload_identity(&cloud.identity).unwrap();
    let workload = workload::serve(&socket, identity).await.unwrap();
    let uri = format!("unix://{}", socket.display());
    let generation = cloud.credentials.generation_id.clone();
    let environment = [
        ("IOTEDGE_WORKLOADURI", uri.as_str()),
        ("IOTEDGE_AUTHSCHEME", "sasToken"),
        ("IOTEDGE_MODULEGENERATIONID", &generation),
        ("IOTEDGE_IOTHUBHOSTNAME", HUB),
        ("IOTEDGE_GATEWAYHOSTNAME", address),
        ("IOTEDGE_DEVICEID", "device-1"),
        ("IOTEDGE_MODULEID", "module-1"),
        ("IOTEDGE_APIVERSION", "2022-08-03"),
    ];
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
