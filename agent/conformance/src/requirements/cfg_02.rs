//! IEM-CFG-02: the default tag is not empty and leads to an image.

use super::plat_05::repository;
use super::remarks::quoted;
use super::repository_tags::{few, versions};
use crate::finding::{Outcome, Reason, Unseen};
use crate::image::is_tag;
use crate::observation::{ImageFacts, ImageSource, Repository};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-CFG-02",
    slug: "default-tag-resolves",
    title: "The default tag resolves",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer, Stage::Registry],
    scopes: &[
        ScopeName::Registry,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[Source {
        document: Document::ProcessNote2018,
        heading: "Be an IoT Edge module",
    }],
    statement: "The default tag is not empty and leads to an image.",
    remedy: "Correct the default tag, or push the image under it.",
    judge: Judge::By(judge),
};

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let plan_image = &record.offer.plan.image;
    let reference = plan_image.reference();
    let wanted = "a default tag that leads to an image";
    let tag = &plan_image.tag;
    if tag.trim().is_empty() {
        return Ok(Outcome::unmet(
            "/plan/image/tag is empty",
            wanted,
            "name the version that customers get, such as 1.0.1",
        ));
    }
    if !is_tag(tag) {
        return Ok(Outcome::unmet(
            format!(
                "/plan/image/tag is {}, which no registry accepts",
                quoted(tag)
            ),
            wanted,
            "use at most 128 letters, digits, `_`, `.` and `-`, not starting with `.` or `-`",
        ));
    }
    if let Some(repository) = repository(record)? {
        return Ok(in_repository(repository, tag, wanted));
    }
    let image = record.observations.image.get()?;
    if image.reference != reference {
        return Err(Unseen::new(
            Reason::Configuration,
            format!(
                "{} was looked up instead of the offer's {reference}",
                image.reference
            ),
        ));
    }
    Ok(Outcome::met(found(image), wanted))
}

/// Which manifest the repository has under the tag.
fn in_repository(repository: &Repository, tag: &str, wanted: &str) -> Outcome {
    let reference = format!("{}:{tag}", repository.name);
    let found = repository.tag(tag).and_then(|tag| tag.digest.as_ref());
    match found {
        Some(digest) => Outcome::met(
            format!("{reference} leads to {digest}, by {}", repository.place),
            wanted,
        ),
        None => {
            let mut versions: Vec<String> = versions(repository)
                .iter()
                .map(|(_, tag)| tag.name.clone())
                .collect();
            if versions.is_empty() {
                versions = repository.tags.iter().map(|tag| tag.name.clone()).collect();
            }
            versions.retain(|known| known != tag);
            let there = if versions.is_empty() {
                "there is no other tag".to_owned()
            } else {
                format!("there are {}", few(&versions))
            };
            Outcome::unmet(
                format!(
                    "/plan/image/tag: {reference} leads to nothing, by {}",
                    repository.place
                ),
                wanted,
                format!("correct the default tag ({there}), or push the image under it"),
            )
        }
    }
}

/// `contoso.azurecr.io/air:1.0.1 leads to sha256:…, found in the engine's store`.
fn found(image: &ImageFacts) -> String {
    let digest = image.manifest_digest.as_deref().unwrap_or(&image.image_id);
    let source = match image.source {
        ImageSource::Registry => "pulled from its registry",
        ImageSource::EngineStore => "found in the engine's store, no registry was asked",
        ImageSource::Archive => "found in an image archive, no registry was asked",
        ImageSource::Layout => "found in an OCI layout, no registry was asked",
    };
    format!("{} leads to {digest}, {source}", image.reference)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::Observed;
    use crate::sample;

    #[test]
    fn a_tag_found_in_the_engines_store_passes_and_says_so() {
        let outcome = judge(&sample::record()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(
            outcome
                .saw
                .starts_with("contoso.azurecr.io/air-quality:1.0.1 leads to sha256:9f86")
        );
        assert!(
            outcome
                .saw
                .ends_with("found in the engine's store, no registry was asked")
        );
    }

    #[test]
    fn an_empty_or_impossible_tag_fails_whatever_was_seen() {
        for tag in ["", " ", "1.0 beta", "-1"] {
            let mut record = sample::record();
            record.offer.plan.image.tag = tag.to_owned();
            assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Unmet, "{tag}");
        }
    }

    #[test]
    fn a_repository_says_whether_the_tag_is_there_and_which_others_are() {
        let mut record = sample::registry_record(&["1.0.0", "1.0.1"]);
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Met);
        record.offer.plan.image.tag = "1.0.2".to_owned();
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(outcome.remedy.unwrap().contains("there are 1.0.1, 1.0.0"));
    }

    #[test]
    fn a_tag_that_nobody_looked_up_is_inconclusive() {
        let mut record = sample::record();
        record.offer.plan.image.tag = "2.0.0".to_owned();
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Configuration);
        record.observations.image = Observed::unseen(Reason::Infrastructure, "no such host");
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Infrastructure);
    }
}
