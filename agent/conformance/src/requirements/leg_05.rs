//! IEM-LEG-05: further legal rules for this type of offer, once the programme defines them.

use crate::finding::{Outcome, Unseen};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-LEG-05",
    slug: "further-legal-rules",
    title: "Further legal rules, once defined",
    force: Forces::always(Force::Info),
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
    statement: "The programme may add legal rules for this type of offer; none is defined so far.",
    remedy: "Nothing to do until the programme defines such rules.",
    judge: Judge::By(judge),
};

/// The note of 2018 calls such rules under review, and the current programme's page has none.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    Ok(Outcome::not_applicable(
        format!(
            "catalogue {} knows no such rule, in either edition",
            record.run.catalogue
        ),
        "the rules that the programme defines, if any",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::record::Edition;
    use crate::sample;

    #[test]
    fn no_rule_applies_in_either_edition() {
        let mut record = sample::record();
        for edition in [Edition::Current, Edition::Edition2018] {
            record.run.edition = edition;
            assert_eq!(judge(&record).unwrap().kind, OutcomeKind::NotApplicable);
        }
    }
}
