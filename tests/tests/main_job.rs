//! The main job's edges: exit codes, leftovers, interruption, two at once.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::fs;
use std::thread;

use support::under_way::{UnderWay, signal};
use support::{certify, docker, nothing_is_left, offer_of};

/// For what does not change with time.
const SECOND: [&str; 4] = ["--window", "1s", "--starts", "1"];
/// Long enough to be met at its steady window.
const UNHURRIED: [&str; 4] = ["--window", "5s", "--starts", "1"];

#[test]
fn an_unreachable_engine_is_undecided() {
    let out = tempfile::tempdir().unwrap();
    let certified = certify(
        &offer_of("well-behaved"),
        out.path(),
        &["--engine", "unix:///nowhere/engine.sock"],
    )
    .unwrap();
    assert_eq!(certified.exit, Some(2), "{}", certified.words);
    assert!(
        certified.words.contains("/nowhere/engine.sock"),
        "{}",
        certified.words
    );
}

#[test]
fn a_broken_offer_is_bad_input_with_every_mistake() {
    let out = tempfile::tempdir().unwrap();
    let offer = out.path().join("offer.json");
    fs::write(
        &offer,
        r#"{"publisherId": 7, "plan": {"image": {"repository": "r"}, "platforms": ["linux"]}}"#,
    )
    .unwrap();
    let certified = certify(&offer, out.path(), &[]).unwrap();
    assert_eq!(certified.exit, Some(65), "{}", certified.words);
    for pointer in [
        "/publisherId",
        "/offerId",
        "/listing",
        "/plan/platforms/0",
        "/plan/image/tag",
    ] {
        assert!(
            certified.words.contains(pointer),
            "{pointer} is missing:\n{}",
            certified.words
        );
    }
}

#[test]
fn wrong_usage_is_told_apart() {
    let out = tempfile::tempdir().unwrap();
    for wrong in [
        &["--frobnicate"][..],
        &["--profile", "soak"],
        &["--engine", "tcp://10.0.0.7:2375"],
        &["--window", "soon"],
    ] {
        let certified = certify(&offer_of("well-behaved"), out.path(), wrong).unwrap();
        assert_eq!(certified.exit, Some(64), "{wrong:?}\n{}", certified.words);
    }
}

#[test]
fn an_image_that_nobody_has_is_undecided() {
    let out = tempfile::tempdir().unwrap();
    let mut offer: serde_json::Value =
        serde_json::from_slice(&fs::read(offer_of("well-behaved")).unwrap()).unwrap();
    offer["plan"]["image"]["repository"] = "localhost:1/nobody/has-this".into();
    let path = out.path().join("offer.json");
    fs::write(&path, offer.to_string()).unwrap();
    let certified = certify(&path, out.path(), &SECOND).unwrap();
    assert_eq!(certified.exit, Some(2), "{}", certified.words);
    assert_eq!(certified.verdict_of("IEM-CFG-07"), Some("inconclusive"));
    nothing_is_left().unwrap();
}

#[test]
fn what_holds_72_mib_is_never_passed_for_48_and_passes_for_a_gigabyte() {
    for (offer, verdict) in [("offer.json", "fail"), ("offer-1gb.json", "pass")] {
        let out = tempfile::tempdir().unwrap();
        let offer = offer_of("holds-72").with_file_name(offer);
        let certified = certify(&offer, out.path(), &SECOND).unwrap();
        assert_eq!(
            certified.verdict_of("IEM-HW-03"),
            Some(verdict),
            "{}: {}",
            offer.display(),
            certified.words
        );
    }
}

#[test]
fn the_quick_profile_certifies_as_the_readme_says() {
    let out = tempfile::tempdir().unwrap();
    let certified = certify(&offer_of("well-behaved"), out.path(), &[]).unwrap();
    assert_eq!(certified.exit, Some(0), "{}", certified.words);
    let headline = "conformant (device scope, 38 of 63 assessed)";
    assert!(certified.words.contains(headline), "{}", certified.words);
    let report = certified.report.unwrap();
    assert_eq!(report["run"]["certifying"], true);
    assert_eq!(
        report["observations"]["starts"].as_array().unwrap().len(),
        3
    );
    let envelope = &report["observations"]["envelope"]["seen"];
    assert_eq!(envelope["starts"].as_array().unwrap().len(), 3);
    assert_eq!(envelope["limits"]["memory"], 112 << 20);
    for file in ["report.html", "report.md", "junit.xml", "report.sarif"] {
        assert!(out.path().join(file).is_file(), "{file}");
    }
    nothing_is_left().unwrap();
}

#[test]
fn a_spike_of_200_milliseconds_is_in_the_report() {
    let out = tempfile::tempdir().unwrap();
    // A spike comes every 3 s, so that any 4 s have one in them.
    let custom = ["--window", "4s", "--starts", "1", "--quiet"];
    let certified = certify(&offer_of("load-spike"), out.path(), &custom).unwrap();
    let report = certified.report.expect(&certified.words);
    let floor = report["observations"]["limits"]["runtimeFloor"]["seen"]
        .as_f64()
        .unwrap();
    let peak = report["measurements"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|measurement| measurement["name"] == "memory.peak")
        .filter_map(|measurement| measurement["value"].as_f64())
        .fold(0.0, f64::max);
    let truth = f64::from(72 << 20);
    let tolerance = (truth * 0.015).max(f64::from(1 << 20));
    assert!(
        truth <= peak && peak <= truth.max(floor) + floor + tolerance,
        "truth {truth}, peak {peak}, runtime floor {floor}"
    );
}

