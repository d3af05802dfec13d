//! Limit-bites proof: before a verdict rests on a limit, a sacrificial container shows that the limit bites here.

use std::time::Duration;

use conformance::finding::{Reason, Unseen};
use conformance::observation::{
    CpuLimitProof, Footprint, GoldenRun, LimitProofs, MemoryLimitProof, Observed,
    StorageLimitProof, Usage,
};
use conformance::storage_quota::StorageQuota;
use conformance::units::Bytes;
use engine::{EngineError, Inspect, Role};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::defaults::places;
use crate::bench::Bench;
use crate::load::{GoldenAccount, held, monotonic, wrote};
use crate::sampler::layer::{self, Layer};
use crate::sampler::oom::device_kills;
use crate::sampler::storage::{self, Places};
use crate::sampler::{ContainerFiles, Sampler};
use crate::watch::{KILLED, Watch};

/// Limit of the container that eats.
const MEMORY_LIMIT: Bytes = Bytes::mib(32);
/// What it tries to hold.
const MEMORY_TRIED: u64 = 96;
/// Quota of the container that spins.
const QUOTA_CORES: f64 = 0.2;
/// How long it spins.
const SPIN_SECONDS: u64 = 2;
/// Limit of the container that fills, in the words of the engine.
const STORAGE_LIMIT: Bytes = Bytes::mib(16);
/// What it tries to write.
const STORAGE_TRIED: u64 = 32;
/// How long the golden module runs: long enough that its first and last tick are a small part.
const GOLDEN_SECONDS: u64 = 3;
/// How long a sacrificial container may take before it is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Plays the sacrificial containers: one eats, one spins, one fills, one does nothing, and the golden module.
pub async fn prove(bench: &Bench<'_>) -> (LimitProofs, Observed<GoldenRun>) {
    let image = bench.own_image;
    // Each has limits of its own, so they do not disturb each other.
    let (memory, cpu, floor, storage) = tokio::join!(
        memory(bench, image),
        cpu(bench, image),
        floor(bench, image),
        storage(bench, image)
    );
    // By itself: on a device with one core it would take from the spinner what its quota leaves.
    let golden = golden(bench, image).await;
    let proofs = LimitProofs {
        memory: memory.into(),
        cpu: cpu.into(),
        runtime_floor: floor.into(),
        storage: storage.into(),
    };
    (proofs, golden.into())
}

async fn memory(bench: &Bench<'_>, image: &str) -> Result<MemoryLimitProof, Unseen> {
    let limits = json!({"Memory": MEMORY_LIMIT.0, "MemorySwap": MEMORY_LIMIT.0});
    let body = body(image, &["eat", &MEMORY_TRIED.to_string()], limits);
    let eaten = sacrifice(bench, "eat", &body).await?;
    Ok(MemoryLimitProof {
        limit: MEMORY_LIMIT,
        tried: Bytes::mib(MEMORY_TRIED),
        oom_killed: eaten.oom_killed,
        exit_code: eaten.exit_code,
        held: held(&eaten.lines.join("\n")),
        device_kills: eaten
            .device_kills
            .filter(|_| !eaten.oom_killed && bench.layout.memory.is_ok()),
    })
}

async fn cpu(bench: &Bench<'_>, image: &str) -> Result<CpuLimitProof, Unseen> {
    let body = body(
        image,
        &["spin", &SPIN_SECONDS.to_string()],
        json!({"CpuPeriod": 100_000, "CpuQuota": 20_000}),
    );
    let spun = sacrifice(bench, "spin", &body).await?;
    let usage = spun.usage?;
    let cpu = usage.cpu.get()?;
    let throttled = cpu.throttled.ok_or_else(|| {
        Unseen::new(
            Reason::CannotMeasure,
            "the kernel tells nothing about throttling",
        )
    })?;
    Ok(CpuLimitProof {
        quota_cores: QUOTA_CORES,
        used_cores: cpu.cores_mean,
        throttled_periods: throttled.throttled_periods,
        periods: throttled.periods,
    })
}

