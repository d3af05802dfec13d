//! The lab around one run: local hub, network, workload socket, and the probe's container. It puts everything up and
//! takes everything down.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use conformance::create_options::NamedVolume;
use conformance::record::Deviation;
use conformance::report::Report;
use conformance::run_request::RunRequest;
use engine::{Engine, EngineEvent, EventKind, LABEL_RUN, Owner, Role, Stamp};
use serde_json::json;
use standin::hub::{HubConfig, HubEvent, Identity, LocalHub, Mode};
use standin::workload::{self, WorkloadIdentity, WorkloadServer};
use tokio::sync::mpsc::Receiver;

use super::assembly::{Assembled, Assembly};
use super::deployment::{EdgeModule, Fills, MANIFEST, MODULE, probe_container};
use super::progress::Progress;
use super::sockets::SocketDirectory;

/// Name of the hub that the probe believes in.
const HUB_HOST: &str = "edgeproof.azure-devices.local";
/// Id of the device that the probe believes to be on.
const DEVICE: &str = "edgeproof-lab";
/// MQTT over TLS.
const MQTT_PORT: u16 = 8883;
/// How long the probe may take to put its own house in order after SIGTERM.
const STOP_GRACE: Duration = Duration::from_secs(15);
/// Lines of the probe's log shown when it ends early.
const LAST_LINES: usize = 12;

/// Everything of one run on this machine.
pub(super) struct Lab {
    engine: Engine,
    run: String,
    owner: Owner,
    sockets: Option<SocketDirectory>,
    hub: Option<LocalHub>,
    workload: Option<WorkloadServer>,
    probe: Option<String>,
    /// The state volume, unless it belongs to a probe that is deployed here.
    state_volume: Option<String>,
}

impl Lab {
    /// Sweeps what dead runs left, and gets ready.
    pub(super) async fn new(engine: Engine, run: String) -> anyhow::Result<Lab> {
        let proc = Path::new("/proc");
        let owner = Owner::this_process(proc)?;
        let swept = engine.sweep(proc, &owner).await?;
        if !swept.removed.is_empty() {
            tracing::info!(removed = ?swept.removed, "left by runs whose owner is dead");
        }
        Ok(Lab {
            engine,
            run,
            owner,
            sockets: None,
            hub: None,
            workload: None,
            probe: None,
            state_volume: None,
        })
    }

    /// Puts the lab up, hands the probe its run, and follows it to its report and the record of what was filled in.
    pub(super) async fn certify(
        &mut self,
        request: &RunRequest,
        progress: &mut Progress,
    ) -> anyhow::Result<(Report, Vec<Deviation>)> {
        progress.step("loading the probe");
        let image = self.load_probe().await?;
        progress.step("starting the local hub and the probe");
        let network = self
            .engine
            .create_network(&self.name("lab"), &self.stamp(Role::Network))
            .await?;
        let identity = Identity::module(DEVICE, MODULE);
        let gateway = network.gateway.to_string();
        let listen = SocketAddr::new(network.gateway, MQTT_PORT);
        let hub = LocalHub::start(HubConfig {
            listen,
            host_name: HUB_HOST.to_owned(),
            names: vec![gateway.clone()],
            mode: Mode::IotHub,
        })
        .await?;
        let heard = hub.subscribe();
        let credentials = hub.register(&identity)?;
        let sockets = SocketDirectory::create(&std::env::temp_dir(), &self.run, &self.owner)?;
        let socket = sockets.socket("workload.sock");
        let speaks_for = WorkloadIdentity {
            module: MODULE.to_owned(),
            key: credentials.key,
            trust_bundle_pem: hub.trust_bundle_pem().to_owned(),
        };
        self.workload = Some(workload::serve(&socket, speaks_for).await?);
        self.sockets = Some(sockets);
        hub.set_desired(&identity, &json!({"conformance": {"run": request}}))?;
        self.hub = Some(hub);

        let facts = self.engine.facts().await?;
        let fills = Fills {
            image: &image,
            socket: path_text(self.engine.socket())?,
            data_root: &facts.data_root,
        };
        let edge = EdgeModule {
            hub_host: HUB_HOST,
            gateway_host: &gateway,
            device: DEVICE,
            generation: &credentials.generation_id,
            workload_socket: path_text(&socket)?,
            network: &network.name,
        };
        let made = probe_container(MANIFEST, &fills, &edge)?;
        let known = self.engine.volume(&made.state_volume).await?;
        // A volume without our stamp is a deployed probe's: it stays.
        if known.is_none_or(|volume| volume.labels.contains_key(LABEL_RUN)) {
            self.state_volume = Some(made.state_volume.clone());
        }
        self.engine
            .create_volume(
                &NamedVolume::local(&made.state_volume),
                &self.stamp(Role::Volume),
            )
            .await?;
        let events = self.engine.events(&self.run).await?;
        let created = self
            .engine
            .create(&self.name("probe"), &made.body, &self.stamp(Role::Probe))
            .await?;
        self.probe = Some(created.id.clone());
        self.engine.start(&created.id).await?;
        let report = self.follow(heard, events, progress).await?;
        Ok((report, made.fills))
    }

