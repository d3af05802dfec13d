//! Where the values of a JSON text stand: JSON pointer → bytes, line and column, and members written twice.
//!
//! Only for texts that serde_json has already accepted; anything else gives fewer places, never a panic.

use std::collections::HashMap;
use std::ops::Range;

/// Every value of one JSON text by its pointer.
#[derive(Debug)]
pub(super) struct Places<'t> {
    text: &'t str,
    spans: HashMap<String, Range<usize>>,
    duplicates: Vec<String>,
    /// Byte at which each line starts.
    line_starts: Vec<usize>,
}

/// A line and a column, both counted from 1; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// An object or array that is being read.
#[derive(Debug)]
enum Open {
    /// The pointer so far, the start, and the member whose value comes next.
    Object {
        pointer: String,
        start: usize,
        member: Option<String>,
    },
    /// The pointer so far, the start, and the index of the element that comes next.
    Array {
        pointer: String,
        start: usize,
        next: usize,
    },
}

impl<'t> Places<'t> {
    /// Scans a text once, without recursion.
    pub(super) fn of(text: &'t str) -> Places<'t> {
        let mut places = Places {
            text,
            spans: HashMap::new(),
            duplicates: Vec::new(),
            line_starts: std::iter::once(0)
                .chain(text.match_indices('\n').map(|(newline, _)| newline + 1))
                .collect(),
        };
        places.scan();
        places
    }

    /// The text of one value, exactly as written.
    pub(super) fn source(&self, pointer: &str) -> Option<&'t str> {
        self.text.get(self.spans.get(pointer)?.clone())
    }

    /// The bytes that hold one value.
    pub(super) fn span(&self, pointer: &str) -> Option<Range<usize>> {
        self.spans.get(pointer).cloned()
    }

    /// Where a value starts; for a value that is not there, where the nearest one around it starts.
    pub(super) fn position(&self, pointer: &str) -> Option<Position> {
        let mut at = pointer;
        loop {
            if let Some(span) = self.spans.get(at) {
                return self.position_of(span.start);
            }
            at = &at[..at.rfind('/')?];
        }
    }

    /// Pointers of members that their object holds twice or more.
    pub(super) fn duplicates(&self) -> &[String] {
        &self.duplicates
    }

    fn position_of(&self, offset: usize) -> Option<Position> {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = *self.line_starts.get(line.checked_sub(1)?)?;
        Some(Position {
            line,
            column: self.text.get(start..offset)?.chars().count() + 1,
        })
    }

    fn scan(&mut self) {
        let bytes = self.text.as_bytes();
        let mut stack: Vec<Open> = Vec::new();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'{' => {
                    let pointer = next_pointer(&mut stack);
                    stack.push(Open::Object {
                        pointer,
                        start: at,
                        member: None,
                    });
                    at += 1;
                }
                b'[' => {
                    let pointer = next_pointer(&mut stack);
                    stack.push(Open::Array {
                        pointer,
                        start: at,
                        next: 0,
                    });
                    at += 1;
                }
                b'}' | b']' => {
                    at += 1;
                    match stack.pop() {
                        Some(
                            Open::Object { pointer, start, .. }
                            | Open::Array { pointer, start, .. },
                        ) => {
                            self.spans.insert(pointer, start..at);
                        }
                        None => return,
                    }
                }
                b'"' => {
                    let end = string_end(bytes, at);
                    self.string(&mut stack, at..end);
                    at = end;
                }
                b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' => at += 1,
                _ => {
                    let end = scalar_end(bytes, at);
                    let pointer = next_pointer(&mut stack);
                    self.spans.insert(pointer, at..end);
                    at = end;
                }
            }
        }
    }

    /// A string is a member's name where an object waits for one, else a value.
    fn string(&mut self, stack: &mut [Open], span: Range<usize>) {
        if let Some(Open::Object {
            pointer, member, ..
        }) = stack.last_mut()
            && member.is_none()
        {
            let name = self
                .text
                .get(span)
                .and_then(|quoted| serde_json::from_str::<String>(quoted).ok())
                .unwrap_or_default();
            let full = child(pointer, &name);
            // An earlier member of this name is complete by now, so its span is known. Members inside a double
            // are not named again.
            let inside_known = |known: &String| {
                full.strip_prefix(known.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            if self.spans.contains_key(&full) && !self.duplicates.iter().any(inside_known) {
                self.duplicates.push(full);
            }
            *member = Some(name);
            return;
        }
        let pointer = next_pointer(stack);
        self.spans.insert(pointer, span);
    }
}

/// The pointer of the value that starts here; its container moves on to the next.
fn next_pointer(stack: &mut [Open]) -> String {
    match stack.last_mut() {
        None => String::new(),
        Some(Open::Object {
            pointer, member, ..
        }) => child(pointer, &member.take().unwrap_or_default()),
        Some(Open::Array { pointer, next, .. }) => {
            *next += 1;
            child(pointer, &(*next - 1).to_string())
        }
    }
}

/// The pointer of a member, escaped after RFC 6901.
pub(super) fn child(pointer: &str, member: &str) -> String {
    let escaped = member.replace('~', "~0").replace('/', "~1");
    format!("{pointer}/{escaped}")
}

/// One past the closing quote.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn scalar_end(bytes: &[u8], start: usize) -> usize {
    bytes[start..]
        .iter()
        .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n'))
        .map_or(bytes.len(), |length| start + length.max(1))
}

