//! `results`: follows a module's twin, fetches its report, and tells by name who has none.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use standin::hub::Identity;

use super::module::Module;
use super::{DEVICE, Lab};

/// A little longer than the pause between two looks at a device, so that each step is seen.
const LOOK: Duration = Duration::from_millis(2_300);

/// A stored report, and its run.
fn report(name: &str) -> (String, Vec<u8>) {
    let bytes = fs::read(support::repository().join(format!("tests/reports/{name}.json"))).unwrap();
    let read: Value = serde_json::from_slice(&bytes).unwrap();
    (read["run"]["id"].as_str().unwrap().to_owned(), bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_followed_to_its_report_and_the_exit_code_is_its_verdict_s() {
    let lab = Lab::start().await;
    for (name, exit, verdict) in [
        ("conformant", 0, "conformant"),
        ("not-conformant", 1, "not-conformant"),
    ] {
        let (run, bytes) = report(name);
        let module = Module::connect(&lab, &run, bytes).await;
        // The last run of this device has ended; it is not the one that is waited for.
        module
            .says(json!({"run": "older", "state": "done", "phase": null}))
            .await;
        let out = lab.path(name);
        let arguments = [
            "results",
            "--device",
            DEVICE,
            "--run",
            &run,
            "--follow",
            "--wait",
            "60s",
            "--out",
            out.to_str().unwrap(),
            "--format",
            "json",
        ];
        let plays = async {
            for (phase, progress) in [("cold start 1", 10), ("steady window", 60)] {
                tokio::time::sleep(LOOK).await;
                let says =
                    json!({"run": run, "state": "running", "phase": phase, "progress": progress});
                module.says(says).await;
            }
            tokio::time::sleep(LOOK).await;
            module
                .says(json!({"run": run, "state": "done", "phase": null, "progress": 100}))
                .await;
        };
        let (ended, ()) = tokio::join!(lab.edgeproof(&arguments), plays);
        assert_eq!(ended.exit, exit, "{ended:?}");
        assert!(
            ended.err.contains("steady window (60 %)"),
            "no progress: {}",
            ended.err
        );
        let told: Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!(told["verdict"], verdict, "{told}");
        assert_eq!(told["devices"][0]["device"], DEVICE);
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
        let stored: Value =
            serde_json::from_slice(&fs::read(directory.join("report.json")).unwrap()).unwrap();
        assert_eq!(stored["run"]["id"], run);
        let asked = module.asked();
        assert!(asked.len() > 1, "one part: {asked:?}");
        module.leave().await;
    }
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
