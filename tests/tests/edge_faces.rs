//! What a module did at edgeHub and where else it wanted to go, in every face of a report.
//!
//! Refresh the golden files with `UPDATE_GOLDEN=1 cargo test -p edgeproof-tests --test edge_faces`.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::fs;
use std::path::PathBuf;

use conformance::observation::{EdgeUse, Observed};
use conformance::report::Report;
use harness::cli::SchemaOf;
use harness::render::{html, markdown, text};
use serde_json::Value;

/// Text that would run, break out of a cell or drive a terminal.
const HOSTILE: &str = "</td></table>\"'><script>alert(1)</script>|`\u{1b}[2J\u{0}";

fn reports() -> PathBuf {
    support::repository().join("tests/reports")
}

fn read(name: &str) -> String {
    fs::read_to_string(reports().join(name)).unwrap()
}

fn without() -> Report {
    serde_json::from_str(&read("undecided-custom.json")).unwrap()
}

fn with(edge: &str) -> Report {
    let mut report = without();
    report.observations.edge = Observed::Seen(serde_json::from_str(edge).unwrap());
    report
}

fn unstyled(report: &Report) -> String {
    anstream::adapter::strip_str(&text::render(report)).to_string()
}

fn going(egress: &str) -> Report {
    let mut report = without();
    report.observations.egress = Observed::Seen(serde_json::from_str(egress).unwrap());
    report
}

/// What a face says more when the module was at edgeHub.
fn more(face: fn(&Report) -> String, from: &str, to: &str) -> String {
    more_of(&with(&read("edge-use.json")), face, from, to)
}

/// What a face says more of this report between two texts.
fn more_of(report: &Report, face: fn(&Report) -> String, from: &str, to: &str) -> String {
    let drawn = face(report);
    let begin = drawn.find(from).unwrap();
    let end = begin + drawn[begin..].find(to).unwrap();
    assert!(!face(&without()).contains(from), "said without being seen");
    format!("{}\n", drawn[begin..end].trim_end())
}

fn check(file: &str, drawn: &str) {
    let path = reports().join("golden").join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, drawn).unwrap();
        return;
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        golden == drawn,
        "{} differs; look at the difference and refresh with UPDATE_GOLDEN=1:\n{drawn}",
        path.display()
    );
}

#[test]
fn what_was_done_at_edge_hub_looks_as_stored() {
    let text = more(unstyled, "At edgeHub\n", "\nDeviations");
    check("edge-use.txt", &text);
    let markdown = more(markdown::render, "## At edgeHub\n", "\n## Deviations");
    check("edge-use.md", &markdown);
    let from = "<section aria-labelledby=\"edge\">";
    let page = more(
        html::render,
        from,
        "<section aria-labelledby=\"deviations\">",
    );
    check("edge-use.html", &page);
}

#[test]
fn where_else_it_wanted_to_go_looks_as_stored() {
    let report = going(&read("egress.json"));
    let text = more_of(&report, unstyled, "Other destinations\n", "\nDeviations");
    check("egress.txt", &text);
    let (from, to) = ("## Other destinations\n", "\n## Deviations");
    check("egress.md", &more_of(&report, markdown::render, from, to));
    let from = "<section aria-labelledby=\"egress\">";
    let to = "<section aria-labelledby=\"deviations\">";
    check("egress.html", &more_of(&report, html::render, from, to));
}

#[test]
fn a_module_that_went_nowhere_else_is_told_of_only_where_nothing_could_be_seen() {
    let nowhere = r#"{"names": {"seen": {}}, "remotes": {"seen": {"looks": 9}}}"#;
    let hermetic = nowhere.replacen('{', r#"{"hermetic": true, "#, 1);
    for face in [unstyled, markdown::render, html::render] {
        assert!(!face(&going(nowhere)).contains("Other destinations"));
        let drawn = face(&going(&hermetic));
        assert!(drawn.contains("the run was hermetic"), "{drawn}");
        let blind = going(
            r#"{"names": {"unseen": {"reason": "configuration", "because": "DNS servers of its own"}}}"#,
        );
        assert!(face(&blind).contains("not seen: DNS servers of its own"));
    }
    let hostile = format!(
        r#"{{"names": {{"seen": {{"asked": [{{"at": 1, "times": 1, "answer": "found", "name": {}}}]}}}}, "remotes": {{"seen": {{"looks": 1}}}}}}"#,
        serde_json::to_string(HOSTILE).unwrap()
    );
    let page = html::render(&going(&hostile));
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>alert"));
}

#[test]
fn nothing_is_said_of_a_module_that_left_nothing_there() {
    let faces = [unstyled, markdown::render, html::render];
    for face in faces {
        assert!(!face(&with("{}")).contains("At edgeHub"));
        let tried = r#"{"breaches": [{"at": 1, "rule": "tls-handshake", "detail": "bad certificate", "times": 3}]}"#;
        let drawn = face(&with(tried));
        assert!(drawn.contains("At edgeHub") && drawn.contains("bad certificate"));
        assert!(!drawn.contains("Keep-alive"));
    }
}

#[test]
fn what_a_module_says_of_itself_stays_text() {
    let mut value: Value = serde_json::from_str(&read("edge-use.json")).unwrap();
    poison(&mut value);
    let benign = html::render(&with(&read("edge-use.json")));
    let hostile = with(&value.to_string());
    let page = html::render(&hostile);
    for tag in ["<script", "<td", "</td>", "<tr>", "</table>"] {
        assert_eq!(
            page.matches(tag).count(),
            benign.matches(tag).count(),
            "{tag}"
        );
    }
    assert!(page.contains("&lt;script&gt;"), "the text was not shown");
    assert!(!unstyled(&hostile).contains('\u{1b}'));
    let markdown = markdown::render(&hostile);
    assert!(!markdown.contains("<script"));
    let rows = |text: &str| text.lines().filter(|line| line.starts_with("| ")).count();
    let drawn = markdown::render(&with(&read("edge-use.json")));
    assert_eq!(rows(&markdown), rows(&drawn));
}

/// [`HOSTILE`] behind every text but the transport's, which is of a closed set.
fn poison(value: &mut Value) {
    match value {
        Value::String(text) if !text.starts_with("mqtt") => text.push_str(HOSTILE),
        Value::Array(items) => items.iter_mut().for_each(poison),
        Value::Object(members) => members.values_mut().for_each(poison),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn a_report_with_it_fits_the_published_schema_and_survives_writing() {
    let report = with(&read("edge-use.json"));
    let written = harness::render::write::json(&report);
    let read_again: Report = serde_json::from_str(&written).unwrap();
    assert_eq!(read_again, report);
    let schema: Value = serde_json::from_str(&harness::schema::schema(SchemaOf::Report)).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut document: Value = serde_json::from_str(&written).unwrap();
    let complaints = |document: &Value| validator.iter_errors(document).count();
    assert_eq!(complaints(&document), 0);
    document["observations"]["edge"]["seen"]["connections"][0]["transport"] = "splendid".into();
    assert_ne!(complaints(&document), 0);
    let edge: EdgeUse = serde_json::from_str(&read("edge-use.json")).unwrap();
    assert_eq!(edge.logins, 104);
}
