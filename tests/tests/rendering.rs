//! Stored reports in, faces out: golden files, hostile text, and the schemas that others check our files against.
//!
//! Refresh the golden files with `UPDATE_GOLDEN=1 cargo test -p edgeproof-tests --test rendering`.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use conformance::observation::Observed;
use conformance::report::Report;
use conformance::sizing::answer;
use harness::cli::SchemaOf;
use harness::render::{facts, html, junit, markdown, sarif, sizing, text, write_all};
use serde_json::Value;

/// Text that would run, load or break out, in every notation the faces use.
const HOSTILE: &str = "</pre></style></title>\"'><script>alert(1)</script><img src=//evil.example/x onerror=alert(1)>|`]]>\u{1b}[2J\u{0}";

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
fn hostile_text_in_every_field_stays_text_in_every_face() {
    let benign = stored("undecided-custom");
    let (hostile, places) = poisoned("undecided-custom");
    assert!(places > 60, "only {places} kinds of field took the text");
    let page = html::render(&hostile);
    assert_eq!(
        tags(&page),
        tags(&html::render(&benign)),
        "the page has other elements"
    );
    for attribute in attributes(&page) {
        assert!(
            attribute.starts_with('#') || attribute == "data:,",
            "{attribute}"
        );
    }
    let script = "<script";
    let markdown = markdown_outside_code(&markdown::render(&hostile));
    let leak = markdown.lines().find(|line| line.contains(script));
    assert_eq!(leak, None);
    assert!(!junit::render(&hostile).contains(script));
    assert!(!unstyled(&hostile).contains('\u{1b}'));
    serde_json::from_str::<Value>(&sarif::render(&hostile)).unwrap();
}

/// The report with [`HOSTILE`] in every string that may hold free text, and how many kinds of field that were.
fn poisoned(name: &str) -> (Report, usize) {
    let mut value = serde_json::to_value(stored(name)).unwrap();
    let mut kinds: BTreeSet<String> = BTreeSet::new();
    kinds_of_strings(&value, String::new(), &mut kinds);
    let mut taken = 0;
    for kind in kinds {
        let mut tried = value.clone();
        poison(&mut tried, "", &kind);
        // An enumeration refuses foreign text: then it stays as it was.
        if serde_json::from_value::<Report>(tried.clone()).is_ok() {
            value = tried;
            taken += 1;
        }
    }
    (serde_json::from_value(value).unwrap(), taken)
}

/// Paths of string leaves, with `*` for array indexes.
fn kinds_of_strings(value: &Value, path: String, kinds: &mut BTreeSet<String>) {
    match value {
        Value::String(_) => {
            kinds.insert(path);
        }
        Value::Array(items) => {
            for item in items {
                kinds_of_strings(item, format!("{path}/*"), kinds);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                kinds_of_strings(member, format!("{path}/{name}"), kinds);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn poison(value: &mut Value, path: &str, kind: &str) {
    match value {
        Value::String(text) if path == kind => text.push_str(HOSTILE),
        Value::Array(items) => {
            for item in items {
                poison(item, &format!("{path}/*"), kind);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                poison(member, &format!("{path}/{name}"), kind);
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Names of the elements in a page: what stands behind a `<` that begins a tag.
fn tags(page: &str) -> BTreeSet<String> {
    page.split('<')
        .skip(1)
        .map(|rest| {
            rest.split(|c: char| c.is_whitespace() || c == '>')
                .next()
                .unwrap()
                .to_owned()
        })
        .collect()
}

/// Values of attributes that a browser would follow or load.
fn attributes(page: &str) -> Vec<String> {
    let value = |rest: &str| rest.split('"').next().unwrap().to_owned();
    [
        " href=\"",
        " src=\"",
        " action=\"",
        " data=\"",
        " srcset=\"",
    ]
    .into_iter()
    .flat_map(|name| page.split(name).skip(1))
    .map(value)
    .collect()
}

/// Markdown without fenced blocks and code spans, where nothing is markup.
fn markdown_outside_code(text: &str) -> String {
    let mut fence: Option<String> = None;
    let mut kept = String::new();
    for line in text.lines() {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        match &fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => kept.push_str(&(without_spans(line) + "\n")),
        }
    }
    kept
}

fn without_spans(line: &str) -> String {
    let mut rest = line;
    let mut kept = String::new();
    while let Some(start) = rest.find('`') {
        kept.push_str(&rest[..start]);
        if kept.ends_with('\\') {
            // An escaped back-tick is text.
            rest = &rest[start + 1..];
            continue;
        }
        let ticks: String = rest[start..].chars().take_while(|c| *c == '`').collect();
        let inside = &rest[start + ticks.len()..];
        let Some(end) = inside.find(&ticks) else {
            break;
        };
        rest = &inside[end + ticks.len()..];
    }
    kept + rest
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

/// Every complaint of a JSON Schema about a document.
fn complaints(schema: &Value, document: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).unwrap();
    validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn stored_reports_fit_the_published_schema() {
    let schema: Value = serde_json::from_str(&harness::schema::schema(SchemaOf::Report)).unwrap();
    for name in [
        "conformant",
        "not-conformant",
        "undecided-custom",
        "recorded-size",
    ] {
        let report = json(&reports().join(format!("{name}.json")));
        assert_eq!(complaints(&schema, &report), Vec::<String>::new(), "{name}");
    }
    let mut broken = json(&reports().join("conformant.json"));
    broken["findings"][0]["verdict"] = "splendid".into();
    assert_ne!(complaints(&schema, &broken), Vec::<String>::new());
}

#[test]
fn the_offers_of_the_fixture_modules_fit_the_published_schema() {
    let schema: Value = serde_json::from_str(&harness::schema::schema(SchemaOf::Offer)).unwrap();
    let mut seen = 0;
    for candidate in fs::read_dir(support::repository().join("tests/candidates")).unwrap() {
        let offer = candidate.unwrap().path().join("offer.json");
        if offer.is_file() {
            assert_eq!(
                complaints(&schema, &json(&offer)),
                Vec::<String>::new(),
                "{}",
                offer.display()
            );
            seen += 1;
        }
    }
    assert!(seen >= 10, "only {seen} offers");
    let mut broken = json(&support::offer_of("well-behaved"));
    broken["plan"]["image"]["tag"] = 7.into();
    assert_ne!(complaints(&schema, &broken), Vec::<String>::new());
}

#[test]
fn sarif_files_fit_the_schema_of_the_standard() {
    let mut schema = json(&sarif_schema());
    // The standard's own pattern for a language has a stray bracket, which strict regular expressions refuse.
    for holder in ["run", "toolComponent"] {
        schema["definitions"][holder]["properties"]["language"]
            .as_object_mut()
            .unwrap()
            .remove("pattern");
    }
    for name in ["conformant", "not-conformant", "undecided-custom"] {
        let log: Value = serde_json::from_str(&sarif::render(&stored(name))).unwrap();
        assert_eq!(complaints(&schema, &log), Vec::<String>::new(), "{name}");
        let mut broken = log;
        broken["runs"][0]["results"][0]["kind"] = "splendid".into();
        assert_ne!(complaints(&schema, &broken), Vec::<String>::new());
    }
}

/// The SARIF schema among the sources of `serde-sarif`, where Cargo keeps them.
fn sarif_schema() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(support::repository())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let package = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|package| package["name"] == "serde-sarif")
        .unwrap();
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    manifest.with_file_name("src/schema.json")
}
