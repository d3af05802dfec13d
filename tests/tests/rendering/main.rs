//! Stored reports in, faces out: golden files here, hostile text and the schemas that others check our files against below.
//!
//! Refresh the golden files with `UPDATE_GOLDEN=1 cargo test -p edgeproof-tests --test rendering`.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod hostile_text;
mod schemas;

use std::fs;
use std::path::PathBuf;

use conformance::observation::Observed;
use conformance::report::Report;
use conformance::sizing::answer;
use harness::render::{facts, html, junit, markdown, sarif, sizing, text, write_all};

fn reports() -> PathBuf {
    support::repository().join("tests/reports")
}

fn stored(name: &str) -> Report {
    let text = fs::read_to_string(reports().join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Compares a face with its golden file, or writes the file when asked to.
fn check(report: &str, file: &str, face: impl Fn(&Report) -> String) {
    let path = reports().join("golden").join(format!("{report}.{file}"));
    let drawn = face(&stored(report));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, drawn).unwrap();
        return;
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    let differs = golden
        .lines()
        .zip(drawn.lines())
        .position(|(old, new)| old != new);
    assert!(
        golden == drawn,
        "{} differs from line {}; look at the difference and refresh with UPDATE_GOLDEN=1",
        path.display(),
        differs.map_or(golden.lines().count().min(drawn.lines().count()), |line| {
            line
        }) + 1
    );
}

fn unstyled(report: &Report) -> String {
    anstream::adapter::strip_str(&text::render(report)).to_string()
}

#[test]
fn a_conformant_report_looks_as_stored() {
    check("conformant", "txt", unstyled);
    check("conformant", "md", markdown::render);
    check("conformant", "junit.xml", junit::render);
    check("conformant", "sarif", sarif::render);
}

#[test]
fn a_report_that_is_not_conformant_looks_as_stored() {
    check("not-conformant", "txt", unstyled);
    check("not-conformant", "md", markdown::render);
    check("not-conformant", "html", html::render);
    check("not-conformant", "junit.xml", junit::render);
    check("not-conformant", "sarif", sarif::render);
}

#[test]
fn an_undecided_report_of_a_custom_profile_looks_as_stored() {
    check("undecided-custom", "txt", unstyled);
    check("undecided-custom", "md", markdown::render);
    check("undecided-custom", "html", html::render);
    check("undecided-custom", "junit.xml", junit::render);
    check("undecided-custom", "sarif", sarif::render);
}

#[test]
fn a_search_for_the_minimum_looks_as_stored() {
    check("recorded-size", "size.txt", |report| {
        let answered = answer(report, report.offer.plan.claim_scope);
        anstream::adapter::strip_str(&sizing::text(report, &answered)).to_string()
    });
    check("recorded-size", "facts.txt", |report| {
        let facts = facts::facts(report);
        let search = facts.iter().find(|facts| facts.title == "Minimum search");
        let rows = search.unwrap().rows.iter();
        rows.map(|(name, text)| format!("{name}: {text}\n"))
            .collect()
    });
    check("recorded-size", "html", html::render);
}

#[test]
fn a_search_names_the_accelerator_that_its_starts_had_and_the_claim_does_not_name() {
    let mut report = stored("recorded-size");
    report.offer.plan.create_options =
        r#"{"HostConfig": {"Devices": [{"PathOnHost": "/dev/dri"}]}}"#.to_owned();
    let answered = answer(&report, report.offer.plan.claim_scope);
    let rows = facts::facts(&report)
        .into_iter()
        .flat_map(|facts| facts.rows);
    let rows: Vec<String> = rows.map(|(_, words)| words).collect();
    for drawn in [sizing::text(&report, &answered), rows.join("\n")] {
        let words = drawn.split_whitespace().collect::<Vec<_>>().join(" ");
        let told = "was given /dev/dri (/HostConfig/Devices/0), as the createOptions ask";
        assert!(words.contains(told), "{words}");
    }
}

#[test]
fn the_curve_of_a_search_marks_the_minimum_and_what_was_not_healthy() {
    let mut report = stored("recorded-size");
    let page = html::render(&report);
    assert!(page.contains(">minimum 79.2 MiB</text>"), "no minimum");
    for (mark, title) in [("✓</text>", "healthy"), ("✗</text>", "not healthy")] {
        assert!(page.contains(mark), "nothing is marked as {title}");
    }
    // Without enough starts there is no minimum to mark.
    let Observed::Seen(sizing) = &mut report.observations.sizing else {
        panic!("a search is stored")
    };
    let Observed::Seen(memory) = &mut sizing.memory else {
        panic!("of memory")
    };
    memory.tries.retain(|one| !one.fits);
    assert!(!html::render(&report).contains("minimum 79.2 MiB</text>"));
    report.observations.sizing = Observed::default();
    assert!(!html::render(&report).contains("How little is enough"));
}

#[test]
fn every_face_shows_headline_and_scope_and_says_when_a_profile_certifies_nothing() {
    for (name, custom) in [
        ("conformant", false),
        ("not-conformant", false),
        ("undecided-custom", true),
    ] {
        let report = stored(name);
        let scope = format!("{} of {}", report.scope.assessed, report.scope.total);
        for (face, drawn) in faces(&report) {
            assert!(
                drawn.contains(report.verdict.word()),
                "{name} {face} has no verdict"
            );
            assert!(drawn.contains(&scope), "{name} {face} has no scope");
            assert_eq!(drawn.contains("certifies nothing"), custom, "{name} {face}");
        }
    }
}

fn faces(report: &Report) -> [(&'static str, String); 5] {
    [
        ("text", unstyled(report)),
        ("markdown", markdown::render(report)),
        ("html", html::render(report)),
        ("junit", junit::render(report)),
        ("sarif", sarif::render(report)),
    ]
}

#[test]
fn a_stored_report_survives_reading_and_writing_byte_for_byte() {
    for name in [
        "conformant",
        "not-conformant",
        "undecided-custom",
        "recorded-size",
    ] {
        let text = fs::read_to_string(reports().join(format!("{name}.json"))).unwrap();
        assert!(
            harness::render::write::json(&stored(name)) == text,
            "{name}"
        );
    }
}

#[test]
fn every_face_is_written_whole_into_a_new_directory() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("deep/er");
    let report = stored("not-conformant");
    for _again in 0..2 {
        let written = write_all(&report, &out).unwrap();
        let names: Vec<&str> = written
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "report.json",
                "report.html",
                "report.md",
                "junit.xml",
                "report.sarif"
            ]
        );
    }
    assert_eq!(
        fs::read_dir(&out).unwrap().count(),
        5,
        "a temporary file was left"
    );
    assert_eq!(
        fs::read_to_string(out.join("report.html")).unwrap(),
        html::render(&report)
    );
}

#[test]
fn overlay_values_stand_in_no_file() {
    let place = tempfile::tempdir().unwrap();
    let mut report = stored("conformant");
    let canary = "canary-10.11.12.13";
    report
        .offer
        .overlay
        .env
        .insert("SERVER".to_owned(), canary.to_owned());
    for path in write_all(&report, place.path()).unwrap() {
        assert!(
            !fs::read_to_string(&path).unwrap().contains(canary),
            "{}",
            path.display()
        );
    }
}

#[test]
fn a_file_in_the_way_of_the_directory_is_an_error_that_names_it() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("taken");
    fs::write(&out, "").unwrap();
    let error = write_all(&stored("conformant"), &out).unwrap_err();
    assert!(error.to_string().contains("taken"), "{error}");
}
