//! What `edgeproof size` refuses before it measures anything: no engine is needed.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use support::offer_of;
use support::program::program;

const NOWHERE: &str = "unix:///nowhere/engine.sock";

fn size(offer: &Path, more: &[&str]) -> Output {
    Command::new(program())
        .arg("size")
        .arg(offer)
        .args(["--engine", NOWHERE])
        .args(more)
        .output()
        .unwrap()
}

fn check(output: &Output, exit: i32, words: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{told}");
    assert!(told.contains(words), "`{words}` is missing in:\n{told}");
}

#[test]
fn a_paragraph_that_cannot_be_replaced_is_refused_by_its_pointer_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let offer = directory.path().join("offer.json");
    let text = fs::read_to_string(offer_of("hungry")).unwrap();
    let text = text.replace("</p><p><u>Minimum", "<br><br><u>Minimum");
    fs::write(&offer, &text).unwrap();
    check(&size(&offer, &["--apply"]), 65, "/listing/description");
    assert_eq!(fs::read_to_string(&offer).unwrap(), text);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_claim_of_another_scope_than_the_offers_is_not_written() {
    let more = ["--apply", "--scope-of-claim", "module"];
    check(&size(&offer_of("hungry"), &more), 64, "/plan/claimScope");
}

#[test]
fn an_unreachable_engine_is_undecided_and_a_missing_offer_bad_input() {
    let out = tempfile::tempdir().unwrap();
    let out = out.path().to_str().unwrap();
    check(
        &size(&offer_of("hungry"), &["--out", out]),
        2,
        "/nowhere/engine.sock",
    );
    check(
        &size(Path::new("/nowhere/offer.json"), &[]),
        65,
        "/nowhere/offer.json",
    );
}
