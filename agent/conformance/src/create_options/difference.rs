//! Requested createOptions against the container that the engine made of them.
//!
//! The engine fills in defaults, writes some values in another form and merges the image's own settings underneath; none
//! of that is a difference. A key that is gone, or a value that is another one, is.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::capabilities::plain_name;
use super::elevation::is_zero;
use super::keys::{CREATE, Key, Kind};
use super::step;
use crate::observation::{Difference, DifferenceKind};

/// Everything the engine dropped or changed. `inspect` is the container right after its creation.
///
/// `Image` is left out: IoT Edge sets it from the deployment, whatever the createOptions say.
#[must_use]
pub fn diff(requested: &Value, inspect: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    let Kind::Object(keys) = CREATE else {
        return found;
    };
    for (key, wanted) in requested.as_object().into_iter().flatten() {
        let pointer = step("", key);
        match key.as_str() {
            "Image" => {}
            "HostConfig" => compare_known(&mut found, &pointer, keys, key, wanted, &inspect[key]),
            "NetworkingConfig" => networks(&mut found, &pointer, wanted, inspect),
            _ => member(&mut found, "", keys, key, wanted, &inspect["Config"]),
        }
    }
    found
}

fn networks(found: &mut Vec<Difference>, pointer: &str, requested: &Value, inspect: &Value) {
    let attached = &inspect["NetworkSettings"]["Networks"];
    for (key, wanted) in requested.as_object().into_iter().flatten() {
        let pointer = step(pointer, key);
        if key != "EndpointsConfig" {
            dropped(found, &pointer, wanted);
            continue;
        }
        for (network, wanted) in wanted.as_object().into_iter().flatten() {
            let pointer = step(&pointer, network);
            let by_id = || {
                let all = attached.as_object()?;
                all.values()
                    .find(|one| one["NetworkID"] == network.as_str())
            };
            match attached.get(network).or_else(by_id) {
                Some(endpoint) => endpoint_settings(found, &pointer, wanted, endpoint),
                None => found.push(difference(&pointer, wanted, &Value::Null)),
            }
        }
    }
}

/// Addresses are given out on start only; what is settled on creation is compared.
fn endpoint_settings(found: &mut Vec<Difference>, pointer: &str, wanted: &Value, seen: &Value) {
    for key in ["IPAMConfig", "Links", "Aliases", "DriverOpts"] {
        if let Some(wanted) = wanted.get(key) {
            value(
                found,
                &step(pointer, key),
                key,
                &Kind::Map,
                wanted,
                &seen[key],
            );
        }
    }
}

fn compare_known(
    found: &mut Vec<Difference>,
    pointer: &str,
    keys: &[Key],
    name: &str,
    wanted: &Value,
    seen: &Value,
) {
    match keys.iter().find(|key| key.name == name) {
        Some(key) => value(found, pointer, name, &key.kind, wanted, seen),
        None => plain(found, pointer, wanted, seen),
    }
}

/// One key of an object that the engine shows as a whole.
fn member(
    found: &mut Vec<Difference>,
    parent: &str,
    keys: &[Key],
    name: &str,
    wanted: &Value,
    shown: &Value,
) {
    let pointer = step(parent, name);
    match shown.get(name) {
        None if is_zero(wanted) => {}
        None => dropped(found, &pointer, wanted),
        Some(seen) => compare_known(found, &pointer, keys, name, wanted, seen),
    }
}

fn value(
    found: &mut Vec<Difference>,
    pointer: &str,
    name: &str,
    kind: &Kind,
    wanted: &Value,
    seen: &Value,
) {
    if wanted == seen || means_default(name, wanted) {
        return;
    }
    match kind {
        Kind::Object(keys) => {
            for (name, wanted) in wanted.as_object().into_iter().flatten() {
                member(found, pointer, keys, name, wanted, seen);
            }
        }
        Kind::Texts | Kind::Command => texts(found, pointer, name, wanted, seen),
        Kind::Set | Kind::Map => entries(found, pointer, name, wanted, seen),
        Kind::Keyed(_) if name == "PortBindings" => port_bindings(found, pointer, wanted, seen),
        Kind::List(kind) => items(found, pointer, name, kind, wanted, seen),
        Kind::Bool | Kind::Int | Kind::Text | Kind::Keyed(_) => {
            if !same_scalar(name, wanted, seen) {
                plain(found, pointer, wanted, seen);
            }
        }
    }
}

