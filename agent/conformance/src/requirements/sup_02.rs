//! IEM-SUP-02: the ways to get support that the description names stay open.

use scraper::{ElementRef, Html};

use super::attested::attested;
use super::grace::Grace;
use super::links::{is_link, is_mail_address};
use super::remarks::{Remarks, quoted};
use super::visited::{Standing, standing};
use crate::finding::{Outcome, Reason, Unseen};
use crate::hardware;
use crate::links::bare;
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

/// A page is there by a visit, and one that is dead has its days of grace; mail and telephone are a person's.
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
    let mut remarks = Remarks::default();
    visits(record, &named.pages, &saw, &mut remarks)?;
    if remarks.has_any() {
        return Ok(remarks.outcome("", WANTED));
    }
    if !named.others.is_empty() {
        let remedy = format!(
            "let a person write to or call {}, and say when somebody answered",
            named.others.join(" and ")
        );
        return Ok(Outcome::manual(saw, WANTED, remedy));
    }
    let how = named.pages.iter().map(|page| match standing(record, page) {
        Standing::Works(how) => format!("{page} {how}"),
        Standing::NotVisited(_) | Standing::Dead(_) | Standing::Open(_) | Standing::Untried(_) => {
            page.clone()
        }
    });
    let how: Vec<String> = how.collect();
    let saw = format!("/listing/description names {}", how.join(", "));
    Ok(Outcome::met(saw, WANTED))
}

/// What visits say of pages: a remark for each that is dead.
fn visits(
    record: &Record,
    pages: &[String],
    saw: &str,
    remarks: &mut Remarks,
) -> Result<(), Unseen> {
    let mut open = None;
    for page in pages {
        let unknown = |reason, because: &str| {
            let because = format!("{saw}; whether {page} still answers is not known: {because}");
            Unseen::new(reason, because)
        };
        match standing(record, page) {
            Standing::Works(_) => {}
            Standing::NotVisited(how) => open = Some(unknown(Reason::InputMissing, &how)),
            Standing::Open(unseen) | Standing::Untried(unseen) => {
                open = Some(unknown(unseen.reason, &unseen.because));
            }
            Standing::Dead(how) => {
                let grace = Grace::of(record, page);
                let saw = format!(
                    "/listing/description names {page}, and no page is there: {how}; {}",
                    grace.in_words()
                );
                let mend = "have the page answer again, or name another one in the description";
                if grace.is_over() {
                    remarks.breach(saw, mend);
                } else {
                    remarks.doubt(saw, mend);
                }
            }
        }
    }
    match open {
        // What fails anyway needs no more visits.
        Some(unseen) if !remarks.has_breach() => Err(unseen),
        _ => Ok(()),
    }
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
                let word = bare(word);
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
mod tests;
