//! Judging is total: whatever is spoilt or hidden in a record, every entry comes to one finding and none to an unearned pass.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::CATALOGUE;
use crate::finding::Verdict;
use crate::observation::Observed;
use crate::record::{Record, ScopeName};
use crate::report::Report;
use crate::sample;

/// Reports as JSON without anything judged, with other devices' runs in view, which the tests below spoil: the sample's, and the
/// same on the SDK.
fn samples_json() -> [Value; 2] {
    [sample::record(), sample::sdk_record(|_| {})].map(json_of)
}

fn json_of(mut record: Record) -> Value {
    record.run.scope = ScopeName::Fleet;
    record.observations.fleet = Observed::Seen(vec![
        sample::platform_run("box", "linux/amd64"),
        sample::platform_run("pi4", "linux/arm64"),
    ]);
    serde_json::to_value(Report::judge(record, &[])).unwrap()
}

/// Pointers to every value below what was recorded.
fn recorded_places(report: &Value) -> Vec<String> {
    fn walk(value: &Value, at: &str, places: &mut Vec<String>) {
        places.push(at.to_owned());
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    let name = name.replace('~', "~0").replace('/', "~1");
                    walk(field, &format!("{at}/{name}"), places);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    walk(item, &format!("{at}/{index}"), places);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut places = Vec::new();
    for part in [
        "run",
        "offer",
        "candidate",
        "device",
        "deviations",
        "observations",
    ] {
        walk(&report[part], &format!("/{part}"), &mut places);
    }
    places
}

/// How one value may be spoilt; `None` where this way does not fit its kind.
fn spoilt(value: &Value, way: usize) -> Option<Value> {
    let ways: Vec<Value> = match value {
        Value::Null => vec![json!("x"), json!(1)],
        Value::Bool(set) => vec![json!(!set)],
        Value::Number(number) if number.is_u64() => {
            vec![
                json!(0),
                json!(1),
                json!(255),
                json!(u64::from(u32::MAX)),
                json!(u64::MAX),
            ]
        }
        Value::Number(_) => vec![json!(0.0), json!(-1.5), json!(1e300), json!(1e-300)],
        Value::String(_) => vec![
            json!(""),
            json!("é<p>\u{a0}\u{202e}%"),
            json!("{\"HostConfig\": [1]}"),
            json!("<p>Minimum hardware requirements: 99999999999999999999 GB of RAM</p>"),
            json!("9999999999999999999.9"),
            json!("linux/arm/v7"),
        ],
        Value::Array(items) => {
            let doubled: Vec<Value> = items.iter().chain(items).cloned().collect();
            vec![json!([]), Value::Array(doubled)]
        }
        Value::Object(fields) if fields.contains_key("seen") => vec![hidden()],
        Value::Object(_) => vec![json!({})],
    };
    ways.into_iter().nth(way)
}

fn hidden() -> Value {
    json!({"unseen": {"reason": "cannot-measure", "because": "hidden by the test"}})
}

/// Judges a spoilt report again, if it still is one.
fn rejudged(report: &Value) -> Option<Report> {
    let report: Report = serde_json::from_value(report.clone()).ok()?;
    Some(Report::judge(report.into_record(), CATALOGUE))
}

fn is_whole(report: &Report) -> bool {
    let ids = report.findings.iter().map(|finding| finding.id.as_str());
    ids.eq(CATALOGUE.iter().map(|entry| entry.id))
        && report
            .findings
            .iter()
            .all(|finding| (finding.verdict == Verdict::Inconclusive) == finding.reason.is_some())
}

#[test]
fn judging_is_total_for_every_single_spoilt_value() {
    let [plain, sdk] = samples_json();
    let judged = judge_every_spoilt(&plain, &[""]);
    assert!(judged > 800, "only {judged} spoilt records could be read");
    // Of a module on the SDK only what differs: the rest was spoilt above.
    let own = [
        "/offer/plan",
        "/observations/edge",
        "/observations/workload",
    ];
    let judged = judge_every_spoilt(&sdk, &own);
    assert!(judged > 150, "only {judged} spoilt records could be read");
}

/// Spoils every value below these places, each by itself; how many could be read and judged.
fn judge_every_spoilt(sound: &Value, below: &[&str]) -> usize {
    let mut judged = 0;
    let places = recorded_places(sound).into_iter();
    for place in places.filter(|place| below.iter().any(|part| place.starts_with(part))) {
        let value = sound.pointer(&place).unwrap();
        for changed in (0..).map_while(|way| spoilt(value, way)) {
            let mut report = sound.clone();
            *report.pointer_mut(&place).unwrap() = changed;
            if let Some(report) = rejudged(&report) {
                assert!(is_whole(&report), "{place}");
                judged += 1;
            }
        }
    }
    judged
}

#[test]
fn hiding_a_fact_never_makes_a_pass() {
    for sound in samples_json() {
        hiding_makes_no_pass(&sound);
    }
}

fn hiding_makes_no_pass(sound: &Value) {
    let before = rejudged(sound).unwrap();
    let mut hid = 0;
    for place in recorded_places(sound) {
        if sound
            .pointer(&place)
            .and_then(|value| value.get("seen"))
            .is_none()
        {
            continue;
        }
        let mut report = sound.clone();
        *report.pointer_mut(&place).unwrap() = hidden();
        let after = rejudged(&report).unwrap();
        for (old, new) in before.findings.iter().zip(&after.findings) {
            let became_pass = new.verdict == Verdict::Pass && old.verdict != Verdict::Pass;
            assert!(!became_pass, "{place}: {}", new.id);
        }
        hid += 1;
    }
    assert!(hid > 50, "only {hid} facts were hidden");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn judging_is_total_for_records_spoilt_in_many_places(
        of_the_sdk in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..6), 2..12)
    ) {
        let [plain, sdk] = samples_json();
        let mut report = if of_the_sdk { sdk } else { plain };
        for (index, way) in changes {
            let places = recorded_places(&report);
            let place = index.get(&places);
            let changed = report.pointer(place).and_then(|value| spoilt(value, way));
            let Some(changed) = changed else { continue };
            let old = std::mem::replace(report.pointer_mut(place).unwrap(), changed);
            // A change that makes it no report at all is taken back, so that every case judges something.
            if serde_json::from_value::<Report>(report.clone()).is_err() {
                *report.pointer_mut(place).unwrap() = old;
            }
        }
        let report = rejudged(&report).unwrap();
        prop_assert!(is_whole(&report));
        let text = serde_json::to_string(&report).unwrap();
        let again: Report = serde_json::from_str(&text).unwrap();
        let findings = Report::judge(again.into_record(), CATALOGUE).findings;
        prop_assert_eq!(findings, report.findings);
    }
}
