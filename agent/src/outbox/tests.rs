//! What is kept of a report where there is little room, and what its messages say.

use super::*;
use conformance::report::{RunVerdict, Summary};

fn report(run: &str) -> Report {
    let text = include_str!("../../../tests/reports/recorded-hungry.json");
    let mut report: Report = serde_json::from_str(text).unwrap();
    run.clone_into(&mut report.run.id);
    report
}

fn open(runs: &Path, room: u64) -> Outbox {
    let limits = Limits {
        room: Bytes(room),
        is_paced: false,
    };
    Outbox::open(runs, limits).unwrap()
}

type Properties = Vec<(String, String)>;

/// Everything that waits, as the hub would get it.
fn messages(outbox: &Outbox) -> Vec<(Properties, Vec<u8>)> {
    let mut all = Vec::new();
    while let Some(message) = outbox.next() {
        all.push((properties(&message), message.body.clone()));
        outbox.acknowledged(message.key);
    }
    all
}

fn named<'a>(properties: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = properties.iter().find(|property| property.0 == name);
    found.map(|property| property.1.as_str())
}

#[test]
fn the_summary_goes_first_and_is_no_part() {
    let here = tempfile::tempdir().unwrap();
    let outbox = open(here.path(), DEFAULT_ROOM.0);
    let stored = outbox.put(&report("r-1")).unwrap();
    assert_eq!((stored.left_out.len(), stored.on_disk), (0, true));
    assert_eq!(outbox.totals().messages, 2);
    let sent = messages(&outbox);
    let (summary, body) = &sent[0];
    assert_eq!(named(summary, "schema"), Some("edgeproof.summary/1"));
    assert_eq!(named(summary, "run"), Some("r-1"));
    assert_eq!(named(summary, "part"), None);
    let summary: Summary = serde_json::from_slice(body).unwrap();
    assert_eq!(summary.verdict, RunVerdict::NotConformant);
    let (part, body) = &sent[1];
    for (name, value) in [
        ("schema", "edgeproof.report/1"),
        ("run", "r-1"),
        ("part", "1"),
        ("parts", "1"),
    ] {
        assert_eq!(named(part, name), Some(value));
    }
    assert_eq!(named(part, "leftOut"), None);
    assert_eq!(
        serde_json::from_slice::<Report>(body).unwrap(),
        report("r-1")
    );
}

#[test]
fn a_full_outbox_keeps_to_its_room_and_still_takes_verdicts() {
    let here = tempfile::tempdir().unwrap();
    let room = 4 * serde_json::to_vec(&report("r-0")).unwrap().len() as u64;
    let outbox = open(here.path(), room);
    let mut kept: Vec<Vec<String>> = Vec::new();
    let refused = loop {
        match outbox.put(&report(&format!("r-{}", kept.len()))) {
            Ok(stored) => kept.push(stored.left_out),
            Err(error) => break error,
        }
        assert!(outbox.totals().bytes <= room);
    };
    assert!(matches!(refused, OutboxError::Full { .. }), "{refused}");
    assert!(kept[0].is_empty());
    let alone = kept.iter().filter(|left_out| *left_out == &["/"]).count();
    assert!(alone > 1, "{kept:?}");
    for (properties, body) in messages(&outbox) {
        let said = named(&properties, "leftOut").unwrap_or_default().to_owned();
        let left_out = if named(&properties, "part").is_none() {
            let summary: Summary = serde_json::from_slice(&body).unwrap();
            assert_eq!(summary.verdict, RunVerdict::NotConformant);
            summary.left_out
        } else {
            serde_json::from_slice::<Report>(&body).unwrap().left_out
        };
        assert_eq!(left_out.join(" "), said);
    }
}

#[test]
fn little_room_costs_series_first_then_long_observations_then_all_of_them() {
    for room in Room::ORDER {
        let here = tempfile::tempdir().unwrap();
        let reduced = report("r-1").reduced(room);
        let length = serde_json::to_vec(&reduced).unwrap().len();
        let summary = serde_json::to_vec(&reduced.summary()).unwrap().len();
        let just = (length + summary) as u64 * FOR_SUMMARIES / (FOR_SUMMARIES - 1) + 1;
        let outbox = open(here.path(), just);
        let stored = outbox.put(&report("r-1")).unwrap();
        assert_eq!(stored.left_out, reduced.left_out, "{room:?}");
    }
}

#[test]
fn a_full_disk_drops_series_first_and_the_verdict_last() {
    let length = |room| {
        let reduced = report("r-1").reduced(room);
        serde_json::to_vec(&reduced).unwrap().len()
    };
    let cases = Room::ORDER.map(|room| (length(room), report("r-1").reduced(room).left_out));
    let only_summary = (8_000, vec!["/".to_owned()]);
    for (largest, left_out) in cases.into_iter().chain([only_summary]) {
        let here = tempfile::tempdir().unwrap();
        let disk = Disk::default();
        *disk.watched.largest.lock().unwrap() = Some(largest);
        let outbox = Outbox::on(disk, here.path(), Limits::default()).unwrap();
        let stored = outbox.put(&report("r-1")).unwrap();
        assert_eq!((stored.left_out, stored.on_disk), (left_out, true));
        // What is on disk is what a restart finds.
        let again = open(here.path(), DEFAULT_ROOM.0);
        assert_eq!(again.totals(), outbox.totals());
        assert!(again.totals().messages > 0);
    }
}

#[test]
fn a_disk_that_takes_nothing_at_all_still_costs_no_report() {
    let here = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    *disk.watched.largest.lock().unwrap() = Some(0);
    let outbox = Outbox::on(disk, here.path(), Limits::default()).unwrap();
    let whole = outbox.put(&report("r-1")).unwrap();
    assert_eq!((whole.left_out.len(), whole.on_disk), (0, false));
    // One report is held whole, the next as its summary: memory is bounded too.
    let second = outbox.put(&report("r-2")).unwrap();
    assert_eq!(
        (second.left_out, second.on_disk),
        (vec!["/".to_owned()], false)
    );
    let sent = messages(&outbox);
    assert_eq!(sent.len(), 3);
    assert_eq!(
        serde_json::from_slice::<Report>(&sent[1].1).unwrap(),
        report("r-1")
    );
}
