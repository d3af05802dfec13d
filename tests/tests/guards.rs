//! What guards the probe's start and end, with the real program and an engine that takes connections and never answers.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::fs::{self, File};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use standin::hub::{HubConfig, Identity, LocalHub, Mode, OtherPorts};
use support::program;
use support::under_way::signal;
use tempfile::TempDir;

/// The port is the one that a probe dials, so the address is this test's own.
const ADDRESS: &str = "127.0.0.91";
/// How long an end may take that comes before anything has begun.
const AT_ONCE: Duration = Duration::from_secs(1);
/// How long anything else may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// An engine that hangs, and a place for the state.
struct Place {
    directory: TempDir,
    _engine: UnixListener,
    connection: String,
}

impl Place {
    fn new(connection: &str) -> Place {
        let directory = tempfile::tempdir().unwrap();
        Place {
            _engine: UnixListener::bind(directory.path().join("engine.sock")).unwrap(),
            directory,
            connection: connection.to_owned(),
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The probe; `before` are words that go before its own.
    fn probe(&self, log: &str, before: &[&str]) -> Child {
        let words: Vec<&str> = before
            .iter()
            .copied()
            .chain([program::probe().to_str().unwrap()])
            .collect();
        Command::new(words[0])
            .args(&words[1..])
            .arg("--engine")
            .arg(self.path().join("engine.sock"))
            .arg("--state")
            .arg(self.path().join("state"))
            .env("EdgeHubConnectionString", &self.connection)
            .stderr(File::create(self.path().join(log)).unwrap())
            .spawn()
            .unwrap()
    }

    fn log(&self, log: &str) -> String {
        fs::read_to_string(self.path().join(log)).unwrap()
    }

    /// Waits until the probe has the state directory and asks its engine.
    fn until_open(&self) {
        until("the state directory is made", || {
            self.path().join("state/runs").is_dir()
        });
    }
}

/// Nobody listens there: a hub plays no part in these tests.
fn no_hub() -> String {
    format!(
        "HostName=hub.test;GatewayHostName={ADDRESS};DeviceId=d1;ModuleId=edgeproof;SharedAccessKey=AAECAw=="
    )
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "it never came to this: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn ended(child: &mut Child) -> ExitStatus {
    let mut status = None;
    until("it ends", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap()
}

/// The process that another one has started, by the host's count.
fn child_of(pid: u32) -> u32 {
    let mut child = None;
    until("there is a child", || {
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        child = children
            .unwrap()
            .split_whitespace()
            .next()
            .map(str::to_owned);
        child.is_some()
    });
    child.unwrap().parse().unwrap()
}

#[test]
fn a_probe_that_waits_for_its_engine_ends_within_a_second_of_sigterm() {
    let place = Place::new(&no_hub());
    let mut probe = place.probe("log", &["env"]);
    place.until_open();
    let asked = Instant::now();
    signal("TERM", &[probe.id()]).unwrap();
    let status = ended(&mut probe);
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    assert_eq!(status.code(), Some(0), "{}", place.log("log"));
}

#[test]
fn as_process_1_of_a_container_it_hears_sigterm_before_anything_was_opened() {
    let place = Place::new(&no_hub());
    // As in a container: the kernel drops signals for process 1 that it has no handler for.
    let mut outer = place.probe("log", &["unshare", "--pid", "--fork", "--kill-child"]);
    let probe = child_of(outer.id());
    place.until_open();
    let asked = Instant::now();
    signal("TERM", &[probe]).unwrap();
    let status = ended(&mut outer);
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    assert_eq!(status.code(), Some(0), "{}", place.log("log"));
}

#[test]
fn a_second_probe_on_a_state_directory_ends_with_words_and_a_killed_one_leaves_no_lock() {
    let place = Place::new(&no_hub());
    let mut first = place.probe("first", &["env"]);
    place.until_open();
    let mut second = place.probe("second", &["env"]);
    assert_eq!(ended(&mut second).code(), Some(75));
    let words = place.log("second");
    assert!(
        words.contains("another probe works in the state directory"),
        "{words}"
    );
    assert!(
        first.try_wait().unwrap().is_none(),
        "the first one was disturbed"
    );
    signal("KILL", &[first.id()]).unwrap();
    ended(&mut first);
    let mut third = place.probe("third", &["env"]);
    until("it has the directory", || third_waits(&mut third));
    signal("TERM", &[third.id()]).unwrap();
    assert_eq!(ended(&mut third).code(), Some(0), "{}", place.log("third"));
}

/// It has not ended in the time in which the second one did, and listens to its engine.
fn third_waits(third: &mut Child) -> bool {
    assert!(third.try_wait().unwrap().is_none(), "the lock is stale");
    let sockets = fs::read_to_string(format!("/proc/{}/net/unix", third.id()));
    let begun = fs::read_link(format!("/proc/{}/exe", third.id()));
    let handlers = fs::read_to_string(format!("/proc/{}/status", third.id()));
    // SigCgt: SIGTERM is bit 14. https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
    let caught = handlers.unwrap_or_default();
    let caught = caught.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    sockets.is_ok()
        && begun.is_ok_and(|path| path == program::probe())
        && caught.is_some_and(|caught| caught & (1 << 14) != 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_directory_that_cannot_be_used_is_told_to_the_hub() {
    let hub = LocalHub::start(HubConfig {
        listen: format!("{ADDRESS}:8883").parse().unwrap(),
        also: OtherPorts::default(),
        host_name: "hub.test".to_owned(),
        names: vec![ADDRESS.to_owned()],
        mode: Mode::IotHub,
    })
    .await
    .unwrap();
    let who = Identity::module("d1", "edgeproof");
    let place = Place::new(&hub.register(&who).unwrap().connection_string);
    let authority = place.path().join("authority.pem");
    fs::write(&authority, hub.trust_bundle_pem()).unwrap();
    // Where the runs should be is a file: no directory can be made there, as on a volume that is read-only from the start.
    fs::create_dir(place.path().join("state")).unwrap();
    fs::write(place.path().join("state/runs"), "").unwrap();
    let anchor = format!("EdgeModuleCACertificateFile={}", authority.display());
    let mut probe = place.probe("log", &["env", &anchor]);
    let status = ended(&mut probe);
    assert_eq!(status.code(), Some(2), "{}", place.log("log"));
    let reported = hub.twin(&who).unwrap().reported;
    assert_eq!(reported["conformance"]["state"], "failed", "{reported:?}");
    let phase = reported["conformance"]["phase"].as_str().unwrap();
    assert!(phase.contains("state/runs"), "{phase}");
}
