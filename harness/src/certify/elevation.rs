//! What IoT Edge takes away from a module where `allow_elevated_docker_permissions` is off. Pure: engine JSON in, engine JSON out.

use conformance::record::{Deviation, DeviationKind};
use serde_json::{Value, json};

/// Whether the device's daemon lets modules have what `allow_elevated_docker_permissions` speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elevation {
    /// It does: the setting is on unless somebody turns it off.
    Allowed,
    /// It takes it away before the engine sees it.
    TakenAway,
}

/// Takes away what the daemon takes away with `allow_elevated_docker_permissions` off: Privileged, every added capability,
/// and two of the default ones.
///
/// Source: Azure/iotedge, `edgelet-docker/src/runtime.rs`, `unset_privileged` and `drop_unsafe_privileges`.
pub(super) fn without_elevation(body: &mut Value) -> Vec<Deviation> {
    let mut recorded = Vec::new();
    let host = &mut body["HostConfig"];
    let mut set = |key: &str, used: Value| {
        let default = host[key].clone();
        if default != used {
            host[key] = used.clone();
            recorded.push(Deviation {
                kind: DeviationKind::Harness,
                what: format!("deployment.json: HostConfig.{key}"),
                reason: "as on a device with allow_elevated_docker_permissions off".to_owned(),
                default,
                used,
            });
        }
    };
    set("Privileged", json!(false));
    set("CapAdd", json!([]));
    recorded.retain(|deviation| !deviation.default.is_null());
    let dropped = host["CapDrop"].as_array().cloned().unwrap_or_default();
    if !dropped.contains(&json!("ALL")) {
        host["CapDrop"] = [dropped, vec![json!("CHOWN"), json!("SETUID")]]
            .concat()
            .into();
    }
    recorded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_default_capabilities_go_where_not_all_are_dropped() {
        let mut body = json!({"HostConfig": {"CapDrop": ["NET_RAW"], "Privileged": true}});
        let taken = without_elevation(&mut body);
        assert_eq!(taken.len(), 1, "{taken:?}");
        let wanted =
            json!({"CapDrop": ["NET_RAW", "CHOWN", "SETUID"], "Privileged": false, "CapAdd": []});
        assert_eq!(body["HostConfig"], wanted);
    }
}
