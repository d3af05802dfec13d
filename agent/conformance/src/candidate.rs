//! Offer × device → the container to create: exactly what IoT Edge's agent would create, and every departure from it.
//!
//! Source: Azure/iotedge, `CreateOrUpdateCommand.cs` (environment, mounts, network) and `edgelet-docker/src/runtime.rs`
//! (merge of the environment, labels).

use std::net::IpAddr;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::create_options::{CreateOptions, is_reserved_label};
use crate::hardware;
use crate::observation::{ImageFacts, Limits};
use crate::offer::Offer;
use crate::record::{Deviation, DeviationKind};

mod envelope;
mod environment;

/// Where a module finds its workload socket.
pub const WORKLOAD_SOCKET: &str = "/var/run/iotedge/workload.sock";

/// Name of the IoT Hub that a candidate is told of. It can never be resolved (RFC 6761, `.invalid`).
pub(crate) const STAND_IN_HUB: &str = "edgeproof-hub.invalid";

/// Everything a candidate's container is made from.
#[derive(Debug)]
pub struct Launch<'a> {
    /// The offer, with its overlay.
    pub offer: &'a Offer,
    /// Its createOptions, read.
    pub options: &'a CreateOptions,
    /// The image to start.
    pub image: &'a ImageFacts,
    /// The run's private network.
    pub network: &'a str,
    /// The candidate's workload socket, as the engine's host knows it.
    pub workload_socket: PathBuf,
    /// Id of the run.
    pub run: &'a str,
    /// Who the candidate is told to be.
    pub identity: Identity,
    /// Where the gateway is, if only the hosts file can tell it: the engine's name service knows containers alone.
    pub gateway: Option<IpAddr>,
    /// Whom the engine's name service asks for other names, if it is to be another one than the host's.
    pub name_service: Option<IpAddr>,
    /// Whether the network has no way out.
    pub hermetic: bool,
}

/// What IoT Edge's agent tells a module of itself and of its surroundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Host name of the IoT Hub.
    pub hub_host: String,
    /// Host name of the device's edgeHub.
    pub gateway_host: String,
    /// Device id.
    pub device_id: String,
    /// Module id.
    pub module_id: String,
    /// Generation id of the module's identity.
    pub generation_id: String,
}

impl Identity {
    /// The module under the name that the marketplace proposes, on a device that exists nowhere: its hub's name can never be
    /// resolved (RFC 6761, `.invalid`).
    #[must_use]
    pub fn stand_in(run: &str, offer: &Offer) -> Identity {
        // IoT Hub registers no other letters.
        let name: String = offer.default_module_name();
        let name: String = name.chars().filter(char::is_ascii).take(64).collect();
        Identity {
            hub_host: STAND_IN_HUB.to_owned(),
            gateway_host: "edgeproof-gateway".to_owned(),
            device_id: "edgeproof-device".to_owned(),
            module_id: if name.is_empty() {
                "candidate".to_owned()
            } else {
                name
            },
            generation_id: run.to_owned(),
        }
    }
}

/// The container to create.
#[derive(Debug, Clone, PartialEq)]
pub struct CandidateSpec {
    /// The body for the engine, in its own JSON.
    pub body: Value,
    /// The part of the createOptions that was passed on unchanged: what the engine's result is compared with.
    pub requested: Value,
    /// Binds that are not the module's own.
    pub added_binds: Vec<String>,
    /// Every departure from what IoT Edge would create with the offer's defaults.
    pub deviations: Vec<Deviation>,
}

