//! Several devices' reports in, one dossier out: golden faces, the command, hostile text, published schemas, a real browser.
//!
//! The three reports are made from the composed `conformant.json` by changing what was observed, never what was made of it:
//! merging judges again. Refresh the golden files with `UPDATE_GOLDEN=1 cargo test -p edgeproof-tests --test dossier`.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use conformance::dossier::Dossier;
use conformance::report::Report;
use harness::cli::SchemaOf;
use harness::dossier::{assembled, write_all};
use harness::render::dossier::{self, html, junit, markdown, sarif, text};
use serde_json::{Value, json};
use support::program::program;
use support::schema::complaints;

/// Text that would run, load or break out, in every notation the faces use.
const HOSTILE: &str = "</style></title>\"'><script>alert(1)</script><img src=//evil.example/x onerror=alert(1)>|`]]>\u{1b}[2J";

fn reports() -> PathBuf {
    support::repository().join("tests/reports")
}

/// What differs between the devices.
struct On {
    device: &'static str,
    platform: &'static str,
    board: Option<&'static str>,
    emulated: bool,
    engine: &'static str,
    starts: bool,
}

const ARM32: On = On {
    device: "arm32",
    platform: "linux/arm/v7",
    board: None,
    emulated: true,
    engine: "20.10.24",
    starts: true,
};
const PI4: On = On {
    device: "pi4",
    platform: "linux/arm64",
    board: Some("Raspberry Pi 4 Model B Rev 1.4"),
    emulated: false,
    engine: "26.1.5",
    starts: true,
};
const X64: On = On {
    device: "x64",
    platform: "linux/amd64",
    board: Some("Contoso Box 2"),
    emulated: false,
    engine: "28.5.2",
    starts: true,
};

/// The report of one device, as JSON.
fn report(on: &On) -> Value {
    let text = fs::read_to_string(reports().join("conformant.json")).unwrap();
    let mut report: Value = serde_json::from_str(&text).unwrap();
    report["run"]["id"] = format!("run-on-{}", on.device).into();
    let description = report["offer"]["listing"]["description"].as_str().unwrap();
    report["offer"]["listing"]["description"] = description
        .replace("Linux x64 OS", "Linux x64, arm32 and arm64 OS")
        .into();
    report["offer"]["plan"]["platforms"] = json!(["linux/amd64", "linux/arm/v7", "linux/arm64"]);
    let id = format!("sha256:{:0>64}", on.device.len());
    report["candidate"]["imageId"] = id.clone().into();
    report["candidate"]["platform"] = on.platform.into();
    let device = &mut report["device"];
    device["board"] = json!(on.board);
    device["emulated"] = on.emulated.into();
    device["memory"] = 1_005_000_000.into();
    device["engine"]["seen"]["platform"] = on.platform.into();
    device["engine"]["seen"]["version"] = on.engine.into();
    let image = &mut report["observations"]["image"]["seen"];
    image["imageId"] = id.into();
    image["platform"] = on.platform.into();
    image["platforms"] = json!([on.platform]);
    if !on.starts {
        for start in report["observations"]["starts"].as_array_mut().unwrap() {
            start["health"] = json!({"unhealthy": {
                "cause": "crashed", "detail": "exited with code 3 after 200 ms", "missing": ["8080/tcp listening"]
            }});
        }
    }
    report
}

fn read(on: &On) -> (String, Report) {
    let report = serde_json::from_value(report(on)).unwrap();
    (on.device.to_owned(), report)
}

/// A good fleet but for the device that does not start.
fn mixed() -> Dossier {
    let bad = On {
        starts: false,
        ..ARM32
    };
    assembled(vec![read(&X64), read(&bad), read(&PI4)])
        .unwrap()
        .dossier
}

fn good() -> Dossier {
    assembled(vec![read(&PI4), read(&X64), read(&ARM32)])
        .unwrap()
        .dossier
}

