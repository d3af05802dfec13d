//! IEM-LEG-01: the publisher keeps the marketplace agreement and its policies.

use super::attested::{attested, skeleton};
use crate::finding::{Outcome, Unseen};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-LEG-01",
    slug: "marketplace-policies-are-met",
    title: "Marketplace agreement and policies are met",
    force: Forces::always(Force::Must),
    stages: &[Stage::Person],
    scopes: &[
        ScopeName::Offer,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[Source {
        document: Document::ProcessNote2018,
        heading: "Legal requirements (from AMP policy)",
    }],
    statement: "The publisher complies with the marketplace agreement and its policies.",
    remedy: "State which version of the agreement was signed, by whom and when.",
    judge: Judge::By(judge),
};

const ID: &str = "IEM-LEG-01";

/// A person's question, whatever the partner says.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    Ok(Outcome::manual(
        attested(record, ID),
        "a dated statement which version of the marketplace agreement was signed, by whom, and a person who checked it",
        "let a person look up the publisher's agreement in Partner Center and compare its version with the one in force",
    )
    .with_paste(skeleton(
        ID,
        "<NAME> signed version <VERSION> of the marketplace publisher agreement on <DATE>.",
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Verdict};
    use crate::offer::Attestation;
    use crate::sample;

    #[test]
    fn it_waits_for_a_person_and_the_partners_words_change_no_verdict() {
        let mut record = sample::record();
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Manual);
        assert!(
            outcome.saw.starts_with("nobody attests it"),
            "{}",
            outcome.saw
        );
        let words = Attestation {
            by: "A. Person".to_owned(),
            on: "2026-11-01".to_owned(),
            statement: "Signed version 9.".to_owned(),
        };
        record.offer.attestations.insert(ID.to_owned(), words);
        let finding = REQUIREMENT.finding(&record);
        assert_eq!(finding.verdict, Verdict::Manual);
        assert_eq!(
            finding.saw,
            "attested by A. Person on 2026-11-01: Signed version 9."
        );
    }
}
