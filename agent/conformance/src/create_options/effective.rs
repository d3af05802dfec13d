//! Access to the host as the engine's inspect shows it, for a container that was just created.

use serde_json::Value;

use super::capabilities::plain_name;
use crate::observation::EffectivePrivilege;

/// Reads the access out of a container's inspect. `added_binds` are those that edgeproof added, as IoT Edge would.
///
/// `CgroupnsMode` is left out of the host namespaces: on cgroup v1 every container has the host's by default. Where
/// createOptions ask for it, [`super::CreateOptions::needs_elevation`] tells.
#[must_use]
pub fn effective_privilege(inspect: &Value, added_binds: &[String]) -> EffectivePrivilege {
    let host = &inspect["HostConfig"];
    EffectivePrivilege {
        privileged: host["Privileged"].as_bool().unwrap_or(false),
        cap_add: names(&host["CapAdd"]),
        cap_drop: names(&host["CapDrop"]),
        devices: devices(host),
        binds: binds(&inspect["Mounts"], added_binds),
        host_namespaces: host_namespaces(host),
        security_opt: texts(&host["SecurityOpt"]),
        sysctls: pairs(&host["Sysctls"]),
        readonly_rootfs: host["ReadonlyRootfs"].as_bool().unwrap_or(false),
        user: inspect["Config"]["User"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        published_ports: published_ports(host),
    }
}

fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

fn names(list: &Value) -> Vec<String> {
    texts(list).iter().map(|name| plain_name(name)).collect()
}

fn pairs(map: &Value) -> Vec<String> {
    let entries = map.as_object().into_iter().flatten();
    entries
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect()
}

fn devices(host: &Value) -> Vec<String> {
    let nodes = host["Devices"].as_array().into_iter().flatten();
    let nodes = nodes.filter_map(|device| device["PathOnHost"].as_str().map(str::to_owned));
    let rules = texts(&host["DeviceCgroupRules"]);
    let requests = host["DeviceRequests"].as_array().into_iter().flatten();
    let requests = requests.map(|request| format!("request {request}"));
    nodes
        .chain(rules.into_iter().map(|rule| format!("rule {rule}")))
        .chain(requests)
        .collect()
}

/// `source:target`, with `:ro` where it is read-only.
fn binds(mounts: &Value, added: &[String]) -> Vec<String> {
    let mounts = mounts.as_array().into_iter().flatten();
    mounts
        .filter(|mount| mount["Type"] == "bind")
        .filter_map(|mount| {
            let path = |key: &str| mount[key].as_str();
            let bind = format!("{}:{}", path("Source")?, path("Destination")?);
            let ours = added
                .iter()
                .any(|added| *added == bind || added.starts_with(&format!("{bind}:")));
            let mode = if mount["RW"] == false { ":ro" } else { "" };
            (!ours).then(|| format!("{bind}{mode}"))
        })
        .collect()
}

fn host_namespaces(host: &Value) -> Vec<String> {
    ["NetworkMode", "PidMode", "IpcMode", "UTSMode", "UsernsMode"]
        .into_iter()
        .filter(|key| {
            let mode = host[key].as_str().unwrap_or_default();
            mode == "host" || mode.starts_with("container:")
        })
        .map(str::to_owned)
        .collect()
}

/// `0.0.0.0:8080->8080/tcp`; a port the engine chooses is `*`.
fn published_ports(host: &Value) -> Vec<String> {
    let given = |value: &Value, absent: &str| match value.as_str() {
        Some("") | None => absent.to_owned(),
        Some(text) => text.to_owned(),
    };
    let ports = host["PortBindings"].as_object().into_iter().flatten();
    let bound = ports.flat_map(|(port, bindings)| {
        let bindings = bindings.as_array().into_iter().flatten();
        bindings.map(move |binding| {
            let ip = given(&binding["HostIp"], "0.0.0.0");
            format!("{ip}:{}->{port}", given(&binding["HostPort"], "*"))
        })
    });
    let all = (host["PublishAllPorts"] == true).then(|| "every exposed port".to_owned());
    bound.chain(all).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn recorded() -> Value {
        serde_json::from_str(include_str!("../../tests/data/inspect-engine-20.10.json")).unwrap()
    }

    #[test]
    fn a_recorded_container_shows_what_it_was_given() {
        let seen = effective_privilege(&recorded(), &[]);
        assert_eq!(
            seen,
            EffectivePrivilege {
                cap_add: vec!["NET_ADMIN".to_owned()],
                devices: vec!["/dev/null".to_owned()],
                binds: vec!["/tmp:/x:ro".to_owned()],
                user: "65532:65532".to_owned(),
                published_ports: vec!["0.0.0.0:18080->8080/tcp".to_owned()],
                ..EffectivePrivilege::default()
            }
        );
    }

    #[test]
    fn the_bind_that_iot_edge_adds_is_not_the_module_s() {
        for added in ["/tmp:/x:ro", "/tmp:/x"] {
            let seen = effective_privilege(&recorded(), &[added.to_owned()]);
            assert_eq!(seen.binds, [""; 0], "{added}");
        }
        let other = effective_privilege(&recorded(), &["/tmp:/xyz".to_owned()]);
        assert_eq!(other.binds, ["/tmp:/x:ro"]);
    }

    #[test]
    fn host_namespaces_are_named_but_not_the_default_of_cgroup_v1() {
        let inspect = json!({"HostConfig": {"NetworkMode": "host", "PidMode": "container:a", "IpcMode": "private",
            "UTSMode": "", "CgroupnsMode": "host", "Privileged": true, "ReadonlyRootfs": true,
            "Sysctls": {"net.ipv4.ip_forward": "1"}, "SecurityOpt": ["seccomp=unconfined"], "PublishAllPorts": true,
            "DeviceRequests": [{"Count": -1}], "DeviceCgroupRules": ["c 1:3 mr"]}});
        let seen = effective_privilege(&inspect, &[]);
        assert!(seen.privileged && seen.readonly_rootfs);
        assert_eq!(seen.host_namespaces, ["NetworkMode", "PidMode"]);
        assert_eq!(seen.sysctls, ["net.ipv4.ip_forward=1"]);
        assert_eq!(seen.published_ports, ["every exposed port"]);
        assert_eq!(seen.devices, ["rule c 1:3 mr", r#"request {"Count":-1}"#]);
    }
}
