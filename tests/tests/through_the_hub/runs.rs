//! `results`: follows a module's twin, fetches its report, and tells by name who has none.

use std::fs;

use serde_json::{Value, json};
use standin::hub::Identity;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::module::Module;
use super::{DEVICE, Ended, Lab};

/// A stored report, and its run.
fn report(name: &str) -> (String, Vec<u8>) {
    let bytes = fs::read(support::repository().join(format!("tests/reports/{name}.json"))).unwrap();
    let read: Value = serde_json::from_slice(&bytes).unwrap();
    (read["run"]["id"].as_str().unwrap().to_owned(), bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_followed_to_its_report() {
    let lab = Lab::start().await;
    let (run, bytes) = report("conformant");
    let module = Module::connect(&lab, &run, bytes).await;
    module.has_report(false);
    // The last run of this device has ended; it is not the one that is waited for.
    module
        .says(json!({"run": "older", "state": "done", "phase": null}))
        .await;
    let out = lab.path("out");
    let mut follows = lab
        .command(&lab.string)
        .await
        .args(["results", "--device", DEVICE, "--run", &run, "--follow"])
        .args(["--wait", "60s", "--format", "json", "--out"])
        .arg(&out)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follows.stderr.take().unwrap()).lines();
    let mut told = async |words: &str| {
        let line = lines.next_line().await.unwrap();
        let line = line.unwrap_or_else(|| panic!("{words} is never told"));
        assert!(line.contains(words), "{line}, not {words}");
    };
    told("none seen; the probe tells of run older").await;
    for (phase, progress) in [("cold start 1", 10), ("steady window", 60)] {
        module
            .says(json!({"run": run, "state": "running", "phase": phase, "progress": progress}))
            .await;
        told(&format!("{phase} ({progress} %)")).await;
    }
    module.has_report(true);
    module
        .says(json!({"run": run, "state": "done", "phase": null, "progress": 100}))
        .await;
    told("pi4-01: conformant (device scope").await;
    let ended = Ended::of(&follows.wait_with_output().await.unwrap(), &lab.string);
    assert_eq!(ended.exit, 0, "{ended:?}");
    let printed: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(printed["verdict"], "conformant", "{printed}");
    assert_eq!(printed["devices"][0]["device"], DEVICE);
    let directory = out.join(DEVICE);
    for face in [
        "report.json",
        "report.html",
        "report.md",
        "junit.xml",
        "report.sarif",
    ] {
        assert!(directory.join(face).is_file(), "{face}");
    }
    let stored = fs::read(directory.join("report.json")).unwrap();
    let stored: Value = serde_json::from_slice(&stored).unwrap();
    assert_eq!(stored["run"]["id"], run);
    module.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_comes_in_parts_and_its_verdict_is_the_exit_code() {
    let lab = Lab::start().await;
    let (run, bytes) = report("not-conformant");
    let module = Module::connect(&lab, &run, bytes).await;
    module
        .says(json!({"run": run, "state": "done", "phase": null}))
        .await;
    let out = lab.path("out").display().to_string();
    let ended = lab
        .edgeproof(&["results", "--device", DEVICE, "--out", &out])
        .await;
    assert_eq!(ended.exit, 1, "{ended:?}");
    let asked = module.asked();
    let in_order: Vec<u64> = (1..).take(asked.len()).collect();
    assert!(asked.len() > 1 && asked == in_order, "{asked:?}");
    module.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_a_report_is_told_by_name_with_its_reason() {
    let lab = Lab::start().await;
    let (run, bytes) = report("conformant");
    let module = Module::connect(&lab, &run, bytes).await;
    let out = lab.path("out");
    let look = |more: &[&'static str]| {
        let mut arguments = vec!["results".to_owned(), "--out".to_owned()];
        arguments.push(out.display().to_string());
        arguments.extend(more.iter().map(|one| (*one).to_owned()));
        arguments
    };
    let check = async |more: &[&'static str], exit: i32, words: &str| {
        let arguments = look(more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ended = lab.edgeproof(&arguments).await;
        assert_eq!(ended.exit, exit, "{ended:?}");
        assert!(ended.out.contains(words), "{words} is missing: {ended:?}");
    };
    let one = ["--device", DEVICE];
    check(&one, 2, "pi4-01: no report: no run was asked for").await;
    module
        .says(json!({"run": run, "state": "running", "phase": "pull", "progress": 3}))
        .await;
    check(&one, 2, "pull (3 %)").await;
    module
        .says(json!({"run": run, "state": "failed", "phase": "the engine\u{1b}[31m is gone"}))
        .await;
    check(&one, 2, "failed: the engine").await;
    module
        .says(json!({"run": run, "state": "done", "phase": null}))
        .await;
    check(&one, 0, "pi4-01: conformant").await;
    check(
        &["--device", DEVICE, "--device", "nobody"],
        2,
        "nobody: no report: the hub knows no module edgeproof",
    )
    .await;
    check(&["--query", "deviceId = 'pi4-01'"], 0, "pi4-01: conformant").await;
    // The run that the twin asks for is another one, and its mistakes are told.
    lab.hub
        .set_desired(
            &Identity::module(DEVICE, "edgeproof"),
            &json!({"conformance": {"run": {"id": "next"}}}),
        )
        .unwrap();
    check(&one, 2, "run next: none seen; the probe tells of run").await;
    module
        .says(json!({"mistakes": ["/profile: missing"]}))
        .await;
    check(
        &one,
        2,
        "refuses the run that its twin asks for: /profile: missing",
    )
    .await;
    module.leave().await;
    let named = ["--device", DEVICE, "--run"];
    let arguments = look(&named);
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.push(&run);
    let ended = lab.edgeproof(&arguments).await;
    assert_eq!(ended.exit, 2, "{ended:?}");
    assert!(ended.out.contains("the device is offline"), "{ended:?}");
}