/// Compares a face with its golden file, or writes the file when asked to.
fn check(file: &str, drawn: &str) {
    let path = reports().join("golden").join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, drawn).unwrap();
        return;
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    let differs = golden
        .lines()
        .zip(drawn.lines())
        .position(|(old, new)| old != new);
    assert!(
        golden == drawn,
        "{} differs, first in line index {differs:?}; look at the difference and refresh with UPDATE_GOLDEN=1",
        path.display(),
    );
}

fn unstyled(dossier: &Dossier) -> String {
    anstream::adapter::strip_str(&text::render(dossier)).to_string()
}

#[test]
fn a_dossier_of_three_devices_looks_as_stored() {
    let dossier = mixed();
    check("dossier.txt", &unstyled(&dossier));
    check("dossier.md", &markdown::render(&dossier));
    check("dossier.html", &html::render(&dossier));
    check("dossier.junit.xml", &junit::render(&dossier));
    check("dossier.sarif", &sarif::render(&dossier));
    check("dossier.json", &dossier::json(&dossier));
}

#[test]
fn a_good_fleet_is_conformant_and_every_face_says_so() {
    let dossier = good();
    let headline = "conformant (fleet scope, 43 of 63 assessed; 3 devices, 1 emulated)";
    assert_eq!(dossier.headline(), headline);
    for face in [
        unstyled(&dossier),
        markdown::render(&dossier),
        html::render(&dossier),
        junit::render(&dossier),
        sarif::render(&dossier),
    ] {
        let face = face.replace('\n', " ");
        assert!(face.contains("43 of 63 assessed"), "{face:.300}");
        assert!(face.contains("mulated devices show"), "{face:.300}");
    }
}

#[test]
fn a_stored_dossier_survives_reading_and_writing_byte_for_byte_and_fits_its_schema() {
    let written = fs::read_to_string(reports().join("golden/dossier.json")).unwrap();
    let dossier: Dossier = serde_json::from_str(&written).unwrap();
    assert!(dossier::json(&dossier) == written);
    let schema: Value = serde_json::from_str(&harness::schema::schema(SchemaOf::Dossier)).unwrap();
    let mut document: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(complaints(&schema, &document), Vec::<String>::new());
    document["devices"][0]["verdict"] = "splendid".into();
    assert_ne!(complaints(&schema, &document), Vec::<String>::new());
}

#[test]
fn hostile_text_stays_text_in_every_face() {
    let hostile: Vec<(String, Report)> = [ARM32, PI4, X64]
        .iter()
        .map(|on| {
            let mut report = report(on);
            for pointer in [
                "/offer/listing/name",
                "/offer/publisherId",
                "/offer/plan/image/tag",
                "/device/board",
                "/device/os",
                "/device/engine/seen/version",
                "/run/id",
                "/observations/starts/0/lastLines/0",
                "/candidate/imageId",
            ] {
                if let Some(place) = report.pointer_mut(pointer) {
                    let text = place.as_str().unwrap_or_default();
                    *place = format!("{text}{HOSTILE}").into();
                }
            }
            (
                on.device.to_owned(),
                serde_json::from_value(report).unwrap(),
            )
        })
        .collect();
    let dossier = assembled(hostile).unwrap().dossier;
    let page = html::render(&dossier);
    assert!(page.contains("&lt;script&gt;"), "no hostile text was shown");
    assert!(!page.contains("<script") && !page.contains("<img"));
    let link = |target: &str| {
        let own = ["arm32", "pi4", "x64"].iter().any(|device| {
            target
                .strip_prefix(&format!("{device}/report.html"))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
        });
        own || target.starts_with('#') || target == "data:,"
    };
    for target in page.split(" href=\"").skip(1) {
        let target = target.split('"').next().unwrap();
        assert!(link(target), "{target}");
    }
    assert!(
        !markdown::render(&dossier)
            .contains("<script>alert(1)</script><img src=//evil.example/x onerror=alert(1)>|")
    );
    assert!(!junit::render(&dossier).contains("<script"));
    assert!(!unstyled(&dossier).contains('\u{1b}'));
    let log: Value = serde_json::from_str(&sarif::render(&dossier)).unwrap();
    let complaints = complaints(&support::schema::sarif(), &log);
    assert_eq!(complaints, Vec::<String>::new());
}

