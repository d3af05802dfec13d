//! A hub in small, IoT Hub or edgeHub: a server of MQTT and AMQP over TLS with registry, twins, direct methods and telemetry.
//!
//! It keeps the rules of the service it stands in for and reports every breach as an event. It must
//! not judge a module: it says what it saw.

mod amqp;
mod client_certificate;
mod connection;
mod door;
mod entrance;
mod error;
mod event;
mod faults;
mod hello;
#[cfg(any(test, feature = "hostile"))]
pub mod hostile;
mod identity;
mod limits;
mod login;
mod overheard;
mod pokes;
mod properties;
mod publish;
mod registry;
mod sas;
#[cfg(feature = "hub")]
mod service;
mod session;
#[cfg(feature = "hub")]
mod stream;
mod topics;
mod twin;
mod twin_limits;
mod username;
mod websocket;
mod wire;
#[cfg(feature = "hub")]
mod x509;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsAcceptor;

use connection::Context;
use door::{Door, bind, listen, local_address};
use entrance::Entrance;
use registry::{Invocation, Registry, Unreached};
use session::Shared;

use crate::authority::Authority;
use crate::workload::WorkloadIdentity;

pub use crate::authority::CertificateError;
pub(crate) use client_certificate::Asking;
pub use entrance::Transport;
pub use error::{HubError, InputError, InvokeError};
pub use event::{DisconnectReason, HubEvent, Login, Rule};
pub use faults::{Met, TwinAnswers};
pub use identity::Identity;
pub use limits::Mode;
pub use pokes::Hearing;
pub use properties::Properties;
#[cfg(feature = "hub")]
pub use service::Policy;
pub use twin::Twin;
pub use twin_limits::TwinError;
#[cfg(feature = "hub")]
pub use x509::{Certificates, Thumbprint};

/// How a hub is set up.
#[derive(Debug, Clone)]
pub struct HubConfig {
    /// Where to listen for MQTT over TLS; clients expect port 8883, tests may ask for port 0.
    pub listen: SocketAddr,
    /// Where else to listen. The local IoT Hub of a lab needs none.
    pub also: OtherPorts,
    /// Name of the hub in user names and tokens.
    pub host_name: String,
    /// DNS names and IP addresses in the server certificate; the first is what clients dial.
    pub names: Vec<String>,
    /// Which service it stands in for.
    pub mode: Mode,
}

/// Entrances beside MQTT over TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OtherPorts {
    /// MQTT or AMQP over WebSocket and TLS; clients expect port 443.
    pub web_socket: Option<SocketAddr>,
    /// AMQP 1.0 over TLS; clients expect port 5671.
    pub amqp: Option<SocketAddr>,
    /// IoT Hub's REST service API over HTTPS.
    #[cfg(feature = "hub")]
    pub service: Option<SocketAddr>,
    /// The Event Hubs-compatible endpoint; clients expect port 5671. Of a hub in mode [`Mode::IotHub`] alone.
    #[cfg(feature = "hub")]
    pub events: Option<SocketAddr>,
}

/// What a client needs in order to log in.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The identity's symmetric key.
    pub key: [u8; 32],
    /// `HostName=…;[GatewayHostName=…;]DeviceId=…;[ModuleId=…;]SharedAccessKey=…`.
    pub connection_string: String,
    /// Generation id, stable for the hub's life.
    pub generation_id: String,
}

impl std::fmt::Debug for Credentials {
    /// Leaves key and connection string out: they are secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("generation_id", &self.generation_id)
            .finish_non_exhaustive()
    }
}

/// What a client answered to a direct method.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodResult {
    /// Status as the client set it; 400000 where it was no integer.
    pub status: i64,
    /// Body; `null` where it was empty.
    pub payload: Value,
}

/// A running hub; it stops when dropped.
#[derive(Debug)]
pub struct LocalHub {
    address: SocketAddr,
    web_socket: Option<SocketAddr>,
    amqp: Option<SocketAddr>,
    #[cfg(feature = "hub")]
    service: Option<SocketAddr>,
    #[cfg(feature = "hub")]
    consumers: Option<SocketAddr>,
    gateway: Option<String>,
    authority: Arc<Authority>,
    shared: Arc<Shared>,
    events: Arc<event::EventBus>,
    door: Door,
}

