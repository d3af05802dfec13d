//! One cold start, watched: create, start, wait until healthy, see that it stays so. Facts only.

use conformance::create_options::NamedVolume;
use conformance::finding::{Reason, Unseen};
use conformance::health::{Expectation, Failure, diagnose};
use conformance::observation::{Exit, Health, LivePrivilege, Observed, Start, Usage};
use conformance::record::Series;
use conformance::units::{Bytes, Millis};
use engine::{Created, EngineError, Inspect, Role};
use serde_json::Value;

use crate::bench::Bench;
use crate::edge;
use crate::events::RunEvent;
use crate::guard::Guard;
use crate::sampler::oom::{Witnesses, device_kills};
use crate::sampler::{ContainerFiles, Roots, Sampler, privilege, storage};
use crate::trials::defaults::places;
use crate::volumes;
use crate::watch::{Awaited, KILLED, Sight, Watch, failed_check};

/// Lines of output kept with a start.
const LAST_LINES: usize = 20;

/// A start to be played: data only.
#[derive(Debug)]
pub struct Trial<'a> {
    /// `start 1`, `envelope 2`.
    pub phase: String,
    /// The container, in the engine's JSON.
    pub body: &'a Value,
    /// Volumes that it mounts by name; each start gets fresh ones.
    pub volumes: &'a [NamedVolume],
    /// What makes it healthy.
    pub expectation: &'a Expectation,
    /// How long it may take.
    pub budget: Millis,
    /// How long it is watched once healthy.
    pub settle: Millis,
    /// The steady window, on the start that plays it.
    pub window: Millis,
    /// Names of settings that are unreplaced placeholders.
    pub placeholders: &'a [String],
    /// Memory limit in force, for the charts.
    pub memory_limit: Option<f64>,
    /// Core limit in force, for the charts.
    pub core_limit: Option<f64>,
    /// Whether a quota bounds the writable layer: then what is in it at the end is looked at.
    pub quota: bool,
}

/// What a start came to.
#[derive(Debug)]
pub struct Played {
    /// The facts.
    pub start: Start,
    /// Samples, once the container is gone.
    pub series: Vec<Series>,
    /// The engine's view right after creation.
    pub created: Option<Inspect>,
    /// Warnings of the engine on creation.
    pub warnings: Vec<String>,
    /// The engine's error, if it refused to create the container.
    pub refused: Option<String>,
    /// What its main process may do, as soon as it ran.
    pub privilege: Observed<LivePrivilege>,
    /// The container, if it is healthy and still running.
    pub alive: Option<Alive>,
}

/// A healthy candidate.
#[derive(Debug)]
pub struct Alive {
    /// Container id.
    pub id: String,
    /// Its main process on the host.
    pub pid: Option<u32>,
    pub(crate) watch: Watch,
    pub(crate) guard: Guard,
    pub(crate) sampler: Option<Sampler>,
    pub(crate) phase: String,
    pub(crate) limits: (Option<f64>, Option<f64>),
    /// Samples of its earlier lives, where it was restarted.
    pub(crate) earlier: Vec<Series>,
}

/// Plays one trial.
///
/// # Errors
/// The engine cannot be reached or fails by itself; a container that the engine refuses is a fact, not an error.
pub async fn play(bench: &Bench<'_>, trial: &Trial<'_>) -> Result<Played, EngineError> {
    let at = bench.events.now();
    let name = bench.announce(&trial.phase.replace(' ', "-"));
    let events = bench.engine.events(bench.run).await?;
    let device_kills = device_kills(bench.roots);
    let created = match create(bench, trial, &name).await {
        Ok(created) => created,
        Err(error) => {
            return match error.engine_words() {
                Some(words) => Ok(refused(trial, at, &bench.overlay.hide(words))),
                None => Err(error),
            };
        }
    };
    let mut played = Played {
        start: Start {
            create: created.took.into(),
            ..unstarted(trial, at, &Failure::default())
        },
        series: Vec::new(),
        created: Some(bench.engine.inspect(&created.id).await?),
        warnings: created.warnings,
        refused: None,
        privilege: Observed::default(),
        alive: None,
    };
    let watch = Watch::new(bench.engine, created.id.clone(), events, device_kills);
    match bench.engine.start(&created.id).await {
        Ok(took) => {
            played.start.start = Some(took.into());
            follow(bench, trial, watch, &mut played).await?;
        }
        Err(error) => {
            let Some(words) = error.engine_words() else {
                return Err(error);
            };
            let words = bench.overlay.hide(words);
            let failure = Failure {
                engine_error: Some(&words),
                ..Failure::default()
            };
            played.start.health = unhealthy(trial, &failure);
        }
    }
    if played.alive.is_none() {
        if trial.quota {
            let ended = bench.engine.inspect(&created.id).await?;
            played.start.written = written(bench, &ended).await;
        }
        bench.engine.remove(&created.id).await?;
    }
    Ok(played)
}

