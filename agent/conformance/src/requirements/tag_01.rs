//! IEM-TAG-01: `latest` is the newest version, platform by platform.

use super::remarks::Remarks;
use super::repository_tags::{differences, shown, versions};
use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::Repository;
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-TAG-01",
    slug: "latest-is-the-newest-version",
    title: "`latest` is the newest version",
    force: Forces::always(Force::Must),
    stages: &[Stage::Registry],
    scopes: &[ScopeName::Registry, ScopeName::Full],
    sources: &[Source {
        document: Document::TechnicalAssets,
        heading: "Tags and versioning",
    }],
    statement: "The manifest tag `latest` points to the newest version on every supported platform.",
    remedy: "Retag `latest` to the index of the highest X.Y.Z version.",
    judge: Judge::ByRegistry(judge),
};

fn judge(_: &Record, repository: &Repository) -> Result<Outcome, Unseen> {
    let wanted = "`latest` leads to the images of the highest X.Y.Z, platform by platform";
    let versions = versions(repository);
    let newest = versions.first().map(|(_, tag)| *tag);
    let latest = repository.tag("latest").filter(|tag| tag.digest.is_some());
    let name = &repository.name;
    let Some(latest) = latest else {
        let remedy = newest.map_or_else(
            || "publish a version X.Y.Z and tag it `latest` too".to_owned(),
            |newest| format!("tag {} `latest` too", newest.name),
        );
        let outcome = Outcome::unmet(
            format!("{name} has no tag `latest` that leads to a manifest"),
            wanted,
            remedy,
        );
        return Ok(match newest {
            Some(newest) => outcome.with_paste(retag(name, "latest", &newest.name)),
            None => outcome,
        });
    };
    let Some(newest) = newest else {
        return Err(Unseen::new(
            Reason::InputMissing,
            format!("{name} has no version tag X.Y.Z to compare `latest` with; see IEM-TAG-02"),
        ));
    };
    if newest.digest.is_none() {
        return Err(Unseen::new(
            Reason::InputMissing,
            format!(
                "{name}:{} leads to no manifest, so `latest` has nothing to be compared with; see IEM-REG-02",
                newest.name
            ),
        ));
    }
    let mut remarks = Remarks::default();
    for difference in differences(repository, latest, newest) {
        remarks.breach(
            difference,
            format!("retag `latest` to the index of {}", newest.name),
        );
    }
    let wrong = remarks.has_breach();
    let outcome = remarks.outcome(
        format!(
            "{name}: `latest` leads to {}, as {} does",
            shown(latest),
            newest.name
        ),
        wanted,
    );
    Ok(if wrong {
        outcome.with_paste(retag(name, "latest", &newest.name))
    } else {
        outcome
    })
}

/// The line that makes one tag lead where another does.
pub(super) fn retag(repository: &str, tag: &str, to: &str) -> String {
    format!("docker buildx imagetools create --tag {repository}:{tag} {repository}:{to}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

    fn check(tags: &[&str], change: impl FnOnce(&mut Repository)) -> Result<Outcome, Unseen> {
        let mut repository = sample::repository(tags);
        change(&mut repository);
        judge(&sample::registry_record(tags), &repository)
    }

    #[test]
    fn latest_that_leads_where_the_highest_version_does_passes() {
        let outcome = check(&["latest", "1.0.0", "1.0.1"], |_| {}).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met, "{outcome:?}");
        assert!(outcome.saw.contains("as 1.0.1 does"), "{}", outcome.saw);
    }

    #[test]
    fn latest_that_stayed_behind_fails_with_platform_and_digests() {
        let outcome = check(&["latest", "1.0.0", "1.0.1"], |repository| {
            repository.tags[0].digest = Some(sample::digest("1.0.0", "index"));
        })
        .unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(
            outcome
                .saw
                .contains("for linux/arm/v7 latest leads to sha256:")
        );
        assert!(outcome.paste.unwrap().ends_with("air-quality:1.0.1"));
    }

    #[test]
    fn without_latest_it_fails_and_without_a_version_nothing_can_be_said() {
        let outcome = check(&["1.0.1"], |_| {}).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        let unseen = check(&["latest"], |repository| {
            repository.tags[0].digest = Some("sha256:0".to_owned());
        });
        assert_eq!(unseen.unwrap_err().reason, Reason::InputMissing);
    }
}
