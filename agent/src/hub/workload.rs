//! Client of the IoT Edge workload API: asks the runtime to sign and for the roots to trust.
//!
//! One connection a request, as the SDKs do: aziot-edged serves at most ten at a time per user.
//! Source: `edgelet/api/workloadVersion_2020_07_07.yaml` of Azure/iotedge.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::sas::encode;

/// Longest answer read: a trust bundle of a few dozen certificates is far below it.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Longest wait for an answer. A signature takes about 3 s while aziot-edged cannot reach its hub.
const PATIENCE: Duration = Duration::from_secs(30);

/// Version asked for when the runtime refuses the one it announced.
const FALLBACK_VERSION: &str = "2018-06-28";

/// Where the workload API listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// A unix socket.
    Unix(PathBuf),
    /// Host and port of a plain HTTP listener, as in `localhost:8081`.
    Http(String),
}

impl Endpoint {
    /// Reads `unix:///path` or `http://host:port`.
    ///
    /// # Errors
    /// What is wrong, fit to follow the name of the variable.
    pub(super) fn parse(uri: &str) -> Result<Endpoint, String> {
        if let Some(path) = uri.strip_prefix("unix://") {
            if path.starts_with('/') && path.len() > 1 {
                return Ok(Endpoint::Unix(PathBuf::from(path)));
            }
        } else if let Some(rest) = uri.strip_prefix("http://") {
            let authority = rest.strip_suffix('/').unwrap_or(rest);
            let port = authority
                .rsplit_once(':')
                .map(|(_, port)| port.parse::<u16>());
            if let (Some(Ok(_)), false) = (port, authority.contains('/')) {
                return Ok(Endpoint::Http(authority.to_owned()));
            }
        }
        Err(format!(
            "{uri:?} is neither unix:///path nor http://host:port"
        ))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Unix(path) => write!(f, "unix://{}", path.display()),
            Endpoint::Http(authority) => write!(f, "http://{authority}"),
        }
    }
}

/// Why the workload API did not help.
#[derive(Debug, Error)]
pub enum WorkloadError {
    /// Nothing listens there, or we may not connect.
    #[error("connect to the workload API at {at}: {source}")]
    Connect {
        /// The workload URI.
        at: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The request or its answer broke off.
    #[error("workload API at {at}, {request}: {source}")]
    Http {
        /// The workload URI.
        at: String,
        /// Method and path.
        request: String,
        /// What HTTP said.
        source: hyper::Error,
    },
    /// The runtime refused.
    #[error("workload API at {at}, {request}: status {status}: {message}")]
    Status {
        /// The workload URI.
        at: String,
        /// Method and path.
        request: String,
        /// HTTP status.
        status: u16,
        /// The runtime's own words.
        message: String,
    },
    /// The answer was not what the contract says.
    #[error("workload API at {at}, {request}: {reason}")]
    Answer {
        /// The workload URI.
        at: String,
        /// Method and path.
        request: String,
        /// What was wrong with it.
        reason: String,
    },
    /// No answer in time.
    #[error("workload API at {at}, {request}: no answer within {seconds} s")]
    Timeout {
        /// The workload URI.
        at: String,
        /// Method and path.
        request: String,
        /// How long we waited.
        seconds: u64,
    },
}

/// One module's view of the workload API.
#[derive(Debug)]
pub(super) struct Workload<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) api_version: &'a str,
}

#[derive(Deserialize)]
struct Signed {
    digest: String,
}

#[derive(Deserialize)]
struct TrustBundle {
    certificate: String,
}

#[derive(Deserialize)]
struct Failure {
    message: String,
}

