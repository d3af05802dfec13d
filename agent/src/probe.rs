//! The probe: one offer in, one record out. The only place where the order of effects matters.

use std::path::{Path, PathBuf};
use std::time::Duration;

use conformance::candidate::{Identity, Launch, resolve};
use conformance::create_options::{CreateOptions, diff, effective_privilege};
use conformance::finding::{Reason, Unseen};
use conformance::hardware;
use conformance::health::Expectation;
use conformance::observation::{
    Creation, EnvelopeRun, Health, ImageFacts, ImageSource, Limits, Observations, Observed, Phase,
    Stop, WorkloadRequest,
};
use conformance::offer::Offer;
use conformance::record::{
    Candidate, Deviation, DeviationKind, Profile, Record, Reserve, Run, RunOptions, ScopeName,
};
use conformance::report::Report;
use conformance::requirements::{CATALOGUE, VERSION};
use conformance::units::Millis;
use engine::{Engine, EngineError, Owner, Role};
use serde_json::{Value, json};
use standin::workload::WorkloadRecorder;

use crate::bench::{Bench, SocketDirectory};
use crate::cold_start::{Alive, Played, Trial, play};
use crate::events::{Events, RunEvent};
use crate::sampler::{Layout, Roots, host, layout, own, privilege, storage};
use crate::settings::{DEFAULT_WAIT, Settings};
use crate::trials::{envelope, limits};

/// How long a module may take to end after SIGTERM: the engine's own default, which edgeAgent uses.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// The probe could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Who the probe is on the engine.
    #[error("tell whose containers these are: {0}")]
    Owner(#[from] engine::OwnerError),
    /// The state directory.
    #[error("use the state directory {}: {source}", path.display())]
    State {
        path: PathBuf,
        source: std::io::Error,
    },
}

/// The probe on its device.
#[derive(Debug)]
pub struct Probe {
    engine: Engine,
    roots: Roots,
    layout: Layout,
    owner: Owner,
    own_container: Option<String>,
    own_image: Option<String>,
    sockets: SocketDirectory,
    runs: PathBuf,
}

/// What to certify, and how.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// Id of the run.
    pub run: String,
    /// The profile before options.
    pub profile: Profile,
    /// The scope to judge.
    pub scope: ScopeName,
    /// The offer.
    pub offer: Offer,
    /// Settings.
    pub options: RunOptions,
    /// RFC 3339, UTC: when the run was taken on.
    pub started: String,
}

impl Probe {
    /// Finds engine, kernel files and itself, and removes what dead runs left behind.
    ///
    /// # Errors
    /// The engine does not answer, or the state directory cannot be used.
    pub async fn open(settings: &Settings) -> Result<Probe, ProbeError> {
        let engine = Engine::connect(&settings.engine).await?;
        let facts = engine.facts().await?;
        let root = settings.host_root.clone().unwrap_or_else(|| {
            if Path::new("/host/proc/self").exists() {
                "/host".into()
            } else {
                "/".into()
            }
        });
        let inside = root != Path::new("/");
        let roots = Roots {
            proc: root.join("proc"),
            cgroup: root.join("sys/fs/cgroup"),
            data_root: Some(if inside {
                root.join("docker")
            } else {
                PathBuf::from(&facts.data_root)
            })
            .filter(|path| path.is_dir()),
            data_root_on_host: PathBuf::from(&facts.data_root),
        };
        let engine = engine.with_proc_root(&roots.proc);
        let owner = Owner::this(&roots.proc)?;
        let own = match &owner {
            Owner::Container(id) => Some(engine.inspect(id).await?),
            Owner::Process { .. } => None,
        };
        let own_image = settings
            .image
            .clone()
            .or_else(|| Some(own.as_ref()?.raw.get("Image")?.as_str()?.to_owned()));
        let sockets = socket_directory(&settings.state, own.as_ref().map(|own| &own.raw));
        let runs = settings.state.join("runs");
        for path in [&sockets.here, &runs] {
            std::fs::create_dir_all(path).map_err(|source| ProbeError::State {
                path: path.clone(),
                source,
            })?;
        }
        let swept = engine.sweep(&roots.proc, &owner).await?;
        if !swept.removed.is_empty() {
            tracing::info!(removed = ?swept.removed, "left by runs whose owner is dead");
        }
        Ok(Probe {
            layout: layout::detect(&roots),
            engine,
            roots,
            owner,
            own_container: own.map(|own| own.id),
            own_image,
            sockets,
            runs,
        })
    }

