//! The lines of docs/deploy.md as they stand there: a run whose offer no twin has room for, handed over by whoever calls the methods without
//! edgeproof, and the results of one.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use standin::hub::{Identity, LocalHub, Policy};
use support::under_way::signal;
use support::{large_offer, of_run, offer_of};
use tokio::process::Command;
use tokio::time::timeout;

use super::{GRACE, PATIENCE, call, hub, probe, reads_its_twin, request, told};

/// The first lines to type below a heading of the page.
fn typed(heading: &str, fence: &str) -> String {
    let page = fs::read_to_string(support::repository().join("docs/deploy.md")).unwrap();
    let (_, page) = page.split_once(&format!("\n{heading}\n")).unwrap();
    let (_, rest) = page.split_once(fence).unwrap();
    rest.split_once("\n```").unwrap().0.to_owned()
}

/// Lines that ask for something else in one place.
fn with(lines: &str, from: &str, to: &str) -> String {
    let changed = lines.replace(from, to);
    assert_ne!(changed, lines, "the page does not say `{from}`");
    changed
}

/// The lines of the page that write the payloads and call the methods by REST, for a run of this id.
fn lines(run: &str) -> String {
    let heading = "### Calls by hand";
    let (payloads, calls) = (typed(heading, "\n```\n"), typed(heading, "\n```sh\n"));
    let asked = with(&payloads, "--run monday", &format!("--run {run}"));
    format!("{asked}\n{calls}\n")
}

/// Plays the lines in a directory that has what the page takes for granted; what each call was answered.
async fn answers(lines: &str, place: &Path, hub: &LocalHub) -> Vec<Value> {
    let program = tokio::task::spawn_blocking(support::program::program)
        .await
        .unwrap();
    let string = hub.service_connection_string(Policy::Service).unwrap();
    fs::write(place.join("hub.txt"), format!("{string}\n")).unwrap();
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", program.parent().unwrap().display());
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", lines])
        .current_dir(place)
        .env("PATH", path)
        .env("CURL_CA_BUNDLE", place.join("ca.pem"))
        .env("EDGEPROOF_HUB_CA", place.join("ca.pem"))
        .output()
        .await
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{out}{err}");
    out.lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_s_own_lines_hand_over_an_offer_that_no_twin_has_room_for() {
    let place = tempfile::tempdir().unwrap();
    let (hub, _) = hub().await;
    let device = Identity::module("pi4-01", "edgeproof");
    let connection = hub.register(&device).unwrap().connection_string;
    let mut events = hub.subscribe();
    let mut probe = probe(place.path(), &connection, hub.trust_bundle_pem());
    let offer = large_offer().unwrap();
    fs::write(place.path().join("offer.json"), &offer).unwrap();
    reads_its_twin(&mut events).await;

    let run = format!("monday-{}", std::process::id());
    let answers = answers(&lines(&run), place.path(), &hub).await;
    let wanted = [
        json!({"status": 200, "payload": {"have": 1, "of": 2}}),
        json!({"status": 200, "payload": {"have": 2, "of": 2, "complete": true}}),
        json!({"status": 202, "payload": {"run": run, "position": 0}}),
    ];
    assert_eq!(answers, wanted);
    let kept = place.path().join("offers");
    let kept = fs::read_dir(kept).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::read_to_string(kept).unwrap(), offer);

    told(&mut events, &run, "running", "").await;
    let asked = json!({"run": run});
    let canceled = hub.invoke(&device, "cancel", &asked, GRACE);
    let canceled = canceled.await.unwrap();
    assert_eq!(
        canceled.payload,
        json!({"run": run, "was": "running"}),
        "{canceled:?}"
    );
    told(&mut events, &run, "canceled", "").await;
    signal("TERM", &[probe.id().unwrap()]).unwrap();
    let ended = timeout(PATIENCE, probe.wait()).await.unwrap();
    assert!(ended.unwrap().success());
    assert_eq!(of_run(&run).unwrap(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_s_own_lines_fetch_the_report_of_a_run_that_has_ended_and_make_a_dossier_of_it() {
    let place = tempfile::tempdir().unwrap();
    let (hub, connection) = hub().await;
    let mut events = hub.subscribe();
    let mut probe = probe(place.path(), &connection, hub.trust_bundle_pem());
    let offer = fs::read_to_string(offer_of("well-behaved")).unwrap();
    let run = format!("monday-{}", std::process::id());
    reads_its_twin(&mut events).await;
    let (asked, part) = request(&run, &offer);
    assert_eq!(call(&hub, "offer", &part).await.0, 200);
    assert_eq!(call(&hub, "start", &asked).await.0, 202);
    told(&mut events, &run, "done", "").await;

    let lines = typed("## Get the results", "\n```\n");
    let lines = with(&lines, "tags.lab='yes'", "deviceId='device-1'");
    let lines = with(&lines, "--run monday", &format!("--run {run}"));
    // One device leaves a dossier undecided at most.
    answers(&format!("{lines} || test $? -eq 2"), place.path(), &hub).await;
    // Stored for people to read, kept as it travels: the same members in the same order.
    let read = |path| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let stored = read(place.path().join("monday/device-1/report.json"));
    let kept = read(place.path().join("runs").join(&run).join("report.json"));
    assert!(stored == kept, "another report was stored");
    signal("TERM", &[probe.id().unwrap()]).unwrap();
    let ended = timeout(PATIENCE, probe.wait()).await.unwrap();
    assert!(ended.unwrap().success());
}
