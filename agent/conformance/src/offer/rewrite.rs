//! Writing one value of an offer file anew, every other byte kept.

use serde_json::Value;

use super::DESCRIPTION;
use super::locate::Places;

/// See [`super::with_description`].
pub(super) fn with_description(text: &str, description: &str) -> Result<String, String> {
    let refused = |why: &str| format!("{DESCRIPTION}: {why}");
    let (mark, text) = text.split_at(text.len() - without_mark(text).len());
    let places = Places::of(text);
    if places
        .duplicates()
        .iter()
        .any(|pointer| DESCRIPTION.starts_with(pointer.as_str()))
    {
        return Err(refused("it stands twice in the file"));
    }
    let span = places
        .span(DESCRIPTION)
        .filter(|span| text[span.clone()].starts_with('"'))
        .ok_or_else(|| refused("the file has no such text"))?;
    let written = Value::from(description).to_string();
    let rewritten = format!("{}{written}{}", &text[..span.start], &text[span.end..]);
    match (parsed(text), parsed(&rewritten)) {
        (Some(mut before), Some(after)) => {
            if let Some(value) = before.pointer_mut(DESCRIPTION) {
                *value = Value::from(description);
            }
            (before == after)
                .then(|| format!("{mark}{rewritten}"))
                .ok_or_else(|| refused("more than the description would change"))
        }
        _ => Err(refused("the file is not JSON")),
    }
}

fn parsed(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// A byte order mark may stand before the JSON of an offer file.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_byte_stays() {
        let text = "\u{feff}{ \"listing\" :\r\n\t{\"description\" : \"<p>\\u00fc\\n</p>\", \"name\": 1.50}}\n";
        let new = with_description(text, "<p>\"ü\"</p>").unwrap();
        assert_eq!(
            new,
            "\u{feff}{ \"listing\" :\r\n\t{\"description\" : \"<p>\\\"ü\\\"</p>\", \"name\": 1.50}}\n"
        );
    }

    #[test]
    fn what_is_not_there_once_is_refused_by_its_pointer() {
        for text in [
            "{}",
            r#"{"listing": {"description": 7}}"#,
            r#"{"listing": {"description": "a", "description": "b"}}"#,
            r#"{"listing": {"description": "a"}, "listing": {}}"#,
        ] {
            assert!(
                with_description(text, "x")
                    .unwrap_err()
                    .starts_with(DESCRIPTION),
                "{text}"
            );
        }
    }
}