    /// Where journals and reports are kept.
    #[must_use]
    pub fn runs(&self) -> &Path {
        &self.runs
    }

    /// Certifies one offer. Whatever comes of it, nothing of the run is left on the engine.
    ///
    /// # Errors
    /// Another run holds the engine for too long, or the engine is lost before anything was seen.
    pub async fn certify(
        &self,
        assignment: Assignment,
        events: &Events,
    ) -> Result<Report, EngineError> {
        let bench = Bench {
            engine: &self.engine,
            roots: &self.roots,
            layout: &self.layout,
            owner: &self.owner,
            run: &assignment.run,
            options: &assignment.options,
            events,
            own_image: self.own_image.as_deref(),
            sockets: &self.sockets,
        };
        let wait = assignment.options.wait.unwrap_or(DEFAULT_WAIT);
        let image = self
            .own_image
            .as_deref()
            .unwrap_or(&assignment.offer.plan.image.repository);
        let lock = self
            .engine
            .lock(bench.stamp(Role::Lock), image, wait.into(), |why| {
                events.emit(RunEvent::Waiting { why })
            })
            .await?;
        let mut record = blank(&assignment);
        let cost = own::Cost::start(&self.roots, &self.layout, self.own_container.as_deref());
        if let Err(error) = observe(&bench, &assignment, &mut record).await {
            events.emit(RunEvent::Trouble {
                what: "engine".to_owned(),
                why: error.to_string(),
            });
            explain(
                &mut record.observations,
                &Unseen::new(
                    Reason::Infrastructure,
                    format!("the engine failed during the run: {error}"),
                ),
            );
        }
        record.observations.probe = Observed::Seen(cost.finish());
        record.run.finished = Some(jiff::Timestamp::now().to_string());
        let report = Report::judge(record, CATALOGUE);
        events.judged(&report);
        if let Err(error) = lock.release().await {
            tracing::warn!(%error, "lock not released");
        }
        Ok(report)
    }

    /// Removes everything of a run from the engine; how many things went.
    pub async fn clean_up(&self, run: &str) -> usize {
        let _ = std::fs::remove_file(self.sockets.here.join(format!("{run}.sock")));
        match self.engine.remove_run(run, &self.owner).await {
            Ok(removed) => removed,
            Err(error) => {
                tracing::error!(%error, run, "left on the engine; the next start sweeps it");
                0
            }
        }
    }
}

/// Where sockets are made, under its name here and its name on the engine's host.
///
/// In a container the state directory is a volume: the engine's inspect tells its place on the host.
fn socket_directory(state: &Path, own: Option<&Value>) -> SocketDirectory {
    let mounts = own.and_then(|own| own.get("Mounts")?.as_array());
    let on_host = mounts.and_then(|mounts| {
        let state_mount = mounts
            .iter()
            .find(|mount| mount["Destination"].as_str() == state.to_str())?;
        Some(PathBuf::from(state_mount["Source"].as_str()?))
    });
    SocketDirectory {
        here: state.join("sockets"),
        on_host: on_host.unwrap_or_else(|| state.to_owned()).join("sockets"),
    }
}

