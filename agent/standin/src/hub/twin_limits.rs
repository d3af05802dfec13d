//! What a twin document may hold; the same rules for desired and reported properties.
//!
//! Sources: "Understand and use device twins in IoT Hub" (Microsoft Learn) and Azure/iotedge
//! `ReportedPropertiesValidator.cs`. The size is that of the compact JSON text, as edgeHub counts it.

use serde_json::{Map, Number, Value};
use thiserror::Error;

/// Largest document in bytes.
const DOCUMENT: usize = 32 * 1024;
/// Levels of objects and arrays below the document itself.
const DEPTH: usize = 10;
/// Longest string value in bytes.
const STRING: usize = 4096;
/// Longest property name in bytes.
const NAME: usize = 1024;
/// Integers must lie in −2^52 … 2^52 − 1.
const LEAST_INTEGER: i64 = -(1 << 52);
const GREATEST_INTEGER: i64 = (1 << 52) - 1;

/// Why a twin refuses a document; `at` is a path of names joined by `/`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TwinError {
    /// The text is not JSON.
    #[error("the document is not JSON: {0}")]
    NotJson(String),
    /// The outermost value is not an object.
    #[error("the document is not a JSON object")]
    NotAnObject,
    /// Too many levels.
    #[error("`{at}` is nested deeper than {DEPTH} levels")]
    TooDeep {
        /// Where.
        at: String,
    },
    /// A name is empty, too long, or has a forbidden character.
    #[error(
        "the property name `{name}` is empty, longer than {NAME} bytes, or has a control character, white space, `.`, `$` or `#`"
    )]
    Name {
        /// The name, shortened.
        name: String,
    },
    /// A string is too long.
    #[error("`{at}` holds a string of {bytes} bytes; the limit is {STRING}")]
    StringTooLong {
        /// Where.
        at: String,
        /// Its length in bytes.
        bytes: usize,
    },
    /// An integer is out of range.
    #[error("`{at}` holds the integer {value}, which is outside -2^52 to 2^52-1")]
    IntegerRange {
        /// Where.
        at: String,
        /// The integer as written.
        value: String,
    },
    /// `null` inside an array.
    #[error("`{at}` holds a null inside an array")]
    NullInArray {
        /// Where.
        at: String,
    },
    /// The merged document is too large.
    #[error("the document would have {bytes} bytes; the limit is {DOCUMENT}")]
    TooLarge {
        /// Its size in bytes as compact JSON.
        bytes: usize,
    },
}

/// Reads a patch from the body of a message.
pub(crate) fn parse(body: &[u8]) -> Result<Value, TwinError> {
    serde_json::from_slice(body).map_err(|error| TwinError::NotJson(error.to_string()))
}

/// Holds a patch to the limits of its parts, and gives it back as an object.
pub(crate) fn check_patch(patch: &Value) -> Result<&Map<String, Value>, TwinError> {
    let object = patch.as_object().ok_or(TwinError::NotAnObject)?;
    check_object(object, &mut Vec::new())?;
    Ok(object)
}

/// Holds a whole document to the size limit.
pub(crate) fn check_size(document: &Map<String, Value>) -> Result<(), TwinError> {
    let bytes = serde_json::to_string(document).map_or(usize::MAX, |text| text.len());
    if bytes > DOCUMENT {
        return Err(TwinError::TooLarge { bytes });
    }
    Ok(())
}

fn check_object<'a>(
    object: &'a Map<String, Value>,
    path: &mut Vec<&'a str>,
) -> Result<(), TwinError> {
    for (name, value) in object {
        check_name(name)?;
        path.push(name);
        check_value(value, path)?;
        path.pop();
    }
    Ok(())
}

fn check_value<'a>(value: &'a Value, path: &mut Vec<&'a str>) -> Result<(), TwinError> {
    let at = |path: &[&str]| path.join("/");
    match value {
        Value::Null | Value::Bool(_) => Ok(()),
        Value::Number(number) => check_number(number, path),
        Value::String(text) if text.len() > STRING => Err(TwinError::StringTooLong {
            at: at(path),
            bytes: text.len(),
        }),
        Value::String(_) => Ok(()),
        Value::Array(_) | Value::Object(_) if path.len() > DEPTH => {
            Err(TwinError::TooDeep { at: at(path) })
        }
        Value::Object(object) => check_object(object, path),
        Value::Array(items) => items.iter().try_for_each(|item| {
            if item.is_null() {
                return Err(TwinError::NullInArray { at: at(path) });
            }
            path.push("[]");
            let checked = check_value(item, path);
            path.pop();
            checked
        }),
    }
}

