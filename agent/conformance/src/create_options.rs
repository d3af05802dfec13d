//! The offer's createOptions: read from their text, checked against the engine's API, asked what they reach for.
//!
//! createOptions are the body of the engine's `ContainerCreate`, as IoT Edge passes it on. Source: Docker Engine API
//! reference 1.41 to 1.53; Microsoft Learn, "Learn how to deploy modules: configure container create options".

use serde_json::{Map, Value};

mod access;
mod capabilities;
mod check;
mod difference;
mod effective;
mod elevation;
mod gpu;
mod keys;
mod runtime;
mod volumes;

pub use access::{Access, Ask};
pub use capabilities::{is_dangerous, is_default, plain_name};
pub use difference::diff;
pub use effective::effective_privilege;
pub(crate) use elevation::is_reserved_label;
pub use gpu::{GpuAsk, gpu_asks, without_gpu};
pub use volumes::NamedVolume;

/// createOptions that the engine can read: every known key has a value of its type.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateOptions {
    raw: Value,
    canonical: Value,
    spelled: Vec<OptionMistake>,
    unknown: Vec<OptionMistake>,
}

/// Something wrong with one option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionMistake {
    /// JSON pointer into the createOptions; empty for the document itself.
    pub pointer: String,
    /// What is wrong, and the mend where one is known.
    pub message: String,
}

impl CreateOptions {
    /// Reads createOptions from their JSON text. An empty text, white space and `null` mean none.
    ///
    /// # Errors
    /// Every mistake for which the engine, or IoT Edge before it, would refuse the whole: no JSON, no object, values of
    /// another type, the same key twice. Keys that no engine knows are no error here: see [`CreateOptions::unknown_keys`].
    pub fn parse(text: &str) -> Result<CreateOptions, Vec<OptionMistake>> {
        let raw = if text.trim().is_empty() {
            Value::Null
        } else {
            serde_json::from_str(text).map_err(|error| vec![not_json(&error)])?
        };
        CreateOptions::from_value(raw)
    }

    /// Takes createOptions that are JSON already.
    ///
    /// # Errors
    /// As [`CreateOptions::parse`].
    pub fn from_value(raw: Value) -> Result<CreateOptions, Vec<OptionMistake>> {
        let raw = if raw.is_null() {
            Value::Object(Map::new())
        } else {
            raw
        };
        let checked = check::check(&raw);
        if checked.mistakes.is_empty() {
            Ok(CreateOptions {
                raw,
                canonical: checked.canonical,
                spelled: checked.spelled,
                unknown: checked.unknown,
            })
        } else {
            Err(checked.mistakes)
        }
    }

    /// The document as it was given, order kept.
    #[must_use]
    pub fn raw(&self) -> &Value {
        &self.raw
    }

    /// The document with every known key in its documented spelling: what the engine takes it for, as it reads keys
    /// without regard to case.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.canonical
    }

    /// Keys that the engine takes although they are spelled otherwise than documented.
    #[must_use]
    pub fn odd_spellings(&self) -> &[OptionMistake] {
        &self.spelled
    }

    /// Keys that no engine API from 1.41 to 1.53 knows, hence drops without a word.
    #[must_use]
    pub fn unknown_keys(&self) -> &[OptionMistake] {
        &self.unknown
    }
}

fn not_json(error: &serde_json::Error) -> OptionMistake {
    OptionMistake {
        pointer: String::new(),
        message: format!("not JSON: {error}"),
    }
}

/// A JSON pointer with one more step (RFC 6901).
pub(crate) fn step(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, mistakes: &[(&str, &str)]) {
        let found = CreateOptions::parse(text).err().unwrap_or_default();
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|mistake| (mistake.pointer.as_str(), mistake.message.as_str()))
            .collect();
        assert_eq!(found, mistakes, "{text}");
    }

    #[test]
    fn nothing_means_no_options() {
        for text in ["", "  \n", "null", "{}"] {
            let options = CreateOptions::parse(text).unwrap();
            assert_eq!(options.value(), &serde_json::json!({}), "{text:?}");
        }
    }

    #[test]
    fn text_that_is_no_json_is_told_with_its_place() {
        check(
            r#"{"HostConfig": {"#,
            &[(
                "",
                "not JSON: EOF while parsing an object at line 1 column 16",
            )],
        );
        check("[]", &[("", "is a list, wanted is an object")]);
    }

    #[test]
    fn every_value_of_another_type_is_told_with_its_pointer() {
        check(
            r#"{"Env": {"A": "b"}, "Cmd": "run", "HostConfig": {"Memory": "64m", "Privileged": "true",
                "PortBindings": {"80/tcp": [{"HostPort": 8080}]}, "Ulimits": [{"Name": "nofile", "Soft": 1.5}]}}"#,
            &[
                ("/Env", "is an object, wanted is a list of texts"),
                (
                    "/HostConfig/Memory",
                    "is a text, wanted is a whole number without quotes",
                ),
                (
                    "/HostConfig/Privileged",
                    "is a text, wanted is true or false without quotes",
                ),
                (
                    "/HostConfig/PortBindings/80~1tcp/0/HostPort",
                    "is a number, wanted is a text in quotes",
                ),
                (
                    "/HostConfig/Ulimits/0/Soft",
                    "is a number, wanted is a whole number without quotes",
                ),
            ],
        );
    }

    #[test]
    fn a_key_in_another_case_is_what_the_engine_takes_it_for() {
        let options = CreateOptions::parse(r#"{"hostconfig": {"privileged": true}}"#).unwrap();
        assert_eq!(
            options.value().pointer("/HostConfig/Privileged"),
            Some(&Value::Bool(true))
        );
        assert_eq!(options.odd_spellings().len(), 2);
        assert_eq!(options.raw().pointer("/HostConfig"), None);
    }

    #[test]
    fn the_same_key_in_two_cases_is_refused() {
        check(
            r#"{"HostConfig": {"Privileged": false, "privileged": true}}"#,
            &[(
                "/HostConfig/privileged",
                "is Privileged once more, in another case",
            )],
        );
    }

    #[test]
    fn unknown_keys_are_told_with_the_nearest_known_one() {
        let options = CreateOptions::parse(
            r#"{"HostConfig": {"PortBinding": {}, "Zzz": 1}, "Name": "x", "Binds": []}"#,
        )
        .unwrap();
        let told: Vec<String> = options
            .unknown_keys()
            .iter()
            .map(|mistake| format!("{}: {}", mistake.pointer, mistake.message))
            .collect();
        assert_eq!(
            told,
            [
                "/HostConfig/PortBinding: no engine API from 1.41 to 1.53 knows it; is PortBindings meant?",
                "/HostConfig/Zzz: no engine API from 1.41 to 1.53 knows it",
                "/Name: no engine API from 1.41 to 1.53 knows it; a module's name is its id in the deployment",
                "/Binds: no engine API from 1.41 to 1.53 knows it here; it belongs into HostConfig",
            ]
        );
    }

    #[test]
    fn order_and_unknown_values_are_kept() {
        let text = r#"{"Zeta":{"b":1,"a":[2.50]},"Env":["B=1","A=2"],"HostConfig":{"Memory":1}}"#;
        let options = CreateOptions::parse(text).unwrap();
        assert_eq!(
            serde_json::to_string(options.raw()).unwrap(),
            text.replace("2.50", "2.5")
        );
        assert_eq!(options.raw(), options.value());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}") {
            let _ = CreateOptions::parse(&text);
            let _ = CreateOptions::parse(&format!(r#"{{"HostConfig": {text}}}"#));
        }
    }
}
