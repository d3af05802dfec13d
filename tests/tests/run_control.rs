//! The probe's program with a real engine and the local hub: runs started, followed, fetched and canceled by direct methods.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

#[path = "run_control/by_hand.rs"]
mod by_hand;
#[path = "run_control/x509.rs"]
mod x509;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use conformance::record::{ProfileName, RunOptions, ScopeName};
use conformance::run_request::{RunRequest, sha256_hex};
use conformance::units::Millis;
use serde_json::{Value, json};
use standin::hub::{HubConfig, HubEvent, Identity, LocalHub, Mode, OtherPorts, Policy};
use support::under_way::signal;
use support::{large_offer, load_probe, of_run, offer_of, program};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

/// An address of this test alone, because the probe dials port 8883 and no other.
const ADDRESS: &str = "127.0.0.41";
/// How long anything may take, also when another run has the engine first.
const PATIENCE: Duration = Duration::from_secs(240);
/// How long an engine waits after SIGTERM.
const GRACE: Duration = Duration::from_secs(10);

fn module() -> Identity {
    Identity::module("device-1", "edgeproof")
}

async fn hub() -> (LocalHub, String) {
    let config = HubConfig {
        listen: format!("{ADDRESS}:8883").parse().unwrap(),
        also: OtherPorts {
            service: Some(format!("{ADDRESS}:0").parse().unwrap()),
            ..OtherPorts::default()
        },
        host_name: "hub.test".to_owned(),
        names: vec![ADDRESS.to_owned()],
        mode: Mode::IotHub,
    };
    let hub = LocalHub::start(config).await.unwrap();
    let connection = hub.register(&module()).unwrap().connection_string;
    (hub, connection)
}

/// The probe's own program, as a module that is no container.
fn probe(state: &Path, connection: &str, authority: &str) -> Child {
    command(state, connection, authority).spawn().unwrap()
}

fn command(state: &Path, connection: &str, authority: &str) -> Command {
    load_probe().unwrap();
    let anchor = state.join("ca.pem");
    fs::write(&anchor, authority).unwrap();
    let mut command = Command::new(program::shipped_probe(state).unwrap());
    command
        .arg("--state")
        .arg(state)
        .args(["--image", "edgeproof-agent:0.1.0"])
        .env("EdgeHubConnectionString", connection)
        .env("EdgeModuleCACertificateFile", &anchor)
        .stderr(Stdio::from(
            fs::File::create(state.join("probe.log")).unwrap(),
        ))
        .kill_on_drop(true);
    command
}

/// A short run, and its offer as the method `offer` takes it.
fn request(run: &str, offer: &str) -> (Value, Value) {
    let options = RunOptions {
        starts: Some(1),
        window: Some(Millis(1_000)),
        ..RunOptions::default()
    };
    let whole = RunRequest::new(run, ProfileName::Quick, ScopeName::Device, offer, options);
    let mut request = whole.unwrap();
    let packed = request.offer.take().unwrap();
    let part = json!({
        "sha256": request.offer_sha256, "part": 1, "parts": 1,
        "encoding": packed.encoding, "content": packed.parts.concat(),
    });
    (serde_json::to_value(request).unwrap(), part)
}

async fn call(hub: &LocalHub, name: &str, payload: &Value) -> (i64, Value) {
    let answer = hub.invoke(&module(), name, payload, GRACE).await.unwrap();
    (answer.status, answer.payload)
}

