//! What a start finds after each of the things that can happen to a run.

use conformance::record::{ProfileName, RunOptions, ScopeName};
use conformance::units::Millis;

use super::*;
use crate::journal::Journal;

fn accepted(run: &str) -> Accepted {
    let mut request = RunRequest::new(
        run,
        ProfileName::Quick,
        ScopeName::Device,
        "{}",
        RunOptions::default(),
    )
    .unwrap();
    request.offer = None;
    Accepted {
        request,
        digest: format!("digest of {run}"),
        offer: "{}".to_owned(),
    }
}

fn closed(source: Source) -> Closed {
    Closed {
        ending: Ending::Failed,
        source,
        digest: "d".to_owned(),
        offer_sha256: "s".to_owned(),
        why: Some("why".to_owned()),
        judged: None,
        delivered: false,
    }
}

fn ids(kept: &[Kept]) -> Vec<&str> {
    kept.iter().map(|kept| kept.request.id.as_str()).collect()
}

#[test]
fn runs_that_were_started_by_call_are_found_in_their_order_and_desired_ones_are_not() {
    let state = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(state.path()).unwrap();
    store.queue_up(&accepted("z"), Source::Method).unwrap();
    store.queue_up(&accepted("d"), Source::Twin).unwrap();
    store.queue_up(&accepted("a"), Source::Method).unwrap();
    let (mut store, found) = Store::open(state.path()).unwrap();
    assert_eq!(ids(&found.queued), ["z", "a"]);
    store.queue_up(&accepted("b"), Source::Method).unwrap();
    let (_, found) = Store::open(state.path()).unwrap();
    assert_eq!(ids(&found.queued), ["z", "a", "b"]);
}

#[test]
fn a_run_that_was_begun_is_found_with_how_often_and_a_stop_does_not_count() {
    let state = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(state.path()).unwrap();
    store.queue_up(&accepted("a"), Source::Twin).unwrap();
    assert_eq!(store.begin("a").unwrap().begun, 1);
    let (store, found) = Store::open(state.path()).unwrap();
    assert_eq!((ids(&found.begun), found.queued.len()), (vec!["a"], 0));
    assert_eq!(store.begin("a").unwrap().begun, 2);
    store.stop("a").unwrap();
    assert_eq!(store.begin("a").unwrap().begun, 2);
    assert_eq!(store.begin("a").unwrap().begun, 3);
}

#[test]
fn an_ended_run_keeps_no_offer_and_the_desired_one_outlives_its_directory() {
    let state = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(state.path()).unwrap();
    store.queue_up(&accepted("a"), Source::Twin).unwrap();
    store.begin("a").unwrap();
    store.close("a", &closed(Source::Twin)).unwrap();
    assert!(!state.path().join("runs/a/request.json").exists());
    fs::remove_dir_all(state.path().join("runs/a")).unwrap();
    let (_, found) = Store::open(state.path()).unwrap();
    assert_eq!(found.wanted, Some(("a".to_owned(), closed(Source::Twin))));
    assert!(found.begun.is_empty() && found.ended.is_empty());
}

#[test]
fn an_end_that_was_cut_short_is_an_end() {
    let state = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(state.path()).unwrap();
    store.queue_up(&accepted("a"), Source::Method).unwrap();
    let kept = store.begin("a").unwrap();
    store.close("a", &closed(Source::Method)).unwrap();
    store.keep_open(&kept).unwrap();
    store.queue_up(&accepted("a"), Source::Method).unwrap();
    let (_, found) = Store::open(state.path()).unwrap();
    assert_eq!(found.ended.len(), 1);
    assert!(found.begun.is_empty() && found.queued.is_empty());
}

#[test]
fn a_damaged_file_is_left_alone_and_hides_no_other() {
    let state = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(state.path()).unwrap();
    fs::write(state.path().join("queue/a.json"), "{").unwrap();
    store.queue_up(&accepted("b"), Source::Method).unwrap();
    let (_, found) = Store::open(state.path()).unwrap();
    assert_eq!(ids(&found.queued), ["b"]);
    assert!(state.path().join("queue/a.json").exists());
}

#[test]
fn the_phase_is_where_the_journal_breaks_off() {
    let state = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(state.path()).unwrap();
    assert_eq!(store.last_phase("a"), ("starting".to_owned(), Millis(0)));
    let mut journal = Journal::create(&store.runs(), "a").unwrap();
    for (at, name) in [(10, "image"), (20, "steady")] {
        let name = name.to_owned();
        let phase = RunEvent::Phase { name, percent: 1 };
        journal.write(Millis(at), &phase).unwrap();
    }
    let path = store.of("a", "journal.jsonl");
    let mut torn = fs::read(&path).unwrap();
    torn.extend_from_slice(br#"{"at":30,"event":{"event":"pha"#);
    fs::write(&path, torn).unwrap();
    assert_eq!(store.last_phase("a"), ("steady".to_owned(), Millis(20)));
}
