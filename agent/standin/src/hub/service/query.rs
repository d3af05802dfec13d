//! A subset of IoT Hub's query language: `SELECT * FROM devices|devices.modules [WHERE condition]`, read and held against twins.
//!
//! Conditions: comparisons of a property with a literal (`=`, `!=`, `<>`, `<`, `<=`, `>`, `>=`), `[NOT] IN [ … ]`, `STARTSWITH`,
//! `IS_DEFINED`, `AND`, `OR`, `NOT`, parentheses. Anything else is refused with its place. What is not defined makes a condition
//! neither true nor false, as in "IoT Hub query language" (Microsoft Learn).

mod reading;
mod words;

use serde_json::{Number, Value};
use thiserror::Error;

/// Where a query text cannot be read, and what was wanted there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the query cannot be read at character {at}: {wanted} was wanted")]
pub(crate) struct QueryError {
    /// Counted from 1.
    pub(crate) at: usize,
    pub(crate) wanted: String,
}

/// Over which twins a query goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    Devices,
    Modules,
}

/// A query that can be answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub(crate) from: From,
    condition: Option<Condition>,
}

/// A condition on a twin.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Path, Comparison, Value),
    In(Path, Vec<Value>),
    StartsWith(Path, String),
    IsDefined(Path),
}

/// Names from the twin down to a property.
pub(crate) type Path = Vec<String>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Query {
    /// Reads a query.
    pub(crate) fn parse(text: &str) -> Result<Self, QueryError> {
        reading::query(text)
    }

    /// Whether a twin, as the service API tells it, is one of the results.
    pub(crate) fn takes(&self, twin: &Value) -> bool {
        let condition = self.condition.as_ref();
        condition.is_none_or(|condition| condition.holds(twin) == Some(true))
    }
}

impl Condition {
    /// Reads a condition on its own, as a configuration has it.
    pub(crate) fn parse(text: &str) -> Result<Self, QueryError> {
        reading::condition(text)
    }

    /// `None` where a property is not defined, or its kind cannot be compared.
    pub(crate) fn holds(&self, twin: &Value) -> Option<bool> {
        match self {
            Self::All(parts) => joined(parts, twin, false),
            Self::Any(parts) => joined(parts, twin, true),
            Self::Not(part) => part.holds(twin).map(|holds| !holds),
            Self::IsDefined(path) => Some(property(twin, path).is_some()),
            Self::StartsWith(path, prefix) => {
                let text = property(twin, path)?.as_str()?;
                Some(text.starts_with(prefix.as_str()))
            }
            Self::In(path, values) => {
                let seen = property(twin, path)?;
                Some(values.iter().any(|value| equal(seen, value)))
            }
            Self::Compare(path, comparison, value) => {
                compared(property(twin, path)?, *comparison, value)
            }
        }
    }
}

/// `deciding` as soon as one part is so; else unknown as soon as one part is.
fn joined(parts: &[Condition], twin: &Value, deciding: bool) -> Option<bool> {
    let mut joined = Some(!deciding);
    for part in parts {
        match part.holds(twin) {
            Some(holds) if holds == deciding => return Some(deciding),
            Some(_) => {}
            None => joined = None,
        }
    }
    joined
}

fn property<'a>(twin: &'a Value, path: &Path) -> Option<&'a Value> {
    path.iter().try_fold(twin, |at, name| at.get(name))
}

fn compared(seen: &Value, comparison: Comparison, wanted: &Value) -> Option<bool> {
    use std::cmp::Ordering;
    let order = |is: fn(Ordering) -> bool| match (seen, wanted) {
        (Value::Number(seen), Value::Number(wanted)) => number_order(seen, wanted).map(is),
        (Value::String(seen), Value::String(wanted)) => Some(is(seen.cmp(wanted))),
        (_, _) => None,
    };
    match comparison {
        Comparison::Equal => Some(equal(seen, wanted)),
        Comparison::NotEqual => Some(!equal(seen, wanted)),
        Comparison::Less => order(Ordering::is_lt),
        Comparison::LessOrEqual => order(Ordering::is_le),
        Comparison::Greater => order(Ordering::is_gt),
        Comparison::GreaterOrEqual => order(Ordering::is_ge),
    }
}

fn equal(seen: &Value, wanted: &Value) -> bool {
    match (seen, wanted) {
        (Value::Number(seen), Value::Number(wanted)) => {
            number_order(seen, wanted) == Some(std::cmp::Ordering::Equal)
        }
        (seen, wanted) => seen == wanted,
    }
}

