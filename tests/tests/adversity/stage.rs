//! A probe's program between a hub, an engine and a disk of which each can fail, and what is seen of its run.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use conformance::record::{ProfileName, RunOptions, ScopeName};
use conformance::report::Report;
use conformance::run_request::{RunRequest, sha256_hex};
use conformance::units::Millis;
use serde_json::{Value, json};
use standin::hub::{HubConfig, HubEvent, Identity, LocalHub, Mode, OtherPorts};
use support::under_way::signal;
use support::{load_probe, offer_of, program};
use tempfile::TempDir;
use tokio::sync::mpsc::Receiver;

use crate::disk::Disk;
use crate::way::Gate;

/// The port is the one that a probe dials, so the address is these tests' own.
pub(crate) const ADDRESS: &str = "127.0.0.92";
/// How long anything may take. An engine that does not answer is given a minute for each call.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);
/// How long an engine waits after SIGTERM.
pub(crate) const GRACE: Duration = Duration::from_secs(10);
/// Pause between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

pub(crate) fn who() -> Identity {
    Identity::module("d1", "edgeproof")
}

/// A hub on a port of its own, with a certificate for this name.
pub(crate) async fn hub(name: &str) -> LocalHub {
    let hub = LocalHub::start(HubConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        also: OtherPorts::default(),
        host_name: "hub.test".to_owned(),
        names: vec![name.to_owned()],
        mode: Mode::IotHub,
    });
    hub.await.unwrap()
}

/// A probe that does not outlive a test that fails.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended is not there to be killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Everything around one probe.
pub(crate) struct Stage {
    pub(crate) hub: LocalHub,
    pub(crate) to_hub: Gate,
    pub(crate) to_engine: Gate,
    pub(crate) disk: Disk,
    place: TempDir,
    program: PathBuf,
    connection: String,
    events: Receiver<HubEvent>,
}

impl Stage {
    pub(crate) async fn new() -> Stage {
        load_probe().unwrap();
        let hub = hub(ADDRESS).await;
        let place = tempfile::tempdir().unwrap();
        let program = program::shipped_probe(place.path()).unwrap();
        fs::write(place.path().join("authority.pem"), hub.trust_bundle_pem()).unwrap();
        let from = SocketAddr::new(ADDRESS.parse().unwrap(), 8883);
        Stage {
            to_hub: Gate::tcp(from, hub.address().port()),
            to_engine: Gate::unix(
                place.path().join("engine.sock"),
                PathBuf::from("/var/run/docker.sock"),
            ),
            disk: Disk::new(),
            program,
            connection: hub.register(&who()).unwrap().connection_string,
            events: hub.subscribe(),
            hub,
            place,
        }
    }

    /// Starts the probe; its log goes on in the same file.
    pub(crate) fn probe(&self) -> Running {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path());
        let child = Command::new(&self.program)
            .arg("--engine")
            .arg(self.place.path().join("engine.sock"))
            .arg("--state")
            .arg(self.disk.path())
            .args(["--image", "edgeproof-agent:0.1.0"])
            .env("EdgeHubConnectionString", &self.connection)
            .env(
                "EdgeModuleCACertificateFile",
                self.place.path().join("authority.pem"),
            )
            .stderr(log.unwrap())
            .spawn()
            .unwrap();
        Running(child)
    }

    fn log_path(&self) -> PathBuf {
        self.place.path().join("log")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap()
    }

    /// Asks for a short run of the module that does everything right.
    pub(crate) fn desire(&self, run: &str) {
        let offer = fs::read_to_string(offer_of("well-behaved")).unwrap();
        let options = RunOptions {
            starts: Some(1),
            window: Some(Millis(1_000)),
            ..RunOptions::default()
        };
        let request = RunRequest::new(run, ProfileName::Quick, ScopeName::Device, &offer, options);
        let wanted = json!({"conformance": {"run": request.unwrap()}});
        self.hub.set_desired(&who(), &wanted).unwrap();
    }

    pub(crate) fn kept(&self, run: &str, file: &str) -> PathBuf {
        self.disk.path().join("runs").join(run).join(file)
    }

    /// Waits until the run's own log line says that this happened: the journal may be on a disk that is full.
    pub(crate) async fn until_event(&self, what: &str) {
        // The log is JSON, the event a text in it.
        let what = what.replace('"', "\\\"");
        self.until(&format!("event {what}"), || self.log().contains(&what))
            .await;
    }

    pub(crate) async fn until_phase(&self, name: &str) {
        self.until_event(&format!("{{\"event\":\"phase\",\"name\":\"{name}\""))
            .await;
    }

    pub(crate) async fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(
                begun.elapsed() < PATIENCE,
                "it never came to this: {what}\n{}",
                self.log()
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The report of a run, put together from its messages.
    pub(crate) async fn report(&mut self, run: &str) -> Report {
        let mut parts: Vec<(usize, Vec<u8>)> = Vec::new();
        loop {
            let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
            let event = event.unwrap_or_else(|_| panic!("no report arrives\n{}", self.log()));
            let HubEvent::Message {
                properties, body, ..
            } = event.expect("the hub runs")
            else {
                continue;
            };
            let of = |name: &str| properties.application.get(name).cloned().flatten();
            let (Some(part), Some(of_parts)) = (of("part"), of("parts")) else {
                continue;
            };
            assert_eq!(of("run").as_deref(), Some(run));
            let part: usize = part.parse().unwrap();
            if parts.iter().all(|(known, _)| *known != part) {
                parts.push((part, body.to_vec()));
            }
            if parts.len().to_string() == of_parts {
                parts.sort();
                let whole = parts.into_iter().map(|(_, body)| body).collect::<Vec<_>>();
                let whole = whole.concat();
                assert_eq!(of("sha256"), Some(sha256_hex(&whole)));
                return serde_json::from_slice(&whole).unwrap();
            }
        }
    }

    /// What the twin says of the probe.
    pub(crate) fn conformance(&self) -> Value {
        let reported = self.hub.twin(&who()).unwrap().reported;
        reported.get("conformance").cloned().unwrap_or_default()
    }
}

/// Asks the probe to end; how long that took.
pub(crate) fn stopped(Running(probe): &mut Running) -> Duration {
    let asked = Instant::now();
    signal("TERM", &[probe.id()]).unwrap();
    let status = loop {
        if let Some(status) = probe.try_wait().unwrap() {
            break status;
        }
        assert!(asked.elapsed() < PATIENCE, "it does not end at all");
        std::thread::sleep(LOOK_AGAIN);
    };
    assert_eq!(
        status.code(),
        Some(0),
        "it was asked to end and says {status}"
    );
    asked.elapsed()
}

/// Sockets of runs in a state directory.
pub(crate) fn sockets(state: &Path) -> usize {
    fs::read_dir(state.join("sockets")).map_or(0, |entries| entries.count())
}
