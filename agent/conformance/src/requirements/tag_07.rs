//! IEM-TAG-07: customers can follow updates or stay with a version.

use super::repository_tags::{all_were_looked_at, few, rolling, versions};
use crate::finding::{Outcome, Unseen};
use crate::observation::Repository;
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-TAG-07",
    slug: "customers-can-follow-or-freeze",
    title: "Customers can follow updates or freeze a version",
    force: Forces::always(Force::Must),
    stages: &[Stage::Registry],
    scopes: &[ScopeName::Registry, ScopeName::Full],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Tags and versioning",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Versioning",
        },
    ],
    statement: "There is a tag that moves with updates and a tag that stays, so that customers can choose.",
    remedy: "Publish the kind of tag that is missing: `latest` or a rolling one, or a fixed X.Y.Z.",
    judge: Judge::ByRegistry(judge),
};

fn judge(_: &Record, repository: &Repository) -> Result<Outcome, Unseen> {
    let wanted = "a tag that moves (`latest`, X.Y or X) and one that stays (X.Y.Z)";
    let latest = repository.tag("latest").into_iter();
    let moving: Vec<String> = latest
        .chain(rolling(repository))
        .filter(|tag| tag.digest.is_some())
        .map(|tag| tag.name.clone())
        .collect();
    let fixed: Vec<String> = versions(repository)
        .iter()
        .filter(|(_, tag)| tag.digest.is_some())
        .map(|(_, tag)| tag.name.clone())
        .collect();
    let name = &repository.name;
    if moving.is_empty() || fixed.is_empty() {
        all_were_looked_at(repository)?;
    }
    Ok(match (moving.is_empty(), fixed.is_empty()) {
        (false, false) => Outcome::met(
            format!("{name}: {} move, {} stay", few(&moving), few(&fixed)),
            wanted,
        ),
        (true, false) => Outcome::unmet(
            format!("{name} has no tag that moves, only {}", few(&fixed)),
            wanted,
            "tag the newest version `latest` too",
        ),
        (false, true) => Outcome::unmet(
            format!("{name} has no tag that stays, only {}", few(&moving)),
            wanted,
            "publish the same images under a version such as 1.0.0",
        ),
        (true, true) => Outcome::unmet(
            format!("{name} has neither `latest` nor a rolling tag nor a version"),
            wanted,
            "publish the images under a version such as 1.0.0, and tag it `latest` too",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

    #[test]
    fn it_takes_both_kinds_of_tag() {
        for (tags, kind) in [
            (&["latest", "1.0.1"][..], OutcomeKind::Met),
            (&["1.0", "1.0.1"][..], OutcomeKind::Met),
            (&["1.0.1"][..], OutcomeKind::Unmet),
            (&["latest", "1"][..], OutcomeKind::Unmet),
            (&["nightly"][..], OutcomeKind::Unmet),
        ] {
            let record = sample::registry_record(tags);
            let outcome = judge(&record, &sample::repository(tags)).unwrap();
            assert_eq!(outcome.kind, kind, "{tags:?}: {}", outcome.saw);
        }
    }

    #[test]
    fn tags_that_nobody_looked_at_could_be_the_missing_kind() {
        let mut repository = sample::repository(&["1.0.1"]);
        repository.left_out = Some("1 of 2 tags was looked at".to_owned());
        assert!(judge(&sample::registry_record(&[]), &repository).is_err());
    }
}
