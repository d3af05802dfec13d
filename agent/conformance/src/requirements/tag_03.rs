//! IEM-TAG-03: each version tag covers every platform that the offer supports.

use super::fleet_runs::listed;
use super::plat_05::runs_on;
use super::remarks::Remarks;
use super::repository_tags::{all_were_looked_at, is_list, supported, versions};
use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::{ManifestKind, Repository, Tag};
use crate::platform::Platform;
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-TAG-03",
    slug: "version-tags-cover-all-platforms",
    title: "Each version tag covers every supported platform",
    force: Forces::always(Force::Must),
    stages: &[Stage::Registry],
    scopes: &[ScopeName::Registry, ScopeName::Full],
    sources: &[Source {
        document: Document::TechnicalAssets,
        heading: "Tags and versioning",
    }],
    statement: "Every published version tag carries an image for each supported platform.",
    remedy: "Add the missing platforms under a new version tag.",
    judge: Judge::ByRegistry(judge),
};

fn judge(record: &Record, repository: &Repository) -> Result<Outcome, Unseen> {
    let supported = supported(record, repository);
    let versions = versions(repository);
    if supported.is_empty() || versions.is_empty() {
        return Err(Unseen::new(
            Reason::InputMissing,
            format!(
                "{} has no version tag with a platform to compare; see IEM-TAG-02 and IEM-REG-02",
                repository.name
            ),
        ));
    }
    let wanted = format!("under each version tag an image for {}", listed(&supported));
    let mut remarks = Remarks::default();
    let mut covered = 0_usize;
    let mut alone = Vec::new();
    let newest = versions.first().map(|(_, tag)| tag.name.as_str());
    for (_, tag) in &versions {
        // A tag that leads nowhere is IEM-REG-02's business, one without a list IEM-TAG-06's.
        if tag.digest.is_none() {
            continue;
        }
        if supported.len() > 1 && !is_list(repository, tag) {
            if is_image(repository, tag) {
                alone.push(tag.name.clone());
            }
            continue;
        }
        let missing = missing(repository, tag, &supported);
        if missing.is_empty() {
            covered += 1;
            continue;
        }
        let saw = format!(
            "{}:{} has no image for {}",
            repository.name,
            tag.name,
            listed(&missing)
        );
        let mend = format!(
            "build {} and publish all platforms under a new version",
            listed(&missing)
        );
        let matters = newest == Some(&tag.name) || tag.name == repository.default_tag;
        if matters {
            remarks.breach(saw, mend);
        } else {
            remarks.doubt(saw, mend);
        }
    }
    if !remarks.has_breach() {
        all_were_looked_at(repository)?;
        if covered == 0 {
            return Err(Unseen::new(
                Reason::InputMissing,
                format!(
                    "no version tag of {} leads to a list of platforms; see IEM-TAG-06",
                    repository.name
                ),
            ));
        }
    }
    let mut met = format!(
        "{}: {covered} version tags with {}",
        repository.name,
        listed(&supported)
    );
    if !alone.is_empty() {
        met.push_str("; those without a list are told by IEM-TAG-06");
    }
    Ok(remarks.outcome(met, wanted))
}

fn is_image(repository: &Repository, tag: &Tag) -> bool {
    repository
        .manifest_of(tag)
        .is_some_and(|one| matches!(one.kind, ManifestKind::Image(_)))
}

/// The platforms for which a tag has no image. An image for an older 32-bit ARM serves a newer one.
pub(super) fn missing(repository: &Repository, tag: &Tag, wanted: &[Platform]) -> Vec<Platform> {
    let built = repository.platforms_of(tag);
    wanted
        .iter()
        .filter(|platform| !built.iter().any(|built| runs_on(built, platform)))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

    const TAGS: [&str; 3] = ["1.0.0", "1.0.1", "latest"];

    /// The version loses its image for 32-bit ARM.
    fn without_arm(version: &str) -> Outcome {
        let record = sample::with_repository(&TAGS, |repository| {
            let index = sample::digest(version, "index");
            let manifest = repository
                .manifests
                .iter_mut()
                .find(|one| one.digest == index);
            let Some(ManifestKind::Index(children)) = manifest.map(|one| &mut one.kind) else {
                panic!("{version} has an index");
            };
            children.truncate(1);
        });
        judge(&record, record.observations.registry.seen().unwrap()).unwrap()
    }

    #[test]
    fn every_version_with_every_platform_passes() {
        let record = sample::registry_record(&TAGS);
        let outcome = judge(&record, record.observations.registry.seen().unwrap()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(
            outcome
                .saw
                .contains("2 version tags with linux/amd64, linux/arm/v7")
        );
    }

    #[test]
    fn a_platform_missing_under_the_newest_version_fails_and_under_an_old_one_warns() {
        let newest = without_arm("1.0.1");
        assert_eq!(newest.kind, OutcomeKind::Unmet);
        assert!(
            newest
                .saw
                .ends_with("air-quality:1.0.1 has no image for linux/arm/v7")
        );
        assert_eq!(without_arm("1.0.0").kind, OutcomeKind::Concern);
    }

    #[test]
    fn an_offer_without_platforms_is_held_to_its_newest_version() {
        let mut record = sample::registry_record(&TAGS);
        record.offer.plan.platforms.clear();
        record.offer.listing.description.clear();
        let repository = sample::repository(&TAGS);
        assert_eq!(judge(&record, &repository).unwrap().kind, OutcomeKind::Met);
        let nothing = sample::repository(&["latest"]);
        assert_eq!(
            judge(&record, &nothing).unwrap_err().reason,
            Reason::InputMissing
        );
    }
}
