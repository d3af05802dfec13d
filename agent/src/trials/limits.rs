//! Limit-bites proof: before a verdict rests on a limit, a sacrificial container shows that the limit bites here.

use std::time::Duration;

use conformance::finding::{Reason, Unseen};
use conformance::observation::{CpuLimitProof, LimitProofs, MemoryLimitProof, Usage};
use conformance::units::Bytes;
use engine::{EngineError, Role};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::bench::Bench;
use crate::load::held;
use crate::sampler::oom::device_kills;
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
/// How long a sacrificial container may take before it is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Plays the three sacrificial containers: one eats, one spins, one does nothing.
pub async fn prove(bench: &Bench<'_>) -> LimitProofs {
    let image = bench.own_image;
    // Each has limits of its own, so they do not disturb each other.
    let (memory, cpu, floor) =
        tokio::join!(memory(bench, image), cpu(bench, image), floor(bench, image));
    LimitProofs {
        memory: memory.into(),
        cpu: cpu.into(),
        runtime_floor: floor.into(),
    }
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
    lines: Vec<String>,
    usage: Result<Usage, Unseen>,
}

async fn sacrifice(bench: &Bench<'_>, what: &str, body: &Value) -> Result<Sacrificed, Unseen> {
    let engine_trouble = |error: EngineError| {
        Unseen::new(
            Reason::Infrastructure,
            format!("sacrificial container `{what}`: {error}"),
        )
    };
    let name = bench.announce(what);
    let created = bench
        .engine
        .create(&name, body, &bench.stamp(Role::Sacrifice))
        .await
        .map_err(engine_trouble)?;
    let patience = Duration::from(bench.options.stretched(PATIENCE.into()));
    let played = timeout(patience, play(bench, &created.id)).await;
    let removed = bench.engine.remove(&created.id).await;
    let sacrificed = played
        .map_err(|_| {
            Unseen::new(
                Reason::Infrastructure,
                format!("sacrificial container `{what}` did not end within {patience:?}"),
            )
        })?
        .map_err(engine_trouble)?;
    removed.map_err(engine_trouble)?;
    Ok(sacrificed)
}

async fn play(bench: &Bench<'_>, id: &str) -> Result<Sacrificed, EngineError> {
    let events = bench.engine.events(bench.run).await?;
    let mut watch = Watch::new(id.to_owned(), events, device_kills(bench.roots));
    bench.engine.start(id).await?;
    let running = bench.engine.inspect(id).await?;
    let sampler = ContainerFiles::open(bench.roots, bench.layout, id)
        .map(|files| {
            Sampler::start(
                files,
                running.pid,
                bench.events.origin(),
                bench.options.cadence(),
            )
        })
        .map_err(|error| Unseen::new(Reason::CannotMeasure, error.to_string()));
    let exit_code = bench.engine.wait_exit(id).await?;
    let usage = sampler.map(|sampler| sampler.finish().0);
    let ended = bench.engine.inspect(id).await?;
    let killed = exit_code == KILLED;
    Ok(Sacrificed {
        exit_code,
        oom_killed: ended.oom_killed || killed && watch.oom_told(bench.roots).await,
        lines: bench.engine.last_lines(id, 50).await?,
        usage,
    })
}
