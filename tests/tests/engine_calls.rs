//! Every call that whole runs make on the engine, written down between them and it: all are on the list, the list has
//! nothing idle, and the probe touches nothing but what it made itself.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use engine::{CALLS, Call, Caller, listed};
use serde_json::Value;
use support::recorder::{Exchange, Recorder};
use support::{SHORT, certify, docker, nothing_is_left, offer_of};

const ENGINE: &str = "/var/run/docker.sock";
/// The probe's program, as the kernel has its name.
const PROBE: &str = "edgeproof-agent";

/// Calls that no run on an engine of this machine makes, and why.
const IDLE_HERE: [(&str, &str); 2] = [
    (
        "POST /containers/*/attach",
        "the lab's relay beside an engine elsewhere (tests/tests/elsewhere.rs)",
    ),
    (
        "GET /images/**/get",
        "`inspect --from-engine` is no run (agent/engine/tests/live)",
    ),
];
/// From this API version on an engine tells shared layers in its list of images.
const SHARED_SIZES: (u32, u32) = (1, 42);

/// What the probe may name in a call: its own container, and what it made.
#[derive(Debug, Default)]
struct Made {
    own: Option<String>,
    containers: BTreeSet<String>,
    networks: BTreeSet<String>,
    volumes: BTreeSet<String>,
}

impl Made {
    /// Holds one call against what was made before it, and takes in what it makes.
    fn take(&mut self, exchange: &Exchange) {
        let by_probe = exchange.program == PROBE;
        let created = || exchange.answered("Id");
        match (exchange.method.as_str(), pieces(&exchange.path).as_slice()) {
            ("POST", ["containers", "create"]) if by_probe => {
                let name = exchange.parameter("name").unwrap();
                self.containers.extend(created());
                self.containers.insert(name.to_owned());
            }
            // The harness makes the probe before the probe can call.
            ("POST", ["containers", "create"])
                if exchange
                    .parameter("name")
                    .is_some_and(|name| name.ends_with("-probe")) =>
            {
                self.own = created();
            }
            ("POST", ["networks", "create"]) if by_probe => {
                self.networks.extend(created());
                let name = exchange.asked()["Name"].as_str().map(str::to_owned);
                self.networks.extend(name);
            }
            ("POST", ["volumes", "create"]) if by_probe => {
                let name = exchange.asked()["Name"].as_str().map(str::to_owned);
                self.volumes.extend(name);
            }
            _ if !by_probe => {}
            ("GET", ["containers", id, "json"]) if Some(*id) == self.own.as_deref() => {}
            (method, ["containers", id, ..]) if (method, *id) != ("GET", "json") => {
                // A name that nobody has is no container: that is how the lock is found free.
                let nobody_s = exchange.answer.starts_with(b"HTTP/1.1 404");
                assert!(self.containers.contains(*id) || nobody_s, "{exchange:?}");
            }
            ("POST", ["networks", id, "connect" | "disconnect"]) => {
                assert!(self.networks.contains(*id), "{exchange:?}");
                let asked = exchange.asked();
                let whom = asked["Container"].as_str().unwrap();
                let ours = self.containers.contains(whom) || Some(whom) == self.own.as_deref();
                assert!(ours, "{exchange:?}");
            }
            ("DELETE", ["networks", id]) => {
                assert!(self.networks.contains(*id), "{exchange:?}");
            }
            ("DELETE", ["volumes", name]) => {
                assert!(self.volumes.contains(*name), "{exchange:?}");
            }
            _ => {}
        }
    }
}

fn pieces(path: &str) -> Vec<&str> {
    path.trim_matches('/').split('/').collect()
}

/// An offer whose image nobody has, so that the engine is asked to pull it.
fn unpullable(directory: &Path) -> PathBuf {
    let offer = fs::read(offer_of("well-behaved")).unwrap();
    let mut offer: Value = serde_json::from_slice(&offer).unwrap();
    offer["plan"]["image"]["repository"] = "localhost:1/nobody/has-this".into();
    let path = directory.join("offer.json");
    fs::write(&path, offer.to_string()).unwrap();
    path
}

/// The entry of each call; a call off the list, or one that its caller may not make, ends the test.
fn entry(exchange: &Exchange) -> &'static Call {
    let call = listed(&exchange.method, &exchange.path)
        .unwrap_or_else(|| panic!("off the list: {exchange:?}"));
    let by_probe = exchange.program == PROBE;
    assert!(by_probe || exchange.program == "edgeproof", "{exchange:?}");
    assert!(
        !by_probe || call.by == Caller::Probe,
        "not the probe's to make: {exchange:?}"
    );
    assert!(
        !exchange.more,
        "two requests on one connection: {exchange:?}"
    );
    call
}

fn engine_speaks() -> (u32, u32) {
    let version = docker(&["version", "--format", "{{.Server.APIVersion}}"]).unwrap();
    let (major, minor) = version.split_once('.').unwrap();
    (major.parse().unwrap(), minor.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_runs_make_the_calls_on_the_list_and_the_probe_touches_only_what_it_made() {
    nothing_is_left().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let recorder = Recorder::start(directory.path(), Path::new(ENGINE)).unwrap();
    let runs = [
        (offer_of("well-behaved"), Some(0)),
        (offer_of("first-start-only"), None),
        (unpullable(directory.path()), Some(2)),
    ];
    for (offer, exit) in runs {
        let url = recorder.url();
        let certified = tokio::task::spawn_blocking(move || {
            let out = tempfile::tempdir().unwrap();
            let more = [&SHORT[..], &["--allow-elevated", "--engine", &url]].concat();
            certify(&offer, out.path(), &more).unwrap()
        });
        let certified = certified.await.unwrap();
        assert!(certified.report.is_some(), "{}", certified.words);
        assert!(
            exit.is_none() || certified.exit == exit,
            "{}",
            certified.words
        );
    }

    let exchanges = recorder.exchanges();
    let mut made = Made::default();
    let mut by_probe = 0;
    let mut used = BTreeSet::new();
    for exchange in &exchanges {
        used.insert(entry(exchange).to_string());
        by_probe += usize::from(exchange.program == PROBE);
        made.take(exchange);
    }
    assert!(by_probe > 100, "{by_probe} calls of three runs");
    assert!(
        made.containers.len() > 10 && !made.volumes.is_empty(),
        "{made:?}"
    );
    let mut idle: BTreeSet<String> = IDLE_HERE.map(|(call, _)| call.to_owned()).into();
    if engine_speaks() < SHARED_SIZES {
        idle.insert("GET /images/json".to_owned());
    }
    let unused: BTreeSet<String> = CALLS
        .iter()
        .map(Call::to_string)
        .filter(|call| !used.contains(call))
        .collect();
    assert_eq!(unused, idle, "on the list, and made by no run");
    nothing_is_left().unwrap();
}
