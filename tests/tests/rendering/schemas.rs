//! Reports, offers and SARIF files fit the schemas that others check them against.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::cli::SchemaOf;
use harness::render::sarif;
use serde_json::Value;

use super::{reports, stored};

/// Every complaint of a JSON Schema about a document.
fn complaints(schema: &Value, document: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).unwrap();
    validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn stored_reports_fit_the_published_schema() {
    let schema: Value = serde_json::from_str(&harness::schema::schema(SchemaOf::Report)).unwrap();
    for name in [
        "conformant",
        "not-conformant",
        "undecided-custom",
        "recorded-size",
    ] {
        let report = json(&reports().join(format!("{name}.json")));
        assert_eq!(complaints(&schema, &report), Vec::<String>::new(), "{name}");
    }
    let mut broken = json(&reports().join("conformant.json"));
    broken["findings"][0]["verdict"] = "splendid".into();
    assert_ne!(complaints(&schema, &broken), Vec::<String>::new());
}

#[test]
fn the_offers_of_the_fixture_modules_fit_the_published_schema() {
    let schema: Value = serde_json::from_str(&harness::schema::schema(SchemaOf::Offer)).unwrap();
    let mut seen = 0;
    for candidate in fs::read_dir(support::repository().join("tests/candidates")).unwrap() {
        let offer = candidate.unwrap().path().join("offer.json");
        if offer.is_file() {
            assert_eq!(
                complaints(&schema, &json(&offer)),
                Vec::<String>::new(),
                "{}",
                offer.display()
            );
            seen += 1;
        }
    }
    assert!(seen >= 10, "only {seen} offers");
    let draft: Value = serde_json::from_str(&conformance::offer::draft()).unwrap();
    assert_eq!(complaints(&schema, &draft), Vec::<String>::new());
    let mut broken = json(&support::offer_of("well-behaved"));
    broken["plan"]["image"]["tag"] = 7.into();
    assert_ne!(complaints(&schema, &broken), Vec::<String>::new());
}

#[test]
fn sarif_files_fit_the_schema_of_the_standard() {
    let mut schema = json(&sarif_schema());
    // The standard's own pattern for a language has a stray bracket, which strict regular expressions refuse.
    for holder in ["run", "toolComponent"] {
        schema["definitions"][holder]["properties"]["language"]
            .as_object_mut()
            .unwrap()
            .remove("pattern");
    }
    for name in ["conformant", "not-conformant", "undecided-custom"] {
        let log: Value = serde_json::from_str(&sarif::render(&stored(name))).unwrap();
        assert_eq!(complaints(&schema, &log), Vec::<String>::new(), "{name}");
        let mut broken = log;
        broken["runs"][0]["results"][0]["kind"] = "splendid".into();
        assert_ne!(complaints(&schema, &broken), Vec::<String>::new());
    }
}

/// The SARIF schema among the sources of `serde-sarif`, where Cargo keeps them.
fn sarif_schema() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(support::repository())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let package = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|package| package["name"] == "serde-sarif")
        .unwrap();
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    manifest.with_file_name("src/schema.json")
}
