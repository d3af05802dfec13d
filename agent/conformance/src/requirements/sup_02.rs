//! IEM-SUP-02: the ways to get support that the description names stay open.

use scraper::{ElementRef, Html};

use super::attested::attested;
use super::links::{is_link, is_mail_address};
use super::remarks::quoted;
use crate::finding::{Outcome, Reason, Unseen};
use crate::hardware;
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-SUP-02",
    slug: "named-support-stays-available",
    title: "Named support stays available",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer],
    scopes: &[
        ScopeName::Offer,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[Source {
        document: Document::ProcessNote2018,
        heading: "Support requirements (from AMP policy)",
    }],
    statement: "The support options that the description names stay available as long as the module is offered.",
    remedy: "Restore the support option, or replace it in the description.",
    judge: Judge::By(judge),
};

const ID: &str = "IEM-SUP-02";
const WANTED: &str = "every way to get support that the description names leads to somebody";

/// Words that make a line, a link or its text speak of support. "Supports Linux" is none of them.
const WORDS: [&str; 6] = [
    "support",
    "help",
    "helpdesk",
    "hotline",
    "contact",
    "service desk",
];

/// Nothing is visited or called: what needs the network stays open, and mail and telephone are a person's.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let description = &record.offer.listing.description;
    let Some((lines, _)) = hardware::parted_lines(description) else {
        return Err(Unseen::new(
            Reason::Tool,
            format!(
                "the description has {} bytes, more than edgeproof reads",
                description.len()
            ),
        ));
    };
    let named = Named::in_text(&lines, description);
    if !named.broken.is_empty() {
        return Ok(Outcome::unmet(
            format!("/listing/description: {}", named.broken.join("; ")),
            WANTED,
            "correct the address in the description",
        ));
    }
    let all: Vec<&str> = named
        .pages
        .iter()
        .chain(&named.others)
        .map(String::as_str)
        .collect();
    if all.is_empty() {
        return Ok(Outcome::not_applicable(
            "the description names no way to get support; those of the listing are IEM-SUP-01's",
            WANTED,
        ));
    }
    let saw = format!(
        "/listing/description names {}; {}",
        all.join(", "),
        attested(record, ID)
    );
    if named.pages.is_empty() {
        let remedy = format!(
            "let a person write to or call {}, and say when somebody answered",
            named.others.join(" and ")
        );
        return Ok(Outcome::manual(saw, WANTED, remedy));
    }
    Err(Unseen::new(
        Reason::Tool,
        format!(
            "{saw}; whether {} still answers was not tried: edgeproof visits no links yet",
            named.pages.join(" and ")
        ),
    ))
}

/// Ways to get support.
#[derive(Debug, Default)]
struct Named {
    /// Web pages.
    pages: Vec<String>,
    /// Mail addresses and telephone numbers.
    others: Vec<String>,
    /// Links that have the form of none, in words.
    broken: Vec<String>,
}

impl Named {
    /// By links and by words: an address anywhere, a page where its line, its text or its own name speaks of support.
    fn in_text(lines: &[String], description: &str) -> Named {
        let mut named = Named::default();
        let document = Html::parse_fragment(description);
        let elements = document.tree.nodes().filter_map(ElementRef::wrap);
        for link in elements.filter(|element| element.value().name() == "a") {
            let Some(target) = link.value().attr("href") else {
                continue;
            };
            named.link(target.trim(), &link.text().collect::<String>());
        }
        for line in lines {
            let speaks = speaks_of_support(line);
            for word in line.split_whitespace() {
                let word = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '/');
                if is_mail_address(word) {
                    push(&mut named.others, word);
                } else if is_link(word) && (speaks || speaks_of_support(word)) {
                    push(&mut named.pages, word);
                }
            }
        }
        named
    }

    fn link(&mut self, target: &str, text: &str) {
        let scheme = |scheme: &str| {
            let start = target.get(..scheme.len())?;
            start
                .eq_ignore_ascii_case(scheme)
                .then(|| &target[scheme.len()..])
        };
        if let Some(address) = scheme("mailto:") {
            let address = address.split('?').next().unwrap_or_default();
            if is_mail_address(address) {
                push(&mut self.others, address);
            } else {
                self.broken
                    .push(format!("{} is no mail address", quoted(target)));
            }
        } else if let Some(number) = scheme("tel:") {
            let digits = number.chars().filter(char::is_ascii_digit).count();
            if digits >= 3 {
                push(&mut self.others, number);
            } else {
                self.broken
                    .push(format!("{} is no telephone number", quoted(target)));
            }
        } else if is_link(target) && (speaks_of_support(text) || speaks_of_support(target)) {
            push(&mut self.pages, target);
        } else if !is_link(target) && speaks_of_support(text) {
            self.broken.push(format!(
                "the link \u{201c}{}\u{201d} leads to {}, which is no web link",
                text.trim(),
                quoted(target)
            ));
        }
    }
}

fn push(list: &mut Vec<String>, item: &str) {
    if !list.iter().any(|known| known == item) {
        list.push(item.to_owned());
    }
}

/// Whether one of the words stands in a text as a word of its own.
fn speaks_of_support(text: &str) -> bool {
    let text = text.to_lowercase();
    WORDS.iter().any(|word| {
        text.match_indices(word).any(|(at, _)| {
            let letter = |c: char| c.is_alphanumeric();
            !text[..at].ends_with(letter) && !text[at + word.len()..].starts_with(letter)
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

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
    fn a_page_stays_open_until_links_are_visited() {
        for text in [
            "Support: https://contoso.example/ask.",
            "See https://contoso.example/support for more.",
            "<a href=\"https://contoso.example/ask\">Get help</a>",
            "<a href=\"https://contoso.example/contact\">Us</a> or <a href=\"mailto:a@contoso.example\">mail</a>",
        ] {
            let unseen = saying(text).unwrap_err();
            assert_eq!(unseen.reason, Reason::Tool, "{text}");
            assert!(
                unseen.because.contains("https://contoso.example/"),
                "{}",
                unseen.because
            );
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
}
