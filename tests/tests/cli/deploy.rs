//! `deploy` and `results` without a hub: what would be sent, what is refused, and that no key is ever told.

use std::fs;
use std::process::Command;

use conformance::run_request::RunRequest;
use serde_json::Value;
use support::program::program;

use super::{Ended, edgeproof, ended, well_behaved};

const IMAGE: &str = "lab.example/edgeproof-agent:0.1.0";
/// A key that must never be told; made up.
const KEY: &str = "c2VjcmV0LXNlY3JldA==";

/// With this connection string in the environment of the program.
fn with_string(text: &str, arguments: &[&str]) -> Ended {
    let mut command = Command::new(program());
    command
        .args(arguments)
        .env("EDGEPROOF_HUB_CONNECTION_STRING", text);
    ended(command.output().unwrap())
}

#[test]
fn without_apply_what_would_be_sent_is_printed() {
    let end = edgeproof(&[
        "deploy",
        "--image",
        IMAGE,
        "--id",
        "lab-1",
        "--target-condition",
        "tags.lab='yes'",
        "--priority",
        "7",
    ]);
    assert_eq!(end.exit, 0, "{end:?}");
    let body: Value = serde_json::from_str(&end.out).unwrap();
    assert_eq!(body["id"], "lab-1");
    assert_eq!(body["priority"], 7);
    assert_eq!(body["targetCondition"], "tags.lab='yes'");
    let content = &body["content"]["modulesContent"];
    let probe = &content["$edgeAgent"]["properties.desired.modules.edgeproof"];
    assert_eq!(probe["settings"]["image"], IMAGE);
    assert!(
        content["$edgeAgent"].as_object().unwrap().len() == 1 && content.get("edgeproof").is_none(),
        "{content}"
    );
    assert!(end.err.contains("nothing was changed"), "{}", end.err);
    assert!(end.err.contains("PUT /configurations/lab-1"), "{}", end.err);
}

#[test]
fn a_run_is_put_into_the_probe_s_twin_by_its_sub_path_alone() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("probe.json");
    let out = file.to_str().unwrap();
    let offer = well_behaved();
    let end = edgeproof(&[
        "deploy", &offer, "--run", "monday", "--image", IMAGE, "--out", out,
    ]);
    assert_eq!((end.exit, end.out.as_str()), (0, ""), "{end:?}");
    let body: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let twin = &body["content"]["modulesContent"]["edgeproof"];
    assert_eq!(twin.as_object().unwrap().len(), 1, "{twin}");
    let run = twin["properties.desired.conformance.run"].clone();
    let run: RunRequest = serde_json::from_value(run).unwrap();
    assert_eq!(run.id, "monday");
    assert_eq!(run.mistakes(), [""; 0]);
    assert_eq!(
        run.offer_text().unwrap(),
        fs::read_to_string(offer).unwrap()
    );
}

/// A run as calls in a new directory: what the program printed, and the payloads.
fn calls(offer: &str) -> (String, Vec<Value>) {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("calls");
    let directory = directory.to_str().unwrap();
    let asked = ["deploy", offer, "--run", "monday", "--calls", directory];
    let end = edgeproof(&asked);
    assert_eq!(end.exit, 0, "{end:?}");
    assert!(end.err.contains("nothing was sent"), "{}", end.err);
    let payload = |line: &str| {
        let (_, file) = line.split_once(' ').unwrap();
        let text = fs::read_to_string(file).unwrap();
        assert!(text.len() < 128 * 1024, "{file}: {}", text.len());
        serde_json::from_str(&text).unwrap()
    };
    let payloads = end.out.lines().map(payload).collect();
    let again = edgeproof(&asked);
    assert_eq!(again.exit, 64, "{again:?}");
    assert!(again.err.contains("is not empty"), "{}", again.err);
    (end.out.replace(&format!("{directory}/"), ""), payloads)
}

#[test]
fn a_run_is_written_down_as_calls_and_a_small_offer_needs_start_alone() {
    let offer = well_behaved();
    let (told, payloads) = calls(&offer);
    assert_eq!(told, "start start.json\n");
    let run: RunRequest = serde_json::from_value(payloads[0].clone()).unwrap();
    assert_eq!(run.mistakes(), [""; 0]);
    let text = fs::read_to_string(offer).unwrap();
    assert_eq!(run.offer_text().unwrap(), text);
}

#[test]
fn a_large_offer_is_written_down_in_parts_before_its_start() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("offer.json");
    fs::write(&file, support::large_offer().unwrap()).unwrap();
    let (told, payloads) = calls(file.to_str().unwrap());
    assert_eq!(
        told,
        "offer offer-01.json\noffer offer-02.json\nstart start.json\n"
    );
    let [first, second, run] = payloads.as_slice() else {
        panic!("{payloads:?}");
    };
    assert_eq!((&first["part"], &first["parts"]), (&1.into(), &2.into()));
    assert_eq!((&second["part"], &second["parts"]), (&2.into(), &2.into()));
    assert_eq!(run["offerSha256"], first["sha256"]);
    assert_eq!(run.get("offer"), None, "{run}");
}

