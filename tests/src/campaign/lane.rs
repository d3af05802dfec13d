//! One lane of the campaign: a container engine of its own, on which one run after another is played.
//!
//! What a run meets is what edgeAgent and IoT Hub give it: identity, state volume, twin and container outlive the probe, and
//! a probe that ends is started again.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use conformance::create_options::NamedVolume;
use conformance::record::{ProfileName, RunOptions, ScopeName};
use conformance::run_request::RunRequest;
use conformance::units::Millis;
use engine::{Caller, Engine, EngineEvent, EventKind, Network, Owner, Role, Stamp};
use harness::certify::deployment::{EdgeModule, Fills, MANIFEST, MODULE, probe_container};
use harness::certify::elevation::Elevation;
use serde_json::{Value, json};
use standin::hub::{HubConfig, HubEvent, Identity, LocalHub, Mode, OtherPorts};
use standin::workload;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::kept::{interruptions, lives};
use super::messages::Messages;
use super::outcome::Outcome;
use crate::second_engine::SecondEngine;
use crate::{offer_of, repository};

const HUB_HOST: &str = "edgeproof.azure-devices.local";
const DEVICE: &str = "edgeproof-campaign";
const MQTT_PORT: u16 = 8883;
/// Where the probe sees its state volume.
const STATE: &str = "/var/lib/edgeproof";
/// Longest that one run may take, all its lives together.
const PATIENCE: Duration = Duration::from_secs(300);
/// What edgeAgent allows a module to stop.
const STOP_GRACE: Duration = Duration::from_secs(10);
/// More restarts than any plan asks for.
const MOST_RESTARTS: usize = 5;
/// A duplicate that is still on its way arrives within this.
const LINGER: Duration = Duration::from_millis(200);

/// An engine with the images that the campaign needs.
#[derive(Debug)]
pub struct Lane {
    second: SecondEngine,
    engine: Engine,
    data_root: String,
    image: String,
    me: Owner,
}

impl Lane {
    /// Starts an engine and loads the probe and the candidates into it.
    ///
    /// # Errors
    /// The engine does not start, or an image archive is missing.
    pub async fn start(candidates: &[&str]) -> anyhow::Result<Lane> {
        let second = SecondEngine::with_memory_controller()?;
        let socket = second.url().trim_start_matches("unix://");
        let engine = Engine::connect_as(Caller::Lab, Path::new(socket)).await?;
        let engine = engine.with_proc_root(Path::new("/proc"));
        let probe = load(
            &engine,
            &repository().join("target/release/edgeproof-agent.tar"),
        )
        .await?;
        for name in candidates {
            let archives = repository().join("target/candidates");
            load(&engine, &archives.join(name).join("image.tar")).await?;
        }
        let data_root = engine.facts().await?.data_root;
        let image = engine.image(&probe).await?;
        Ok(Lane {
            image: image.context("the probe's image is not there")?.image_id,
            second,
            engine,
            data_root,
            me: Owner::this_process(Path::new("/proc"))?,
        })
    }

    /// Plays one run of a candidate, under a plan of deaths for the probe.
    ///
    /// # Errors
    /// The lab itself is in trouble; what the probe does wrong is in the outcome.
    pub async fn play(&self, candidate: &str, plan: &str) -> anyhow::Result<Outcome> {
        let begun = Instant::now();
        let run = format!("{:016x}", rand()?);
        let mut outcome = self.in_a_lab(&run, candidate, plan).await?;
        let held = self.second.holds()?;
        outcome
            .left
            .extend(held.into_iter().map(|what| format!("at last, {what}")));
        outcome.seconds = begun.elapsed().as_secs_f64();
        Ok(outcome)
    }

    /// Ends the engine.
    ///
    /// # Errors
    /// Something of it is left.
    pub fn stop(self) -> anyhow::Result<()> {
        self.second.stop()
    }

