//! The client through which the probe speaks to IoT Hub or to edgeHub: MQTT 3.1.1 over TLS, one
//! task, at-least-once.
//!
//! It reads no environment and no clock of its own, and no file but the certificate and key of an identity that has
//! them: identity, roots, time and seed come in [`HubSettings`]. It must not know what is in a report, and nothing here decides anything
//! about a run. Why this client is our own: `docs/decisions/0001-mqtt.md`.

mod backoff;
mod certificate;
mod desired;
mod error;
mod identity;
mod limits;
mod link;
mod method;
mod outbox;
mod parts;
#[cfg(test)]
mod peer;
mod requests;
mod sas;
mod session;
mod task;
mod tls;
mod topics;
mod wire;
mod workload;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

pub use backoff::LONGEST_PAUSE;
pub use certificate::{CERTIFICATE_SETTING, CertificateError, CertificateFiles, KEY_SETTING};
pub use error::{HubError, LinkError};
pub use identity::{Identity, IdentityError};
pub use limits::{MAX_MESSAGE_BYTES, MAX_METHOD_RESULT_BYTES, MAX_REPORTED_BYTES};
pub use method::MethodReply;
pub use parts::{MAX_PART_BYTES, PART_SCHEMA, Part, REPORT_OUTPUT, report_parts};
pub(crate) use tls::clock_text;
pub use workload::WorkloadError;

use limits::{message_size, reported_mistakes};
use outbox::Message;
use requests::Report;
use session::Session;
use task::{Close, Desk, Task};

/// Port of MQTT over TLS, at IoT Hub and at edgeHub.
pub const MQTT_PORT: u16 = 8883;

/// Events that wait in the channel to the application.
const EVENTS: usize = 16;

/// What a client needs to know.
#[derive(Debug, Clone)]
pub struct HubSettings {
    /// Who we are and where we connect to.
    pub identity: Identity,
    /// Roots to trust, as PEM. `None`: the edge runtime's trust bundle for an identity from the
    /// edge environment, the public roots for one from a connection string.
    pub ca_pem: Option<String>,
    /// TCP port, [`MQTT_PORT`] everywhere but in tests.
    pub port: u16,
    /// What the client calls itself (`DeviceClientType`), in plain text.
    pub product_info: String,
    /// Seed of the jitter between attempts; should differ between devices.
    pub seed: u64,
    /// Longest pause between attempts, [`LONGEST_PAUSE`] everywhere but in tests.
    pub longest_pause: Duration,
    /// The wall clock, for the life of tokens and of certificates.
    pub now: fn() -> SystemTime,
}

/// What the hub has to say.
#[derive(Debug)]
pub enum FromHub {
    /// A link is up and subscribed. The twin follows.
    Connected,
    /// There is no link: one ended, or an attempt failed.
    Disconnected {
        /// Why; [`LinkError::Renewal`] is part of normal life.
        why: LinkError,
        /// Pause before the next attempt.
        retry_in: Duration,
    },
    /// The whole twin, after each [`FromHub::Connected`] and after a patch was missed.
    Twin {
        /// Desired properties, `$version` among them.
        desired: Value,
        /// Reported properties as the hub knows them; null if it did not say.
        reported: Value,
        /// Version of the desired properties.
        version: u64,
    },
    /// Desired properties changed.
    Desired {
        /// JSON merge patch; null deletes.
        patch: Value,
        /// Version after the change.
        version: u64,
    },
    /// Somebody calls a direct method.
    Method {
        /// Its name, decoded.
        name: String,
        /// Its payload; null if there was none.
        payload: Value,
        /// The way back; dropping it answers 500.
        reply: MethodReply,
    },
}

/// A message's content type and encoding, as IoT Hub's routing on bodies wants them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content<'a> {
    /// `$.ct`, as in `application/json`.
    pub kind: &'a str,
    /// `$.ce`, as in `utf-8`.
    pub encoding: &'a str,
}

impl Content<'static> {
    /// JSON in UTF-8.
    pub const JSON: Content<'static> = Content {
        kind: "application/json",
        encoding: "utf-8",
    };
}

/// The client was closed before everything was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the hub had not acknowledged {messages} messages and {reports} changes of reported properties"
)]
pub struct Unsent {
    /// Messages without acknowledgement; the hub may have some of them.
    pub messages: usize,
    /// Changes of reported properties without answer.
    pub reports: usize,
}

/// A handle to the client; clones share the one link. The client ends when it is closed or when
/// the last handle is dropped.
#[derive(Debug, Clone)]
pub struct HubClient {
    messages: mpsc::Sender<Message>,
    reports: mpsc::Sender<Report>,
    closes: mpsc::Sender<Close>,
    events_topic: Arc<str>,
    is_module: bool,
}

