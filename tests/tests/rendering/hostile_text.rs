//! Text of an offer or a module that would run, load or break out stays text in every face.

use std::collections::BTreeSet;

use conformance::report::Report;
use harness::render::{html, junit, markdown, sarif};
use serde_json::Value;

use super::{stored, unstyled};

/// Text that would run, load or break out, in every notation the faces use.
const HOSTILE: &str = "</pre></style></title>\"'><script>alert(1)</script><img src=//evil.example/x onerror=alert(1)>|`]]>\u{1b}[2J\u{0}";

#[test]
fn hostile_text_in_every_field_stays_text_in_every_face() {
    let benign = stored("undecided-custom");
    let (hostile, places) = poisoned("undecided-custom");
    assert!(places > 60, "only {places} kinds of field took the text");
    let page = html::render(&hostile);
    assert_eq!(
        tags(&page),
        tags(&html::render(&benign)),
        "the page has other elements"
    );
    for attribute in attributes(&page) {
        assert!(
            attribute.starts_with('#') || attribute == "data:,",
            "{attribute}"
        );
    }
    let script = "<script";
    let markdown = markdown_outside_code(&markdown::render(&hostile));
    let leak = markdown.lines().find(|line| line.contains(script));
    assert_eq!(leak, None);
    assert!(!junit::render(&hostile).contains(script));
    assert!(!unstyled(&hostile).contains('\u{1b}'));
    serde_json::from_str::<Value>(&sarif::render(&hostile)).unwrap();
}

/// The report with [`HOSTILE`] in every string that may hold free text, and how many kinds of field that were.
fn poisoned(name: &str) -> (Report, usize) {
    let mut value = serde_json::to_value(stored(name)).unwrap();
    let mut kinds: BTreeSet<String> = BTreeSet::new();
    kinds_of_strings(&value, String::new(), &mut kinds);
    let mut taken = 0;
    for kind in kinds {
        let mut tried = value.clone();
        poison(&mut tried, "", &kind);
        // An enumeration refuses foreign text: then it stays as it was.
        if serde_json::from_value::<Report>(tried.clone()).is_ok() {
            value = tried;
            taken += 1;
        }
    }
    (serde_json::from_value(value).unwrap(), taken)
}

/// Paths of string leaves, with `*` for array indexes.
fn kinds_of_strings(value: &Value, path: String, kinds: &mut BTreeSet<String>) {
    match value {
        Value::String(_) => {
            kinds.insert(path);
        }
        Value::Array(items) => {
            for item in items {
                kinds_of_strings(item, format!("{path}/*"), kinds);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                kinds_of_strings(member, format!("{path}/{name}"), kinds);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn poison(value: &mut Value, path: &str, kind: &str) {
    match value {
        Value::String(text) if path == kind => text.push_str(HOSTILE),
        Value::Array(items) => {
            for item in items {
                poison(item, &format!("{path}/*"), kind);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                poison(member, &format!("{path}/{name}"), kind);
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Names of the elements in a page: what stands behind a `<` that begins a tag.
fn tags(page: &str) -> BTreeSet<String> {
    page.split('<')
        .skip(1)
        .map(|rest| {
            rest.split(|c: char| c.is_whitespace() || c == '>')
                .next()
                .unwrap()
                .to_owned()
        })
        .collect()
}

/// Values of attributes that a browser would follow or load.
fn attributes(page: &str) -> Vec<String> {
    let value = |rest: &str| rest.split('"').next().unwrap().to_owned();
    [
        " href=\"",
        " src=\"",
        " action=\"",
        " data=\"",
        " srcset=\"",
    ]
    .into_iter()
    .flat_map(|name| page.split(name).skip(1))
    .map(value)
    .collect()
}

/// Markdown without fenced blocks and code spans, where nothing is markup.
fn markdown_outside_code(text: &str) -> String {
    let mut fence: Option<String> = None;
    let mut kept = String::new();
    for line in text.lines() {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        match &fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => kept.push_str(&(without_spans(line) + "\n")),
        }
    }
    kept
}

fn without_spans(line: &str) -> String {
    let mut rest = line;
    let mut kept = String::new();
    while let Some(start) = rest.find('`') {
        kept.push_str(&rest[..start]);
        if kept.ends_with('\\') {
            // An escaped back-tick is text.
            rest = &rest[start + 1..];
            continue;
        }
        let ticks: String = rest[start..].chars().take_while(|c| *c == '`').collect();
        let inside = &rest[start + ticks.len()..];
        let Some(end) = inside.find(&ticks) else {
            break;
        };
        rest = &inside[end + ticks.len()..];
    }
    kept + rest
}