/// A limit of storage that the engine refuses is a fact of its storage driver.
async fn storage(bench: &Bench<'_>, image: &str) -> Result<StorageLimitProof, Unseen> {
    let size = quota_size(bench, image).await?.0.to_string();
    let limits = json!({"StorageOpt": {"size": size}, "ReadonlyRootfs": false});
    let body = body(image, &["fill", &STORAGE_TRIED.to_string()], limits);
    let proof = StorageLimitProof {
        limit: STORAGE_LIMIT,
        tried: Bytes::mib(STORAGE_TRIED),
        refused: None,
        wrote: None,
    };
    match sacrifice(bench, "fill", &body).await {
        Ok(filled) => Ok(StorageLimitProof {
            wrote: wrote(&filled.lines.join("\n")),
            ..proof
        }),
        Err(Refusal::Engine(words)) => Ok(StorageLimitProof {
            refused: Some(words),
            ..proof
        }),
        Err(Refusal::Unseen(unseen)) => Err(unseen),
    }
}

/// What leaves the container that fills its limit: on some drivers the probe's own image counts too.
async fn quota_size(bench: &Bench<'_>, image: &str) -> Result<Bytes, Unseen> {
    let trouble = |error: EngineError| Unseen::new(Reason::Infrastructure, error.to_string());
    let engine = bench.engine.facts().await.map_err(trouble)?;
    let own = bench.engine.image(image).await.map_err(trouble)?;
    let own = own.map_or(Bytes(0), |own| own.unpacked);
    let quota = StorageQuota::leaving(STORAGE_LIMIT, own, &engine.storage_driver);
    // A driver that is not known is tried all the same: most refuse.
    Ok(quota.map_or(STORAGE_LIMIT, |quota| quota.size))
}

async fn golden(bench: &Bench<'_>, image: &str) -> Result<GoldenRun, Unseen> {
    let command = ["golden", &GOLDEN_SECONDS.to_string()];
    let body = body(image, &command, json!({"ReadonlyRootfs": false}));
    let played = sacrifice(bench, "golden", &body).await?;
    let output = played.lines.join("\n");
    let told = GoldenAccount::read(&output).and_then(|account| {
        let span = played.usage.as_ref().ok();
        let span = span.and_then(|usage| measured_span(bench, usage));
        let (from, to) = span.or_else(|| account.span())?;
        Some(Footprint {
            memory: account.memory,
            cores: account.cores(from, to)?,
            storage: account.storage,
        })
    });
    let told = told.ok_or_else(|| {
        Unseen::new(
            Reason::Tool,
            format!(
                "the golden module ended with exit code {} and did not say what it took: {output}",
                played.exit_code
            ),
        )
    })?;
    let (memory, cores) = match &played.usage {
        Ok(usage) => (
            usage.memory.get().map(|memory| memory.nonreclaimable_peak),
            usage.cpu.get().map(|cpu| cpu.cores_mean),
        ),
        Err(unseen) => (Err(unseen.clone()), Err(unseen.clone())),
    };
    Ok(GoldenRun {
        told,
        measured: Footprint {
            memory: memory.into(),
            cores: cores.into(),
            storage: played.written,
        },
    })
}

/// Between the first and the last reading of CPU time, by the clock that the golden module tells.
fn measured_span(bench: &Bench<'_>, usage: &Usage) -> Option<(Duration, Duration)> {
    let cpu = usage.cpu.seen()?;
    let used = Duration::from_micros(cpu.usage_us).as_secs_f64();
    let length = Duration::try_from_secs_f64(used / cpu.cores_mean).ok()?;
    let origin = monotonic().checked_sub(bench.events.origin().elapsed())?;
    let from = origin + Duration::from(usage.from);
    Some((from, from + length))
}

async fn floor(bench: &Bench<'_>, image: &str) -> Result<Bytes, Unseen> {
    let idle = sacrifice(bench, "noop", &body(image, &["noop", "1"], json!({}))).await?;
    Ok(idle.usage?.memory.get()?.peak)
}

fn body(image: &str, command: &[&str], limits: Value) -> Value {
    let mut body = json!({
        "Image": image,
        "Cmd": command,
        "HostConfig": {"NetworkMode": "none", "CapDrop": ["ALL"], "ReadonlyRootfs": true, "SecurityOpt": ["no-new-privileges"]},
    });
    if let (Some(host), Value::Object(limits)) = (body["HostConfig"].as_object_mut(), limits) {
        host.extend(limits);
    }
    body
}

