//! The lab's exceptions, from the file given with `--grants`: an array, every mistake told together.

use std::path::Path;

use conformance::finding::Grant;
use conformance::requirements::CATALOGUE;
use serde_json::Value;

use crate::exit::Refused;
use crate::input;

/// Reads the file.
///
/// # Errors
/// [`Refused::BadInput`] with every mistake and its JSON pointer.
pub fn read(path: &Path) -> Result<Vec<Grant>, Refused> {
    let text = input::text(path)?;
    parse(&text).map_err(|mistakes| {
        Refused::BadInput(format!(
            "{}: mistakes in the grants\n  {}",
            path.display(),
            mistakes.join("\n  ")
        ))
    })
}

fn parse(text: &str) -> Result<Vec<Grant>, Vec<String>> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| vec![format!("not JSON: {error}")])?;
    let entries = value
        .as_array()
        .ok_or_else(|| vec!["the whole file: an array of grants was expected".to_owned()])?;
    let mut grants = Vec::new();
    let mut mistakes = Vec::new();
    for (n, entry) in entries.iter().enumerate() {
        match serde_json::from_value::<Grant>(entry.clone()) {
            Ok(grant) => {
                mistakes.extend(
                    faults(&grant)
                        .into_iter()
                        .map(|fault| format!("/{n}{fault}")),
                );
                grants.push(grant);
            }
            Err(error) => mistakes.push(format!(
                "/{n}: {error}; id, by, on, expires, digest and reason are wanted"
            )),
        }
    }
    if mistakes.is_empty() {
        Ok(grants)
    } else {
        Err(mistakes)
    }
}

fn faults(grant: &Grant) -> Vec<String> {
    let mut faults = Vec::new();
    if !CATALOGUE.iter().any(|entry| entry.id == grant.id) {
        faults.push(format!("/id: no requirement `{}`", grant.id));
    }
    for (name, date) in [("on", &grant.on), ("expires", &grant.expires)] {
        if date.parse::<jiff::civil::Date>().is_err() {
            faults.push(format!("/{name}: `{date}` is no date like 2026-11-01"));
        }
    }
    if !grant.digest.starts_with("sha256:") {
        faults.push(format!(
            "/digest: `{}` is no digest like sha256:…",
            grant.digest
        ));
    }
    for (name, text) in [("by", &grant.by), ("reason", &grant.reason)] {
        if text.trim().is_empty() {
            faults.push(format!("/{name}: empty"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let text = r#"[{"id": "IEM-XX-99", "by": " ", "on": "yesterday", "expires": "2027-01-01", "digest": "x", "reason": "r"}, {"id": 1}]"#;
        let mistakes = parse(text).unwrap_err();
        let places: Vec<&str> = mistakes
            .iter()
            .filter_map(|mistake| mistake.split(':').next())
            .collect();
        assert_eq!(places, ["/0/id", "/0/on", "/0/digest", "/0/by", "/1"]);
    }

    #[test]
    fn something_else_than_an_array_is_refused() {
        assert_eq!(
            parse("{}").unwrap_err(),
            ["the whole file: an array of grants was expected"]
        );
    }
}
