//! The one place where a request leaves for the engine, on a connection of its own, and where one off the list is stopped.

use std::io;
use std::path::PathBuf;

use bollard::errors::Error as BollardError;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use hyper::body::{Body, Incoming};
use hyper::header::{HOST, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::calls::{Caller, NotListed, allow};
use crate::silence::{PING_WITHIN, Silence, Silent};

/// The way to one engine, for one caller.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// The engine's socket.
    pub(crate) socket: PathBuf,
    /// Whose list of calls holds.
    pub(crate) caller: Caller,
    /// Whether a call went without an answer.
    pub(crate) silence: Silence,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    /// It never left.
    #[error(transparent)]
    NotListed(#[from] NotListed),
    /// It was kept back.
    #[error(transparent)]
    Silent(#[from] Silent),
    /// The socket cannot be reached.
    #[error(transparent)]
    Socket(#[from] io::Error),
    /// The connection broke.
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

impl Line {
    /// Sends a request whose URI is a path; a task drives the connection until either side ends it. An engine that was silent is
    /// asked for a ping first.
    pub(crate) async fn send<B>(&self, request: Request<B>) -> Result<Response<Incoming>, LineError>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        allow(self.caller, request.method().as_str(), request.uri().path())?;
        if self.silence.lasts() {
            let ping = Request::get("/_ping").header(HOST, "engine");
            let ping = ping
                .body(String::new())
                .expect("a path and a host are a request");
            let answered = timeout(PING_WITHIN, self.exchange(ping)).await;
            // Whatever it answers, it does.
            answered.map_err(|_| Silent)??;
            self.silence.end();
        }
        self.exchange(request).await
    }

    async fn exchange<B>(&self, request: Request<B>) -> Result<Response<Incoming>, LineError>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let socket = UnixStream::connect(&self.socket).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
        tokio::spawn(async move {
            // A container's streams are an upgraded connection.
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "connection to the engine ended");
            }
        });
        Ok(sender.send_request(request).await?)
    }

    /// bollard on this line; `seconds` is how long the head of an answer may take.
    pub(crate) fn docker(&self, seconds: u64) -> Result<Docker, BollardError> {
        let line = self.clone();
        Docker::connect_with_custom_transport(
            move |request: BollardRequest| {
                let line = line.clone();
                async move { line.send(for_a_socket(request)).await.map_err(as_bollard_s) }
            },
            Some("http://engine"),
            seconds,
            API_DEFAULT_VERSION,
        )
    }
}

/// bollard asks for `http://engine/version`; on a socket the path alone is sent, and the host as a header.
fn for_a_socket(request: BollardRequest) -> BollardRequest {
    let (mut head, body) = request.into_parts();
    head.uri = head
        .uri
        .path_and_query()
        .cloned()
        .map_or_else(Uri::default, |path: PathAndQuery| path.into());
    head.headers
        .insert(HOST, HeaderValue::from_static("engine"));
    Request::from_parts(head, body)
}

/// bollard has no variants of ours: what did not leave travels inside an I/O error, and `Doing::failed` takes it out again.
fn as_bollard_s(error: LineError) -> BollardError {
    match error {
        LineError::NotListed(stopped) => BollardError::IOError {
            err: io::Error::other(stopped),
        },
        LineError::Silent(silent) => BollardError::IOError {
            err: io::Error::other(silent),
        },
        LineError::Socket(err) => BollardError::IOError { err },
        LineError::Http(err) => BollardError::HyperResponseError { err },
    }
}

#[cfg(test)]
mod tests {
    use bollard::query_parameters::PruneVolumesOptions;
    use tokio::net::UnixListener;

    use super::*;
    use crate::error::Doing;

    /// A socket at which nothing may arrive.
    fn line(directory: &tempfile::TempDir, caller: Caller) -> (Line, UnixListener) {
        let socket = directory.path().join("engine.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let line = Line {
            socket,
            caller,
            silence: Silence::default(),
        };
        (line, listener)
    }

    async fn nothing_arrived(listener: &UnixListener) {
        let waited = std::time::Duration::from_millis(50);
        let arrived = tokio::time::timeout(waited, listener.accept()).await;
        assert!(arrived.is_err(), "something was sent");
    }

    #[tokio::test]
    async fn a_call_off_the_list_never_reaches_the_socket_whichever_way_it_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let (line, listener) = line(&directory, Caller::Probe);
        let doing = Doing {
            line: line.clone(),
            action: "remove",
            object: "every volume".to_owned(),
            limit: std::time::Duration::from_secs(1),
        };
        let docker = line.docker(1).unwrap();
        let pruned = docker.prune_volumes(None::<PruneVolumesOptions>).await;
        let stopped = doing.failed(pruned.unwrap_err());
        assert_eq!(
            stopped.to_string(),
            "remove every volume: `POST /volumes/prune` is not on the list of engine calls"
        );
        assert!(matches!(stopped, crate::EngineError::NotListed { .. }));
        assert!(!stopped.is_refusal() && !stopped.is_unreachable());
        let byte_for_byte = crate::exact::get(&doing, "/system/df?type=volume").await;
        assert_eq!(
            byte_for_byte.unwrap_err().to_string(),
            "remove every volume: `GET /system/df` is not on the list of engine calls"
        );
        nothing_arrived(&listener).await;
    }

    #[tokio::test]
    async fn what_is_the_lab_s_alone_the_probe_cannot_do() {
        let directory = tempfile::tempdir().unwrap();
        let (line, listener) = line(&directory, Caller::Probe);
        let request = Request::post("/images/load").body(String::new()).unwrap();
        let stopped = line.send(request).await.unwrap_err();
        assert!(matches!(stopped, LineError::NotListed(_)), "{stopped}");
        nothing_arrived(&listener).await;
    }
}