fn check_name(name: &str) -> Result<(), TwinError> {
    let forbidden = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '.' | '$' | '#');
    if name.is_empty() || name.len() > NAME || name.contains(forbidden) {
        return Err(TwinError::Name {
            name: name.chars().take(64).collect(),
        });
    }
    Ok(())
}

fn check_number(number: &Number, path: &[&str]) -> Result<(), TwinError> {
    let in_range = match (number.as_i64(), number.as_u64()) {
        (Some(integer), _) => (LEAST_INTEGER..=GREATEST_INTEGER).contains(&integer),
        (None, Some(_)) => false,
        (None, None) => true,
    };
    if in_range {
        return Ok(());
    }
    Err(TwinError::IntegerRange {
        at: path.join("/"),
        value: number.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!({"property": "value"}), |inner, _| json!({"n": inner}))
    }

    fn check(patch: &Value) -> Result<(), TwinError> {
        check_patch(patch).map(|_| ())
    }

    #[test]
    fn ten_levels_are_allowed_and_eleven_are_not() {
        assert_eq!(check(&nested(10)), Ok(()));
        assert!(matches!(check(&nested(11)), Err(TwinError::TooDeep { .. })));
    }

    #[test]
    fn a_string_may_have_4096_bytes() {
        assert_eq!(check(&json!({"s": "x".repeat(4096)})), Ok(()));
        assert_eq!(
            check(&json!({"a": {"s": "x".repeat(4097)}})),
            Err(TwinError::StringTooLong {
                at: "a/s".to_owned(),
                bytes: 4097
            })
        );
        assert!(
            check(&json!({"s": "\u{e9}".repeat(2049)})).is_err(),
            "bytes count, not characters"
        );
    }

    #[test]
    fn integers_lie_within_52_bits_and_fractions_are_free() {
        assert_eq!(
            check(
                &json!({"i": 4_503_599_627_370_495_i64, "j": -4_503_599_627_370_496_i64, "f": 1e300})
            ),
            Ok(())
        );
        for bad in [
            json!(4_503_599_627_370_496_i64),
            json!(-4_503_599_627_370_497_i64),
            json!(u64::MAX),
        ] {
            assert!(matches!(
                check(&json!({"i": bad})),
                Err(TwinError::IntegerRange { .. })
            ));
        }
    }

    #[test]
    fn names_have_no_dots_dollars_hashes_spaces_or_controls() {
        for bad in ["a.b", "$version", "a#", "a b", "a\u{7}", "", "a\u{a0}b"] {
            assert!(
                matches!(check(&json!({ bad: 1 })), Err(TwinError::Name { .. })),
                "{bad:?}"
            );
        }
        assert_eq!(check(&json!({"n".repeat(1024): 1})), Ok(()));
        assert!(check(&json!({"n".repeat(1025): 1})).is_err());
        assert!(
            check(&json!({"a": [{"b.c": 1}]})).is_err(),
            "objects inside arrays count"
        );
    }

    #[test]
    fn arrays_hold_anything_but_null() {
        assert_eq!(check(&json!({"a": [1, "x", {"b": null}, [true]]})), Ok(()));
        assert_eq!(
            check(&json!({"a": [1, null]})),
            Err(TwinError::NullInArray { at: "a".to_owned() })
        );
    }

    #[test]
    fn only_objects_are_documents() {
        assert_eq!(check(&json!([1])), Err(TwinError::NotAnObject));
        assert_eq!(check(&Value::Null), Err(TwinError::NotAnObject));
        assert!(matches!(parse(b""), Err(TwinError::NotJson(_))));
        assert!(matches!(
            parse(&[b'['; 100_000]),
            Err(TwinError::NotJson(_))
        ));
    }

    proptest! {
        #[test]
        fn any_body_is_answered(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = parse(&body) {
                let _ = check(&value);
            }
        }
    }
}
