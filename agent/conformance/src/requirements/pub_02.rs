//! IEM-PUB-02: what was tested is what gets published: one digest from the source repository over the test to the market.

use super::remarks::Remarks;
use super::repository_tags::default_tag;
use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::{ManifestKind, Repository, Tested};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-PUB-02",
    slug: "what-was-tested-is-published",
    title: "What was tested is what gets published",
    force: Forces::always(Force::Must),
    stages: &[Stage::Registry],
    scopes: &[ScopeName::Registry, ScopeName::Full],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Host module in Azure Container Registry",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Onboarding step details",
        },
    ],
    statement: "The digest in the source repository, the digest tested and the digest published are the same.",
    remedy: "Test the digest that is live, or publish the one that was tested.",
    judge: Judge::ByRegistry(judge),
};

fn judge(_: &Record, repository: &Repository) -> Result<Outcome, Unseen> {
    let wanted = "one digest in the source repository, in the test and in the published copy";
    let tested = given(repository.tested.get())?;
    let published = given(repository.published.get())?;
    if tested.is_none() && published.is_none() {
        return Ok(Outcome::not_applicable(
            "neither a report of the test (`--tested REPORT`) nor a published copy (`--published REPOSITORY`) was named: there is nothing to compare",
            wanted,
        ));
    }
    let source = default_tag(repository)?;
    let reference = format!("{}:{}", repository.name, source.name);
    let digest = source.digest.as_deref().unwrap_or_default();
    let mut remarks = Remarks::default();
    let mut same = vec![format!("{reference} leads to {digest}")];
    if let Some(tested) = tested {
        let known = digests_under(repository, digest);
        match tested.digests.iter().find(|one| known.contains(one)) {
            Some(one) => same.push(format!("run {} tested {one}", tested.run)),
            None => remarks.breach(
                format!(
                    "run {} tested {}, and {reference} leads to {digest}, which has no such image",
                    tested.run,
                    in_words(tested)
                ),
                "test the digest that is in the repository, or tag the one that was tested",
            ),
        }
    }
    if let Some(published) = published {
        match &published.digest {
            Some(live) if live == digest => same.push(format!("{} too", published.reference)),
            Some(live) => remarks.breach(
                format!(
                    "{} leads to {live}, and {reference} to {digest}",
                    published.reference
                ),
                "test the digest that is live, or publish the one that was tested",
            ),
            None if remarks.has_breach() => {}
            None => {
                return Err(Unseen::new(
                    Reason::Infrastructure,
                    format!("{} could not be read; see IEM-REG-03", published.reference),
                ));
            }
        }
    }
    Ok(remarks.outcome(same.join("; "), wanted))
}

/// A fact that was asked for; nothing where nobody asked.
fn given<T>(fact: Result<&T, Unseen>) -> Result<Option<&T>, Unseen> {
    match fact {
        Ok(fact) => Ok(Some(fact)),
        Err(unseen) if unseen.reason == Reason::InputMissing => Ok(None),
        Err(unseen) => Err(unseen),
    }
}

/// Every digest by which an engine may know an image under an index: index, manifest and config.
fn digests_under(repository: &Repository, digest: &str) -> Vec<String> {
    let mut known = vec![digest.to_owned()];
    let images: Vec<&str> = match repository.manifest(digest).map(|one| &one.kind) {
        Some(ManifestKind::Index(children)) => {
            children.iter().map(|child| child.digest.as_str()).collect()
        }
        Some(ManifestKind::Image(_) | ManifestKind::Unreadable(_)) | None => vec![digest],
    };
    for image in images {
        known.push(image.to_owned());
        if let Some(ManifestKind::Image(manifest)) = repository.manifest(image).map(|one| &one.kind)
        {
            known.push(manifest.config.clone());
        }
    }
    known
}

fn in_words(tested: &Tested) -> String {
    if tested.digests.is_empty() {
        format!("{} without a digest", tested.reference)
    } else {
        tested.digests.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::{Observed, Published};
    use crate::sample;

    fn check(tested: Option<Tested>, published: Option<Published>) -> Result<Outcome, Unseen> {
        let mut repository = sample::repository(&["1.0.1"]);
        repository.tested = tested.map_or_else(Observed::default, Observed::Seen);
        repository.published = published.map_or_else(Observed::default, Observed::Seen);
        judge(&sample::registry_record(&[]), &repository)
    }

    #[test]
    fn one_digest_all_the_way_passes_by_whatever_name_the_engine_knew_it() {
        let index = sample::digest("1.0.1", "index");
        for digest in [
            index.clone(),
            sample::digest("1.0.1", "linux/amd64"),
            sample::digest("1.0.1", "linux/arm/v7 config"),
        ] {
            let outcome = check(
                Some(sample::tested(&[&digest])),
                Some(sample::published(&index)),
            );
            assert_eq!(outcome.unwrap().kind, OutcomeKind::Met, "{digest}");
        }
    }

    #[test]
    fn another_image_tested_or_published_fails_with_both_digests() {
        let outcome = check(Some(sample::tested(&["sha256:0"])), None).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(outcome.saw.contains("tested sha256:0"), "{}", outcome.saw);
        let outcome = check(None, Some(sample::published("sha256:0"))).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert_eq!(
            check(Some(sample::tested(&[])), None).unwrap().kind,
            OutcomeKind::Unmet
        );
    }

    #[test]
    fn without_anything_to_compare_it_does_not_apply() {
        assert_eq!(check(None, None).unwrap().kind, OutcomeKind::NotApplicable);
    }

    #[test]
    fn a_published_copy_that_could_not_be_read_is_no_pass() {
        let refused = Published {
            digest: None,
            ..sample::published("")
        };
        assert!(check(None, Some(refused)).is_err());
    }
}
