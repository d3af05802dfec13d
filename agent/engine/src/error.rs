//! What can go wrong between edgeproof and a container engine.

use std::path::PathBuf;
use std::time::Duration;

use bollard::errors::Error as BollardError;

use crate::calls::NotListed;
use crate::line::{Line, LineError};
use crate::owner::OwnerError;
use crate::silence::{PING_WITHIN, Silent};

/// A call on the engine that did not do what was asked. Messages fit after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Nobody answers on the socket, or the connection broke: the engine is lost.
    #[error("reach the container engine at {}: {reason}", socket.display())]
    Unreachable {
        /// The socket asked.
        socket: PathBuf,
        /// What the operating system or the HTTP client said.
        reason: String,
    },
    /// The engine answers, but speaks no API version that edgeproof needs.
    #[error("use the engine at {}: it speaks API {speaks}, wanted is 1.41 or newer", socket.display())]
    TooOld {
        /// The socket asked.
        socket: PathBuf,
        /// Newest API version it speaks.
        speaks: String,
    },
    /// No such container, image, network or volume.
    #[error("{action} {object}: the engine does not have it: {message}")]
    NotFound {
        /// What was tried: `start`.
        action: &'static str,
        /// On what: `container 3f2a…`.
        object: String,
        /// The engine's words.
        message: String,
    },
    /// The engine says no.
    #[error("{action} {object}: {message}")]
    Refused {
        /// What was tried: `create`.
        action: &'static str,
        /// On what: `container edgeproof-candidate`.
        object: String,
        /// HTTP status; absent where the refusal came inside a stream.
        status: Option<u16>,
        /// The engine's words.
        message: String,
    },
    /// The call is not one that edgeproof makes ([`crate::CALLS`]); it was not sent.
    #[error("{action} {object}: {call}")]
    NotListed {
        /// What was tried.
        action: &'static str,
        /// On what.
        object: String,
        /// The call, in words.
        call: String,
    },
    /// The engine took longer than the call may take.
    #[error("{action} {object}: no answer within {} s", limit.as_secs())]
    TimedOut {
        /// What was tried.
        action: &'static str,
        /// On what.
        object: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The engine's answer makes no sense here.
    #[error("{action} {object}: unexpected answer of the engine: {reason}")]
    Malformed {
        /// What was tried.
        action: &'static str,
        /// On what.
        object: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The stream of events ended and cannot be taken up again.
    #[error("follow the engine's events: the engine ended them")]
    EventsLost,
    /// The engine was gone for a while and ended a container with it, or lost sight of its end.
    #[error(
        "follow container {container}: the engine ended its events and the container does not run any more, as after a restart of the engine"
    )]
    Restarted {
        /// Id of the container.
        container: String,
    },
    /// Another run holds the engine.
    #[error("lock the engine: another run holds it: {holder}")]
    Busy {
        /// Run and owner of the holder.
        holder: String,
    },
    /// An image archive could not be read.
    #[error("read the image archive {}", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The owner of something could not be looked up.
    #[error(transparent)]
    Owner(#[from] OwnerError),
}

impl EngineError {
    /// Whether the engine itself is lost, so that nothing can be said of the module.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            EngineError::Unreachable { .. }
                | EngineError::TooOld { .. }
                | EngineError::EventsLost
                | EngineError::Restarted { .. }
        )
    }

    /// Whether the thing asked for is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, EngineError::NotFound { .. })
    }

    /// The engine's own words where it refused or did not find, for a diagnosis by their meaning.
    #[must_use]
    pub fn engine_words(&self) -> Option<&str> {
        match self {
            EngineError::NotFound { message, .. } | EngineError::Refused { message, .. } => {
                Some(message)
            }
            EngineError::Unreachable { .. }
            | EngineError::TooOld { .. }
            | EngineError::NotListed { .. }
            | EngineError::TimedOut { .. }
            | EngineError::Malformed { .. }
            | EngineError::EventsLost
            | EngineError::Restarted { .. }
            | EngineError::Busy { .. }
            | EngineError::Archive { .. }
            | EngineError::Owner(_) => None,
        }
    }

    /// Whether the engine answered and said no: a fact about what was asked, not trouble with the engine.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.engine_words().is_some()
    }

    /// The engine's own words of a refusal, else the whole message.
    #[must_use]
    pub fn reply(&self) -> String {
        self.engine_words()
            .map_or_else(|| self.to_string(), str::to_owned)
    }

    /// The HTTP status of a refusal.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            EngineError::Refused { status, .. } => *status,
            EngineError::NotFound { .. } => Some(404),
            EngineError::Unreachable { .. }
            | EngineError::TooOld { .. }
            | EngineError::NotListed { .. }
            | EngineError::TimedOut { .. }
            | EngineError::Malformed { .. }
            | EngineError::EventsLost
            | EngineError::Restarted { .. }
            | EngineError::Busy { .. }
            | EngineError::Archive { .. }
            | EngineError::Owner(_) => None,
        }
    }
}