impl Workload<'_> {
    /// HMAC-SHA256 of `text` under the module's key, in base64.
    pub(super) async fn sign(
        &self,
        module: &str,
        generation: &str,
        text: &str,
    ) -> Result<String, WorkloadError> {
        let path = format!(
            "/modules/{}/genid/{}/sign",
            encode(module),
            encode(generation)
        );
        let body = json!({"keyId": "primary", "algo": "HMACSHA256", "data": STANDARD.encode(text)});
        let answer = self.ask(Method::POST, &path, body.to_string()).await?;
        let signed: Signed = self.read("POST", &path, &answer)?;
        match STANDARD.decode(&signed.digest) {
            Ok(_) => Ok(signed.digest),
            Err(error) => Err(self.unusable("POST", &path, format!("digest: {error}"))),
        }
    }

    /// The certificates to trust, as PEM.
    pub(super) async fn trust_bundle(&self) -> Result<String, WorkloadError> {
        let path = "/trust-bundle";
        let answer = self.ask(Method::GET, path, String::new()).await?;
        Ok(self.read::<TrustBundle>("GET", path, &answer)?.certificate)
    }

    async fn ask(&self, method: Method, path: &str, body: String) -> Result<Bytes, WorkloadError> {
        let first = self.ask_as(self.api_version, &method, path, &body).await;
        match first {
            Err(WorkloadError::Status { status: 400, .. })
                if self.api_version != FALLBACK_VERSION =>
            {
                self.ask_as(FALLBACK_VERSION, &method, path, &body).await
            }
            other => other,
        }
    }

    async fn ask_as(
        &self,
        api_version: &str,
        method: &Method,
        path: &str,
        body: &str,
    ) -> Result<Bytes, WorkloadError> {
        let mut request = Request::new(Full::new(Bytes::from(body.to_owned())));
        *request.method_mut() = method.clone();
        let target = format!("{path}?api-version={}", encode(api_version));
        *request.uri_mut() = target
            .parse()
            .map_err(|error| self.unusable(method.as_str(), path, format!("{error}")))?;
        let json = header::HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
        let host = header::HeaderValue::from_static("localhost");
        request.headers_mut().insert(header::HOST, host);
        let exchange = async {
            match self.endpoint {
                Endpoint::Unix(socket) => {
                    self.exchange(UnixStream::connect(socket).await, path, request)
                        .await
                }
                Endpoint::Http(authority) => {
                    self.exchange(TcpStream::connect(authority).await, path, request)
                        .await
                }
            }
        };
        timeout(PATIENCE, exchange).await.unwrap_or_else(|_| {
            Err(WorkloadError::Timeout {
                at: self.endpoint.to_string(),
                request: format!("{method} {path}"),
                seconds: PATIENCE.as_secs(),
            })
        })
    }

    async fn exchange<S>(
        &self,
        stream: std::io::Result<S>,
        path: &str,
        request: Request<Full<Bytes>>,
    ) -> Result<Bytes, WorkloadError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let method = request.method().clone();
        let stream = stream.map_err(|source| WorkloadError::Connect {
            at: self.endpoint.to_string(),
            source,
        })?;
        let broken = |source| WorkloadError::Http {
            at: self.endpoint.to_string(),
            request: format!("{method} {path}"),
            source,
        };
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        // The connection's own error, if any, also ends the request with an error.
        let driver = tokio::spawn(connection);
        let answer = sender.send_request(request).await.map_err(broken);
        let result = match answer {
            Ok(answer) => {
                let status = answer.status();
                match Limited::new(answer.into_body(), MAX_ANSWER_BYTES)
                    .collect()
                    .await
                {
                    Ok(body) => self.judge(method.as_str(), path, status, body.to_bytes()),
                    Err(error) => Err(self.unusable(method.as_str(), path, error.to_string())),
                }
            }
            Err(error) => Err(error),
        };
        driver.abort();
        result
    }

    fn judge(
        &self,
        method: &str,
        path: &str,
        status: StatusCode,
        body: Bytes,
    ) -> Result<Bytes, WorkloadError> {
        if status == StatusCode::OK {
            return Ok(body);
        }
        let words = serde_json::from_slice::<Failure>(&body).map(|failure| failure.message);
        Err(WorkloadError::Status {
            at: self.endpoint.to_string(),
            request: format!("{method} {path}"),
            status: status.as_u16(),
            message: words.unwrap_or_else(|_| "no reason given".to_owned()),
        })
    }

    fn read<T: for<'de> Deserialize<'de>>(
        &self,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Result<T, WorkloadError> {
        serde_json::from_slice(body)
            .map_err(|error| self.unusable(method, path, format!("answer: {error}")))
    }

    fn unusable(&self, method: &str, path: &str, reason: String) -> WorkloadError {
        WorkloadError::Answer {
            at: self.endpoint.to_string(),
            request: format!("{method} {path}"),
            reason,
        }
    }
}

#[cfg(test)]
mod tests;
