//! The candidate's environment: the plan's, the runtime's, that of the createOptions, and the overlay's test values.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Identity, Launch};
use crate::record::{Deviation, DeviationKind};

/// Stands for a value that a report must not show.
const HIDDEN: &str = "(test value, not shown)";

/// Puts the overlay's test values into `createOptions.Env`; [`of`] does the same for the plan's own.
pub(super) fn overlay_options(
    body: &mut Map<String, Value>,
    launch: &Launch<'_>,
    deviations: &mut Vec<Deviation>,
) {
    let Some(env) = body.get_mut("Env").and_then(Value::as_array_mut) else {
        return;
    };
    for entry in env {
        let Some((name, default)) = entry.as_str().map(split_assignment) else {
            continue;
        };
        if let Some(value) = launch.offer.overlay.env.get(name) {
            deviations.push(overlaid(name, json!(default)));
            *entry = json!(format!("{name}={value}"));
        }
    }
}

fn overlaid(name: &str, default: Value) -> Deviation {
    Deviation {
        kind: DeviationKind::Environment,
        what: format!("env {name}"),
        reason: "test value from the offer's overlay".to_owned(),
        default,
        used: json!(HIDDEN),
    }
}

fn split_assignment(text: &str) -> (&str, &str) {
    text.split_once('=').unwrap_or((text, ""))
}

/// The environment in the order IoT Edge settles it: the plan's, then the runtime's own, then `createOptions.Env`, which
/// wins over both; handed to the engine sorted by name.
pub(super) fn of(
    launch: &Launch<'_>,
    body: &Map<String, Value>,
    deviations: &mut Vec<Deviation>,
) -> Vec<String> {
    let plan = &launch.offer.plan.env;
    let overlay = &launch.offer.overlay.env;
    let mut env: BTreeMap<String, String> = plan.clone();
    let options = body.get("Env").and_then(Value::as_array);
    let options: Vec<(&str, &str)> = options
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.as_str().map(split_assignment))
        .collect();
    for (name, value) in overlay {
        let in_options = options.iter().any(|(known, _)| known == name);
        if in_options && !plan.contains_key(name) {
            continue;
        }
        if !in_options {
            deviations.push(overlaid(name, json!(plan.get(name))));
        }
        env.insert(name.clone(), value.clone());
    }
    env.extend(runtime_environment(&launch.identity));
    for (name, value) in RUNTIME_DEFAULTS {
        env.entry(name.to_owned())
            .or_insert_with(|| value.to_owned());
    }
    for (name, value) in options {
        env.insert(name.to_owned(), value.to_owned());
    }
    env.into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

/// What the runtime sets unless the deployment does.
const RUNTIME_DEFAULTS: [(&str, &str); 1] = [("RuntimeLogLevel", "Information")];

/// What the runtime tells every module. Names and values as IoT Edge 1.5 has them.
fn runtime_environment(identity: &Identity) -> [(String, String); 8] {
    [
        (
            "IOTEDGE_WORKLOADURI",
            "unix:///var/run/iotedge/workload.sock",
        ),
        ("IOTEDGE_AUTHSCHEME", "sasToken"),
        ("IOTEDGE_MODULEGENERATIONID", &identity.generation_id),
        ("IOTEDGE_IOTHUBHOSTNAME", &identity.hub_host),
        ("IOTEDGE_GATEWAYHOSTNAME", &identity.gateway_host),
        ("IOTEDGE_DEVICEID", &identity.device_id),
        ("IOTEDGE_MODULEID", &identity.module_id),
        ("IOTEDGE_APIVERSION", "2022-08-03"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
}
