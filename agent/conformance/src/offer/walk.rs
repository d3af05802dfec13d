//! Walking a parsed offer file: members are asked for by name and type, and every mistake is kept with its place.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::draft::COMMENT;
use super::locate::{Places, child};

/// Something wrong with the offer file itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Mistake {
    /// JSON pointer (RFC 6901); empty for the whole document. For a missing member, where it should stand.
    pub pointer: String,
    /// Line of the value, from 1; of the object around it where the value is missing.
    pub line: Option<usize>,
    /// Column on that line in characters, from 1.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub mend: String,
}

impl fmt::Display for Mistake {
    /// `line 12, column 5: /plan/image: …; …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}, ")?;
            if let Some(column) = self.column {
                write!(f, "column {column}, ")?;
            }
        }
        let place = if self.pointer.is_empty() {
            "document"
        } else {
            &self.pointer
        };
        write!(f, "{place}: {}; {}", self.message, self.mend)
    }
}

/// A JSON object with its place.
#[derive(Debug)]
pub(super) struct Object<'v> {
    pub(super) pointer: String,
    pub(super) members: &'v Map<String, Value>,
}

impl Object<'_> {
    pub(super) fn pointer_of(&self, name: &str) -> String {
        child(&self.pointer, name)
    }
}

/// Whether a text may be blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blank {
    Allowed,
    Refused,
}

/// What the walk has found so far.
#[derive(Debug)]
pub(super) struct Walk<'t> {
    pub(super) places: Places<'t>,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) warnings: Vec<Mistake>,
}

impl<'t> Walk<'t> {
    pub(super) fn new(text: &'t str) -> Walk<'t> {
        Walk {
            places: Places::of(text),
            mistakes: Vec::new(),
            warnings: Vec::new(),
        }
    }

    pub(super) fn mistake(&mut self, pointer: &str, message: String, mend: impl Into<String>) {
        let mistake = self.placed(pointer, message, mend.into());
        self.mistakes.push(mistake);
    }

    pub(super) fn warn(&mut self, pointer: &str, message: String, mend: impl Into<String>) {
        let mistake = self.placed(pointer, message, mend.into());
        self.warnings.push(mistake);
    }

    /// A place about which there is nothing to say yet.
    pub(super) fn place(&self, pointer: &str) -> Mistake {
        self.placed(pointer, String::new(), String::new())
    }

    fn placed(&self, pointer: &str, message: String, mend: String) -> Mistake {
        let position = self.places.position(pointer);
        Mistake {
            pointer: pointer.to_owned(),
            line: position.map(|position| position.line),
            column: position.map(|position| position.column),
            message,
            mend,
        }
    }

    /// The value as an object; anything else is a mistake.
    pub(super) fn object<'v>(&mut self, value: &'v Value, pointer: &str) -> Option<Object<'v>> {
        let members = value.as_object();
        if members.is_none() {
            self.wrong_type(pointer, value, "an object");
        }
        Some(Object {
            pointer: pointer.to_owned(),
            members: members?,
        })
    }

    /// Warns of every member that nothing reads.
    pub(super) fn unknown(&mut self, object: &Object<'_>, known: &[&str]) {
        for name in object.members.keys() {
            if known.contains(&name.as_str()) || name == COMMENT {
                continue;
            }
            let mend = match near_miss(name, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("remove it; known here: {}", known.join(", ")),
            };
            self.warn(
                &object.pointer_of(name),
                format!("`{name}` is not known and is ignored"),
                mend,
            );
        }
    }

    /// A member that must be there.
    pub(super) fn required<'v>(&mut self, object: &Object<'v>, name: &str) -> Option<&'v Value> {
        let found = object.members.get(name);
        if found.is_none() {
            let mend = match near_miss(name, object.members.keys().map(String::as_str)) {
                Some(written) => format!("rename `{written}` to `{name}`"),
                None => format!("add `{name}`"),
            };
            let message = format!("`{name}` is missing");
            self.mistake(&object.pointer_of(name), message, mend);
        }
        found
    }

    /// A member that may be missing or null.
    pub(super) fn optional<'v>(object: &Object<'v>, name: &str) -> Option<&'v Value> {
        object.members.get(name).filter(|value| !value.is_null())
    }

    /// A string that must be there.
    pub(super) fn text(&mut self, object: &Object<'_>, name: &str, blank: Blank) -> Option<String> {
        let value = self.required(object, name)?;
        let pointer = object.pointer_of(name);
        let text = self.string(value, &pointer)?;
        if blank == Blank::Refused && text.trim().is_empty() {
            let message = format!("`{name}` is empty");
            self.mistake(&pointer, message, format!("give `{name}` a value"));
            return None;
        }
        Some(text)
    }

    /// A string that may be missing or null.
    pub(super) fn optional_text(&mut self, object: &Object<'_>, name: &str) -> Option<String> {
        let value = Walk::optional(object, name)?;
        self.string(value, &object.pointer_of(name))
    }

    /// The value as a string; anything else is a mistake.
    pub(super) fn string(&mut self, value: &Value, pointer: &str) -> Option<String> {
        let text = value.as_str();
        if text.is_none() {
            let mend = match value {
                Value::Number(_) | Value::Bool(_) => "put it in quotation marks",
                Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                    "write a string"
                }
            };
            self.mistake(pointer, stands_for(value, "a string"), mend);
        }
        text.map(str::to_owned)
    }

    /// The value as a list; anything else is a mistake.
    pub(super) fn list<'v>(&mut self, value: &'v Value, pointer: &str) -> Option<&'v [Value]> {
        let list = value.as_array();
        if list.is_none() {
            self.wrong_type(pointer, value, "a list");
        }
        list.map(Vec::as_slice)
    }

    /// A value of another type than the one expected.
    pub(super) fn wrong_type(&mut self, pointer: &str, value: &Value, expected: &str) {
        let message = stands_for(value, expected);
        self.mistake(pointer, message, format!("write {expected}"));
    }
}

