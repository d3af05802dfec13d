//! What IoT Hub or edgeAgent would refuse in a deployment, found before anything is sent: all of it at once. Pure.
//!
//! Sources: "Deploy IoT Edge modules at scale" and "Identity registry", Microsoft Learn (ids, priority); the deployment schema of
//! Azure/iotedge, doc/deployment-schema-1.0.json (environment, createOptions); the twin's rules are [`conformance::twin`]'s.

use conformance::image::Reference;
use conformance::twin;
use serde_json::{Map, Value};

use super::content::document;

/// Punctuation that the id of a deployment may carry beside lower-case letters and digits.
const DEPLOYMENT_PUNCTUATION: &str = "-:+%_#*?!(),=@;'";
/// Punctuation that the id of a device may carry beside letters and digits.
const DEVICE_PUNCTUATION: &str = "-:.+%_#*?!(),=@$'";
/// Longest id in characters.
const LONGEST_ID: usize = 128;

/// What is wrong with the id of a deployment.
#[must_use]
pub fn deployment_id(id: &str) -> Option<String> {
    let allowed = |c: char| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || DEPLOYMENT_PUNCTUATION.contains(c)
    };
    let sound = !id.is_empty() && id.len() <= LONGEST_ID && id.chars().all(allowed);
    (!sound).then(|| {
        format!("--id: 1 to {LONGEST_ID} lower-case letters, digits and {DEPLOYMENT_PUNCTUATION}")
    })
}

/// What is wrong with the id of a device.
#[must_use]
pub fn device_id(id: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || DEVICE_PUNCTUATION.contains(c);
    let sound = !id.is_empty() && id.len() <= LONGEST_ID && id.chars().all(allowed);
    (!sound)
        .then(|| format!("--device: 1 to {LONGEST_ID} letters, digits and {DEVICE_PUNCTUATION}"))
}

/// What is wrong with a path on the device that stands in a bind.
#[must_use]
pub fn device_path(flag: &str, path: &str) -> Option<String> {
    let sound = path.starts_with('/') && !path.contains([':', '\0']) && !path.contains("/../");
    (!sound).then(|| format!("{flag}: an absolute path without `:`"))
}

/// What is wrong with a reference of the probe's image.
#[must_use]
pub fn image(reference: &str) -> Option<String> {
    reference
        .parse::<Reference>()
        .err()
        .map(|why| format!("--image: {why}"))
}

/// Everything wrong with a content, after JSON pointers into it.
#[must_use]
pub fn content(content: &Map<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    for (module, properties) in content {
        let document = document(properties);
        found.extend(twin::mistakes(&document).into_iter().map(|mistake| {
            format!(
                "/{module}{} {}: {}",
                mistake.pointer, mistake.saw, mistake.mend
            )
        }));
        if module == "$edgeAgent" {
            let modules = document.get("modules").and_then(Value::as_object);
            for (name, entry) in modules.into_iter().flatten() {
                entry_mistakes(&format!("/{module}/modules/{name}"), entry, &mut found);
            }
        }
    }
    found
}

/// The size of each document of a whole content, where the twin does not take it. What stands in it was taken before.
#[must_use]
pub fn sizes(content: &Map<String, Value>) -> Vec<String> {
    let too_large = |(module, properties): (&String, &Value)| {
        let whole = twin::mistakes(&document(properties)).into_iter();
        let whole = whole.filter(|mistake| mistake.pointer.is_empty());
        whole
            .map(|mistake| format!("/{module} {}", mistake.saw))
            .collect::<Vec<_>>()
    };
    content.iter().flat_map(too_large).collect()
}