/// How a sacrificial container ended.
#[derive(Debug)]
struct Sacrificed {
    exit_code: i64,
    oom_killed: bool,
    /// Processes killed for memory on the device while it ran, where the kernel counts them.
    device_kills: Option<u64>,
    lines: Vec<String>,
    usage: Result<Usage, Unseen>,
    /// Blocks of its writable layer.
    written: Observed<Bytes>,
}

/// Why a sacrificial container was not seen.
#[derive(Debug)]
enum Refusal {
    /// The engine's words: it does not make such a container.
    Engine(String),
    /// Anything else.
    Unseen(Unseen),
}

impl From<Refusal> for Unseen {
    fn from(refusal: Refusal) -> Unseen {
        match refusal {
            Refusal::Engine(words) => Unseen::new(
                Reason::Infrastructure,
                format!("the engine refuses a sacrificial container: {words}"),
            ),
            Refusal::Unseen(unseen) => unseen,
        }
    }
}

async fn sacrifice(bench: &Bench<'_>, what: &str, body: &Value) -> Result<Sacrificed, Refusal> {
    let engine_trouble = |error: EngineError| {
        Refusal::Unseen(Unseen::new(
            Reason::Infrastructure,
            format!("sacrificial container `{what}`: {error}"),
        ))
    };
    let name = bench.announce(what);
    let created = bench
        .engine
        .create(&name, body, &bench.stamp(Role::Sacrifice))
        .await
        .map_err(|error| match error.engine_words() {
            Some(words) => Refusal::Engine(words.to_owned()),
            None => engine_trouble(error),
        })?;
    let patience = Duration::from(bench.options.stretched(PATIENCE.into()));
    let played = timeout(patience, play(bench, &created.id)).await;
    let removed = bench.engine.remove(&created.id).await;
    let sacrificed = played
        .map_err(|_| {
            Refusal::Unseen(Unseen::new(
                Reason::Infrastructure,
                format!("sacrificial container `{what}` did not end within {patience:?}"),
            ))
        })?
        .map_err(engine_trouble)?;
    removed.map_err(engine_trouble)?;
    Ok(sacrificed)
}

async fn play(bench: &Bench<'_>, id: &str) -> Result<Sacrificed, EngineError> {
    let events = bench.engine.events(bench.run).await?;
    let kills_before = device_kills(bench.roots);
    let mut watch = Watch::new(bench.engine, id.to_owned(), events, kills_before);
    bench.engine.start(id).await?;
    let running = bench.engine.inspect(id).await?;
    let while_running = places(bench, &running).layer;
    let sampler = ContainerFiles::open(bench.roots, bench.layout, id)
        .map(|files| {
            Sampler::start(
                files.just_started(),
                running.pid,
                bench.events.origin(),
                bench.options.cadence(),
            )
        })
        .map_err(|error| Unseen::new(Reason::CannotMeasure, error.to_string()));
    let exit_code = bench.engine.wait_exit(id).await?;
    watch.vouch().await?;
    let usage = sampler.map(|sampler| sampler.finish().0);
    let kills_after = device_kills(bench.roots);
    let ended = bench.engine.inspect(id).await?;
    let killed = exit_code == KILLED;
    Ok(Sacrificed {
        exit_code,
        oom_killed: ended.oom_killed || killed && watch.oom_told(bench.roots).await,
        device_kills: kills_before
            .zip(kills_after)
            .map(|(before, after)| after.saturating_sub(before)),
        lines: bench.engine.last_lines(id, 50).await?,
        usage,
        written: written(bench, &ended, while_running),
    })
}

/// What an ended container left in its writable layer. Its engine may have told where that lies only while it ran.
fn written(
    bench: &Bench<'_>,
    ended: &Inspect,
    while_running: Result<Layer, Unseen>,
) -> Observed<Bytes> {
    let places = Places {
        layer: while_running.or_else(|_| layer::find(bench.roots, ended)),
        ..places(bench, ended)
    };
    storage::layer(bench.roots, &places).into()
}
