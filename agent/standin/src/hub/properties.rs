//! The property bag at the end of a telemetry topic: `key=value` pairs joined by `&`, percent-encoded.
//!
//! System properties begin with `$.` (raw or encoded); a key without `=` carries no value; `+` is a
//! plus. Names on the wire: Azure/iotedge, `SystemProperties.cs`.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use thiserror::Error;

use super::identity::Identity;

/// Name of the system property that carries a module's output.
const OUTPUT: &str = "$.on";

/// Names of the system properties that edgeHub adds on the way to a module.
const SENDER_DEVICE: &str = "$.cdid";
const SENDER_MODULE: &str = "$.cmid";

/// What stands for itself in a property bag: the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Properties of one message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties {
    /// System properties under their names on the wire, such as `$.ct`; `None` where the sender gave no value.
    pub system: BTreeMap<String, Option<String>>,
    /// Application properties; `None` where the sender gave no value.
    pub application: BTreeMap<String, Option<String>>,
}

impl Properties {
    /// Output that a module sent on, where it named one.
    pub(crate) fn output(&self) -> Option<String> {
        self.system.get(OUTPUT).cloned().flatten()
    }

    /// As edgeHub hands them on: with the sender's device and module.
    pub(crate) fn delivered(&self, from: &Identity) -> Self {
        let mut delivered = self.clone();
        let (device, module) = match from {
            Identity::Device { device } => (device, None),
            Identity::Module { device, module } => (device, Some(module)),
        };
        let mut add = |name: &str, value: &String| {
            let value = Some(value.clone());
            delivered.system.insert(name.to_owned(), value);
        };
        add(SENDER_DEVICE, device);
        if let Some(module) = module {
            add(SENDER_MODULE, module);
        }
        delivered
    }

    /// The bag at the end of a topic, every name and value encoded.
    pub(crate) fn encode(&self) -> String {
        let escape = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
        let pairs = self.system.iter().chain(&self.application);
        let pairs = pairs.map(|(name, value)| match value {
            Some(value) => format!("{}={}", escape(name), escape(value)),
            None => escape(name),
        });
        pairs.collect::<Vec<_>>().join("&")
    }

    /// Bytes that count towards the message limit: system values, application names and values
    /// ("Create and read IoT Hub messages").
    pub(crate) fn size(&self) -> usize {
        let value = |v: &Option<String>| v.as_ref().map_or(0, String::len);
        let system: usize = self.system.values().map(value).sum();
        let application: usize = self
            .application
            .iter()
            .map(|(k, v)| k.len() + value(v))
            .sum();
        system + application
    }
}

/// Why a bag could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum BagError {
    #[error("property `{0}` has a broken percent escape")]
    Escape(String),
    #[error("property `{0}` is not UTF-8 once decoded")]
    Utf8(String),
    #[error("a property has no name")]
    NoName,
}

/// Decodes a bag; the last of two equal names wins.
pub(crate) fn decode(bag: &str) -> Result<Properties, BagError> {
    let mut properties = Properties::default();
    for pair in bag.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = match pair.split_once('=') {
            Some((name, value)) => (plain(name)?, Some(plain(value)?)),
            None => (plain(pair)?, None),
        };
        if name.is_empty() {
            return Err(BagError::NoName);
        }
        let side = if name.starts_with("$.") {
            &mut properties.system
        } else {
            &mut properties.application
        };
        side.insert(name, value);
    }
    Ok(properties)
}

fn plain(text: &str) -> Result<String, BagError> {
    let whole_escapes = text.split('%').skip(1).all(|rest| {
        let hex = rest.as_bytes().get(..2);
        hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    });
    if !whole_escapes {
        return Err(BagError::Escape(text.to_owned()));
    }
    let decoded = percent_decode_str(text).decode_utf8();
    decoded
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| BagError::Utf8(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn system_properties_may_come_raw_or_encoded() {
        for bag in [
            "$.on=out&$.ct=application%2Fjson&a=b",
            "%24.on=out&%24.ct=application%2Fjson&a=b",
        ] {
            let p = decode(bag).unwrap();
            assert_eq!(p.output().as_deref(), Some("out"));
            assert_eq!(p.system["$.ct"].as_deref(), Some("application/json"));
            assert_eq!(p.application["a"].as_deref(), Some("b"));
        }
    }

    #[test]
    fn no_value_differs_from_an_empty_value_and_plus_stays() {
        let p = decode("none&empty=&sum=1+1=2").unwrap();
        assert_eq!(p.application["none"], None);
        assert_eq!(p.application["empty"].as_deref(), Some(""));
        assert_eq!(p.application["sum"].as_deref(), Some("1+1=2"));
    }

    #[test]
    fn broken_bags_are_named() {
        assert_eq!(decode("a=%zz"), Err(BagError::Escape("%zz".to_owned())));
        assert_eq!(decode("a=%4"), Err(BagError::Escape("%4".to_owned())));
        assert_eq!(decode("a=%ff"), Err(BagError::Utf8("%ff".to_owned())));
        assert_eq!(decode("=x"), Err(BagError::NoName));
    }

    #[test]
    fn what_is_handed_on_names_its_sender() {
        let sent = decode("$.on=out&a=b%26c&none").unwrap();
        let delivered = sent.delivered(&Identity::module("d1", "m1"));
        assert_eq!(
            delivered.encode(),
            "%24.cdid=d1&%24.cmid=m1&%24.on=out&a=b%26c&none"
        );
    }

    #[test]
    fn size_counts_system_values_and_application_names_and_values() {
        assert_eq!(decode("$.on=four&ab=cde").unwrap().size(), 4 + 5);
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in any::<String>()) {
            let _ = decode(&text);
        }

        #[test]
        fn written_properties_read_back(map in proptest::collection::btree_map("[^$\0][^\0]{0,10}", any::<String>(), 0..6)) {
            let wanted: BTreeMap<_, _> = map.into_iter().map(|(k, v)| (k, Some(v))).collect();
            let written = Properties { application: wanted.clone(), ..Properties::default() };
            let read = decode(&written.encode()).unwrap().application;
            prop_assert_eq!(read, wanted);
        }
    }
}
