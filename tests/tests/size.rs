//! A module that needs more at start than afterwards, against its claim and searched; and a runtime that adapts to its limit.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{Certified, certify, docker, offer_of, size};

/// Short enough for a test: the tries are watched as long.
const SHORT: [&str; 5] = ["--window", "1s", "--quiet", "--format", "json"];
const MIB: u64 = 1 << 20;

/// The fixture with another claim.
fn claiming(ram: &str, scope: &str, directory: &Path) -> PathBuf {
    let text = fs::read_to_string(offer_of("needs-300-at-start")).unwrap();
    let mut offer: Value = serde_json::from_str(&text.replace("512 MB of RAM", ram)).unwrap();
    offer["plan"]["claimScope"] = json!(scope);
    let path = directory.join("offer.json");
    fs::write(&path, offer.to_string()).unwrap();
    path
}

fn certified(ram: &str, scope: &str) -> Certified {
    let directory = tempfile::tempdir().unwrap();
    let offer = claiming(ram, scope, directory.path());
    let short = ["--window", "1s", "--starts", "1", "--quiet"];
    certify(&offer, &directory.path().join("out"), &short).unwrap()
}

/// The claim is too small: both findings say so, with the phase and the number.
fn is_too_small(ram: &str, scope: &str) {
    let certified = certified(ram, scope);
    for (id, words) in [
        ("IEM-HW-03", ["start 1", "300 MiB"]),
        ("IEM-HW-07", ["start 1", "256 MiB"]),
    ] {
        let finding = certified.finding(id).expect(&certified.words);
        assert_eq!(finding["verdict"], "fail", "{finding}");
        for word in words {
            let text = finding.to_string();
            assert!(
                text.contains(word),
                "{ram}, {scope}: {word} is missing in {text}"
            );
        }
    }
}

fn is_enough(ram: &str, scope: &str) {
    let certified = certified(ram, scope);
    for id in ["IEM-HW-03", "IEM-HW-07"] {
        assert_eq!(
            certified.verdict_of(id),
            Some("pass"),
            "{ram}, {scope}: {}",
            certified.words
        );
    }
}

/// The answer of a search, which must have ended with 0 and left nothing.
fn answer(offer: &Path, more: &[&str]) -> Value {
    let out = tempfile::tempdir().unwrap();
    let output = size(offer, out.path(), &[&SHORT[..], more].concat()).unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{words}{}",
        String::from_utf8_lossy(&output.stdout)
    );
    let report = fs::read(out.path().join("report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(
        report["run"]["certifying"], false,
        "a search certifies nothing"
    );
    let of_this_run = format!(
        "label=edgeproof.run={}",
        report["run"]["id"].as_str().unwrap()
    );
    for kind in ["container", "network", "volume"] {
        let all = if kind == "container" {
            &["--all"][..]
        } else {
            &[]
        };
        let list = [&[kind, "ls", "--quiet", "--filter", &of_this_run], all].concat();
        assert_eq!(docker(&list).unwrap(), "", "{kind}");
    }
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_claim_of_the_module_below_its_start_fails_and_one_above_passes() {
    is_too_small("256 MB of RAM", "module");
    is_enough("350 MB of RAM", "module");
}

#[test]
fn a_claim_of_the_device_gives_its_reserve_away_first() {
    is_too_small("656 MB of RAM", "device");
    is_enough("750 MB of RAM", "device");
}

#[test]
fn the_start_need_is_found_within_5_percent_in_15_runs_and_applied() {
    let directory = tempfile::tempdir().unwrap();
    let offer = directory.path().join("offer.json");
    let before = fs::read_to_string(offer_of("needs-300-at-start")).unwrap();
    fs::write(&offer, &before).unwrap();
    let answer = answer(&offer, &["--apply"]);
    let memory = &answer["memory"]["seen"];
    let limit = memory["limit"].as_u64().unwrap();
    // The program itself, its stack and its page tables take about one MiB beside the 300.
    assert!((300 * MIB..=317 * MIB).contains(&limit), "{answer:#}");
    assert!(
        memory["below"].as_u64().unwrap() * 105 / 100 >= limit,
        "{answer:#}"
    );
    assert!(memory["tries"].as_u64().unwrap() < 15, "{answer:#}");
    assert_eq!(memory["settled"], true, "{answer:#}");
    assert_eq!(memory["adapts"], false, "{answer:#}");
    let first = &answer["starts"]["memory"]["seen"]["tries"][1];
    assert_eq!(first["cause"], "out-of-memory", "{answer:#}");
    let after = fs::read_to_string(&offer).unwrap();
    let claimed = "Linux x64 OS, 512 MB of RAM, 100 MB of storage";
    let sized = "Linux x64 OS, 704 MB of RAM, 10 MB of storage";
    let wanted = before.replace(claimed, sized);
    assert_eq!((after, answer["applied"].clone()), (wanted, json!(true)));
}

/// Its collector makes do with less and works more. The least is what it starts with in time, and it is not called a need.
#[test]
fn a_runtime_that_adapts_to_its_limit_is_told_apart() {
    let answer = answer(&offer_of("adapts"), &["--scope-of-claim", "module"]);
    let memory = &answer["memory"]["seen"];
    assert_eq!(memory["adapts"], true, "{answer:#}");
    let limit = memory["limit"].as_u64().unwrap();
    // It holds 40 MiB and the interpreter; under 50 MiB it is killed, and just above it collects all the time.
    assert!((55 * MIB..180 * MIB).contains(&limit), "{answer:#}");
    let peak = answer["starts"]["unlimited"]["peak"].as_u64().unwrap();
    assert!(peak > 200 * MIB, "{answer:#}");
}
