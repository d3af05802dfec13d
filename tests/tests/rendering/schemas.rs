//! Reports, offers and SARIF files fit the schemas that others check them against.

use std::fs;
use std::path::Path;

use harness::cli::SchemaOf;
use harness::render::sarif;
use serde_json::Value;
use support::schema::complaints;

use super::{reports, stored};

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
    let schema = support::schema::sarif();
    for name in ["conformant", "not-conformant", "undecided-custom"] {
        let log: Value = serde_json::from_str(&sarif::render(&stored(name))).unwrap();
        assert_eq!(complaints(&schema, &log), Vec::<String>::new(), "{name}");
        let mut broken = log;
        broken["runs"][0]["results"][0]["kind"] = "splendid".into();
        assert_ne!(complaints(&schema, &broken), Vec::<String>::new());
    }
}
