//! What createOptions reach for beyond a plain container. An allow-list: what it does not name needs consent.
//!
//! createOptions come from an offer and are run as root by the engine, on a device that is not the offer's.

use serde_json::Value;

use super::access::{Access, Ask};
use super::capabilities::{is_dangerous, is_default, plain_name};
use super::{CreateOptions, step};

/// Keys of the top level that are started without question, whatever their value.
const PLAIN: [&str; 22] = [
    "ArgsEscaped",
    "AttachStderr",
    "AttachStdin",
    "AttachStdout",
    "Cmd",
    "Domainname",
    "Entrypoint",
    "Env",
    "ExposedPorts",
    "Healthcheck",
    "Hostname",
    "Image",
    "NetworkDisabled",
    "OnBuild",
    "OpenStdin",
    "Shell",
    "StdinOnce",
    "StopSignal",
    "StopTimeout",
    "Tty",
    "User",
    "Volumes",
];

/// Keys of `HostConfig` that are started without question: limits, DNS, ports, and what takes away.
const PLAIN_HOST: [&str; 32] = [
    "AutoRemove",
    "BlkioWeight",
    "CapDrop",
    "ConsoleSize",
    "CpuCount",
    "CpuPercent",
    "CpuPeriod",
    "CpuQuota",
    "CpuShares",
    "CpusetCpus",
    "CpusetMems",
    "Dns",
    "DnsOptions",
    "DnsSearch",
    "ExtraHosts",
    "GroupAdd",
    "IOMaximumBandwidth",
    "IOMaximumIOps",
    "Init",
    "Memory",
    "MemoryReservation",
    "MemorySwap",
    "MemorySwappiness",
    "NanoCpus",
    "PidsLimit",
    "PortBindings",
    "PublishAllPorts",
    "ReadonlyRootfs",
    "RestartPolicy",
    "ShmSize",
    "Tmpfs",
    "Ulimits",
];

/// Namespaced kernel parameters and quota of the writable layer; the engine refuses what would reach further.
const PLAIN_HOST_MAPS: [&str; 2] = ["StorageOpt", "Sysctls"];

impl CreateOptions {
    /// Everything that needs consent before it is started on a device of others: whatever is not on the allow-list.
    #[must_use]
    pub fn needs_elevation(&self) -> Vec<Ask> {
        let mut asks = Vec::new();
        for (key, value) in self.canonical.as_object().into_iter().flatten() {
            let pointer = step("", key);
            match key.as_str() {
                plain if PLAIN.contains(&plain) => {}
                // The engine gives the same address to no two containers on its own; a chosen one can be a neighbour's.
                "WorkingDir" => {}
                "MacAddress" => push_if_given(&mut asks, &pointer, value, Access::Network, key),
                "Labels" => labels(&mut asks, &pointer, value),
                "HostConfig" => host_config(&mut asks, value),
                "NetworkingConfig" => networking(&mut asks, &pointer, value),
                _ => unknown(&mut asks, pointer, key),
            }
        }
        asks
    }
}

fn ask(pointer: &str, what: impl Into<String>, access: Access) -> Ask {
    Ask {
        pointer: pointer.to_owned(),
        what: what.into(),
        access,
    }
}

fn unknown(asks: &mut Vec<Ask>, pointer: String, key: &str) {
    let what = format!("{key}, a key that is not known");
    asks.push(ask(&pointer, what, Access::Unknown));
}

/// An option whose zero value means "not given".
fn push_if_given(asks: &mut Vec<Ask>, pointer: &str, value: &Value, access: Access, key: &str) {
    if !is_zero(value) {
        asks.push(ask(pointer, format!("{key} {value}"), access));
    }
}

/// Go's zero value of any type, which the engine takes as not given.
pub(super) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(given) => !given,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

fn labels(asks: &mut Vec<Ask>, pointer: &str, labels: &Value) {
    for key in labels.as_object().into_iter().flatten().map(|(key, _)| key) {
        if is_reserved_label(key) {
            let what = format!("label {key}, which is not the module's to set");
            asks.push(ask(&step(pointer, key), what, Access::Label));
        }
    }
}

/// Labels by which edgeproof and the IoT Edge runtime know their own containers.
pub(crate) fn is_reserved_label(key: &str) -> bool {
    ["edgeproof.", "net.azure-devices.edge."]
        .iter()
        .any(|prefix| key.starts_with(prefix))
}

fn networking(asks: &mut Vec<Ask>, pointer: &str, networking: &Value) {
    for (key, value) in networking.as_object().into_iter().flatten() {
        let pointer = step(pointer, key);
        if key != "EndpointsConfig" {
            unknown(asks, pointer, key);
            continue;
        }
        for (network, _) in value.as_object().into_iter().flatten() {
            let (what, access) = match network.as_str() {
                "none" | "bridge" | "default" => continue,
                "host" => ("the host's network".to_owned(), Access::HostNamespace),
                other => (format!("network {other}"), Access::Network),
            };
            asks.push(ask(&step(&pointer, network), what, access));
        }
    }
}

