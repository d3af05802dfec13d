//! IEM-DOC-02: the documentation stands in the offer's text, in tags that are shown, or behind a link that works.

use std::collections::BTreeMap;

use scraper::{ElementRef, Html};

use super::doc_01::{self, Gaps};
use super::links::is_link;
use super::mentions::Text;
use super::remarks::{Remarks, quoted};
use super::settings::Settings;
use crate::finding::{Outcome, Reason, Unseen};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-DOC-02",
    slug: "documentation-is-reachable",
    title: "The documentation is reachable",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer],
    scopes: &[
        ScopeName::Offer,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Configuration documentation",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Default settings",
        },
    ],
    statement: "The documentation stands in the offer or plan description as basic HTML, or behind a link that works.",
    remedy: "Publish a stable page and link it, or move the text into the description with supported tags.",
    judge: Judge::By(judge),
};

const WANTED: &str = "the defaults explained in the description, in tags that are shown there, or behind a link that works";

/// Tags that a description may have.
///
/// Source: Microsoft Learn, "HTML tags supported in commercial marketplace offer descriptions"; `u` stands in the programme's
/// own example of a hardware paragraph.
const SHOWN: [&str; 14] = [
    "b", "br", "h1", "h2", "h3", "h4", "h5", "h6", "i", "li", "ol", "p", "u", "ul",
];
/// Of many kinds of other tags the first are told.
const MOST_TOLD: usize = 8;

/// What is linked was not visited: where the text explains not every default, that leaves it open.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let listing = &record.offer.listing;
    let text = Text::of(listing).ok_or_else(|| {
        Unseen::new(
            Reason::Tool,
            format!(
                "the description has {} bytes, more than edgeproof reads",
                listing.description.len()
            ),
        )
    })?;
    let mut remarks = Remarks::default();
    other_tags(&listing.description, &mut remarks);
    let url = listing
        .documentation_url
        .as_deref()
        .unwrap_or_default()
        .trim();
    if !url.is_empty() && !is_link(url) {
        remarks.breach(
            format!(
                "/listing/documentationUrl is {}, which is no web link",
                quoted(url)
            ),
            "put an https:// link to the documentation there, or take it out",
        );
    }
    let Settings(settings) = Settings::declared(&record.offer.plan)?;
    let gaps = doc_01::gaps(&settings, &text);
    let pages = doc_01::pages(listing, &text);
    let linked = match pages.first() {
        Some(page) => format!("; {page} was not visited"),
        None => String::new(),
    };
    match gaps {
        Gaps::None if settings.is_empty() && !remarks.has_any() => Ok(Outcome::not_applicable(
            format!("the offer has no default that a customer would have to know{linked}"),
            WANTED,
        )),
        Gaps::None => {
            let met = format!("the description explains every default{linked}");
            Ok(remarks.outcome(met, WANTED))
        }
        Gaps::Some(_) | Gaps::All(_) if remarks.has_breach() => Ok(remarks.outcome("", WANTED)),
        Gaps::Some(names) | Gaps::All(names) if !pages.is_empty() => Err(Unseen::new(
            Reason::Tool,
            format!(
                "the description does not name {names}, and what is linked was not visited: {}; edgeproof visits no links yet",
                pages.join(", ")
            ),
        )),
        Gaps::All(names) => {
            remarks.breach(
                format!("/listing/description names none of the defaults ({names}), and no link to a documentation stands in the offer"),
                "explain them in the description, before the hardware paragraph, or put a link into /listing/documentationUrl",
            );
            Ok(remarks.outcome("", WANTED))
        }
        Gaps::Some(names) => Ok(Outcome::manual(
            format!(
                "/listing/description does not name {names}, and no link to a documentation stands in the offer"
            ),
            WANTED,
            "let a person say whether the description explains them in other words; else add them, or a link under /listing/documentationUrl",
        )),
    }
}

/// Tags that may be taken out where the description is shown, with where the first of each stands.
fn other_tags(description: &str, remarks: &mut Remarks) {
    let document = Html::parse_fragment(description);
    let elements = document.tree.nodes().filter_map(ElementRef::wrap);
    let lower = description.to_ascii_lowercase();
    let mut found: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for element in elements {
        let name = element.value().name().to_ascii_lowercase();
        if SHOWN.contains(&name.as_str()) {
            continue;
        }
        // What the parser puts in by itself, such as a table's body, does not stand in the text.
        let known = found.get(&name).map(|(at, _)| *at);
        if let Some(at) = known.or_else(|| first_of(&name, &lower)) {
            found.entry(name).or_insert((at, 0)).1 += 1;
        }
    }
    let told: Vec<String> = found
        .iter()
        .take(MOST_TOLD)
        .map(|(name, (at, count))| {
            let short: String = name.chars().take(24).collect();
            format!("<{short}> from byte {at}, {count} in all")
        })
        .collect();
    if told.is_empty() {
        return;
    }
    let more = found.len().saturating_sub(MOST_TOLD);
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} kinds more"),
    };
    remarks.doubt(
        format!(
            "/listing/description has tags that the marketplace does not promise to show: {}{more}",
            told.join("; ")
        ),
        format!("use {} instead", SHOWN.join(", ")),
    );
}

/// Where the first tag of this name begins in a text of lower case.
fn first_of(name: &str, lower: &str) -> Option<usize> {
    let tag = format!("<{name}");
    let mut tags = lower.match_indices(tag.as_str());
    let whole =
        |at: usize| !lower[at + tag.len()..].starts_with(|c: char| c.is_ascii_alphanumeric());
    tags.find(|(at, _)| whole(*at)).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

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
        assert_eq!(unseen.reason, Reason::Tool);
        assert!(
            unseen.because.contains("does not name LOG_LEVEL"),
            "{}",
            unseen.because
        );
        assert!(unseen.because.contains("https://contoso.example/docs"));
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
}
