//! The quick part of the fault campaign: a handful of seeds, with the module that is judged soonest. The whole one is
//! `make faults N=…` (`docs/faults.md`).

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::fs;
use std::process::Command;

use serde_json::Value;
use support::repository;

/// They draw, of the soon judged module's boundaries: see `tests/src/campaign/draw.rs`.
const SEED: &str = "1";
const COUNT: &str = "2";

#[test]
fn a_probe_that_is_killed_at_a_step_reports_once_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("campaign.jsonl");
    let output = Command::new(env!("CARGO_BIN_EXE_campaign"))
        .args(["--seed", SEED, "--count", COUNT, "--lanes", "2"])
        .args(["--candidates", "soon", "--out", out.to_str().unwrap()])
        .current_dir(repository())
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{words}");
    let evidence = fs::read_to_string(out).unwrap();
    let lines = evidence
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let seeds: Vec<Value> = lines.filter(|line| line["seed"].is_u64()).collect();
    assert_eq!(seeds.len().to_string(), COUNT, "{evidence}");
    for seed in seeds {
        // A kill that was never reached would show nothing.
        assert_eq!(seed["outcome"]["ended"][0], 137, "{seed}");
        assert_eq!(seed["outcome"]["arrived"]["reports"], 1, "{seed}");
        assert_eq!(seed["complaints"], serde_json::json!([]), "{seed}");
    }
}
