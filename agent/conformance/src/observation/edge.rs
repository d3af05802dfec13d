//! What a module did with the edge runtime that stood in for IoT Edge: its connections to edgeHub and all that went over them.

use serde::{Deserialize, Serialize};

use crate::units::{Bytes, Millis};

/// Everything a run saw of its candidate at edgeHub, over all starts. Times are counted from the start of the run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct EdgeUse {
    /// Connections that logged in, in order: the first hundred, and later ones whose client says something new of itself.
    pub connections: Vec<EdgeConnection>,
    /// Connections that logged in, all of them.
    pub logins: u64,
    /// What it did against the contract, by kind, in the order of first sight.
    pub breaches: Vec<EdgeBreach>,
    /// Messages, by the output they were sent on.
    pub outputs: Vec<OutputUse>,
    /// How it used its module twin.
    pub twin: TwinUse,
    /// What it subscribed to, in the order of first sight: topic filters of MQTT, addresses of AMQP.
    pub subscriptions: Vec<String>,
    /// Direct methods that it answered, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<MethodUse>,
}

impl EdgeUse {
    /// How often a connection came with another token than the one before it, in the same life of the module; `begun` are the moments
    /// at which its containers were started. `None` where a token's end was not kept.
    #[must_use]
    pub fn renewals(&self, begun: &[Millis]) -> Option<usize> {
        let mut renewals = 0;
        for pair in self.connections.windows(2) {
            let [one, next] = pair else { continue };
            if begun.iter().any(|at| one.at < *at && *at <= next.at) {
                continue;
            }
            renewals += usize::from(one.token_expiry? != next.token_expiry?);
        }
        Some(renewals)
    }
}

/// A direct method that the module answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct MethodUse {
    /// Its name.
    pub name: String,
    /// Answers.
    pub answers: u64,
    /// Status of the last one.
    pub status: i64,
}

/// The protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EdgeTransport {
    /// MQTT over TLS, port 8883.
    Mqtt,
    /// MQTT over WebSocket and TLS, port 443.
    MqttWebSocket,
    /// AMQP 1.0 over TLS, port 5671.
    Amqp,
    /// AMQP 1.0 over WebSocket and TLS, port 443.
    AmqpWebSocket,
}

impl EdgeTransport {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            EdgeTransport::Mqtt => "MQTT",
            EdgeTransport::MqttWebSocket => "MQTT over WebSocket",
            EdgeTransport::Amqp => "AMQP",
            EdgeTransport::AmqpWebSocket => "AMQP over WebSocket",
        }
    }
}

/// One connection that logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EdgeConnection {
    /// When it logged in.
    pub at: Millis,
    /// Its protocol.
    pub transport: EdgeTransport,
    /// The server name of its TLS hello; absent where it dialled an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// `TLSv1_2` or `TLSv1_3`.
    pub tls: String,
    /// The cipher suite that both chose, as rustls names it. Reports of earlier probes have none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub suite: String,
    /// `api-version` as the client sent it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// What the client says it is, decoded: SDK and ProductInfo (`DeviceClientType` of MQTT, `com.microsoft:client-version` of
    /// AMQP); absent where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_type: Option<String>,
    /// IoT Plug and Play model, where it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// Life that its token had left, in seconds; absent for a token that had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_life: Option<u64>,
    /// When that token ends, in seconds since the Unix epoch. Reports of earlier probes have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_expiry: Option<u64>,
    /// Keep-alive that it asked for; zero means none.
    pub keep_alive: Millis,
    /// Whether edgeHub still had its subscriptions from the connection before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resumed: bool,
    /// When it first subscribed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscribed: Option<Millis>,
    /// When its first message came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_message: Option<Millis>,
    /// How it ended; absent while it lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<EdgeEnd>,
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EdgeEnd {
    /// When.
    pub at: Millis,
    /// Why: `goodbye`, `lost`, `keep-alive`, `taken-over`, `violation`, `requested`, `stalled`, `token-expired`.
    pub reason: String,
}

/// A rule of the contract that was broken, or a way in that nobody serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EdgeBreach {
    /// When it was first seen.
    pub at: Millis,
    /// The rule: `qos-two`, `unknown-topic`, `tls-handshake`, `plain-text`, `unserved-protocol`, …
    pub rule: String,
    /// What was seen first and what was wanted.
    pub detail: String,
    /// How often it was seen.
    pub times: u64,
}

/// Messages on one output.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct OutputUse {
    /// Its name; absent for messages that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// When the first one came.
    pub first: Millis,
    /// When the last one came. Reports of earlier probes have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Millis>,
    /// Messages in all.
    pub messages: u64,
    /// Of them with QoS 1, which are acknowledged.
    pub acknowledged: u64,
    /// Bytes of all bodies.
    pub bytes: Bytes,
    /// The largest body.
    pub largest: Bytes,
    /// Messages that no default route takes anywhere: edgeHub drops them.
    pub unrouted: u64,
    /// Messages that the client marked as a repetition: it had seen no acknowledgement.
    #[serde(skip_serializing_if = "is_zero")]
    pub repeated: u64,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// How the module used its twin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct TwinUse {
    /// Times it read the whole twin.
    pub reads: u64,
    /// Whether it subscribed to changes of desired properties.
    pub hears_changes: bool,
    /// Changes of reported properties that were taken.
    pub reported: u64,
    /// Top-level names that it reported, in the order of first sight.
    pub names: Vec<String>,
}
