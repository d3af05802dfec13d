use proptest::prelude::*;

use super::*;
use crate::finding::OutcomeKind;
use crate::observation::LinkFailureKind;
use crate::offer::Link;
use crate::sample::{self, answering, failing, offline, with_visit};

fn with(text: &str, env: &[&str], url: Option<&str>) -> Record {
    let mut record = sample::record();
    let listing = &mut record.offer.listing;
    listing.description = format!(
        "<p>It listens on TCP port 8080. {text}</p><p>Minimum hardware requirements: Linux x64 OS, 1 GB of RAM, 1 GB of storage</p>"
    );
    listing.documentation_url = url.map(str::to_owned);
    listing.useful_links.clear();
    let env = env.iter().map(|name| ((*name).to_owned(), "1".to_owned()));
    record.offer.plan.env = env.collect();
    record
}

const DOCS: Option<&str> = Some("https://contoso.example/docs");

#[test]
fn defaults_that_the_text_explains_pass_with_or_without_a_link() {
    let text = "<b>LOG_LEVEL</b>: how much it says.";
    for url in [None, DOCS] {
        let outcome = judge(&with(text, &["LOG_LEVEL"], url)).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met, "{outcome:?}");
        assert_eq!(outcome.saw.contains("was not visited"), url.is_some());
    }
}

#[test]
fn what_only_a_link_explains_stays_open_until_it_is_visited() {
    let unseen = judge(&with("", &["LOG_LEVEL"], DOCS)).unwrap_err();
    assert_eq!(unseen.reason, Reason::InputMissing);
    assert!(
        unseen.because.contains("does not name LOG_LEVEL"),
        "{}",
        unseen.because
    );
    assert!(unseen.because.contains("https://contoso.example/docs"));
}

#[test]
fn what_only_a_link_explains_is_met_by_a_page_that_works_and_fails_by_a_dead_one() {
    let page = DOCS.unwrap();
    let gap = || with("", &["LOG_LEVEL"], DOCS);
    let outcome = judge(&with_visit(gap(), page, answering(200))).unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Met, "{outcome:?}");
    let outcome = judge(&with_visit(gap(), page, answering(404))).unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Unmet, "{outcome:?}");
    for (open, reason) in [
        (
            with_visit(gap(), page, failing(LinkFailureKind::Slow)),
            Reason::Infrastructure,
        ),
        (
            with_visit(gap(), page, failing(LinkFailureKind::Refused)),
            Reason::Configuration,
        ),
        (offline(gap()), Reason::Configuration),
    ] {
        assert_eq!(judge(&open).unwrap_err().reason, reason);
    }
}

#[test]
fn a_dead_link_beside_a_text_that_explains_everything_is_a_concern() {
    let record = with("<b>LOG_LEVEL</b>: how much it says.", &["LOG_LEVEL"], DOCS);
    let outcome = judge(&with_visit(record, DOCS.unwrap(), answering(410))).unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Concern, "{outcome:?}");
}

#[test]
fn another_link_that_works_may_be_the_documentation_and_a_person_says_so() {
    let page = "https://contoso.example/product";
    let mut record = with("", &["LOG_LEVEL"], None);
    record.offer.listing.useful_links = vec![Link {
        title: "Product".to_owned(),
        url: page.to_owned(),
    }];
    for (status, kind) in [(200, OutcomeKind::Manual), (404, OutcomeKind::Unmet)] {
        let outcome = judge(&with_visit(record.clone(), page, answering(status))).unwrap();
        assert_eq!(outcome.kind, kind, "{outcome:?}");
    }
}

#[test]
fn without_a_link_a_gap_waits_for_a_person_and_nothing_at_all_fails() {
    let outcome = judge(&with("", &["LOG_LEVEL"], None)).unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Manual, "the port is named");
    let mut record = with("", &["LOG_LEVEL"], None);
    record.offer.plan.create_options = String::new();
    let outcome = judge(&record).unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Unmet);
    assert!(
        outcome.saw.contains("none of the defaults (LOG_LEVEL)"),
        "{}",
        outcome.saw
    );
}

#[test]
fn a_text_in_place_of_the_link_fails() {
    for env in [&[][..], &["LOG_LEVEL"]] {
        let outcome = judge(&with("", env, Some("soon"))).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet, "{outcome:?}");
        assert_eq!(
            outcome.saw,
            "/listing/documentationUrl is \"soon\", which is no web link"
        );
    }
}

#[test]
fn tags_that_are_not_promised_to_be_shown_are_a_concern_with_their_place() {
    let text = "<script>x()</script><TABLE><thead><tr><th>y</th></tr></thead></TABLE>";
    let outcome = judge(&with(text, &[], None)).unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Concern);
    assert!(
        outcome.saw.contains("<script> from byte 32, 1 in all"),
        "{}",
        outcome.saw
    );
    for name in ["<table> from byte 52", "<th> from byte 70"] {
        assert!(outcome.saw.contains(name), "{name} in {}", outcome.saw);
    }
    for name in ["<p>", "<body>", "<tbody>"] {
        assert!(!outcome.saw.contains(name), "{name} in {}", outcome.saw);
    }
}

#[test]
fn an_offer_without_defaults_has_nothing_to_explain() {
    let mut record = with("", &[], None);
    record.offer.plan.create_options = String::new();
    assert_eq!(judge(&record).unwrap().kind, OutcomeKind::NotApplicable);
}

#[test]
fn create_options_that_cannot_be_read_leave_it_open() {
    let mut record = with("", &[], None);
    record.offer.plan.create_options = "{".to_owned();
    assert_eq!(judge(&record).unwrap_err().reason, Reason::InputMissing);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_description_its_tags_are_told(text in "(<|</|>|script|svg|math|template|\\PC){0,60}") {
        let mut record = sample::record();
        record.offer.listing.description = text;
        let _ = judge(&record);
    }
}