/// What a candidate is started inside of, and with that whether it is given an accelerator that its createOptions ask for and
/// its offer does not claim.
#[derive(Debug, Clone, Copy)]
pub enum Bounds<'a> {
    /// Nothing: the offer's defaults.
    Defaults,
    /// Limits equal to the claim. An accelerator that is not claimed is withheld, for IEM-HW-06.
    Claim(&'a Limits),
    /// Limits of a search for the least. Everything else stays, or the search would find what the module lacks instead of a limit.
    Search(&'a Limits),
}

/// Makes the container's body from the offer's defaults, inside `bounds`.
///
/// Limits must be such that this device can give them: the engine refuses more cores than the host has.
#[must_use]
pub fn resolve(launch: &Launch<'_>, bounds: Bounds<'_>) -> CandidateSpec {
    let mut deviations = Vec::new();
    let mut body = as_object(launch.options.value().clone());
    body.remove("Image");
    withdraw(&mut body, &mut deviations);
    environment::overlay_options(&mut body, launch, &mut deviations);
    tell_the_gateway(&mut body, launch, &mut deviations);
    tell_the_name_service(&mut body, launch, &mut deviations);
    let requested = Value::Object(body.clone());

    let image = pinned(launch.image);
    deviations.push(harness(
        "Image",
        "pinned, so that every start gets the same image",
        json!(launch.image.reference),
        json!(image),
    ));
    body.insert("Image".to_owned(), json!(image));
    let env = environment::of(launch, &body, &mut deviations);
    body.insert("Env".to_owned(), json!(env));
    let bind = format!("{}:{WORKLOAD_SOCKET}", launch.workload_socket.display());
    append_bind(&mut body, &bind);
    attach(&mut body, launch, &mut deviations);
    stand_in(launch, &bind, &mut deviations);
    match bounds {
        Bounds::Defaults => {}
        Bounds::Claim(limits) => {
            if !claims_an_accelerator(launch.offer) {
                envelope::withhold_accelerators(&mut body, &mut deviations);
            }
            envelope::set(&mut body, limits, &mut deviations);
        }
        Bounds::Search(limits) => envelope::set(&mut body, limits, &mut deviations),
    }
    CandidateSpec {
        body: Value::Object(body),
        requested,
        added_binds: vec![bind],
        deviations,
    }
}

/// Whether the hardware paragraph names a GPU or accelerator.
fn claims_an_accelerator(offer: &Offer) -> bool {
    hardware::read(&offer.listing.description)
        .is_some_and(|paragraph| paragraph.claim.gpu.is_some())
}

fn as_object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}

/// The object under a key; made where there is none.
fn object<'a>(parent: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let value = parent.entry(key).or_insert(Value::Null);
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value
        .as_object_mut()
        .expect("it was made an object on the line before")
}

fn harness(what: &str, reason: &str, default: Value, used: Value) -> Deviation {
    Deviation {
        kind: DeviationKind::Harness,
        what: what.to_owned(),
        reason: reason.to_owned(),
        default,
        used,
    }
}

/// What would let another program take the container for its own, or make it vanish before it was looked at.
fn withdraw(body: &mut Map<String, Value>, deviations: &mut Vec<Deviation>) {
    if let Some(labels) = body.get_mut("Labels").and_then(Value::as_object_mut) {
        let reserved: Vec<String> = labels
            .keys()
            .filter(|key| is_reserved_label(key))
            .cloned()
            .collect();
        for key in reserved {
            let default = labels.remove(&key).unwrap_or_default();
            deviations.push(harness(
                &format!("Labels {key}"),
                "by this label the IoT Edge runtime or edgeproof knows its own containers",
                default,
                Value::Null,
            ));
        }
    }
    let host = body.get_mut("HostConfig").and_then(Value::as_object_mut);
    if let Some(default) = host.and_then(|host| host.remove("AutoRemove"))
        && default == true
    {
        deviations.push(harness(
            "HostConfig.AutoRemove",
            "an ended container is looked at before it goes",
            default,
            json!(false),
        ));
    }
}

/// By digest where the image has one; an image that was loaded or built here has only its id.
fn pinned(image: &ImageFacts) -> String {
    let name = image.reference.split('@').next().unwrap_or_default();
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    let repository = match name[last..].find(':') {
        Some(colon) => &name[..last + colon],
        None => name,
    };
    match &image.manifest_digest {
        Some(digest) if !repository.starts_with("sha256") => format!("{repository}@{digest}"),
        Some(_) | None => image.image_id.clone(),
    }
}