fn number_order(one: &Number, other: &Number) -> Option<std::cmp::Ordering> {
    match (one.as_i64(), other.as_i64()) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn twin() -> Value {
        json!({
            "deviceId": "pi4-01",
            "tags": {"site": "a", "rack": 3, "on": true, "odd name": 1},
            "properties": {
                "reported": {"conformance": {"state": "done", "load": 0.5}},
                "desired": {"n": 10}
            },
            "configurations": {"probe-1": {"status": "Applied"}},
        })
    }

    fn check(condition: &str, wanted: bool) {
        let query = Query::parse(&format!("SELECT * FROM devices WHERE {condition}")).unwrap();
        assert_eq!(query.takes(&twin()), wanted, "{condition}");
    }

    #[test]
    fn conditions_are_held_against_the_twin() {
        for (condition, wanted) in [
            ("deviceId = 'pi4-01'", true),
            ("deviceId != \"pi4-01\"", false),
            ("tags.site='a' AND tags.rack > 2", true),
            ("tags.site='b' or tags.rack <= 3", true),
            ("tags.on = true", true),
            ("tags.rack = 3.0", true),
            ("tags.rack = '3'", false),
            ("NOT tags.rack < 3", true),
            ("tags.rack IN [1, 2, 3]", true),
            ("tags.site NOT IN ['a', 'b']", false),
            ("STARTSWITH(deviceId, 'pi4')", true),
            ("startswith(deviceId, 'nano')", false),
            ("is_defined(properties.reported.conformance)", true),
            ("IS_DEFINED(tags.nothing)", false),
            ("properties.reported.conformance.load < 1", true),
            (
                "properties.desired.n >= 10 AND (tags.site = 'x' OR tags.on = true)",
                true,
            ),
            ("configurations.[[probe-1]].status = 'Applied'", true),
            ("tags.[[odd name]] = 1", true),
            ("tags.a = 1 OR tags.site = 'a' AND tags.rack = 4", false),
        ] {
            check(condition, wanted);
        }
    }

    #[test]
    fn what_is_not_defined_is_neither_true_nor_false() {
        for condition in [
            "tags.no = 1",
            "tags.no != 1",
            "NOT tags.no = 1",
            "tags.no NOT IN [1]",
            "tags.no = 1 AND tags.site = 'a'",
            "tags.site > 1",
            "NOT tags.site > 1",
        ] {
            check(condition, false);
        }
        check("tags.no = 1 OR tags.site = 'a'", true);
        check("NOT (tags.no = 1 AND tags.site = 'b')", true);
    }

    #[test]
    fn quotes_are_doubled_inside_a_text() {
        let query = Query::parse("select * from devices.modules where moduleId = 'a''b'").unwrap();
        assert_eq!(query.from, From::Modules);
        assert!(query.takes(&json!({"moduleId": "a'b"})));
    }

    #[test]
    fn anything_else_is_refused_with_its_place() {
        for (text, at, wanted) in [
            ("", 1, "SELECT"),
            ("SELECT deviceId FROM devices", 8, "`*`"),
            ("SELECT * FROM jobs", 15, "`devices`"),
            ("SELECT * FROM devices ORDER BY deviceId", 23, "WHERE"),
            ("SELECT * FROM devices WHERE", 28, "a condition"),
            (
                "SELECT * FROM devices WHERE lastActivityTime > 1",
                29,
                "a property",
            ),
            (
                "SELECT * FROM devices WHERE properties.x = 1",
                40,
                "`reported`",
            ),
            (
                "SELECT * FROM devices WHERE tags.a LIKE 'x'",
                36,
                "a comparison",
            ),
            ("SELECT * FROM devices WHERE tags.a = tags.b", 38, "a value"),
            ("SELECT * FROM devices WHERE (tags.a = 1", 40, "`)`"),
            (
                "SELECT * FROM devices WHERE tags.a = 'x",
                38,
                "the end of the text",
            ),
            ("SELECT * FROM devices WHERE tags.a = 1 tags", 40, "the end"),
            (
                "SELECT * FROM devices WHERE CONTAINS(tags.a, 'x')",
                29,
                "a property",
            ),
            ("SELECT * FROM devices WHERE tags.a = 1;", 39, "a word"),
        ] {
            let error = Query::parse(text).unwrap_err();
            assert_eq!(error.at, at, "{text}: {error}");
            assert!(error.wanted.contains(wanted), "{text}: {error}");
        }
    }

    #[test]
    fn neither_length_nor_depth_is_without_bounds() {
        let deep = format!(
            "SELECT * FROM devices WHERE {}tags.a = 1",
            "NOT ".repeat(5000)
        );
        assert!(Query::parse(&deep).is_err());
        let deep = format!("SELECT * FROM devices WHERE {}", "(".repeat(4000));
        assert!(Query::parse(&deep).is_err());
        let long = format!(
            "SELECT * FROM devices WHERE tags.a = '{}'",
            "x".repeat(20_000)
        );
        assert!(Query::parse(&long).is_err());
        let wide = vec!["tags.a = 1"; 500].join(" OR ");
        assert!(Query::parse(&format!("SELECT * FROM devices WHERE {wide}")).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".{0,120}") {
            if let Ok(query) = Query::parse(&text) {
                let _ = query.takes(&twin());
            }
        }

        #[test]
        fn any_order_of_words_is_answered(words in proptest::collection::vec(
            prop::sample::select(vec![
                "tags.a", "tags", ".", "properties.desired.n", "deviceId", "=", "!=", "<", ">", "IN", "NOT", "AND", "OR",
                "(", ")", "[", "]", "[[", "]]", ",", "'x'", "1", "-1e9", "true", "null", "STARTSWITH", "is_defined", "\u{e9}",
            ]),
            0..24,
        )) {
            let text = format!("SELECT * FROM devices WHERE {}", words.join(" "));
            match Query::parse(&text) {
                Ok(query) => { let _ = query.takes(&twin()); }
                Err(error) => prop_assert!(error.at >= 1 && error.at <= text.chars().count() + 1, "{error}"),
            }
        }
    }
}