    async fn in_a_lab(&self, run: &str, candidate: &str, plan: &str) -> anyhow::Result<Outcome> {
        let network = self
            .engine
            .create_network(&name(run, "lab"), &self.stamp(run, Role::Network))
            .await?;
        let identity = Identity::module(DEVICE, MODULE);
        let hub = LocalHub::start(HubConfig {
            listen: SocketAddr::new(network.gateway, MQTT_PORT),
            also: OtherPorts::default(),
            host_name: HUB_HOST.to_owned(),
            names: vec![network.gateway.to_string()],
            mode: Mode::IotHub,
        })
        .await?;
        let heard = hub.subscribe();
        hub.register(&identity)?;
        let request = json!({"conformance": {"run": request(run, candidate)?}});
        hub.set_desired(&identity, &request)?;
        let sockets = tempfile::tempdir()?;
        let socket = sockets.path().join("workload.sock");
        let speaks_for = hub.workload_identity(&identity);
        let _workload = workload::serve(&socket, speaks_for.context("not registered")?).await?;

        let events = self.engine.events(run).await?;
        let generation = hub.register(&identity)?.generation_id;
        let probe = self
            .deploy(run, plan, (&network, &socket, &generation))
            .await?;
        let followed = timeout(PATIENCE, self.follow(&probe, run, heard, events)).await;
        self.engine.stop(&probe, STOP_GRACE).await?;
        let state = self.engine.inspect(&probe).await?;
        let state = state.source_of(STATE).context("no state volume")?;
        let (messages, ends, told) = match followed {
            Ok(followed) => followed?,
            Err(_) => (Messages::of(run), Vec::new(), "no end in sight".to_owned()),
        };
        let report = messages.report();
        let mut outcome = Outcome {
            plan: plan.to_owned(),
            lives: lives(&state)?,
            ended: ends.iter().map(|end| end.code).collect(),
            ended_at: ends.iter().map(|end| end.at).collect(),
            state: told,
            arrived: messages.arrived(),
            verdict: report.as_ref().and_then(|report| word(&report["verdict"])),
            findings: report.as_ref().map(findings).unwrap_or_default(),
            interrupted: interruptions(&state, run),
            left: self.left(run, &state)?,
            ..Outcome::default()
        };
        outcome
            .left
            .extend(ends.into_iter().flat_map(|end| end.left));
        self.engine.remove(&probe).await?;
        self.engine.remove_volume(&name(run, "state")).await?;
        self.engine.remove_network(&network.id).await?;
        hub.shutdown().await;
        Ok(outcome)
    }

    /// The probe's container, as edgeAgent makes it from `deployment.json`, told when to die.
    async fn deploy(
        &self,
        run: &str,
        plan: &str,
        (network, socket, generation): (&Network, &Path, &str),
    ) -> anyhow::Result<String> {
        let volume = name(run, "state");
        let fills = Fills {
            image: &self.image,
            socket: self.second.url().trim_start_matches("unix://"),
            data_root: &self.data_root,
            state_volume: Some(&volume),
        };
        let edge = EdgeModule {
            hub_host: HUB_HOST,
            gateway_host: &network.gateway.to_string(),
            device: DEVICE,
            generation,
            workload_socket: socket.to_str().context("not UTF-8")?,
            network: &network.name,
            elevation: Elevation::Allowed,
        };
        let mut made = probe_container(MANIFEST, &fills, &edge)?;
        let env = made.body["Env"].as_array_mut().context("no environment")?;
        env.push(json!(format!("{}={plan}", agent::deaths::VARIABLE)));
        let (local, stamp) = (NamedVolume::local(&volume), self.stamp(run, Role::Volume));
        self.engine.create_volume(&local, &stamp).await?;
        let stamp = self.stamp(run, Role::Probe);
        let created = self
            .engine
            .create(&name(run, "probe"), &made.body, &stamp)
            .await?;
        self.engine.start(&created.id).await?;
        Ok(created.id)
    }

