//! IEM-DOC-02: the documentation stands in the offer's text, in tags that are shown, or behind a link that works.

use std::collections::BTreeMap;

use scraper::{ElementRef, Html};

use super::doc_01::{self, Gaps};
use super::links::is_link;
use super::mentions::Text;
use super::remarks::{Remarks, quoted};
use super::settings::Settings;
use super::visited::{Standing, standing};
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

/// Where the text explains not every default, what is linked has to be there; whether it explains them is IEM-DOC-01's question.
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
    let is_documentation = is_link(url);
    let Settings(settings) = Settings::declared(&record.offer.plan)?;
    let gaps = doc_01::gaps(&settings, &text);
    let pages = doc_01::pages(listing, &text);
    let linked = match pages.first() {
        Some(page) => format!("; {page}{}", in_words(&standing(record, page))),
        None => String::new(),
    };
    if let (Gaps::None, true, Standing::Dead(how)) =
        (&gaps, is_documentation, standing(record, url))
    {
        remarks.doubt(
            format!("/listing/documentationUrl is {url}, and no page is there: {how}"),
            "publish the page there again, or take the link out",
        );
    }
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
        Gaps::Some(names) | Gaps::All(names) if !pages.is_empty() => {
            behind(record, &names, &pages, is_documentation, remarks)
        }
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

/// What only linked pages can explain.
fn behind(
    record: &Record,
    names: &str,
    pages: &[String],
    is_documentation: bool,
    mut remarks: Remarks,
) -> Result<Outcome, Unseen> {
    let gap = format!("the description does not name {names}");
    let mut open = None;
    let mut told = Vec::new();
    for page in pages {
        let standing = standing(record, page);
        told.push(format!("{page}{}", in_words(&standing)));
        match standing {
            Standing::Works(_) if is_documentation => {
                let met = format!(
                    "{gap}, and {}; whether it explains them is IEM-DOC-01's question",
                    told.join(", ")
                );
                return Ok(remarks.outcome(met, WANTED));
            }
            Standing::Works(_) => {
                return Ok(Outcome::manual(
                    format!("{gap}; of what is linked, {}", told.join(", ")),
                    WANTED,
                    format!(
                        "let a person say whether {page} is the documentation; if so, put it into /listing/documentationUrl"
                    ),
                ));
            }
            Standing::NotVisited(_) => open = open.or(Some(Reason::InputMissing)),
            Standing::Open(unseen) | Standing::Untried(unseen) => {
                open = open.or(Some(unseen.reason));
            }
            Standing::Dead(_) => {}
        }
    }
    let told = told.join(", ");
    if let Some(reason) = open {
        let because = format!("{gap}, and of what is linked nobody knows: {told}");
        return Err(Unseen::new(reason, because));
    }
    remarks.breach(
        format!("{gap}, and behind what is linked no page is there: {told}"),
        "publish the page there again, or explain them in the description, before the hardware paragraph",
    );
    Ok(remarks.outcome("", WANTED))
}

/// How a link stands, as what follows it in a sentence.
fn in_words(standing: &Standing) -> String {
    match standing {
        Standing::NotVisited(how) => format!(" was {how}"),
        Standing::Works(how) => format!(" {how}"),
        Standing::Dead(how) => format!(" is dead ({how})"),
        Standing::Open(unseen) | Standing::Untried(unseen) => {
            format!(" is open ({})", unseen.because)
        }
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
mod tests;
