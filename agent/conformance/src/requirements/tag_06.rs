//! IEM-TAG-06: a tag for several platforms is a manifest list.

use super::fleet_runs::listed;
use super::remarks::Remarks;
use super::repository_tags::{all_were_looked_at, few, supported};
use crate::finding::{Outcome, Reason, Unseen};
use crate::image::TagKind;
use crate::observation::{ManifestKind, Repository};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-TAG-06",
    slug: "platforms-share-a-manifest-list",
    title: "Several platforms share a manifest list",
    force: Forces::always(Force::Must),
    stages: &[Stage::Registry],
    scopes: &[ScopeName::Registry, ScopeName::Full],
    sources: &[Source {
        document: Document::TechnicalAssets,
        heading: "A subset of Tier 1 platforms supported by IoT Edge",
    }],
    statement: "Where a tag serves several platforms it is a manifest list; with one platform that is optional.",
    remedy: "Create an index over the images that exist and push it under the tag.",
    judge: Judge::ByRegistry(judge),
};

fn judge(record: &Record, repository: &Repository) -> Result<Outcome, Unseen> {
    let supported = supported(record, repository);
    let wanted = "a manifest list under `latest`, versions and rolling tags, where several platforms are supported";
    let mut remarks = Remarks::default();
    let mut lists = Vec::new();
    let mut attestations = 0_usize;
    // Other tags may name one platform's image each.
    let of_all_platforms = repository
        .tags
        .iter()
        .filter(|tag| TagKind::of(&tag.name) != TagKind::Other);
    for tag in of_all_platforms {
        let Some(manifest) = repository.manifest_of(tag) else {
            continue;
        };
        match &manifest.kind {
            ManifestKind::Index(children) => {
                attestations += children.iter().filter(|child| child.attestation).count();
                lists.push(tag.name.clone());
            }
            ManifestKind::Image(image) if supported.len() > 1 => {
                let only = image.platform.as_ref();
                remarks.breach(
                    format!(
                        "{}:{} ({}) is one image{}, and the offer supports {}",
                        repository.name,
                        tag.name,
                        manifest.digest,
                        only.map_or_else(String::new, |only| format!(" for {only}")),
                        listed(&supported)
                    ),
                    format!("create an index over the images for {}", listed(&supported)),
                );
            }
            ManifestKind::Image(_) | ManifestKind::Unreadable(_) => {}
        }
    }
    let wrong = remarks.has_breach();
    if !wrong {
        all_were_looked_at(repository)?;
    }
    if lists.is_empty() && !wrong {
        return match supported.as_slice() {
            [only] => Ok(Outcome::not_applicable(
                format!("{} serves {only} alone, without a list", repository.name),
                wanted,
            )),
            _ => Err(Unseen::new(
                Reason::InputMissing,
                format!(
                    "{} has no tag that leads to a manifest; see IEM-REG-02",
                    repository.name
                ),
            )),
        };
    }
    let mut met = format!("{}: manifest lists under {}", repository.name, few(&lists));
    if attestations > 0 {
        met.push_str(&format!(
            "; {attestations} attestations in them were left aside"
        ));
    }
    let outcome = remarks.outcome(met, wanted);
    Ok(if wrong {
        let images: Vec<String> = supported
            .iter()
            .map(|platform| format!("{}@DIGEST-OF-{platform}", repository.name))
            .collect();
        outcome.with_paste(format!(
            "docker buildx imagetools create --tag {}:TAG {}",
            repository.name,
            images.join(" ")
        ))
    } else {
        outcome
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::{Child, Observed};
    use crate::sample;

    /// The version is the image of its first platform alone.
    fn single(repository: &mut Repository) {
        repository.tags[0].digest = Some(sample::digest("1.0.1", "linux/amd64"));
    }

    fn check(record: &Record) -> Result<Outcome, Unseen> {
        judge(record, record.observations.registry.seen().unwrap())
    }

    #[test]
    fn lists_pass_and_attestations_in_them_are_counted() {
        let record = sample::with_repository(&["1.0.1"], |repository| {
            if let ManifestKind::Index(children) = &mut repository.manifests[0].kind {
                children.push(Child {
                    digest: "sha256:0".to_owned(),
                    platform: "unknown/unknown".parse().ok(),
                    attestation: true,
                });
            }
        });
        let outcome = check(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(outcome.saw.contains("1 attestations"), "{}", outcome.saw);
    }

    #[test]
    fn one_image_where_the_offer_supports_several_platforms_fails() {
        let outcome = check(&sample::with_repository(&["1.0.1"], single)).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(
            outcome.saw.contains("is one image for linux/amd64"),
            "{}",
            outcome.saw
        );
    }

    #[test]
    fn one_image_for_the_one_platform_needs_no_list() {
        let mut record = sample::with_repository(&["1.0.1"], single);
        record.offer.plan.platforms.truncate(1);
        record.offer.listing.description.clear();
        assert_eq!(check(&record).unwrap().kind, OutcomeKind::NotApplicable);
        record.observations.registry = Observed::Seen(sample::repository(&[]));
        record.offer.plan.platforms.clear();
        assert_eq!(check(&record).unwrap_err().reason, Reason::InputMissing);
    }
}
