//! Modules that ask for a GPU: inside an envelope that gives none unless the offer claims one, and in a search that gives it.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::fs;
use std::path::Path;
use std::thread;

use serde_json::Value;
use support::render_node::RenderNode;
use support::{Certified, certify, leftovers, offer_of, size};

/// Elevated, because a device node is.
const SHORT: [&str; 6] = [
    "--window",
    "1s",
    "--starts",
    "1",
    "--quiet",
    "--allow-elevated",
];

/// A fixture, claiming what stands behind `100 MB of storage` in the paragraph.
fn certified(candidate: &str, claimed: &str) -> Certified {
    let directory = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(offer_of(candidate)).unwrap();
    let claiming = text.replace("100 MB of storage", &format!("100 MB of storage{claimed}"));
    let offer = directory.path().join("offer.json");
    fs::write(&offer, claiming).unwrap();
    certify(&offer, Path::new(&directory.path().join("out")), &SHORT).unwrap()
}

/// The words of one finding: verdict, what it saw, remedy and paste.
fn words(certified: &Certified, id: &str) -> String {
    let finding = certified.finding(id).expect(&certified.words);
    let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    ["verdict", "saw", "remedy", "paste"].map(text).join("\n")
}

fn has(certified: &Certified, id: &str, wanted: &[&str]) {
    let said = words(certified, id);
    for word in wanted {
        assert!(said.contains(word), "{id}: `{word}` is missing in: {said}");
    }
}

/// Whether the run's ledger says that accelerators were withheld.
fn withheld(certified: &Certified) -> bool {
    let deviations = certified.report.as_ref().unwrap()["deviations"].as_array();
    let withheld = |deviation: &Value| deviation["what"] == "accelerators";
    deviations.unwrap().iter().any(withheld)
}

/// Nothing here is timed: the three runs may stand in each other's way.
#[test]
fn a_gpu_is_given_inside_the_envelope_only_to_an_offer_that_claims_one() {
    let _node = RenderNode::at_hand().unwrap();
    let run = |candidate: &'static str, claimed: &'static str| {
        thread::spawn(move || certified(candidate, claimed))
    };
    let runs = [
        run("asks-for-gpu", ""),
        run("needs-gpu", ""),
        run("needs-gpu", ", GPU"),
    ];
    let [asks, needs, claims] = runs.map(|run| run.join().unwrap());
    for certified in [&asks, &needs, &claims] {
        has(certified, "IEM-CFG-07", &["pass"]);
    }

    assert!(withheld(&asks));
    let removes = ["fail", "with it withheld: 1 of 1 starts healthy", "remove"];
    has(&asks, "IEM-HW-06", &removes);
    has(&asks, "IEM-HW-07", &["pass"]);

    assert!(withheld(&needs));
    let log = "this module needs a GPU: open /dev/dri/renderD128";
    let names = ["fail", "0 of 1 starts healthy", log, "the module needs it"];
    has(&needs, "IEM-HW-06", &names);
    let mends = ["fail", "without the accelerator", "100 MB of storage, GPU"];
    has(&needs, "IEM-HW-07", &mends);

    assert!(!withheld(&claims));
    has(&claims, "IEM-HW-07", &["pass", "1 of 1 starts healthy"]);
    // A node without a GPU behind it is no board that could show the claim true.
    has(&claims, "IEM-HW-06", &["inconclusive"]);

    let runs = [asks, needs, claims].map(|run| run.report.unwrap()["run"]["id"].clone());
    let mut left = leftovers().unwrap();
    left.retain(|name| runs.iter().any(|id| name.contains(id.as_str().unwrap())));
    assert_eq!(left, [""; 0]);
}

/// An envelope would start it under no limit at all.
#[test]
fn a_search_for_the_least_starts_a_module_that_needs_a_gpu_it_does_not_claim() {
    let _node = RenderNode::at_hand().unwrap();
    let out = tempfile::tempdir().unwrap();
    let short = [
        "--window",
        "1s",
        "--quiet",
        "--allow-elevated",
        "--format",
        "json",
    ];
    let output = size(&offer_of("needs-gpu"), out.path(), &short).unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{words}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["found"], true, "{answer:#}");
    assert!(answer["memory"]["seen"]["fitted"].as_u64() >= Some(3));
    let asked = "/dev/dri/renderD128 (/HostConfig/Devices/0)";
    assert_eq!(answer["unclaimedAccelerators"], serde_json::json!([asked]));
    let paragraph = answer["paragraph"].as_str().unwrap();
    assert!(paragraph.contains("of RAM") && !paragraph.contains("GPU"));
}
