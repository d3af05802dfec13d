//! What the hub saw: one enum that reporter, journal and tests all consume, and the way it is handed out.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::mpsc;

use super::entrance::Transport;
use super::identity::Identity;
use super::properties::Properties;

/// Events that may wait for one subscriber.
const BACKLOG: usize = 256;

/// A subscriber that takes nothing for so long is dropped; its stream then ends.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a client presented itself when it logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Who it is.
    pub identity: Identity,
    /// `api-version` of the user name, or of AMQP's first link that names one; may be empty there.
    pub api_version: String,
    /// SDK and product info: decoded `DeviceClientType` of the user name, `com.microsoft:client-version` of AMQP's links.
    pub client_type: Option<String>,
    /// Decoded `model-id` of the user name.
    pub model_id: Option<String>,
    /// What the client came through.
    pub transport: Transport,
    /// `TLSv1_2` or `TLSv1_3`.
    pub tls_version: String,
    /// The negotiated cipher suite.
    pub tls_suite: String,
    /// Server name of the TLS hello; absent where the client dialled an address.
    pub server_name: Option<String>,
    /// Expiry of the token in seconds since the Unix epoch; absent where a certificate logged in.
    pub token_expiry: Option<u64>,
    /// Thumbprint (SHA-256, upper-case digits) of the certificate that logged in; absent where a token did.
    pub certificate: Option<String>,
    /// Keep-alive of MQTT or idle time-out of AMQP that the client asked for; zero means none.
    pub keep_alive: Duration,
    /// Whether the client asked for a clean session.
    pub clean_session: bool,
    /// Whether the hub still had its subscriptions.
    pub session_present: bool,
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The client said DISCONNECT, or `close` in AMQP.
    Goodbye,
    /// The client's end of the stream closed or broke without DISCONNECT.
    Lost,
    /// Silence for 1.5 times the keep-alive.
    KeepAlive,
    /// The token's time was up.
    TokenExpired,
    /// A newer connection of the same identity.
    TakenOver,
    /// The client broke a rule that closes the connection.
    Violation(Rule),
    /// The hub's owner asked for it.
    Requested,
    /// The client did not take what was sent.
    Stalled,
}

/// Rules of the contract that a client can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Neither MQTT 3.1.1 nor AMQP 1.0, or a packet or frame that cannot be read.
    Malformed,
    /// Something before CONNECT or AMQP's `open`, or neither in time.
    ConnectFirst,
    /// A user name that is not the hub's form, or of another hub.
    UserName,
    /// The hub does not know the API version.
    ApiVersion,
    /// The client id is not the identity of the user name.
    ClientId,
    /// The hub does not know the identity.
    UnknownIdentity,
    /// No password.
    NoPassword,
    /// The password is not a token of this identity.
    Token,
    /// The token's time is up.
    TokenExpired,
    /// A certificate that is not the identity's, or that this hub takes from nobody.
    Certificate,
    /// QoS 2.
    QosTwo,
    /// A packet or message over the limit.
    TooLarge,
    /// A publish outside the topic table, or an AMQP link that sends to an address outside it.
    UnknownTopic,
    /// A subscription outside the topic table, or an AMQP link that hears an address outside it.
    UnknownFilter,
    /// A property bag that cannot be read.
    PropertyBag,
    /// Reported properties that the twin refuses.
    Reported,
    /// A method answer with a status that is no integer, or a body that is not JSON or too large.
    MethodAnswer,
    /// A will on another topic than the events topic.
    Will,
    /// A connection without TLS.
    PlainText,
    /// An upgrade to a WebSocket that asks for another path or protocol.
    WebSocket,
    /// A protocol of IoT Edge that the hub does not serve.
    UnservedProtocol,
}

