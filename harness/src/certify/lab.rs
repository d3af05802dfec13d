//! The lab around one run: local hub, network, workload socket, and the probe's container. It puts everything up and
//! takes everything down.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use conformance::create_options::NamedVolume;
use conformance::platform::Platform;
use conformance::record::Deviation;
use conformance::report::Report;
use engine::{Engine, EngineEvent, EventKind, Network, Owner, Role, Stamp};
use relay::lab::Behind;
use serde_json::json;
use standin::hub::{HubConfig, HubEvent, Identity, LocalHub, Mode, OtherPorts, Policy};
use standin::workload::{self, WorkloadServer};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::Receiver;

use super::deployment::{
    ENGINE_SOCKET, EdgeModule, Fills, MANIFEST, MODULE, ProbeContainer, probe_container,
};
use super::elevation::Elevation;
use super::progress::Progress;
use super::relay::Relay;
use crate::assembly::{Assembled, Assembly};
use crate::handover::{Handover, Large};
use crate::service::{Service, connection_string};
use crate::sockets::SocketDirectory;

/// Name of the hub that the probe believes in.
const HUB_HOST: &str = "edgeproof.azure-devices.local";
/// Id of the device that the probe believes to be on.
const DEVICE: &str = "edgeproof-lab";
/// MQTT over TLS.
pub(super) const MQTT_PORT: u16 = 8883;
/// How long the probe may take to put its own house in order after SIGTERM.
const STOP_GRACE: Duration = Duration::from_secs(15);
/// How long the probe may take until it listens for methods: its image is there, its container is started.
const ONLINE_WITHIN: Duration = Duration::from_secs(120);
/// Lines of the probe's log shown when it ends early.
const LAST_LINES: usize = 12;

/// Everything of one run: on this machine, and on the engine's.
pub(super) struct Lab {
    engine: Engine,
    /// Whether the engine runs on this machine.
    engine_is_here: bool,
    run: String,
    /// This program.
    me: Owner,
    /// Who owns what is on the engine: this program, or the relay on an engine that is elsewhere.
    owner: Owner,
    relay: Option<Relay>,
    sockets: Option<SocketDirectory>,
    hub: Option<LocalHub>,
    workload: Option<WorkloadServer>,
    probe: Option<String>,
    /// The probe's state volume: this run's own, so that no probe, deployed or of another run, takes up what is this one's.
    state_volume: Option<String>,
}

/// What the lab has its probe do, and as what.
pub(super) struct Asked {
    /// The run, and calls that hand its offer over where the twin has no room for it.
    pub(super) run: Large,
    /// What the device lets the probe have.
    pub(super) elevation: Elevation,
}

/// Where the probe finds hub and workload API.
struct Reach {
    network: Network,
    /// The hub's address for the probe.
    gateway: String,
    /// Where the hub listens.
    listen: SocketAddr,
}

