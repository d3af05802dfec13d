//! Cold starts with exactly the offer's defaults, and what is looked at on the last of them.

use std::time::{Duration, Instant};

use conformance::candidate::{Bounds, CandidateSpec, Launch, resolve};
use conformance::create_options::{CreateOptions, diff, effective_privilege};
use conformance::finding::{Reason, Unseen};
use conformance::hardware::{self, memory_budget};
use conformance::health::Expectation;
use conformance::observation::{Creation, DiskGrowth, Observed, Stop, StorageUse};
use conformance::offer::Offer;
use conformance::record::{Record, RunOptions};
use conformance::repeats::{self, Next};
use conformance::units::{Bytes, Millis};
use engine::{EngineError, Inspect};
use serde_json::Value;

use super::percent;
use crate::bench::Bench;
use crate::cold_start::{Alive, Played, Trial, play};
use crate::events::RunEvent;
use crate::kept;
use crate::record::mark_phase;
use crate::sampler::output::{LogMark, log_limit};
use crate::sampler::storage::Places;
use crate::sampler::{gpu, layer, mounts, noise, ports, storage, zombies};

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
    if let Some(shared) = shared_network(read.value()) {
        let why = format!(
            "not started: with NetworkMode {shared} its ports and traffic cannot be told from its neighbours'"
        );
        return Err(Unseen::new(Reason::CannotMeasure, why));
    }
    if let Some(pointer) = other_network(read.value()).filter(|_| options.hermetic) {
        let why = format!(
            "not started: {pointer} puts the module on another network, so that --hermetic could not hold"
        );
        return Err(Unseen::new(Reason::Configuration, why));
    }
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

/// A network namespace that the module would share with others, if the createOptions ask for one and leave is given.
fn shared_network(options: &Value) -> Option<&str> {
    let mode = options.pointer("/HostConfig/NetworkMode")?.as_str()?;
    (mode == "host" || mode.starts_with("container:")).then_some(mode)
}

/// Where the createOptions name another network than the one that the runtime would add, if they do; none at all is fine.
fn other_network(options: &Value) -> Option<&'static str> {
    let (endpoints, mode) = (
        "/NetworkingConfig/EndpointsConfig",
        "/HostConfig/NetworkMode",
    );
    if options.pointer(endpoints).is_some_and(|own| !own.is_null()) {
        return Some(endpoints);
    }
    let asked = options.pointer(mode)?.as_str()?;
    (!matches!(asked, "" | "default" | "none")).then_some(mode)
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
    let spec = resolve(launch, Bounds::Defaults);
    record.deviations.extend(spec.deviations.clone());
    let expectation = Expectation::of(&launch.image.config, launch.options.value());
    let placeholders = record.offer.placeholders();
    let volumes = launch.options.named_volumes();
    let profile = record.run.profile.clone();
    let memory = module_budget(record);
    let mut n = 0;
    while let Next::Another(why) = repeats::next(&record.observations.starts, &profile, memory) {
        n += 1;
        let phase = format!("start {n}");
        if n > profile.starts {
            bench.events.emit(RunEvent::Repeated { why });
        }
        bench
            .events
            .phase(&phase, percent(5, 45, n, profile.starts));
        let trial = Trial {
            phase,
            body: &spec.body,
            volumes: &volumes,
            expectation: &expectation,
            budget: profile.start_budget,
            settle: profile.settle,
            window: profile.window,
            placeholders: &placeholders,
            memory_limit: None,
            core_limit: None,
            quota: false,
        };
        let from = bench.events.now();
        let listening = noise::listen(bench.roots);
        let mut played = play(bench, &trial).await?;
        mark_phase(record, &trial.phase, from, bench.events.now());
        let heard = listening.heard(bench.roots, &trial.phase, &played.start.usage);
        record.observations.noise.extend(heard);
        if n == 1 {
            record.observations.creation = Observed::Seen(creation(bench, &played, &spec));
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
        if repeats::next(&record.observations.starts, &profile, memory) == Next::Enough {
            last_start(bench, record, &mut alive, &trial).await?;
        }
        let (last, series) = alive.finish_sampling();
        record.series.extend(series);
        if let (Observed::Seen(steady), Some(last)) = (&mut record.observations.steady, &last) {
            // What came after the window, SIGTERM included: a peak there counts too.
            steady.absorb(last);
        }
        bench.engine.remove(&alive.id).await?;
    }
    Ok(())
}

