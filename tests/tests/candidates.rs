//! Every fixture module through the whole main job: each is wrong in just one way, and just that flips.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

#[path = "candidates/sdk_modules.rs"]
mod sdk_modules;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::expectation::Expected;
use support::{Certified, certify, edgeproof, leftovers, offer_of, repository};

/// One start and two seconds: what a fixture is wrong in, it is wrong in from its start.
const SHORT: [&str; 5] = ["--window", "2s", "--starts", "1", "--quiet"];

/// Runs a fixture, holds it to its `expected.json`, and looks for words in what one finding saw.
fn check_words(candidate: &str, id: &str, words: &[&str]) {
    check_words_with(candidate, &SHORT, id, words);
}

/// The same with other arguments than the short ones.
fn check_words_with(candidate: &str, custom: &[&str], id: &str, words: &[&str]) {
    let certified = check_with(candidate, custom);
    let finding = certified.finding(id).unwrap();
    let said = format!(
        "{}: {}",
        finding["reason"].as_str().unwrap_or("judged"),
        finding["saw"].as_str().unwrap()
    );
    for word in words {
        assert!(
            said.contains(word),
            "{candidate}, {id}: `{word}` is missing in: {said}"
        );
    }
}

fn check(candidate: &str) -> Certified {
    check_with(candidate, &SHORT)
}

fn check_with(candidate: &str, custom: &[&str]) -> Certified {
    let out = tempfile::tempdir().unwrap();
    let certified = certified_in_quiet(candidate, out.path(), custom);
    let expected = Expected::read(&file_of(candidate, "expected")).unwrap();
    let report = certified.report.as_ref().expect(&certified.words);
    let seen = Expected::seen(report, certified.exit).unwrap();
    assert_eq!(seen, expected, "{candidate}\n{}", certified.words);
    assert_eq!(
        rejudged(out.path()),
        fs::read(out.path().join("report.json")).unwrap(),
        "{candidate}: judged again, the report is another one"
    );
    assert_eq!(
        report["run"]["certifying"], false,
        "a window of one's own certifies nothing"
    );
    assert!(
        leftovers().unwrap().is_empty(),
        "{:?}",
        leftovers().unwrap()
    );
    certified
}

/// `offer.json` or `expected.json` of a fixture; `sdk-python:web-socket` has `offer-web-socket.json` and its like: another plan for the
/// same image.
fn file_of(candidate: &str, what: &str) -> PathBuf {
    let (fixture, file) = match candidate.split_once(':') {
        Some((fixture, variant)) => (fixture, format!("{what}-{variant}.json")),
        None => (candidate, format!("{what}.json")),
    };
    let directory = repository().join("tests/candidates").join(fixture);
    directory.join(file)
}

/// Being late proves nothing while others keep the machine busy, and the report says so: such a run is made again, twice.
fn certified_in_quiet(candidate: &str, out: &Path, custom: &[&str]) -> Certified {
    let certify = || certify(&file_of(candidate, "offer"), out, custom).unwrap();
    let mut certified = certify();
    for _ in 0..2 {
        let finding = certified.finding("IEM-CFG-07");
        let saw = finding.and_then(|finding| finding["saw"].as_str());
        if !saw.is_some_and(|saw| saw.contains("the device is not quiet")) {
            break;
        }
        certified = certify();
    }
    certified
}

/// The report in a directory, judged again by the harness.
fn rejudged(directory: &Path) -> Vec<u8> {
    let report = directory.join("report.json");
    let program = edgeproof().unwrap();
    let output = Command::new(program)
        .arg("rejudge")
        .arg(report)
        .args(["--format", "json"])
        .output()
        .unwrap();
    output.stdout
}

#[test]
fn a_well_behaved_module_is_conformant() {
    let certified = check_with("well-behaved", &[&SHORT[..], &["--faults"]].concat());
    let report = certified.report.unwrap();
    let faults = &report["observations"]["faults"]["seen"];
    assert!(faults["notApplicable"].is_object(), "no SDK: {faults}");
}

#[test]
fn a_setting_that_the_offer_does_not_mention_waits_for_a_person() {
    let words = ["judged: not mentioned: environment variable LOG_LEVEL;"];
    check_words("well-behaved:undocumented", "IEM-DOC-01", &words);
}

#[test]
fn a_module_that_holds_more_than_it_claims_fails_for_memory() {
    check_words(
        "hungry",
        "IEM-HW-03",
        &["memory.nonreclaimable.peak", "MiB"],
    );
}

#[test]
fn a_crash_looping_module_fails_to_start() {
    check_words("crash-looper", "IEM-CFG-07", &["exited with code"]);
}

#[test]
fn a_slow_starter_is_given_its_time() {
    check("slow-starter");
}

#[test]
fn a_privileged_module_fails_and_is_not_started() {
    check_words("privileged", "IEM-SEC-01", &["/HostConfig/Privileged"]);
}

#[test]
fn a_module_that_ignores_sigterm_is_warned() {
    check_words("ignores-sigterm", "IEM-CFG-07", &["stop.duration", "10"]);
}

#[test]
fn a_module_that_fills_the_disk_fails_for_storage() {
    check_words("disk-filler", "IEM-HW-05", &["MB"]);
}

#[test]
fn a_module_that_keeps_files_for_itself_is_measured_all_the_same() {
    check("private-files");
}

