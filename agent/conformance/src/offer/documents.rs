//! createOptions and twin in an offer file: an object, a string that holds JSON, or createOptions in numbered chunks.
//!
//! IoT Edge joins `createOptions`, `createOptions01` … `createOptions99` as raw text in numeric order; names match in any
//! case, and a gap is an error (`JsonEx.cs` of Azure/iotedge, class `ChunkedProperty`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::locate::compact;
use super::walk::{Object, Walk};

const CREATE_OPTIONS: &str = "createOptions";

/// The twin's text; empty where none is given.
pub(super) fn twin(walk: &mut Walk<'_>, plan: &Object<'_>) -> Option<String> {
    match Walk::optional(plan, "twin") {
        None => Some(String::new()),
        Some(value) => text_of(walk, value, &plan.pointer_of("twin")),
    }
}

/// The number of a createOptions chunk by its name: 0 for `createOptions` itself.
pub(super) fn chunk_number(name: &str) -> Option<u8> {
    let suffix = name
        .get(..CREATE_OPTIONS.len())
        .filter(|start| start.eq_ignore_ascii_case(CREATE_OPTIONS))
        .and_then(|start| name.strip_prefix(start))?;
    match suffix.as_bytes() {
        [] => Some(0),
        [tens, ones] if tens.is_ascii_digit() && ones.is_ascii_digit() && suffix != "00" => {
            suffix.parse().ok()
        }
        _ => None,
    }
}

/// The text of the createOptions, chunks joined; empty where none are given.
pub(super) fn create_options(walk: &mut Walk<'_>, plan: &Object<'_>) -> Option<String> {
    let chunks = chunks(walk, plan)?;
    match chunks.values().collect::<Vec<_>>().as_slice() {
        [] => Some(String::new()),
        [(name, value)] if chunks.contains_key(&0) => text_of(walk, value, &plan.pointer_of(name)),
        _ => joined(walk, plan, &chunks),
    }
}

/// Chunks by number, each with its name as written. The same number twice is a mistake.
fn chunks<'v>(
    walk: &mut Walk<'_>,
    plan: &Object<'v>,
) -> Option<BTreeMap<u8, (&'v str, &'v Value)>> {
    let mut chunks: BTreeMap<u8, (&str, &Value)> = BTreeMap::new();
    let mut twice = false;
    for (name, value) in plan.members {
        let Some(number) = chunk_number(name) else {
            continue;
        };
        if let Some((earlier, _)) = chunks.insert(number, (name, value)) {
            twice = true;
            walk.mistake(
                &plan.pointer_of(name),
                format!(
                    "`{name}` and `{earlier}` are the same name to IoT Edge, which ignores case"
                ),
                "keep one of them",
            );
        }
    }
    (!twice).then_some(chunks)
}

fn joined(
    walk: &mut Walk<'_>,
    plan: &Object<'_>,
    chunks: &BTreeMap<u8, (&str, &Value)>,
) -> Option<String> {
    let mistakes_before = walk.mistakes.len();
    for (expected, number) in (0..).zip(chunks.keys()) {
        if *number != expected {
            let missing = chunk_name(expected);
            let (name, _) = chunks[number];
            walk.mistake(
                &plan.pointer_of(&missing),
                format!("`{name}` is given, but `{missing}` is not"),
                "number the chunks without a gap: createOptions, createOptions01, createOptions02, …",
            );
            break;
        }
    }
    let mut text = String::new();
    for (name, value) in chunks.values() {
        if let Some(chunk) = walk.string(value, &plan.pointer_of(name)) {
            text.push_str(&chunk);
        }
    }
    (walk.mistakes.len() == mistakes_before).then_some(text)
}

fn chunk_name(number: u8) -> String {
    if number == 0 {
        CREATE_OPTIONS.to_owned()
    } else {
        format!("{CREATE_OPTIONS}{number:02}")
    }
}

/// An object keeps its members as written, double ones and long numbers included; only white space between them goes.
fn text_of(walk: &mut Walk<'_>, value: &Value, pointer: &str) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Object(_) => Some(
            walk.places
                .source(pointer)
                .map_or_else(|| value.to_string(), compact),
        ),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            walk.wrong_type(pointer, value, "an object, or a string that holds one");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(plan: &Value, expected: Result<&str, &[&str]>) {
        let text = plan.to_string();
        let mut walk = Walk::new(&text);
        let object = walk.object(plan, "").unwrap();
        let read = create_options(&mut walk, &object);
        let messages: Vec<String> = walk.mistakes.iter().map(ToString::to_string).collect();
        match expected {
            Ok(text) => {
                assert_eq!(read.as_deref(), Some(text));
                assert!(messages.is_empty(), "{messages:?}");
            }
            Err(parts) => {
                assert_eq!(read, None);
                assert_eq!(messages.len(), parts.len(), "{messages:?}");
                for (message, part) in messages.iter().zip(parts) {
                    assert!(message.contains(part), "{message} lacks {part}");
                }
            }
        }
    }

    #[test]
    fn create_options_are_taken_as_object_string_or_nothing() {
        check(
            &json!({"createOptions": {"A": [1, 2]}}),
            Ok(r#"{"A":[1,2]}"#),
        );
        check(&json!({"createOptions": "{ \"A\": 1"}), Ok("{ \"A\": 1"));
        check(&json!({"createOptions": null}), Ok(""));
        check(&json!({}), Ok(""));
        check(
            &json!({"createOptions": 3}),
            Err(&["a number stands instead of an object, or a string"]),
        );
    }

    #[test]
    fn chunks_are_joined_in_numeric_order_whatever_their_case() {
        check(
            &json!({"CREATEOPTIONS02": "}", "createoptions": "{\"A\"", "createOptions01": ":1"}),
            Ok("{\"A\":1}"),
        );
    }

    #[test]
    fn a_gap_in_the_numbers_is_a_mistake() {
        check(
            &json!({"createOptions": "{", "createOptions02": "}", "createOptions04": ""}),
            Err(&["`createOptions02` is given, but `createOptions01` is not"]),
        );
        check(
            &json!({"createOptions01": "{}"}),
            Err(&["`createOptions01` is given, but `createOptions` is not"]),
        );
    }

    #[test]
    fn chunks_that_are_no_strings_or_named_twice_are_mistakes() {
        check(
            &json!({"createOptions": {}, "createOptions01": 1}),
            Err(&[
                "an object stands instead of a string",
                "a number stands instead of a string",
            ]),
        );
        check(
            &json!({"createOptions": "{", "CreateOptions": "}"}),
            Err(&["the same name to IoT Edge"]),
        );
    }

    #[test]
    fn only_two_digits_make_a_chunk() {
        for (name, number) in [
            ("createOptions", Some(0)),
            ("createoptions99", Some(99)),
            ("createOptions1", None),
            ("createOptions00", None),
            ("createOptions100", None),
            ("createOptionsé", None),
            ("create", None),
        ] {
            assert_eq!(chunk_number(name), number, "{name}");
        }
    }
}
