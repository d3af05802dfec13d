//! The probe: one offer in, one record out. The only place where the order of effects matters.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use conformance::candidate::{Identity, Launch};
use conformance::finding::{Reason, Unseen};
use conformance::observation::Observed;
use conformance::offer::Offer;
use conformance::record::{Profile, Record, RunOptions, ScopeName, Task};
use conformance::report::Report;
use conformance::requirements::CATALOGUE;
use engine::{Engine, EngineError, Owner, Role};
use serde_json::Value;

use crate::attach;
use crate::bench::{Bench, SocketDirectory};
use crate::clean;
use crate::clock::{self, Course, Earliest};
use crate::edge::{self, Edge, Gateway};
use crate::events::{Events, RunEvent};
use crate::image::find_image;
use crate::record::{blank, explain, explain_faults, explain_sizing, mark_phase};
use crate::sampler::{Layout, Roots, host, layout, own, surroundings};
use crate::settings::{DEFAULT_WAIT, Settings};
use crate::trials::{defaults, envelope, faults, limits, size};
use crate::volumes;

/// The probe could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Who the probe is on the engine.
    #[error("tell whose containers these are: {0}")]
    Owner(#[from] engine::OwnerError),
    /// Nothing to make sacrificial containers from.
    #[error(
        "find an image for the sacrificial containers: the probe does not run in a container; name one with --image"
    )]
    NoImage,
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
    own_image: String,
    sockets: SocketDirectory,
    runs: PathBuf,
    earliest: Earliest,
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
            Owner::Process { .. } | Owner::Itself => None,
        };
        let own_image = own.as_ref().and_then(|own| own.raw.get("Image")?.as_str());
        let own_image = settings.image.as_deref().or(own_image);
        let own_image = own_image.ok_or(ProbeError::NoImage)?.to_owned();
        let sockets = socket_directory(&settings.state, own.as_ref().map(|own| &own.raw));
        let runs = settings.state.join("runs");
        let earliest = Earliest::of(&settings.state);
        for path in [&sockets.here, &runs] {
            std::fs::create_dir_all(path).map_err(|source| ProbeError::State {
                path: path.clone(),
                source,
            })?;
        }
        sweep_sockets(&sockets.here);
        let swept = engine.sweep_at_start(&owner).await?;
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
            earliest,
        })
    }

    /// Where journals and reports are kept.
    #[must_use]
    pub fn runs(&self) -> &Path {
        &self.runs
    }

    /// Certifies one offer. Whatever comes of it, also if the future is dropped, [`Probe::clean_up`] must follow.
    ///
    /// # Errors
    /// Another run holds the engine for too long, or the engine is lost before anything was seen.
    pub async fn certify(
        &self,
        assignment: Assignment,
        events: &Events,
    ) -> Result<Report, EngineError> {
        let edge = OnceLock::new();
        let bench = Bench {
            own_container: self.own_container.as_deref(),
            edge: &edge,
            engine: &self.engine,
            roots: &self.roots,
            layout: &self.layout,
            owner: &self.owner,
            run: &assignment.run,
            options: &assignment.options,
            overlay: &assignment.offer.overlay,
            events,
            own_image: &self.own_image,
            sockets: &self.sockets,
        };
        let wait = assignment.options.wait.unwrap_or(DEFAULT_WAIT);
        let lock = self
            .engine
            .lock(
                bench.stamp(Role::Lock),
                &self.own_image,
                wait.into(),
                |why| events.emit(RunEvent::Waiting { why }),
            )
            .await?;
        let mut record = blank(&assignment);
        let clock = Course::begin(&self.earliest, SystemTime::now());
        if let Some(why) = clock.implausible() {
            trouble(events, "clock", why);
        }
        let cost = own::Cost::start(&self.roots, &self.layout, self.own_container.as_deref());
        if let Err(error) = observe(&bench, &assignment, &mut record).await {
            trouble(events, "engine", error.to_string());
            explain(
                &mut record.observations,
                &Unseen::new(
                    Reason::Infrastructure,
                    format!("the engine failed during the run: {error}"),
                ),
            );
        }
        if assignment.options.task == Task::Size {
            explain_sizing(&mut record.observations);
        }
        explain_faults(&mut record);
        record.observations.probe = Observed::Seen(cost.finish());
        let clock = clock.told(SystemTime::now());
        if let Some(why) = clock::step_in_words(&clock) {
            trouble(events, "clock", why);
        }
        record.device.host.wall_clock = Observed::Seen(clock);
        record.run.finished = Some(jiff::Timestamp::now().to_string());
        let report = Report::judge(record, CATALOGUE);
        match assignment.options.task {
            Task::Certify => events.judged(&report),
            // Its verdict is beside the point: it was not held to its claim.
            Task::Size => events.phase("report", 100),
        }
        if let Err(error) = lock.release().await {
            tracing::warn!(%error, "lock not released");
        }
        Ok(report)
    }

    /// Removes everything of a run from the engine, at once or when the engine is back; how many things went at once.
    pub async fn clean_up(&self, run: &str) -> usize {
        let _ = std::fs::remove_file(self.sockets.here.join(format!("{run}.sock")));
        clean::clean_up(&self.engine, &self.owner, run).await
    }
}