    /// Waits for the whole report; a probe that ends or gives up first is an error that shows its last words.
    async fn follow(
        &self,
        mut heard: Receiver<HubEvent>,
        mut events: Receiver<EngineEvent>,
        progress: &mut Progress,
    ) -> anyhow::Result<Report> {
        let mut assembly = Assembly::of(&self.run);
        loop {
            tokio::select! {
                event = heard.recv() => match event {
                    Some(HubEvent::Message { properties, body, .. }) => {
                        let property = |name: &str| properties.application.get(name)?.as_deref();
                        match assembly.take(property, &body) {
                            Assembled::Whole(bytes) => return serde_json::from_slice(&bytes).context("read the probe's report"),
                            Assembled::Broken => tracing::warn!("the report's parts do not fit together; waiting for them again"),
                            Assembled::Partial { have, of } => progress.step(&format!("report, part {have} of {of}")),
                            Assembled::Foreign => tracing::debug!("a message that is no part of this run's report"),
                        }
                    }
                    Some(HubEvent::Reported { patch, .. }) => {
                        let conformance = &patch["conformance"];
                        progress.follow(conformance);
                        if conformance["state"] == "failed" {
                            bail!("the probe gave up: {}", conformance["phase"].as_str().unwrap_or("no reason given"));
                        }
                    }
                    Some(other) => tracing::debug!(?other, "hub"),
                    None => bail!("the local hub ended"),
                },
                event = events.recv() => match event {
                    Some(event) => if let (EventKind::Died { code }, true) = (&event.kind, self.probe.as_ref() == Some(&event.container)) {
                        let lines = self.engine.last_lines(&event.container, LAST_LINES).await.unwrap_or_default();
                        bail!("the probe ended with exit code {code} before it had reported; its last lines:\n{}", lines.join("\n"));
                    },
                    None => bail!("the engine's events ended"),
                },
            }
        }
    }

    /// Takes everything down: the probe first, so that it can clean up after itself.
    pub(super) async fn clean_up(self) -> anyhow::Result<()> {
        let mut first_error = None;
        if let Some(probe) = &self.probe
            && let Err(error) = self.engine.stop(probe, STOP_GRACE).await
        {
            first_error = Some(error);
        }
        if let Err(error) = self.engine.remove_run(&self.run, &self.owner).await {
            first_error.get_or_insert(error);
        }
        if let Err(error) = self.engine.sweep(Path::new("/proc"), &self.owner).await {
            first_error.get_or_insert(error);
        }
        if let Some(volume) = &self.state_volume
            && let Err(error) = self.engine.remove_volume(volume).await
        {
            tracing::debug!(%error, "another run uses it, and removes it");
        }
        drop(self.workload);
        drop(self.sockets);
        if let Some(hub) = self.hub {
            hub.shutdown().await;
        }
        first_error.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Loads the probe's image from the archive beside this program; its id.
    async fn load_probe(&self) -> anyhow::Result<String> {
        let archive = probe_archive()?;
        let loaded = self.engine.load_archive(&archive).await?;
        let reference = loaded
            .into_iter()
            .next()
            .with_context(|| format!("{} holds no image", archive.display()))?;
        let image = self.engine.image(&reference).await?;
        Ok(image
            .with_context(|| format!("{reference} is not in the engine's store after loading it"))?
            .image_id)
    }

    fn name(&self, what: &str) -> String {
        format!("edgeproof-{}-{what}", self.run)
    }

    fn stamp(&self, role: Role) -> Stamp {
        Stamp {
            run: self.run.clone(),
            owner: self.owner.clone(),
            role,
        }
    }
}

/// `edgeproof-agent.tar` beside this program, where `make build` puts it.
fn probe_archive() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("find this program")?;
    let archive = program.with_file_name("edgeproof-agent.tar");
    anyhow::ensure!(
        archive.is_file(),
        "the probe's image archive {} is missing; `make build` makes it",
        archive.display()
    );
    Ok(archive)
}

fn path_text(path: &Path) -> anyhow::Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))
}
