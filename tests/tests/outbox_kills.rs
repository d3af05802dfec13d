//! `kill -9` of a real probe between storing a report and sending it: after the next start it arrives, though nobody asks for it.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use conformance::record::{ProfileName, RunOptions, ScopeName};
use conformance::run_request::RunRequest;
use conformance::units::Millis;
use serde_json::json;
use standin::hub::{HubConfig, HubEvent, Identity, LocalHub, Mode, OtherPorts};
use support::under_way::signal;
use support::{load_probe, nothing_is_left, offer_of, program};

/// The port is the one that a probe dials, so the address is this test's own.
const ADDRESS: &str = "127.0.0.88";
const RUN: &str = "outbox-kill";
/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(120);

fn who() -> Identity {
    Identity::module("d1", "edgeproof")
}

async fn hub() -> LocalHub {
    let hub = LocalHub::start(HubConfig {
        listen: SocketAddr::new(ADDRESS.parse().unwrap(), 8883),
        also: OtherPorts::default(),
        host_name: "hub.test".to_owned(),
        names: vec![ADDRESS.to_owned()],
        mode: Mode::IotHub,
    });
    hub.await.unwrap()
}

fn probe(hub: &LocalHub, directory: &Path, log: &str) -> Child {
    let authority = directory.join("authority.pem");
    fs::write(&authority, hub.trust_bundle_pem()).unwrap();
    Command::new(program::probe())
        .arg("--state")
        .arg(directory.join("state"))
        .args(["--image", "edgeproof-agent:0.1.0"])
        .env(
            "EdgeHubConnectionString",
            hub.register(&who()).unwrap().connection_string,
        )
        .env("EdgeModuleCACertificateFile", authority)
        .stderr(File::create(directory.join(log)).unwrap())
        .spawn()
        .unwrap()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "it never came to this: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_probe_killed_between_storing_and_sending_sends_after_the_next_start() {
    load_probe().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let offer = fs::read_to_string(offer_of("wrong-architecture")).unwrap();
    let options = RunOptions {
        window: Some(Millis(1_000)),
        starts: Some(1),
        ..RunOptions::default()
    };
    let request = RunRequest::new(RUN, ProfileName::Quick, ScopeName::Device, &offer, options);
    let first = hub().await;
    first.register(&who()).unwrap();
    let wanted = json!({"conformance": {"run": request.unwrap()}});
    first.set_desired(&who(), &wanted).unwrap();
    let mut killed = probe(&first, directory.path(), "first.log");
    let kept = directory.path().join("state/runs").join(RUN);
    until("judged", || {
        fs::read_to_string(kept.join("journal.jsonl")).is_ok_and(|text| text.contains("\"judged\""))
    })
    .await;
    first.shutdown().await;
    until("stored", || {
        kept.join("unsent").exists() && kept.join("report.json").exists()
    })
    .await;
    signal("KILL", &[killed.id()]).unwrap();
    killed.wait().unwrap();
    assert!(kept.join("unsent").exists(), "it was sent before the kill");

    let second = hub().await;
    let mut heard = second.subscribe();
    let mut again = probe(&second, directory.path(), "second.log");
    let mut messages = Vec::new();
    while messages.len() < 2 {
        let event = tokio::time::timeout(PATIENCE, heard.recv()).await;
        if let HubEvent::Message {
            properties, body, ..
        } = event.expect("nothing arrived").unwrap()
        {
            assert_eq!(properties.application["run"].as_deref(), Some(RUN));
            messages.push((properties, body));
        }
    }
    assert!(!messages[0].0.application.contains_key("part"));
    assert_eq!(messages[1].0.application["parts"].as_deref(), Some("1"));
    assert!(messages[1].1 == fs::read(kept.join("report.json")).unwrap());
    until("acknowledged", || !kept.join("unsent").exists()).await;
    until("serving", || {
        let log = fs::read_to_string(directory.path().join("second.log"));
        log.is_ok_and(|text| text.contains("connected to the hub"))
    })
    .await;
    signal("TERM", &[again.id()]).unwrap();
    assert!(again.wait().unwrap().success());
    second.shutdown().await;
    nothing_is_left().unwrap();
}