impl LocalHub {
    /// Makes certificates, takes the address and serves from then on.
    ///
    /// # Errors
    /// When the address is taken or a name cannot stand in a certificate.
    pub async fn start(config: HubConfig) -> Result<Self, HubError> {
        let authority = Authority::new()?;
        let server = authority.server(&config.names)?;
        let mqtt = bind(config.listen).await?;
        let address = local_address(&mqtt, config.listen)?;
        let mut listeners = vec![(mqtt, Entrance::Mqtt)];
        let also = config.also;
        let web_socket = listen(&mut listeners, also.web_socket, Entrance::WebSocket).await?;
        let amqp = listen(&mut listeners, also.amqp, Entrance::Amqp).await?;
        #[cfg(feature = "hub")]
        let service = listen(&mut listeners, also.service, Entrance::Service).await?;
        #[cfg(feature = "hub")]
        let consumers = {
            let wanted = also.events.filter(|_| config.mode == Mode::IotHub);
            listen(&mut listeners, wanted, Entrance::Events).await?
        };
        let gateway = config
            .names
            .first()
            .filter(|name| **name != config.host_name)
            .cloned();
        let shared = Arc::new(Shared {
            host: config.host_name,
            names: config.names,
            mode: config.mode,
            registry: Registry::default(),
            #[cfg(feature = "hub")]
            service: service::Service::new()?,
        });
        let events = event::EventBus::default();
        #[cfg(feature = "hub")]
        let events = events.keeping(consumers.map(|_| Arc::clone(&shared.service.stream)));
        let events = Arc::new(events);
        let context = Context {
            acceptor: TlsAcceptor::from(server),
            shared: Arc::clone(&shared),
            events: Arc::clone(&events),
        };
        Ok(Self {
            address,
            web_socket,
            amqp,
            #[cfg(feature = "hub")]
            service,
            #[cfg(feature = "hub")]
            consumers,
            gateway,
            authority: Arc::new(authority),
            shared,
            events,
            door: Door::open(listeners, context)?,
        })
    }

    /// Where the hub listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the hub listens for WebSockets, if it does.
    pub fn web_socket_address(&self) -> Option<SocketAddr> {
        self.web_socket
    }

    /// Where the hub listens for AMQP, if it does.
    pub fn amqp_address(&self) -> Option<SocketAddr> {
        self.amqp
    }

    /// The authority that clients must trust, as PEM.
    pub fn trust_bundle_pem(&self) -> &str {
        self.authority.pem()
    }

    /// For whom a workload socket is to speak; `None` for an identity that nobody registered.
    pub fn workload_identity(&self, identity: &Identity) -> Option<WorkloadIdentity> {
        let key = self.shared.registry.key(identity)?;
        let authority = Arc::clone(&self.authority);
        let host = &self.shared.host;
        Some(WorkloadIdentity::new(host, identity, key, authority))
    }

    /// Registers an identity with a fresh key; registering it again gives the same credentials.
    ///
    /// # Errors
    /// When IoT Hub would not register such ids, or the system has no random bytes.
    pub fn register(&self, identity: &Identity) -> Result<Credentials, HubError> {
        if !identity.is_valid() {
            return Err(HubError::BadIdentity(identity.clone()));
        }
        #[cfg(feature = "hub")]
        self.register_device_of(identity)?;
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(HubError::Random)?;
        let generation = getrandom::u64().map_err(HubError::Random)?.to_string();
        let (key, generation_id) = self.shared.registry.register(identity, key, generation);
        Ok(Credentials {
            key,
            connection_string: self.connection_string(identity, &key),
            generation_id,
        })
    }

    /// Gives the identity a fresh twin with these desired properties, forgets its subscriptions and drops its connection:
    /// it is as if it had just been deployed.
    ///
    /// # Errors
    /// When the identity is unknown or the twin refuses the document.
    pub fn deploy(&self, identity: &Identity, desired: &Value) -> Result<(), HubError> {
        let deployed = self.shared.registry.deploy(identity, desired);
        let deployed = deployed.ok_or_else(|| HubError::UnknownIdentity(identity.clone()))?;
        deployed.map_err(|source| HubError::Twin {
            identity: identity.clone(),
            source,
        })
    }

