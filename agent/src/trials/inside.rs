//! One cold start inside limits, watched and removed again: what envelope run and minimum search have in common.

use conformance::candidate::{CandidateSpec, Launch};
use conformance::create_options::NamedVolume;
use conformance::health::Expectation;
use conformance::observation::{Limits, Start};
use conformance::record::{Record, Series};
use conformance::units::{Bytes, Millis};
use engine::EngineError;

use crate::bench::Bench;
use crate::cold_start::{Trial, play, written};

/// What does not change from start to start.
#[derive(Debug)]
pub(super) struct Inside {
    expectation: Expectation,
    placeholders: Vec<String>,
    volumes: Vec<NamedVolume>,
    window: Millis,
}

/// One start to play.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    /// `envelope 2`, `try 7`.
    pub(super) phase: String,
    /// The candidate with its limits set.
    pub(super) spec: &'a CandidateSpec,
    /// The same limits, for the charts.
    pub(super) limits: Limits,
    /// How long it may take to become healthy.
    pub(super) budget: Millis,
    /// How long it is watched from then on.
    pub(super) watched: Millis,
}

impl Inside {
    /// Looks once at what stays the same.
    pub(super) fn new(record: &Record, launch: &Launch<'_>) -> Inside {
        Inside {
            expectation: Expectation::of(&launch.image.config, launch.options.value()),
            placeholders: record.offer.placeholders(),
            volumes: launch.options.named_volumes(),
            window: record.run.profile.window,
        }
    }

    /// Plays one start; its container is gone afterwards.
    ///
    /// # Errors
    /// The engine is lost.
    pub(super) async fn play(
        &self,
        bench: &Bench<'_>,
        attempt: Attempt<'_>,
    ) -> Result<(Start, Vec<Series>), EngineError> {
        let trial = Trial {
            phase: attempt.phase,
            body: &attempt.spec.body,
            volumes: &self.volumes,
            expectation: &self.expectation,
            budget: attempt.budget,
            settle: attempt.watched,
            window: self.window,
            placeholders: &self.placeholders,
            memory_limit: attempt.limits.memory.map(for_a_chart),
            core_limit: attempt.limits.cores,
            quota: attempt.limits.storage.is_some(),
        };
        let mut played = play(bench, &trial).await?;
        if let Some(mut alive) = played.alive {
            played.series.extend(alive.finish_sampling().1);
            if trial.quota {
                let running = bench.engine.inspect(&alive.id).await?;
                played.start.written = written(bench, &running).await;
            }
            bench.engine.remove(&alive.id).await?;
        }
        Ok((played.start, played.series))
    }
}

/// Writes down how the limited candidate departs from the offer's defaults; each departure once.
pub(super) fn note_deviations(record: &mut Record, spec: &CandidateSpec) {
    for deviation in &spec.deviations {
        if !record.deviations.contains(deviation) {
            record.deviations.push(deviation.clone());
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
fn for_a_chart(limit: Bytes) -> f64 {
    limit.0 as f64
}
