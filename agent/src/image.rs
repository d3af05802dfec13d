//! The candidate's image: in the engine's store, or pulled into it.

use conformance::finding::{Reason, Unseen};
use conformance::observation::{ImageFacts, ImageSource, Observed};
use conformance::record::{Candidate, Deviation, DeviationKind, Record};
use engine::EngineError;
use serde_json::json;

use crate::bench::Bench;
use crate::record::explain;

/// Finds the image in the engine's store or pulls it, and says in the record what was found; `None` if nobody has it.
///
/// # Errors
/// The engine is lost.
pub async fn find_image(
    bench: &Bench<'_>,
    record: &mut Record,
) -> Result<Option<ImageFacts>, EngineError> {
    let default = record.offer.plan.image.reference();
    let reference = bench
        .options
        .image
        .clone()
        .unwrap_or_else(|| default.clone());
    if reference != default {
        record.deviations.push(Deviation {
            kind: DeviationKind::Image,
            what: "image".to_owned(),
            reason: "set by an option of this run".to_owned(),
            default: json!(default),
            used: json!(reference),
        });
    }
    let mut found = bench.engine.image(&reference).await?;
    if found.is_none() {
        bench.events.phase(format!("pulling {reference}"), 3);
        let took = match bench.engine.pull(&reference, None).await {
            Ok(took) => took,
            Err(error) => {
                let why = format!(
                    "image {reference} is neither in the engine's store nor can it be pulled: {error}"
                );
                explain(
                    &mut record.observations,
                    &Unseen::new(Reason::Infrastructure, why),
                );
                return Ok(None);
            }
        };
        found = bench
            .engine
            .image(&reference)
            .await?
            .map(|image| ImageFacts {
                source: ImageSource::Registry,
                pull: Some(took.into()),
                ..image
            });
    }
    let Some(image) = found else {
        explain(
            &mut record.observations,
            &Unseen::new(
                Reason::Infrastructure,
                format!("image {reference} is not in the engine's store after its pull"),
            ),
        );
        return Ok(None);
    };
    let image = bench.engine.with_sizes(image).await?;
    record.candidate = Candidate {
        reference,
        manifest_digest: image.manifest_digest.clone(),
        image_id: Some(image.image_id.clone()),
        platform: Some(image.platform.clone()),
        source: Some(
            match image.source {
                ImageSource::Registry => "pulled from its registry",
                ImageSource::EngineStore => "the engine's store",
                ImageSource::Archive => "an image archive",
                ImageSource::Layout => "an OCI layout",
            }
            .to_owned(),
        ),
    };
    record.observations.image = Observed::Seen(image.clone());
    Ok(Some(image))
}
