//! IEM-CFG-05: the default twin keeps to the rules of IoT Hub, and a module on the SDK takes it.

use serde_json::{Map, Value};

use super::cold_starts;
use super::edge_use::{Presence, presence};
use super::remarks::Remarks;
use super::{unknown_key, workload_calls};
use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::EdgeUse;
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};
use crate::twin;

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-CFG-05",
    slug: "default-twin-is-valid",
    title: "The default twin is valid",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer, Stage::Device],
    scopes: &[
        ScopeName::Offer,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Default configuration",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Be an IoT Edge module",
        },
    ],
    statement: "The default desired properties of an SDK module keep to the rules of IoT Hub twins and the module copes with them; they may be empty.",
    remedy: "Correct the keys, depth or size of the default twin; desired properties may take 32 KB.",
    judge: Judge::By(judge),
};

const WANTED: &str = "no default twin, or one that IoT Hub takes and the module reads: names without `.`, `$`, `#` and white space, 10 levels, texts of 4 KiB, integers of 53 bits, no null in arrays, 32 KiB in all";

/// What Partner Center's page takes beyond that is IEM-CFG-01's.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let properties = properties(&record.offer.plan.twin)?;
    let mut remarks = Remarks::default();
    for mistake in twin::mistakes(&properties) {
        remarks.breach(
            format!("/plan/twin{} {}", mistake.pointer, mistake.saw),
            mistake.mend,
        );
    }
    let properties = properties.len();
    let by_its_text = remarks.outcome(by_its_text(properties), WANTED);
    if by_its_text.remedy.is_some() {
        return Ok(by_its_text);
    }
    if record.run.scope != ScopeName::Offer {
        workload_calls::requests(record)?;
        if let Some(outcome) = unknown_key::judge(record, WANTED)? {
            return Ok(outcome);
        }
    }
    match (properties, record.offer.plan.uses_module_sdk) {
        (0, true) => Ok(by_its_text),
        (0, false) => Ok(Outcome::not_applicable(
            "no default desired property, and the offer declares no SDK",
            WANTED,
        )),
        (_, true) if record.run.scope == ScopeName::Offer => Ok(by_its_text),
        (_, false) if record.run.scope == ScopeName::Offer => Ok(nobody_reads(properties)),
        (_, _) => on_the_device(record, properties),
    }
}

fn by_its_text(properties: usize) -> String {
    match properties {
        0 => "no default desired property, as it may be".to_owned(),
        _ => format!("{}, within the rules", count(properties)),
    }
}

fn count(properties: usize) -> String {
    match properties {
        1 => "1 default desired property".to_owned(),
        _ => format!("{properties} default desired properties"),
    }
}

/// The desired properties; none where the offer gives no twin.
fn properties(text: &str) -> Result<Map<String, Value>, Unseen> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(properties)) => Ok(properties),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) | Err(_) => Err(Unseen::new(
            Reason::InputMissing,
            "/plan/twin is no JSON object, so nothing in it could be looked at; see IEM-CFG-01",
        )),
    }
}

fn nobody_reads(properties: usize) -> Outcome {
    Outcome::concern(
        format!(
            "{}, and the offer declares no SDK: without it a module has no twin to read",
            count(properties)
        ),
        WANTED,
        "set plan.usesModuleSdk to true if the module reads its twin, else leave the default twin empty",
    )
}

fn on_the_device(record: &Record, properties: usize) -> Result<Outcome, Unseen> {
    let edge = match presence(record)? {
        Presence::NoSdk(_) => return Ok(nobody_reads(properties)),
        Presence::LoggedIn(edge) => edge,
    };
    let used = used(edge);
    if edge.twin.reads == 0 && !edge.twin.hears_changes {
        return Ok(Outcome::concern(
            format!("{}; twin ignored: the module {used}", count(properties)),
            WANTED,
            "read the twin after connecting and subscribe to its changes, or leave the default twin empty",
        ));
    }
    cold_starts::speak_for_the_module(record)?;
    let borne = unknown_key::borne(record).map_or_else(String::new, |borne| format!("; {borne}"));
    Ok(Outcome::met(
        format!(
            "{}; the module {used}, and every start was healthy{borne}",
            by_its_text(properties)
        ),
        WANTED,
    ))
}