impl HubClient {
    /// Starts the client's task on the current tokio runtime and returns at once. Links are made
    /// and made again, with growing pauses, until the client is closed; what happens is told by
    /// the receiver, which must be read (a client that is not heard stops reading from the hub).
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn connect(settings: HubSettings) -> (HubClient, mpsc::Receiver<FromHub>) {
        let settings = Arc::new(settings);
        let (client, desk, results, events) = channels(&settings.identity);
        let mut task = Task::new(Session::new(results), desk, settings.seed);
        task.pause_at_most(settings.longest_pause);
        tokio::spawn(task.run(move || {
            let settings = Arc::clone(&settings);
            async move { link::open(&settings).await }
        }));
        (client, events)
    }

    /// Changes reported properties by a JSON merge patch (null deletes) and waits for the hub's
    /// answer, over as many links as that takes. Changes reach the hub in the order of the calls.
    /// Returns the new version if the hub tells it; edgeHub does not.
    ///
    /// # Errors
    /// What a hub would refuse, before anything is sent; the hub's refusal; silence; closing.
    pub async fn report(&self, patch: &Value) -> Result<Option<u64>, HubError> {
        let mistakes = reported_mistakes(patch);
        let what = "reported properties";
        if !mistakes.is_empty() {
            return Err(HubError::Invalid { what, mistakes });
        }
        let body = patch.to_string().into_bytes();
        within(what, body.len(), MAX_REPORTED_BYTES)?;
        let (done, answer) = oneshot::channel();
        let report = Report { body, done };
        self.reports
            .send(report)
            .await
            .map_err(|_| HubError::Closed)?;
        answer.await.unwrap_or(Err(HubError::Closed))
    }

    /// Sends a message and waits until the hub has acknowledged it, over as many links as that
    /// takes: it arrives at least once, perhaps more often, in the order of the calls. Waits while
    /// too many others are on their way. Once this has begun to wait, dropping it does not take
    /// the message back.
    ///
    /// `output` names the module's output and is left out for a device, which has none.
    ///
    /// # Errors
    /// A message that no hub accepts, before anything is sent; closing.
    pub async fn send(
        &self,
        output: &str,
        properties: &[(String, String)],
        content: Content<'_>,
        body: Vec<u8>,
    ) -> Result<(), HubError> {
        let what = "message";
        if let Some((name, _)) = properties
            .iter()
            .find(|p| p.0.is_empty() || p.0.starts_with("$."))
        {
            let mistakes = vec![format!("{name:?} is no name for an application property")];
            return Err(HubError::Invalid { what, mistakes });
        }
        let system = [
            self.is_module.then_some(("$.on", output)),
            Some(("$.ct", content.kind)),
            Some(("$.ce", content.encoding)),
        ];
        let own = properties
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let topic = topics::message(&self.events_topic, system.into_iter().flatten().chain(own));
        within(what, message_size(&topic, &body), MAX_MESSAGE_BYTES)?;
        within(
            "the properties of a message",
            topic.len(),
            usize::from(u16::MAX),
        )?;
        let (done, answer) = oneshot::channel();
        let body = Arc::from(body);
        let message = Message { topic, body, done };
        self.messages
            .send(message)
            .await
            .map_err(|_| HubError::Closed)?;
        answer.await.unwrap_or(Err(HubError::Closed))
    }

    /// Sends what was handed over before, says goodbye and ends the client. Waits at most ten
    /// seconds for the hub.
    ///
    /// # Errors
    /// How much is not acknowledged. The callers waiting for it get [`HubError::Closed`].
    pub async fn close(self) -> Result<(), Unsent> {
        let (who, closed) = oneshot::channel();
        if self.closes.send(who).await.is_err() {
            // Another handle has closed it already and was told the result.
            return Ok(());
        }
        closed.await.unwrap_or(Ok(()))
    }
}

fn within(what: &'static str, size: usize, limit: usize) -> Result<(), HubError> {
    if size <= limit {
        return Ok(());
    }
    Err(HubError::TooLarge { what, size, limit })
}

type Channels = (
    HubClient,
    Desk,
    mpsc::UnboundedSender<method::MethodResult>,
    mpsc::Receiver<FromHub>,
);

/// A handle and the task's ends of its channels. The channels of messages and reports hold one
/// each, so that back-pressure begins where the session's own bounds do.
fn channels(identity: &Identity) -> Channels {
    let (messages, messages_end) = mpsc::channel(1);
    let (reports, reports_end) = mpsc::channel(1);
    let (closes, closes_end) = mpsc::channel(1);
    let (results, results_end) = mpsc::unbounded_channel();
    let (events_end, events) = mpsc::channel(EVENTS);
    let client = HubClient {
        messages,
        reports,
        closes,
        events_topic: identity.events_topic().into(),
        is_module: identity.module.is_some(),
    };
    let desk = Desk {
        messages: messages_end,
        reports: reports_end,
        closes: closes_end,
        results: results_end,
        events: events_end,
    };
    (client, desk, results, events)
}
