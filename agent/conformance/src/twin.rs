//! What a twin's desired properties may hold: every mistake with its place, all at once.
//!
//! Sources: "Understand and use module twins in IoT Hub", Microsoft Learn, and `ReportedPropertiesValidator.cs` of
//! Azure/iotedge, which says that it mirrors IoT Hub. The size is that of the compact JSON text.

use serde_json::{Map, Number, Value};

/// Largest document in bytes.
pub const DOCUMENT: usize = 32 * 1024;
/// Levels of objects and arrays below the document itself.
const DEPTH: usize = 10;
/// Longest text in bytes.
const TEXT: usize = 4096;
/// Longest name in bytes.
const NAME: usize = 1024;
/// Integers lie in −2^52 … 2^52 − 1.
const INTEGERS: std::ops::RangeInclusive<i64> = -(1 << 52)..=(1 << 52) - 1;

/// Something that IoT Hub refuses in a twin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// JSON pointer into the document (RFC 6901); empty for the document as a whole.
    pub pointer: String,
    /// What is wrong there, to be read behind the pointer.
    pub saw: String,
    /// What to do about it.
    pub mend: &'static str,
}

/// Every mistake in a document of desired properties, in its own order.
#[must_use]
pub fn mistakes(document: &Map<String, Value>) -> Vec<Mistake> {
    let mut found = Vec::new();
    members(document, "", 1, &mut found);
    let bytes = Value::Object(document.clone()).to_string().len();
    if bytes > DOCUMENT {
        found.push(Mistake {
            pointer: String::new(),
            saw: format!("has {bytes} bytes as compact JSON; a twin takes {DOCUMENT}"),
            mend: "keep what is large out of the twin: a blob or a file, with its address in the twin",
        });
    }
    found
}

/// Members of an object; what they hold lies on this level. JSON readers bound the depth of a document, and so of this walk.
fn members(object: &Map<String, Value>, at: &str, level: usize, found: &mut Vec<Mistake>) {
    for (member, inner) in object {
        let pointer = format!("{at}/{}", member.replace('~', "~0").replace('/', "~1"));
        name(member, &pointer, level, found);
        value(inner, &pointer, level, found);
    }
}

fn name(name: &str, pointer: &str, level: usize, found: &mut Vec<Mistake>) {
    let mut mistake = |saw: String, mend| {
        found.push(Mistake {
            pointer: pointer.to_owned(),
            saw,
            mend,
        });
    };
    if level == 1 && name == "properties.desired" {
        return mistake(
            "wraps the properties".to_owned(),
            "give the desired properties themselves, with nothing around them",
        );
    }
    let forbidden = name
        .chars()
        .find(|c| c.is_control() || c.is_whitespace() || matches!(c, '.' | '$' | '#'));
    if let Some(c) = forbidden {
        mistake(
            format!("has {c:?} in its name"),
            "use names without `.`, `$`, `#`, white space and control characters",
        );
    }
    if name.is_empty() {
        mistake("has an empty name".to_owned(), "give it a name");
    }
    if name.len() > NAME {
        mistake(
            format!("has a name of {} bytes; a twin takes {NAME}", name.len()),
            "shorten the name",
        );
    }
}

fn value(value: &Value, pointer: &str, level: usize, found: &mut Vec<Mistake>) {
    let mut mistake = |saw: String, mend| {
        found.push(Mistake {
            pointer: pointer.to_owned(),
            saw,
            mend,
        });
    };
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) if is_out_of_range(number) => mistake(
            format!("is the integer {number}; a twin takes −2^52 to 2^52 − 1"),
            "write a number that large as a text",
        ),
        Value::Number(_) => {}
        Value::String(text) if text.len() > TEXT => mistake(
            format!("is a text of {} bytes; a twin takes {TEXT}", text.len()),
            "shorten the text, or keep it out of the twin",
        ),
        Value::String(_) => {}
        Value::Array(_) | Value::Object(_) if level > DEPTH => mistake(
            format!("lies deeper than {DEPTH} levels"),
            "flatten the document",
        ),
        Value::Object(object) => members(object, pointer, level + 1, found),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let pointer = format!("{pointer}/{index}");
                if item.is_null() {
                    found.push(Mistake {
                        pointer,
                        saw: "is a null in an array".to_owned(),
                        mend: "leave the item out: IoT Hub refuses a null in an array",
                    });
                } else {
                    self::value(item, &pointer, level + 1, found);
                }
            }
        }
    }
}

