use proptest::prelude::*;

use super::*;
use crate::certificate::Certificate;
use crate::finding::OutcomeKind;
use crate::observation::{LinkEnd, LinkFailureKind};
use crate::report::{Report, RunVerdict};
use crate::requirements::CATALOGUE;
use crate::sample::{self, answering, failing, offline};

fn saying(text: &str) -> Result<Outcome, Unseen> {
    let mut record = sample::record();
    let description = &mut record.offer.listing.description;
    *description = format!("<p>{text}</p>{description}");
    judge(&record)
}

#[test]
fn a_description_that_names_no_support_has_nothing_to_keep() {
    for text in [
        "It supports Linux: https://contoso.example/linux",
        "More at https://contoso.example/docs",
        "<a href=\"https://contoso.example/docs\">The manual</a>",
    ] {
        let outcome = saying(text).unwrap();
        assert_eq!(
            outcome.kind,
            OutcomeKind::NotApplicable,
            "{text}: {outcome:?}"
        );
    }
}

#[test]
fn a_page_stays_open_until_it_is_visited() {
    for text in [
        "Support: https://contoso.example/ask.",
        "See https://contoso.example/support for more.",
        "<a href=\"https://contoso.example/ask\">Get help</a>",
        "<a href=\"https://contoso.example/contact\">Us</a> or <a href=\"mailto:a@contoso.example\">mail</a>",
    ] {
        let unseen = saying(text).unwrap_err();
        assert_eq!(unseen.reason, Reason::InputMissing, "{text}");
        assert!(
            unseen.because.contains("https://contoso.example/"),
            "{}",
            unseen.because
        );
    }
}

const PAGE: &str = "https://contoso.example/ask";

fn visited(text: &str, end: LinkEnd) -> Record {
    let mut record = sample::visiting(PAGE, end);
    let description = &mut record.offer.listing.description;
    *description = format!("<p>{text}</p>{description}");
    record
}

#[test]
fn a_page_that_works_passes_and_mail_beside_it_still_waits_for_a_person() {
    let page = visited(&format!("Support: {PAGE}"), answering(200));
    let outcome = judge(&page).unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Met);
    assert!(outcome.saw.contains("ask answered 200"), "{}", outcome.saw);
    let both = format!("Support: {PAGE} or help@contoso.example");
    let outcome = judge(&visited(&both, answering(200))).unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Manual);
}

#[test]
fn a_page_that_is_dead_warns_for_thirty_days_and_then_fails() {
    let mut record = visited(&format!("Support: {PAGE}"), answering(404));
    let report = Report {
        verdict: RunVerdict::Conformant,
        ..Report::judge(record.clone(), CATALOGUE)
    };
    let mut certificate = Certificate::of(&report, &record.offer).unwrap();
    for (dead_since, kind) in [
        (None, OutcomeKind::Concern),
        (Some("2026-10-21T09:00:00Z"), OutcomeKind::Concern),
        (Some("2026-10-20T09:00:00Z"), OutcomeKind::Unmet),
    ] {
        certificate.links[0].dead_since = dead_since.map(str::to_owned);
        record.certified = Some(certificate.clone());
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, kind, "{dead_since:?}: {}", outcome.saw);
    }
    record.certified = None;
    let outcome = judge(&record).unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Concern);
    assert!(outcome.saw.contains("0 days ago"), "{}", outcome.saw);
}

#[test]
fn a_page_that_shows_neither_stays_open() {
    let text = format!("Support: {PAGE}");
    let slow = failing(LinkFailureKind::Slow);
    for (record, reason) in [
        (visited(&text, slow.clone()), Reason::Infrastructure),
        (offline(visited(&text, slow)), Reason::Configuration),
    ] {
        assert_eq!(judge(&record).unwrap_err().reason, reason);
    }
}

#[test]
fn mail_and_telephone_wait_for_a_person() {
    for (text, told) in [
        ("Write to help@contoso.example!", "help@contoso.example"),
        (
            "<a href=\"mailto:help@contoso.example?subject=x\">Mail</a>",
            "help@contoso.example",
        ),
        ("<a href=\"tel:+49 30 1234\">Call</a>", "+49 30 1234"),
    ] {
        let outcome = saying(text).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Manual, "{text}");
        assert!(outcome.saw.contains(told), "{}", outcome.saw);
    }
}

#[test]
fn an_address_that_cannot_work_fails() {
    for text in [
        "<a href=\"mailto:help\">Mail</a>",
        "<a href=\"tel:\">Call</a>",
        "<a href=\"/ask\">Get support</a>",
    ] {
        assert_eq!(saying(text).unwrap().kind, OutcomeKind::Unmet, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_description_it_is_judged(text in "(<a href=\"|mailto:|tel:|support|\">|</a>|https://a.b|\\PC){0,40}") {
        let _ = saying(&text);
    }
}
