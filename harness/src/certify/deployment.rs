//! The probe's container, made from `deployment.json` as edgeAgent would make it. Pure: manifest in, engine JSON out.
//!
//! The harness fills in only what depends on the machine: image, engine socket, data root. Every fill is recorded.

use anyhow::{Context, ensure};
use conformance::record::{Deviation, DeviationKind};
use serde_json::{Map, Value, json};

use super::elevation::{Elevation, without_elevation};

/// The manifest that puts the probe on a device: the one template there is.
pub const MANIFEST: &str = include_str!("../../../deployment.json");
/// The probe's module id.
pub const MODULE: &str = "edgeproof";
/// Where the engine's socket is in the manifest.
pub const ENGINE_SOCKET: &str = "/var/run/docker.sock";
/// Where the probe keeps its state, as a bind says it.
const STATE_BIND: &str = ":/var/lib/edgeproof";
/// Where the engine's data root is in the manifest.
pub(crate) const DATA_ROOT: &str = "/var/lib/docker";

/// What depends on the machine.
#[derive(Debug)]
pub struct Fills<'a> {
    /// Id or reference of the probe's image in the engine's store.
    pub image: &'a str,
    /// The engine's socket on its host.
    pub socket: &'a str,
    /// The engine's data root.
    pub data_root: &'a str,
    /// Another volume for the probe's state than the manifest's: the state is one probe's.
    pub state_volume: Option<&'a str>,
}

/// What edgeAgent adds to every module.
#[derive(Debug)]
pub struct EdgeModule<'a> {
    /// IoT Hub's name.
    pub hub_host: &'a str,
    /// Name or address of the gateway that modules connect to.
    pub gateway_host: &'a str,
    /// Device id.
    pub device: &'a str,
    /// Generation id of the module identity.
    pub generation: &'a str,
    /// Workload socket on the host.
    pub workload_socket: &'a str,
    /// Network that modules are on.
    pub network: &'a str,
    /// What it takes away.
    pub elevation: Elevation,
}

/// The probe's container and the record of what was filled in.
#[derive(Debug, PartialEq)]
pub struct ProbeContainer {
    /// In the engine's JSON.
    pub body: Value,
    /// Every fill.
    pub fills: Vec<Deviation>,
    /// Name of the state volume.
    pub state_volume: String,
}

/// Makes the probe's container from the manifest.
///
/// # Errors
/// The manifest does not have the shape that IoT Edge wants.
pub fn probe_container(
    manifest: &str,
    fills: &Fills<'_>,
    edge: &EdgeModule<'_>,
) -> anyhow::Result<ProbeContainer> {
    let manifest: Value = serde_json::from_str(manifest).context("read deployment.json")?;
    let module = manifest
        .pointer(&format!(
            "/modulesContent/$edgeAgent/properties.desired.modules.{MODULE}"
        ))
        .context("deployment.json has no module edgeproof")?;
    let default_image = module
        .pointer("/settings/image")
        .cloned()
        .unwrap_or_default();
    let options = module
        .pointer("/settings/createOptions")
        .and_then(Value::as_str)
        .unwrap_or("{}");
    let mut body: Value =
        serde_json::from_str(options).context("read the createOptions in deployment.json")?;
    let mut recorded = vec![fill("image", default_image, json!(fills.image))];
    recorded.extend(replace_sources(&mut body, fills));
    let state_volume =
        state_volume(&body).context("deployment.json binds no volume to /var/lib/edgeproof")?;
    let env = module
        .get("env")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    add_edge(&mut body, fills.image, &env, edge)?;
    if edge.elevation == Elevation::TakenAway {
        recorded.extend(without_elevation(&mut body));
    }
    Ok(ProbeContainer {
        body,
        fills: recorded,
        state_volume,
    })
}

fn fill(what: &str, default: Value, used: Value) -> Deviation {
    Deviation {
        kind: DeviationKind::Harness,
        what: format!("deployment.json: {what}"),
        reason: "filled in for this machine".to_owned(),
        default,
        used,
    }
}