#[test]
fn an_image_for_another_architecture_fails_to_start() {
    check_words("wrong-architecture", "IEM-CFG-07", &["exec format error"]);
}

#[test]
fn a_host_bind_is_named_and_the_module_not_started() {
    check_words(
        "host-bind",
        "IEM-CFG-07",
        &["configuration", "/HostConfig/Binds", "--allow-elevated"],
    );
}

#[test]
fn a_gpu_that_is_asked_for_and_not_claimed_is_named() {
    check_words(
        "asks-for-gpu",
        "IEM-HW-06",
        &["/dev/dri", "/HostConfig/Devices/0", "names no accelerator"],
    );
}

#[test]
fn a_real_broker_from_debian_is_conformant() {
    check("mosquitto");
}

#[test]
fn a_module_that_needs_more_at_start_than_afterwards_fails_for_its_start() {
    check_words("needs-300-at-start", "IEM-HW-03", &["start 1", "300 MiB"]);
}

#[test]
fn a_runtime_that_adapts_to_its_limit_is_conformant() {
    check("adapts");
}

/// The cause that IEM-CFG-07 names for a fixture that does not start.
fn check_cause(candidate: &str, more: &[&str], cause: &str, words: &[&str]) {
    let custom = [&SHORT[..], more].concat();
    let certified = check_with(candidate, &custom);
    let finding = certified.finding("IEM-CFG-07").unwrap();
    let saw = finding["saw"].as_str().unwrap();
    for word in [&[format!("({cause})").as_str()], words].concat() {
        assert!(
            saw.contains(word),
            "{candidate}: `{word}` is missing in: {saw}"
        );
    }
    assert!(finding["remedy"].is_string(), "{candidate}: no mend");
}

#[test]
fn a_device_that_does_not_exist_is_the_cause() {
    check_cause(
        "missing-device",
        &["--allow-elevated"],
        "device or bind source missing",
        &["/dev/edgeproof-absent"],
    );
}

#[test]
fn a_memory_limit_of_its_own_is_the_cause() {
    check_cause("starved", &[], "out of memory", &["killed for memory"]);
}

#[test]
fn an_option_that_the_engine_refuses_is_the_cause() {
    check_cause("bad-option", &[], "option refused", &["memory limit"]);
}

#[test]
fn a_placeholder_that_nobody_replaced_is_the_cause() {
    check_cause(
        "unresolved-placeholder",
        &[],
        "unresolved placeholder",
        &["SERVER_NAME"],
    );
}

#[test]
fn a_program_that_is_not_in_the_image_is_the_cause() {
    check_cause(
        "missing-file",
        &[],
        "missing file or permission",
        &["/model-runner"],
    );
}

#[test]
fn a_port_that_never_listens_is_the_cause() {
    check_cause(
        "never-ready",
        &["--start-budget", "6s"],
        "not ready in time",
        &["8080/tcp listening"],
    );
}

#[test]
fn a_healthcheck_that_fails_is_the_cause() {
    check_cause(
        "unhealthy",
        &["--start-budget", "8s"],
        "HEALTHCHECK fails",
        &["the scale is not calibrated"],
    );
}

#[test]
fn a_module_that_ends_by_itself_is_told_so() {
    check_cause("ends", &[], "ended by itself", &["exited with code 0"]);
}

#[test]
fn a_host_port_that_somebody_else_holds_is_not_the_modules() {
    let _holder = std::net::TcpListener::bind(("0.0.0.0", 18742)).unwrap();
    check_words(
        "port-taken",
        "IEM-CFG-07",
        &["infrastructure", "port in use", "18742"],
    );
}

#[test]
fn children_that_nobody_waits_for_are_counted() {
    check_words(
        "leaves-zombies",
        "IEM-CFG-07",
        &["nobody waited for (zombies)"],
    );
}

#[test]
fn a_log_that_fills_the_claim_warns_with_what_limits_it() {
    let certified = check("log-flood");
    let finding = certified.finding("IEM-HW-05").unwrap();
    assert!(
        finding["saw"]
            .as_str()
            .unwrap()
            .contains("bytes a second without a limit")
    );
    assert!(finding["paste"].as_str().unwrap().contains("max-size"));
}

/// The fixture lives for twelve seconds: ten of them are the watch of its start, then it ends, and is restarted ten seconds
/// later for another twelve. At twenty seconds it is up, at thirty it waits for its second restart.
#[test]
fn a_module_that_waits_for_its_restart_is_not_up() {
    let custom = [
        "--profile",
        "standard",
        "--window",
        "30s",
        "--starts",
        "1",
        "--quiet",
    ];
    check_words_with(
        "short-lived",
        &custom,
        "IEM-CFG-07",
        &["IoT Edge: backoff", "restarted once", "exit code 4"],
    );
}

#[test]
fn a_module_that_was_restarted_and_is_up_warns() {
    let out = tempfile::tempdir().unwrap();
    let custom = [
        "--profile",
        "soak",
        "--duration",
        "19s",
        "--starts",
        "1",
        "--quiet",
    ];
    let certified = certify(&offer_of("short-lived"), out.path(), &custom).unwrap();
    assert_eq!(
        certified.verdict_of("IEM-CFG-07"),
        Some("warn"),
        "{}",
        certified.words
    );
    let report = certified.report.unwrap();
    assert_eq!(report["run"]["certifying"], false);
    assert_eq!(report["observations"]["kept"]["seen"]["end"], "healthy");
}
