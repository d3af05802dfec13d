//! IEM-CFG-02: the default tag is not empty and leads to an image.

use super::remarks::quoted;
use crate::finding::{Outcome, Reason, Unseen};
use crate::image::is_tag;
use crate::observation::{ImageFacts, ImageSource};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-CFG-02",
    slug: "default-tag-resolves",
    title: "The default tag resolves",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer, Stage::Registry],
    scopes: &[ScopeName::Device, ScopeName::Fleet, ScopeName::Full],
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
    fn a_tag_that_nobody_looked_up_is_inconclusive() {
        let mut record = sample::record();
        record.offer.plan.image.tag = "2.0.0".to_owned();
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Configuration);
        record.observations.image = Observed::unseen(Reason::Infrastructure, "no such host");
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Infrastructure);
    }
}