fn is_out_of_range(number: &Number) -> bool {
    match (number.as_i64(), number.as_u64()) {
        (Some(integer), _) => !INTEGERS.contains(&integer),
        (None, Some(_)) => true,
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(document: &Value, expected: &[&str]) {
        let told: Vec<String> = mistakes(document.as_object().unwrap())
            .into_iter()
            .map(|one| format!("{} {}", one.pointer, one.saw))
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_document_within_the_rules_has_no_mistake() {
        check(&json!({}), &[]);
        let all = json!({
            "interval": 10, "lowest": -4_503_599_627_370_496_i64, "highest": 4_503_599_627_370_495_i64,
            "f": 1e300, "none": null, "list": [1, "x", {"a": null}, [true]], "text": "x".repeat(4096),
            "n".repeat(1024): {"deeper": {"é-_ok": "<PLACEHOLDER>"}},
        });
        check(&all, &[]);
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let all = json!({
            "a.b": 1,
            "c": {"d e": [1, null, 4_503_599_627_370_496_i64], "~/": {"$f": u64::MAX}},
            "g": "é".repeat(2049),
            "h": {"": -4_503_599_627_370_497_i64},
        });
        check(
            &all,
            &[
                "/a.b has '.' in its name",
                "/c/d e has ' ' in its name",
                "/c/d e/1 is a null in an array",
                "/c/d e/2 is the integer 4503599627370496; a twin takes −2^52 to 2^52 − 1",
                "/c/~0~1/$f has '$' in its name",
                "/c/~0~1/$f is the integer 18446744073709551615; a twin takes −2^52 to 2^52 − 1",
                "/g is a text of 4098 bytes; a twin takes 4096",
                "/h/ has an empty name",
                "/h/ is the integer -4503599627370497; a twin takes −2^52 to 2^52 − 1",
            ],
        );
        check(
            &json!({"n".repeat(1025): 1}),
            &[&format!(
                "/{} has a name of 1025 bytes; a twin takes 1024",
                "n".repeat(1025)
            )],
        );
    }

    #[test]
    fn ten_levels_are_taken_and_eleven_are_not() {
        let nested =
            |levels: usize| (0..levels).fold(json!({"p": 1}), |inner, _| json!({"n": inner}));
        check(&nested(10), &[]);
        check(
            &nested(11),
            &["/n/n/n/n/n/n/n/n/n/n/n lies deeper than 10 levels"],
        );
        let lists = (0..10).fold(json!(1), |inner, _| json!([inner]));
        check(&json!({ "l": lists }), &[]);
        let more = json!([lists]);
        check(
            &json!({ "l": more }),
            &["/l/0/0/0/0/0/0/0/0/0/0 lies deeper than 10 levels"],
        );
    }

    #[test]
    fn the_size_is_that_of_the_compact_text() {
        let of = |last: usize| {
            let mut document: Map<String, Value> = (0..8)
                .map(|n| (n.to_string(), json!("x".repeat(4087))))
                .collect();
            document.insert("l".to_owned(), json!("x".repeat(last)));
            Value::Object(document)
        };
        let room = DOCUMENT - of(0).to_string().len();
        check(&of(room), &[]);
        check(
            &of(room + 1),
            &[" has 32769 bytes as compact JSON; a twin takes 32768"],
        );
    }

    #[test]
    fn a_wrapper_around_the_properties_is_told_as_one() {
        check(
            &json!({"properties.desired": {"a": 1}}),
            &["/properties.desired wraps the properties"],
        );
    }
}
