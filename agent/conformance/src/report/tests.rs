//! Roll-up, counts, headline, and that a stored report can be judged again.

use super::*;
use crate::finding::{Grant, Outcome, Reason, Unseen};
use crate::observation::Observed;
use crate::requirement::{Document, Forces, Judge, Source};
use crate::requirements::CATALOGUE;
use crate::sample;
use crate::units::Bytes;

const MET: Judge = Judge::By(|_| Ok(Outcome::met("24 MiB", "at most 112 MiB")));
const MARGINAL: Judge = Judge::By(|_| Ok(Outcome::marginal("112 MiB", "at most 112 MiB")));
const UNMET: Judge = Judge::By(|_| Ok(Outcome::unmet("200 MiB", "at most 112 MiB", "claim more")));
const CONCERN: Judge = Judge::By(|_| Ok(Outcome::concern("10.1 s", "10 s", "handle SIGTERM")));
const NOT_APPLICABLE: Judge = Judge::By(|_| Ok(Outcome::not_applicable("no SDK", "an identifier")));
const MANUAL: Judge = Judge::By(|_| Ok(Outcome::manual("a text", "a good text", "read it")));
const UNSEEN: Judge =
    Judge::By(|_| Err(Unseen::new(Reason::CannotMeasure, "no memory controller")));

const fn entry(id: &'static str, judge: Judge) -> Requirement {
    Requirement {
        id,
        slug: "an-entry",
        title: "An entry",
        force: Forces::always(Force::Must),
        stages: &[Stage::Device],
        scopes: &[ScopeName::Device, ScopeName::Full],
        sources: &[Source {
            document: Document::Edgeproof,
            heading: "Tests",
        }],
        statement: "It holds.",
        remedy: "Make it hold.",
        judge,
    }
}

const fn should(id: &'static str, judge: Judge) -> Requirement {
    Requirement {
        force: Forces::always(Force::Should),
        ..entry(id, judge)
    }
}

fn headline(catalogue: &[Requirement]) -> String {
    Report::judge(sample::record(), catalogue).headline()
}

fn in_full_scope() -> Record {
    let mut record = sample::record();
    record.run.scope = ScopeName::Full;
    record
}

fn grant(id: &str, expires: &str) -> Grant {
    Grant {
        id: id.to_owned(),
        by: "lab".to_owned(),
        on: "2026-11-01".to_owned(),
        expires: expires.to_owned(),
        digest: sample::record().candidate.image_id.unwrap(),
        reason: "pilot customers".to_owned(),
    }
}

#[test]
fn a_failed_must_decides_whatever_else_is_undecided() {
    let catalogue = [entry("IEM-A-01", UNMET), entry("IEM-A-02", UNSEEN)];
    assert_eq!(
        headline(&catalogue),
        "not-conformant (device scope, 1 of 2 assessed)"
    );
}

#[test]
fn a_must_that_was_not_seen_leaves_the_run_undecided() {
    let catalogue = [entry("IEM-A-01", MET), entry("IEM-A-02", UNSEEN)];
    assert_eq!(
        headline(&catalogue),
        "undecided (device scope, 1 of 2 assessed)"
    );
}

#[test]
fn an_unseen_should_does_not_decide() {
    let catalogue = [entry("IEM-A-01", MET), should("IEM-A-02", UNSEEN)];
    assert_eq!(
        headline(&catalogue),
        "conformant (device scope, 1 of 2 assessed)"
    );
}

#[test]
fn warnings_never_decide() {
    let catalogue = [
        entry("IEM-A-01", CONCERN),
        should("IEM-A-02", UNMET),
        entry("IEM-A-03", MARGINAL),
    ];
    let report = Report::judge(sample::record(), &catalogue);
    assert_eq!(
        report.headline(),
        "conformant (device scope, 3 of 3 assessed)"
    );
    assert_eq!(
        report.counts,
        Counts {
            pass: 1,
            marginal: 1,
            warn: 2,
            ..Counts::default()
        }
    );
}

#[test]
fn what_waits_for_a_person_decides_in_full_scope_alone() {
    let catalogue = [entry("IEM-A-01", MET), entry("IEM-A-02", MANUAL)];
    assert_eq!(
        headline(&catalogue),
        "conformant (device scope, 1 of 2 assessed)"
    );
    let full = Report::judge(in_full_scope(), &catalogue);
    assert_eq!(full.headline(), "undecided (full scope, 1 of 2 assessed)");
}