/// A record in which nothing was seen yet.
fn blank(assignment: &Assignment) -> Record {
    let options = assignment.options.clone();
    let profile = assignment.profile.clone().with_options(&options);
    let reserve = options
        .reserve_bytes
        .map_or_else(Reserve::tabled, |memory| Reserve {
            memory,
            source: "set by an option of this run".to_owned(),
        });
    Record {
        run: Run {
            id: assignment.run.clone(),
            certifying: profile == assignment.profile,
            profile,
            edition: options.edition,
            scope: assignment.scope,
            started: assignment.started.clone(),
            finished: None,
            agent: concat!("edgeproof-agent ", env!("CARGO_PKG_VERSION")).to_owned(),
            catalogue: VERSION.to_owned(),
            options,
            reserve,
        },
        offer: assignment.offer.clone(),
        candidate: Candidate {
            reference: assignment.offer.plan.image.reference(),
            ..Candidate::default()
        },
        device: conformance::record::Device::default(),
        deviations: Vec::new(),
        observations: Observations::default(),
        series: Vec::new(),
    }
}

/// Everything a run looks at, in order. What was seen stays in the record, whatever happens next.
async fn observe(
    bench: &Bench<'_>,
    assignment: &Assignment,
    record: &mut Record,
) -> Result<(), EngineError> {
    let events = bench.events;
    events.phase("image", 2);
    record.device = host::device(bench.roots);
    record.device.cgroup = bench.layout.facts();
    record.device.engine = Observed::Seen(bench.engine.facts().await?);
    events.observed("device", &record.device);
    let image = find_image(bench, record).await?;
    events.observed("image", &record.observations.image);
    let Some(image) = image else { return Ok(()) };

    let limits_from = events.now();
    events.phase("limits", 5);
    record.observations.limits = limits::prove(bench).await;
    mark_phase(record, "limits", limits_from, events.now());
    events.observed("limits", &record.observations.limits);

    let options = match startable(&assignment.offer, &assignment.options) {
        Ok(options) => options,
        Err(unseen) => {
            explain(&mut record.observations, &unseen);
            return Ok(());
        }
    };
    let network = bench
        .engine
        .create_network(&bench.announce("net"), &bench.stamp(Role::Network))
        .await?;
    let socket = format!("{}.sock", bench.run);
    let recording_from = events.now();
    let recorder = standin::workload::record(&bench.sockets.here.join(&socket)).await;
    let launch = Launch {
        offer: &assignment.offer,
        options: &options,
        image: &image,
        network: &network.name,
        workload_socket: bench.sockets.on_host.join(&socket),
        run: bench.run,
        identity: Identity::stand_in(bench.run),
    };
    defaults(bench, record, &launch).await?;
    inside_claim(bench, record, &launch).await?;
    record.observations.workload = match recorder {
        Ok(recorder) => Observed::Seen(requests(&recorder, recording_from)),
        Err(error) => Observed::unseen(Reason::Infrastructure, error.to_string()),
    };
    events.observed("workload", &record.observations.workload);
    Ok(())
}

/// What was asked on the workload socket, on the run's time line.
fn requests(recorder: &WorkloadRecorder, from: Millis) -> Vec<WorkloadRequest> {
    let on_time_line = |at: Duration| Millis(from.0.saturating_add(Millis::from(at).0));
    let seen = recorder.requests().into_iter();
    seen.map(|request| WorkloadRequest {
        at: on_time_line(request.at),
        method: request.method,
        path: request.path,
        status: request.status,
    })
    .collect()
}

