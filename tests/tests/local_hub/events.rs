//! The local hub's Event Hubs-compatible endpoint under the official Python SDK of Event Hubs, unmodified: what a module sends over
//! MQTT is read there as IoT Hub's messages are.

use std::time::SystemTime;

use agent::hub::{Content, HubClient, HubSettings, Identity as Own, LONGEST_PAUSE};
use serde_json::{Value, json};
use standin::hub::{HubConfig, Identity, LocalHub, Mode, OtherPorts, Policy};

use super::cloud::HUB;
use super::sdk;

/// That SDK dials port 5671 of the host in its connection string, whatever port stands there.
const ADDRESS: &str = "127.0.0.23";

/// A part of a report is at most so long.
const LONG: usize = 200_000;

async fn hub() -> LocalHub {
    let hub = LocalHub::start(HubConfig {
        listen: format!("{ADDRESS}:0").parse().unwrap(),
        also: OtherPorts {
            events: Some(format!("{ADDRESS}:5671").parse().unwrap()),
            ..OtherPorts::default()
        },
        host_name: HUB.to_owned(),
        names: vec![ADDRESS.to_owned()],
        mode: Mode::IotHub,
    });
    hub.await.unwrap()
}

/// The probe's own client as module `probe` of a device.
fn module(hub: &LocalHub, device: &str) -> HubClient {
    let credentials = hub.register(&Identity::module(device, "probe")).unwrap();
    let settings = HubSettings {
        identity: Own::from_connection_string(&credentials.connection_string).unwrap(),
        ca_pem: Some(hub.trust_bundle_pem().to_owned()),
        port: hub.address().port(),
        product_info: "edgeproof-tests".to_owned(),
        seed: 1,
        longest_pause: LONGEST_PAUSE,
        now: SystemTime::now,
    };
    let (client, mut from_hub) = HubClient::connect(settings);
    tokio::spawn(async move { while from_hub.recv().await.is_some() {} });
    client
}

async fn send(client: &HubClient, part: &str, body: &[u8]) {
    let properties = [
        ("run", "monday"),
        ("part", part),
        ("schema", "edgeproof.report/1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let sent = client.send("report", &properties, Content::JSON, body.to_vec());
    sent.await.unwrap();
}

fn numbers(messages: &Value) -> Vec<u64> {
    let messages = messages.as_array().unwrap().iter();
    messages
        .map(|message| message["sequence"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn the_python_sdk_of_event_hubs_reads_what_modules_sent() {
    let hub = hub().await;
    let directory = tempfile::tempdir().unwrap();
    let anchor = directory.path().join("ca.pem");
    std::fs::write(&anchor, hub.trust_bundle_pem()).unwrap();
    let service = hub.events_connection_string(Policy::Service).unwrap();
    let device = hub.events_connection_string(Policy::Device).unwrap();
    let environment = [("SERVICE", service.as_str()), ("DEVICE", device.as_str())];
    let mut program = sdk::python_events(&environment, &anchor).await;

    let found = program.step("hub").await;
    assert_eq!(
        (&found["name"], &found["partitions"], &found["empty"]),
        (
            &json!("edgeproof"),
            &json!(["0", "1", "2", "3"]),
            &json!([true, true, true, true])
        )
    );
    let one = module(&hub, "device-1");
    send(&one, "1", br#"{"schema": 1}"#).await;
    send(&one, "2", &vec![b'x'; LONG]).await;
    send(&one, "3", b"3").await;
    program.go_on().await;

    let every = &program.step("every").await["messages"];
    assert_eq!(numbers(every), [0, 1, 2]);
    let first = &every[0];
    for (name, wanted) in [
        ("body", json!(r#"{"schema": 1}"#)),
        ("device", json!("device-1")),
        ("module", json!("probe")),
        ("source", json!("Telemetry")),
        ("key", json!("device-1")),
        ("type", json!("application/json")),
        ("offset", json!("0")),
        (
            "properties",
            json!({"run": "monday", "part": "1", "schema": "edgeproof.report/1"}),
        ),
    ] {
        assert_eq!(first[name], wanted, "{name}");
    }
    let enqueued = first["enqueued"].as_f64().unwrap();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    assert!((now - 60.0..=now).contains(&enqueued), "{enqueued}");
    assert_eq!(every[1]["length"], LONG);
    let inclusive = &program.step("inclusive").await["messages"];
    assert_eq!(numbers(inclusive), [1, 2]);
    assert_eq!(numbers(&program.step("after").await["messages"]), [2]);
    assert_eq!(numbers(&program.step("since").await["messages"]), [0, 1, 2]);
    let partition = program.step("partition").await;
    assert_eq!(
        (&partition["last"], &partition["offset"]),
        (&json!(2), &every[2]["offset"])
    );

    program.step("listens").await;
    send(&one, "4", b"later").await;
    let live = &program.step("live").await["message"];
    assert_eq!(
        (&live["sequence"], &live["body"]),
        (&json!(3), &json!("later"))
    );
    assert_eq!(
        program.step("wrong").await["refused"],
        "AuthenticationError"
    );
    assert_eq!(
        program.step("device").await["refused"],
        "AuthenticationError"
    );
    one.close().await.unwrap();
}