/// Puts this machine's engine socket and data root in the manifest's place.
pub(crate) fn replace_sources(body: &mut Value, fills: &Fills<'_>) -> Vec<Deviation> {
    let mut recorded = Vec::new();
    let binds = body
        .pointer_mut("/HostConfig/Binds")
        .and_then(Value::as_array_mut);
    for bind in binds.into_iter().flatten() {
        if let Some(target) = bind
            .as_str()
            .and_then(|bind| bind.strip_prefix(&format!("{ENGINE_SOCKET}:")))
        {
            let used = format!("{}:{target}", fills.socket);
            if fills.socket != ENGINE_SOCKET {
                recorded.push(fill("HostConfig.Binds", bind.clone(), json!(used)));
            }
            *bind = json!(used);
        } else if let (Some(volume), true) = (fills.state_volume, is_state(bind)) {
            let used = json!(format!("{volume}{STATE_BIND}"));
            recorded.push(fill("HostConfig.Binds", bind.clone(), used.clone()));
            *bind = used;
        }
    }
    let mounts = body
        .pointer_mut("/HostConfig/Mounts")
        .and_then(Value::as_array_mut);
    for mount in mounts.into_iter().flatten() {
        if mount["Source"] == DATA_ROOT && fills.data_root != DATA_ROOT {
            recorded.push(fill(
                "HostConfig.Mounts",
                mount["Source"].clone(),
                json!(fills.data_root),
            ));
            mount["Source"] = json!(fills.data_root);
        }
    }
    recorded
}

/// The named volume of the probe's state.
fn state_volume(body: &Value) -> Option<String> {
    let binds = body.pointer("/HostConfig/Binds")?.as_array()?;
    let bind = binds.iter().find(|bind| is_state(bind))?.as_str()?;
    Some(bind.strip_suffix(STATE_BIND)?.to_owned())
}

fn is_state(bind: &Value) -> bool {
    bind.as_str().is_some_and(|bind| bind.ends_with(STATE_BIND))
}

/// What edgeAgent and the IoT Edge daemon add: image, environment, workload socket, network.
///
/// Source: Azure/iotedge, `CombinedEdgeletConfigProvider.cs`, `CreateOrUpdateCommand.cs`, `edgelet-docker/src/runtime.rs`.
fn add_edge(
    body: &mut Value,
    image: &str,
    module_env: &Map<String, Value>,
    edge: &EdgeModule<'_>,
) -> anyhow::Result<()> {
    let object = body
        .as_object_mut()
        .context("the createOptions in deployment.json are not an object")?;
    ensure!(
        !object.contains_key("Env"),
        "the createOptions in deployment.json set Env; use the module's env"
    );
    let mut env: Vec<String> = module_env
        .iter()
        .map(|(name, entry)| format!("{name}={}", plain(&entry["value"])))
        .collect();
    env.extend(
        [
            (
                "IOTEDGE_WORKLOADURI",
                "unix:///var/run/iotedge/workload.sock",
            ),
            ("IOTEDGE_AUTHSCHEME", "sasToken"),
            ("IOTEDGE_MODULEGENERATIONID", edge.generation),
            ("IOTEDGE_IOTHUBHOSTNAME", edge.hub_host),
            ("IOTEDGE_GATEWAYHOSTNAME", edge.gateway_host),
            ("IOTEDGE_DEVICEID", edge.device),
            ("IOTEDGE_MODULEID", MODULE),
            ("RuntimeLogLevel", "Information"),
            ("IOTEDGE_APIVERSION", "2022-08-03"),
        ]
        .map(|(name, value)| format!("{name}={value}")),
    );
    object.insert("Image".to_owned(), json!(image));
    object.insert("Env".to_owned(), json!(env));
    let endpoints = Map::from_iter([(edge.network.to_owned(), json!({}))]);
    object.insert(
        "NetworkingConfig".to_owned(),
        json!({"EndpointsConfig": endpoints}),
    );
    let host = object.entry("HostConfig").or_insert_with(|| json!({}));
    host["NetworkMode"] = json!(edge.network);
    let binds = host["Binds"]
        .as_array_mut()
        .context("the createOptions in deployment.json bind nothing")?;
    binds.push(json!(format!(
        "{}:/var/run/iotedge/workload.sock",
        edge.workload_socket
    )));
    Ok(())
}

