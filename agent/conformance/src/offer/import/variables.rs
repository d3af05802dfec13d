//! The variables of a solution, `${NAME}`: tools of IoT Edge put their values into a template's text before it is JSON.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::locate::{Places, child};
use super::super::walk::Mistake;

/// The text with every variable that has a value replaced by it, as it has to stand inside a JSON text.
pub(super) fn filled(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut filled = text.to_owned();
    for (name, value) in values {
        let quoted = Value::from(value.as_str()).to_string();
        let inside = quoted.get(1..quoted.len() - 1).unwrap_or_default();
        filled = filled.replace(&spelled(name), inside);
    }
    filled
}

fn spelled(name: &str) -> String {
    format!("${{{name}}}")
}

/// Whether the text has this variable.
pub(super) fn stands_in(text: &str, name: &str) -> bool {
    text.contains(&spelled(name))
}

/// The variables of a text, as they stand in it.
pub(super) fn variables(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("${") {
        if let Some(length) = text[at..].find('}') {
            found.push(&text[at..=at + length]);
        }
    }
    found
}

/// Says of a mistake in a JSON text that a variable may be what is wrong there.
pub(super) fn outside_of_quotes(mistake: Mistake, text: &str) -> Mistake {
    let line = mistake
        .line
        .and_then(|line| text.lines().nth(line.checked_sub(1)?));
    let unquoted = |line: &str| {
        line.split('"')
            .step_by(2)
            .any(|outside| outside.contains("${"))
    };
    if line.is_some_and(unquoted) {
        Mistake {
            mend: "a variable stands outside of quotation marks: give it a value with --set NAME=VALUE"
                .to_owned(),
            ..mistake
        }
    } else {
        mistake
    }
}

/// Every place of the offer file that still holds a variable.
pub(super) fn left_in(offer: &str) -> Vec<Mistake> {
    let value: Value = serde_json::from_str(offer).unwrap_or_default();
    let places = Places::of(offer);
    let mut found = Vec::new();
    collect(&value, "", &mut |pointer, variable| {
        let position = places.position(pointer);
        found.push(Mistake {
            pointer: pointer.to_owned(),
            line: position.map(|position| position.line),
            column: position.map(|position| position.column),
            message: format!("holds {variable}, as in the solution"),
            mend: "give the variable a value with --set NAME=VALUE; what only the customer knows is a placeholder such as <MY_VALUE>".to_owned(),
        });
    });
    found
}

/// JSON readers bound the depth of a document, and so of this walk.
fn collect(value: &Value, pointer: &str, tell: &mut dyn FnMut(&str, &str)) {
    let mut of_text = |text: &str, pointer: &str| {
        for variable in variables(text) {
            tell(pointer, variable);
        }
    };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => of_text(text, pointer),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &format!("{pointer}/{index}"), tell);
            }
        }
        Value::Object(members) => {
            for (name, inner) in members {
                let pointer = child(pointer, name);
                for variable in variables(name) {
                    tell(&pointer, variable);
                }
                collect(inner, &pointer, tell);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_in_as_text_inside_json() {
        let values = [("DIR", "C:\\logs"), ("N", "5")];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            filled(r#"{"a": "${DIR}/${OTHER}", "n": ${N}}"#, &values.into()),
            r#"{"a": "C:\\logs/${OTHER}", "n": 5}"#
        );
    }

    #[test]
    fn what_is_left_is_told_with_pointer_and_line() {
        let told: Vec<String> =
            left_in("{\n\"a\": {\"b/${X}\": [\"${Y}:${Z}\", \"$\", \"${\"]}\n}")
                .iter()
                .map(|mistake| {
                    format!("{} {:?} {}", mistake.pointer, mistake.line, mistake.message)
                })
                .collect();
        assert_eq!(
            told,
            [
                "/a/b~1${X} Some(2) holds ${X}, as in the solution",
                "/a/b~1${X}/0 Some(2) holds ${Y}, as in the solution",
                "/a/b~1${X}/0 Some(2) holds ${Z}, as in the solution",
            ]
        );
    }
}