/// Blocks of a container's writable layer, walked away from the thread that answers hub and engine.
pub(crate) async fn written(bench: &Bench<'_>, container: &Inspect) -> Observed<Bytes> {
    let (roots, places) = (bench.roots.clone(), places(bench, container));
    let walk = move || storage::layer(&roots, &places);
    match tokio::task::spawn_blocking(walk).await {
        Ok(written) => written.into(),
        Err(error) => Observed::unseen(Reason::Tool, format!("the walk failed: {error}")),
    }
}

/// Creates the candidate's container, and before it all that it is to find fresh: volumes that it mounts by name, its twin.
async fn create(bench: &Bench<'_>, trial: &Trial<'_>, name: &str) -> Result<Created, EngineError> {
    volumes::renew(bench, trial.volumes).await?;
    edge::deploy_again(bench);
    let stamp = bench.stamp(Role::Candidate);
    bench.engine.create(name, trial.body, &stamp).await
}

/// Follows a started container until it is healthy and has stayed so, or until it is clear that it does not.
async fn follow(
    bench: &Bench<'_>,
    trial: &Trial<'_>,
    mut watch: Watch,
    played: &mut Played,
) -> Result<(), EngineError> {
    let running = bench.engine.inspect(&watch.id).await?;
    let mut sampler = sample(bench, &running);
    let guard = Guard::over(bench, &running, sampler.as_ref().ok());
    if let Some(pid) = running.pid {
        played.privilege = privilege::read(bench.roots, pid);
        edge::follow(bench, pid);
    }
    let start = &mut played.start;
    start.running = running.running.then(|| watch.began.elapsed().into());
    let limits = (trial.memory_limit, trial.core_limit);
    let seen_by = Sight {
        roots: bench.roots,
        pid: running.pid,
        expectation: trial.expectation,
    };
    let mut outcome = watch
        .until_healthy(&seen_by, trial.budget, &running)
        .await?;
    if let Awaited::Healthy(after) = outcome {
        if let Some(ended) = watch.stays(trial.settle, &seen_by).await? {
            outcome = ended;
        } else {
            start.health = Health::Healthy {
                after,
                stayed: trial.settle,
                by: trial.expectation.grounds(),
            };
            start.usage = usage(&mut sampler);
            count_kills(start, bench.roots, &watch, sampler.as_ref().ok());
            played.alive = Some(Alive {
                id: watch.id.clone(),
                pid: running.pid,
                watch,
                guard,
                sampler: sampler.ok(),
                phase: trial.phase.clone(),
                limits,
                earlier: Vec::new(),
            });
            return Ok(());
        }
    }
    if matches!(outcome, Awaited::Ended(None | Some(KILLED))) {
        watch.oom_told(bench.roots).await;
    }
    count_kills(start, bench.roots, &watch, sampler.as_ref().ok());
    fail(bench, trial, &watch, start, &outcome).await?;
    if let Some(breach) = guard.breach().await {
        start.health = breach.health();
    }
    if let Ok(sampler) = sampler {
        let (usage, series) = sampler.finish();
        start.usage = Observed::Seen(usage);
        played.series = named(series, &trial.phase, limits);
    }
    Ok(())
}

/// A start of which nothing is known but when it began.
fn unstarted(trial: &Trial<'_>, at: Millis, failure: &Failure<'_>) -> Start {
    Start {
        at,
        create: Millis(0),
        start: None,
        running: None,
        health: unhealthy(trial, failure),
        exits: Vec::new(),
        oom_kills: 0,
        oom_unseen: None,
        last_lines: Vec::new(),
        usage: Observed::unseen(
            Reason::CannotMeasure,
            "it never ran long enough to be measured",
        ),
        written: Observed::default(),
    }
}