#[test]
fn overlay_values_stand_in_no_file() {
    let place = tempfile::tempdir().unwrap();
    let mut reports = vec![read(&PI4), read(&X64)];
    let canary = "canary-10.11.12.13";
    for (_, report) in &mut reports {
        let env = &mut report.offer.overlay.env;
        env.insert("SERVER".to_owned(), canary.to_owned());
    }
    write_all(&assembled(reports).unwrap(), place.path()).unwrap();
    let mut looked = 0;
    for directory in [place.path().to_owned(), place.path().join("pi4")] {
        for file in fs::read_dir(directory).unwrap() {
            let file = file.unwrap().path();
            if file.is_file() {
                let text = fs::read_to_string(&file).unwrap();
                assert!(!text.contains(canary), "{}", file.display());
                looked += 1;
            }
        }
    }
    assert_eq!(looked, 10);
}

/// How a run of the program ended.
#[derive(Debug)]
struct Ended {
    exit: i32,
    out: String,
    err: String,
}

fn edgeproof(arguments: &[&str]) -> Ended {
    let output = Command::new(program()).args(arguments).output().unwrap();
    Ended {
        exit: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Stores reports as `DEVICE/report.json` and gives their paths.
fn stored(place: &Path, devices: &[On]) -> Vec<String> {
    devices
        .iter()
        .map(|on| {
            let directory = place.join(on.device);
            fs::create_dir_all(&directory).unwrap();
            let file = directory.join("report.json");
            fs::write(&file, report(on).to_string()).unwrap();
            file.to_str().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn the_command_merges_names_by_directory_and_ends_with_the_worst() {
    let place = tempfile::tempdir().unwrap();
    let bad = On {
        starts: false,
        ..PI4
    };
    for (pi4, exit) in [(PI4, 0), (bad, 1)] {
        let files = stored(place.path(), &[ARM32, pi4, X64]);
        let out = place.path().join("out");
        let end = edgeproof(&[
            "dossier",
            &files[0],
            &files[1],
            &files[2],
            "--out",
            out.to_str().unwrap(),
        ]);
        assert_eq!(end.exit, exit, "{end:?}");
        assert!(out.join("dossier.html").is_file());
        for device in ["arm32", "pi4", "x64"] {
            assert!(out.join(device).join("report.html").is_file(), "{device}");
        }
    }
    let files = stored(place.path(), &[ARM32, X64]);
    let alone = edgeproof(&["dossier", &files[0], "--format", "json"]);
    assert_eq!(alone.exit, 2, "{alone:?}");
    let dossier: Value = serde_json::from_str(&alone.out).unwrap();
    assert_eq!(dossier["schema"], "edgeproof/dossier/1");
    assert_eq!(dossier["devices"][0]["device"], "arm32");
    let named = edgeproof(&[
        "dossier",
        &format!("box={}", files[1]),
        "--format",
        "markdown",
    ]);
    assert!(
        named.out.contains("[box](box/report.html)"),
        "{}",
        named.out
    );
}

#[test]
fn reports_that_do_not_belong_together_end_65_with_every_mistake() {
    let place = tempfile::tempdir().unwrap();
    let files = stored(place.path(), &[PI4, X64]);
    let mut other = report(&X64);
    other["offer"]["offerId"] = "another".into();
    fs::write(&files[1], other.to_string()).unwrap();
    let end = edgeproof(&["dossier", &files[0], &files[1], &files[0]]);
    assert_eq!(end.exit, 65, "{end:?}");
    for told in ["3 mistakes", "/offer/offerId", "the device is there twice"] {
        assert!(end.err.contains(told), "{told} is missing in\n{}", end.err);
    }
    other["schema"] = "edgeproof/report/2".into();
    fs::write(&files[1], other.to_string()).unwrap();
    let end = edgeproof(&["dossier", &files[1], "/nowhere/report.json"]);
    assert_eq!(end.exit, 65, "{end:?}");
    assert!(end.err.contains("edgeproof/report/2") && end.err.contains("/nowhere"));
    assert_eq!(edgeproof(&["dossier"]).exit, 64);
}
