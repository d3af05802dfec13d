//! HTTP/1.1 on a unix socket: opens it, takes requests within the daemon's limits, and notes each one.

use std::collections::HashMap;
use std::convert::Infallible;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};

use super::api::{self, Answer, Request, WorkloadIdentity};
use super::{WorkloadError, WorkloadRequest};

/// Connections at once from one user id; further ones are dropped, as the daemon does.
const PER_USER: usize = 10;

/// A body must have arrived within this time.
const BODY_WITHIN: Duration = Duration::from_secs(5);

/// Largest body; nothing in the API comes near it.
const BODY: usize = 1024 * 1024;

/// Requests that are kept; the first ones tell how a module starts, later ones only repeat it.
const KEPT: usize = 10_000;

/// A socket being listened on.
#[derive(Debug)]
pub(super) struct Listening {
    path: PathBuf,
    log: Arc<Log>,
    accepting: JoinHandle<()>,
}

impl Listening {
    pub(super) fn requests(&self) -> Vec<WorkloadRequest> {
        locked(&self.log.requests).clone()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.accepting.abort();
        // It may be gone already, with the directory of the run.
        let _removed = std::fs::remove_file(&self.path);
    }
}

#[derive(Debug)]
struct Log {
    identity: WorkloadIdentity,
    opened: Instant,
    requests: Mutex<Vec<WorkloadRequest>>,
}

/// Opens `path` with mode 0666 and starts to answer.
pub(super) async fn listen(
    path: &Path,
    identity: WorkloadIdentity,
) -> Result<Listening, WorkloadError> {
    let failed = |source| WorkloadError::Open {
        path: path.to_owned(),
        source,
    };
    remove_dead_socket(path).await?;
    let listener = UnixListener::bind(path).map_err(failed)?;
    // Candidates run as any user, so everybody may speak here.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666)).map_err(failed)?;
    let log = Arc::new(Log {
        identity,
        opened: Instant::now(),
        requests: Mutex::new(Vec::new()),
    });
    Ok(Listening {
        path: path.to_owned(),
        log: Arc::clone(&log),
        accepting: tokio::spawn(accept(listener, log)),
    })
}

/// A socket whose owner died refuses connections; only such a one is removed.
async fn remove_dead_socket(path: &Path) -> Result<(), WorkloadError> {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    if !is_socket {
        return Ok(());
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(|source| WorkloadError::Open {
                path: path.to_owned(),
                source,
            })
        }
        Ok(_) | Err(_) => Err(WorkloadError::InUse {
            path: path.to_owned(),
        }),
    }
}

async fn accept(listener: UnixListener, log: Arc<Log>) {
    let users: Arc<Mutex<HashMap<Option<u32>, usize>>> = Arc::default();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_ended) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let uid = stream.peer_cred().ok().map(|peer| peer.uid());
                    if let Some(place) = Place::take(&users, uid) {
                        connections.spawn(connection(stream, Arc::clone(&log), place));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "failed to accept on the workload socket");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

/// One of a user's places; given back when dropped.
struct Place {
    users: Arc<Mutex<HashMap<Option<u32>, usize>>>,
    uid: Option<u32>,
}

impl Place {
    fn take(users: &Arc<Mutex<HashMap<Option<u32>, usize>>>, uid: Option<u32>) -> Option<Self> {
        let mut taken = locked(users);
        let count = taken.entry(uid).or_insert(0);
        if *count >= PER_USER {
            return None;
        }
        *count += 1;
        Some(Self {
            users: Arc::clone(users),
            uid,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = locked(&self.users);
        if let Some(count) = taken.get_mut(&self.uid) {
            *count -= 1;
        }
    }
}

async fn connection(stream: UnixStream, log: Arc<Log>, place: Place) {
    let uid = place.uid;
    let service = service_fn(move |request| respond(Arc::clone(&log), uid, request));
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(60))
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a workload client broke off");
    }
}

async fn respond(
    log: Arc<Log>,
    peer_uid: Option<u32>,
    request: hyper::Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let method = request.method().to_string();
    let target = request.uri().to_string();
    let answer = answer(&log.identity, request).await;
    let mut requests = locked(&log.requests);
    if requests.len() < KEPT {
        requests.push(WorkloadRequest {
            method,
            path: target,
            status: answer.status,
            at: log.opened.elapsed(),
            peer_uid,
        });
    }
    drop(requests);
    Ok(response(&answer))
}

async fn answer(identity: &WorkloadIdentity, request: hyper::Request<Incoming>) -> Answer {
    match read(request).await {
        Ok(request) => api::answer(identity, &request, SystemTime::now()),
        Err(answer) => answer,
    }
}

async fn read(request: hyper::Request<Incoming>) -> Result<Request, Answer> {
    let (head, body) = request.into_parts();
    let content_type = head.headers.get(CONTENT_TYPE);
    let body = match timeout(BODY_WITHIN, Limited::new(body, BODY).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) => {
            return Err(Answer::error(
                400,
                format!("the body cannot be read: {error}"),
            ));
        }
        Err(_) => return Err(Answer::error(408, "the body did not arrive in time")),
    };
    Ok(Request {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        content_type: content_type
            .map(|kind| String::from_utf8_lossy(kind.as_bytes()).into_owned()),
        body,
    })
}

fn response(answer: &Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answer.body.to_string())));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = hyper::header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
