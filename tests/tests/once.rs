//! The probe by itself, without a hub: one offer, one report, and nothing told that must stay secret.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use support::{leftovers, load_probe, offer_of, program};

/// A test value of an overlay: it may stand in no file that the probe writes.
const CANARY: &str = "canary-7f3a91";

/// Runs the probe's own program here, with its image for the sacrificial containers.
fn once(offer: &Path, directory: &Path) -> Output {
    load_probe().unwrap();
    Command::new(program::shipped_probe(directory).unwrap())
        .arg("once")
        .arg("--offer")
        .arg(offer)
        .arg("--report")
        .arg(directory.join("report.json"))
        .arg("--state")
        .arg(directory.join("state"))
        .args([
            "--image",
            "edgeproof-agent:0.1.0",
            "--window",
            "2",
            "--starts",
            "1",
        ])
        .output()
        .unwrap()
}

fn well_behaved() -> Value {
    serde_json::from_slice(&fs::read(offer_of("well-behaved")).unwrap()).unwrap()
}

/// Every file below a directory.
fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory)
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn the_probe_certifies_an_offer_without_a_hub() {
    let directory = tempfile::tempdir().unwrap();
    let output = once(&offer_of("well-behaved"), directory.path());
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{words}");
    let report: Value =
        serde_json::from_slice(&fs::read(directory.path().join("report.json")).unwrap()).unwrap();
    assert_eq!(report["verdict"], "conformant");
    assert_eq!(
        report["observations"]["limits"]["memory"]["seen"]["oomKilled"],
        true
    );
    let journal = files(&directory.path().join("state/runs"));
    let journal = fs::read_to_string(journal.first().unwrap()).unwrap();
    for event in [
        "started",
        "phase",
        "creating",
        "observed",
        "judged",
        "cleaned-up",
    ] {
        assert!(
            journal.contains(&format!("\"event\":\"{event}\"")),
            "{event} is missing:\n{journal}"
        );
    }
    assert!(
        leftovers().unwrap().is_empty(),
        "{:?}",
        leftovers().unwrap()
    );
}

#[test]
fn test_values_change_the_defaults_and_are_never_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut offer = well_behaved();
    offer["plan"]["env"] = json!({"ServerIPAddress": "<MY_SERVER_IP_ADDRESS>"});
    offer["overlay"] = json!({"env": {"ServerIPAddress": CANARY}});
    let path = directory.path().join("offer.json");
    fs::write(&path, offer.to_string()).unwrap();
    let output = once(&path, directory.path());
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(!words.contains(CANARY), "{words}");
    fs::remove_file(&path).unwrap();
    for file in files(directory.path()) {
        let text = fs::read(&file)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap();
        assert!(!text.contains(CANARY), "{}", file.display());
    }
    let report: Value =
        serde_json::from_slice(&fs::read(directory.path().join("report.json")).unwrap()).unwrap();
    let kinds: Vec<&str> = report["deviations"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|deviation| deviation["kind"].as_str())
        .collect();
    assert!(kinds.contains(&"environment"), "{kinds:?}");
    let finding = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["id"] == "IEM-CFG-07")
        .unwrap();
    assert_eq!(finding["verdict"], "fail");
}

#[test]
fn mistakes_in_the_offer_end_with_65_and_are_told_together() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("offer.json");
    fs::write(&path, r#"{"publisherId": 7}"#).unwrap();
    let output = once(&path, directory.path());
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(65), "{words}");
    assert!(
        words.contains("/publisherId") && words.contains("/listing"),
        "{words}"
    );
}
