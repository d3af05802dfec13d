//! What can go wrong between the harness and a registry. No variant ever holds a password or a token.

use thiserror::Error;

/// A question to a registry that was not answered.
#[derive(Debug, Error)]
pub enum RegistryError {
    /// It lets nobody in, or not us.
    #[error("{url}: {status}{}", .words.as_ref().map_or_else(String::new, |words| format!(", {words}")))]
    Refused {
        /// What was asked for.
        url: String,
        /// `401 Unauthorized`.
        status: String,
        /// What it said, and what would help.
        words: Option<String>,
    },
    /// No answer came.
    #[error("{url}: {why}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What the network says.
        why: String,
    },
    /// It took too long.
    #[error("{url}: no whole answer within {limit}")]
    TooSlow {
        /// What was asked for.
        url: String,
        /// How long was waited.
        limit: String,
    },
    /// More than is read.
    #[error("{url}: the answer has more than {limit} bytes")]
    TooLong {
        /// What was asked for.
        url: String,
        /// How much is read.
        limit: u64,
    },
    /// It sends from one place to the next.
    #[error("{url}: {why}")]
    Redirected {
        /// What was asked for first.
        url: String,
        /// Where that ended.
        why: String,
    },
    /// An answer came that is not the API's.
    #[error("{url}: {why}")]
    Unreadable {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The client could not be made.
    #[error("make the client of the registry: {0}")]
    SetUp(String),
}

impl RegistryError {
    /// Whether it is the registry's own word about us, and not trouble on the way.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            RegistryError::Refused { .. } => true,
            RegistryError::Unreachable { .. }
            | RegistryError::TooSlow { .. }
            | RegistryError::TooLong { .. }
            | RegistryError::Redirected { .. }
            | RegistryError::Unreadable { .. }
            | RegistryError::SetUp(_) => false,
        }
    }
}