    /// Follows the run to its end and starts the probe again whenever it ends: the messages, the exit codes, the last state.
    async fn follow(
        &self,
        probe: &str,
        run: &str,
        mut heard: Receiver<HubEvent>,
        mut events: Receiver<EngineEvent>,
    ) -> anyhow::Result<(Messages, Vec<End>, String)> {
        let mut messages = Messages::of(run);
        let mut ended = Vec::new();
        let mut state = String::new();
        let mut is_over = false;
        loop {
            let event = async {
                tokio::select! {
                    event = heard.recv() => Happened::Hub(event),
                    event = events.recv() => Happened::Engine(event),
                }
            };
            let happened = if is_over {
                match timeout(LINGER, event).await {
                    Ok(happened) => happened,
                    Err(_) => return Ok((messages, ended, state)),
                }
            } else {
                event.await
            };
            match happened {
                Happened::Hub(Some(HubEvent::Message {
                    properties, body, ..
                })) => {
                    messages.take(|name| properties.application.get(name)?.as_deref(), &body);
                }
                Happened::Hub(Some(HubEvent::Reported { patch, .. })) => {
                    let conformance = &patch["conformance"];
                    if let Some(now) = conformance["state"].as_str() {
                        now.clone_into(&mut state);
                    }
                    let has_ended = matches!(state.as_str(), "done" | "failed" | "canceled");
                    is_over = has_ended && conformance["outbox"]["messages"] == 0;
                }
                Happened::Engine(Some(event)) if event.container == probe => {
                    if let EventKind::Died { code } = event.kind {
                        ended.push(End {
                            code,
                            at: event.at.as_millisecond(),
                            left: self.left_by_a_stop(run, code)?,
                        });
                        is_over = false;
                        ensure!(
                            ended.len() <= MOST_RESTARTS,
                            "the probe ended with {ended:?}"
                        );
                        self.engine.start(probe).await?;
                    }
                }
                Happened::Hub(Some(_)) | Happened::Engine(Some(_)) => {}
                Happened::Hub(None) => bail!("the hub ended"),
                Happened::Engine(None) => bail!("the engine's events ended"),
            }
        }
    }

    /// What there is that is not the lab's own, once the probe has ended.
    fn left(&self, run: &str, state: &Path) -> anyhow::Result<Vec<String>> {
        let own = ["container probe", "network lab", "volume state"].map(|own| {
            let (kind, what) = own.split_once(' ').unwrap_or_default();
            format!("{kind} {}", name(run, what))
        });
        let mut left = self.second.holds()?;
        left.retain(|what| !own.contains(what));
        let sockets = fs::read_dir(state.join("sockets")).into_iter().flatten();
        left.extend(
            sockets
                .flatten()
                .map(|entry| format!("socket {}", entry.path().display())),
        );
        Ok(left)
    }

    /// What there is that is not the lab's own, where the probe had time to clean up.
    fn left_by_a_stop(&self, run: &str, code: i64) -> anyhow::Result<Vec<String>> {
        if code != 0 {
            return Ok(Vec::new());
        }
        let left = self.left(run, Path::new("/nonexistent"))?;
        let left = left.into_iter().map(|what| format!("by a stop, {what}"));
        Ok(left.collect())
    }

    fn stamp(&self, run: &str, role: Role) -> Stamp {
        Stamp {
            run: run.to_owned(),
            owner: self.me.clone(),
            role,
        }
    }
}

/// A life of the probe that ended before the run did.
#[derive(Debug)]
struct End {
    code: i64,
    /// Milliseconds since 1970.
    at: i64,
    /// What a probe left that was asked to stop.
    left: Vec<String>,
}

enum Happened {
    Hub(Option<HubEvent>),
    Engine(Option<EngineEvent>),
}

async fn load(engine: &Engine, archive: &Path) -> anyhow::Result<String> {
    ensure!(
        archive.is_file(),
        "{} is missing; run `make build candidates`",
        archive.display()
    );
    let loaded = engine.load_archive(archive).await?;
    loaded
        .into_iter()
        .next()
        .context("an archive without image")
}

fn rand() -> anyhow::Result<u64> {
    use std::hash::{BuildHasher as _, RandomState};
    // Seeded by the system, which is all that the id of a run needs.
    Ok(RandomState::new().hash_one(std::process::id()))
}

fn name(run: &str, what: &str) -> String {
    format!("edgeproof-{run}-{what}")
}

/// The terms: a window of two seconds, one start.
fn request(run: &str, candidate: &str) -> anyhow::Result<RunRequest> {
    let path = offer_of(candidate);
    let offer = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let options = RunOptions {
        window: Some(Millis(2_000)),
        starts: Some(1),
        ..RunOptions::default()
    };
    let device = ScopeName::Device;
    RunRequest::new(run, ProfileName::Quick, device, &offer, options).map_err(anyhow::Error::msg)
}

pub(super) fn word(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn findings(report: &Value) -> BTreeMap<String, String> {
    let findings = report["findings"].as_array().into_iter().flatten();
    findings
        .filter_map(|finding| Some((word(&finding["id"])?, word(&finding["verdict"])?)))
        .collect()
}
