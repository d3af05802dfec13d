//! The IoT Edge runtime that a module meets: a workload socket of its own, and edgeHub at the ports its SDK dials.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde_json::Value;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::hub::{
    Credentials, HubConfig, HubError, HubEvent, Identity, LocalHub, Mode, OtherPorts,
};
use crate::workload::{self, WorkloadError, WorkloadRequest, WorkloadServer};

/// Ports that the SDKs dial (Azure/iotedge, edgeHub's own).
pub const PORTS: EdgePorts = EdgePorts {
    mqtt: 8883,
    web_socket: 443,
    amqp: 5671,
};

/// Free ports, for who only needs the workload socket.
pub const ANY_PORTS: EdgePorts = EdgePorts {
    mqtt: 0,
    web_socket: 0,
    amqp: 0,
};

/// Where edgeHub listens. Zero takes a free port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgePorts {
    /// MQTT over TLS.
    pub mqtt: u16,
    /// MQTT or AMQP over WebSocket and TLS.
    pub web_socket: u16,
    /// AMQP 1.0 over TLS.
    pub amqp: u16,
}

/// The device that a module is to believe in.
#[derive(Debug, Clone)]
pub struct EdgeConfig {
    /// Name of the IoT Hub in user names and tokens.
    pub hub_host: String,
    /// Name under which the module finds edgeHub.
    pub gateway_host: String,
    /// Other names and addresses under which it is found.
    pub also_named: Vec<String>,
    /// Device id.
    pub device: String,
    /// Module id.
    pub module: String,
    /// The module's workload socket, to be made.
    pub socket: PathBuf,
    /// Address to listen on.
    pub listen: IpAddr,
    /// Ports to listen on.
    pub ports: EdgePorts,
    /// The module's default desired properties.
    pub desired: Value,
}

/// Why there is no edge runtime.
#[derive(Debug, Error)]
pub enum EdgeError {
    /// edgeHub.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// The workload socket.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
}

/// A running edge runtime for one module; it stops when dropped.
#[derive(Debug)]
pub struct EdgeRuntime {
    hub: LocalHub,
    workload: WorkloadServer,
    identity: Identity,
    credentials: Credentials,
    desired: Value,
}

impl EdgeRuntime {
    /// Opens socket and ports; the module's twin holds its default desired properties from then on.
    ///
    /// # Errors
    /// When a port or the socket is taken, or the twin refuses the desired properties.
    pub async fn start(config: EdgeConfig) -> Result<Self, EdgeError> {
        let at = |port| SocketAddr::new(config.listen, port);
        let mut names = vec![config.gateway_host];
        names.extend(config.also_named);
        if !config.listen.is_unspecified() {
            names.push(config.listen.to_string());
        }
        let hub = LocalHub::start(HubConfig {
            listen: at(config.ports.mqtt),
            also: OtherPorts {
                web_socket: Some(at(config.ports.web_socket)),
                amqp: Some(at(config.ports.amqp)),
                #[cfg(feature = "hub")]
                service: None,
                #[cfg(feature = "hub")]
                events: None,
            },
            host_name: config.hub_host,
            names,
            mode: Mode::EdgeHub,
        })
        .await?;
        let identity = Identity::module(&config.device, &config.module);
        let credentials = hub.register(&identity)?;
        hub.deploy(&identity, &config.desired)?;
        let speaks_for = hub
            .workload_identity(&identity)
            .ok_or_else(|| HubError::UnknownIdentity(identity.clone()))?;
        let workload = workload::serve(&config.socket, speaks_for).await?;
        Ok(Self {
            hub,
            workload,
            identity,
            credentials,
            desired: config.desired,
        })
    }

    /// Everything that happens at edgeHub from now on; see [`LocalHub::subscribe`].
    pub fn subscribe(&self) -> mpsc::Receiver<HubEvent> {
        self.hub.subscribe()
    }

    /// Every request on the workload socket so far, oldest first.
    pub fn requests(&self) -> Vec<WorkloadRequest> {
        self.workload.requests()
    }

    /// Forgets what the module reported and subscribed to, and drops its connection: it is about to be started anew.
    pub fn deploy_again(&self) {
        if let Err(error) = self.hub.deploy(&self.identity, &self.desired) {
            // The same twin was taken when the runtime was started.
            tracing::error!(%error, "the twin could not be made anew");
        }
    }

    /// The module's identity.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What the module logs in with.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// edgeHub itself: twin, methods, connections.
    pub fn hub(&self) -> &LocalHub {
        &self.hub
    }

    /// Closes everything; returns when the last connection is gone.
    pub async fn shutdown(self) {
        drop(self.workload);
        self.hub.shutdown().await;
    }
}
