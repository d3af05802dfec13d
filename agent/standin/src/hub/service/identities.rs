//! Devices and modules in the registry: read, listed, made, changed, removed.

use serde_json::{Value, json};

use super::super::error::HubError;
use super::super::identity::Identity;
use super::super::registry::{Change, Keys, Known, Precondition, Refused, Registry};
use super::super::session::Shared;
use super::Request;
use super::answer::{
    Answer, DEVICE_EXISTS, INTERNAL, INVALID, MODULE_EXISTS, NO_SUCH_DEVICE, NO_SUCH_MODULE, STALE,
    TOO_MANY_DEVICES, TOO_MANY_MODULES,
};
use super::authentication::{authentication, told};
use super::configurations;
use super::route::Verb;

/// Most devices of one list ("Get Devices", IoT Hub REST API).
const LISTED: usize = 1000;

/// Modules of the runtime, which every IoT Edge device has.
const RUNTIME: [&str; 2] = ["$edgeAgent", "$edgeHub"];

pub(super) fn devices(shared: &Shared, request: &Request) -> Result<Answer, Answer> {
    let devices = shared.registry.identities(is_device);
    let devices = devices
        .iter()
        .filter_map(|identity| shared.registry.known(identity));
    let devices = devices.take(request.top(LISTED));
    Ok(Answer::ok(devices.map(|known| document(&known)).collect()))
}

pub(super) fn modules(shared: &Shared, device: &str) -> Result<Answer, Answer> {
    let whole = Identity::device(device);
    if shared.registry.known(&whole).is_none() {
        return Err(refusal(&whole, &Refused::Unknown));
    }
    let modules = shared.registry.identities(|identity| match identity {
        Identity::Device { .. } => false,
        Identity::Module { device: on, .. } => on == device,
    });
    let modules = modules
        .iter()
        .filter_map(|identity| shared.registry.known(identity));
    Ok(Answer::ok(modules.map(|known| document(&known)).collect()))
}

pub(super) fn act(
    shared: &Shared,
    verb: Verb,
    identity: &Identity,
    request: &Request,
) -> Result<Answer, Answer> {
    let refused = |why: Refused| refusal(identity, &why);
    let precondition = request.precondition();
    match verb {
        Verb::Get | Verb::Patch => {
            let known = shared.registry.known(identity);
            let known = known.ok_or_else(|| refused(Refused::Unknown))?;
            Ok(tagged(&known))
        }
        Verb::Delete => {
            let removed = shared.registry.remove(identity, &precondition);
            removed.map_err(refused)?;
            configurations::evaluate(shared);
            Ok(Answer::nothing())
        }
        Verb::Put => {
            let wanted = wanted(identity, &request.json()?)?;
            let known = match precondition {
                Precondition::None => create(&shared.registry, identity, wanted)?,
                Precondition::Exists | Precondition::Etag(_) => {
                    let changed = shared.registry.change(identity, &precondition, wanted);
                    changed.map_err(refused)?
                }
            };
            if let (Identity::Device { device }, true) = (identity, known.record.is_edge) {
                make_runtime(&shared.registry, device)?;
            }
            configurations::evaluate(shared);
            Ok(tagged(&known))
        }
    }
}

/// Registers an IoT Edge device with its two modules.
pub(super) fn make_edge_device(registry: &Registry, device: &str) -> Result<(), HubError> {
    let edge = Change {
        is_edge: Some(true),
        ..Change::default()
    };
    let identity = Identity::device(device);
    let made = create(registry, &identity, edge).and_then(|_| make_runtime(registry, device));
    made.map_err(|_| HubError::BadIdentity(identity))
}

/// Makes a module that a deployment gives properties to, where there is none yet.
pub(super) fn make_module(registry: &Registry, module: &Identity) -> Result<(), Answer> {
    match registry.known(module) {
        Some(_) => Ok(()),
        None => create(registry, module, Change::default()).map(|_| ()),
    }
}

fn make_runtime(registry: &Registry, device: &str) -> Result<(), Answer> {
    RUNTIME
        .iter()
        .try_for_each(|module| make_module(registry, &Identity::module(device, module)))
}

