//! IEM-REG-03: after publication anybody can pull the image, and it is the certified one.

use super::repository_tags::default_tag;
use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::Repository;
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-REG-03",
    slug: "published-image-pulls-anonymously",
    title: "The published image can be pulled anonymously",
    force: Forces::always(Force::Must),
    stages: &[Stage::Registry],
    scopes: &[ScopeName::Registry, ScopeName::Full],
    sources: &[Source {
        document: Document::ProcessNote2018,
        heading: "Onboarding step details",
    }],
    statement: "After publication anybody can pull the image without signing in, and it is the certified one.",
    remedy: "Publish again and report the address and digest that failed.",
    judge: Judge::ByRegistry(judge),
};

fn judge(_: &Record, repository: &Repository) -> Result<Outcome, Unseen> {
    let wanted =
        "the published image, without signing in, under the digest of the source repository";
    let published = match repository.published.get() {
        Ok(published) => published,
        Err(unseen) if unseen.reason == Reason::InputMissing => {
            return Ok(Outcome::not_applicable(
                format!("before publication: {}", unseen.because),
                wanted,
            ));
        }
        Err(unseen) => return Err(unseen),
    };
    let Some(digest) = &published.digest else {
        return Ok(Outcome::unmet(
            format!(
                "{}: {}",
                published.reference,
                published
                    .answer
                    .as_deref()
                    .unwrap_or("nothing was answered")
            ),
            wanted,
            format!(
                "publish again, and report {} with that answer",
                published.reference
            ),
        ));
    };
    let source = default_tag(repository)?;
    if source.digest.as_ref() != Some(digest) {
        return Ok(Outcome::unmet(
            format!(
                "{} leads to {digest}, and {}:{} to {}",
                published.reference,
                repository.name,
                source.name,
                source.digest.as_deref().unwrap_or("nothing")
            ),
            wanted,
            "publish again, and report both digests",
        ));
    }
    Ok(Outcome::met(
        format!(
            "{} leads to {digest} without signing in",
            published.reference
        ),
        wanted,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::{Observed, Published};
    use crate::sample;

    fn check(published: Observed<Published>) -> Result<Outcome, Unseen> {
        let mut repository = sample::repository(&["1.0.1"]);
        repository.published = published;
        judge(&sample::registry_record(&[]), &repository)
    }

    #[test]
    fn the_same_digest_for_anybody_passes() {
        let here = sample::published(&sample::digest("1.0.1", "index"));
        assert_eq!(check(Observed::Seen(here)).unwrap().kind, OutcomeKind::Met);
    }

    #[test]
    fn before_publication_it_does_not_apply() {
        let outcome = check(Observed::default()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::NotApplicable);
    }

    #[test]
    fn another_digest_or_a_refusal_fails() {
        let other = check(Observed::Seen(sample::published("sha256:0"))).unwrap();
        assert_eq!(other.kind, OutcomeKind::Unmet);
        let refused = Published {
            digest: None,
            answer: Some("401 Unauthorized".to_owned()),
            ..sample::published("")
        };
        let outcome = check(Observed::Seen(refused)).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(outcome.saw.ends_with("401 Unauthorized"), "{}", outcome.saw);
        let gone = check(Observed::unseen(Reason::Infrastructure, "no route"));
        assert_eq!(gone.unwrap_err().reason, Reason::Infrastructure);
    }
}
