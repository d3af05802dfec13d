//! `deploy` and `results` against the local hub's service API: the same twins that a module reads over MQTT.
//!
//! The probe's place is taken by the probe's own hub client, so that a test says what it reports and answers.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

#[path = "through_the_hub/deployments.rs"]
mod deployments;
#[path = "through_the_hub/module.rs"]
mod module;
#[path = "through_the_hub/runs.rs"]
mod runs;

use std::path::PathBuf;
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use standin::hub::{HubConfig, Identity, LocalHub, Mode, OtherPorts, Policy};
use support::program::program;
use tempfile::TempDir;

const DEVICE: &str = "pi4-01";
const IMAGE: &str = "lab.example/edgeproof-agent:0.1.0";

/// A local hub with one IoT Edge device, and what the harness needs to reach it.
struct Lab {
    hub: LocalHub,
    place: TempDir,
    string: String,
}

impl Lab {
    async fn start() -> Lab {
        let any = "127.0.0.1:0".parse().unwrap();
        let hub = LocalHub::start(HubConfig {
            listen: any,
            also: OtherPorts {
                service: Some(any),
                ..OtherPorts::default()
            },
            host_name: "edgeproof.local".to_owned(),
            names: vec!["127.0.0.1".to_owned()],
            mode: Mode::IotHub,
        })
        .await
        .unwrap();
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("ca.pem"), hub.trust_bundle_pem()).unwrap();
        let string = hub.service_connection_string(Policy::IotHubOwner).unwrap();
        Lab { hub, place, string }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Runs `edgeproof` with the hub's connection string in its environment.
    async fn edgeproof(&self, arguments: &[&str]) -> Ended {
        self.with_string(&self.string, arguments).await
    }

    async fn with_string(&self, string: &str, arguments: &[&str]) -> Ended {
        let mut command = self.command(string).await;
        let output = command.args(arguments).output().await.unwrap();
        Ended::of(&output, string)
    }

    /// The program with a connection string in its environment, its outputs to be read.
    async fn command(&self, string: &str) -> tokio::process::Command {
        let program = tokio::task::spawn_blocking(program).await.unwrap();
        let mut command = tokio::process::Command::new(program);
        command
            .env("EDGEPROOF_HUB_CONNECTION_STRING", string)
            .env("EDGEPROOF_HUB_CA", self.path("ca.pem"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Desired properties of a module, without the hub's own members.
    fn desired(&self, module: &str) -> Value {
        let twin = self.hub.twin(&Identity::module(DEVICE, module)).unwrap();
        Value::Object(twin.desired)
    }
}

/// What one call came to.
#[derive(Debug)]
struct Ended {
    exit: i32,
    out: String,
    err: String,
}

impl Ended {
    fn of(output: &Output, string: &str) -> Ended {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let ended = Ended {
            exit: output.status.code().unwrap(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        };
        let (_, key) = string.split_once("SharedAccessKey=").unwrap();
        assert!(
            !ended.out.contains(key) && !ended.err.contains(key),
            "the key is told: {ended:?}"
        );
        ended
    }
}

/// `$edgeAgent` and `$edgeHub` of a device with one module. Composed after Azure/iotedge, doc/deployment-schema-1.0.json.
fn base() -> (Value, Value) {
    let system = |name: &str| json!({"type": "docker", "settings": {"image": format!("mcr.example/{name}:1.5"), "createOptions": "{}"}});
    let mut hub = system("hub");
    hub["status"] = json!("running");
    hub["restartPolicy"] = json!("always");
    let module = json!({"type": "docker", "status": "running", "restartPolicy": "always",
        "settings": {"image": "contoso.example/temperature:1.0", "createOptions": "{}"}});
    let agent = json!({
        "schemaVersion": "1.1",
        "runtime": {"type": "docker", "settings": {"minDockerVersion": "v1.25"}},
        "systemModules": {"edgeAgent": system("agent"), "edgeHub": hub},
        "modules": {"temperature": module},
    });
    let edge_hub = json!({
        "schemaVersion": "1.1",
        "routes": {"all": "FROM /messages/modules/temperature/* INTO $upstream"},
        "storeAndForwardConfiguration": {"timeToLiveSecs": 7200},
    });
    (agent, edge_hub)
}