/// The memory that the claim leaves to the module, where it claims any.
pub(super) fn module_budget(record: &Record) -> Option<Bytes> {
    let claim = hardware::read(&record.offer.listing.description)?.claim;
    memory_budget(
        claim.ram_bytes?,
        record.offer.plan.claim_scope,
        &record.run.reserve,
    )
    .ok()
}

/// What is looked at on the last start only: the steady window, storage, the stop.
async fn last_start(
    bench: &Bench<'_>,
    record: &mut Record,
    alive: &mut Alive,
    trial: &Trial<'_>,
) -> Result<(), EngineError> {
    bench.events.phase("steady", 45);
    let before = bench.engine.inspect(&alive.id).await?;
    let log = LogMark::now(bench.roots, before.log_path.as_deref());
    let from = bench.events.now();
    let free_before = storage::free(bench.roots);
    let care = record.run.profile.care;
    let listening = noise::listen(bench.roots);
    let gpu_watch = gpu::Watch::begin(bench.roots);
    let seen = &mut record.observations;
    if let Some(start) = seen.starts.last_mut() {
        if let Some(rule) = care {
            let window = kept::keep(bench, trial, alive, rule, start).await?;
            seen.steady = window.usage;
            seen.kept = Observed::Seen(window.kept);
            bench.events.observed("kept", &seen.kept);
        } else {
            seen.steady = alive.steady(bench, trial, start).await?;
        }
    }
    let to = bench.events.now();
    seen.output = log
        .and_then(|log| log.since(Millis(to.0.saturating_sub(from.0)), log_limit(&before.raw)))
        .into();
    bench.events.observed("output", &seen.output);
    mark_phase(record, "steady", from, to);
    let heard = listening.heard(bench.roots, "steady", &record.observations.steady);
    record.observations.noise.extend(heard);
    let seen = &mut record.observations;
    bench.events.observed("steady", &seen.steady);
    seen.gpu = gpu::used_by(bench.roots, &alive.id).into();
    seen.gpu_load = gpu_watch.end();
    let inspected = bench.engine.inspect(&alive.id).await?;
    if let Some(pid) = inspected.pid {
        seen.zombies = zombies::count(bench.roots, pid).into();
        bench.events.observed("zombies", &seen.zombies);
        seen.listening = ports::reachable(bench.roots, pid).into();
        bench.events.observed("listening", &seen.listening);
    }
    let places = places(bench, &inspected);
    if let Some(image) = seen.image.seen() {
        seen.storage = storage_in_use(bench, places.clone(), image.on_disk()).await;
    }
    if !inspected.running {
        alive.watch.vouch().await?;
        seen.stop = Observed::unseen(Reason::Unstable, "it had ended before it could be stopped");
        return Ok(());
    }
    bench.events.phase("stop", 68);
    let from = bench.events.now();
    let began = Instant::now();
    bench.engine.stop(&alive.id, STOP_GRACE).await?;
    let duration: Millis = began.elapsed().into();
    alive.watch.vouch().await?;
    let ended = bench.engine.inspect(&alive.id).await?;
    record.observations.stop = Observed::Seen(Stop {
        duration,
        code: ended.exit_code,
        killed: duration >= STOP_GRACE.into(),
        grace: STOP_GRACE.into(),
    });
    mark_phase(record, "stop", from, bench.events.now());
    let seen = &mut record.observations;
    if let (Observed::Seen(before), Some(image)) = (&seen.storage, seen.image.seen()) {
        let after = storage_in_use(bench, places, image.on_disk()).await;
        seen.storage = larger(before.clone(), after);
    }
    if let Observed::Seen(used) = &mut seen.storage {
        used.disk = disk_growth(free_before, storage::free(bench.roots)).into();
    }
    bench.events.observed("storage", &seen.storage);
    bench.events.observed("stop", &record.observations.stop);
    Ok(())
}

fn disk_growth(
    before: Result<Bytes, Unseen>,
    after: Result<Bytes, Unseen>,
) -> Result<DiskGrowth, Unseen> {
    Ok(DiskGrowth {
        free_before: before?,
        free_after: after?,
    })
}

