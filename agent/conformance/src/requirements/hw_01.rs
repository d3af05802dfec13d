//! IEM-HW-01: the hardware paragraph is the last one of the description.

use super::hardware_draft::{absence, draft};
use super::remarks::quoted;
use crate::finding::{Outcome, Unseen};
use crate::hardware;
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-HW-01",
    slug: "hardware-paragraph-is-last",
    title: "The hardware paragraph is the last one",
    force: Forces {
        current: Force::Must,
        edition_2018: Force::Should,
    },
    stages: &[Stage::Offer],
    scopes: &[
        ScopeName::Offer,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[Source {
        document: Document::TechnicalAssets,
        heading: "Device dimensions",
    }],
    statement: "The description ends with a paragraph that states the minimum hardware requirements; only recommended hardware requirements may follow it.",
    remedy: "Move the paragraph to the end of the description.",
    judge: Judge::By(judge),
};

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let wanted = "a last paragraph that starts with \"Minimum hardware requirements\"";
    let Some(paragraph) = hardware::read(&record.offer.listing.description) else {
        return Ok(Outcome::unmet(
            absence(record),
            wanted,
            "add the paragraph at the end of the description and put your numbers in",
        )
        .with_paste(draft(record, None)));
    };
    Ok(match paragraph.after {
        None => Outcome::met(
            format!("/listing/description ends with {}", quoted(&paragraph.text)),
            wanted,
        ),
        Some(after) => Outcome::unmet(
            format!(
                "/listing/description: after the paragraph stand {} more characters: {}",
                after.chars().count(),
                quoted(&after)
            ),
            wanted,
            "move the paragraph to the end of the description",
        )
        .with_paste(draft(record, Some(&paragraph.claim))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

    #[test]
    fn a_description_that_ends_with_the_paragraph_passes() {
        let outcome = judge(&sample::record()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(outcome.saw.contains("512 MB of RAM"), "{}", outcome.saw);
    }

    #[test]
    fn a_recommended_paragraph_may_follow() {
        let mut record = sample::record();
        record
            .offer
            .listing
            .description
            .push_str("<p>Recommended hardware requirements: 1 GB of RAM</p>");
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Met);
    }

    #[test]
    fn text_after_the_paragraph_fails_with_the_paragraph_to_paste() {
        let mut record = sample::record();
        record.offer.listing.description.push_str("<p>Call us.</p>");
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(
            outcome.saw.ends_with("8 more characters: \"Call us.\""),
            "{}",
            outcome.saw
        );
        assert_eq!(
            outcome.paste.unwrap(),
            "<p><u>Minimum hardware requirements:</u> Linux x64 OS, 512 MB of RAM, 100 MB of storage</p>"
        );
    }

    #[test]
    fn a_description_without_the_paragraph_fails_with_a_draft() {
        let mut record = sample::record();
        record.offer.listing.description = "<p>It needs 1 GB of RAM.</p>".to_owned();
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(outcome.paste.unwrap().contains("Linux x64 OS, … MB of RAM"));
    }

    #[test]
    fn a_description_too_long_to_read_fails_with_its_length() {
        let mut record = sample::record();
        record
            .offer
            .listing
            .description
            .insert_str(0, &"<div>".repeat(20_000));
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(
            outcome.saw.contains("of more than 16384 nothing is read"),
            "{}",
            outcome.saw
        );
    }
}