/// Finds the image in the engine's store or pulls it, and says in the record what was found.
async fn find_image(
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
        if let Err(error) = bench.engine.pull(&reference, None).await {
            let unseen = Unseen::new(
                Reason::Infrastructure,
                format!(
                    "image {reference} is neither in the engine's store nor can it be pulled: {error}"
                ),
            );
            explain(&mut record.observations, &unseen);
            return Ok(None);
        }
        found = bench
            .engine
            .image(&reference)
            .await?
            .map(|image| ImageFacts {
                source: ImageSource::Registry,
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

/// The createOptions, if a candidate may be started with them.
fn startable(offer: &Offer, options: &RunOptions) -> Result<CreateOptions, Unseen> {
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
async fn defaults(
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

/// What is looked at on the last start only: privileges, the steady window, storage, the stop.
async fn last_start(
    bench: &Bench<'_>,
    record: &mut Record,
    alive: &mut Alive,
) -> Result<(), EngineError> {
    let seen = &mut record.observations;
    seen.privilege = match alive.pid {
        Some(pid) => privilege::read(bench.roots, pid),
        None => Observed::unseen(Reason::Infrastructure, "the engine tells no process id"),
    };
    let window = record.run.profile.window;
    bench.events.phase("steady", 45);
    let from = bench.events.now();
    seen.steady = alive.steady(window).await;
    if let (Some(exit), Some(start)) = (alive.ended(), seen.starts.last_mut()) {
        start.health = Health::Unhealthy {
            cause: if exit.oom_killed {
                conformance::observation::Cause::OutOfMemory
            } else {
                conformance::observation::Cause::Crashed
            },
            detail: format!(
                "ended in the steady window, exit code {}, {} after its start",
                exit.code, exit.at
            ),
            missing: vec!["running".to_owned()],
        };
        start.exits.push(exit);
    }
    mark_phase(record, "steady", from, bench.events.now());
    let seen = &mut record.observations;
    bench.events.observed("steady", &seen.steady);
    let inspected = bench.engine.inspect(&alive.id).await?;
    if let Some(image) = seen.image.seen() {
        seen.storage = Observed::Seen(storage::measure(
            bench.roots,
            inspected.upper_dir.as_deref(),
            &inspected.volumes,
            inspected.log_path.as_deref(),
            image.unpacked,
        ));
        bench.events.observed("storage", &seen.storage);
    }
    if !inspected.running {
        seen.stop = Observed::unseen(Reason::Unstable, "it had ended before it could be stopped");
        return Ok(());
    }
    bench.events.phase("stop", 68);
    let from = bench.events.now();
    let began = std::time::Instant::now();
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

/// Cold starts inside limits equal to the claim.
async fn inside_claim(
    bench: &Bench<'_>,
    record: &mut Record,
    launch: &Launch<'_>,
) -> Result<(), EngineError> {
    let healthy =
        |start: &conformance::observation::Start| matches!(start.health, Health::Healthy { .. });
    if !record.observations.starts.iter().any(healthy) {
        record.observations.envelope = Observed::unseen(
            Reason::InputMissing,
            "the module does not start without limits either; see IEM-CFG-07",
        );
        return Ok(());
    }
    let paragraph = hardware::read(&record.offer.listing.description);
    let claim = paragraph.as_ref().map(|paragraph| &paragraph.claim);
    let limits = match envelope::limits(
        claim,
        record.offer.plan.claim_scope,
        &record.run.reserve,
        &record.observations.limits,
    ) {
        Ok(limits) => limits,
        Err(unseen) => {
            record.observations.envelope = Observed::Unseen(unseen);
            return Ok(());
        }
    };
    let spec = resolve(launch, Some(&limits));
    let known = record.deviations.clone();
    record.deviations.extend(
        spec.deviations
            .iter()
            .filter(|deviation| !known.contains(deviation))
            .cloned(),
    );
    let expectation = Expectation::of(&launch.image.config, launch.options.value());
    let placeholders = record.offer.placeholders();
    let profile = record.run.profile.clone();
    let mut run = EnvelopeRun {
        limits,
        starts: Vec::new(),
    };
    for n in 1..=profile.starts {
        let phase = format!("envelope {n}");
        bench
            .events
            .phase(&phase, percent(70, 98, n, profile.starts));
        let trial = envelope_trial(
            phase,
            &spec.body,
            &expectation,
            &profile,
            &placeholders,
            limits,
        );
        let from = bench.events.now();
        let mut played = play(bench, &trial).await?;
        mark_phase(record, &trial.phase, from, bench.events.now());
        bench.events.observed(&trial.phase, &played.start);
        record.series.append(&mut played.series);
        run.starts.push(played.start);
        record.observations.envelope = Observed::Seen(run.clone());
        if let Some(mut alive) = played.alive {
            record.series.extend(alive.finish_sampling());
            bench.engine.remove(&alive.id).await?;
        }
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "a memory limit for a chart")]
fn envelope_trial<'a>(
    phase: String,
    body: &'a Value,
    expectation: &'a Expectation,
    profile: &Profile,
    placeholders: &'a [String],
    limits: Limits,
) -> Trial<'a> {
    Trial {
        phase,
        body,
        expectation,
        budget: profile.start_budget,
        settle: profile.settle,
        placeholders,
        memory_limit: limits.memory.map(|bytes| bytes.0 as f64),
        core_limit: limits.cores,
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

fn mark_phase(record: &mut Record, name: &str, from: Millis, to: Millis) {
    record.observations.phases.push(Phase {
        name: name.to_owned(),
        from,
        to,
    });
}

/// Progress of step `n` of `of` between two percentages.
fn percent(from: u8, to: u8, n: u32, of: u32) -> u8 {
    let span = u32::from(to.saturating_sub(from));
    let done = span * n.saturating_sub(1) / of.max(1);
    from + u8::try_from(done).unwrap_or(0)
}

/// Gives everything that nothing has looked at yet the reason why it will stay so.
fn explain(seen: &mut Observations, unseen: &Unseen) {
    fn mend<T>(observed: &mut Observed<T>, unseen: &Unseen) {
        let untouched = Observed::<()>::default();
        if let (Observed::Unseen(was), Observed::Unseen(untouched)) = (&*observed, untouched)
            && *was == untouched
        {
            *observed = Observed::Unseen(unseen.clone());
        }
    }
    mend(&mut seen.image, unseen);
    mend(&mut seen.limits.memory, unseen);
    mend(&mut seen.limits.cpu, unseen);
    mend(&mut seen.limits.runtime_floor, unseen);
    mend(&mut seen.creation, unseen);
    mend(&mut seen.steady, unseen);
    mend(&mut seen.stop, unseen);
    mend(&mut seen.privilege, unseen);
    mend(&mut seen.storage, unseen);
    mend(&mut seen.envelope, unseen);
    mend(&mut seen.workload, unseen);
    mend(&mut seen.probe, unseen);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_never_explained_away() {
        let mut seen = Observations {
            stop: Observed::unseen(Reason::Unstable, "it had ended"),
            ..Observations::default()
        };
        explain(
            &mut seen,
            &Unseen::new(Reason::Infrastructure, "engine gone"),
        );
        assert_eq!(seen.image.get().unwrap_err().because, "engine gone");
        assert_eq!(seen.stop.get().unwrap_err().because, "it had ended");
    }

    #[test]
    fn sockets_in_a_volume_are_known_to_the_engine_by_the_volumes_place() {
        let own = json!({"Mounts": [
            {"Destination": "/host/proc", "Source": "/proc"},
            {"Destination": "/var/lib/edgeproof", "Source": "/var/lib/docker/volumes/s/_data"},
        ]});
        let directory = socket_directory(Path::new("/var/lib/edgeproof"), Some(&own));
        assert_eq!(
            directory.on_host,
            Path::new("/var/lib/docker/volumes/s/_data/sockets")
        );
        assert_eq!(
            socket_directory(Path::new("/tmp/s"), None).on_host,
            Path::new("/tmp/s/sockets")
        );
    }

    #[test]
    fn progress_moves_from_step_to_step() {
        assert_eq!(
            [
                percent(5, 45, 1, 3),
                percent(5, 45, 2, 3),
                percent(5, 45, 3, 3)
            ],
            [5, 18, 31]
        );
    }
}
