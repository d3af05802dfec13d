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
mod tests;