/// `read its twin 3 times, subscribed to changes and reported 2 changes (interval)`.
fn used(edge: &EdgeUse) -> String {
    let twin = &edge.twin;
    let times = |n: u64| match n {
        1 => "once".to_owned(),
        _ => format!("{n} times"),
    };
    let read = match twin.reads {
        0 => "never read its twin".to_owned(),
        n => format!("read its twin {}", times(n)),
    };
    let heard = if twin.hears_changes {
        "subscribed to changes"
    } else {
        "subscribed to no changes"
    };
    let reported = match twin.reported {
        0 => "reported nothing".to_owned(),
        n if twin.names.is_empty() => format!("reported {}", times(n)),
        n => format!("reported {} ({})", times(n), twin.names.join(", ")),
    };
    format!("{read}, {heard} and {reported}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::{OutcomeKind, Verdict};
    use crate::observation::{Observed, TwinUse};
    use crate::sample;

    fn with(mut record: Record, twin: &Value) -> Record {
        record.offer.plan.twin = twin.to_string();
        record
    }

    fn linted(mut record: Record) -> Record {
        record.run.scope = ScopeName::Offer;
        record.observations = crate::observation::Observations::default();
        record
    }

    fn check(record: &Record, kind: OutcomeKind, saw: &str) {
        let outcome = judge(record).unwrap();
        assert_eq!(outcome.kind, kind, "{}", outcome.saw);
        assert_eq!(outcome.saw, saw);
    }

    #[test]
    fn every_mistake_fails_by_the_text_alone_with_its_place() {
        let bad = json!({"a b": 1, "c": {"d": [null]}});
        for record in [sample::record(), linted(sample::record())] {
            check(
                &with(record, &bad),
                OutcomeKind::Unmet,
                "/plan/twin/a b has ' ' in its name; /plan/twin/c/d/0 is a null in an array",
            );
        }
        let large: Map<String, Value> = (0..9)
            .map(|n| (n.to_string(), json!("x".repeat(4_000))))
            .collect();
        let outcome = judge(&with(sample::record(), &Value::Object(large))).unwrap();
        assert!(
            outcome.saw.starts_with("/plan/twin has 36"),
            "{}",
            outcome.saw
        );
    }

    #[test]
    fn a_twin_is_judged_by_its_text_where_no_device_is_asked() {
        let sdk = || linted(sample::sdk_record(|_| {}));
        check(
            &sdk(),
            OutcomeKind::Met,
            "1 default desired property, within the rules",
        );
        check(
            &with(sdk(), &json!({})),
            OutcomeKind::Met,
            "no default desired property, as it may be",
        );
        check(
            &linted(sample::record()),
            OutcomeKind::NotApplicable,
            "no default desired property, and the offer declares no SDK",
        );
        let plain = with(linted(sample::record()), &json!({"a": 1, "b": 2}));
        check(
            &plain,
            OutcomeKind::Concern,
            "2 default desired properties, and the offer declares no SDK: without it a module has no twin to read",
        );
    }

    #[test]
    fn a_twin_that_is_read_by_a_healthy_module_passes() {
        check(
            &sample::sdk_record(|_| {}),
            OutcomeKind::Met,
            "1 default desired property, within the rules; the module read its twin 3 times, subscribed to changes and reported 3 times (interval), and every start was healthy",
        );
        let mut sick = sample::sdk_record(|_| {});
        sick.observations.starts[1].oom_kills = 1;
        assert_eq!(judge(&sick).unwrap_err().reason, Reason::Unstable);
    }

    #[test]
    fn a_twin_that_nobody_reads_warns() {
        let ignored = sample::sdk_record(|edge| edge.twin = TwinUse::default());
        check(
            &ignored,
            OutcomeKind::Concern,
            "1 default desired property; twin ignored: the module never read its twin, subscribed to no changes and reported nothing",
        );
        assert_eq!(REQUIREMENT.finding(&ignored).verdict, Verdict::Warn);
        // With nothing to read there is nothing to ignore.
        let empty = with(ignored, &json!({}));
        assert_eq!(judge(&empty).unwrap().kind, OutcomeKind::Met);
        let plain = with(sample::record(), &json!({"a": 1}));
        assert_eq!(judge(&plain).unwrap().kind, OutcomeKind::Concern);
    }

    #[test]
    fn what_was_not_seen_or_cannot_be_read_is_no_pass() {
        let mut unseen = sample::sdk_record(|_| {});
        unseen.observations.edge = Observed::unseen(Reason::Tool, "no edgeHub");
        assert_eq!(judge(&unseen).unwrap_err().reason, Reason::Tool);
        let never = sample::sdk_record(|edge| *edge = EdgeUse::default());
        assert_eq!(judge(&never).unwrap_err().reason, Reason::Unstable);
        let mut broken = sample::sdk_record(|_| {});
        broken.offer.plan.twin = "{\"a\": ".to_owned();
        assert_eq!(judge(&broken).unwrap_err().reason, Reason::InputMissing);
    }
}