/// What was being done when an error came, so that its message can name it.
#[derive(Debug, Clone)]
pub(crate) struct Doing {
    /// The engine spoken to, and who speaks.
    pub(crate) line: Line,
    /// What: `start`.
    pub(crate) action: &'static str,
    /// On what: `container 3f2a…`.
    pub(crate) object: String,
    /// How long it may take.
    pub(crate) limit: Duration,
}

impl Doing {
    /// The engine's answer with an error status.
    pub(crate) fn refused(&self, status: u16, message: String) -> EngineError {
        let (action, object) = (self.action, self.object.clone());
        if status == 404 {
            EngineError::NotFound {
                action,
                object,
                message,
            }
        } else {
            EngineError::Refused {
                action,
                object,
                status: Some(status),
                message,
            }
        }
    }

    /// A broken or missing connection.
    pub(crate) fn unreachable(&self, reason: impl ToString) -> EngineError {
        EngineError::Unreachable {
            socket: self.line.socket.clone(),
            reason: reason.to_string(),
        }
    }

    /// No answer in time: the next call asks first whether there is anybody.
    pub(crate) fn timed_out(&self) -> EngineError {
        self.line.silence.begin();
        self.no_answer(self.limit)
    }

    fn no_answer(&self, limit: Duration) -> EngineError {
        EngineError::TimedOut {
            action: self.action,
            object: self.object.clone(),
            limit,
        }
    }

    /// An answer that makes no sense.
    pub(crate) fn malformed(&self, reason: impl ToString) -> EngineError {
        EngineError::Malformed {
            action: self.action,
            object: self.object.clone(),
            reason: reason.to_string(),
        }
    }

    /// A call that was stopped.
    fn not_listed(&self, stopped: &NotListed) -> EngineError {
        EngineError::NotListed {
            action: self.action,
            object: self.object.clone(),
            call: stopped.to_string(),
        }
    }

    /// A request without an answer.
    pub(crate) fn unanswered(&self, error: &LineError) -> EngineError {
        match error {
            LineError::NotListed(stopped) => self.not_listed(stopped),
            LineError::Silent(Silent) => self.no_answer(PING_WITHIN),
            LineError::Socket(error) => self.unreachable(error),
            LineError::Http(error) => self.unreachable(chain(error)),
        }
    }

    /// An error of bollard in edgeproof's words.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "bollard's error enum grows with its features; every other variant is a fault of request or answer"
    )]
    pub(crate) fn failed(&self, error: BollardError) -> EngineError {
        match error {
            BollardError::DockerResponseServerError {
                status_code,
                message,
            } => self.refused(status_code, message),
            BollardError::DockerStreamError { error } => EngineError::Refused {
                action: self.action,
                object: self.object.clone(),
                status: None,
                message: error,
            },
            BollardError::RequestTimeoutError => self.timed_out(),
            BollardError::IOError { err } => match err.downcast::<NotListed>() {
                Ok(stopped) => self.not_listed(&stopped),
                Err(err) => match err.downcast::<Silent>() {
                    Ok(Silent) => self.no_answer(PING_WITHIN),
                    Err(err) => self.unreachable(err),
                },
            },
            BollardError::HyperResponseError { err } => self.unreachable(chain(&err)),
            BollardError::HyperLegacyError { err } => self.unreachable(chain(&err)),
            BollardError::SocketNotFoundError(_) => self.unreachable("no such socket"),
            other => self.malformed(other),
        }
    }
}

/// An error with all of its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doing() -> Doing {
        Doing {
            line: Line {
                socket: "/run/engine.sock".into(),
                caller: crate::Caller::Probe,
                silence: crate::silence::Silence::default(),
            },
            action: "start",
            object: "container abc".to_owned(),
            limit: Duration::from_secs(60),
        }
    }

    #[test]
    fn an_error_names_what_was_tried_on_what() {
        let refused = doing().refused(500, "port is already allocated".to_owned());
        assert_eq!(
            refused.to_string(),
            "start container abc: port is already allocated"
        );
        assert_eq!(refused.engine_words(), Some("port is already allocated"));
        assert!(!refused.is_unreachable());
    }

    #[test]
    fn a_missing_thing_and_a_lost_engine_are_variants_of_their_own() {
        assert!(doing().refused(404, "gone".to_owned()).is_not_found());
        let lost = doing().failed(BollardError::IOError {
            err: std::io::Error::other("connection reset"),
        });
        assert!(lost.is_unreachable());
        assert_eq!(
            lost.to_string(),
            "reach the container engine at /run/engine.sock: connection reset"
        );
    }
}
