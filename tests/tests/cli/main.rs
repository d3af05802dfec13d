//! The `edgeproof` program as a person or a script meets it: exit codes, every mistake at once, formats, help.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod catalogue;
mod deploy;
mod offer;
mod offer_stage;
mod settings;
mod stored_reports;

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;
use support::program::program;
use support::schema::complaints;

/// What one call came to.
#[derive(Debug)]
struct Ended {
    exit: i32,
    out: String,
    err: String,
}

fn edgeproof(arguments: &[&str]) -> Ended {
    ended(
        Command::new(program())
            .args(arguments)
            .env_remove("NO_COLOR")
            .output()
            .unwrap(),
    )
}

fn ended(output: Output) -> Ended {
    Ended {
        exit: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn well_behaved() -> String {
    support::offer_of("well-behaved").display().to_string()
}

fn stored(name: &str) -> String {
    support::repository()
        .join(format!("tests/reports/{name}.json"))
        .display()
        .to_string()
}

#[test]
fn wrong_usage_ends_64_and_says_how_to_get_help() {
    let cases: [&[&str]; 9] = [
        &[],
        &["certificate"],
        &["lint"],
        &["lint", "offer.json", "--format", "pdf"],
        &["lint", "offer.json", "--frobnicate"],
        &["certify", "offer.json", "--reserve", "300"],
        &["certify", "offer.json", "--window", "soon"],
        &["certify", "offer.json", "--starts", "0"],
        &["schema", "poem"],
    ];
    for arguments in cases {
        let end = edgeproof(arguments);
        assert_eq!(end.exit, 64, "{arguments:?}: {end:?}");
        assert!(
            end.err.contains("--help") || end.err.contains("Usage"),
            "{arguments:?}: {}",
            end.err
        );
        assert_eq!(end.out, "", "{arguments:?}");
    }
}

#[test]
fn a_soak_without_a_duration_and_a_duration_without_a_soak_end_64() {
    let wrong: [&[&str]; 3] = [
        &["--profile", "soak"],
        &["--duration", "24h"],
        &["--profile", "standard", "--duration", "24h"],
    ];
    for flags in wrong {
        let offer = well_behaved();
        let end = edgeproof(&[&["certify", offer.as_str()], flags].concat());
        assert_eq!(end.exit, 64, "{end:?}");
        assert!(end.err.contains("--duration"), "{}", end.err);
    }
}

/// With `DOCKER_HOST` in the environment of the program.
fn with_docker_host(host: &str, arguments: &[&str]) -> Ended {
    let mut command = Command::new(program());
    command.args(arguments).env("DOCKER_HOST", host);
    ended(command.output().unwrap())
}

#[test]
fn docker_host_names_the_engine_unless_a_flag_does() {
    let offer = well_behaved();
    let out = tempfile::tempdir().unwrap();
    let out = out.path().to_str().unwrap();
    let speeds = format!("{out}/speeds.json");
    let commands: [&[&str]; 3] = [
        &["certify", &offer, "--out", out],
        &["size", &offer, "--out", out],
        &["calibrate", "--out", &speeds],
    ];
    for command in commands {
        let wrong = with_docker_host("pigeon://roof", command);
        assert_eq!(wrong.exit, 64, "{wrong:?}");
        assert!(wrong.err.contains("DOCKER_HOST=pigeon://roof"), "{wrong:?}");
        let gone = with_docker_host("unix:///nowhere/by-variable.sock", command);
        assert_eq!(gone.exit, 2, "{gone:?}");
        assert!(gone.err.contains("by-variable.sock"), "{gone:?}");
        let flag = ["--engine", "unix:///nowhere/by-flag.sock"];
        let flag = with_docker_host("pigeon://roof", &[command, &flag].concat());
        assert_eq!(flag.exit, 2, "{flag:?}");
        assert!(flag.err.contains("by-flag.sock"), "{flag:?}");
        // A device by name needs no engine's URL, so the variable is no contradiction.
        let device = with_docker_host("pigeon://roof", &[command, &["--device", "none"]].concat());
        assert!(!device.err.contains("pigeon"), "{device:?}");
        assert!(device.err.contains("none"), "{device:?}");
        let help = edgeproof(&[command[0], "--help"]).out;
        assert!(help.contains("DOCKER_HOST"), "{help}");
    }
    let two = ["calibrate", "--device", "a", "--device", "b"];
    assert_eq!(edgeproof(&two).exit, 64);
}

#[test]
fn help_and_version_end_0_and_help_has_examples_and_exit_codes() {
    assert!(edgeproof(&["--help"]).out.contains("could not be decided"));
    for command in [
        "certify",
        "calibrate",
        "lint",
        "offer",
        "requirements",
        "explain",
        "schema",
        "rejudge",
        "compare",
        "completions",
        "deploy",
        "results",
    ] {
        let end = edgeproof(&[command, "--help"]);
        assert_eq!(end.exit, 0, "{end:?}");
        assert!(end.out.contains("Examples:"), "{command}: {}", end.out);
    }
    let version = edgeproof(&["--version"]);
    assert_eq!(
        (version.exit, version.out.starts_with("edgeproof ")),
        (0, true),
        "{version:?}"
    );
}

#[test]
fn a_file_that_is_not_there_ends_65_and_is_named() {
    for command in ["lint", "rejudge", "certify"] {
        let end = edgeproof(&[command, "/nowhere/offer.json"]);
        assert_eq!(end.exit, 65, "{end:?}");
        assert!(end.err.contains("/nowhere/offer.json"), "{}", end.err);
    }
}

#[test]
fn every_mistake_of_an_offer_file_is_told_at_once_with_its_place_and_mend() {
    let place = tempfile::tempdir().unwrap();
    let offer = place.path().join("offer.json");
    let text = fs::read_to_string(support::offer_of("well-behaved"))
        .unwrap()
        .replace("\"publisherId\": \"contoso\"", "\"publisherId\": 7")
        .replace("\"linux/amd64\"", "\"plan 9\"")
        .replace("\"tag\": \"1.0.0\"", "\"tagg\": \"1.0.0\"")
        .replace("\"usesModuleSdk\": false", "\"usesModuleSdk\": \"no\"");
    fs::write(&offer, text).unwrap();
    for command in ["lint", "certify"] {
        let end = edgeproof(&[command, offer.to_str().unwrap()]);
        assert_eq!(end.exit, 65, "{end:?}");
        for pointer in [
            "/publisherId",
            "/plan/platforms/0",
            "/plan/image/tag",
            "/plan/usesModuleSdk",
        ] {
            let told = end.err.lines().position(|line| line.contains(pointer));
            let told = told.unwrap_or_else(|| panic!("{pointer} is missing in\n{}", end.err));
            let block: Vec<&str> = end.err.lines().skip(told).take(3).collect();
            assert!(block[0].contains("(line "), "{block:?}");
            assert!(block[2].contains("mend: "), "{block:?}");
        }
    }
}

#[test]
fn what_is_no_json_no_text_or_no_report_ends_65() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("input.json");
    for bytes in [
        &b"{"[..],
        b"\xff\xfe",
        b"[]",
        b"",
        b"{\"schema\": \"edgeproof/report/9\"}",
        b"{\"schema\": \"edgeproof/report/1\"}",
    ] {
        fs::write(&file, bytes).unwrap();
        for command in ["lint", "rejudge"] {
            let end = edgeproof(&[command, file.to_str().unwrap()]);
            assert_eq!(
                end.exit,
                65,
                "{command} {}: {end:?}",
                String::from_utf8_lossy(bytes)
            );
            assert!(
                end.err.starts_with("error: ") && end.err.contains("input.json"),
                "{}",
                end.err
            );
        }
    }
}

#[test]
fn a_sound_offer_lints_to_0_in_every_format() {
    let text = edgeproof(&["lint", &well_behaved()]);
    assert_eq!(text.exit, 0, "{text:?}");
    assert!(
        text.out.starts_with("conformant (offer scope, "),
        "{}",
        text.out
    );
    let lint: Value =
        serde_json::from_str(&edgeproof(&["lint", &well_behaved(), "--format", "json"]).out)
            .unwrap();
    assert_eq!(lint["verdict"], "conformant");
    assert_eq!(
        lint["claim"]["ram_bytes"],
        512_u64 << 20,
        "{}",
        lint["claim"]
    );
    assert_eq!(lint["claim"]["architectures"][0], "amd64");
    assert_eq!(lint["findings"].as_array().unwrap().len(), 71);
    for (format, start) in [("markdown", "# "), ("junit", "<?xml"), ("sarif", "{\n")] {
        let end = edgeproof(&["lint", &well_behaved(), "--format", format]);
        assert_eq!(end.exit, 0, "{format}: {end:?}");
        assert!(end.out.starts_with(start), "{format}: {}", end.out);
        if format == "sarif" {
            let log: Value = serde_json::from_str(&end.out).unwrap();
            let complaints = complaints(&support::schema::sarif(), &log);
            assert_eq!(complaints, Vec::<String>::new());
        }
    }
}

#[test]
fn an_offer_without_terms_and_privacy_lints_to_1_and_names_both() {
    let place = tempfile::tempdir().unwrap();
    let mut offer: Value =
        serde_json::from_str(&fs::read_to_string(well_behaved()).unwrap()).unwrap();
    let listing = offer["listing"].as_object_mut().unwrap();
    listing.remove("termsOfUseUrl");
    listing.remove("privacyPolicyUrl");
    let file = place.path().join("offer.json");
    fs::write(&file, offer.to_string()).unwrap();
    let end = edgeproof(&["lint", file.to_str().unwrap()]);
    assert_eq!(end.exit, 1, "{end:?}");
    let blocking = end.out.split("Findings").next().unwrap();
    for id in ["IEM-LEG-02", "IEM-LEG-03"] {
        assert!(blocking.contains(id), "{id} does not block in\n{}", end.out);
    }
}

#[test]
fn an_unknown_field_is_a_warning_with_its_pointer() {
    let place = tempfile::tempdir().unwrap();
    let mut offer: Value =
        serde_json::from_str(&fs::read_to_string(well_behaved()).unwrap()).unwrap();
    offer["plan"]["colour"] = "blue".into();
    let file = place.path().join("offer.json");
    fs::write(&file, offer.to_string()).unwrap();
    let end = edgeproof(&["lint", file.to_str().unwrap(), "--format", "json"]);
    assert_eq!(end.exit, 0, "{end:?}");
    let lint: Value = serde_json::from_str(&end.out).unwrap();
    assert_eq!(lint["warnings"][0]["pointer"], "/plan/colour", "{lint}");
}

#[test]
fn colours_are_kept_from_a_pipe_and_by_no_color() {
    let coloured = |name: &str, value: &str| {
        let output = Command::new(program())
            .args(["lint", &well_behaved()])
            .env_remove("NO_COLOR")
            .env(name, value)
            .output()
            .unwrap();
        ended(output).out.contains('\u{1b}')
    };
    assert!(!edgeproof(&["lint", &well_behaved()]).out.contains('\u{1b}'));
    assert!(coloured("CLICOLOR_FORCE", "1"));
    assert!(!coloured("NO_COLOR", "1"));
}

#[test]
fn schemas_are_json_schemas() {
    for file in ["offer", "report", "dossier", "tier-1", "certified-devices"] {
        let end = edgeproof(&["schema", file]);
        assert_eq!(end.exit, 0, "{end:?}");
        let schema: Value = serde_json::from_str(&end.out).unwrap();
        let validator = jsonschema::validator_for(&schema);
        let data = format!("agent/conformance/data/{file}.json");
        if let Ok(shipped) = fs::read_to_string(support::repository().join(data)) {
            let shipped: Value = serde_json::from_str(&shipped).unwrap();
            assert!(validator.as_ref().unwrap().is_valid(&shipped), "{file}");
        }
        assert!(validator.is_ok(), "{file}");
    }
}

#[test]
fn rows_that_are_none_and_an_attachment_with_an_image_are_refused() {
    let well_behaved = well_behaved();
    let certify = |more: &[&str]| edgeproof(&[&["certify", &well_behaved], more].concat());
    let rows = support::repository().join("deployment.json");
    let end = certify(&["--calibration", rows.to_str().unwrap()]);
    assert_eq!(end.exit, 65, "{end:?}");
    assert!(end.err.contains("calibrated rows"), "{}", end.err);
    let end = certify(&["--attach", "module", "--image", "other:1"]);
    assert_eq!(end.exit, 64, "{end:?}");
}