fn trouble(events: &Events, what: &str, why: impl Into<String>) {
    events.emit(RunEvent::Trouble {
        what: what.to_owned(),
        why: why.into(),
    });
}

/// Removes sockets on which nobody listens any more: those of runs that were killed.
fn sweep_sockets(directory: &Path) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if std::os::unix::net::UnixStream::connect(&path).is_err() {
            let _ = std::fs::remove_file(&path);
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

/// Everything a run looks at, in order. What was seen stays in the record, whatever happens next.
async fn observe(
    bench: &Bench<'_>,
    assignment: &Assignment,
    record: &mut Record,
) -> Result<(), EngineError> {
    let events = bench.events;
    events.phase("image", 2);
    record.device = host::device(bench.roots);
    record.device.emulated |= bench.options.slowdown.is_some();
    record.device.cgroup = bench.layout.facts();
    let engine = bench.engine.facts().await?;
    record.device.host.userland_bits = surroundings::userland_bits(&engine.platform).into();
    record.device.engine = Observed::Seen(engine);
    events.observed("device", &record.device);
    if let Some(container) = &assignment.options.attach {
        return attach::observe(bench, record, container).await;
    }
    let image = find_image(bench, record).await?;
    events.observed("image", &record.observations.image);
    let Some(image) = image else { return Ok(()) };

    let limits_from = events.now();
    events.phase("limits", 5);
    let (limits, golden) = limits::prove(bench).await;
    record.observations.limits = limits;
    record.observations.golden = golden;
    mark_phase(record, "limits", limits_from, events.now());
    events.observed("limits", &record.observations.limits);
    events.observed("golden", &record.observations.golden);

    let options = match defaults::startable(&assignment.offer, &assignment.options) {
        Ok(options) => options,
        Err(unseen) => {
            explain(&mut record.observations, &unseen);
            return Ok(());
        }
    };
    if let Some(unseen) = volumes::in_the_way(bench, &options.named_volumes()).await? {
        explain(&mut record.observations, &unseen);
        return Ok(());
    }
    let (name, stamp) = (bench.announce("net"), bench.stamp(Role::Network));
    let network = if bench.options.hermetic {
        bench.engine.create_internal_network(&name, &stamp).await?
    } else {
        bench.engine.create_network(&name, &stamp).await?
    };
    let identity = Identity::stand_in(bench.run, &assignment.offer);
    let plan = (&options, &assignment.offer.plan);
    let (edge, gateway) = Edge::start(bench, &network, &identity, plan).await;
    let edge = bench.edge.get_or_init(|| edge);
    // Without a workload socket the engine makes a directory in its place, or refuses: neither start would be the module's own.
    if let Some(unseen) = edge.missing() {
        explain(&mut record.observations, unseen);
        return Ok(());
    }
    let launch = Launch {
        offer: &assignment.offer,
        options: &options,
        image: &image,
        network: &network.name,
        workload_socket: edge::socket_on_host(bench),
        run: bench.run,
        identity,
        gateway: match gateway {
            Gateway::OnTheNetwork => None,
            Gateway::InTheHostsFile(address) => Some(address),
        },
        name_service: edge.name_service(),
        hermetic: bench.options.hermetic,
    };
    defaults::start(bench, record, &launch).await?;
    match bench.options.task {
        Task::Certify => envelope::start(bench, record, &launch).await?,
        Task::Size => {
            size::start(bench, record, &launch).await?;
            let why =
                "this run searched for the minimum; a certification holds the module to its claim";
            record.observations.envelope = Observed::unseen(Reason::Configuration, why);
        }
    }
    let (workload, at_edge_hub) = edge.seen(bench).await;
    record.observations.workload = workload;
    record.observations.edge = at_edge_hub;
    record.observations.egress = Observed::Seen(edge.egress(bench));
    events.observed("egress", &record.observations.egress);
    events.observed("workload", &record.observations.workload);
    events.observed("edge", &record.observations.edge);
    // After all that is judged was seen: what comes to edgeHub from now on is the trial's own doing.
    faults::start(bench, record, &launch).await?;
    let why = "the last start with the defaults was not healthy; see IEM-CFG-07";
    explain(
        &mut record.observations,
        &Unseen::new(Reason::InputMissing, why),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_dead_run_s_socket_is_swept_and_a_live_one_s_stays() {
        let directory = tempfile::tempdir().unwrap();
        let (dead, live) = (
            directory.path().join("dead.sock"),
            directory.path().join("live.sock"),
        );
        drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
        let listener = std::os::unix::net::UnixListener::bind(&live).unwrap();
        sweep_sockets(directory.path());
        assert!(!dead.exists() && live.exists());
        drop(listener);
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
}
