//! Why the hub, or a client of it, did not do as asked.

use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;

use super::identity::Identity;
use super::twin_limits::TwinError;
use crate::authority::CertificateError;

/// Why the hub could not do as asked.
#[derive(Debug, Error)]
pub enum HubError {
    /// The address could not be taken.
    #[error("failed to listen on {address}: {source}")]
    Listen {
        /// Address asked for.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// No certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The system gave no random bytes.
    #[error("failed to read random bytes: {0}")]
    Random(getrandom::Error),
    /// An id has characters or a length that IoT Hub does not register.
    #[error("`{0}` is no identity that a hub would register")]
    BadIdentity(Identity),
    /// Nobody registered it.
    #[error("`{0}` is not registered at this hub")]
    UnknownIdentity(Identity),
    /// It cannot vouch for certificates.
    #[error("failed to take an authority for certificates: {0}")]
    BadAuthority(String),
    /// The twin refuses the patch.
    #[error("the twin of `{identity}` refuses the patch: {source}")]
    Twin {
        /// Whose twin.
        identity: Identity,
        /// Why.
        source: TwinError,
    },
}

/// Why a direct method has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvokeError {
    /// Nobody registered it.
    #[error("`{0}` is not registered at this hub")]
    UnknownIdentity(Identity),
    /// No live connection.
    #[error("`{0}` is not connected")]
    Offline(Identity),
    /// Connected, but not subscribed to methods.
    #[error("`{0}` has not subscribed to direct methods")]
    NotSubscribed(Identity),
    /// The payload is over 128 KB.
    #[error("method payload of {0} bytes; the limit is 131072")]
    TooLarge(usize),
    /// No answer in time.
    #[error("no answer to `{name}` within {within:?}")]
    TimedOut {
        /// Method.
        name: String,
        /// How long was waited.
        within: Duration,
    },
    /// The connection ended, or the answer could not be read.
    #[error("the connection gave no usable answer to `{0}`")]
    NoAnswer(String),
}

/// Why a message did not reach an input.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InputError {
    /// Nobody registered it.
    #[error("`{0}` is not registered at this hub")]
    UnknownIdentity(Identity),
    /// No live connection.
    #[error("`{0}` is not connected")]
    Offline(Identity),
    /// Connected, but not subscribed to inputs.
    #[error("`{0}` has not subscribed to inputs")]
    NotSubscribed(Identity),
}
