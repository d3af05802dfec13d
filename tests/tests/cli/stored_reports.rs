//! Reports on disk: compared with one another, and judged again.

use std::fs;

use serde_json::Value;

use super::{edgeproof, stored};

#[test]
fn a_report_compared_with_itself_is_the_same_and_with_another_offer_s_it_is_refused() {
    let one = stored("conformant");
    let same = edgeproof(&["compare", &one, &one]);
    assert_eq!(same.exit, 0, "{same:?}");
    assert!(same.out.contains("0 findings changed"), "{}", same.out);
    let other = edgeproof(&["compare", &one, &stored("recorded-hungry")]);
    assert_eq!(other.exit, 65, "{other:?}");
    assert!(other.err.contains("two offers"), "{}", other.err);
}

#[test]
fn rejudging_gives_the_same_bytes_again_and_says_so() {
    let place = tempfile::tempdir().unwrap();
    let again = place.path().join("again.json");
    let first = edgeproof(&["rejudge", &stored("not-conformant"), "--format", "json"]);
    fs::write(&again, &first.out).unwrap();
    let second = edgeproof(&["rejudge", again.to_str().unwrap(), "--format", "json"]);
    assert!(
        first.out == second.out,
        "the second judgement differs from the first"
    );
    assert_eq!(first.exit, second.exit);
    let told = edgeproof(&["rejudge", again.to_str().unwrap()]);
    assert!(told.out.contains("same findings"), "{}", told.out);
}

#[test]
fn rejudging_tells_findings_that_were_changed_by_hand() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("report.json");
    let first = edgeproof(&["rejudge", &stored("not-conformant"), "--format", "json"]);
    let mut report: Value = serde_json::from_str(&first.out).unwrap();
    let findings = report["findings"].as_array_mut().unwrap();
    let entry = findings
        .iter_mut()
        .find(|finding| finding["id"] == "IEM-CFG-09")
        .unwrap();
    entry["verdict"] = "pass".into();
    fs::write(&file, report.to_string()).unwrap();
    let told = edgeproof(&["rejudge", file.to_str().unwrap()]);
    assert!(told.out.contains("IEM-CFG-09"), "{}", told.out);
    assert!(!told.out.contains("same findings"), "{}", told.out);
}

#[test]
fn a_recorded_report_is_read_and_judged_again_byte_for_byte() {
    let again = edgeproof(&["rejudge", &stored("recorded-hungry"), "--format", "json"]);
    let recorded = fs::read_to_string(stored("recorded-hungry")).unwrap();
    assert_eq!(again.out, recorded);
}
