//! `edgeproof results --events` against the local hub's Event Hubs-compatible endpoint, the program as it is built: reports that came
//! as messages are read with Microsoft's own client, put together and stored.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, SystemTime};

use agent::hub::{Content, HubClient, HubSettings, Identity as Own, LONGEST_PAUSE, report_parts};
use conformance::report::{Report, SUMMARY_SCHEMA};
use standin::hub::{HubConfig, Identity, LocalHub, Mode, OtherPorts, Policy};
use tempfile::TempDir;

const RUN: &str = "monday";

/// A hub, and the files that name it.
struct Lab {
    hub: LocalHub,
    place: TempDir,
}

impl Lab {
    async fn start() -> Lab {
        let free = "127.0.0.1:0".parse().unwrap();
        let hub = LocalHub::start(HubConfig {
            listen: free,
            also: OtherPorts {
                events: Some(free),
                ..OtherPorts::default()
            },
            host_name: "lab.local".to_owned(),
            names: vec!["127.0.0.1".to_owned()],
            mode: Mode::IotHub,
        });
        let lab = Lab {
            hub: hub.await.unwrap(),
            place: tempfile::tempdir().unwrap(),
        };
        std::fs::write(lab.path("ca.pem"), lab.hub.trust_bundle_pem()).unwrap();
        lab.names(Policy::Service);
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Writes the connection string of a policy for the program; what of it must never be printed.
    fn names(&self, policy: Policy) -> String {
        let string = self.hub.events_connection_string(policy).unwrap();
        std::fs::write(self.path("events.txt"), &string).unwrap();
        let key = string.split("SharedAccessKey=").nth(1).unwrap();
        key.split(';').next().unwrap().to_owned()
    }

    /// The probe's own client as the probe of a device.
    fn probe(&self, device: &str) -> HubClient {
        let identity = Identity::module(device, "edgeproof");
        let credentials = self.hub.register(&identity).unwrap();
        let (client, mut from_hub) = HubClient::connect(HubSettings {
            identity: Own::from_connection_string(&credentials.connection_string).unwrap(),
            ca_pem: Some(self.hub.trust_bundle_pem().to_owned()),
            port: self.hub.address().port(),
            product_info: "edgeproof-tests".to_owned(),
            seed: 1,
            longest_pause: LONGEST_PAUSE,
            now: SystemTime::now,
        });
        tokio::spawn(async move { while from_hub.recv().await.is_some() {} });
        client
    }

    /// The program, reading what devices one and two have sent.
    fn results(&self, more: &[&str]) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_edgeproof"));
        command
            .args([
                "results", "--device", "one", "--device", "two", "--run", RUN,
            ])
            .arg("--events")
            .arg(self.path("events.txt"))
            .arg("--hub-ca")
            .arg(self.path("ca.pem"))
            .arg("--out")
            .arg(self.path("out"))
            .args(more)
            .kill_on_drop(true);
        command
    }
}

/// A stored report as that of this run, made longer than three messages by blanks, which JSON does not mind.
fn report() -> Vec<u8> {
    let recorded = include_bytes!("../../tests/reports/recorded-hungry.json");
    let mut report: Report = serde_json::from_slice(recorded).unwrap();
    report.run.id = RUN.to_owned();
    let mut bytes = serde_json::to_vec(&report).unwrap();
    bytes.resize(500_000, b' ');
    bytes
}

async fn send_summary(probe: &HubClient, report: &[u8]) {
    let report: Report = serde_json::from_slice(report).unwrap();
    let body = serde_json::to_vec(&report.summary()).unwrap();
    let properties =
        [("schema", SUMMARY_SCHEMA), ("run", RUN)].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let sent = probe.send("report", &properties, Content::JSON, body);
    sent.await.unwrap();
}

/// Sends the parts with these numbers, counted from 1.
async fn send_parts(probe: &HubClient, report: &[u8], numbers: &[usize]) {
    let parts = report_parts(RUN, report);
    for number in numbers {
        let part = &parts[number - 1];
        let content = Content {
            kind: "application/octet-stream",
            encoding: "utf-8",
        };
        let properties = part.properties();
        let sent = probe.send("report", &properties, content, part.body.clone());
        sent.await.unwrap();
    }
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn stored(directory: &Path) -> Report {
    serde_json::from_slice(&std::fs::read(directory.join("report.json")).unwrap()).unwrap()
}

#[tokio::test]
async fn reports_that_came_as_messages_are_stored_and_missing_parts_are_named() {
    let lab = Lab::start().await;
    let report = report();
    let (one, two) = (lab.probe("one"), lab.probe("two"));
    send_summary(&one, &report).await;
    send_parts(&one, &report, &[1, 2, 2, 3]).await;
    send_summary(&two, &report).await;
    send_parts(&two, &report, &[1, 3]).await;

    let output = lab.results(&[]).output().await.unwrap();
    let (exit, out, err) = told(&output);
    assert!(lab.path("out/one/report.json").exists(), "{out}{err}");
    let of_one = stored(&lab.path("out/one"));
    // A failed must of one device is worse than another device without a report.
    let exit_of_one = i32::from(of_one.verdict.exit_code());
    assert_eq!((exit, exit_of_one), (Some(1), 1), "{out}{err}");
    assert_eq!(of_one, serde_json::from_slice(&report).unwrap());
    assert!(
        out.contains(
            "two: no report: run monday: missing of 3 parts of the report: 2; its summary says: "
        ),
        "{out}"
    );
    assert!(err.contains("one: part 1 of 3"), "{err}");
    assert!(!lab.path("out/two").exists());

    // The part that was missing comes while the program waits for it.
    let following = lab.results(&["--follow", "--wait", "60s"]).spawn().unwrap();
    send_parts(&two, &report, &[2]).await;
    let ended = tokio::time::timeout(Duration::from_secs(60), following.wait_with_output());
    let (exit, out, err) = told(&ended.await.expect("it ends with the last report").unwrap());
    assert_eq!(exit, Some(exit_of_one), "{out}{err}");
    assert_eq!(stored(&lab.path("out/two")), of_one);

    // What is older than is asked for is not looked at.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let output = lab.results(&["--since", "1s"]).output().await.unwrap();
    let (exit, out, err) = told(&output);
    assert_eq!(exit, Some(2), "{out}{err}");
    assert!(
        out.contains("one: no report: run monday: no part of its report among the messages"),
        "{out}"
    );
}

#[tokio::test]
async fn a_policy_without_the_right_is_told_and_the_key_never() {
    let lab = Lab::start().await;
    let key = lab.names(Policy::RegistryRead);
    let output = lab.results(&[]).output().await.unwrap();
    let (exit, out, err) = told(&output);
    assert_eq!(exit, Some(2), "{out}{err}");
    assert!(
        err.contains("read the hub's messages") && err.contains("does not grant ServiceConnect"),
        "{err}"
    );
    assert!(
        !err.contains(&key) && !out.contains(&key),
        "the key is told"
    );

    std::fs::write(
        lab.path("events.txt"),
        "HostName=h;SharedAccessKeyName=a;SharedAccessKey=c2VjcmV0",
    )
    .unwrap();
    let output = lab.results(&[]).output().await.unwrap();
    let (exit, out, err) = told(&output);
    assert_eq!(exit, Some(65), "{out}{err}");
    assert!(
        err.contains("Endpoint=sb://") && !err.contains("c2VjcmV0"),
        "{err}"
    );
}