/// Where a container writes; asked while it runs, since some engines tell it by the mount table of its process alone.
pub(crate) fn places(bench: &Bench<'_>, inspected: &Inspect) -> Places {
    Places {
        layer: layer::find(bench.roots, inspected),
        mounts: mounts::of(&inspected.raw),
        log: inspected.log_path.clone(),
    }
}

/// Walks what the candidate wrote, away from the thread that answers hub and engine.
pub(crate) async fn storage_in_use(
    bench: &Bench<'_>,
    places: Places,
    image: Bytes,
) -> Observed<StorageUse> {
    let roots = bench.roots.clone();
    let walk = move || storage::measure(&roots, &places, image);
    match tokio::task::spawn_blocking(walk).await {
        Ok(used) => Observed::Seen(used),
        Err(error) => Observed::unseen(Reason::Tool, format!("the walk failed: {error}")),
    }
}

/// Of two looks at the same storage the larger figures; what one look could not see stays unseen.
fn larger(before: StorageUse, after: Observed<StorageUse>) -> Observed<StorageUse> {
    let Observed::Seen(after) = after else {
        return after;
    };
    let most = |before: Observed<Bytes>, after: Observed<Bytes>| match (before, after) {
        (Observed::Seen(before), Observed::Seen(after)) => Observed::Seen(before.max(after)),
        (unseen @ Observed::Unseen(_), _) | (_, unseen @ Observed::Unseen(_)) => unseen,
    };
    Observed::Seen(StorageUse {
        writable: most(before.writable, after.writable),
        volumes: most(before.volumes, after.volumes),
        inodes: match (before.inodes, after.inodes) {
            (Observed::Seen(before), Observed::Seen(after)) => Observed::Seen(before.max(after)),
            (unseen @ Observed::Unseen(_), _) | (_, unseen @ Observed::Unseen(_)) => unseen,
        },
        logs: most(before.logs, after.logs),
        ..after
    })
}

/// What the engine made of the createOptions.
fn creation(bench: &Bench<'_>, played: &Played, spec: &CandidateSpec) -> Creation {
    let inspected = played.created.as_ref().map(|inspect| &inspect.raw);
    let warnings = played.warnings.iter();
    Creation {
        differences: inspected
            .map(|raw| diff(&spec.requested, raw))
            .unwrap_or_default(),
        warnings: warnings.map(|text| bench.overlay.hide(text)).collect(),
        refused: played.refused.clone(),
        effective: inspected
            .map(|raw| effective_privilege(raw, &spec.added_binds))
            .unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_shared_network_namespace_is_told() {
        let options = |mode: &str| json!({"HostConfig": {"NetworkMode": mode}});
        for (mode, shared) in [("host", true), ("container:x", true), ("bridge", false)] {
            assert_eq!(shared_network(&options(mode)).is_some(), shared, "{mode}");
        }
    }

    #[test]
    fn a_module_on_another_network_cannot_be_hermetic() {
        let network = "/HostConfig/NetworkMode";
        let endpoints = "/NetworkingConfig/EndpointsConfig";
        for (options, pointer) in [
            (
                json!({"HostConfig": {"NetworkMode": "bridge"}}),
                Some(network),
            ),
            (
                json!({"NetworkingConfig": {"EndpointsConfig": {"lan": {}}}}),
                Some(endpoints),
            ),
            (json!({"NetworkingConfig": {"EndpointsConfig": null}}), None),
            (json!({"HostConfig": {"NetworkMode": "none"}}), None),
            (json!({}), None),
        ] {
            assert_eq!(other_network(&options), pointer, "{options}");
        }
    }

    #[test]
    fn of_two_looks_the_larger_counts_and_nothing_unseen_is_forgotten() {
        let used = |writable: Observed<Bytes>| StorageUse {
            image: Bytes(1),
            writable,
            volumes: Observed::Seen(Bytes(0)),
            logs: Observed::Seen(Bytes(0)),
            method: String::new(),
            inodes: Observed::Seen(1),
            disk: Observed::default(),
            mounts: Vec::new(),
        };
        let seen = |bytes| used(Observed::Seen(Bytes(bytes)));
        let most = larger(seen(9), Observed::Seen(seen(3)));
        assert_eq!(most.get().unwrap().writable, Observed::Seen(Bytes(9)));
        let unseen = used(Observed::unseen(Reason::CannotMeasure, "unreadable"));
        let most = larger(unseen, Observed::Seen(seen(3)));
        assert!(most.get().unwrap().writable.seen().is_none());
    }
}