/// The same JSON without the white space between its parts; strings, numbers and double members stay as written.
pub(super) fn compact(json: &str) -> String {
    let bytes = json.as_bytes();
    let mut out = String::with_capacity(json.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let end = match byte {
            b'"' => string_end(bytes, at),
            b' ' | b'\t' | b'\r' | b'\n' => {
                at += 1;
                continue;
            }
            _ => json[at..]
                .find(['"', ' ', '\t', '\r', '\n'])
                .map_or(json.len(), |length| at + length),
        };
        out.push_str(json.get(at..end).unwrap_or_default());
        at = end;
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const TEXT: &str =
        "{\n  \"a\": {\"b/c\": [1, {\"d\": \"x]}\\\"\"}]},\n  \"é\": null,   \"a~\": -1.5e3\n}\n";

    #[test]
    fn every_value_is_found_where_it_starts() {
        let places = Places::of(TEXT);
        for (pointer, source, line, column) in [
            ("/a", "{\"b/c\": [1, {\"d\": \"x]}\\\"\"}]}", 2, 8),
            ("/a/b~1c/0", "1", 2, 17),
            ("/a/b~1c/1/d", "\"x]}\\\"\"", 2, 26),
            ("/é", "null", 3, 8),
            ("/a~0", "-1.5e3", 3, 22),
        ] {
            assert_eq!(places.source(pointer), Some(source));
            assert_eq!(
                places.position(pointer),
                Some(Position { line, column }),
                "{pointer}"
            );
        }
    }

    #[test]
    fn a_missing_member_is_placed_at_its_object() {
        let places = Places::of(TEXT);
        assert_eq!(places.position("/a/none/deeper"), places.position("/a"));
        assert_eq!(
            places.position("/none"),
            Some(Position { line: 1, column: 1 })
        );
    }

    #[test]
    fn members_written_twice_are_named_once() {
        let places = Places::of(r#"{"a": {"b": 1}, "b": {"a": 1}, "a": {"b": 1}, "\u0061": 3}"#);
        assert_eq!(places.duplicates(), ["/a"]);
    }

    #[test]
    fn compacting_touches_no_string() {
        assert_eq!(
            compact("{ \"a b\" : [ 1 ,\n 2.50 ], \"c\\\" \": \" \" }"),
            r#"{"a b":[1,2.50],"c\" ":" "}"#
        );
    }

    /// Any JSON value, nested a little.
    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a~/ \"\\\\é]{0,3}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn every_pointer(value: &Value, pointer: String, found: &mut Vec<String>) {
        if let Some(array) = value.as_array() {
            for (index, inner) in array.iter().enumerate() {
                every_pointer(inner, child(&pointer, &index.to_string()), found);
            }
        }
        if let Some(object) = value.as_object() {
            for (name, inner) in object {
                every_pointer(inner, child(&pointer, name), found);
            }
        }
        found.push(pointer);
    }

    proptest! {
        #[test]
        fn what_stands_at_a_pointer_is_the_value_serde_finds_there(value in json()) {
            let text = serde_json::to_string_pretty(&value).unwrap();
            let places = Places::of(&text);
            let mut pointers = Vec::new();
            every_pointer(&value, String::new(), &mut pointers);
            for pointer in pointers {
                let source = places.source(&pointer).unwrap();
                let there: Value = serde_json::from_str(source).unwrap();
                prop_assert_eq!(Some(&there), value.pointer(&pointer));
            }
            let compacted: Value = serde_json::from_str(&compact(&text)).unwrap();
            prop_assert_eq!(compacted, value);
        }

        #[test]
        fn no_text_makes_the_scanner_panic(text in "[\\[\\]{}\",:\\\\a1é\n ]*") {
            let places = Places::of(&text);
            let _ = places.position("/a/1");
            let _ = compact(&text);
        }
    }
}
