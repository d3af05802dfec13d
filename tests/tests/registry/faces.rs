//! Text for people, JSON, JUnit, SARIF and Markdown come from one record, and hold to what their readers expect.

use std::collections::BTreeMap;

use quick_junit::{NonSuccessKind, Report, TestCaseStatus};
use serde_json::{Value, json};
use support::schema::complaints;

use crate::fixtures::changed;
use crate::shop::{Shop, verdicts};
use crate::stage::Stage;

/// What `inspect` prints in one format, and its exit code.
fn printed(stage: &Stage, arguments: &[String], format: &str) -> (String, Option<i32>) {
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.extend(["--format", format]);
    let output = crate::stage::inspect(&arguments, stage.directory.path());
    (
        String::from_utf8(output.stdout).unwrap(),
        output.status.code(),
    )
}

/// A repository with a hole in it, so that there are passes, failures and what could not be judged.
fn holed(name: &str) -> Shop {
    changed(name, |shop| shop.lost = Some("1.0.0"))
}

#[test]
fn every_face_tells_the_same_findings_and_the_table_shows_tags_by_platforms() {
    let stage = Stage::start();
    let arguments = holed("faces").open(&stage);
    for (format, parts) in [
        (
            "text",
            &[
                "not-conformant (registry scope",
                "404 Not Found",
                "1.0.1   ✓",
                "attestations aside",
                "starts /air-quality (arm64)",
            ][..],
        ),
        (
            "markdown",
            &["IEM-REG-02", "404 Not Found", "## Tags", "| `latest` |"],
        ),
        ("junit", &["<testsuite", "404 Not Found"]),
        ("sarif", &["\"IEM-REG-02\"", "404 Not Found"]),
    ] {
        let (text, exit) = printed(&stage, &arguments, format);
        for part in parts {
            assert!(text.contains(part), "{format}: {part}\n{text}");
        }
        assert_eq!(exit, Some(1), "{format}");
    }
}

#[test]
fn every_face_has_every_finding_in_scope_with_the_verdict_of_the_json() {
    let stage = Stage::start();
    let arguments = holed("record").open(&stage);
    let face = |format: &str| printed(&stage, &arguments, format).0;
    let inspection: Value = serde_json::from_str(&face("json")).unwrap();
    let headline = inspection["headline"].as_str().unwrap();
    let expected = verdicts(&inspection);
    let (text, markdown) = (face("text"), face("markdown"));
    assert!(text.starts_with(headline), "{text}");
    assert!(markdown.lines().next().unwrap().ends_with(headline));
    for (id, verdict) in &expected {
        let row = format!("| **{id}** ");
        let row = markdown.lines().find(|line| line.contains(&row)).unwrap();
        assert!(row.contains(&format!("| {verdict}")), "{verdict}: {row}");
        let told = |line: &&str| line.contains(id.as_str()) && line.contains(verdict.as_str());
        assert!(text.lines().any(|line| told(&line)), "{id}: {text}");
    }

    let log: Value = serde_json::from_str(&face("sarif")).unwrap();
    assert_eq!(log["runs"][0]["invocations"][0]["exitCode"], 1);
    let results = log["runs"][0]["results"].as_array().unwrap();
    let of_sarif: BTreeMap<String, String> = results
        .iter()
        .map(|result| {
            let verdict = result["properties"]["verdict"].as_str().unwrap();
            let word = verdict.split(':').next().unwrap();
            (
                result["ruleId"].as_str().unwrap().to_owned(),
                word.to_owned(),
            )
        })
        .collect();
    assert_eq!(of_sarif, expected);

    let junit = Report::deserialize_from_str(&face("junit")).unwrap();
    let [suite] = &junit.test_suites[..] else {
        panic!("one suite is written");
    };
    assert_eq!(suite.name.as_str(), headline);
    let findings = inspection["findings"].as_array().unwrap();
    assert_eq!(suite.test_cases.len(), findings.len());
    for case in &suite.test_cases {
        let id = case.name.as_str().split(' ').next().unwrap();
        let fits = match (&case.status, expected.get(id).map(String::as_str)) {
            (TestCaseStatus::Success { .. }, verdict) => matches!(verdict, Some("pass" | "warn")),
            (TestCaseStatus::Skipped { .. }, verdict) => {
                matches!(verdict, None | Some("not-applicable"))
            }
            (TestCaseStatus::NonSuccess { kind, .. }, verdict) => match kind {
                NonSuccessKind::Failure => verdict == Some("fail"),
                NonSuccessKind::Error => matches!(verdict, Some("inconclusive" | "manual")),
            },
        };
        assert!(fits, "{id}: {:?}", case.status);
    }
}

#[test]
fn the_sarif_of_an_inspection_fits_the_schema_of_the_standard() {
    let stage = Stage::start();
    let schema = support::schema::sarif();
    let arguments = holed("sarif").open(&stage);
    let alone = vec![format!("{}/sarif:1.0.1", stage.address)];
    let nowhere = vec![format!("{}/nowhere:1.0.1", stage.address)];
    for arguments in [arguments, alone, nowhere] {
        let (text, _) = printed(&stage, &arguments, "sarif");
        let mut log: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            complaints(&schema, &log),
            Vec::<String>::new(),
            "{arguments:?}"
        );
        log["runs"][0]["results"][0]["level"] = json!("splendid");
        assert_ne!(complaints(&schema, &log), Vec::<String>::new());
    }
}
