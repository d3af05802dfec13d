//! Options that the IoT Edge runtime sets itself, or that keep it from doing its work: legal for the engine, and never
//! what their author expects.
//!
//! Source: Azure/iotedge, `CreateOrUpdateCommand.cs` and `edgelet-docker/src/runtime.rs` (image, labels, network, workload
//! socket), `RestartPolicyManager.cs` (restarts are the agent's).

use serde_json::Value;

use super::elevation::is_zero;
use super::{CreateOptions, OptionMistake, step};
use crate::candidate::WORKLOAD_SOCKET;

/// The runtime's labels.
const LABELS: &str = "net.azure-devices.edge.";

impl CreateOptions {
    /// Options that the runtime overrides, and those with which it cannot do what a deployment says.
    #[must_use]
    pub fn at_odds_with_the_runtime(&self) -> Vec<OptionMistake> {
        let mut found = Vec::new();
        let document = self.value();
        let host = &document["HostConfig"];
        let mut tell = |pointer: String, message: &str| {
            found.push(OptionMistake {
                pointer,
                message: message.to_owned(),
            });
        };
        if !is_zero(&document["Image"]) {
            tell(
                "/Image".to_owned(),
                "IoT Edge takes the image of the deployment instead",
            );
        }
        for label in keys(&document["Labels"]).filter(|label| label.starts_with(LABELS)) {
            tell(step("/Labels", label), "IoT Edge sets this label itself");
        }
        let policy = host["RestartPolicy"]["Name"].as_str().unwrap_or_default();
        if !matches!(policy, "" | "no") {
            tell(
                "/HostConfig/RestartPolicy".to_owned(),
                "IoT Edge restarts modules by the restart policy of the deployment; with one of its own the engine restarts them unseen",
            );
        }
        if host["AutoRemove"] == true {
            tell(
                "/HostConfig/AutoRemove".to_owned(),
                "an ended container is gone before IoT Edge sees how it ended",
            );
        }
        for pointer in over_the_socket(document) {
            tell(
                pointer,
                "IoT Edge mounts the module's workload socket there, and an engine refuses two mounts at one place",
            );
        }
        if let Some(pointer) = host_network_alone(document) {
            tell(
                pointer,
                "IoT Edge adds its own network unless /NetworkingConfig/EndpointsConfig names one: write {\"host\": {}} there as well",
            );
        }
        found
    }
}

fn keys(object: &Value) -> impl Iterator<Item = &str> {
    let members = object.as_object().into_iter().flatten();
    members.map(|(key, _)| key.as_str())
}

/// Where something is mounted at the place of the workload socket.
fn over_the_socket(document: &Value) -> Vec<String> {
    let host = &document["HostConfig"];
    let items = |list: &'static str| {
        let items = host[list].as_array().into_iter().flatten().enumerate();
        items.map(move |(index, item)| (format!("/HostConfig/{list}/{index}"), item))
    };
    let binds = items("Binds").filter(|(_, bind)| {
        let target = bind.as_str().and_then(|bind| bind.split(':').nth(1));
        target.is_some_and(is_socket)
    });
    let mounts =
        items("Mounts").filter(|(_, mount)| mount["Target"].as_str().is_some_and(is_socket));
    let listed = binds.chain(mounts).map(|(pointer, _)| pointer);
    let named = [
        ("/Volumes", &document["Volumes"]),
        ("/HostConfig/Tmpfs", &host["Tmpfs"]),
    ];
    let named = named.into_iter().flat_map(|(at, object)| {
        let targets = keys(object).filter(|target| is_socket(target));
        targets.map(move |target| step(at, target))
    });
    listed.chain(named).collect()
}

fn is_socket(target: &str) -> bool {
    target.trim_end_matches('/') == WORKLOAD_SOCKET
}

/// The host's network without an endpoint: the engine does not take both that and the runtime's network.
fn host_network_alone(document: &Value) -> Option<String> {
    let host = document["HostConfig"]["NetworkMode"] == "host";
    let endpoints = &document["NetworkingConfig"]["EndpointsConfig"];
    (host && endpoints.is_null()).then(|| "/HostConfig/NetworkMode".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, pointers: &[&str]) {
        let options = CreateOptions::parse(text).unwrap();
        let found = options.at_odds_with_the_runtime();
        let found: Vec<&str> = found.iter().map(|one| one.pointer.as_str()).collect();
        assert_eq!(found, pointers, "{text}");
    }

    #[test]
    fn what_the_runtime_overrides_or_cannot_work_with_is_told_by_its_pointer() {
        check(r#"{"Image": "other:1"}"#, &["/Image"]);
        check(
            r#"{"Labels": {"net.azure-devices.edge.owner": "me", "mine": "x"}}"#,
            &["/Labels/net.azure-devices.edge.owner"],
        );
        check(
            r#"{"HostConfig": {"RestartPolicy": {"Name": "always"}, "AutoRemove": true}}"#,
            &["/HostConfig/RestartPolicy", "/HostConfig/AutoRemove"],
        );
        check(
            r#"{"HostConfig": {"NetworkMode": "host"}}"#,
            &["/HostConfig/NetworkMode"],
        );
        check(
            r#"{"hostconfig": {"binds": ["/a:/b", "/x:/var/run/iotedge/workload.sock:ro"],
                "Mounts": [{"Type": "bind", "Target": "/var/run/iotedge/workload.sock"}],
                "Tmpfs": {"/var/run/iotedge/workload.sock/": ""}},
               "Volumes": {"/var/run/iotedge/workload.sock": {}}}"#,
            &[
                "/HostConfig/Binds/1",
                "/HostConfig/Mounts/0",
                "/Volumes/~1var~1run~1iotedge~1workload.sock",
                "/HostConfig/Tmpfs/~1var~1run~1iotedge~1workload.sock~1",
            ],
        );
    }

    #[test]
    fn what_says_nothing_else_than_the_runtime_does_is_left_alone() {
        for text in [
            "",
            r#"{"Image": "", "Labels": {"a": "b"}, "HostConfig": {"AutoRemove": false}}"#,
            r#"{"HostConfig": {"RestartPolicy": {"Name": "no"}, "Binds": ["/var/run/iotedge:/x"]}}"#,
            r#"{"HostConfig": {"NetworkMode": "host"}, "NetworkingConfig": {"EndpointsConfig": {"host": {}}}}"#,
            r#"{"HostConfig": {"NetworkMode": "bridge"}}"#,
        ] {
            check(text, &[]);
        }
    }
}