/// Values by which the engine's default is asked for.
fn means_default(name: &str, wanted: &Value) -> bool {
    match name {
        // An empty list unmasks; `false` is a value of its own.
        "MaskedPaths" | "ReadonlyPaths" => wanted.is_null(),
        "PidsLimit" | "MemorySwappiness" => wanted.as_i64().is_some_and(|number| number <= 0),
        "MemorySwap" => is_zero(wanted),
        _ => is_zero(wanted) && !wanted.is_boolean(),
    }
}

fn same_scalar(name: &str, wanted: &Value, seen: &Value) -> bool {
    match (name, wanted.as_str(), seen.as_str()) {
        ("NetworkMode", Some("default" | "bridge"), Some("default" | "bridge")) => true,
        // Source: Docker Engine API, RestartPolicy: an empty name means "no".
        ("Name", Some("no"), Some("")) => true,
        ("Source" | "Target", Some(wanted), Some(seen)) => {
            wanted.trim_end_matches('/') == seen.trim_end_matches('/')
        }
        _ => wanted == &Value::Bool(false) && is_zero(seen),
    }
}

/// A list of texts: every one asked for must be there. Commands must be the same, in order.
fn texts(found: &mut Vec<Difference>, pointer: &str, name: &str, wanted: &Value, seen: &Value) {
    let (asked, shown) = (list(wanted), list(seen));
    let whole = [
        "Cmd",
        "Entrypoint",
        "Shell",
        "Test",
        "OnBuild",
        "MaskedPaths",
        "ReadonlyPaths",
    ];
    if whole.contains(&name) {
        if asked != shown {
            plain(found, pointer, wanted, seen);
        }
        return;
    }
    if name == "Env" {
        return environment(found, pointer, &asked, &shown);
    }
    let form = |text: &str| match name {
        "CapAdd" | "CapDrop" => plain_name(text),
        "SecurityOpt" => text.replacen(':', "=", 1),
        _ => text.to_owned(),
    };
    let shown: Vec<String> = shown.into_iter().map(form).collect();
    for (index, text) in asked.iter().enumerate() {
        if !shown.contains(&form(text)) {
            dropped(found, &format!("{pointer}/{index}"), &Value::from(*text));
        }
    }
}

/// The last assignment of a name counts; a name without `=` is an empty value, as IoT Edge reads it.
fn environment(found: &mut Vec<Difference>, pointer: &str, asked: &[&str], shown: &[&str]) {
    fn read<'a>(list: &[&'a str]) -> BTreeMap<&'a str, (usize, &'a str)> {
        let pairs = list.iter().enumerate();
        pairs
            .map(|(index, pair)| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (name, (index, value))
            })
            .collect()
    }
    let shown = read(shown);
    for (name, (index, wanted)) in read(asked) {
        let pointer = format!("{pointer}/{index}");
        match shown.get(name) {
            None => dropped(found, &pointer, &Value::from(name)),
            // Values may be secrets: the name tells enough.
            Some((_, seen)) if *seen != wanted => found.push(Difference {
                pointer,
                requested: Value::from(name),
                effective: Value::from(name),
                kind: DifferenceKind::Changed,
            }),
            Some(_) => {}
        }
    }
}

/// A text is a list of one; `null` is an empty list.
fn list(value: &Value) -> Vec<&str> {
    let items = value.as_array().into_iter().flatten();
    let one = value.as_str().into_iter();
    one.chain(items.filter_map(Value::as_str)).collect()
}

/// An object with keys of one's own: every entry asked for must be there, with its value.
fn entries(found: &mut Vec<Difference>, pointer: &str, name: &str, wanted: &Value, seen: &Value) {
    let Some(asked) = wanted.as_object() else {
        return texts(found, pointer, name, wanted, seen);
    };
    let empty = Map::new();
    let shown = seen.as_object().unwrap_or(&empty);
    let form = |key: &str| match name {
        "ExposedPorts" => with_protocol(key),
        "Volumes" => key.trim_end_matches('/').to_owned(),
        _ => key.to_owned(),
    };
    for (key, wanted) in asked {
        let here = step(pointer, key);
        match shown.iter().find(|(shown, _)| form(shown) == form(key)) {
            None => dropped(found, &here, wanted),
            Some((_, seen)) if wanted == seen || is_zero(wanted) => {}
            Some((_, seen)) => plain(found, &here, wanted, seen),
        }
    }
}

/// `8080` means `8080/tcp`.
fn with_protocol(port: &str) -> String {
    if port.contains('/') {
        port.to_owned()
    } else {
        format!("{port}/tcp")
    }
}

