//! Why a request to the hub failed, and why a link was not made or ended.

use std::time::Duration;

use thiserror::Error;

use super::certificate::CertificateError;
use super::workload::WorkloadError;

/// Why one request of the application failed. What is merely offline does not fail: it waits.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HubError {
    /// More than a hub accepts; nothing was sent.
    #[error("{what} takes {size} bytes, at most {limit} are accepted")]
    TooLarge {
        /// What it is: a message, reported properties, a method's result.
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Not something a hub accepts; nothing was sent.
    #[error("{what}: {}", mistakes.join("; "))]
    Invalid {
        /// What it is.
        what: &'static str,
        /// One sentence for each mistake, with its place.
        mistakes: Vec<String>,
    },
    /// The hub answered with an error.
    #[error("the hub refused reported properties with status {status}{detail}")]
    Refused {
        /// The status: 400 bad document, 429 throttled, 5xx trouble of the hub's own.
        status: u16,
        /// Start of the hub's own words after a colon, or nothing.
        detail: String,
    },
    /// The hub does not answer although links to it work.
    #[error("the hub did not answer reported properties, asked {tries} times")]
    NoAnswer {
        /// How often it was asked.
        tries: u32,
    },
    /// The client was closed before the hub had acknowledged.
    #[error("the hub client was closed before the hub had acknowledged")]
    Closed,
}

/// Why there is no link to the hub.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The runtime did not sign or did not hand out its roots.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    /// The module's own certificate could not be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The roots to trust could not be used.
    #[error("certificates to trust: {reason}")]
    Roots {
        /// What is wrong with them.
        reason: String,
    },
    /// No TCP connection.
    #[error("connect to {host}:{port}: {source}")]
    Connect {
        /// Host asked for.
        host: String,
        /// TCP port.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// No TLS session.
    #[error("TLS with {host}: {reason}")]
    Tls {
        /// Host whose certificate was looked at.
        host: String,
        /// What is wrong, with the device's time when it is about time.
        reason: String,
    },
    /// Something that must happen did not happen in time.
    #[error("no {what} within {} s", after.as_secs())]
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// How long.
        after: Duration,
    },
    /// The hub does not accept who we are (CONNACK 4 or 5).
    #[error("the hub refused the credentials (CONNACK {code}): {}", doubts(.certificate.as_deref(), .clock))]
    Credentials {
        /// CONNACK return code.
        code: u8,
        /// The device's time when the token was made.
        clock: String,
        /// Thumbprint (SHA-256) of the certificate that was shown, if it was one.
        certificate: Option<String>,
    },
    /// The hub is there but does not serve (CONNACK 3).
    #[error("the hub is unavailable (CONNACK 3)")]
    Unavailable,
    /// The hub does not accept the client id or MQTT 3.1.1 (CONNACK 1 or 2).
    #[error("the hub refused the connection (CONNACK {code}): {reason}")]
    Refused {
        /// CONNACK return code.
        code: u8,
        /// What the code means.
        reason: &'static str,
    },
    /// The hub does not grant a subscription.
    #[error("the hub refused the subscription to {filter}")]
    Subscription {
        /// The topic filter.
        filter: &'static str,
    },
    /// What came is not MQTT 3.1.1 as a hub speaks it.
    #[error("MQTT: {reason}")]
    Protocol {
        /// What was wrong.
        reason: String,
    },
    /// The hub closed the link.
    #[error("the hub closed the connection")]
    ClosedByHub,
    /// The network broke the link.
    #[error("connection: {source}")]
    Io {
        /// What the system said.
        source: std::io::Error,
    },
    /// Not an error: the token's life is nearly over, or another certificate has taken the place of the one that was shown, and
    /// MQTT 3.1.1 takes a new one only with a new connection.
    #[error("renewing the {what}")]
    Renewal {
        /// What is renewed.
        what: &'static str,
    },
}

fn doubts(certificate: Option<&str>, clock: &str) -> String {
    match certificate {
        None => format!(
            "wrong key, unknown or disabled identity, or a wrong clock (this device says {clock})"
        ),
        Some(thumbprint) => format!(
            "unknown or disabled identity, or one that is not registered with this certificate (SHA-256 {thumbprint}); IoT Edge's hub takes the certificate of no module"
        ),
    }
}