    /// Merges into the desired properties; `null` deletes. A subscribed client is told.
    /// Returns the new version.
    ///
    /// # Errors
    /// When the identity is unknown or the twin refuses the patch.
    pub fn set_desired(&self, identity: &Identity, patch: &Value) -> Result<u64, HubError> {
        let patched = self.shared.registry.patch_desired(identity, patch);
        let patched = patched.ok_or_else(|| HubError::UnknownIdentity(identity.clone()))?;
        patched.map_err(|source| HubError::Twin {
            identity: identity.clone(),
            source,
        })
    }

    /// The twin as it stands.
    ///
    /// # Errors
    /// When the identity is unknown.
    pub fn twin(&self, identity: &Identity) -> Result<Twin, HubError> {
        let twin = self.shared.registry.twin(identity);
        twin.ok_or_else(|| HubError::UnknownIdentity(identity.clone()))
    }

    /// Calls a direct method and waits for its answer.
    ///
    /// # Errors
    /// When nobody listens, the payload is too large, or no usable answer comes within `within`.
    pub async fn invoke(
        &self,
        identity: &Identity,
        name: &str,
        payload: &Value,
        within: Duration,
    ) -> Result<MethodResult, InvokeError> {
        let body = payload.to_string().into_bytes();
        if body.len() > limits::METHOD_PAYLOAD {
            return Err(InvokeError::TooLarge(body.len()));
        }
        let (answer, answered) = oneshot::channel();
        let invocation = Invocation {
            name: name.to_owned(),
            body,
            answer,
        };
        let queued = self.shared.registry.invoke(identity, invocation);
        queued.map_err(|unreached| match unreached {
            Unreached::Unknown => InvokeError::UnknownIdentity(identity.clone()),
            Unreached::Offline => InvokeError::Offline(identity.clone()),
            Unreached::NotSubscribed => InvokeError::NotSubscribed(identity.clone()),
        })?;
        match tokio::time::timeout(within, answered).await {
            Ok(Ok(answer)) => Ok(MethodResult {
                status: answer.status,
                payload: answer.payload,
            }),
            Ok(Err(_)) => Err(InvokeError::NoAnswer(name.to_owned())),
            Err(_) => Err(InvokeError::TimedOut {
                name: name.to_owned(),
                within,
            }),
        }
    }

    /// Hands a message to one of a module's inputs, as edgeHub does with a message that a route takes there.
    ///
    /// # Errors
    /// When the module is not there, or has not subscribed to its inputs.
    pub fn send_to_input(
        &self,
        to: &Identity,
        input: &str,
        from: &Identity,
        message: (&Properties, &[u8]),
    ) -> Result<(), InputError> {
        let (properties, body) = message;
        let message = (properties.delivered(from), body.to_vec());
        let sent = self.shared.registry.send_to_input(to, input, message);
        sent.map_err(|unreached| match unreached {
            Unreached::Unknown => InputError::UnknownIdentity(to.clone()),
            Unreached::Offline => InputError::Offline(to.clone()),
            Unreached::NotSubscribed => InputError::NotSubscribed(to.clone()),
        })
    }

    /// Everything that happens from now on. A subscriber must keep reading: a full stream slows the
    /// clients, and after 10 s without a read the stream is ended, so that its end is never mistaken
    /// for silence.
    pub fn subscribe(&self) -> mpsc::Receiver<HubEvent> {
        self.events.subscribe()
    }

    /// Drops the identity's TCP connection without a word; false when there is none.
    pub fn disconnect(&self, identity: &Identity) -> bool {
        self.shared.registry.disconnect(identity)
    }

    /// Stops listening and drops every connection; returns when all are gone.
    pub async fn shutdown(self) {
        self.door.close().await;
    }

    fn connection_string(&self, identity: &Identity, key: &[u8; 32]) -> String {
        let host = &self.shared.host;
        let gateway = self
            .gateway
            .as_ref()
            .map_or_else(String::new, |name| format!("GatewayHostName={name};"));
        let who = match identity {
            Identity::Device { device } => format!("DeviceId={device}"),
            Identity::Module { device, module } => format!("DeviceId={device};ModuleId={module}"),
        };
        format!(
            "HostName={host};{gateway}{who};SharedAccessKey={}",
            STANDARD.encode(key)
        )
    }
}
