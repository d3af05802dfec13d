//! What can go wrong between the harness and the hub's service API. No variant ever holds a key or a token.

use thiserror::Error;

/// A call that did not succeed.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// The hub said no.
    #[error("{call}: the hub answers {status}{}: {words}", .code.as_ref().map_or_else(String::new, |code| format!(" ({code})")))]
    Refused {
        /// What was asked for.
        call: String,
        /// HTTP status.
        status: u16,
        /// The hub's own code, in words or digits.
        code: Option<String>,
        /// The hub's own words.
        words: String,
    },
    /// No answer came.
    #[error("{call}: {why}")]
    Unreachable {
        /// What was asked for.
        call: String,
        /// What the network says.
        why: String,
    },
    /// An answer came that is not the API's.
    #[error("{call}: the answer cannot be used: {why}")]
    Unreadable {
        /// What was asked for.
        call: String,
        /// What is wrong with it.
        why: String,
    },
    /// The client could not be made.
    #[error("make the client of the hub's service API: {0}")]
    SetUp(String),
}

impl ServiceError {
    /// The HTTP status, where the hub said no.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            ServiceError::Refused { status, .. } => Some(*status),
            ServiceError::Unreachable { .. }
            | ServiceError::Unreadable { .. }
            | ServiceError::SetUp(_) => None,
        }
    }

    /// Whether the device or module is not connected to the hub: "404103 DeviceNotOnline", Microsoft Learn.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        match self {
            ServiceError::Refused { status, code, .. } => {
                *status == 404 && matches!(code.as_deref(), Some("404103" | "DeviceNotOnline"))
            }
            ServiceError::Unreachable { .. }
            | ServiceError::Unreadable { .. }
            | ServiceError::SetUp(_) => false,
        }
    }

    /// Whether another attempt later may do better: the network, a throttle, or trouble inside the hub.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            ServiceError::Refused { status, .. } => *status == 429 || *status >= 500,
            ServiceError::Unreachable { .. } => true,
            ServiceError::Unreadable { .. } | ServiceError::SetUp(_) => false,
        }
    }
}
