//! IEM-USE-01: the module serves at least one real use of IoT Edge.

use super::attested::{attested, skeleton};
use crate::finding::{Outcome, Unseen};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-USE-01",
    slug: "serves-a-real-use-case",
    title: "Serves a real IoT Edge use case",
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
        heading: "Subjective requirement",
    }],
    statement: "At least one customer would run the module on an edge device for a real purpose.",
    remedy: "State what kind of customer runs it, on which device, and which data it handles there.",
    judge: Judge::By(judge),
};

const ID: &str = "IEM-USE-01";

/// A person's question, whatever the partner says.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let remedy = "let a person say whether a customer would run it on an edge device: what kind of customer, on which device, which data go where";
    Ok(Outcome::manual(
        attested(record, ID),
        "a customer, a device and the way of the data, in the partner's words, and a person who is convinced",
        remedy,
    )
    .with_paste(skeleton(
        ID,
        "<KIND OF CUSTOMER> runs it on <DEVICE>; it takes <DATA> from <SOURCE> and hands <RESULT> to <SINK>.",
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::offer::Attestation;
    use crate::sample;

    #[test]
    fn it_waits_for_a_person_with_and_without_the_partners_words() {
        let mut record = sample::record();
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Manual);
        assert!(
            outcome.saw.starts_with("nobody attests it"),
            "{}",
            outcome.saw
        );
        assert!(outcome.paste.unwrap().starts_with("{\"IEM-USE-01\":"));
        let words = Attestation {
            by: "A. Person".to_owned(),
            on: "2026-11-01".to_owned(),
            statement: "A bakery runs it beside its oven.".to_owned(),
        };
        record.offer.attestations.insert(ID.to_owned(), words);
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Manual);
        assert!(outcome.saw.ends_with("A bakery runs it beside its oven."));
    }
}
