//! The requirements as a list and one by one.

use std::sync::OnceLock;

use serde_json::Value;

use super::edgeproof;

#[test]
fn the_catalogue_is_listed_in_every_format() {
    let list: Value =
        serde_json::from_str(&edgeproof(&["requirements", "--format", "json"]).out).unwrap();
    let entries = list["requirements"].as_array().unwrap();
    assert_eq!(entries.len(), 71);
    assert_eq!(
        entries
            .iter()
            .filter(|entry| entry["precondition"] == true)
            .count(),
        8
    );
    for entry in entries {
        let id = entry["id"].as_str().unwrap();
        for (arguments, what) in [
            (&["requirements"][..], "text"),
            (&["requirements", "--format", "markdown"], "markdown"),
        ] {
            assert!(once(arguments).contains(id), "{id} is missing in {what}");
        }
        for field in ["slug", "title", "statement"] {
            assert!(
                !entry[field].as_str().unwrap().is_empty(),
                "{id} has no {field}"
            );
        }
    }
}

/// The output of a command that is asked for often.
fn once(arguments: &[&str]) -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    static MARKDOWN: OnceLock<String> = OnceLock::new();
    let cell = if arguments.len() == 1 {
        &TEXT
    } else {
        &MARKDOWN
    };
    cell.get_or_init(|| edgeproof(arguments).out)
}

#[test]
fn a_requirement_is_explained_by_id_short_id_or_slug() {
    let explained = edgeproof(&["explain", "IEM-HW-03"]);
    assert_eq!(explained.exit, 0, "{explained:?}");
    assert!(explained.out.contains("IEM-HW-03"), "{}", explained.out);
    for name in ["hw-03", "iem-hw-03"] {
        assert_eq!(edgeproof(&["explain", name]).out, explained.out, "{name}");
    }
}

#[test]
fn an_unknown_requirement_ends_64_with_its_neighbours() {
    let end = edgeproof(&["explain", "IEM-HW-33"]);
    assert_eq!(end.exit, 64, "{end:?}");
    assert!(end.err.contains("IEM-HW-03"), "{}", end.err);
}