async fn seen<T>(
    events: &mut Receiver<HubEvent>,
    what: &str,
    wanted: impl Fn(&HubEvent) -> Option<T>,
) -> T {
    let search = async {
        loop {
            let event = events.recv().await.expect("the hub ended");
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    };
    let found = timeout(PATIENCE, search).await;
    found.unwrap_or_else(|_| panic!("{what}: not seen"))
}

/// From then on it hears direct methods.
async fn reads_its_twin(events: &mut Receiver<HubEvent>) {
    seen(events, "the twin is read", |event| {
        matches!(event, HubEvent::TwinRead { .. }).then_some(())
    })
    .await;
}

async fn told(events: &mut Receiver<HubEvent>, run: &str, state: &str, phase: &str) -> Value {
    let what = format!("{run} {state} {phase}");
    seen(events, &what, |event| {
        let HubEvent::Reported { patch, .. } = event else {
            return None;
        };
        let now = &patch["conformance"];
        assert!(
            now["state"] != "failed" || state == "failed",
            "{what}: {now}"
        );
        let there = now["phase"].as_str().unwrap_or_default().starts_with(phase);
        (now["run"] == run && now["state"] == state && there).then(|| now.clone())
    })
    .await
}

#[tokio::test]
async fn runs_are_started_followed_fetched_and_canceled_by_call() {
    let state = tempfile::tempdir().unwrap();
    let (hub, connection) = hub().await;
    let mut events = hub.subscribe();
    let mut probe = probe(state.path(), &connection, hub.trust_bundle_pem());
    let offer = fs::read_to_string(offer_of("well-behaved")).unwrap();
    let ids = ["first", "second"].map(|name| format!("{name}-{}", std::process::id()));
    let [first, second] = [&ids[0], &ids[1]];
    reads_its_twin(&mut events).await;

    let (run, part) = request(first, &offer);
    let handed = call(&hub, "offer", &part).await;
    assert_eq!(handed, (200, json!({"have": 1, "of": 1, "complete": true})));
    let started = call(&hub, "start", &run).await;
    assert_eq!(started, (202, json!({"run": first, "position": 0})));
    let queued = call(&hub, "start", &request(second, &offer).0).await;
    assert_eq!(queued, (202, json!({"run": second, "position": 1})));
    told(&mut events, first, "running", "").await;
    let (_, status) = call(&hub, "status", &Value::Null).await;
    assert_eq!(
        (&status["run"], &status["queue"]),
        (&json!(first), &json!([second])),
        "{status}"
    );

    let done = told(&mut events, first, "done", "").await;
    assert_eq!(done["verdict"], "conformant", "{done}");
    let kept = fs::read(state.path().join("runs").join(first).join("report.json")).unwrap();
    let (_, report) = call(&hub, "report", &json!({"run": first})).await;
    assert_eq!(report["sha256"], sha256_hex(&kept));
    assert_eq!(of_run(first).unwrap(), "");

    told(&mut events, second, "running", "start 1").await;
    assert_ne!(
        of_run(second).unwrap(),
        "",
        "it was canceled too early to show anything"
    );
    let canceled = call(&hub, "cancel", &json!({"run": second})).await;
    assert_eq!(canceled, (200, json!({"run": second, "was": "running"})));
    told(&mut events, second, "canceled", "").await;
    assert_eq!(of_run(second).unwrap(), "");
    assert_eq!(
        call(&hub, "ping", &Value::Null).await.1["state"],
        "canceled"
    );

    signal("TERM", &[probe.id().unwrap()]).unwrap();
    let ended = timeout(GRACE, probe.wait()).await;
    assert!(ended.expect("it takes too long to stop").unwrap().success());
}

/// `edgeproof deploy` with the hub's service API; exit code and both outputs.
async fn deploy(hub: &LocalHub, place: &Path, arguments: &[&str]) -> (i32, String, String) {
    let program = tokio::task::spawn_blocking(support::program::program)
        .await
        .unwrap();
    let string = hub.service_connection_string(Policy::IotHubOwner).unwrap();
    let output = Command::new(program)
        .arg("deploy")
        .arg(place.join("offer.json"))
        .args(["--image", "lab.example/edgeproof-agent:0.1.0", "--apply"])
        .args(arguments)
        .env("EDGEPROOF_HUB_CONNECTION_STRING", string)
        .env("EDGEPROOF_HUB_CA", place.join("ca.pem"))
        .output()
        .await
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let exit = output.status.code().unwrap();
    (exit, text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_offer_no_twin_has_room_for_comes_by_deploy_once_and_who_is_off_is_told() {
    let state = tempfile::tempdir().unwrap();
    let (hub, connection) = hub().await;
    let off = Identity::module("device-2", "edgeproof");
    hub.register(&off).unwrap();
    let mut events = hub.subscribe();
    let mut probe = probe(state.path(), &connection, hub.trust_bundle_pem());
    let offer = large_offer().unwrap();
    fs::write(state.path().join("offer.json"), &offer).unwrap();
    let run = format!("large-{}", std::process::id());
    let asked = ["--run", &run, "--target-condition", "*", "--wait", "5s"];
    let everywhere = [&asked[..], &["--format", "json"]].concat();
    let (exit, out, err) = deploy(&hub, state.path(), &everywhere).await;
    assert_eq!(exit, 2, "{out}{err}");
    assert!(
        err.contains("device-2: not yet: the probe is offline"),
        "{err}"
    );
    let done: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&done["deployment"], &done["done"]),
        (&json!("edgeproof"), &json!("created"))
    );
    let both = json!([
        {"device": "device-1", "run": run, "taken": "queued", "position": 0},
        {"device": "device-2", "run": run, "why": "the probe is offline"},
    ]);
    assert_eq!(done["runs"], both, "{err}");
    // The twin carries nothing of it, and what the probe has is the offer byte for byte.
    assert!(
        hub.twin(&module())
            .unwrap()
            .desired
            .get("conformance")
            .is_none()
    );
    let kept = state.path().join("offers");
    let kept = fs::read_dir(kept).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::read_to_string(kept).unwrap(), offer);
    told(&mut events, &run, "running", "").await;

    let here = ["--run", &run, "--target-condition", "deviceId='device-1'"];
    let (exit, out, err) = deploy(&hub, state.path(), &here).await;
    assert_eq!(exit, 0, "{out}{err}");
    assert!(
        out.contains("device-1: run") && out.contains("was handed over before"),
        "{out}"
    );
    fs::write(
        state.path().join("offer.json"),
        offer.replacen("1.0.0", "1.0.1", 1),
    )
    .unwrap();
    let (exit, out, err) = deploy(&hub, state.path(), &here).await;
    assert_eq!(exit, 2, "{out}{err}");
    assert!(
        out.contains("not handed over: the probe refuses run"),
        "{out}"
    );
    assert!(
        out.contains("409") && out.contains("was used before"),
        "{out}"
    );

    let canceled = call(&hub, "cancel", &json!({"run": run})).await;
    assert_eq!(canceled, (200, json!({"run": run, "was": "running"})));
    told(&mut events, &run, "canceled", "").await;
    signal("TERM", &[probe.id().unwrap()]).unwrap();
    assert!(
        timeout(PATIENCE, probe.wait())
            .await
            .unwrap()
            .unwrap()
            .success()
    );
    assert_eq!(of_run(&run).unwrap(), "");
}
