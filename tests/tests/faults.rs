//! Pokes and faults through the whole main job: three modules on the Python SDK, each bears them in its own way.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::collections::BTreeMap;

use serde_json::Value;
use support::{Certified, certify, leftovers, offer_of};

/// A second, of the steady window and of whatever a fault holds: what a fixture bears, it bears that long or longer.
const SECOND: [&str; 7] = [
    "--window", "1s", "--starts", "1", "--quiet", "--outage", "1s",
];

/// Runs a fixture with these arguments more; how each fault ended, by its name.
fn played(candidate: &str, more: &[&str]) -> (Certified, BTreeMap<String, Value>) {
    let out = tempfile::tempdir().unwrap();
    let custom = [&SECOND[..], more].concat();
    let certified = certify(&offer_of(candidate), out.path(), &custom).unwrap();
    let report = certified.report.as_ref().expect(&certified.words);
    let played = &report["observations"]["faults"]["seen"]["played"]["played"];
    let played = played.as_array().expect(&certified.words).iter();
    let end = |one: &Value| {
        let name = one["fault"].as_str().unwrap().to_owned();
        (name, one["end"].clone())
    };
    let ends = played.map(end).collect();
    assert!(
        leftovers().unwrap().is_empty(),
        "{:?}",
        leftovers().unwrap()
    );
    (certified, ends)
}

#[test]
fn a_module_that_bears_every_fault_is_back_after_each() {
    let (certified, ends) = played("sdk-python", &["--faults"]);
    assert_eq!(ends.len(), 9, "{ends:?}");
    for (name, end) in &ends {
        assert!(end["back"].is_object(), "{name}: {end}");
    }
    assert_eq!(certified.exit, Some(0), "{}", certified.words);
    let finding = certified.finding("IEM-CFG-05").unwrap();
    let saw = finding["saw"].as_str().unwrap();
    assert!(saw.contains("changed nothing"), "{saw}");
    // What was done to it is no part of what is judged of it.
    let report = certified.report.as_ref().unwrap();
    let edge = &report["observations"]["edge"]["seen"];
    assert_eq!(edge["breaches"], serde_json::json!([]), "{edge}");
}

#[test]
fn a_module_that_cannot_bear_an_unknown_desired_property_fails_for_it() {
    let (certified, ends) = played("sdk-strict", &["--faults", "desired,cut"]);
    assert_eq!(ends["desired"]["ended"]["exit"]["code"], 1, "{ends:?}");
    assert!(
        ends["cut"]["back"].is_object(),
        "on a start of its own: {ends:?}"
    );
    assert_eq!(certified.exit, Some(1), "{}", certified.words);
    let finding = certified.finding("IEM-CFG-05").unwrap();
    assert_eq!(finding["verdict"], "fail");
    let saw = finding["saw"].as_str().unwrap();
    for word in ["`edgeproofUnknownKey`", "exit code 1", "KeyError"] {
        assert!(saw.contains(word), "`{word}` is missing in: {saw}");
    }
}

/// No requirement of the programme asks for it: it is told, and not judged.
#[test]
fn a_module_that_never_comes_back_is_told() {
    let more = ["--faults", "cut", "--recovery", "3s"];
    let (certified, ends) = played("sdk-once", &more);
    let missing = ends["cut"]["missing"]["missing"].to_string();
    assert!(missing.contains("its connection to edgeHub"), "{ends:?}");
    assert_eq!(certified.exit, Some(0), "{}", certified.words);
}
