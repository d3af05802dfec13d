//! The deployment's JSON, made from `deployment.json`. Pure: manifest, fills and a device's present properties in, content out.
//!
//! Source: iotedge, "Deploy modules at scale" and "Layered deployment", Microsoft Learn: a dotted key sets its sub-path alone.

use anyhow::Context as _;
use conformance::run_request::RunRequest;
use serde_json::{Map, Value, json};

use crate::certify::deployment::{Fills, MODULE, replace_sources};

/// Prefix of every key of a module in a content.
const DESIRED: &str = "properties.desired";
/// The probe in `$edgeAgent`.
const IN_AGENT: &str = "properties.desired.modules.edgeproof";
/// The probe's route in `$edgeHub`.
const ROUTE: &str = "edgeproofReport";
/// Where the run stands in the probe's twin: never the whole of its desired properties, which would take others away.
const RUN: &str = "properties.desired.conformance.run";

/// The layer: the probe, its route, and the run if there is one, each under a key of its own.
///
/// # Errors
/// The manifest does not have the shape that IoT Edge wants.
pub fn layer(
    manifest: &str,
    fills: &Fills<'_>,
    run: Option<&RunRequest>,
) -> anyhow::Result<Map<String, Value>> {
    let mut manifest: Value = serde_json::from_str(manifest).context("read deployment.json")?;
    let settings = manifest
        .pointer_mut(&format!("/modulesContent/$edgeAgent/{IN_AGENT}/settings"))
        .context("deployment.json has no module edgeproof")?;
    settings["image"] = json!(fills.image);
    let options = settings["createOptions"].as_str().unwrap_or("{}");
    let mut options: Value =
        serde_json::from_str(options).context("read the createOptions in deployment.json")?;
    replace_sources(&mut options, fills);
    settings["createOptions"] = json!(options.to_string());
    let mut content = manifest["modulesContent"]
        .as_object()
        .cloned()
        .context("deployment.json has no modulesContent")?;
    if let Some(run) = run {
        let run = serde_json::to_value(run).context("write the run")?;
        content.insert(MODULE.to_owned(), json!({RUN: run}));
    }
    Ok(content)
}

/// The image that `deployment.json` names: no registry has it under that name.
#[must_use]
pub fn shipped_image(manifest: &str) -> Option<String> {
    let manifest: Value = serde_json::from_str(manifest).ok()?;
    let image = manifest.pointer(&format!(
        "/modulesContent/$edgeAgent/{IN_AGENT}/settings/image"
    ))?;
    image.as_str().map(str::to_owned)
}

/// An automatic deployment around a content, as `PUT /configurations/{id}` takes it.
#[must_use]
pub fn configuration(
    id: &str,
    content: &Map<String, Value>,
    target_condition: &str,
    priority: i32,
) -> Value {
    json!({
        "id": id,
        "schemaVersion": "2.0",
        "labels": {"edgeproof": env!("CARGO_PKG_VERSION")},
        "content": {"modulesContent": content},
        "contentType": "assignment",
        "targetCondition": target_condition,
        "priority": priority,
        "metrics": {"queries": {}},
    })
}

/// What a device has at present.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Present {
    /// Desired properties of `$edgeAgent`.
    pub agent: Map<String, Value>,
    /// Desired properties of `$edgeHub`.
    pub hub: Map<String, Value>,
}

/// The whole content of one device: all that it has, and the layer put into it.
///
/// # Errors
/// The device has no deployment yet to which the layer could be added.
pub fn whole(present: &Present, layer: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    has_base(present)?;
    let mut whole = Map::new();
    for (module, properties) in layer {
        let base = match module.as_str() {
            "$edgeAgent" => &present.agent,
            "$edgeHub" => &present.hub,
            _ => {
                // A dotted key leaves the rest of that twin alone, on one device as in a layer.
                whole.insert(module.clone(), properties.clone());
                continue;
            }
        };
        let mut document = base.clone();
        put_in(&mut document, properties);
        whole.insert(module.clone(), json!({DESIRED: document}));
    }
    Ok(whole)
}

/// The whole content of one device without the probe and its route.
///
/// # Errors
/// The device has no deployment, or no probe.
pub fn without(present: &Present) -> Result<Map<String, Value>, String> {
    has_base(present)?;
    let (mut agent, mut hub) = (present.agent.clone(), present.hub.clone());
    let take = |document: &mut Map<String, Value>, from: &str, name: &str| {
        let members = document.get_mut(from).and_then(Value::as_object_mut);
        members
            .and_then(|members| members.shift_remove(name))
            .is_some()
    };
    let module = take(&mut agent, "modules", MODULE);
    let route = take(&mut hub, "routes", ROUTE);
    if !module && !route {
        return Err(format!(
            "the device has neither a module {MODULE} nor a route {ROUTE}"
        ));
    }
    Ok(Map::from_iter([
        ("$edgeAgent".to_owned(), json!({DESIRED: agent})),
        ("$edgeHub".to_owned(), json!({DESIRED: hub})),
    ]))
}

/// The document that the keys of one module of a content make, with nothing beneath.
#[must_use]
pub fn document(properties: &Value) -> Map<String, Value> {
    let mut document = Map::new();
    put_in(&mut document, properties);
    document
}

fn has_base(present: &Present) -> Result<(), String> {
    let system = present.agent.get("systemModules");
    match system.and_then(Value::as_object) {
        Some(_) => Ok(()),
        None => Err(
            "the device has no deployment yet ($edgeAgent has no systemModules): give it a base deployment first".to_owned(),
        ),
    }
}

