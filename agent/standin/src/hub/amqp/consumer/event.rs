//! A message as a reader of the Event Hubs-compatible endpoint gets it. Pure.
//!
//! Which of a device's properties is which: "Read device-to-cloud messages from the built-in endpoint" and "Create and read IoT Hub
//! messages" (Microsoft Learn).

use super::super::message::Message;
use super::super::value::Value;
use crate::hub::identity::Identity;
use crate::hub::stream::Kept;

/// System properties that go into annotations under names of IoT Hub's.
const ANNOTATED: [(&str, &str); 4] = [
    ("$.schema", "iothub-message-schema"),
    ("$.ctime", "iothub-creation-time-utc"),
    ("$.ifid", "iothub-interface-id"),
    ("$.sub", "dt-subject"),
];

pub(super) fn message(kept: &Kept) -> Message {
    let mut message = Message::carried(&kept.properties, &kept.body);
    let system = |name: &str| kept.properties.system.get(name).cloned().flatten();
    let time = Value::Timestamp(signed(kept.enqueued));
    let (device, module) = match &kept.sender {
        Identity::Device { device } => (device, None),
        Identity::Module { device, module } => (device, Some(module)),
    };
    let mut annotations = vec![
        ("x-opt-sequence-number", Value::Long(signed(kept.sequence))),
        ("x-opt-offset", Value::text(&kept.offset.to_string())),
        ("x-opt-enqueued-time", time.clone()),
        ("x-opt-partition-key", Value::text(device)),
        ("iothub-connection-device-id", Value::text(device)),
        ("iothub-enqueuedtime", time),
        ("iothub-message-source", Value::text("Telemetry")),
    ];
    if let Some(module) = module {
        annotations.push(("iothub-connection-module-id", Value::text(module)));
    }
    for (ours, theirs) in ANNOTATED {
        if let Some(value) = system(ours) {
            annotations.push((theirs, Value::String(value)));
        }
    }
    let annotations = annotations.into_iter();
    message.annotations = Value::Map(
        annotations
            .map(|(name, value)| (Value::symbol(name), value))
            .collect(),
    );
    let application = kept.properties.application.iter();
    // A property without a value is an empty text, as IoT Hub has it in its messages' routes.
    let application: Vec<(Value, Value)> = application
        .map(|(name, value)| {
            let value = value.as_deref().unwrap_or_default();
            (Value::text(name), Value::text(value))
        })
        .collect();
    if !application.is_empty() {
        message.application = Value::Map(application);
    }
    message
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
