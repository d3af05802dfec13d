//! Offer files that the program begins or makes: what lint says of them, what is told, and what is never overwritten.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::edgeproof;

fn solutions() -> String {
    let directory = support::repository().join("agent/conformance/tests/data/solutions");
    directory.display().to_string()
}

fn lint(offer: &Path) -> Value {
    let end = edgeproof(&["lint", offer.to_str().unwrap(), "--format", "json"]);
    assert_eq!(end.exit, 1, "{end:?}");
    serde_json::from_str(&end.out).unwrap()
}

fn verdict(lint: &Value, id: &str) -> Value {
    let findings = lint["findings"].as_array().unwrap().iter();
    let mut of_it = findings.filter(|finding| finding["id"] == id);
    of_it.next().unwrap()["verdict"].clone()
}

fn pointers(warnings: &Value) -> Vec<&str> {
    let warnings = warnings.as_array().unwrap().iter();
    warnings
        .map(|warning| warning["pointer"].as_str().unwrap())
        .collect()
}

#[test]
fn a_file_that_was_begun_is_linted_and_every_open_place_named() {
    let place = tempfile::tempdir().unwrap();
    let offer = place.path().join("offer.json");
    let begun = edgeproof(&["offer", "init", "--out", offer.to_str().unwrap()]);
    assert_eq!((begun.exit, begun.out.as_str()), (0, ""), "{begun:?}");
    assert!(begun.err.contains("15 places to fill in"), "{}", begun.err);
    let lint = lint(&offer);
    let named = pointers(&lint["warnings"]);
    assert_eq!(named.len(), 15, "{named:?}");
    for pointer in &named {
        assert!(
            begun.err.contains(&format!("{pointer} (line ")),
            "{pointer}: {}",
            begun.err
        );
    }
    // No mark passes for what it stands for.
    for id in [
        "IEM-CFG-01",
        "IEM-HW-02",
        "IEM-LEG-02",
        "IEM-LEG-03",
        "IEM-SUP-01",
    ] {
        assert_eq!(verdict(&lint, id), "fail", "{id}: {lint}");
    }
    let printed = edgeproof(&["offer", "init"]);
    assert_eq!(printed.out, fs::read_to_string(&offer).unwrap());
}

#[test]
fn a_file_that_is_there_is_replaced_by_force_alone() {
    let place = tempfile::tempdir().unwrap();
    let offer = place.path().join("offer.json");
    fs::write(&offer, "mine").unwrap();
    let path = offer.to_str().unwrap();
    let deployment = format!("{}/deployment.json", solutions());
    let commands: [&[&str]; 2] = [&["offer", "init"], &["offer", "import", &deployment]];
    for command in commands {
        let refused = edgeproof(&[command, &["--out", path]].concat());
        assert_eq!(refused.exit, 64, "{refused:?}");
        assert!(refused.err.contains("--force"), "{}", refused.err);
        assert_eq!(fs::read_to_string(&offer).unwrap(), "mine");
    }
    let forced = edgeproof(&["offer", "init", "--out", path, "--force"]);
    assert_eq!(forced.exit, 0, "{forced:?}");
    assert!(fs::read_to_string(&offer).unwrap().contains("publisherId"));
}

#[test]
fn a_solution_becomes_an_offer_whose_routes_and_create_options_lint_finds_sound() {
    let place = tempfile::tempdir().unwrap();
    let offer = place.path().join("offer.json");
    let template = format!("{}/deployment.template.json", solutions());
    let module = format!("{}/modules/AirFilter/module.json", solutions());
    let made = edgeproof(&[
        "offer",
        "import",
        &template,
        &module,
        "--module",
        "AirFilter",
        "--set",
        "REGISTRY=contoso.azurecr.io",
        "--set",
        "STORE=filter-data",
        "--out",
        offer.to_str().unwrap(),
    ]);
    assert_eq!(made.exit, 0, "{made:?}");
    for part in [
        "deployment.template.json\n",
        "/modulesContent/$edgeHub/properties.desired/routes/everything (line 92)",
        "/plan/env/SITE (line ",
        "holds ${SITE}, as in the solution",
        "11 places to fill in",
    ] {
        assert!(
            made.err.contains(part),
            "{part} is missing in\n{}",
            made.err
        );
    }
    let lint = lint(&offer);
    assert_eq!(verdict(&lint, "IEM-CFG-03"), "pass", "{lint}");
    assert_eq!(verdict(&lint, "IEM-CFG-05"), "pass", "{lint}");
    // One route begins at a neighbour, which the offer does not bring.
    assert_eq!(verdict(&lint, "IEM-CFG-06"), "warn", "{lint}");
    assert_eq!(lint["routes"].as_array().unwrap().len(), 2);
}

#[test]
fn every_mistake_of_a_solution_ends_65_with_its_file_and_line_and_writes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let offer = place.path().join("offer.json");
    let module = place.path().join("module.json");
    fs::write(&module, "{\n\"image\": {\"repository\": 7}}").unwrap();
    let template = format!("{}/deployment.template.json", solutions());
    let end = edgeproof(&[
        "offer",
        "import",
        &template,
        module.to_str().unwrap(),
        "--out",
        offer.to_str().unwrap(),
    ]);
    assert_eq!(end.exit, 65, "{end:?}");
    for part in [
        "3 mistakes in the solution",
        "has 2 modules: Thermometer, AirFilter",
        "mend: name one of them with --module NAME",
        "/image/repository (line 2)",
        "/image/tag (line 2)",
    ] {
        assert!(end.err.contains(part), "{part} is missing in\n{}", end.err);
    }
    assert!(!offer.exists());
    let gone = edgeproof(&["offer", "import", "/nowhere/a.json", "/nowhere/b.json"]);
    assert_eq!(gone.exit, 65, "{gone:?}");
    assert!(
        gone.err.contains("a.json") && gone.err.contains("b.json"),
        "{}",
        gone.err
    );
}

#[test]
fn the_probes_own_deployment_can_be_imported() {
    let deployment = support::repository().join("deployment.json");
    let end = edgeproof(&["offer", "import", deployment.to_str().unwrap()]);
    assert_eq!(end.exit, 0, "{end:?}");
    let offer: Value = serde_json::from_str(&end.out).unwrap();
    let own = fs::read_to_string(support::repository().join("agent/offer.json")).unwrap();
    let own: Value = serde_json::from_str(&own).unwrap();
    assert_eq!(offer["plan"]["createOptions"], own["plan"]["createOptions"]);
    assert_eq!(offer["plan"]["routes"], own["plan"]["routes"]);
    assert_eq!(offer["plan"]["image"]["tag"], own["plan"]["image"]["tag"]);
}
