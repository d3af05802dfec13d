//! Settings as a skeleton of documentation in HTML, ready to be pasted and filled in. A default that looks like a secret never
//! stands in it.

use crate::secret_look::secret_look;
use serde_json::Value;

use super::settings::Setting;

/// What the author has to write.
const OPEN: &str = "…";
/// A longer default is not repeated.
const LONGEST: usize = 160;

/// A table for a page of documentation.
pub(super) fn table(settings: &[&Setting]) -> String {
    let mut html =
        "<table>\n<tr><th>Name</th><th>Meaning</th><th>Default</th><th>Allowed values</th></tr>\n"
            .to_owned();
    for setting in settings {
        html += &format!(
            "<tr><td>{}</td><td>{}: {OPEN}</td><td>{}</td><td>{OPEN}</td></tr>\n",
            escaped(&setting.name),
            setting.kind.heading(),
            escaped(&default(setting)),
        );
    }
    html + "</table>"
}

/// A list for a description: the tags that Partner Center takes there have no table.
///
/// Source: Microsoft Learn, "HTML tags supported in commercial marketplace offer descriptions".
pub(super) fn list(settings: &[&Setting]) -> String {
    let mut html = "<ul>\n".to_owned();
    for setting in settings {
        html += &format!(
            "<li><b>{}</b> ({}): {OPEN}; default: {}; allowed values: {OPEN}</li>\n",
            escaped(&setting.name),
            setting.kind.heading(),
            escaped(&default(setting)),
        );
    }
    html + "</ul>"
}

fn default(setting: &Setting) -> String {
    let Some(value) = &setting.default else {
        return "none".to_owned();
    };
    if let Some(look) = secret(&setting.name, value) {
        return format!("not shown, it looks like {look}");
    }
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    match text.chars().count() {
        0 => "empty".to_owned(),
        1..=LONGEST => text,
        length => format!("as in the plan, {length} characters"),
    }
}

/// What a value, or one inside of it, looks like. JSON readers bound the depth of a document, and so of this walk.
fn secret(name: &str, value: &Value) -> Option<&'static str> {
    match value {
        Value::Null | Value::Bool(_) => None,
        Value::Number(number) => secret_look(name, &number.to_string()),
        Value::String(text) => secret_look(name, text),
        Value::Array(items) => items.iter().find_map(|item| secret(name, item)),
        Value::Object(members) => members
            .iter()
            .find_map(|(member, inner)| secret(&format!("{name}.{member}"), inner)),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