fn port_bindings(found: &mut Vec<Difference>, pointer: &str, wanted: &Value, seen: &Value) {
    let binding = |value: &Value| {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        (text("HostIp"), text("HostPort"))
    };
    let empty = Map::new();
    let shown = seen.as_object().unwrap_or(&empty);
    for (port, wanted) in wanted.as_object().into_iter().flatten() {
        let here = step(pointer, port);
        let Some((_, seen)) = shown
            .iter()
            .find(|(shown, _)| with_protocol(shown) == with_protocol(port))
        else {
            if !is_zero(wanted) {
                dropped(found, &here, wanted);
            }
            continue;
        };
        let bindings = |list: &Value| -> Vec<(String, String)> {
            list.as_array().into_iter().flatten().map(binding).collect()
        };
        let shown = bindings(seen);
        if bindings(wanted).iter().any(|asked| !shown.contains(asked)) {
            plain(found, &here, wanted, seen);
        }
    }
}

/// A list of objects: each is found again by what names it, then compared key by key.
fn items(
    found: &mut Vec<Difference>,
    pointer: &str,
    name: &str,
    kind: &Kind,
    wanted: &Value,
    seen: &Value,
) {
    let identity: &[&str] = match name {
        "Mounts" => &["Target"],
        "Devices" => &["PathOnHost", "PathInContainer"],
        "Ulimits" => &["Name"],
        _ => return plain(found, pointer, wanted, seen),
    };
    let none = Vec::new();
    let shown = seen.as_array().unwrap_or(&none);
    for (index, wanted) in wanted.as_array().into_iter().flatten().enumerate() {
        let here = format!("{pointer}/{index}");
        let same = |other: &&Value| {
            identity
                .iter()
                .all(|key| wanted[key] == other[key] || same_scalar(key, &wanted[key], &other[key]))
        };
        match shown.iter().find(same) {
            None => dropped(found, &here, wanted),
            Some(seen) => value(found, &here, "", kind, wanted, seen),
        }
    }
}

fn plain(found: &mut Vec<Difference>, pointer: &str, wanted: &Value, seen: &Value) {
    if wanted != seen {
        found.push(difference(pointer, wanted, seen));
    }
}

fn difference(pointer: &str, wanted: &Value, seen: &Value) -> Difference {
    Difference {
        pointer: pointer.to_owned(),
        requested: wanted.clone(),
        effective: seen.clone(),
        kind: DifferenceKind::Changed,
    }
}

