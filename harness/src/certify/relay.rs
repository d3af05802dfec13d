//! A relay beside the probe, for an engine that is elsewhere: hub and workload API stay here, the relay listens there.
//!
//! It is a container of the probe's own image. This program holds its streams through the engine, so nothing has to reach
//! the lab. It answers for itself on the engine, and everything else of the run is owned by it: when this program ends,
//! the relay's input ends, the relay with it, and what is left is swept by the next start.

use std::net::IpAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use anyhow::Context as _;
use engine::{Engine, Network, Owner, Role, Stamp};
use relay::lab::{Behind, ready};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::lab::MQTT_PORT;

/// Where the relay makes the workload socket: in an anonymous volume, which goes with it.
const DOORS: &str = "/run/edgeproof";
const WORKLOAD: &str = "workload.sock";

/// How long a relay may take to listen; an emulated device is slow to start a container.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running relay.
pub(super) struct Relay {
    /// Its container.
    pub(super) container: String,
    /// The workload socket on the engine's host.
    pub(super) workload_socket: PathBuf,
    streams: Option<Streams>,
    carrying: Option<JoinHandle<()>>,
}

struct Streams {
    output: Pin<Box<dyn AsyncRead + Send>>,
    input: Pin<Box<dyn AsyncWrite + Send>>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(carrying) = &self.carrying {
            carrying.abort();
        }
    }
}

impl Relay {
    /// Starts one and waits until it listens.
    ///
    /// # Errors
    /// The engine refuses, or the relay ends at once.
    pub(super) async fn start(
        engine: &Engine,
        image: &str,
        name: &str,
        run: &str,
    ) -> anyhow::Result<Relay> {
        let stamp = Stamp {
            run: run.to_owned(),
            owner: Owner::Itself,
            role: Role::Hub,
        };
        let created = engine.create(name, &body(image), &stamp).await?;
        let attached = engine.attach(&created.id).await?;
        engine.start(&created.id).await?;
        let mut output = attached.output;
        timeout(PATIENCE, ready(&mut output))
            .await
            .context("the relay does not listen")?
            .context("start the relay")?;
        let running = engine.inspect(&created.id).await?;
        let volume = running
            .source_of(DOORS)
            .context("the engine does not say where the relay's volume is")?;
        Ok(Relay {
            container: created.id,
            workload_socket: volume.join(WORKLOAD),
            streams: Some(Streams {
                output,
                input: attached.input,
            }),
            carrying: None,
        })
    }

    /// Who owns what belongs to the run.
    pub(super) fn owner(&self) -> Owner {
        Owner::Container(self.container.clone())
    }

    /// Joins the run's network; the address under which the probe finds it there.
    ///
    /// # Errors
    /// The engine refuses.
    pub(super) async fn join(&self, engine: &Engine, network: &Network) -> anyhow::Result<IpAddr> {
        engine
            .join_network(&network.id, &self.container, &[])
            .await?;
        let running = engine.inspect(&self.container).await?;
        running
            .address_on(&network.name)
            .with_context(|| format!("the relay has no address on network {}", network.name))
    }

    /// Carries connections from now on.
    pub(super) fn carry(&mut self, behind: Behind) {
        if let Some(Streams { output, input }) = self.streams.take() {
            self.carrying = Some(tokio::spawn(async move {
                if let Err(error) = relay::lab::run(output, input, behind).await {
                    tracing::warn!(%error, "relay");
                }
            }));
        }
    }
}

/// It asks for nothing: no capability, no log (which would hold every report again), a root file system that it cannot write.
fn body(image: &str) -> serde_json::Value {
    json!({
        "Image": image,
        "Cmd": ["relay", MQTT_PORT.to_string(), format!("{DOORS}/{WORKLOAD}")],
        "OpenStdin": true,
        "StdinOnce": true,
        "AttachStdin": true,
        "AttachStdout": true,
        "AttachStderr": true,
        "Volumes": {DOORS: {}},
        "HostConfig": {
            "CapDrop": ["ALL"],
            "LogConfig": {"Type": "none"},
            "ReadonlyRootfs": true,
            "SecurityOpt": ["no-new-privileges"],
        },
    })
}
