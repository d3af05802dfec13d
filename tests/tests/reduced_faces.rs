//! What a report had to leave out, in every face of it.
//!
//! Refresh the golden file with `UPDATE_GOLDEN=1 cargo test -p edgeproof-tests --test reduced_faces`.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::fs;

use conformance::report::{Report, Room};
use harness::render::{html, junit, markdown, sarif, text};
use serde_json::Value;

/// Text that would run, break out of a cell or drive a terminal.
const HOSTILE: &str = "</p>\"'><script>alert(1)</script>|`\u{1b}[2J\u{0}";

/// A real run's report ([`tests/reports/README.md`](../reports/README.md)), with so much room.
fn reduced(room: Room) -> Report {
    let recorded = support::repository().join("tests/reports/recorded-hungry.json");
    let report: Report = serde_json::from_str(&fs::read_to_string(recorded).unwrap()).unwrap();
    report.reduced(room)
}

fn unstyled(report: &Report) -> String {
    anstream::adapter::strip_str(&text::render(report)).to_string()
}

/// What each face shows of what is left out, under the face's name.
fn shown(report: &Report) -> Vec<(&'static str, String)> {
    let line = |drawn: String| {
        let found = drawn.lines().find(|line| line.contains("no room for"));
        found.unwrap_or_default().trim().to_owned()
    };
    let sarif: Value = serde_json::from_str(&sarif::render(report)).unwrap();
    let notices = &sarif["runs"][0]["invocations"][0]["toolExecutionNotifications"];
    let one_line = unstyled(report);
    let one_line = one_line.split_whitespace().collect::<Vec<_>>().join(" ");
    let begin = one_line.find("This report is not whole");
    let text = begin.map_or("", |begin| &one_line[begin..]);
    let text = text
        .split_inclusive("judged again.")
        .next()
        .unwrap_or_default();
    vec![
        ("text", text.to_owned()),
        ("Markdown", line(markdown::render(report))),
        ("HTML", line(html::render(report))),
        ("JUnit", line(junit::render(report))),
        ("SARIF", serde_json::to_string_pretty(notices).unwrap()),
    ]
}

#[test]
fn a_reduced_report_says_in_every_face_what_it_lacks() {
    let mut drawn = String::new();
    for room in [Room::NoSeries, Room::NoLongObservations, Room::Findings] {
        drawn.push_str(&format!("# {room:?}\n"));
        for (face, words) in shown(&reduced(room)) {
            assert!(words.contains("no room for"), "{room:?} {face}: {words}");
            drawn.push_str(&format!("\n{face}:\n{words}\n"));
        }
        drawn.push('\n');
    }
    let path = support::repository().join("tests/reports/golden/reduced.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &drawn).unwrap();
        return;
    }
    assert_eq!(drawn, fs::read_to_string(path).unwrap());
}

#[test]
fn a_whole_report_says_nothing_of_it() {
    for (face, words) in shown(&reduced(Room::Everything)) {
        assert!(!words.contains("no room"), "{face}: {words}");
    }
}

#[test]
fn what_stands_there_is_text_whatever_it_is() {
    let mut report = reduced(Room::NoSeries);
    report.left_out.push(HOSTILE.to_owned());
    assert!(!unstyled(&report).contains('\u{1b}'));
    for drawn in [
        html::render(&report),
        markdown::render(&report),
        junit::render(&report),
    ] {
        assert!(!drawn.contains("<script>alert"), "it would run");
    }
    serde_json::from_str::<Value>(&sarif::render(&report)).unwrap();
}
