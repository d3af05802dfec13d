//! A module that IoT Edge itself runs, measured where it runs: its steady window, its privilege, its storage.
//!
//! Nothing of it is changed, started, stopped or removed, and nothing is played beside it: what needs a start stays unseen.

use std::time::Duration;

use conformance::finding::{Reason, Unseen};
use conformance::observation::{Observed, Usage};
use conformance::record::{Candidate, Deviation, DeviationKind, Record};
use engine::{EngineError, Inspect};
use serde_json::json;

use crate::bench::Bench;
use crate::record::{explain, mark_phase};
use crate::sampler::{ContainerFiles, Sampler, gpu, noise, privilege};
use crate::trials::defaults::{places, storage_in_use};

/// The label that edgeAgent puts on every module's container, and its value.
///
/// Source: Azure/iotedge, `edge-agent`, `Constants.cs`: `Labels.Owner` and `Owner`.
const OWNER_LABEL: (&str, &str) = (
    "net.azure-devices.edge.owner",
    "Microsoft.Azure.Devices.Edge.Agent",
);

/// Looks at the container of this name or id for the profile's steady window.
///
/// # Errors
/// The engine is lost.
pub async fn observe(
    bench: &Bench<'_>,
    record: &mut Record,
    container: &str,
) -> Result<(), EngineError> {
    bench.events.phase(format!("attached to {container}"), 10);
    let before = match bench.engine.inspect(container).await {
        Ok(before) => before,
        Err(error) => {
            let Some(words) = error.engine_words() else {
                return Err(error);
            };
            let why = format!("cannot attach to {container}: {words}");
            explain(
                &mut record.observations,
                &Unseen::new(Reason::InputMissing, why),
            );
            return Ok(());
        }
    };
    if let Some(unseen) = not_a_module(&before, container) {
        explain(&mut record.observations, &unseen);
        return Ok(());
    }
    image(bench, record, &before).await?;
    if let Some(pid) = before.pid {
        record.observations.privilege = privilege::read(bench.roots, pid);
    }
    let from = bench.events.now();
    let listening = noise::listen(bench.roots);
    let sampler = ContainerFiles::open(bench.roots, bench.layout, &before.id).map(|files| {
        let cadence = bench.options.cadence();
        Sampler::start(files, before.pid, bench.events.origin(), cadence)
    });
    let gpu_watch = gpu::Watch::begin(bench.roots);
    tokio::time::sleep(Duration::from(record.run.profile.window)).await;
    let steady = match sampler {
        Ok(sampler) => {
            let (usage, mut series) = sampler.finish();
            for line in &mut series {
                "steady".clone_into(&mut line.phase);
            }
            record.series.extend(series);
            Observed::Seen(usage)
        }
        Err(error) => Observed::unseen(Reason::CannotMeasure, error.to_string()),
    };
    let heard = listening.heard(bench.roots, "steady", &steady);
    record.observations.noise.extend(heard);
    mark_phase(record, "steady", from, bench.events.now());
    let after = bench.engine.inspect(&before.id).await;
    record.observations.steady = undisturbed(&before, after.as_ref().ok(), steady);
    bench.events.observed("steady", &record.observations.steady);
    record.observations.gpu = gpu::used_by(bench.roots, &before.id).into();
    record.observations.gpu_load = gpu_watch.end();
    if let (Ok(after), Some(image)) = (after, record.observations.image.seen()) {
        record.observations.storage =
            storage_in_use(bench, places(bench, &after), image.on_disk()).await;
        bench
            .events
            .observed("storage", &record.observations.storage);
    }
    let why = format!(
        "attached to {container}, which the IoT Edge runtime runs: it was not started, limited or stopped, so nothing that needs a start was seen"
    );
    explain(
        &mut record.observations,
        &Unseen::new(Reason::Configuration, why),
    );
    Ok(())
}

