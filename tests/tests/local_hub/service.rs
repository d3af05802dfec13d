//! The local hub's service API under the official Python SDK of the service side, unmodified, with a module on the device SDK beside
//! it. Both run in one program; the hub is asked what came of it.

use serde_json::{Value, json};
use standin::hub::{HubConfig, HubEvent, Identity, LocalHub, Mode, OtherPorts, Policy};

use super::cloud::HUB;
use super::sdk;

const ADDRESS: &str = "127.0.0.22";

#[tokio::test]
async fn the_python_service_sdk_is_at_home_and_reaches_a_module_on_the_device_sdk() {
    let hub = LocalHub::start(HubConfig {
        listen: format!("{ADDRESS}:8883").parse().unwrap(),
        also: OtherPorts {
            service: Some(format!("{ADDRESS}:0").parse().unwrap()),
            ..OtherPorts::default()
        },
        host_name: HUB.to_owned(),
        names: vec![ADDRESS.to_owned()],
        mode: Mode::IotHub,
    });
    let hub = hub.await.unwrap();
    let mut events = hub.subscribe();
    let directory = tempfile::tempdir().unwrap();
    let anchor = directory.path().join("ca.pem");
    std::fs::write(&anchor, hub.trust_bundle_pem()).unwrap();
    let owner = hub.service_connection_string(Policy::IotHubOwner).unwrap();
    let service = hub.service_connection_string(Policy::Service).unwrap();
    let environment = [
        ("OWNER", owner.as_str()),
        ("SERVICE", service.as_str()),
        ("HUB", HUB),
        ("GATEWAY", ADDRESS),
    ];
    let mut program = sdk::python_service(&environment, &anchor).await;

    let made = program.step("identities").await;
    assert_eq!(made["modules"], json!(["$edgeAgent", "$edgeHub", "probe"]));
    let probe = Identity::module("device-1", "probe");
    let key = made["key"].as_str().unwrap();
    let credentials = hub.register(&probe).unwrap();
    assert!(
        credentials.connection_string.ends_with(key),
        "the key is the one that was given out"
    );
    assert_eq!(program.step("twice").await["refused"], "Conflict");
    program.step("connected").await;
    let login = async {
        loop {
            if let HubEvent::Connected(login) = events.recv().await.expect("the hub still runs") {
                return login;
            }
        }
    };
    assert_eq!(login.await.identity, probe);

    let twin = program.step("twin").await;
    assert_eq!(twin["refused"], "Precondition Failed");
    assert_eq!(twin["heard"], json!({"interval": 5, "$version": 2}));
    assert_eq!(
        (&twin["tags"], &twin["state"]),
        (&json!({"site": "a"}), &json!("Connected"))
    );
    let method = program.step("method").await;
    assert_eq!(
        (&method["status"], &method["payload"]),
        (&json!(202), &json!({"echo": {"n": [1, 2]}}))
    );
    assert_eq!(method["offline"], "Not Found");
    let query = program.step("query").await;
    assert_eq!(
        query["pages"],
        json!([["device-1"], ["device-2"], ["device-3"]])
    );
    assert_eq!(query["reported"], json!(["device-1/probe"]));
    assert_eq!(query["refused"], "Bad Request");

    let configuration = program.step("configuration").await;
    assert_eq!(configuration["applied"], 1);
    assert_eq!(
        configuration["heard"],
        json!({"mode": "deployed", "interval": null, "$version": 3})
    );
    assert_eq!(configuration["refused"], "Precondition Failed");
    let content = program.step("content").await;
    assert_eq!(
        content["heard"],
        json!({"limits": {"memory": 64}, "$version": 4})
    );
    let desired = Value::Object(hub.twin(&probe).unwrap().desired);
    assert_eq!(
        desired,
        json!({"mode": "deployed", "limits": {"memory": 64}})
    );
    assert_eq!(program.step("forbidden").await["refused"], "Unauthorized");
    let x509 = program.step("x509").await;
    let kinds = [
        "selfSigned",
        "selfSigned",
        "certificateAuthority",
        "selfSigned",
    ];
    assert_eq!(x509["kinds"], json!(kinds));
    assert_eq!(x509["prints"], json!(["a".repeat(40), "B".repeat(64)]));
    assert_eq!(x509["refused"], "Bad Request");
    program.step("done").await;
    assert!(hub.twin(&probe).is_err(), "the module is deleted");
}
