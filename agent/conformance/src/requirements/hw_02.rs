//! IEM-HW-02: the hardware paragraph states operating system, architecture, RAM and storage in usable units.

use super::hardware_draft::{absence, draft};
use super::remarks::Remarks;
use crate::finding::{Outcome, Unseen};
use crate::hardware::{self, Claim, Paragraph};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-HW-02",
    slug: "hardware-paragraph-is-complete",
    title: "The hardware paragraph is complete",
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
    statement: "The paragraph states operating system and architecture, RAM and storage in usable units; CPU and GPU where they matter.",
    remedy: "State what is missing, with its unit.",
    judge: Judge::By(judge),
};

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let wanted = "operating system, architecture, RAM and storage, each with a unit that can be read one way only";
    let Some(paragraph) = hardware::read(&record.offer.listing.description) else {
        return Ok(Outcome::unmet(
            absence(record),
            wanted,
            "add the paragraph at the end of the description and put your numbers in",
        )
        .with_paste(draft(record, None)));
    };
    let remarks = remarks(&paragraph);
    let outcome = remarks.outcome(in_words(&paragraph.claim), wanted);
    Ok(match outcome.remedy {
        None => outcome,
        Some(_) => outcome.with_paste(draft(record, Some(&paragraph.claim))),
    })
}

fn remarks(paragraph: &Paragraph) -> Remarks {
    let claim = &paragraph.claim;
    let mut remarks = Remarks::default();
    for (missing, what, example) in [
        (claim.os.is_empty(), "operating system", "Linux"),
        (claim.architectures.is_empty(), "architecture", "x64"),
        (claim.ram_bytes.is_none(), "RAM", "1 GB of RAM"),
        (
            claim.storage_bytes.is_none(),
            "storage",
            "500 MB of storage",
        ),
    ] {
        if missing {
            remarks.breach(
                format!("the paragraph states no {what} that can be read"),
                format!("state the {what}, for example \"{example}\""),
            );
        }
    }
    for unread in &paragraph.unread {
        remarks.doubt(
            format!("{unread} of the paragraph cannot be read"),
            "use the words of the paragraph to paste, and explain anything else further up",
        );
    }
    for unread in &paragraph.recommended_unread {
        remarks.doubt(
            format!("{unread} of the recommended block cannot be read"),
            "use the words of the paragraph to paste, and explain anything else further up",
        );
    }
    let recommended = claim.recommended.as_deref();
    let doubtful = recommended.map_or(&[][..], |claim| claim.warnings.as_slice());
    for warning in claim.warnings.iter().chain(doubtful) {
        remarks.doubt(warning.clone(), "write it as in the paragraph to paste");
    }
    remarks
}

/// The numbers that were read, so that a publisher can see what was understood.
fn in_words(claim: &Claim) -> String {
    let amount = |bytes: Option<crate::units::Bytes>| {
        bytes.map_or("?".to_owned(), |bytes| format!("{} bytes", bytes.0))
    };
    format!(
        "os {}, architecture {}, RAM {}, storage {}",
        claim.os.join(" and "),
        claim.architectures.join(" and "),
        amount(claim.ram_bytes),
        amount(claim.storage_bytes)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

    fn check(claim: &str, kind: OutcomeKind, saw: &str) -> Outcome {
        let outcome = judge(&sample::record_claiming(claim)).unwrap();
        assert_eq!(outcome.kind, kind, "{claim}");
        assert_eq!(outcome.saw, saw);
        outcome
    }

    #[test]
    fn a_complete_paragraph_passes_with_the_numbers_read() {
        check(
            "Linux x64 OS, 1 GB of RAM, 500 MB of storage",
            OutcomeKind::Met,
            "os linux, architecture amd64, RAM 1073741824 bytes, storage 500000000 bytes",
        );
    }

    #[test]
    fn megabytes_written_as_megabits_are_a_concern_with_the_sentence_to_paste() {
        let outcome = check(
            "Linux x64 and arm32 OS, 1GB of RAM, 500 Mb of storage",
            OutcomeKind::Concern,
            "\"500 Mb\" at character 68: `Mb` is megabits and is read as megabytes, `MB`",
        );
        assert_eq!(
            outcome.paste.unwrap(),
            "<p><u>Minimum hardware requirements:</u> Linux x64 and arm32 OS, 1 GB of RAM, 500 MB of storage</p>"
        );
    }

    #[test]
    fn what_is_missing_fails_by_name() {
        let outcome = check(
            "Linux OS, 1 GB of RAM",
            OutcomeKind::Unmet,
            "the paragraph states no architecture that can be read; \
             the paragraph states no storage that can be read",
        );
        assert!(
            outcome
                .paste
                .unwrap()
                .contains("Linux x64 OS, 1 GB of RAM, … MB of storage")
        );
    }

    #[test]
    fn words_that_cannot_be_read_are_a_concern() {
        check(
            "Linux x64 OS, 1 GB of RAM, 500 MB of storage, sunshine",
            OutcomeKind::Concern,
            "\"sunshine\" at character 78 of the paragraph cannot be read",
        );
    }

    #[test]
    fn an_offer_without_the_paragraph_fails() {
        let mut record = sample::record();
        record.offer.listing.description.clear();
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Unmet);
    }
}
