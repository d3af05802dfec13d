//! The probe held to what it holds others to: its own offer through its own catalogue, and what it sees where a device gives
//! it less.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use support::expectation::told;
use support::{Certified, certify, docker, edgeproof, nothing_is_left, offer_of, repository};

const SECOND: [&str; 5] = ["--window", "1s", "--starts", "1", "--quiet"];
/// What the offer calls the probe's image; the local engine has it under the name of `deployment.json`.
const SOLD_AS: &str = "edgeproof.test/edgeproof-agent:0.1.0";

fn own_offer() -> PathBuf {
    repository().join("agent/offer.json")
}

fn read(path: &PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn verdicts(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter()
        .map(|(id, verdict)| ((*id).to_owned(), (*verdict).to_owned()))
        .collect()
}

#[test]
fn the_offer_asks_for_what_the_deployment_asks_for() {
    let manifest = read(&repository().join("deployment.json"));
    let content = &manifest["modulesContent"];
    let module = &content["$edgeAgent"]["properties.desired.modules.edgeproof"]["settings"];
    let options = module["createOptions"].as_str().unwrap();
    let plan = &read(&own_offer())["plan"];
    assert_eq!(
        plan["createOptions"],
        serde_json::from_str::<Value>(options).unwrap()
    );
    let route = &content["$edgeHub"]["properties.desired.routes.edgeproofReport"];
    assert_eq!(plan["routes"], json!({"edgeproofReport": route}));
    let tag = module["image"].as_str().unwrap().rsplit(':').next();
    assert_eq!(plan["image"]["tag"].as_str(), tag);
}

#[test]
fn the_offer_passes_every_requirement_of_its_text_but_the_one_it_asks_a_waiver_for() {
    let output = Command::new(edgeproof().unwrap())
        .args(["lint", "--format", "json"])
        .arg(own_offer())
        .output()
        .unwrap();
    let lint: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    // The request for a waiver gives the reason, and the lab has the word.
    let wanted = verdicts(&[("IEM-SEC-02", "fail"), ("IEM-SEC-03", "manual")]);
    assert_eq!(told(&lint), wanted);
    let waivers = read(&own_offer())["waiverRequests"].clone();
    let waived: Vec<&Value> = waivers
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(waived, ["IEM-SEC-02"]);
}

/// The probe certifies a second one, which has the engine's socket too: it finds the lock held and owners that live, so it
/// sweeps nothing away, and its state is in a volume of its own.
#[test]
fn a_probe_certifies_a_probe_and_neither_disturbs_the_other() {
    let archive = edgeproof().unwrap().with_file_name("edgeproof-agent.tar");
    docker(&["load", "--quiet", "--input", archive.to_str().unwrap()]).unwrap();
    docker(&["tag", "edgeproof-agent:0.1.0", SOLD_AS]).unwrap();
    let digest = docker(&["image", "inspect", "--format", "{{.Id}}", SOLD_AS]).unwrap();
    let out = tempfile::tempdir().unwrap();
    let grants = out.path().join("grants.json");
    let reason = &read(&own_offer())["waiverRequests"][0]["reason"];
    let grant = json!({
        "id": "IEM-SEC-02", "by": "the project's own lab", "on": "2026-11-27", "expires": "2999-01-01",
        "digest": digest, "reason": reason,
    });
    fs::write(&grants, json!([grant]).to_string()).unwrap();
    let granted = ["--allow-elevated", "--grants", grants.to_str().unwrap()];
    let certified = certify(&own_offer(), out.path(), &[&SECOND[..], &granted].concat()).unwrap();
    docker(&["image", "rm", SOLD_AS]).unwrap();
    let report = certified.report.as_ref().expect(&certified.words);
    let wanted = verdicts(&[
        // The engine holds one platform of the three; the dossier of three devices answers it.
        ("IEM-PLAT-05", "inconclusive"),
        // No CPU is claimed.
        ("IEM-HW-04", "warn"),
        // It has no SDK: what it says at edgeHub is looked at by a person.
        ("IEM-TEL-03", "manual"),
        ("IEM-SEC-02", "fail"),
    ]);
    assert_eq!(told(report), wanted, "{}", certified.words);
    let waived = certified.finding("IEM-SEC-02").unwrap();
    assert_eq!(waived["granted"]["by"], "the project's own lab");
    assert_eq!(report["verdict"], "undecided", "by IEM-PLAT-05 alone");
    nothing_is_left().unwrap();
}

/// One run of the module that keeps 20 MB in a directory of its own user's.
fn with_private_files(more: &[&str]) -> Certified {
    let out = tempfile::tempdir().unwrap();
    let more = [&SECOND[..], more].concat();
    certify(&offer_of("private-files"), out.path(), &more).unwrap()
}

#[test]
fn without_elevated_permissions_what_cannot_be_read_is_unseen_and_never_a_smaller_number() {
    let usual = with_private_files(&[]);
    let report = usual.report.as_ref().expect(&usual.words);
    let volumes = |report: &Value| report["observations"]["storage"]["seen"]["volumes"].clone();
    let held = volumes(report)["seen"].as_u64().expect(&usual.words);
    assert!((20_000_000..22_000_000).contains(&held), "{held}");
    assert_eq!(usual.verdict_of("IEM-HW-05"), Some("pass"));

    let less = with_private_files(&["--without-elevated"]);
    let lesser = less.report.as_ref().expect(&less.words);
    let unseen = &volumes(lesser)["unseen"];
    assert_eq!(unseen["reason"], "cannot-measure", "{}", less.words);
    let because = unseen["because"].as_str().unwrap();
    assert!(because.contains("/_data/own cannot be read"), "{because}");
    assert_eq!(less.verdict_of("IEM-HW-05"), Some("inconclusive"));
    let taken = lesser["deviations"].as_array().unwrap().iter();
    let mut taken = taken.filter(|one| one["what"] == "deployment.json: HostConfig.CapAdd");
    assert_eq!(taken.next().unwrap()["default"], json!(["DAC_READ_SEARCH"]));

    // All else is as before.
    let others = |report: &Value| {
        let mut others = told(report);
        others.remove("IEM-HW-05");
        others
    };
    assert_eq!(others(lesser), others(report), "{}", less.words);
    for report in [report, lesser] {
        let steady = &report["observations"]["steady"]["seen"];
        // CAP_SYS_PTRACE is not asked for: what only it shows is unseen with or without the other one, and no zero.
        let sockets = match steady["descriptors"]["seen"].is_null() {
            true => &steady["descriptors"]["unseen"],
            false => &steady["descriptors"]["seen"]["socketsPeak"]["unseen"],
        };
        for unseen in [&steady["blockIo"]["unseen"], sockets] {
            let because = unseen["because"].as_str().unwrap_or_default();
            assert!(because.contains("CAP_SYS_PTRACE"), "{steady}");
        }
    }
    nothing_is_left().unwrap();
}
