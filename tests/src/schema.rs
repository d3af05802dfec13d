//! Documents against the schemas that others check them by.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Every complaint of a JSON Schema about a document, with its place.
///
/// # Panics
/// It is no JSON Schema.
#[must_use]
pub fn complaints(schema: &Value, document: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).expect("a schema is a schema");
    validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// The schema of SARIF 2.1.0 as it lies among the sources of `serde-sarif`, where Cargo keeps them.
///
/// # Panics
/// Cargo does not know where.
#[must_use]
pub fn sarif() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(crate::repository())
        .output()
        .expect("cargo runs these tests, so it is there");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let manifest = metadata["packages"]
        .as_array()
        .and_then(|all| all.iter().find(|package| package["name"] == "serde-sarif"))
        .and_then(|package| package["manifest_path"].as_str())
        .expect("the harness depends on it");
    let path = Path::new(manifest).with_file_name("src/schema.json");
    let text = std::fs::read_to_string(path).expect("it lies beside its manifest");
    let mut schema: Value = serde_json::from_str(&text).expect("a schema is JSON");
    // The standard's own pattern for a language has a stray bracket, which strict regular expressions refuse.
    for holder in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][holder]["properties"]["language"];
        language
            .as_object_mut()
            .and_then(|language| language.remove("pattern"))
            .expect("the standard has it there");
    }
    schema
}
