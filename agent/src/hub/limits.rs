//! What a hub accepts, checked before anything is sent, so that a mistake is an error of the
//! caller with its place and not a cut link. Pure.
//!
//! Sources: Microsoft Learn, "Understand and use device twins in IoT Hub" and "IoT Hub quotas and
//! throttling"; `ReportedPropertiesValidator.cs` of Azure/iotedge, which says it mirrors IoT Hub.

use serde_json::Value;

/// Largest MQTT PUBLISH: edgeHub's decoder closes the link above it, and IoT Hub's message limit
/// is the same number of bytes.
pub const MAX_MESSAGE_BYTES: usize = 262_144;

/// Largest change of reported properties, as JSON text.
pub const MAX_REPORTED_BYTES: usize = 32 * 1024;

/// Largest result of a direct method, as JSON text.
pub const MAX_METHOD_RESULT_BYTES: usize = 128 * 1024;

/// Largest payload of a direct method, as JSON text.
pub(super) const MAX_METHOD_PAYLOAD_BYTES: usize = 128 * 1024;

/// Largest change of desired properties that is read: twice what a twin's desired properties may have. What is larger is of no
/// hub that keeps its own limits, and becomes many times as large in memory.
pub(super) const MAX_DESIRED_BYTES: usize = 64 * 1024;

/// The parts of a QoS 1 PUBLISH besides topic and body: fixed header with the longest length that
/// such a packet needs (1 + 3), the topic's length (2), the packet id (2).
const PUBLISH_OVERHEAD: usize = 8;

const MAX_DEPTH: usize = 10;
const MAX_STRING_BYTES: usize = 4096;
const MAX_NAME_BYTES: usize = 1024;
const MAX_INTEGER: u64 = 1 << 52;

/// Bytes that a message takes on the wire.
pub(super) fn message_size(topic: &str, body: &[u8]) -> usize {
    topic.len() + body.len() + PUBLISH_OVERHEAD
}

/// What a hub would refuse in `patch`, each with its JSON pointer; empty when all is well.
pub(super) fn reported_mistakes(patch: &Value) -> Vec<String> {
    let mut mistakes = Vec::new();
    if patch.is_object() {
        walk("", patch, 0, &mut mistakes);
    } else {
        mistakes.push("reported properties are not a JSON object".to_owned());
    }
    mistakes
}

fn walk(at: &str, value: &Value, depth: usize, mistakes: &mut Vec<String>) {
    if depth > MAX_DEPTH {
        mistakes.push(format!("{at}: nested deeper than {MAX_DEPTH} levels"));
        return;
    }
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => {
            let magnitude = number.as_i64().map(i64::unsigned_abs).or(number.as_u64());
            if magnitude.is_some_and(|m| m >= MAX_INTEGER) {
                mistakes.push(format!("{at}: {number} is beyond 52 bits"));
            }
        }
        Value::String(text) => {
            if text.len() > MAX_STRING_BYTES {
                let length = text.len();
                mistakes.push(format!(
                    "{at}: text of {length} bytes, at most {MAX_STRING_BYTES}"
                ));
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let at = format!("{at}/{index}");
                if item.is_null() {
                    mistakes.push(format!("{at}: null inside an array"));
                }
                walk(&at, item, depth + 1, mistakes);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                check_name(&at, name, mistakes);
                walk(&at, member, depth + 1, mistakes);
            }
        }
    }
}

fn check_name(at: &str, name: &str, mistakes: &mut Vec<String>) {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        mistakes.push(format!("{at}: a name has 1 to {MAX_NAME_BYTES} bytes"));
    }
    let forbidden = |c: &char| c.is_control() || c.is_whitespace() || ".$#".contains(*c);
    if let Some(bad) = name.chars().find(forbidden) {
        mistakes.push(format!("{at}: a name must not contain {bad:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_ordinary_report_is_accepted() {
        let patch = json!({"conformance": {"state": "running", "old": null, "counts": [1, 2.5]}});
        assert!(reported_mistakes(&patch).is_empty());
    }

    #[test]
    fn every_mistake_is_named_with_its_place() {
        let patch = json!({
            "a.b": 1, "": 0, "list": [null], "big": 1u64 << 52, "small": -(1i64 << 53),
            "text": "x".repeat(4097), "with/slash": {"$x": 1},
        });
        let found = reported_mistakes(&patch);
        let places: Vec<_> = found.iter().map(|m| m.split(':').next().unwrap()).collect();
        assert_eq!(
            places,
            [
                "/a.b",
                "/",
                "/list/0",
                "/big",
                "/small",
                "/text",
                "/with~1slash/$x"
            ]
        );
    }

    #[test]
    fn the_tenth_level_is_accepted_and_the_eleventh_is_not() {
        let nest = |levels| (0..levels).fold(json!(1), |inner, _| json!({ "n": inner }));
        assert!(reported_mistakes(&nest(10)).is_empty());
        assert_eq!(reported_mistakes(&nest(11)).len(), 1);
    }

    #[test]
    fn only_an_object_is_a_patch() {
        assert_eq!(reported_mistakes(&json!([])).len(), 1);
    }
}