/// Why the container may not be attached to, if it may not: only what edgeAgent runs is a module of IoT Edge.
fn not_a_module(seen: &Inspect, container: &str) -> Option<Unseen> {
    let (label, owner) = OWNER_LABEL;
    if seen.labels.get(label).map(String::as_str) != Some(owner) {
        return Some(Unseen::new(
            Reason::InputMissing,
            format!(
                "{container} is no module that IoT Edge runs: it has no label {label} = {owner}"
            ),
        ));
    }
    (!seen.running).then(|| {
        Unseen::new(
            Reason::InputMissing,
            format!("{container} does not run, so there is nothing to measure"),
        )
    })
}

/// What was measured, if one process ran all the while.
fn undisturbed(
    before: &Inspect,
    after: Option<&Inspect>,
    steady: Observed<Usage>,
) -> Observed<Usage> {
    let same = |after: &Inspect| after.running && after.started_at == before.started_at;
    match after {
        Some(after) if same(after) => steady,
        Some(after) if after.running => Observed::unseen(
            Reason::Unstable,
            "the module was restarted in the steady window",
        ),
        Some(after) => Observed::unseen(
            Reason::Unstable,
            format!(
                "the module ended with exit code {} in the steady window",
                after.exit_code
            ),
        ),
        None => Observed::unseen(
            Reason::Unstable,
            "the module's container was removed in the steady window",
        ),
    }
}

/// The image that really runs; another than the offer's is a deviation.
async fn image(
    bench: &Bench<'_>,
    record: &mut Record,
    running: &Inspect,
) -> Result<(), EngineError> {
    let id = running.raw["Image"].as_str().unwrap_or_default();
    let reference = running.raw["Config"]["Image"].as_str().unwrap_or_default();
    let default = record.offer.plan.image.reference();
    if reference != default {
        record.deviations.push(Deviation {
            kind: DeviationKind::Image,
            what: "image".to_owned(),
            reason: "the attached container runs it".to_owned(),
            default: json!(default),
            used: json!(reference),
        });
    }
    let Some(image) = bench.engine.image(id).await? else {
        return Ok(());
    };
    let image = bench.engine.with_sizes(image).await?;
    record.candidate = Candidate {
        reference: reference.to_owned(),
        manifest_digest: image.manifest_digest.clone(),
        image_id: Some(image.image_id.clone()),
        platform: Some(image.platform.clone()),
        source: Some("attached: the container runs it already".to_owned()),
    };
    record.observations.image = Observed::Seen(image);
    bench.events.observed("image", &record.observations.image);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(started: &str, running: bool, owner: &str) -> Inspect {
        Inspect::read(json!({
            "Id": "0123", "Name": "/temperature",
            "State": {"Running": running, "StartedAt": started, "ExitCode": 7, "Pid": 9},
            "Config": {"Labels": {"net.azure-devices.edge.owner": owner}},
        }))
        .unwrap()
    }

    const ONCE: &str = "2026-11-20T09:00:00Z";
    const AGENT: &str = "Microsoft.Azure.Devices.Edge.Agent";

    #[test]
    fn only_a_running_module_of_the_runtime_is_attached_to() {
        assert_eq!(not_a_module(&container(ONCE, true, AGENT), "t"), None);
        for (running, owner, told) in [
            (true, "somebody", "no module that IoT Edge runs"),
            (false, AGENT, "does not run"),
        ] {
            let unseen = not_a_module(&container(ONCE, running, owner), "t").unwrap();
            assert!(unseen.because.contains(told), "{}", unseen.because);
        }
    }

    #[test]
    fn a_module_that_was_restarted_ended_or_went_was_not_steady() {
        let before = container(ONCE, true, AGENT);
        let restarted = container("2026-11-20T09:00:05Z", true, AGENT);
        let ended = container(ONCE, false, AGENT);
        for (after, told) in [
            (Some(&restarted), "restarted"),
            (Some(&ended), "exit code 7"),
            (None, "removed"),
        ] {
            let seen = undisturbed(&before, after, Observed::default());
            let unseen = seen.get().unwrap_err();
            assert_eq!(unseen.reason, Reason::Unstable);
            assert!(unseen.because.contains(told), "{}", unseen.because);
        }
    }
}
