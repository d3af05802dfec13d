//! IEM-CONT-01: the module is one Docker-compatible container image.

use super::repository_images;
use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::ImageFacts;
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-CONT-01",
    slug: "docker-compatible-image",
    title: "One Docker-compatible image",
    force: Forces::always(Force::Must),
    stages: &[Stage::Image, Stage::Registry, Stage::Device],
    scopes: &[
        ScopeName::Registry,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Get started",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Be an IoT Edge module",
        },
    ],
    statement: "The module is one container image in a format that Docker reads, and the engine makes a container from it.",
    remedy: "Rebuild the image with a standard builder and push it again.",
    judge: Judge::By(judge),
};

/// Media types of a manifest or an index.
///
/// Source: OCI image specification, "OCI Image Media Types"; Distribution documentation, "Image Manifest V 2, Schema 2".
const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// What the engine says when the image itself is why it makes no container. Source: moby, `daemon/create.go`, `daemon/images`.
const REFUSALS: [&str; 4] = [
    "no command specified",
    "does not match the specified platform",
    "unsupported media type",
    "layer does not exist",
];

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    if record.run.scope == ScopeName::Registry {
        return repository_images::judge(record.observations.registry.get()?);
    }
    let wanted = "an image in OCI or Docker format, with a config and at least one layer, of which the engine makes a container";
    let image = record.observations.image.get()?;
    if let Some(flaw) = flaw(image) {
        return Ok(Outcome::unmet(flaw, wanted, REQUIREMENT.remedy));
    }
    let creation = record.observations.creation.get()?;
    if let Some(error) = &creation.refused {
        let lower = error.to_lowercase();
        return if REFUSALS.iter().any(|refusal| lower.contains(refusal)) {
            let saw = format!("the engine makes no container of it: {error}");
            Ok(Outcome::unmet(saw, wanted, REQUIREMENT.remedy))
        } else {
            Err(Unseen::new(
                Reason::InputMissing,
                format!(
                    "the engine made no container, and not for the image's sake; see IEM-CFG-07: {error}"
                ),
            ))
        };
    }
    let name = image.manifest_digest.as_ref().unwrap_or(&image.image_id);
    let layers = image.config.layers.len();
    let saw = format!(
        "{} ({name}) for {}, {layers} {}; the engine made a container of it",
        image.reference,
        image.platform,
        if layers == 1 { "layer" } else { "layers" }
    );
    Ok(Outcome::met(saw, wanted))
}

/// What makes it no image of the kind wanted.
fn flaw(image: &ImageFacts) -> Option<String> {
    if image.config.layers.is_empty() {
        return Some(format!(
            "the config of {} ({}) names no layer",
            image.reference, image.image_id
        ));
    }
    let media_type = image.media_type.as_deref()?;
    (!MEDIA_TYPES.contains(&media_type)).then(|| {
        format!(
            "the manifest of {} has the media type {media_type}, which is neither Docker's nor OCI's",
            image.reference
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::{Creation, Observed};
    use crate::sample;

    fn with_image(change: fn(&mut ImageFacts)) -> Record {
        let mut record = sample::record();
        let Observed::Seen(image) = &mut record.observations.image else {
            panic!("the sample has an image");
        };
        change(image);
        record
    }

    fn refused(error: &str) -> Record {
        let mut record = sample::record();
        let creation: &Creation = record.observations.creation.seen().unwrap();
        record.observations.creation = Observed::Seen(Creation {
            refused: Some(error.to_owned()),
            ..creation.clone()
        });
        record
    }

    #[test]
    fn an_image_with_layers_that_the_engine_takes_passes() {
        let outcome = judge(&sample::record()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(
            outcome.saw.contains("for linux/amd64, 1 layer;"),
            "{}",
            outcome.saw
        );
    }

    #[test]
    fn an_image_without_layers_fails() {
        let outcome = judge(&with_image(|image| image.config.layers.clear())).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
    }

    #[test]
    fn an_unknown_media_type_fails_and_is_named() {
        let record = with_image(|image| {
            image.media_type = Some("application/vnd.cncf.helm.config.v1+json".to_owned());
        });
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(outcome.saw.contains("helm"), "{}", outcome.saw);
    }

    #[test]
    fn only_a_refusal_for_the_images_sake_fails() {
        let image = judge(&refused("No command specified")).unwrap();
        assert_eq!(image.kind, OutcomeKind::Unmet);
        let option = judge(&refused("invalid port specification")).unwrap_err();
        assert_eq!(option.reason, Reason::InputMissing);
    }
}