impl Lab {
    /// Sweeps what dead runs left, and gets ready.
    pub(super) async fn new(
        engine: Engine,
        engine_is_here: bool,
        run: String,
    ) -> anyhow::Result<Lab> {
        let me = Owner::this_process(Path::new("/proc"))?;
        let swept = engine.sweep(&me).await?;
        if !swept.removed.is_empty() {
            tracing::info!(removed = ?swept.removed, "left by runs whose owner is dead");
        }
        Ok(Lab {
            engine,
            engine_is_here,
            run,
            owner: me.clone(),
            me,
            relay: None,
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
        asked: &Asked,
        progress: &mut Progress,
    ) -> anyhow::Result<(Report, Vec<Deviation>)> {
        let facts = self.engine.facts().await?;
        progress.step("loading the probe");
        let image = probe_image(&self.engine, &facts.platform).await?;
        progress.step("starting the local hub and the probe");
        let reach = self.reach(&image).await?;
        let identity = Identity::module(DEVICE, MODULE);
        let is_large = asked.run.is_large();
        let hub = LocalHub::start(HubConfig {
            listen: reach.listen,
            also: OtherPorts {
                service: is_large.then_some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
                ..OtherPorts::default()
            },
            host_name: HUB_HOST.to_owned(),
            // The first one is where this program finds the service API.
            names: vec![Ipv4Addr::LOCALHOST.to_string(), reach.gateway.clone()],
            mode: Mode::IotHub,
        })
        .await?;
        let heard = hub.subscribe();
        let credentials = hub.register(&identity)?;
        let sockets = SocketDirectory::create(&std::env::temp_dir(), &self.run, &self.me)?;
        let mut socket = sockets.socket("workload.sock");
        let speaks_for = hub
            .workload_identity(&identity)
            .context("the local hub forgot the probe")?;
        self.workload = Some(workload::serve(&socket, speaks_for).await?);
        self.sockets = Some(sockets);
        let service = match is_large {
            true => Some(service_of(&hub)?),
            false => {
                hub.set_desired(
                    &identity,
                    &json!({"conformance": {"run": asked.run.request}}),
                )?;
                None
            }
        };
        if let Some(relay) = &mut self.relay {
            let there = relay.workload_socket.clone();
            relay.carry(Behind {
                hub: hub.address(),
                workload: std::mem::replace(&mut socket, there),
            });
        }
        self.hub = Some(hub);

        let engine_socket = if self.engine_is_here {
            path_text(self.engine.socket())?
        } else {
            ENGINE_SOCKET
        };
        let state_volume = self.name("state");
        let fills = Fills {
            image: &image,
            socket: engine_socket,
            data_root: &facts.data_root,
            state_volume: Some(&state_volume),
        };
        let edge = EdgeModule {
            hub_host: HUB_HOST,
            gateway_host: &reach.gateway,
            device: DEVICE,
            generation: &credentials.generation_id,
            workload_socket: path_text(&socket)?,
            network: &reach.network.name,
            elevation: asked.elevation,
        };
        let made = probe_container(MANIFEST, &fills, &edge)?;
        let events = self.engine.events(&self.run).await?;
        self.start_probe(&made).await?;
        let handed = async {
            if let Some(service) = &service {
                let handover = Handover {
                    hub: service,
                    run: &asked.run,
                    within: ONLINE_WITHIN,
                    turns: &Semaphore::new(1),
                };
                let handed = handover.to(DEVICE, |_| ()).await;
                handed.context("hand the run and its offer to the probe")?;
            }
            Ok(())
        };
        let (report, ()) = tokio::try_join!(self.follow(heard, events, progress), handed)?;
        Ok((report, made.fills))
    }

    /// Makes the run's network, and a relay on it where the engine's containers do not reach this machine.
    async fn reach(&mut self, image: &str) -> anyhow::Result<Reach> {
        if !self.engine_is_here {
            let relay = Relay::start(&self.engine, image, &self.name("relay"), &self.run).await?;
            self.owner = relay.owner();
            self.relay = Some(relay);
        }
        let network = self
            .engine
            .create_network(&self.name("lab"), &self.stamp(Role::Network))
            .await?;
        let (address, listen) = match &self.relay {
            None => (network.gateway, SocketAddr::new(network.gateway, MQTT_PORT)),
            Some(relay) => (
                relay.join(&self.engine, &network).await?,
                SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            ),
        };
        Ok(Reach {
            network,
            gateway: address.to_string(),
            listen,
        })
    }

    async fn start_probe(&mut self, made: &ProbeContainer) -> anyhow::Result<()> {
        self.state_volume = Some(made.state_volume.clone());
        let volume = NamedVolume::local(&made.state_volume);
        self.engine
            .create_volume(&volume, &self.stamp(Role::Volume))
            .await?;
        let created = self
            .engine
            .create(&self.name("probe"), &made.body, &self.stamp(Role::Probe))
            .await?;
        self.probe = Some(created.id.clone());
        self.engine.start(&created.id).await?;
        Ok(())
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
                        if let Some(mistakes) = conformance["mistakes"].as_array() {
                            let list: Vec<&str> = mistakes.iter().filter_map(|mistake| mistake.as_str()).collect();
                            bail!("the probe does not take the run: {}", list.join("; "));
                        }
                        // Its state volume may hold runs of others.
                        if conformance["run"].as_str().is_some_and(|run| run != self.run) {
                            continue;
                        }
                        progress.follow(conformance);
                        if conformance["state"] == "failed" {
                            bail!("the probe gave up: {}", conformance["phase"].as_str().unwrap_or("no reason given"));
                        }
                    }
                    Some(other) => tracing::debug!(?other, "hub"),
                    None => bail!("the local hub ended"),
                },
                event = events.recv() => match event {
                    Some(event) => if let (EventKind::Died { code }, true) = (&event.kind, self.is_relay(&event.container)) {
                        bail!("the relay beside the probe ended with exit code {code}: nothing more comes from the device");
                    } else if let (EventKind::Died { code }, true) = (&event.kind, self.probe.as_ref() == Some(&event.container)) {
                        let lines = self.engine.last_lines(&event.container, LAST_LINES).await.unwrap_or_default();
                        bail!("the probe ended with exit code {code} before it had reported; its last lines:\n{}", lines.join("\n"));
                    },
                    None => bail!("the engine's events ended"),
                },
            }
        }
    }

    fn is_relay(&self, container: &str) -> bool {
        let relay = self.relay.as_ref();
        relay.is_some_and(|relay| relay.container == container)
    }

    /// Takes everything down: the probe first, so that it can clean up after itself.
    pub(super) async fn clean_up(self) -> anyhow::Result<()> {
        let mut first_error = None;
        if let Some(probe) = &self.probe
            && let Err(error) = self.engine.stop(probe, STOP_GRACE).await
        {
            first_error = Some(error);
        }
        // A relay goes before the network that it is on.
        for owner in [&Owner::Itself, &self.owner] {
            if let Err(error) = self.engine.remove_run(&self.run, owner).await {
                first_error.get_or_insert(error);
            }
        }
        if let Err(error) = self.engine.sweep(&self.owner).await {
            first_error.get_or_insert(error);
        }
        if let Some(volume) = &self.state_volume
            && let Err(error) = self.engine.remove_volume(volume).await
        {
            first_error.get_or_insert(error);
        }
        drop(self.relay);
        drop(self.workload);
        drop(self.sockets);
        if let Some(hub) = self.hub {
            hub.shutdown().await;
        }
        first_error.map_or(Ok(()), |error| Err(error.into()))
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

/// The local hub's service API, as a lab would use IoT Hub's.
fn service_of(hub: &LocalHub) -> anyhow::Result<Service> {
    let string = hub.service_connection_string(Policy::Service);
    let string = string.context("the local hub serves no service API")?;
    let connection = connection_string::read(&string)
        .map_err(|mistakes| anyhow::anyhow!(mistakes.join("; ")))?;
    Ok(Service::new(
        connection,
        Some(hub.trust_bundle_pem().as_bytes()),
    )?)
}

/// Loads the probe's image for the engine's platform from the archive beside this program; its id.
pub(crate) async fn probe_image(engine: &Engine, platform: &Platform) -> anyhow::Result<String> {
    let archive = probe_archive(platform)?;
    let loaded = engine.load_archive(&archive).await?;
    let reference = loaded
        .into_iter()
        .next()
        .with_context(|| format!("{} holds no image", archive.display()))?;
    let image = engine.image(&reference).await?;
    Ok(image
        .with_context(|| format!("{reference} is not in the engine's store after loading it"))?
        .image_id)
}

/// The archive beside this program, where `make build` and `make platforms` put it.
fn probe_archive(platform: &Platform) -> anyhow::Result<PathBuf> {
    let (name, made_by) = archive_name(platform).with_context(|| {
        format!("there is no image of the probe for {platform}, the platform of this engine")
    })?;
    let program = std::env::current_exe().context("find this program")?;
    let archive = program.with_file_name(name);
    anyhow::ensure!(
        archive.is_file(),
        "the probe's image archive {} is missing; `{made_by}` makes it",
        archive.display()
    );
    Ok(archive)
}

/// File name of the probe's archive, and what makes it. An engine says `arm` without a variant: 32-bit devices with IoT
/// Edge are ARMv7.
fn archive_name(platform: &Platform) -> Option<(&'static str, &'static str)> {
    match (platform.os.as_str(), platform.architecture.as_str()) {
        ("linux", "amd64") => Some(("edgeproof-agent.tar", "make build")),
        ("linux", "arm64") => Some(("edgeproof-agent-arm64.tar", "make platforms")),
        ("linux", "arm") => Some(("edgeproof-agent-arm-v7.tar", "make platforms")),
        _ => None,
    }
}

fn path_text(path: &Path) -> anyhow::Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))
}