#[test]
fn what_the_lab_grants_is_shown_and_does_not_decide() {
    let out = tempfile::tempdir().unwrap();
    let digest = docker(&[
        "image",
        "inspect",
        "--format",
        "{{.Id}}",
        "edgeproof.test/hungry:1.0.0",
    ])
    .unwrap();
    let grant = |id: &str| serde_json::json!({"id": id, "by": "a lab", "on": "2026-11-01", "expires": "2999-01-01", "digest": digest, "reason": "a test"});
    let grants = out.path().join("grants.json");
    fs::write(
        &grants,
        serde_json::json!([grant("IEM-HW-03"), grant("IEM-HW-07")]).to_string(),
    )
    .unwrap();
    let with_grants = [&SECOND[..], &["--grants", grants.to_str().unwrap()]].concat();
    let certified = certify(&offer_of("hungry"), out.path(), &with_grants).unwrap();
    assert_eq!(certified.exit, Some(0), "{}", certified.words);
    assert_eq!(
        certified.verdict_of("IEM-HW-03"),
        Some("fail"),
        "a grant changes no finding"
    );
    assert_eq!(
        certified.finding("IEM-HW-03").unwrap()["granted"]["by"],
        "a lab"
    );
    assert_eq!(certified.report.unwrap()["counts"]["granted"], 2);
}

#[test]
fn a_named_volume_is_empty_at_every_start_and_gone_afterwards() {
    let out = tempfile::tempdir().unwrap();
    let twice = ["--window", "1s", "--starts", "2", "--allow-elevated"];
    let certified = certify(&offer_of("first-start-only"), out.path(), &twice).unwrap();
    for id in ["IEM-CFG-07", "IEM-HW-07"] {
        assert_eq!(
            certified.verdict_of(id),
            Some("pass"),
            "{}",
            certified.words
        );
    }
    let volume = ["volume", "inspect", "first-start-only-data"];
    assert!(docker(&volume).is_err(), "the volume is left");
    nothing_is_left().unwrap();
}

#[test]
fn a_volume_that_was_there_before_is_left_alone() {
    docker(&["volume", "create", "first-start-only-data"]).unwrap();
    let out = tempfile::tempdir().unwrap();
    let elevated = [&SECOND[..], &["--allow-elevated"]].concat();
    let certified = certify(&offer_of("first-start-only"), out.path(), &elevated).unwrap();
    docker(&["volume", "rm", "first-start-only-data"]).unwrap();
    let finding = certified.finding("IEM-CFG-07").unwrap();
    assert_eq!(finding["verdict"], "inconclusive", "{finding}");
    assert_eq!(finding["reason"], "configuration");
    let saw = finding["saw"].as_str().unwrap();
    assert!(
        saw.contains("docker volume rm first-start-only-data"),
        "{saw}"
    );
}

#[test]
fn an_offer_that_no_twin_has_room_for_is_handed_over_by_calls() {
    let out = tempfile::tempdir().unwrap();
    let mut offer: serde_json::Value =
        serde_json::from_slice(&fs::read(offer_of("well-behaved")).unwrap()).unwrap();
    // 200 kB that gzip makes next to nothing of: hexadecimal digests of a counter.
    let noise: String = (0_u32..3_125)
        .map(|n| conformance::run_request::sha256_hex(&n.to_le_bytes()))
        .collect();
    offer["waiverRequests"] = serde_json::json!([{"id": "IEM-SEC-02", "reason": noise}]);
    let path = out.path().join("offer.json");
    fs::write(&path, offer.to_string()).unwrap();
    let certified = certify(&path, out.path(), &SECOND).unwrap();
    assert_eq!(certified.exit, Some(0), "{}", certified.words);
    let report = certified.report.unwrap();
    let arrived = &report["offer"]["waiverRequests"][0]["reason"];
    assert_eq!(arrived.as_str().map(str::len), Some(200_000));
    nothing_is_left().unwrap();
}

#[test]
fn two_at_once_do_not_harm_each_other() {
    let runs: Vec<_> = (0..2)
        .map(|_| {
            thread::spawn(|| {
                let out = tempfile::tempdir().unwrap();
                certify(&offer_of("well-behaved"), out.path(), &SECOND).unwrap()
            })
        })
        .collect();
    for run in runs {
        let certified = run.join().unwrap();
        assert_eq!(certified.exit, Some(0), "{}", certified.words);
    }
    nothing_is_left().unwrap();
}

#[test]
fn a_second_run_gives_up_when_its_patience_ends() {
    let mut first = UnderWay::start("well-behaved", &UNHURRIED).unwrap();
    first.wait_for("start 1").unwrap();
    let out = tempfile::tempdir().unwrap();
    let certified = certify(&offer_of("well-behaved"), out.path(), &["--wait", "1s"]).unwrap();
    assert_eq!(certified.exit, Some(2), "{}", certified.words);
    assert!(
        certified.words.contains("another run holds it"),
        "{}",
        certified.words
    );
    assert_eq!(first.end().unwrap().code(), Some(0), "{}", first.words());
    nothing_is_left().unwrap();
}

#[test]
fn ctrl_c_leaves_nothing() {
    for phase in ["limits", "start 1", "steady"] {
        let mut run = UnderWay::start("well-behaved", &UNHURRIED).unwrap();
        run.wait_for(phase).unwrap();
        signal("INT", &[run.pid()]).unwrap();
        assert_eq!(run.end().unwrap().code(), Some(2), "{phase}");
        nothing_is_left().unwrap();
        assert!(!run.has_reported());
    }
}