fn host_config(asks: &mut Vec<Ask>, host: &Value) {
    for (key, value) in host.as_object().into_iter().flatten() {
        let pointer = step("/HostConfig", key);
        if is_zero(value) && !matches!(key.as_str(), "MaskedPaths" | "ReadonlyPaths") {
            continue;
        }
        match key.as_str() {
            plain if PLAIN_HOST.contains(&plain) || PLAIN_HOST_MAPS.contains(&plain) => {}
            "Privileged" => asks.push(ask(&pointer, "everything the host has", Access::Privileged)),
            "NetworkMode" | "PidMode" | "IpcMode" | "UTSMode" | "UsernsMode" | "CgroupnsMode" => {
                namespace(asks, &pointer, key, value);
            }
            "Binds" => each_text(asks, &pointer, value, bind),
            "Mounts" => mounts(asks, &pointer, value),
            "CapAdd" => capabilities(asks, &pointer, value),
            "SecurityOpt" => each_text(asks, &pointer, value, security_option),
            "MaskedPaths" | "ReadonlyPaths" => {
                if !value.is_null() {
                    asks.push(ask(&pointer, format!("{key} {value}"), Access::Confinement));
                }
            }
            "Devices" | "DeviceCgroupRules" | "DeviceRequests" => {
                push_if_given(asks, &pointer, value, Access::Device, key);
            }
            "VolumesFrom" | "VolumeDriver" => {
                push_if_given(asks, &pointer, value, Access::Volume, key);
            }
            "Links" => push_if_given(asks, &pointer, value, Access::Network, key),
            "LogConfig" => push_if_given(asks, &pointer, value, Access::Logging, key),
            "OomScoreAdj" => {
                if value.as_i64() < Some(0) {
                    asks.push(ask(
                        &pointer,
                        format!("OomScoreAdj {value}"),
                        Access::Runtime,
                    ));
                }
            }
            "Annotations"
            | "BlkioDeviceReadBps"
            | "BlkioDeviceReadIOps"
            | "BlkioDeviceWriteBps"
            | "BlkioDeviceWriteIOps"
            | "BlkioWeightDevice"
            | "Cgroup"
            | "CgroupParent"
            | "ContainerIDFile"
            | "CpuRealtimePeriod"
            | "CpuRealtimeRuntime"
            | "Isolation"
            | "KernelMemory"
            | "KernelMemoryTCP"
            | "OomKillDisable"
            | "Runtime" => {
                push_if_given(asks, &pointer, value, Access::Runtime, key);
            }
            _ => unknown(asks, pointer, key),
        }
    }
}

fn each_text(
    asks: &mut Vec<Ask>,
    pointer: &str,
    list: &Value,
    judge: fn(&str) -> Option<(String, Access)>,
) {
    for (index, item) in list.as_array().into_iter().flatten().enumerate() {
        if let Some((what, access)) = item.as_str().and_then(judge) {
            asks.push(ask(&format!("{pointer}/{index}"), what, access));
        }
    }
}

fn namespace(asks: &mut Vec<Ask>, pointer: &str, key: &str, value: &Value) {
    let mode = value.as_str().unwrap_or_default();
    let (what, access) = match mode {
        "" | "private" | "none" => return,
        "default" | "bridge" if key == "NetworkMode" => return,
        "shareable" if key == "IpcMode" => return,
        "host" => (
            format!("the host's namespace as {key}"),
            Access::HostNamespace,
        ),
        other if other.starts_with("container:") => (
            format!("the namespace of {other} as {key}"),
            Access::HostNamespace,
        ),
        other if key == "NetworkMode" => (format!("network {other}"), Access::Network),
        other => (format!("{key} {other}"), Access::HostNamespace),
    };
    asks.push(ask(pointer, what, access));
}

fn capabilities(asks: &mut Vec<Ask>, pointer: &str, value: &Value) {
    let one = value.as_str().map(|name| (pointer.to_owned(), name));
    let items = value.as_array().into_iter().flatten().enumerate();
    let many =
        items.filter_map(|(index, item)| Some((format!("{pointer}/{index}"), item.as_str()?)));
    for (pointer, name) in one.into_iter().chain(many) {
        if is_default(name) {
            continue;
        }
        let access = if is_dangerous(name) {
            Access::DangerousCapability
        } else {
            Access::Capability
        };
        asks.push(ask(
            &pointer,
            format!("capability {}", plain_name(name)),
            access,
        ));
    }
}

/// `source:target[:options]`, where a source that starts with a slash is a path of the host.
fn bind(text: &str) -> Option<(String, Access)> {
    let (source, _) = text.split_once(':')?;
    Some(if source.starts_with('/') {
        host_path(source)
    } else {
        (format!("volume {source} by name"), Access::Volume)
    })
}

fn host_path(path: &str) -> (String, Access) {
    let access = Access::of_host_path(path);
    let whose = if access == Access::EngineSocket {
        "the engine's socket"
    } else {
        "the host's"
    };
    (format!("{whose} {path}"), access)
}

fn mounts(asks: &mut Vec<Ask>, pointer: &str, list: &Value) {
    for (index, mount) in list.as_array().into_iter().flatten().enumerate() {
        let text = |key: &str| mount[key].as_str().unwrap_or_default();
        let source = text("Source");
        let driver = &mount["VolumeOptions"]["DriverConfig"];
        let device = driver["Options"]["device"].as_str().unwrap_or_default();
        let (what, access) = match text("Type") {
            "tmpfs" => continue,
            // The local driver mounts any path of the host under a volume's name.
            "volume" if device.starts_with('/') => host_path(device),
            "volume" if !is_zero(driver) => {
                (format!("a volume by driver {driver}"), Access::Volume)
            }
            "volume" if source.is_empty() => continue,
            "volume" => (format!("volume {source} by name"), Access::Volume),
            "bind" => host_path(source),
            other => (format!("a mount of type {other}"), Access::Volume),
        };
        asks.push(ask(&format!("{pointer}/{index}"), what, access));
    }
}

/// Only what takes away is plain.
fn security_option(text: &str) -> Option<(String, Access)> {
    let plain = [
        "no-new-privileges",
        "no-new-privileges:true",
        "no-new-privileges=true",
    ];
    (!plain.contains(&text)).then(|| (format!("security option {text}"), Access::Confinement))
}

#[cfg(test)]
mod tests;
