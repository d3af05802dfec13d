//! An engine that is elsewhere: behind ssh on this machine, where the probe cannot reach the harness and must not.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use support::sshd::Sshd;
use support::under_way::{UnderWay, signal};
use support::{SHORT, certify, docker, nothing_is_left, offer_of};

fn start(sshd: &Sshd, more: &[&str]) -> UnderWay {
    let options = [&SHORT[..], &["--engine", &sshd.url], more].concat();
    UnderWay::start_with_path("well-behaved", &options, &sshd.path).unwrap()
}

#[test]
fn an_engine_behind_ssh_certifies_as_one_that_is_here() {
    let sshd = Sshd::start().unwrap();
    let mut run = start(&sshd, &[]);
    assert_eq!(run.end().unwrap().code(), Some(0), "{}", run.words());
    let report = run.report().unwrap();
    let verdict_of = |id: &str| {
        let findings = report["findings"].as_array().unwrap();
        let finding = findings.iter().find(|finding| finding["id"] == id).unwrap();
        finding["verdict"].as_str().unwrap().to_owned()
    };
    for id in ["IEM-CFG-07", "IEM-HW-03", "IEM-HW-07"] {
        assert_eq!(verdict_of(id), "pass", "{id}");
    }
    nothing_is_left().unwrap();
}

#[test]
fn ctrl_c_leaves_nothing_on_an_engine_behind_ssh() {
    let sshd = Sshd::start().unwrap();
    let mut run = start(&sshd, &[]);
    run.wait_for("start 1").unwrap();
    signal("INT", &[run.pid()]).unwrap();
    assert_eq!(run.end().unwrap().code(), Some(2), "{}", run.words());
    nothing_is_left().unwrap();
}

#[test]
fn a_killed_harness_takes_relay_and_ssh_along_and_the_next_start_finds_a_clean_engine() {
    let sshd = Sshd::start().unwrap();
    let mut run = start(&sshd, &[]);
    run.wait_for("start 1").unwrap();
    let relays = ["ps", "--quiet", "--filter", "label=edgeproof.role=hub"];
    assert_eq!(docker(&relays).unwrap().lines().count(), 1);
    signal("KILL", &[run.pid()]).unwrap();
    assert_eq!(run.end().unwrap().signal(), Some(9));
    let until = Instant::now() + Duration::from_secs(60);
    while !docker(&relays).unwrap().is_empty() {
        assert!(Instant::now() < until, "the relay goes on");
    }
    let out = tempfile::tempdir().unwrap();
    let nobody_s = ["--image", "localhost:1/nobody/has-this:1"];
    certify(&offer_of("host-bind"), out.path(), &nobody_s).unwrap();
    nothing_is_left().unwrap();
}

#[test]
fn a_relay_that_is_killed_ends_the_run_at_once_and_leaves_nothing() {
    let sshd = Sshd::start().unwrap();
    // A window that would outlast every patience here: only the relay's end can end the run.
    let options = ["--window", "1h", "--starts", "1", "--engine", &sshd.url];
    let mut run = UnderWay::start_with_path("well-behaved", &options, &sshd.path).unwrap();
    run.wait_for("start 1").unwrap();
    let relays = docker(&["ps", "--quiet", "--filter", "label=edgeproof.role=hub"]).unwrap();
    docker(&["kill", &relays]).unwrap();
    assert_eq!(run.end().unwrap().code(), Some(2), "{}", run.words());
    let words = run.words();
    assert!(
        words.contains("the relay beside the probe ended with exit code 137"),
        "{words}"
    );
    assert!(!run.has_reported());
    nothing_is_left().unwrap();
}

#[test]
fn what_ssh_says_is_passed_on() {
    let out = tempfile::tempdir().unwrap();
    let nowhere = ["--engine", "ssh://root@127.0.0.1:1"];
    let certified = certify(&offer_of("well-behaved"), out.path(), &nowhere).unwrap();
    assert_eq!(certified.exit, Some(2), "{}", certified.words);
    let words = &certified.words;
    assert!(words.contains("Connection refused"), "{words}");
}
