//! Candidates that mean harm: the run ends with the right finding, device and probe stay within their limits, nothing is left.
//!
//! A flood of 1 GB of log and one of empty files take longer: `scripts/test-hostile.sh`; a disk that is really full needs one of its
//! own: `scripts/test-small-disk.sh`.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use support::{Certified, certify, docker, nothing_is_left, repository};

const SHORT: [&str; 5] = ["--window", "1s", "--starts", "1", "--quiet"];
/// Half of what `deployment.json` lets the probe have.
const MOST_PROBE_MEMORY: f64 = 32.0 * 1024.0 * 1024.0;
/// What others may start or write on this machine while a test looks.
const OTHERS_TASKS: usize = 500;
const OTHERS_BYTES: u64 = 2 << 30;

fn offer(variant: &str) -> PathBuf {
    let name = match variant {
        "forks" => "offer.json".to_owned(),
        variant => format!("offer-{variant}.json"),
    };
    repository().join("tests/candidates/hostile").join(name)
}

/// Processes and threads of this machine (proc(5), loadavg).
fn tasks() -> usize {
    let load = fs::read_to_string("/proc/loadavg").unwrap();
    let (_, all) = load.split(' ').nth(3).unwrap().split_once('/').unwrap();
    all.parse().unwrap()
}

/// Free bytes where the engine keeps its data.
fn free() -> u64 {
    let root = docker(&["info", "--format", "{{.DockerRootDir}}"]).unwrap();
    let output = Command::new("df")
        .args(["--output=avail", "-B1", &root])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().nth(1).unwrap().trim().parse().unwrap()
}

/// Certifies a hostile offer and holds device and probe to their limits.
fn survived(offer: &Path, more: &[&str]) -> Certified {
    let (tasks_before, free_before) = (tasks(), free());
    let out = tempfile::tempdir().unwrap();
    let certified = certify(offer, out.path(), more).unwrap();
    let report = certified.report.as_ref().expect(&certified.words);
    let memory = report["measurements"].as_array().unwrap().iter();
    let memory: Vec<f64> = memory
        .filter(|one| one["name"] == "probe.memory.peak")
        .map(|one| one["value"].as_f64().unwrap())
        .collect();
    assert!(
        !memory.is_empty() && memory.iter().all(|peak| *peak < MOST_PROBE_MEMORY),
        "{memory:?}"
    );
    let (tasks_after, free_after) = (tasks(), free());
    assert!(
        tasks_after < tasks_before + OTHERS_TASKS,
        "{tasks_before}, then {tasks_after} tasks"
    );
    assert!(
        free_after + OTHERS_BYTES > free_before,
        "{free_before}, then {free_after} bytes free"
    );
    nothing_is_left().unwrap();
    certified
}

fn fails_as_a_danger(certified: &Certified, words: &str) {
    let finding = certified.finding("IEM-CFG-07").unwrap();
    assert_eq!(finding["verdict"], "fail", "{}", certified.words);
    let saw = finding["saw"].as_str().unwrap();
    for words in ["it endangers the device", "the probe ended it", words] {
        assert!(saw.contains(words), "`{words}` is missing in: {saw}");
    }
    assert_eq!(certified.exit, Some(1), "{}", certified.words);
}

#[test]
fn one_that_starts_threads_without_end_is_ended_before_the_table_is_full() {
    let window = ["--window", "6s", "--starts", "1", "--quiet"];
    let certified = survived(&offer("forks"), &window);
    fails_as_a_danger(&certified, "processes and threads");
}

#[test]
fn one_that_fills_the_disk_is_ended_while_there_is_room() {
    let keep = format!("{}MiB", (free() >> 20) - 400);
    let window = [
        "--window",
        "8s",
        "--starts",
        "1",
        "--quiet",
        "--keep-free",
        &keep,
    ];
    let certified = survived(&offer("disk"), &window);
    fails_as_a_danger(&certified, "free space of the device's disk fell");
}

#[test]
fn one_that_answers_for_the_edge_runtime_reaches_only_itself() {
    let certified = survived(&offer("sockets"), &SHORT);
    let saw = |id: &str| {
        certified.finding(id).unwrap()["saw"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    // Its forged request for edgeHub's signature and its plain bytes are told, not answered for.
    assert!(
        saw("IEM-TEL-03").contains("%2e%2e%2fedgeHub"),
        "{}",
        saw("IEM-TEL-03")
    );
    assert!(
        saw("IEM-CFG-07").contains("speaks without TLS"),
        "{}",
        saw("IEM-CFG-07")
    );
    assert_eq!(
        certified.verdict_of("IEM-SEC-02"),
        Some("warn"),
        "it runs as root"
    );
}

#[test]
fn one_that_kills_every_process_reaches_only_its_own() {
    let certified = survived(&offer("siblings"), &SHORT);
    assert_eq!(certified.exit, Some(0), "{}", certified.words);
    assert_eq!(
        certified.verdict_of("IEM-SEC-02"),
        Some("warn"),
        "it runs as root"
    );
}

/// The same with what it would take to reach others: not started without leave.
#[test]
fn one_that_asks_for_the_way_to_others_is_not_started() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("offer.json");
    let mut asking: Value = serde_json::from_slice(&fs::read(offer("siblings")).unwrap()).unwrap();
    let host = &mut asking["plan"]["createOptions"]["HostConfig"];
    host["PidMode"] = "host".into();
    host["Binds"] = json!(["/var/run/docker.sock:/engine.sock"]);
    fs::write(&path, asking.to_string()).unwrap();
    let certified = survived(&path, &SHORT);
    assert_eq!(
        certified.verdict_of("IEM-SEC-02"),
        Some("fail"),
        "{}",
        certified.words
    );
    let saw = certified.finding("IEM-CFG-07").unwrap()["saw"]
        .as_str()
        .unwrap();
    assert!(saw.starts_with("not started"), "{saw}");
}

#[test]
fn one_that_mounts_the_probe_s_state_is_not_started_and_a_deployed_probe_s_state_stays() {
    let state = [
        "volume",
        "inspect",
        "--format",
        "{{.Mountpoint}}",
        "edgeproof-state",
    ];
    let certified = survived(&offer("state"), &SHORT);
    let saw = certified.finding("IEM-CFG-07").unwrap()["saw"]
        .as_str()
        .unwrap();
    assert!(saw.contains("volume edgeproof-state by name"), "{saw}");

    docker(&["volume", "create", "edgeproof-state"]).unwrap();
    let kept = PathBuf::from(docker(&state).unwrap()).join("runs");
    fs::create_dir(&kept).unwrap();
    let out = tempfile::tempdir().unwrap();
    let with_leave = [&SHORT[..], &["--allow-elevated"]].concat();
    let certified = certify(&offer("state"), out.path(), &with_leave).unwrap();
    let stays = kept.is_dir();
    docker(&["volume", "rm", "edgeproof-state"]).unwrap();
    let saw = certified.finding("IEM-CFG-07").unwrap()["saw"]
        .as_str()
        .unwrap();
    assert!(saw.contains("which is on this engine already"), "{saw}");
    assert!(stays, "what a deployed probe keeps is gone");
}
