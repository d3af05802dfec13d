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
use support::second_engine::SecondEngine;
use support::under_way::signal;
use support::{load_probe, of_run, offer_of, probe_archive, program, repository};
use tempfile::TempDir;
use tokio::sync::mpsc::Receiver;

use crate::disk::Disk;
use crate::names::{Answer, HUB_NAME, Names};
use crate::way::{Gate, Way};

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

/// What a fault needs beside a hub, an engine and a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    Nothing,
    /// The hub has a name, and the probe a name server.
    Names,
    /// An engine of the test's own, which ends its containers when it ends.
    Engine,
    /// An engine of the test's own whose containers live on while it is restarted.
    LiveRestore,
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
    names: Option<Names>,
    // Its mount namespace holds the disk: it goes first.
    engine: Option<SecondEngine>,
    pub(crate) disk: Disk,
    place: TempDir,
    program: PathBuf,
    connection: String,
    events: Receiver<HubEvent>,
}

impl Stage {
    pub(crate) async fn new(beside: Beside) -> Stage {
        let dialled = if beside == Beside::Names {
            HUB_NAME
        } else {
            ADDRESS
        };
        let hub = hub(dialled).await;
        let disk = Disk::new();
        let engine = engine(beside);
        let socket = match &engine {
            Some(engine) => engine.url().trim_start_matches("unix://"),
            None => "/var/run/docker.sock",
        };
        let names = match beside {
            Beside::Names => Some(Names::new(ADDRESS.parse().unwrap()).await),
            Beside::Nothing | Beside::Engine | Beside::LiveRestore => None,
        };
        let place = tempfile::tempdir().unwrap();
        let program = program::shipped_probe(place.path()).unwrap();
        fs::write(place.path().join("authority.pem"), hub.trust_bundle_pem()).unwrap();
        let from = SocketAddr::new(ADDRESS.parse().unwrap(), 8883);
        Stage {
            to_hub: Gate::tcp(from, hub.address().port()),
            to_engine: Gate::unix(place.path().join("engine.sock"), PathBuf::from(socket)),
            names,
            engine,
            disk,
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
        let mut command = match &self.names {
            Some(names) => {
                let (program, words) = names.led_here(&self.program);
                let mut command = Command::new(program);
                command.args(words);
                command
            }
            None => Command::new(&self.program),
        };
        let child = command
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

    pub(crate) fn names(&self) -> &Names {
        self.names.as_ref().expect("this stage has names")
    }

    /// What a link that stands does not notice is noticed with the next one: as when a device comes to another network.
    pub(crate) async fn lose_the_name(&self, answer: Answer) {
        let asked = self.names().asked();
        self.names().set(answer);
        self.to_hub.set(Way::Reset);
        self.until("the name is asked for", || self.names().asked() > asked)
            .await;
        // From here on nothing but the name is in the way.
        self.to_hub.set(Way::Open);
    }

    pub(crate) fn mend_the_way_to_the_hub(&self) {
        if let Some(names) = &self.names {
            names.set(Answer::Address(ADDRESS.parse().unwrap()));
        }
        self.to_hub.set(Way::Open);
    }

    /// Restarts the engine beneath the probe, and answers when it is back.
    pub(crate) fn restart_engine(&mut self) {
        let engine = self.engine.as_mut().expect("this stage has an engine");
        tokio::task::block_in_place(|| engine.restart()).unwrap();
    }

    /// What the engine still has of a run; all that it has, where it is the test's own.
    pub(crate) fn left(&self, run: &str) -> String {
        match &self.engine {
            Some(engine) => engine.holds().unwrap().join("\n"),
            None => of_run(run).unwrap(),
        }
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

/// An engine of the test's own, with the images of a run.
fn engine(beside: Beside) -> Option<SecondEngine> {
    let engine = match beside {
        Beside::Nothing | Beside::Names => {
            load_probe().unwrap();
            return None;
        }
        Beside::Engine => SecondEngine::with_memory_controller(),
        Beside::LiveRestore => SecondEngine::with_live_restore(),
    };
    let engine = engine.unwrap();
    let candidate = repository().join("target/candidates/well-behaved/image.tar");
    for archive in [probe_archive().unwrap(), candidate] {
        let archive = archive.to_str().expect("a path in UTF-8");
        engine
            .docker(&["load", "--quiet", "--input", archive])
            .unwrap();
    }
    Some(engine)
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
