//! createOptions against the table of keys: types, spellings, unknown keys. Every mistake is told, with its pointer.

use serde_json::{Map, Value};

use super::keys::{CREATE, HOST_CONFIG, Key, Kind};
use super::{OptionMistake, step};

/// What a walk over the document found.
#[derive(Debug)]
pub(super) struct Checked {
    /// The document with known keys in their documented spelling.
    pub(super) canonical: Value,
    /// What the engine would refuse.
    pub(super) mistakes: Vec<OptionMistake>,
    /// Known keys in another case.
    pub(super) spelled: Vec<OptionMistake>,
    /// Keys nobody knows.
    pub(super) unknown: Vec<OptionMistake>,
}

/// Walks the whole document.
pub(super) fn check(document: &Value) -> Checked {
    let mut walk = Walk {
        mistakes: Vec::new(),
        spelled: Vec::new(),
        unknown: Vec::new(),
    };
    let canonical = walk.value("", document, &CREATE);
    Checked {
        canonical,
        mistakes: walk.mistakes,
        spelled: walk.spelled,
        unknown: walk.unknown,
    }
}

struct Walk {
    mistakes: Vec<OptionMistake>,
    spelled: Vec<OptionMistake>,
    unknown: Vec<OptionMistake>,
}

impl Walk {
    /// Checks one value and hands it back with canonical keys.
    fn value(&mut self, pointer: &str, value: &Value, kind: &Kind) -> Value {
        match (kind, value) {
            (_, Value::Null)
            | (Kind::Bool, Value::Bool(_))
            | (Kind::Text | Kind::Command, Value::String(_)) => value.clone(),
            (Kind::Int, Value::Number(number)) if number.is_i64() => value.clone(),
            (Kind::Texts | Kind::Command, Value::Array(items)) => {
                self.list(pointer, items, &Kind::Text)
            }
            (Kind::Map, Value::Object(map)) => self.keyed(pointer, map, &Kind::Text),
            (Kind::Set, Value::Object(map)) => self.keyed(pointer, map, &Kind::Object(&[])),
            (Kind::List(kind), Value::Array(items)) => self.list(pointer, items, kind),
            (Kind::Keyed(kind), Value::Object(map)) => self.keyed(pointer, map, kind),
            (Kind::Object(keys), Value::Object(map)) => self.object(pointer, map, keys),
            (_, other) => {
                let message = format!("is {}, wanted is {}", name_of(other), wanted(kind));
                self.mistakes.push(mistake(pointer.to_owned(), message));
                other.clone()
            }
        }
    }

    fn list(&mut self, pointer: &str, items: &[Value], kind: &Kind) -> Value {
        let items = items.iter().enumerate();
        items
            .map(|(index, item)| self.value(&format!("{pointer}/{index}"), item, kind))
            .collect()
    }

    fn keyed(&mut self, pointer: &str, map: &Map<String, Value>, kind: &Kind) -> Value {
        let entries = map.iter().map(|(key, value)| {
            let value = self.value(&step(pointer, key), value, kind);
            (key.clone(), value)
        });
        Value::Object(entries.collect())
    }

    fn object(&mut self, pointer: &str, map: &Map<String, Value>, keys: &'static [Key]) -> Value {
        let mut canonical = Map::new();
        for (written, value) in map {
            let here = step(pointer, written);
            // Source: Go, package encoding/json: a key matches a field without regard to case.
            let known = keys
                .iter()
                .find(|key| key.name.eq_ignore_ascii_case(written));
            let Some(known) = known else {
                let message = unknown_in_words(pointer, written, keys);
                self.unknown.push(mistake(here, message));
                canonical.insert(written.clone(), value.clone());
                continue;
            };
            if known.name != written {
                let message = format!(
                    "the engine takes it for {}, its documented spelling",
                    known.name
                );
                self.spelled.push(mistake(here.clone(), message));
            }
            let value = self.value(&here, value, &known.kind);
            if canonical.insert(known.name.to_owned(), value).is_some() {
                let message = format!("is {} once more, in another case", known.name);
                self.mistakes.push(mistake(here, message));
            }
        }
        Value::Object(canonical)
    }
}

fn mistake(pointer: String, message: String) -> OptionMistake {
    OptionMistake { pointer, message }
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn wanted(kind: &Kind) -> &'static str {
    match kind {
        Kind::Bool => "true or false without quotes",
        Kind::Int => "a whole number without quotes",
        Kind::Text => "a text in quotes",
        Kind::Texts => "a list of texts",
        Kind::Command => "a text or a list of texts",
        Kind::Set => "an object such as {\"name\": {}}",
        Kind::Map => "an object with texts as values",
        Kind::Object(_) | Kind::Keyed(_) => "an object",
        Kind::List(_) => "a list",
    }
}

fn unknown_in_words(pointer: &str, written: &str, keys: &[Key]) -> String {
    let unknown = "no engine API from 1.41 to 1.53 knows it";
    if pointer.is_empty() && written.eq_ignore_ascii_case("Name") {
        return format!("{unknown}; a module's name is its id in the deployment");
    }
    let is = |kind: &Kind, name: &str| match kind {
        Kind::Object(keys) => keys.iter().any(|key| key.name.eq_ignore_ascii_case(name)),
        Kind::Bool
        | Kind::Int
        | Kind::Text
        | Kind::Texts
        | Kind::Command
        | Kind::Set
        | Kind::Map
        | Kind::List(_)
        | Kind::Keyed(_) => false,
    };
    if pointer.is_empty() && is(&HOST_CONFIG, written) {
        return format!("{unknown} here; it belongs into HostConfig");
    }
    if !pointer.is_empty() && is(&CREATE, written) {
        return format!("{unknown} here; it belongs to the top level");
    }
    match nearest(written, keys) {
        Some(near) => format!("{unknown}; is {near} meant?"),
        None => unknown.to_owned(),
    }
}

/// The known key that is at most a third of the letters away.
fn nearest(written: &str, keys: &[Key]) -> Option<&'static str> {
    let written = written.to_ascii_lowercase();
    let most = (written.chars().count() / 3).min(3);
    keys.iter()
        .map(|key| (distance(&written, &key.name.to_ascii_lowercase()), key.name))
        .filter(|(distance, _)| (1..=most).contains(distance))
        .min()
        .map(|(_, name)| name)
}

/// Levenshtein's edit distance, by the usual two rows.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replace = corner + usize::from(left != *right);
            corner = row[j + 1];
            row[j + 1] = replace.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_levenshtein() {
        for (a, b, steps) in [
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("binds", "binds", 0),
            ("bind", "binds", 1),
        ] {
            assert_eq!(distance(a, b), steps, "{a} {b}");
        }
    }
}
