//! A device without memory controller, as a Raspberry Pi is shipped: nothing is proved about memory, and the mend is named.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::fs;

use support::second_engine::SecondEngine;
use support::{Certified, certify, offer_of, repository, size};

const MEND: &str =
    "add `cgroup_enable=memory cgroup_memory=1` to the one line of /boot/firmware/cmdline.txt";

#[test]
fn without_a_memory_controller_the_well_behaved_example_ends_undecided_with_the_mend() {
    let engine = SecondEngine::without_memory_controller().unwrap();
    has_no_memory_limit(&engine);
    load(&engine, "well-behaved");
    let out = tempfile::tempdir().unwrap();
    let short = ["--window", "2s", "--starts", "1", "--engine", engine.url()];
    let certified = certify(&offer_of("well-behaved"), out.path(), &short).unwrap();
    assert_eq!(certified.exit, Some(2), "{}", certified.words);
    for id in ["IEM-HW-03", "IEM-HW-07"] {
        cannot_be_measured(&certified, id);
    }
    // The number that there is, named as what it is.
    let saw = certified.finding("IEM-HW-03").unwrap()["saw"]
        .as_str()
        .unwrap();
    assert!(
        saw.contains("Its processes held up to") && saw.contains("fallback: sum of"),
        "{saw}"
    );
    let report = certified.report.as_ref().unwrap();
    let fallback = &report["observations"]["steady"]["seen"]["memoryFallback"]["seen"];
    // The example runs as another user than the probe, which may not read its `smaps_rollup`.
    let quality = fallback["quality"].as_str().unwrap();
    assert!(quality.starts_with("fallback-"), "{fallback}");
    assert!(
        fallback["peak"].as_u64().is_some_and(|peak| peak > 0),
        "{fallback}"
    );
    assert_eq!(certified.verdict_of("IEM-CFG-07"), Some("pass"));
    names_the_mend(&certified.words);
    names_the_mend(&fs::read_to_string(out.path().join("report.html")).unwrap());
    let short = ["--window", "1s", "--quiet", "--engine", engine.url()];
    let sized = size(&offer_of("well-behaved"), out.path(), &short).unwrap();
    let words = String::from_utf8_lossy(&sized.stdout);
    assert_eq!(sized.status.code(), Some(2), "{words}");
    names_the_mend(&words);
    let held = engine.holds().unwrap();
    assert!(held.is_empty(), "{held:?}");
    engine.stop().unwrap();
}

/// The premise: without it the rest would pass for the wrong reason.
fn has_no_memory_limit(engine: &SecondEngine) {
    let info = engine.docker(&["info"]).unwrap();
    let limit = engine
        .docker(&["info", "--format", "{{.MemoryLimit}}"])
        .unwrap();
    assert_eq!(limit, "false", "{info}");
}

fn load(engine: &SecondEngine, candidate: &str) {
    let archive = repository()
        .join("target/candidates")
        .join(candidate)
        .join("image.tar");
    assert!(
        archive.is_file(),
        "{} is missing; run `make candidates`",
        archive.display()
    );
    let archive = archive.to_str().unwrap();
    engine.docker(&["load", "--input", archive]).unwrap();
}

fn cannot_be_measured(certified: &Certified, id: &str) {
    let finding = certified.finding(id).expect(&certified.words);
    assert_eq!(finding["verdict"], "inconclusive", "{finding}");
    assert_eq!(finding["reason"], "cannot-measure", "{finding}");
    names_the_mend(finding["saw"].as_str().unwrap());
}

/// However the text is folded, and with the characters that a page has to escape.
fn names_the_mend(text: &str) {
    let text = text.replace("&#x2f;", "/");
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    assert!(text.contains(MEND), "`{MEND}` is missing:\n{text}");
}