/// Sets each `properties.desired[.path]` at its place.
fn put_in(document: &mut Map<String, Value>, properties: &Value) {
    for (key, value) in properties.as_object().into_iter().flatten() {
        let path = key.strip_prefix(DESIRED).unwrap_or(key);
        let names: Vec<&str> = path.split('.').filter(|name| !name.is_empty()).collect();
        match (names.split_last(), value) {
            (None, Value::Object(all)) => *document = all.clone(),
            (None, _) => {}
            (Some((last, above)), value) => {
                let place = above.iter().fold(&mut *document, |place, name| {
                    let inner = place
                        .entry((*name).to_owned())
                        .and_modify(|inner| {
                            if !inner.is_object() {
                                *inner = json!({});
                            }
                        })
                        .or_insert_with(|| json!({}));
                    inner.as_object_mut().expect("it was just made an object")
                });
                place.insert((*last).to_owned(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certify::deployment::{DATA_ROOT, ENGINE_SOCKET, MANIFEST};
    use conformance::record::{ProfileName, RunOptions, ScopeName};

    const FILLS: Fills<'_> = Fills {
        image: "lab.example/edgeproof-agent:0.1.0",
        socket: ENGINE_SOCKET,
        data_root: DATA_ROOT,
        state_volume: None,
    };

    fn run() -> RunRequest {
        let (profile, scope) = (ProfileName::Quick, ScopeName::Device);
        RunRequest::new("monday", profile, scope, "{}", RunOptions::default()).unwrap()
    }

    fn present() -> Present {
        // Composed after Azure/iotedge, doc/deployment-schema-1.0.json.
        let agent = json!({
            "schemaVersion": "1.1", "runtime": {"type": "docker", "settings": {}},
            "systemModules": {"edgeAgent": {"type": "docker"}, "edgeHub": {"type": "docker"}},
            "modules": {"temperature": {"type": "docker", "settings": {"image": "t:1", "createOptions": "{}"}}},
        });
        let hub = json!({"schemaVersion": "1.1", "routes": {"all": "FROM /* INTO $upstream"}, "storeAndForwardConfiguration": {"timeToLiveSecs": 7200}});
        Present {
            agent: agent.as_object().unwrap().clone(),
            hub: hub.as_object().unwrap().clone(),
        }
    }

    #[test]
    fn a_layer_sets_sub_paths_alone() {
        let layer = layer(MANIFEST, &FILLS, Some(&run())).unwrap();
        let keys: Vec<String> = layer
            .iter()
            .flat_map(|(module, keys)| {
                let keys = keys.as_object().unwrap().keys();
                keys.map(move |key| format!("{module} {key}"))
            })
            .collect();
        assert_eq!(
            keys,
            [
                "$edgeAgent properties.desired.modules.edgeproof",
                "$edgeHub properties.desired.routes.edgeproofReport",
                "edgeproof properties.desired.conformance.run",
            ]
        );
        assert_eq!(
            layer["$edgeAgent"][IN_AGENT]["settings"]["image"],
            FILLS.image
        );
        assert_eq!(layer["edgeproof"][RUN]["id"], "monday");
    }

    #[test]
    fn only_image_socket_and_data_root_differ_from_what_is_shipped() {
        let shipped: Value = serde_json::from_str(MANIFEST).unwrap();
        let image = shipped_image(MANIFEST).unwrap();
        let same = Fills {
            image: &image,
            ..FILLS
        };
        let made = layer(MANIFEST, &same, None).unwrap();
        assert_eq!(Value::Object(made), shipped["modulesContent"]);
        let other = Fills {
            socket: "/run/podman.sock",
            data_root: "/data",
            ..FILLS
        };
        let made = Value::Object(layer(MANIFEST, &other, None).unwrap()).to_string();
        assert!(
            made.contains("/run/podman.sock:/var/run/docker.sock:ro"),
            "{made}"
        );
        assert!(made.contains(r#"\"Source\":\"/data\""#), "{made}");
    }

    #[test]
    fn nothing_that_a_device_has_is_dropped() {
        let present = present();
        let whole = whole(&present, &layer(MANIFEST, &FILLS, Some(&run())).unwrap()).unwrap();
        let agent = &whole["$edgeAgent"][DESIRED];
        assert_eq!(
            agent["modules"]["temperature"],
            present.agent["modules"]["temperature"]
        );
        assert_eq!(agent["systemModules"], present.agent["systemModules"]);
        assert_eq!(
            agent["modules"]["edgeproof"]["settings"]["image"],
            FILLS.image
        );
        let hub = &whole["$edgeHub"][DESIRED];
        assert_eq!(hub["routes"]["all"], "FROM /* INTO $upstream");
        assert!(hub["routes"]["edgeproofReport"].is_string());
        assert_eq!(hub["storeAndForwardConfiguration"]["timeToLiveSecs"], 7200);
        // The run is set by its sub-path on one device too.
        assert_eq!(whole["edgeproof"][RUN]["id"], "monday");
    }

    #[test]
    fn what_was_put_in_comes_out_again() {
        let present = present();
        let whole = whole(&present, &layer(MANIFEST, &FILLS, None).unwrap()).unwrap();
        let with = Present {
            agent: document(&whole["$edgeAgent"]),
            hub: document(&whole["$edgeHub"]),
        };
        let again = without(&with).unwrap();
        assert_eq!(document(&again["$edgeAgent"]), present.agent);
        assert_eq!(document(&again["$edgeHub"]), present.hub);
        assert!(without(&present).unwrap_err().contains("neither a module"));
    }

    #[test]
    fn a_device_without_a_base_is_refused() {
        let layer = layer(MANIFEST, &FILLS, None).unwrap();
        assert!(
            whole(&Present::default(), &layer)
                .unwrap_err()
                .contains("base deployment")
        );
    }
}
