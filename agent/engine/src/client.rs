//! One engine behind one unix socket: connecting, asking what it is, and how long each call may take.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::Docker;
use conformance::record::EngineFacts;

use crate::calls::Caller;
use crate::creations::Creations;
use crate::error::{Doing, EngineError};
use crate::exact;
use crate::facts::engine_facts;
use crate::line::Line;
use crate::silence::Silence;

/// How long an ordinary call may take: creating a container on a slow SD card takes many seconds.
const ORDINARY: Duration = Duration::from_secs(60);

/// How long pulling or loading an image may go without a sign of life.
pub(crate) const IMAGE_CALL: Duration = Duration::from_secs(30 * 60);

/// The oldest API version edgeproof works with: Docker 20.10.
pub(crate) const OLDEST_API: (u32, u32) = (1, 41);

/// A container engine. Cheap to clone; every call opens a connection of its own.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) docker: Docker,
    line: Line,
    api_version: (u32, u32),
    pub(crate) proc_root: Option<PathBuf>,
    pub(crate) creations: Creations,
}

impl Engine {
    /// Connects the probe to the engine behind a unix socket and asks for its version.
    ///
    /// # Errors
    /// [`EngineError::Unreachable`] if nobody answers, [`EngineError::TooOld`] below API 1.41.
    pub async fn connect(socket: &Path) -> Result<Engine, EngineError> {
        Engine::connect_as(Caller::Probe, socket).await
    }

    /// The same for whoever makes the calls: each has a list of its own ([`crate::CALLS`]).
    ///
    /// # Errors
    /// As [`Engine::connect`].
    pub async fn connect_as(caller: Caller, socket: &Path) -> Result<Engine, EngineError> {
        let line = Line {
            socket: socket.to_owned(),
            caller,
            silence: Silence::default(),
        };
        let doing = Doing {
            line: line.clone(),
            action: "ask",
            object: "the engine's version".to_owned(),
            limit: ORDINARY,
        };
        let version = exact::get(&doing, "/version").await?;
        let speaks = version["ApiVersion"].as_str().unwrap_or_default();
        let api_version = api_version(speaks)
            .ok_or_else(|| doing.malformed(format!("ApiVersion is `{speaks}`")))?;
        if api_version < OLDEST_API {
            return Err(EngineError::TooOld {
                socket: socket.to_owned(),
                speaks: speaks.to_owned(),
            });
        }
        let docker = line.docker(ORDINARY.as_secs());
        let docker = docker.map_err(|error| doing.failed(error))?;
        Ok(Engine {
            docker,
            line,
            api_version,
            proc_root: None,
            creations: Creations::default(),
        })
    }

    /// The same engine, with the host's `/proc` at hand: a lock can then tell that the process which holds it is dead.
    /// It must be the `/proc` of the host's pid namespace; without one, a process that holds the lock is taken for alive.
    #[must_use]
    pub fn with_proc_root(self, proc_root: &Path) -> Engine {
        Engine {
            proc_root: Some(proc_root.to_owned()),
            ..self
        }
    }

    /// The socket through which this engine is spoken to.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.line.socket
    }

    /// Whether the engine speaks this API version or a newer one.
    #[must_use]
    pub fn speaks(&self, major: u32, minor: u32) -> bool {
        self.api_version >= (major, minor)
    }

    /// The engine as it describes itself.
    ///
    /// # Errors
    /// If it cannot be asked, or leaves out what every engine tells.
    pub async fn facts(&self) -> Result<EngineFacts, EngineError> {
        let doing = self.doing("ask", "the engine about itself".to_owned());
        let version = exact::get(&doing, "/version").await?;
        let info = exact::get(&doing, "/info").await?;
        engine_facts(&version, &info).map_err(|reason| doing.malformed(reason))
    }

    /// Whether the engine answers.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ping(&self) -> Result<(), EngineError> {
        let doing = self.doing("ping", "the engine".to_owned());
        let answer = self.docker.ping().await;
        answer.map(|_| ()).map_err(|error| doing.failed(error))
    }

    /// The words for an ordinary call on one object.
    pub(crate) fn doing(&self, action: &'static str, object: String) -> Doing {
        Doing {
            line: self.line.clone(),
            action,
            object,
            limit: ORDINARY,
        }
    }

    /// The same engine with another limit for the head of an answer.
    pub(crate) fn patient(&self, limit: Duration) -> Docker {
        self.docker.clone().with_timeout(limit)
    }
}

/// `1.41` as numbers.
fn api_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_versions_compare_as_numbers() {
        assert!(api_version("1.100") > api_version("1.41"));
        assert!(api_version("1.9").is_some_and(|old| old < OLDEST_API));
        assert_eq!(api_version("1"), None);
        assert_eq!(api_version("1.x"), None);
    }

    #[tokio::test]
    async fn a_missing_socket_is_an_unreachable_engine() {
        let dir = tempfile::tempdir().unwrap();
        let lost = Engine::connect(&dir.path().join("none.sock"))
            .await
            .unwrap_err();
        assert!(lost.is_unreachable(), "{lost}");
        assert!(lost.to_string().contains("none.sock"), "{lost}");
    }
}
