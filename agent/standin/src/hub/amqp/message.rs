//! Messages of AMQP 1.0 (OASIS AMQP 1.0, part 3, 3.2): sections to fields and back, and what of it IoT Hub calls properties.
//!
//! Which field is which property: Azure/iotedge, `AmqpMessageConverter.cs`. Pure.

use bytes::Bytes;

use super::reader::{Reader, ValueError};
use super::value::Value;
use crate::hub::properties::Properties;

const HEADER: u64 = 0x70;
const DELIVERY_ANNOTATIONS: u64 = 0x71;
const ANNOTATIONS: u64 = 0x72;
const PROPERTIES: u64 = 0x73;
const APPLICATION: u64 = 0x74;
const DATA: u64 = 0x75;
const SEQUENCE: u64 = 0x76;
const VALUE: u64 = 0x77;
const FOOTER: u64 = 0x78;

/// Places in the list of properties.
const MESSAGE_ID: usize = 0;
const USER_ID: usize = 1;
const TO: usize = 2;
const CORRELATION_ID: usize = 5;
const CONTENT_TYPE: usize = 6;
const CONTENT_ENCODING: usize = 7;
const EXPIRES: usize = 8;
const PROPERTY_COUNT: usize = 9;

/// Application properties that IoT Hub takes as its own, and what they are called on the wire of MQTT.
const OWN: [(&str, &str); 4] = [
    ("iothub-outputname", "$.on"),
    ("iothub-message-schema", "$.schema"),
    ("iothub-creation-time-utc", "$.ctime"),
    ("iothub-operation", "iothub-operation"),
];

/// Annotations that IoT Hub takes as its own.
const OWN_ANNOTATIONS: [(&str, &str); 2] =
    [("iothub-interface-id", "$.ifid"), ("dt-subject", "$.sub")];

/// A message; a section that it lacks is null.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    pub(crate) annotations: Value,
    pub(crate) properties: Vec<Value>,
    pub(crate) application: Value,
    pub(crate) body: Body,
}

/// What a message carries.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    /// Sections of bytes; most messages have one.
    Data(Vec<Bytes>),
    Value(Value),
}

/// Why a message cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MessageError {
    #[error(transparent)]
    Value(#[from] ValueError),
    #[error("a message holds something that is no section")]
    NoSection,
}

impl Message {
    /// A message with these bytes and nothing else.
    pub(crate) fn new(body: &[u8]) -> Self {
        Self {
            annotations: Value::Null,
            properties: Vec::new(),
            application: Value::Null,
            body: Body::Data(vec![Bytes::copy_from_slice(body)]),
        }
    }

    pub(crate) fn correlated(mut self, id: Value) -> Self {
        self.set(CORRELATION_ID, id);
        self
    }

