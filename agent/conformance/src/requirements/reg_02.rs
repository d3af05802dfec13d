//! IEM-REG-02: every tag, and everything that a tag refers to, is in the repository.

use super::remarks::Remarks;
use super::repository_tags::{all_were_looked_at, few};
use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::{ManifestKind, Missing, Repository};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-REG-02",
    slug: "every-referenced-image-is-there",
    title: "Every tag and referenced image is there",
    force: Forces::always(Force::Must),
    stages: &[Stage::Registry],
    scopes: &[ScopeName::Registry, ScopeName::Full],
    sources: &[Source {
        document: Document::TechnicalAssets,
        heading: "Host module in Azure Container Registry",
    }],
    statement: "Every tag to be published, and every image, config and layer that it references, lies in that repository.",
    remedy: "Push what is missing into the same repository.",
    judge: Judge::ByRegistry(judge),
};

fn judge(_: &Record, repository: &Repository) -> Result<Outcome, Unseen> {
    let wanted = "every manifest, config and layer that a tag refers to, in the same repository";
    let mut remarks = Remarks::default();
    for missing in &repository.missing {
        let under = tags_over(repository, missing);
        let under = if under.is_empty() {
            String::new()
        } else {
            format!(", under {}", few(&under))
        };
        remarks.breach(
            format!(
                "{} {} of {}{under}: {}",
                missing.what, missing.name, missing.of, missing.answer
            ),
            mend(missing),
        );
    }
    if !remarks.has_breach() {
        all_were_looked_at(repository)?;
        if repository.tags.is_empty() {
            return Err(Unseen::new(
                Reason::InputMissing,
                format!("{} has no tag; see IEM-TAG-02", repository.name),
            ));
        }
    }
    Ok(remarks.outcome(
        format!(
            "{}: {} tags lead to {} manifests, configs and layers, all of them there",
            repository.name,
            repository.tags.len(),
            repository.asked
        ),
        wanted,
    ))
}

fn mend(missing: &Missing) -> String {
    match missing.what.as_str() {
        "tag" => format!("push {} again, or delete it", missing.name),
        what => format!("push the image with {what} {} again", missing.name),
    }
}

/// The tags that lead to what refers to it.
fn tags_over(repository: &Repository, missing: &Missing) -> Vec<String> {
    let leads_there = |digest: &str| {
        digest == missing.of
            || repository.manifest(digest).is_some_and(|manifest| {
                matches!(&manifest.kind, ManifestKind::Index(children)
                    if children.iter().any(|child| child.digest == missing.of))
            })
    };
    let tags = repository.tags.iter();
    tags.filter(|tag| tag.digest.as_deref().is_some_and(leads_there))
        .map(|tag| tag.name.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

    fn check(change: impl FnOnce(&mut Repository)) -> Result<Outcome, Unseen> {
        let mut repository = sample::repository(&["1.0.0", "1.0.1", "latest"]);
        change(&mut repository);
        judge(&sample::registry_record(&[]), &repository)
    }

    #[test]
    fn a_whole_repository_passes_with_its_numbers() {
        let outcome = check(|_| {}).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(outcome.saw.contains("3 tags lead to 8"), "{}", outcome.saw);
    }

    #[test]
    fn a_missing_layer_fails_with_its_digest_and_the_tags_above_it() {
        let outcome = check(|repository| {
            repository.missing.push(Missing {
                what: "layer".to_owned(),
                name: "sha256:aa".to_owned(),
                of: sample::digest("1.0.0", "linux/arm/v7"),
                answer: "404 Not Found".to_owned(),
            });
        })
        .unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(outcome.saw.starts_with("layer sha256:aa of sha256:"));
        assert!(
            outcome.saw.ends_with("under 1.0.0: 404 Not Found"),
            "{}",
            outcome.saw
        );
        assert_eq!(
            outcome.remedy.unwrap(),
            "push the image with layer sha256:aa again"
        );
    }

    #[test]
    fn an_empty_repository_and_one_that_was_seen_in_part_are_undecided() {
        let empty = check(|repository| repository.tags.clear()).unwrap_err();
        assert_eq!(empty.reason, Reason::InputMissing);
        let part = check(|repository| repository.left_out = Some("1 of 2 tags".to_owned()));
        assert_eq!(part.unwrap_err().reason, Reason::CannotMeasure);
    }
}
