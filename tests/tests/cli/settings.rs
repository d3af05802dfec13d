//! Settings that an offer does not mention, told by `edgeproof lint` without a run.

use std::path::PathBuf;

use serde_json::Value;

use super::edgeproof;

const DOC_01: &str = "IEM-DOC-01";

/// The finding about one offer of a fixture.
fn finding(fixture: &str, offer: &str) -> Value {
    let file = candidates().join(fixture).join(offer);
    let lint = edgeproof(&["lint", file.to_str().unwrap(), "--format", "json"]);
    let lint: Value = serde_json::from_str(&lint.out).unwrap();
    let findings = lint["findings"].as_array().unwrap().iter();
    let mut of_it = findings.filter(|finding| finding["id"] == DOC_01);
    of_it.next().unwrap().clone()
}

fn candidates() -> PathBuf {
    support::repository().join("tests/candidates")
}

#[test]
fn a_setting_that_is_not_mentioned_is_manual_with_a_table_to_fill_in() {
    let found = finding("well-behaved", "offer-undocumented.json");
    assert_eq!(found["verdict"], "manual", "{found}");
    let saw = found["saw"].as_str().unwrap();
    assert!(
        saw.starts_with("not mentioned: environment variable LOG_LEVEL; mentioned: port 8080/tcp"),
        "{saw}"
    );
    let row = "<tr><td>LOG_LEVEL</td><td>environment variable: …</td><td>info</td><td>…</td></tr>";
    let paste = found["paste"].as_str().unwrap();
    assert!(paste.contains(row), "{paste}");
}

#[test]
fn every_other_fixture_mentions_its_settings() {
    let mut offers = 0;
    for directory in std::fs::read_dir(candidates()).unwrap() {
        let directory = directory.unwrap().path();
        if !directory.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(&directory).unwrap() {
            let file = file.unwrap().file_name().into_string().unwrap();
            if !file.starts_with("offer") || file == "offer-undocumented.json" {
                continue;
            }
            let fixture = directory.file_name().unwrap().to_str().unwrap();
            let found = finding(fixture, &file);
            let good = matches!(found["verdict"].as_str(), Some("pass" | "not-applicable"));
            assert!(good, "{fixture}/{file}: {found}");
            offers += 1;
        }
    }
    assert!(offers > 40, "only {offers} offers");
}