    /// Reads a message's sections.
    ///
    /// # Errors
    /// When the bytes are no message.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut message = Self {
            annotations: Value::Null,
            properties: Vec::new(),
            application: Value::Null,
            body: Body::Value(Value::Null),
        };
        let mut data = Vec::new();
        let mut reader = Reader::new(bytes);
        while !reader.rest().is_empty() {
            let Value::Described(both) = reader.value()? else {
                return Err(MessageError::NoSection);
            };
            match *both {
                (Value::Ulong(ANNOTATIONS), map @ Value::Map(_)) => message.annotations = map,
                (Value::Ulong(PROPERTIES), Value::List(fields)) => message.properties = fields,
                (Value::Ulong(APPLICATION), map @ Value::Map(_)) => message.application = map,
                (Value::Ulong(DATA), Value::Binary(bytes)) => data.push(bytes),
                (Value::Ulong(VALUE), value) => message.body = Body::Value(value),
                (Value::Ulong(HEADER | DELIVERY_ANNOTATIONS | FOOTER | SEQUENCE), _) => {}
                _ => return Err(MessageError::NoSection),
            }
        }
        if !data.is_empty() {
            message.body = Body::Data(data);
        }
        Ok(message)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut section = |code, value: Value| {
            Value::Described(Box::new((Value::Ulong(code), value))).write(&mut out);
        };
        if self.annotations != Value::Null {
            section(ANNOTATIONS, self.annotations.clone());
        }
        if !self.properties.is_empty() {
            section(PROPERTIES, Value::List(self.properties.clone()));
        }
        if self.application != Value::Null {
            section(APPLICATION, self.application.clone());
        }
        match &self.body {
            Body::Data(parts) => {
                for part in parts {
                    section(DATA, Value::Binary(part.clone()));
                }
            }
            Body::Value(value) => section(VALUE, value.clone()),
        }
        out
    }

    /// The bytes that it carries; those of a text where that is its body, as a token is sent.
    pub(crate) fn payload(&self) -> Bytes {
        match &self.body {
            Body::Data(parts) => match parts.as_slice() {
                [only] => only.clone(),
                parts => parts.concat().into(),
            },
            Body::Value(Value::Binary(bytes)) => bytes.clone(),
            Body::Value(value) => {
                let text = value.as_text().unwrap_or_default();
                Bytes::copy_from_slice(text.as_bytes())
            }
        }
    }

    pub(crate) fn message_id(&self) -> Value {
        self.property(MESSAGE_ID).clone()
    }

    /// The correlation id in words; absent where there is none or an empty one.
    pub(crate) fn correlation(&self) -> Option<String> {
        let id = self.property(CORRELATION_ID).identifier();
        id.filter(|id| !id.trim().is_empty())
    }

    /// An annotation that is text.
    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name)?.as_text()
    }

    fn property(&self, place: usize) -> &Value {
        self.properties.get(place).unwrap_or(&Value::Null)
    }

    fn set(&mut self, place: usize, value: Value) {
        self.properties.resize(PROPERTY_COUNT, Value::Null);
        self.properties[place] = value;
    }

    /// System and application properties as IoT Hub takes them; an application property that is no text has no value there.
    pub(crate) fn iot_properties(&self) -> Properties {
        let mut read = Properties::default();
        let fields = [
            ("$.mid", MESSAGE_ID),
            ("$.uid", USER_ID),
            ("$.to", TO),
            ("$.cid", CORRELATION_ID),
            ("$.ct", CONTENT_TYPE),
            ("$.ce", CONTENT_ENCODING),
            ("$.exp", EXPIRES),
        ];
        for (name, place) in fields {
            let property = self.property(place);
            let value = if let Value::Timestamp(millis) = property {
                Some(millis.to_string())
            } else {
                property.identifier()
            };
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                read.system.insert(name.to_owned(), Some(value));
            }
        }
        for (theirs, ours) in OWN_ANNOTATIONS {
            if let Some(value) = self.annotation(theirs) {
                read.system.insert(ours.to_owned(), Some(value.to_owned()));
            }
        }
        let Value::Map(pairs) = &self.application else {
            return read;
        };
        for (name, value) in pairs {
            let Some(name) = name.as_text() else { continue };
            let value = value.as_text().map(str::to_owned);
            match OWN.iter().find(|(theirs, _)| *theirs == name) {
                Some((_, ours)) => read.system.insert((*ours).to_owned(), value),
                None => read.application.insert(name.to_owned(), value),
            };
        }
        read
    }

    /// A message that a module sent, on its way to a reader: its body, and of its system properties those that have a place of
    /// their own in AMQP.
    pub(super) fn carried(properties: &Properties, body: &[u8]) -> Self {
        let system = |name: &str| properties.system.get(name).cloned().flatten();
        let mut message = Self::new(body);
        let fields = [
            ("$.mid", MESSAGE_ID),
            ("$.to", TO),
            ("$.cid", CORRELATION_ID),
        ];
        for (name, place) in fields {
            if let Some(value) = system(name) {
                message.set(place, Value::String(value));
            }
        }
        if let Some(user) = system("$.uid") {
            message.set(USER_ID, Value::Binary(user.into()));
        }
        for (name, place) in [("$.ct", CONTENT_TYPE), ("$.ce", CONTENT_ENCODING)] {
            if let Some(value) = system(name) {
                message.set(place, Value::Symbol(value));
            }
        }
        message
    }

    /// A message to an input, with the properties that edgeHub hands on.
    pub(crate) fn to_input(input: &str, properties: &Properties, body: &[u8]) -> Self {
        let system = |name: &str| properties.system.get(name).cloned().flatten();
        let mut message = Self::carried(properties, body);
        let mut annotations = vec![(Value::symbol("x-opt-input-name"), Value::text(input))];
        let senders = [
            ("$.cdid", "iothub-connection-device-id"),
            ("$.cmid", "iothub-connection-module-id"),
            ("$.sub", "dt-subject"),
        ];
        for (ours, theirs) in senders {
            if let Some(value) = system(ours) {
                annotations.push((Value::symbol(theirs), Value::String(value)));
            }
        }
        message.annotations = Value::Map(annotations);
        let own = OWN.iter().filter(|(_, ours)| *ours != "$.on");
        let own = own.filter_map(|(theirs, ours)| Some((*theirs, system(ours)?)));
        let mut application: Vec<(Value, Value)> = own
            .map(|(name, value)| (Value::text(name), Value::String(value)))
            .collect();
        for (name, value) in &properties.application {
            let value = value.clone().map_or(Value::Null, Value::String);
            application.push((Value::text(name), value));
        }
        if !application.is_empty() {
            message.application = Value::Map(application);
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sent() -> Message {
        let mut message = Message::new(b"21.5");
        message.set(MESSAGE_ID, Value::text("m-1"));
        message.set(CONTENT_TYPE, Value::symbol("application/json"));
        message.application = Value::Map(vec![
            (Value::text("iothub-outputname"), Value::text("out")),
            (Value::text("a"), Value::text("")),
            (Value::text("n"), Value::Int(5)),
        ]);
        message
    }

    #[test]
    fn a_message_reads_back_as_it_was_written() {
        let message = sent().correlated(Value::Uuid([1; 16]));
        assert_eq!(Message::parse(&message.bytes()), Ok(message));
    }

    #[test]
    fn properties_are_those_that_edge_hub_takes() {
        let read = sent().iot_properties();
        assert_eq!(read.output().as_deref(), Some("out"));
        assert_eq!(read.system["$.mid"].as_deref(), Some("m-1"));
        assert_eq!(read.system["$.ct"].as_deref(), Some("application/json"));
        assert_eq!(read.application["a"].as_deref(), Some(""));
        // edgeHub takes texts alone.
        assert_eq!(read.application["n"], None);
    }

    #[test]
    fn a_message_to_an_input_names_input_and_sender_and_keeps_what_was_sent() {
        let from = crate::hub::Identity::module("d", "sensor");
        let properties = sent().iot_properties().delivered(&from);
        let message = Message::to_input("in1", &properties, b"21.5");
        assert_eq!(message.annotation("x-opt-input-name"), Some("in1"));
        assert_eq!(
            message.annotation("iothub-connection-module-id"),
            Some("sensor")
        );
        let read = Message::parse(&message.bytes()).unwrap().iot_properties();
        assert_eq!(read.system["$.mid"].as_deref(), Some("m-1"));
        assert_eq!(read.application, sent().iot_properties().application);
        // The sender's output is no business of the receiver.
        assert_eq!(read.output(), None);
    }

    #[test]
    fn a_text_may_be_a_value_and_data_may_come_in_parts() {
        let mut message = Message::new(b"");
        message.body = Body::Value(Value::text("token"));
        let read = Message::parse(&message.bytes()).unwrap();
        assert_eq!(read.payload(), Bytes::from_static(b"token"));
        message.body = Body::Data(vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")]);
        let read = Message::parse(&message.bytes()).unwrap();
        assert_eq!(read.payload(), Bytes::from_static(b"ab"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in any::<Vec<u8>>()) {
            let _ = Message::parse(&bytes);
        }
    }
}