/// One thing that happened at the hub.
#[derive(Debug, Clone, PartialEq)]
pub enum HubEvent {
    /// A client logged in.
    Connected(Login),
    /// A logged-in client said what it is with a later link, as AMQP lets it.
    Introduced {
        /// Who.
        identity: Identity,
        /// SDK and product info, as in [`Login`].
        client_type: String,
    },
    /// A logged-in client is gone.
    Disconnected {
        /// Who.
        identity: Identity,
        /// Why.
        reason: DisconnectReason,
    },
    /// A TLS handshake failed; a client that does not trust the authority shows here.
    HandshakeFailed {
        /// The client's address.
        peer: SocketAddr,
        /// The TLS library's words, and what the client's hello offered where that is why.
        detail: String,
    },
    /// A telemetry message arrived; for QoS 1 it is acknowledged after this event was handed out.
    Message {
        /// Sender.
        identity: Identity,
        /// Output (`$.on`), where one was named.
        output: Option<String>,
        /// System and application properties.
        properties: Properties,
        /// QoS of the publish, 0 or 1; for AMQP 0 where it was sent settled, else 1.
        qos: u8,
        /// The client marked it as a repetition.
        duplicate: bool,
        /// Body as sent.
        body: Bytes,
    },
    /// The client read its twin.
    TwinRead {
        /// Who.
        identity: Identity,
    },
    /// Reported properties were merged.
    Reported {
        /// Who.
        identity: Identity,
        /// The patch as sent.
        patch: Value,
        /// Version it made.
        version: u64,
    },
    /// A direct method was answered.
    MethodAnswered {
        /// Who.
        identity: Identity,
        /// Method.
        name: String,
        /// Status of the answer.
        status: i64,
    },
    /// A client subscribed successfully.
    Subscribed {
        /// Who.
        identity: Identity,
        /// The filter; for AMQP the address of the link, or the twin resource that it asked to hear.
        filter: String,
    },
    /// A client broke a rule.
    Violation {
        /// Who, where a login says so; for a refused login, whom it claimed to be.
        identity: Option<Identity>,
        /// Which rule.
        rule: Rule,
        /// What was seen and what was wanted.
        detail: String,
    },
}

/// Hands events to every subscriber, each once and in order.
#[derive(Debug, Default)]
pub(crate) struct EventBus {
    subscribers: Mutex<Vec<mpsc::Sender<HubEvent>>>,
    /// Where messages are kept for readers of the cloud's endpoint, if it is served.
    #[cfg(feature = "hub")]
    stream: Option<std::sync::Arc<super::stream::Stream>>,
}

impl EventBus {
    /// Messages are kept there from now on, before anybody is told of them.
    #[cfg(feature = "hub")]
    pub(crate) fn keeping(self, stream: Option<std::sync::Arc<super::stream::Stream>>) -> Self {
        Self { stream, ..self }
    }

    pub(crate) fn subscribe(&self) -> mpsc::Receiver<HubEvent> {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        self.lock().push(sender);
        receiver
    }

    /// Waits while a subscriber is behind: a client is slowed rather than an event lost.
    pub(crate) async fn emit(&self, event: HubEvent) {
        #[cfg(feature = "hub")]
        if let Some(stream) = &self.stream {
            stream.take(&event, super::stream::unix_millis());
        }
        let subscribers = self.lock().clone();
        for subscriber in subscribers {
            let sent = subscriber.send_timeout(event.clone(), PATIENCE).await;
            if sent.is_err() {
                self.lock().retain(|other| !other.same_channel(&subscriber));
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<mpsc::Sender<HubEvent>>> {
        self.subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(n: u64) -> HubEvent {
        HubEvent::Reported {
            identity: Identity::device("d"),
            patch: Value::Null,
            version: n,
        }
    }

    #[tokio::test]
    async fn every_subscriber_gets_every_event_in_order() {
        let bus = EventBus::default();
        let mut first = bus.subscribe();
        let mut second = bus.subscribe();
        bus.emit(event(1)).await;
        bus.emit(event(2)).await;
        for receiver in [&mut first, &mut second] {
            assert_eq!(receiver.recv().await, Some(event(1)));
            assert_eq!(receiver.recv().await, Some(event(2)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_subscriber_that_stops_reading_is_dropped_and_sees_the_end() {
        let bus = EventBus::default();
        let mut stuck = bus.subscribe();
        for n in 0..=BACKLOG as u64 {
            bus.emit(event(n)).await;
        }
        let mut seen = 0;
        while stuck.recv().await.is_some() {
            seen += 1;
        }
        assert_eq!(seen, BACKLOG);
    }
}
