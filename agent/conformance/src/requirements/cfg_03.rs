//! IEM-CFG-03: the default createOptions are valid for the engine, and none of them is dropped.

use serde_json::Value;

use super::remarks::{Remarks, quoted};
use crate::create_options::{CreateOptions, OptionMistake};
use crate::finding::{Outcome, Reason, Unseen};
use crate::health::{Failure, diagnose};
use crate::observation::{Cause, Creation, Difference, DifferenceKind};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-CFG-03",
    slug: "create-options-are-valid",
    title: "The create options are valid",
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
    statement: "The default create options are valid for the engine and none of them is dropped; they may be empty.",
    remedy: "Correct or remove the option that the engine does not take.",
    judge: Judge::By(judge),
};

const WANTED: &str = "createOptions that the engine takes as they are";

/// Mistakes in the text fail whatever was not seen; that every option is in effect shows on the engine alone.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let mut remarks = Remarks::default();
    let options = match CreateOptions::parse(&record.offer.plan.create_options) {
        Ok(options) => options,
        Err(mistakes) => {
            for mistake in mistakes {
                remarks.breach(in_words(&mistake), "correct it");
            }
            return Ok(remarks.outcome("", WANTED));
        }
    };
    for odd in options.odd_spellings() {
        remarks.doubt(in_words(odd), "spell keys as they are documented");
    }
    for odd in options.at_odds_with_the_runtime() {
        remarks.doubt(
            in_words(&odd),
            "leave to IoT Edge what is its own: remove the option, or write it as told",
        );
    }
    let offer_scope = record.run.scope == ScopeName::Offer;
    match record.observations.creation.seen() {
        Some(creation) if !offer_scope => by_engine(record, &options, creation, remarks),
        Some(_) | None => {
            for unknown in options.unknown_keys() {
                remarks.breach(in_words(unknown), "correct or remove the key");
            }
            if offer_scope || !options.unknown_keys().is_empty() {
                let met = format!("{} (by their text alone)", counted(&options));
                return Ok(remarks.outcome(met, WANTED));
            }
            Err(unseen(record))
        }
    }
}

fn unseen(record: &Record) -> Unseen {
    match record.observations.creation.get() {
        Err(unseen) => unseen,
        Ok(_) => Unseen::new(Reason::InputMissing, "the engine's view was not compared"),
    }
}

fn by_engine(
    record: &Record,
    options: &CreateOptions,
    creation: &Creation,
    mut remarks: Remarks,
) -> Result<Outcome, Unseen> {
    if let Some(refused) = &creation.refused {
        let failure = Failure {
            engine_error: Some(refused),
            ..Failure::default()
        };
        let (cause, detail) = diagnose(&failure);
        if cause == Cause::BadOption {
            remarks.breach(detail, "correct the option that the engine names");
            return Ok(remarks.outcome("", WANTED));
        }
        if options.unknown_keys().is_empty() {
            let because = format!("the engine did not create the container: {refused}");
            return Err(Unseen::new(Reason::Infrastructure, because));
        }
    }
    for unknown in options.unknown_keys() {
        // An engine newer than the table may know the key: what it made of it tells.
        if creation.refused.is_some() || was_dropped(creation, unknown) {
            remarks.breach(in_words(unknown), "correct or remove the key");
        } else {
            remarks.doubt(
                in_words(unknown),
                "remove the key, or make sure what it does",
            );
        }
    }
    for difference in &creation.differences {
        let known = |unknown: &OptionMistake| unknown.pointer == difference.pointer;
        if !options.unknown_keys().iter().any(known) {
            differ(&mut remarks, difference);
        }
    }
    for warning in &creation.warnings {
        let saw = format!("the engine warns: {}", quoted(warning));
        remarks.doubt(saw, "change the option that the engine warns of");
    }
    let met = format!("{}, all in effect{}", counted(options), on_engine(record));
    Ok(remarks.outcome(met, WANTED))
}

fn was_dropped(creation: &Creation, unknown: &OptionMistake) -> bool {
    creation.differences.iter().any(|difference| {
        difference.pointer == unknown.pointer && difference.kind == DifferenceKind::Dropped
    })
}

fn differ(remarks: &mut Remarks, difference: &Difference) {
    let Difference {
        pointer,
        requested,
        effective,
        kind,
    } = difference;
    let requested = quoted(&requested.to_string());
    match kind {
        DifferenceKind::Dropped => remarks.breach(
            format!("{pointer} {requested} was dropped by the engine"),
            "remove the option, or ask for it in the engine's form",
        ),
        DifferenceKind::Changed => remarks.doubt(
            format!(
                "{pointer} {requested} became {} on the engine",
                quoted(&effective.to_string())
            ),
            "ask for what the engine makes of it, if that is what is meant",
        ),
    }
}

fn in_words(mistake: &OptionMistake) -> String {
    let place = if mistake.pointer.is_empty() {
        "createOptions"
    } else {
        &mistake.pointer
    };
    format!("{place}: {}", mistake.message)
}

fn counted(options: &CreateOptions) -> String {
    let top = options.value().as_object().into_iter().flatten();
    let count: usize = top
        .map(|(key, value)| match (key.as_str(), value) {
            ("HostConfig", Value::Object(host)) => host.len(),
            _ => 1,
        })
        .sum();
    match count {
        0 => "no options".to_owned(),
        1 => "1 option".to_owned(),
        _ => format!("{count} options"),
    }
}