fn dropped(found: &mut Vec<Difference>, pointer: &str, wanted: &Value) {
    found.push(Difference {
        kind: DifferenceKind::Dropped,
        ..difference(pointer, wanted, &Value::Null)
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::CreateOptions;
    use super::*;

    /// What an engine that takes everything as it is would show.
    fn obedient(options: &Value) -> Value {
        let mut config = options.as_object().cloned().unwrap_or_default();
        let host = config.remove("HostConfig").unwrap_or(Value::Null);
        let networking = config.remove("NetworkingConfig").unwrap_or(Value::Null);
        json!({"Config": config, "HostConfig": host,
            "NetworkSettings": {"Networks": networking["EndpointsConfig"]}})
    }

    fn check(requested: &Value, inspect: &Value, expected: &[(&str, DifferenceKind)]) {
        let found = diff(requested, inspect);
        let found: Vec<(&str, DifferenceKind)> = found
            .iter()
            .map(|one| (one.pointer.as_str(), one.kind))
            .collect();
        assert_eq!(found, expected, "{requested}");
    }

    #[test]
    fn a_recorded_engine_dropped_just_the_two_keys_it_does_not_know() {
        let requested = json!({"Image": "x", "Labels": {"edgeproof.run": "rec"}, "Volumes": {"/data": {}}, "Foo": 1,
            "ExposedPorts": {"8080": {}}, "HostConfig": {"Bar": 2, "Memory": 67_108_864, "CapAdd": ["CAP_NET_ADMIN"],
            "NanoCpus": 500_000_000, "PortBindings": {"8080/tcp": [{"HostPort": "18080"}]},
            "Binds": ["/tmp:/x:ro", "rec-vol:/vol"], "Mounts": [{"Type": "tmpfs", "Target": "/t/", "ReadOnly": false}],
            "Ulimits": [{"Name": "nofile", "Soft": 100, "Hard": 200}], "Privileged": false, "PidsLimit": -1,
            "NetworkMode": "bridge", "RestartPolicy": {"Name": "no"}, "ShmSize": 0,
            "Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/xnull"}]},
            "NetworkingConfig": {"EndpointsConfig": {"rec-net": {}}}});
        let inspect: Value =
            serde_json::from_str(include_str!("../../tests/data/inspect-engine-20.10.json"))
                .unwrap();
        check(
            &requested,
            &inspect,
            &[
                ("/Foo", DifferenceKind::Dropped),
                ("/HostConfig/Bar", DifferenceKind::Dropped),
            ],
        );
    }

    #[test]
    fn changed_and_missing_values_are_told_apart() {
        let requested = json!({"User": "7", "Cmd": "run", "Env": ["A=1", "B=2"], "Labels": {"a": "b"},
            "HostConfig": {"Memory": 1000, "OomKillDisable": true, "CapAdd": ["NET_ADMIN"],
                "Sysctls": {"net.x": "1"}, "Annotations": {"k": "v"}, "Ulimits": [{"Name": "nofile", "Soft": 5}],
                "PortBindings": {"80": [{"HostPort": "80"}]}},
            "NetworkingConfig": {"EndpointsConfig": {"n": {"Aliases": ["me"]}}}});
        let inspect = json!({"Config": {"User": "8", "Cmd": ["run"], "Env": ["A=1", "B=3", "PATH=/"], "Labels": {}},
            "HostConfig": {"Memory": 4096, "OomKillDisable": null, "CapAdd": null, "Sysctls": {"net.x": "2"},
                "Ulimits": [{"Name": "nofile", "Soft": 4, "Hard": 9}],
                "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "81"}]}},
            "NetworkSettings": {"Networks": {"n": {"Aliases": ["me", "0123"]}}}});
        check(
            &requested,
            &inspect,
            &[
                ("/User", DifferenceKind::Changed),
                ("/Env/1", DifferenceKind::Changed),
                ("/Labels/a", DifferenceKind::Dropped),
                ("/HostConfig/Memory", DifferenceKind::Changed),
                ("/HostConfig/OomKillDisable", DifferenceKind::Changed),
                ("/HostConfig/CapAdd/0", DifferenceKind::Dropped),
                ("/HostConfig/Sysctls/net.x", DifferenceKind::Changed),
                ("/HostConfig/Annotations", DifferenceKind::Dropped),
                ("/HostConfig/Ulimits/0/Soft", DifferenceKind::Changed),
                ("/HostConfig/PortBindings/80", DifferenceKind::Changed),
            ],
        );
    }

    #[test]
    fn values_of_environment_variables_never_show() {
        let found = diff(
            &json!({"Env": ["KEY=secret-1"]}),
            &json!({"Config": {"Env": ["KEY=secret-2"]}}),
        );
        assert_eq!(found.len(), 1);
        assert!(!format!("{found:?}").contains("secret"));
    }

    /// Documents with keys that matter, in values the engine can read.
    fn any_options() -> impl Strategy<Value = Value> {
        let texts = || prop::collection::vec("[a-zA-Z=/:._-]{0,8}", 0..4);
        let map = || prop::collection::btree_map("[a-z./]{1,6}", "[a-z]{0,4}", 0..3);
        let host = (
            any::<Option<i64>>(),
            any::<Option<bool>>(),
            texts(),
            texts(),
            map(),
            prop::option::of("[a-z:]{0,8}"),
        );
        let top = (
            texts(),
            map(),
            prop::option::of("[a-z]{0,4}"),
            texts(),
            map(),
        );
        (host, top).prop_map(|(host, top)| {
            let ports: Map<String, Value> =
                top.4.keys().map(|key| (key.clone(), json!({}))).collect();
            let bindings: Map<String, Value> = (top.4.iter())
                .map(|(key, port)| (key.clone(), json!([{"HostPort": port}])))
                .collect();
            json!({"Env": top.0, "Labels": top.1, "User": top.2, "Cmd": top.3, "ExposedPorts": ports, "Unknown": host.0,
                "HostConfig": {"Memory": host.0, "Privileged": host.1, "Binds": host.2, "CapAdd": host.3,
                    "Sysctls": host.4, "NetworkMode": host.5, "PidsLimit": host.0, "PortBindings": bindings,
                    "Surprise": host.4},
                "NetworkingConfig": {"EndpointsConfig": {"n": {"Aliases": top.0}}}})
        })
    }

    proptest! {
        #[test]
        fn options_do_not_differ_from_themselves(options in any_options()) {
            prop_assert_eq!(diff(&options, &obedient(&options)), vec![]);
        }

        #[test]
        fn an_empty_inspect_has_dropped_every_option_that_says_something(memory in 1_i64.., user in "[a-z]{1,4}") {
            let options = json!({"User": user, "HostConfig": {"Memory": memory}});
            let options = CreateOptions::from_value(options).unwrap();
            prop_assert_eq!(diff(options.value(), &json!({})).len(), 2);
        }
    }
}