#[test]
fn what_the_hub_would_refuse_ends_64_all_of_it_at_once() {
    let end = edgeproof(&[
        "deploy",
        "--id",
        "Lab 1",
        "--image",
        "No Image",
        "--socket",
        "run/docker.sock",
        "--data-root",
        "/a:b",
    ]);
    assert_eq!(end.exit, 64, "{end:?}");
    for flag in ["--id", "--image", "--socket", "--data-root"] {
        assert!(
            end.err.contains(&format!("\n  {flag}: ")),
            "{flag} is missing in\n{}",
            end.err
        );
    }
    assert_eq!(end.out, "");
}

#[test]
fn contradictions_and_what_is_missing_end_64() {
    let offer = well_behaved();
    let wrong: [&[&str]; 15] = [
        &["deploy", &offer],
        &["deploy", "--run", "monday"],
        &["deploy", "--device", "a", "--layered"],
        &["deploy", "--device", "a", "--priority", "3"],
        &["deploy", "--priority", "-1"],
        &["deploy", "--apply"],
        &["deploy", "--apply", "--image", IMAGE],
        &["deploy", "--device", "a", "--image", IMAGE],
        &["deploy", &offer, "--run", "Monday", "--image", IMAGE],
        &["deploy", "--calls", "calls"],
        &[
            "deploy", &offer, "--run", "monday", "--calls", "calls", "--apply", "--image", IMAGE,
        ],
        &[
            "deploy", &offer, "--run", "monday", "--calls", "calls", "--device", "a",
        ],
        &["results"],
        &["results", "--device", "a", "--query", "deviceId = 'a'"],
        &["results", "--device", "a/b"],
    ];
    for arguments in wrong {
        let end = edgeproof(arguments);
        assert_eq!(end.exit, 64, "{arguments:?}: {end:?}");
        assert_eq!(end.out, "", "{arguments:?}");
    }
    let end = edgeproof(&["results", "--device", "a"]);
    assert_eq!(end.exit, 64, "{end:?}");
    assert!(end.err.contains("--connection-string-file"), "{}", end.err);
}

#[test]
fn a_removal_without_apply_needs_no_hub_and_says_what_it_would_do() {
    let end = edgeproof(&["deploy", "--remove"]);
    assert_eq!((end.exit, end.out.as_str()), (0, ""), "{end:?}");
    assert!(
        end.err.contains("DELETE /configurations/edgeproof"),
        "{}",
        end.err
    );
}

#[test]
fn bad_input_ends_65_and_no_key_is_told() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("hub.txt");
    let text = format!("HostName=a b;SharedAccessKey={KEY}");
    fs::write(&file, &text).unwrap();
    let path = file.to_str().unwrap();
    for command in [
        &["results", "--device", "a"][..],
        &["deploy", "--device", "a", "--image", IMAGE],
    ] {
        let by_file = edgeproof(&[command, &["--connection-string-file", path]].concat());
        let by_variable = with_string(&text, command);
        for end in [by_file, by_variable] {
            assert_eq!(end.exit, 65, "{end:?}");
            assert!(end.err.contains("HostName is no host name"), "{}", end.err);
            assert!(
                end.err.contains("SharedAccessKeyName=… is missing"),
                "{}",
                end.err
            );
            assert!(!end.err.contains(KEY), "{}", end.err);
        }
    }
    let nowhere = [
        "results",
        "--device",
        "a",
        "--connection-string-file",
        "/nowhere/hub.txt",
    ];
    let end = edgeproof(&nowhere);
    assert_eq!(end.exit, 65, "{end:?}");
    assert!(end.err.contains("/nowhere/hub.txt"), "{}", end.err);
    let end = edgeproof(&["deploy", "/nowhere/offer.json", "--run", "r"]);
    assert_eq!(end.exit, 65, "{end:?}");
    let help = with_string(
        &format!("HostName=h;SharedAccessKey={KEY}"),
        &["results", "--help"],
    );
    assert!(!help.out.contains(KEY), "{}", help.out);
}

#[test]
fn an_authority_that_is_no_certificate_is_refused_before_anything_is_sent() {
    let string = format!("HostName=127.0.0.1:1;SharedAccessKeyName=service;SharedAccessKey={KEY}");
    let deployment = support::repository().join("deployment.json");
    let arguments = [
        "results",
        "--device",
        "a",
        "--hub-ca",
        deployment.to_str().unwrap(),
    ];
    let end = with_string(&string, &arguments);
    assert_eq!(end.exit, 2, "{end:?}");
    assert!(
        end.err.contains("holds no certificate") && !end.err.contains(KEY),
        "{}",
        end.err
    );
}