fn append_bind(body: &mut Map<String, Value>, bind: &str) {
    let host = object(body, "HostConfig");
    let binds = host.entry("Binds").or_insert(Value::Null);
    match binds.as_array_mut() {
        Some(binds) => binds.push(json!(bind)),
        None => *binds = json!([bind]),
    }
}

/// The runtime adds its network only where the createOptions name none.
fn attach(body: &mut Map<String, Value>, launch: &Launch<'_>, deviations: &mut Vec<Deviation>) {
    let networking = object(body, "NetworkingConfig");
    let endpoints = networking.entry("EndpointsConfig").or_insert(Value::Null);
    if endpoints.is_null() {
        *endpoints = json!({launch.network: {}});
        deviations.push(harness(
            "network",
            if launch.hermetic {
                "a private network without a way out (--hermetic): the module reaches edgeHub alone"
            } else {
                "a private network, so that no neighbour is reached or found by name"
            },
            json!("azure-iot-edge"),
            json!(launch.network),
        ));
    }
}

/// Writes the gateway's name and address into the hosts file, where it has to stand there.
fn tell_the_gateway(
    body: &mut Map<String, Value>,
    launch: &Launch<'_>,
    deviations: &mut Vec<Deviation>,
) {
    let Some(address) = launch.gateway else {
        return;
    };
    let line = json!(format!("{}:{address}", launch.identity.gateway_host));
    let host = object(body, "HostConfig");
    let hosts = host.entry("ExtraHosts").or_insert(Value::Null);
    match hosts.as_array_mut() {
        Some(hosts) => hosts.push(line.clone()),
        None => *hosts = json!([line]),
    }
    deviations.push(Deviation {
        kind: DeviationKind::StandIn,
        what: "HostConfig.ExtraHosts".to_owned(),
        reason: "edgeproof runs outside of a container: the hosts file tells where its edgeHub is"
            .to_owned(),
        default: Value::Null,
        used: line,
    });
}

/// Has the engine's name service ask edgeproof's, which hands on and remembers what is asked for.
fn tell_the_name_service(
    body: &mut Map<String, Value>,
    launch: &Launch<'_>,
    deviations: &mut Vec<Deviation>,
) {
    let Some(address) = launch.name_service else {
        return;
    };
    let used = json!([address.to_string()]);
    let host = object(body, "HostConfig");
    let default = host.insert("Dns".to_owned(), used.clone());
    deviations.push(Deviation {
        kind: DeviationKind::StandIn,
        what: "HostConfig.Dns".to_owned(),
        reason: if launch.hermetic {
            "edgeproof's name service remembers what the module asks for and knows no way out"
        } else {
            "edgeproof's name service hands on what the module asks for, and remembers it"
        }
        .to_owned(),
        default: default.unwrap_or_default(),
        used,
    });
}

fn stand_in(launch: &Launch<'_>, bind: &str, deviations: &mut Vec<Deviation>) {
    let identity = &launch.identity;
    deviations.push(Deviation {
        kind: DeviationKind::StandIn,
        what: "IoT Edge runtime".to_owned(),
        reason: "edgeproof stands in for the runtime: workload API, identity and edgeHub"
            .to_owned(),
        default: Value::Null,
        used: json!({
            "workloadSocket": bind,
            "device": identity.device_id,
            "module": identity.module_id,
            "hub": identity.hub_host,
            "gateway": identity.gateway_host,
        }),
    });
    deviations.push(harness(
        "name and labels",
        "so that whatever is left behind can be found and removed",
        json!({"name": "the module's id", "label": "net.azure-devices.edge.owner"}),
        json!({"name": format!("edgeproof-{}-…", launch.run), "label": "edgeproof.run"}),
    ));
}

#[cfg(test)]
mod tests;