/// Files a start that did not become or stay healthy under its one cause.
async fn fail(
    bench: &Bench<'_>,
    trial: &Trial<'_>,
    watch: &Watch,
    start: &mut Start,
    outcome: &Awaited,
) -> Result<(), EngineError> {
    let lines = bench.engine.last_lines(&watch.id, LAST_LINES).await;
    let lines = lines.unwrap_or_default().into_iter();
    start.last_lines = lines.map(|line| bench.overlay.hide(&line)).collect();
    let ended = bench.engine.inspect(&watch.id).await?;
    let waited: Millis = watch.began.elapsed().into();
    let mut failure = Failure {
        last_lines: &start.last_lines,
        placeholders: trial.placeholders,
        waited,
        ..Failure::default()
    };
    let missing = match outcome {
        Awaited::Overdue(missing) => missing.clone(),
        Awaited::Healthy(_) | Awaited::Ended(_) => Vec::new(),
    };
    failure.missing = &missing;
    let without_address = edge::without_address(bench, start.at);
    failure.without_address = &without_address;
    let check = failed_check(&ended).map(|said| bench.overlay.hide(&said));
    failure.healthcheck_failed = check.as_deref();
    if let Awaited::Ended(code) = outcome {
        let oom_killed = ended.oom_killed || start.oom_kills > 0;
        failure.exit_code = Some(code.unwrap_or(ended.exit_code));
        failure.oom_killed = oom_killed;
        start.exits.push(Exit {
            at: waited,
            code: code.unwrap_or(ended.exit_code),
            oom_killed,
        });
    }
    start.health = unhealthy(trial, &failure);
    Ok(())
}

fn unhealthy(trial: &Trial<'_>, failure: &Failure<'_>) -> Health {
    let (cause, detail) = diagnose(failure);
    let missing = if failure.missing.is_empty() {
        trial.expectation.grounds()
    } else {
        failure.missing.to_vec()
    };
    Health::Unhealthy {
        cause,
        detail,
        missing,
    }
}

fn refused(trial: &Trial<'_>, at: Millis, words: &str) -> Played {
    let failure = Failure {
        engine_error: Some(words),
        ..Failure::default()
    };
    Played {
        start: unstarted(trial, at, &failure),
        series: Vec::new(),
        created: None,
        warnings: Vec::new(),
        refused: Some(words.to_owned()),
        privilege: Observed::default(),
        alive: None,
    }
}

/// Starts the sampler, or says why the candidate cannot be measured.
pub(crate) fn sample(bench: &Bench<'_>, running: &Inspect) -> Result<Sampler, String> {
    let sampler = ContainerFiles::open(bench.roots, bench.layout, &running.id)
        .map(|files| {
            Sampler::start(
                files.just_started(),
                running.pid,
                bench.events.origin(),
                bench.options.cadence(),
            )
        })
        .map_err(|error| error.to_string());
    if let Err(why) = &sampler {
        bench.events.emit(RunEvent::Trouble {
            what: "sampler".to_owned(),
            why: why.clone(),
        });
    }
    sampler
}

/// Writes down how many processes were killed for memory since the container was created, or why that is not known.
pub(crate) fn count_kills(
    start: &mut Start,
    roots: &Roots,
    watch: &Watch,
    sampler: Option<&Sampler>,
) {
    match kills(roots, watch, sampler) {
        Ok(kills) => {
            start.oom_kills = start.oom_kills.max(kills);
            start.oom_unseen = None;
        }
        Err(unseen) => start.oom_unseen = Some(unseen),
    }
}

fn kills(roots: &Roots, watch: &Watch, sampler: Option<&Sampler>) -> Result<u64, Unseen> {
    let witnesses = Witnesses {
        engine: watch.oom_kills,
        container: sampler.and_then(Sampler::oom_kills),
        device: (watch.device_kills, device_kills(roots)),
    };
    witnesses.kills()
}

fn usage(sampler: &mut Result<Sampler, String>) -> Observed<Usage> {
    match sampler {
        Ok(sampler) => Observed::Seen(sampler.mark()),
        Err(why) => Observed::unseen(Reason::CannotMeasure, why.clone()),
    }
}

/// Puts phase and limits on the samples.
pub(crate) fn named(
    series: Vec<Series>,
    phase: &str,
    (memory, cores): (Option<f64>, Option<f64>),
) -> Vec<Series> {
    let limit = |series: &Series| match series.unit.as_str() {
        "bytes" => memory,
        "cores" => cores,
        _ => None,
    };
    series
        .into_iter()
        .map(|series| Series {
            phase: phase.to_owned(),
            limit: limit(&series),
            ..series
        })
        .collect()
}