/// One module's entry in `$edgeAgent`.
fn entry_mistakes(at: &str, entry: &Value, found: &mut Vec<String>) {
    let settings = entry["settings"].as_object();
    for (name, value) in settings.into_iter().flatten() {
        let is_options = name
            .strip_prefix("createOptions")
            .is_some_and(|digits| digits.len() <= 2 && digits.chars().all(|c| c.is_ascii_digit()));
        if name != "image" && !is_options {
            found.push(format!(
                "{at}/settings/{name}: only image and createOptions are taken"
            ));
        } else if !value.is_string() {
            found.push(format!("{at}/settings/{name}: a text is wanted"));
        }
    }
    let chunks: String = settings
        .into_iter()
        .flatten()
        .filter(|(name, _)| name.starts_with("createOptions"))
        .filter_map(|(_, value)| value.as_str())
        .collect();
    if !chunks.is_empty() && !serde_json::from_str::<Value>(&chunks).is_ok_and(|v| v.is_object()) {
        found.push(format!("{at}/settings/createOptions: no JSON object"));
    }
    let env = entry["env"].as_object();
    for (name, variable) in env.into_iter().flatten() {
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || "+#$.".contains(c)) {
            found.push(format!(
                "{at}/env/{name}: a name without `+`, `#`, `$`, `.` and white space is wanted"
            ));
        }
        let value = &variable["value"];
        if !(value.is_string() || value.is_number() || value.is_boolean()) {
            found.push(format!(
                "{at}/env/{name}: {{\"value\": text, number or boolean}} is wanted"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certify::deployment::MANIFEST;
    use serde_json::json;

    #[test]
    fn ids_paths_and_images() {
        for sound in ["edgeproof", "lab-7:x_(a)", "e".repeat(128).as_str()] {
            assert_eq!(deployment_id(sound), None, "{sound}");
        }
        for wrong in [
            "",
            "Lab",
            "a b",
            "a.b",
            "a/b",
            "a$b",
            "e".repeat(129).as_str(),
        ] {
            assert!(deployment_id(wrong).is_some(), "{wrong}");
        }
        assert_eq!(device_id("Pi4.01$"), None);
        for wrong in ["", "a/b", "a b", "ä", "d".repeat(129).as_str()] {
            assert!(device_id(wrong).is_some(), "{wrong}");
        }
        assert_eq!(device_path("--socket", "/run/user/7/docker.sock"), None);
        for wrong in ["", "docker.sock", "/a:/b", "/a/../b"] {
            assert!(device_path("--socket", wrong).is_some(), "{wrong}");
        }
        assert_eq!(image("lab.azurecr.io/edgeproof-agent:0.1.0"), None);
        for wrong in ["", "a b", "lab/UPPER:1", "a:"] {
            assert!(image(wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn what_is_shipped_is_taken() {
        let shipped: Value = serde_json::from_str(MANIFEST).unwrap();
        let shipped = shipped["modulesContent"].as_object().unwrap();
        assert_eq!(content(shipped), [""; 0]);
        assert_eq!(sizes(shipped), [""; 0]);
    }

    #[test]
    fn every_mistake_of_a_content_is_told_with_its_place() {
        let wrong = json!({
            "$edgeAgent": {"properties.desired.modules.m": {
                "settings": {"image": 7, "createOptions": "{", "digest": "d"},
                "env": {"A.B": {"value": "x"}, "C": {"value": null}, "D": "x"},
            }},
            "m": {"properties.desired.a": {"b#": "x".repeat(4097)}},
        });
        let told = content(wrong.as_object().unwrap());
        let places: Vec<&str> = told
            .iter()
            .filter_map(|line| line.split([':', ' ']).next())
            .collect();
        assert_eq!(
            places,
            [
                "/$edgeAgent/modules/m/env/A.B",
                "/$edgeAgent/modules/m/settings/image",
                "/$edgeAgent/modules/m/settings/digest",
                "/$edgeAgent/modules/m/settings/createOptions",
                "/$edgeAgent/modules/m/env/A.B",
                "/$edgeAgent/modules/m/env/C",
                "/$edgeAgent/modules/m/env/D",
                "/m/a/b#",
                "/m/a/b#",
            ],
            "{told:#?}"
        );
    }

    #[test]
    fn a_document_above_32_kib_is_told() {
        let many: Map<String, Value> = (0..9)
            .map(|n| (format!("m{n}"), json!("x".repeat(4000))))
            .collect();
        let large = json!({"$edgeAgent": {"properties.desired": many}});
        let told = sizes(large.as_object().unwrap());
        assert!(
            matches!(told.as_slice(), [one] if one.starts_with("/$edgeAgent has 36")),
            "{told:?}"
        );
    }
}
