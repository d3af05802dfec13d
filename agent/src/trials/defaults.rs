//! Cold starts with exactly the offer's defaults, and what is looked at on the last of them.

use std::time::{Duration, Instant};

use conformance::candidate::{Launch, resolve};
use conformance::create_options::{CreateOptions, diff, effective_privilege};
use conformance::finding::{Reason, Unseen};
use conformance::health::Expectation;
use conformance::observation::{Creation, Observed, Stop, StorageUse};
use conformance::offer::Offer;
use conformance::record::{Record, RunOptions};
use conformance::units::{Bytes, Millis};
use engine::{EngineError, Inspect};
use serde_json::Value;

use super::percent;
use crate::bench::Bench;
use crate::cold_start::{Alive, Played, Trial, play};
use crate::record::mark_phase;
use crate::sampler::storage;

/// How long a module may take to end after SIGTERM: the engine's own default, which edgeAgent uses.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// The createOptions, if a candidate may be started with them.
///
/// # Errors
/// They cannot be read, or reach for the host without leave.
pub fn startable(offer: &Offer, options: &RunOptions) -> Result<CreateOptions, Unseen> {
    let read = CreateOptions::parse(&offer.plan.create_options).map_err(|mistakes| {
        let list: Vec<String> = mistakes
            .iter()
            .map(|mistake| format!("{}: {}", mistake.pointer, mistake.message))
            .collect();
        Unseen::new(
            Reason::InputMissing,
            format!("the createOptions cannot be used: {}", list.join("; ")),
        )
    })?;
    let asks = read.needs_elevation();
    if asks.is_empty() || options.allow_elevated {
        return Ok(read);
    }
    let list: Vec<String> = asks
        .iter()
        .map(|ask| format!("{} ({})", ask.pointer, ask.what))
        .collect();
    Err(Unseen::new(
        Reason::Configuration,
        format!(
            "not started: the createOptions reach for the host: {}; run with --allow-elevated on a device that may be given up",
            list.join(", ")
        ),
    ))
}

/// Cold starts with exactly the defaults, the steady window and the stop on the last.
///
/// # Errors
/// The engine is lost.
pub async fn start(
    bench: &Bench<'_>,
    record: &mut Record,
    launch: &Launch<'_>,
) -> Result<(), EngineError> {
    let spec = resolve(launch, None);
    record.deviations.extend(spec.deviations.clone());
    let expectation = Expectation::of(&launch.image.config, launch.options.value());
    let placeholders = record.offer.placeholders();
    let profile = record.run.profile.clone();
    for n in 1..=profile.starts {
        let phase = format!("start {n}");
        bench
            .events
            .phase(&phase, percent(5, 45, n, profile.starts));
        let trial = Trial {
            phase,
            body: &spec.body,
            expectation: &expectation,
            budget: profile.start_budget,
            settle: profile.settle,
            placeholders: &placeholders,
            memory_limit: None,
            core_limit: None,
        };
        let from = bench.events.now();
        let mut played = play(bench, &trial).await?;
        mark_phase(record, &trial.phase, from, bench.events.now());
        if n == 1 {
            record.observations.creation =
                Observed::Seen(creation(&played, &spec.requested, &spec.added_binds));
            bench
                .events
                .observed("creation", &record.observations.creation);
        }
        bench.events.observed(&trial.phase, &played.start);
        record.series.append(&mut played.series);
        if record.observations.privilege.seen().is_none() && played.privilege.seen().is_some() {
            record.observations.privilege = played.privilege;
            bench
                .events
                .observed("privilege", &record.observations.privilege);
        }
        record.observations.starts.push(played.start);
        let Some(mut alive) = played.alive else {
            continue;
        };
        if n == profile.starts {
            last_start(bench, record, &mut alive).await?;
        }
        record.series.extend(alive.finish_sampling());
        bench.engine.remove(&alive.id).await?;
    }
    Ok(())
}

/// What is looked at on the last start only: the steady window, storage, the stop.
async fn last_start(
    bench: &Bench<'_>,
    record: &mut Record,
    alive: &mut Alive,
) -> Result<(), EngineError> {
    let window = record.run.profile.window;
    bench.events.phase("steady", 45);
    let from = bench.events.now();
    let seen = &mut record.observations;
    let steady = alive.steady(window).await;
    seen.steady = steady.usage;
    if let Some(start) = seen.starts.last_mut() {
        start.exits.extend(steady.exit);
        start.health = steady.broke.unwrap_or(start.health.clone());
    }
    mark_phase(record, "steady", from, bench.events.now());
    let seen = &mut record.observations;
    bench.events.observed("steady", &seen.steady);
    let inspected = bench.engine.inspect(&alive.id).await?;
    if let Some(image) = seen.image.seen() {
        seen.storage = storage_in_use(bench, inspected.clone(), image.unpacked).await;
        bench.events.observed("storage", &seen.storage);
    }
    if !inspected.running {
        seen.stop = Observed::unseen(Reason::Unstable, "it had ended before it could be stopped");
        return Ok(());
    }
    bench.events.phase("stop", 68);
    let from = bench.events.now();
    let began = Instant::now();
    bench.engine.stop(&alive.id, STOP_GRACE).await?;
    let duration: Millis = began.elapsed().into();
    let ended = bench.engine.inspect(&alive.id).await?;
    record.observations.stop = Observed::Seen(Stop {
        duration,
        code: ended.exit_code,
        killed: duration >= STOP_GRACE.into(),
        grace: STOP_GRACE.into(),
    });
    mark_phase(record, "stop", from, bench.events.now());
    bench.events.observed("stop", &record.observations.stop);
    Ok(())
}

/// Walks what the candidate wrote, away from the thread that answers hub and engine.
async fn storage_in_use(
    bench: &Bench<'_>,
    inspected: Inspect,
    image: Bytes,
) -> Observed<StorageUse> {
    let roots = bench.roots.clone();
    let walk = move || {
        let upper = inspected.upper_dir.as_deref();
        let log = inspected.log_path.as_deref();
        storage::measure(&roots, upper, &inspected.volumes, log, image)
    };
    match tokio::task::spawn_blocking(walk).await {
        Ok(used) => Observed::Seen(used),
        Err(error) => Observed::unseen(Reason::Tool, format!("the walk failed: {error}")),
    }
}

/// What the engine made of the createOptions.
fn creation(played: &Played, requested: &Value, added_binds: &[String]) -> Creation {
    let inspected = played.created.as_ref().map(|inspect| &inspect.raw);
    Creation {
        differences: inspected
            .map(|raw| diff(requested, raw))
            .unwrap_or_default(),
        warnings: played.warnings.clone(),
        refused: played.refused.clone(),
        effective: inspected
            .map(|raw| effective_privilege(raw, added_binds))
            .unwrap_or_default(),
    }
}