fn create(registry: &Registry, identity: &Identity, wanted: Change) -> Result<Known, Answer> {
    let random = || -> Result<_, getrandom::Error> {
        let mut keys = Keys {
            primary: [0; 32],
            secondary: [0; 32],
        };
        getrandom::fill(&mut keys.primary)?;
        getrandom::fill(&mut keys.secondary)?;
        Ok((keys, getrandom::u64()?.to_string()))
    };
    let (fresh, generation) = random().map_err(|error| {
        let why = format!("the system gave no random bytes: {error}");
        Answer::error(INTERNAL, why)
    })?;
    let mut wanted = wanted;
    let keys = wanted.keys.take().unwrap_or(fresh);
    let made = registry.create(identity, generation, (keys, wanted));
    made.map_err(|why| match (why, identity) {
        // What is not there is the device to put it on.
        (Refused::Unknown, Identity::Module { device, .. }) => {
            refusal(&Identity::device(device), &Refused::Unknown)
        }
        (why, identity) => refusal(identity, &why),
    })
}

/// The error for a change that the registry refused.
pub(super) fn refusal(identity: &Identity, why: &Refused) -> Answer {
    let is_device = is_device(identity);
    match why {
        Refused::Unknown if is_device => Answer::error(NO_SUCH_DEVICE, identity),
        Refused::Unknown => Answer::error(NO_SUCH_MODULE, identity),
        Refused::Exists => {
            let code = if is_device {
                DEVICE_EXISTS
            } else {
                MODULE_EXISTS
            };
            Answer::error(code, format!("`{identity}` is registered already"))
        }
        Refused::Stale => Answer::error(STALE, format!("`{identity}` has changed since that etag")),
        Refused::TooManyDevices => Answer::error(TOO_MANY_DEVICES, "the hub is full"),
        Refused::TooManyModules => Answer::error(TOO_MANY_MODULES, "the device has 50 modules"),
        Refused::Twin(error) => Answer::error(INVALID, error),
        Refused::TagsTooLarge(bytes) => {
            let why = format!("the tags would have {bytes} bytes; the limit is 8192");
            Answer::error(INVALID, why)
        }
    }
}

/// Reads the body of a PUT; every mistake is told.
fn wanted(identity: &Identity, body: &Value) -> Result<Change, Answer> {
    let mut mistakes = Vec::new();
    if !body.is_object() {
        return Err(Answer::error(INVALID, "the body is no JSON object"));
    }
    if !identity.is_valid() {
        mistakes.push(format!("`{identity}` is no id that a hub would register"));
    }
    let ids = match identity {
        Identity::Device { device } => vec![("/deviceId", device)],
        Identity::Module { device, module } => vec![("/deviceId", device), ("/moduleId", module)],
    };
    for (place, id) in ids {
        if body.pointer(place).is_none_or(|given| given != id.as_str()) {
            mistakes.push(format!("{place}: it is not `{id}`, as in the path"));
        }
    }
    if body["status"] == "disabled" {
        mistakes.push("/status: this hub disables nobody".to_owned());
    }
    let (keys, certificates) = authentication(&body["authentication"], &mut mistakes);
    let change = Change {
        keys,
        certificates,
        is_edge: body
            .pointer("/capabilities/iotEdge")
            .and_then(Value::as_bool),
        managed_by: body["managedBy"].as_str().map(str::to_owned),
    };
    if mistakes.is_empty() {
        return Ok(change);
    }
    Err(Answer::error(INVALID, mistakes.join("; ")))
}

fn tagged(known: &Known) -> Answer {
    Answer::ok(document(known)).tagged(&known.identity_etag())
}

/// An identity as the API tells it.
fn document(known: &Known) -> Value {
    let mut document = match &known.identity {
        Identity::Device { device } => json!({
            "deviceId": device,
            "status": "enabled",
            "capabilities": {"iotEdge": known.record.is_edge},
        }),
        Identity::Module { device, module } => json!({
            "moduleId": module,
            "deviceId": device,
            "managedBy": known.record.managed_by,
        }),
    };
    document["generationId"] = known.generation.clone().into();
    document["etag"] = known.identity_etag().into();
    document["connectionState"] = connection_state(known).into();
    document["cloudToDeviceMessageCount"] = 0.into();
    document["authentication"] = told(known);
    document
}

/// Whether it is a device, not a module.
pub(super) fn is_device(identity: &Identity) -> bool {
    matches!(identity, Identity::Device { .. })
}

/// How the API words whether a client is connected.
pub(super) fn connection_state(known: &Known) -> &'static str {
    if known.connected {
        "Connected"
    } else {
        "Disconnected"
    }
}