#[test]
fn entries_outside_the_scope_are_listed_and_do_not_count() {
    let outside = Requirement {
        scopes: &[ScopeName::Full],
        ..entry("IEM-A-02", UNMET)
    };
    let catalogue = [entry("IEM-A-01", MET), outside];
    let report = Report::judge(sample::record(), &catalogue);
    assert_eq!(
        report.headline(),
        "conformant (device scope, 1 of 2 assessed)"
    );
    assert_eq!(report.findings[1].verdict, Verdict::Fail);
    assert_eq!(report.counts.fail, 0);
    let full = Report::judge(in_full_scope(), &catalogue);
    assert_eq!(full.verdict, RunVerdict::NotConformant);
}

#[test]
fn preconditions_never_roll_up() {
    for judge in [UNSEEN, UNMET] {
        let catalogue = [entry("IEM-A-01", MET), entry("IEM-PRE-01", judge)];
        let report = Report::judge(sample::record(), &catalogue);
        assert_eq!(
            report.headline(),
            "conformant (device scope, 1 of 1 assessed)"
        );
        assert_eq!(report.findings.len(), 2);
        assert_eq!(report.counts.pass, 1);
    }
}

#[test]
fn a_granted_failure_is_counted_apart_and_does_not_decide() {
    let catalogue = [entry("IEM-A-01", UNMET), entry("IEM-A-02", NOT_APPLICABLE)];
    let mut record = sample::record();
    record.run.options.grants = vec![grant("IEM-A-01", "2026-11-20")];
    let report = Report::judge(record, &catalogue);
    assert_eq!(
        report.headline(),
        "conformant (device scope, 2 of 2 assessed)"
    );
    assert_eq!(
        report.counts,
        Counts {
            granted: 1,
            not_applicable: 1,
            ..Counts::default()
        }
    );
}

#[test]
fn a_grant_for_another_image_or_of_yesterday_covers_nothing() {
    let mut other_image = grant("IEM-A-01", "2027-01-01");
    other_image.digest = "sha256:other".to_owned();
    for grant in [
        other_image,
        grant("IEM-A-01", "2026-11-19"),
        grant("IEM-A-02", "2027-01-01"),
    ] {
        let mut record = sample::record();
        record.run.options.grants = vec![grant.clone()];
        let report = Report::judge(record, &[entry("IEM-A-01", UNMET)]);
        assert_eq!(report.verdict, RunVerdict::NotConformant, "{grant:?}");
    }
}

#[test]
fn a_run_that_assessed_nothing_is_undecided() {
    assert_eq!(headline(&[]), "undecided (device scope, 0 of 0 assessed)");
    let catalogue = [entry("IEM-A-01", MANUAL), should("IEM-A-02", UNSEEN)];
    assert_eq!(
        headline(&catalogue),
        "undecided (device scope, 0 of 2 assessed)"
    );
}

#[test]
fn a_custom_profile_or_another_image_certifies_nothing_and_says_so() {
    for (name, why) in [
        (ProfileName::Custom, "custom profile"),
        (ProfileName::Quick, "not the offer's image"),
    ] {
        let mut record = sample::record();
        record.run.certifying = false;
        record.run.profile.name = name;
        assert_eq!(
            Report::judge(record, &[entry("IEM-A-01", MET)]).headline(),
            format!("conformant (device scope, 1 of 1 assessed; {why}, certifies nothing)")
        );
    }
}

#[test]
fn verdicts_have_the_exit_codes_of_every_command() {
    let codes = [
        RunVerdict::Conformant,
        RunVerdict::NotConformant,
        RunVerdict::Undecided,
    ]
    .map(RunVerdict::exit_code);
    assert_eq!(codes, [0, 1, 2]);
}

#[test]
fn stages_in_scope_are_listed_in_order() {
    let image = Requirement {
        stages: &[Stage::Image, Stage::Device],
        ..entry("IEM-A-02", MET)
    };
    let report = Report::judge(sample::record(), &[entry("IEM-A-01", MET), image]);
    assert_eq!(report.scope.stages, [Stage::Image, Stage::Device]);
}

#[test]
fn a_stored_report_judged_again_says_the_same() {
    let mut record = sample::record();
    record.device.board = None;
    record.observations.storage = Observed::unseen(Reason::CannotMeasure, "unreadable directory");
    record.run.options.grants = vec![grant("IEM-HW-05", "2027-01-01")];
    record.run.options.reserve_bytes = Some(Bytes::mib(400));
    let first = Report::judge(record, CATALOGUE);
    let text = serde_json::to_string_pretty(&first).unwrap();
    let stored: Report = serde_json::from_str(&text).unwrap();
    assert_eq!(stored, first);
    let again = Report::judge(stored.into_record(), CATALOGUE);
    assert_eq!(serde_json::to_string_pretty(&again).unwrap(), text);
}
