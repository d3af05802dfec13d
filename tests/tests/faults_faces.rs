//! How a module bore pokes and faults, in every face of a report.
//!
//! Refresh the golden files with `UPDATE_GOLDEN=1 cargo test -p edgeproof-tests --test faults_faces`.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::fs;
use std::path::PathBuf;

use conformance::finding::Reason;
use conformance::observation::{FaultEnd, FaultTrial, Observed};
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

fn with(faults: Observed<FaultTrial>) -> Report {
    let mut report = without();
    report.observations.faults = faults;
    report
}

/// As recorded, of more than one module, so that each way to end is there: `desired` is that of `sdk-strict` in `make faults`
/// (2-core x64 VM, engine 20.10).
fn recorded() -> FaultTrial {
    serde_json::from_str(&read("faults.json")).unwrap()
}

fn unstyled(report: &Report) -> String {
    anstream::adapter::strip_str(&text::render(report)).to_string()
}

/// What a face says more when there was a trial.
fn more(face: fn(&Report) -> String, from: &str, to: &str) -> String {
    let drawn = face(&with(Observed::Seen(recorded())));
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
fn a_trial_looks_as_stored() {
    let text = more(unstyled, "Pokes and faults\n", "\nDeviations");
    check("faults.txt", &text);
    let markdown = more(markdown::render, "## Pokes and faults\n", "\n## Deviations");
    check("faults.md", &markdown);
    let from = "<section aria-labelledby=\"faults\">";
    let to = "<section aria-labelledby=\"deviations\">";
    check("faults.html", &more(html::render, from, to));
}

#[test]
fn a_trial_that_was_not_played_says_why() {
    let unseen = Observed::unseen(Reason::Infrastructure, "port 8883 was taken");
    let not_applicable = Observed::Seen(FaultTrial::NotApplicable {
        why: "no login at edgeHub".to_owned(),
    });
    for face in [unstyled, markdown::render, html::render] {
        assert!(face(&with(unseen.clone())).contains("port 8883 was taken"));
        assert!(face(&with(not_applicable.clone())).contains("no login at edgeHub"));
        assert!(!face(&without()).contains("Pokes and faults"));
    }
}

#[test]
fn what_a_module_said_stays_text() {
    let benign = html::render(&with(Observed::Seen(recorded())));
    let mut trial = recorded();
    let FaultTrial::Played(run) = &mut trial else {
        panic!("it was played")
    };
    for one in &mut run.played {
        one.done.push_str(HOSTILE);
        one.said.push_str(HOSTILE);
        if let FaultEnd::Ended { last_lines, .. } = &mut one.end {
            for line in last_lines {
                line.push_str(HOSTILE);
            }
        }
    }
    let hostile = with(Observed::Seen(trial));
    let page = html::render(&hostile);
    for tag in ["<script", "<td", "</td>", "<tr>", "</table>"] {
        let count = |page: &str| page.matches(tag).count();
        assert_eq!(count(&page), count(&benign), "{tag}");
    }
    assert!(page.contains("&lt;script&gt;"), "the text was not shown");
    assert!(!unstyled(&hostile).contains('\u{1b}'));
    assert!(!markdown::render(&hostile).contains("<script"));
}

#[test]
fn a_report_with_it_fits_the_published_schema_and_survives_writing() {
    let report = with(Observed::Seen(recorded()));
    let written = harness::render::write::json(&report);
    let read_again: Report = serde_json::from_str(&written).unwrap();
    assert_eq!(read_again, report);
    let schema: Value = serde_json::from_str(&harness::schema::schema(SchemaOf::Report)).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut document: Value = serde_json::from_str(&written).unwrap();
    let complaints = |document: &Value| validator.iter_errors(document).count();
    assert_eq!(complaints(&document), 0);
    let fault = "/observations/faults/seen/played/played/0/fault";
    *document.pointer_mut(fault).unwrap() = "earthquake".into();
    assert_ne!(complaints(&document), 0);
}