/// Values are not repeated in messages: an overlay may hold secrets.
fn stands_for(value: &Value, expected: &str) -> String {
    let given = match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    format!("{given} stands instead of {expected}")
}

/// The candidate that was probably meant: equal but for case and joints, or at most two keystrokes away.
pub(super) fn near_miss<'n>(
    written: &str,
    candidates: impl Iterator<Item = &'n str>,
) -> Option<&'n str> {
    let fold = |name: &str| name.replace(['-', '_', ' '], "").to_lowercase();
    let folded = fold(written);
    candidates
        .map(|candidate| (keystrokes(&folded, &fold(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= 2 && distance * 3 <= candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance. Names longer than any field's are not compared.
fn keystrokes(a: &str, b: &str) -> usize {
    const LONGEST: usize = 64;
    let b: Vec<char> = b.chars().take(LONGEST).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a_char) in a.chars().take(LONGEST).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b_char) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(a_char != *b_char);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_is_found_by_case_joints_and_keystrokes() {
        let known = ["createOptions", "env", "twin", "privacyPolicyUrl"];
        for (written, meant) in [
            ("createoptions", Some("createOptions")),
            ("create_options", Some("createOptions")),
            ("crateOption", Some("createOptions")),
            ("privacyPolicyURL", Some("privacyPolicyUrl")),
            ("envs", Some("env")),
            ("tiwn", None),
            ("ports", None),
            ("", None),
        ] {
            assert_eq!(near_miss(written, known.into_iter()), meant, "{written}");
        }
    }

    #[test]
    fn a_mistake_is_one_line_with_place_and_mend() {
        let mut walk = Walk::new("{\n  \"env\": 1\n}");
        walk.mistake("/env", "a number".to_owned(), "write an object");
        assert_eq!(
            walk.mistakes[0].to_string(),
            "line 2, column 10, /env: a number; write an object"
        );
    }
}