/// An env value as edgeAgent writes it: strings bare, numbers and booleans as JSON.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGE: EdgeModule<'_> = EdgeModule {
        hub_host: "hub.local",
        gateway_host: "172.18.0.1",
        device: "lab",
        generation: "g1",
        workload_socket: "/tmp/w.sock",
        network: "edgeproof-1",
        elevation: Elevation::Allowed,
    };

    fn container(socket: &str, data_root: &str) -> ProbeContainer {
        probe_container(
            MANIFEST,
            &Fills {
                image: "sha256:1",
                socket,
                data_root,
                state_volume: None,
            },
            &EDGE,
        )
        .unwrap()
    }

    #[test]
    fn the_shipped_manifest_becomes_a_container() {
        let made = container(ENGINE_SOCKET, DATA_ROOT);
        assert_eq!(made.state_volume, "edgeproof-state");
        assert_eq!(made.body["Image"], "sha256:1");
        assert!(
            made.body["HostConfig"]["Binds"]
                .as_array()
                .unwrap()
                .contains(&json!("/tmp/w.sock:/var/run/iotedge/workload.sock"))
        );
        assert!(
            made.body["Env"]
                .as_array()
                .unwrap()
                .contains(&json!("IOTEDGE_GATEWAYHOSTNAME=172.18.0.1"))
        );
    }

    #[test]
    fn only_image_socket_and_data_root_are_filled_and_each_is_recorded() {
        let usual = container(ENGINE_SOCKET, DATA_ROOT);
        let other = container("/run/user/7/docker.sock", "/data/docker");
        let names = |made: &ProbeContainer| {
            made.fills
                .iter()
                .map(|fill| fill.what.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&usual), ["deployment.json: image"]);
        assert_eq!(
            names(&other),
            [
                "deployment.json: image",
                "deployment.json: HostConfig.Binds",
                "deployment.json: HostConfig.Mounts"
            ]
        );
        assert!(
            other.body["HostConfig"]["Binds"]
                .as_array()
                .unwrap()
                .contains(&json!("/run/user/7/docker.sock:/var/run/docker.sock:ro"))
        );
        assert_eq!(
            other.body["HostConfig"]["CapDrop"],
            usual.body["HostConfig"]["CapDrop"]
        );
    }

    #[test]
    fn a_run_of_the_lab_has_a_state_volume_of_its_own_and_says_so() {
        let fills = Fills {
            image: "sha256:1",
            socket: ENGINE_SOCKET,
            data_root: DATA_ROOT,
            state_volume: Some("edgeproof-7-state"),
        };
        let made = probe_container(MANIFEST, &fills, &EDGE).unwrap();
        assert_eq!(made.state_volume, "edgeproof-7-state");
        let last = made.fills.last().unwrap();
        assert_eq!(last.what, "deployment.json: HostConfig.Binds");
        assert_eq!(last.default, "edgeproof-state:/var/lib/edgeproof");
        assert_eq!(last.used, "edgeproof-7-state:/var/lib/edgeproof");
        let binds = made.body["HostConfig"]["Binds"].to_string();
        assert!(!binds.contains("edgeproof-state"), "{binds}");
    }

    #[test]
    fn a_device_without_elevated_permissions_takes_the_added_capability_away_and_nothing_else() {
        let fills = Fills {
            image: "sha256:1",
            socket: ENGINE_SOCKET,
            data_root: DATA_ROOT,
            state_volume: None,
        };
        let edge = EdgeModule {
            elevation: Elevation::TakenAway,
            ..EDGE
        };
        let mut usual = container(ENGINE_SOCKET, DATA_ROOT);
        let made = probe_container(MANIFEST, &fills, &edge).unwrap();
        let taken = made.fills.last().unwrap();
        assert_eq!(taken.what, "deployment.json: HostConfig.CapAdd");
        assert_eq!(
            (&taken.default, &taken.used),
            (&json!(["DAC_READ_SEARCH"]), &json!([]))
        );
        assert_eq!(made.fills.len(), usual.fills.len() + 1);
        usual.body["HostConfig"]["CapAdd"] = json!([]);
        usual.body["HostConfig"]["Privileged"] = json!(false);
        assert_eq!(made.body, usual.body);
    }

    #[test]
    fn a_manifest_without_the_probe_is_refused() {
        let fills = Fills {
            image: "i",
            socket: ENGINE_SOCKET,
            data_root: DATA_ROOT,
            state_volume: None,
        };
        let error = probe_container("{}", &fills, &EDGE).unwrap_err();
        assert_eq!(error.to_string(), "deployment.json has no module edgeproof");
    }
}