fn on_engine(record: &Record) -> String {
    record
        .device
        .engine
        .seen()
        .map_or_else(String::new, |engine| {
            format!(
                " on {} {}, API {}",
                engine.name, engine.version, engine.api_version
            )
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::{OutcomeKind, Verdict};
    use crate::observation::{Observations, Observed};
    use crate::sample;

    fn asking(options: &str) -> Record {
        let mut record = sample::record();
        record.offer.plan.create_options = options.to_owned();
        record
    }

    /// A record whose engine made this of its createOptions.
    fn made(options: &str, spoil: impl FnOnce(&mut Creation)) -> Record {
        let mut record = asking(options);
        if let Observed::Seen(creation) = &mut record.observations.creation {
            spoil(creation);
        }
        record
    }

    fn difference(pointer: &str, kind: DifferenceKind) -> Difference {
        Difference {
            pointer: pointer.to_owned(),
            requested: json!(5),
            effective: json!(null),
            kind,
        }
    }

    fn check(record: &Record, kind: OutcomeKind, saw: &str) {
        let outcome = judge(record).unwrap();
        assert_eq!((outcome.kind, outcome.saw.as_str()), (kind, saw));
    }

    #[test]
    fn options_in_effect_pass_and_may_be_empty() {
        check(
            &sample::record(),
            OutcomeKind::Met,
            "2 options, all in effect on Docker Engine 24.0.9, API 1.43",
        );
        check(
            &asking(""),
            OutcomeKind::Met,
            "no options, all in effect on Docker Engine 24.0.9, API 1.43",
        );
    }

    #[test]
    fn mistakes_in_the_text_fail_without_an_engine() {
        let mut record = asking(r#"{"Env": "A=b", "HostConfig": {"Memory": "1g"}}"#);
        record.observations = Observations::default();
        check(
            &record,
            OutcomeKind::Unmet,
            "/Env: is a text, wanted is a list of texts; /HostConfig/Memory: is a text, wanted is a whole number without quotes",
        );
        record.offer.plan.create_options = "{".to_owned();
        assert_eq!(REQUIREMENT.finding(&record).verdict, Verdict::Fail);
    }

    #[test]
    fn a_key_nobody_knows_fails_without_an_engine() {
        let mut record = asking(r#"{"HostConfig": {"Bind": ["a:/b"]}}"#);
        record.observations = Observations::default();
        check(
            &record,
            OutcomeKind::Unmet,
            "/HostConfig/Bind: no engine API from 1.41 to 1.53 knows it; is Binds meant?",
        );
    }

    #[test]
    fn an_engine_that_keeps_an_unknown_key_makes_it_a_concern() {
        let options = r#"{"HostConfig": {"Newer": 5}}"#;
        let kept = made(options, |_| {});
        assert_eq!(judge(&kept).unwrap().kind, OutcomeKind::Concern);
        let dropped = made(options, |creation| {
            creation.differences = vec![difference("/HostConfig/Newer", DifferenceKind::Dropped)];
        });
        assert_eq!(judge(&dropped).unwrap().kind, OutcomeKind::Unmet);
    }

    #[test]
    fn a_dropped_option_fails_and_a_changed_one_warns() {
        for (kind, outcome) in [
            (DifferenceKind::Dropped, OutcomeKind::Unmet),
            (DifferenceKind::Changed, OutcomeKind::Concern),
        ] {
            let record = made("{}", |creation| {
                creation.differences = vec![difference("/HostConfig/KernelMemory", kind)];
            });
            assert_eq!(judge(&record).unwrap().kind, outcome);
        }
    }

    #[test]
    fn odd_spellings_and_warnings_of_the_engine_warn() {
        let odd = asking(r#"{"hostconfig": {"ReadonlyRootfs": true}}"#);
        assert_eq!(judge(&odd).unwrap().kind, OutcomeKind::Concern);
        let warned = made("{}", |creation| {
            creation.warnings = vec!["swap limit discarded".to_owned()];
        });
        check(
            &warned,
            OutcomeKind::Concern,
            "the engine warns: \"swap limit discarded\"",
        );
    }

    #[test]
    fn options_that_are_the_runtimes_own_warn() {
        let mut record = asking(r#"{"HostConfig": {"RestartPolicy": {"Name": "always"}}}"#);
        for scope in [ScopeName::Device, ScopeName::Offer] {
            record.run.scope = scope;
            let outcome = judge(&record).unwrap();
            assert_eq!(outcome.kind, OutcomeKind::Concern);
            assert!(
                outcome
                    .saw
                    .starts_with("/HostConfig/RestartPolicy: IoT Edge restarts modules"),
                "{}",
                outcome.saw
            );
        }
    }

    #[test]
    fn an_option_the_engine_refuses_fails_and_other_refusals_are_undecided() {
        let bad = made("{}", |creation| {
            creation.refused = Some("invalid CPU quota".to_owned());
        });
        assert_eq!(judge(&bad).unwrap().kind, OutcomeKind::Unmet);
        let other = made("{}", |creation| {
            creation.refused = Some("No such image: x".to_owned());
        });
        assert_eq!(judge(&other).unwrap_err().reason, Reason::Infrastructure);
    }

    #[test]
    fn what_was_not_created_is_undecided_outside_offer_scope() {
        let mut record = sample::record();
        record.observations.creation = Observed::unseen(Reason::Configuration, "not started");
        assert_eq!(judge(&record).unwrap_err().because, "not started");
        record.run.scope = ScopeName::Offer;
        check(&record, OutcomeKind::Met, "2 options (by their text alone)");
    }
}
