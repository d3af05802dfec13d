//! The fixture modules on official SDKs in containers of their own, spoken to from the cloud's side: what a certification run does
//! not do by itself. Needs a Docker engine on this host and the fixture images (`scripts/candidates.sh`).

use std::path::Path;

use serde_json::{Value, json};
use standin::hub::{DisconnectReason, Hearing, HubEvent, Identity, Mode, Properties, Transport};
use standin::workload;
use support::docker;

use super::cloud::{Cloud, HUB, PATIENCE};

#[tokio::test]
async fn the_python_sdk_in_a_container_hears_everything() {
    converses("sdk-python", "", Transport::Mqtt).await;
}

#[tokio::test]
async fn the_node_sdk_in_a_container_hears_everything() {
    converses("sdk-node", "", Transport::Mqtt).await;
}

#[tokio::test]
async fn the_node_sdk_in_a_container_hears_everything_over_web_sockets() {
    converses("sdk-node", "web-socket", Transport::MqttWebSocket).await;
}

#[tokio::test]
async fn the_node_sdk_in_a_container_hears_everything_over_amqp() {
    converses("sdk-node", "amqp", Transport::Amqp).await;
}

/// A container; it is removed when dropped.
struct Container {
    name: String,
}

impl Container {
    fn run(image: &str, socket: &Path, environment: &[(&str, &str)]) -> Container {
        let name = format!("edgeproof-conversation-{}", std::process::id());
        let mount = format!("{}:/var/run/iotedge/workload.sock", socket.display());
        let mut arguments = ["run", "--detach", "--read-only", "--name", &name].to_vec();
        arguments.extend(["--volume", &mount]);
        let environment: Vec<String> = environment
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        for pair in &environment {
            arguments.extend(["--env", pair]);
        }
        arguments.push(image);
        docker(&arguments).unwrap();
        Container { name }
    }

    fn has_said(&self, words: &str) -> bool {
        docker(&["logs", &self.name]).unwrap().contains(words)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // A test that failed says why; what is left then is found by its name.
        let _removed = docker(&["rm", "--force", &self.name]);
    }
}

async fn converses(fixture: &str, manner: &str, transport: Transport) {
    let format = "{{(index .IPAM.Config 0).Gateway}}";
    let address = docker(&["network", "inspect", "bridge", "--format", format]).unwrap();
    let identity = Identity::module("device-1", "module-1");
    let mut cloud = Cloud::start(&address, HUB, identity, Mode::EdgeHub).await;
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("workload.sock");
    let identity = cloud.hub.workload_identity(&cloud.identity).unwrap();
    let _workload = workload::serve(&socket, identity).await.unwrap();
    let uri = "unix:///var/run/iotedge/workload.sock";
    let generation = cloud.credentials.generation_id.clone();
    let mut environment = super::edge_environment(&address, uri, &generation).to_vec();
    environment.push(("MANNER", manner));
    cloud.desired(&json!({"interval": 1}));

    let image = format!("edgeproof.test/{fixture}:1.0.0");
    let module = Container::run(&image, &socket, &environment);
    let login = cloud.login().await;
    assert_eq!(login.transport, transport);
    // In AMQP no session outlives its connection.
    let keeps_session = matches!(transport, Transport::Mqtt | Transport::MqttWebSocket);
    let product = format!("contoso.{fixture}.standard");
    assert!(login.client_type.unwrap().ends_with(&product));
    assert_eq!(reported(&mut cloud).await, json!({"interval": 1}));
    hears_all(&cloud).await;
    let (output, _, body) = cloud.message().await;
    assert_eq!(output.as_deref(), Some("readings"));
    assert_eq!(body["temperature"], 21.5);

    cloud.desired(&json!({"interval": 0.5}));
    assert_eq!(reported(&mut cloud).await, json!({"interval": 0.5}));
    let payload = json!({"by": [1, 2]});
    let calibrated = cloud
        .hub
        .invoke(&cloud.identity, "calibrate", &payload, PATIENCE);
    let calibrated = calibrated.await.unwrap();
    assert_eq!(calibrated.status, 200);
    assert_eq!(calibrated.payload, json!({"offset": payload}));
    let sender = Identity::module("device-1", "sensor");
    let message = (&Properties::default(), &b"21.5"[..]);
    cloud
        .hub
        .send_to_input(&cloud.identity, "in1", &sender, message)
        .unwrap();
    while !module.has_said("a message to in1") {
        cloud.message().await;
    }

    assert!(cloud.hub.disconnect(&cloud.identity));
    assert_eq!(cloud.ended().await, DisconnectReason::Requested);
    assert_eq!(cloud.login().await.session_present, keeps_session);
    cloud.message().await;
    hears_all(&cloud).await;
    cloud.desired(&json!({"interval": 2}));
    assert_eq!(reported(&mut cloud).await, json!({"interval": 2}));
    // A goodbye is answered, and the hub runs on this thread.
    let name = module.name.clone();
    let stopped = tokio::task::spawn_blocking(move || docker(&["stop", &name]));
    stopped.await.unwrap().unwrap();
    assert_eq!(cloud.ended().await, DisconnectReason::Goodbye);
}

async fn hears_all(cloud: &Cloud) {
    for what in [Hearing::Desired, Hearing::Methods, Hearing::Inputs] {
        cloud.hears(what).await;
    }
}

async fn reported(cloud: &mut Cloud) -> Value {
    cloud
        .until(|event| match event {
            HubEvent::Reported { patch, .. } => Some(patch.clone()),
            HubEvent::Violation { rule, detail, .. } => panic!("{rule:?}: {detail}"),
            _ => None,
        })
        .await
}
