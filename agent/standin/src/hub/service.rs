//! IoT Hub's REST service API: identities, twins, direct methods, queries and configurations, over the same registry as MQTT and AMQP.
//!
//! What is served and what differs from the real hub: `docs/local-hub.md`. Source: "IoT Hub REST API" (Microsoft Learn) and the
//! requests of `azure-iot-hub` 2.6.1 for Python. It must not judge a module.

mod access;
mod answer;
mod authentication;
mod configurations;
mod content;
mod http;
mod identities;
mod methods;
mod query;
mod route;
mod twins;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::error::HubError;
use super::limits::Mode;
use super::registry::Precondition;
use super::session::Shared;
use super::stream::{self, Stream, unix_millis};
use super::x509::Authorities;
use super::{Identity, LocalHub};
use access::{Keys, Visitor};
use answer::{Answer, INVALID_API_VERSION, NO_SUCH_ROUTE, THROTTLED, UNREADABLE, WRONG_METHOD};
use configurations::Configurations;
use route::{Astray, Route};

pub use access::Policy;
pub(crate) use access::consumer;
pub(crate) use http::serve;

/// Connections at once.
const CONNECTIONS: usize = 256;

/// What the service API keeps beside the registry.
#[derive(Debug)]
pub(crate) struct Service {
    keys: Keys,
    /// The messages that came to the cloud.
    pub(crate) stream: Arc<Stream>,
    /// Who vouches for certificates of the type `certificateAuthority`.
    pub(crate) authorities: Authorities,
    configurations: Mutex<Configurations>,
    throttle: Mutex<Throttle>,
    places: Semaphore,
}

/// How many of the next requests are turned away, and when they may come again.
#[derive(Debug, Default)]
struct Throttle {
    requests: u32,
    retry_after: Duration,
}

/// One request, read whole.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: String,
    path: String,
    query: String,
    authorization: Option<String>,
    if_match: Option<String>,
    max_items: Option<String>,
    continuation: Option<String>,
    /// Seconds since the Unix epoch.
    now: u64,
    body: Bytes,
}

impl Service {
    pub(crate) fn new() -> Result<Self, HubError> {
        Ok(Self {
            keys: Keys::new()?,
            stream: Arc::new(Stream::new(unix_millis())),
            authorities: Authorities::default(),
            configurations: Mutex::default(),
            throttle: Mutex::default(),
            places: Semaphore::new(CONNECTIONS),
        })
    }

    /// How long this request is to wait, if it is one to turn away.
    fn throttled(&self) -> Option<Duration> {
        let mut throttle = self.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        throttle.requests = throttle.requests.checked_sub(1)?;
        Some(throttle.retry_after)
    }
}

impl LocalHub {
    /// Where the hub serves its service API, if it does.
    pub fn service_address(&self) -> Option<SocketAddr> {
        self.service
    }

    /// `HostName=…;SharedAccessKeyName=…;SharedAccessKey=…` of a policy; the host carries the port. `None` where no service API is served.
    pub fn service_connection_string(&self, policy: Policy) -> Option<String> {
        let port = self.service?.port();
        let host = self.shared.names.first()?;
        Some(format!("HostName={host}:{port};{}", self.key_of(policy)))
    }

    /// Where the hub serves the Event Hubs-compatible endpoint, if it does.
    pub fn events_address(&self) -> Option<SocketAddr> {
        self.consumers
    }

    /// `Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…;EntityPath=…` of a policy; the port is told where it is not 5671.
    /// `None` where the endpoint is not served.
    pub fn events_connection_string(&self, policy: Policy) -> Option<String> {
        let port = match self.consumers?.port() {
            5671 => String::new(),
            port => format!(":{port}"),
        };
        let host = self.shared.names.first()?;
        let entity = stream::entity(&self.shared.host);
        Some(format!(
            "Endpoint=sb://{host}{port}/;{};EntityPath={entity}",
            self.key_of(policy)
        ))
    }

    /// `SharedAccessKeyName=…;SharedAccessKey=…`.
    fn key_of(&self, policy: Policy) -> String {
        let key = STANDARD.encode(self.shared.service.keys.of(policy));
        let name = policy.name();
        format!("SharedAccessKeyName={name};SharedAccessKey={key}")
    }

    /// Turns the next so many requests to the service API away with 429; `retry_after` is told in whole seconds.
    pub fn throttle_service(&self, requests: u32, retry_after: Duration) {
        let throttle = &self.shared.service.throttle;
        *throttle.lock().unwrap_or_else(PoisonError::into_inner) = Throttle {
            requests,
            retry_after,
        };
    }

    /// Registers the IoT Edge device that a module of this program's own making runs on, so that the service API finds it.
    pub(super) fn register_device_of(&self, module: &Identity) -> Result<(), HubError> {
        let Identity::Module { device, .. } = module else {
            return Ok(());
        };
        if self.service.is_none()
            || self
                .shared
                .registry
                .known(&Identity::device(device))
                .is_some()
        {
            return Ok(());
        }
        identities::make_edge_device(&self.shared.registry, device)
    }
}

/// Answers one request.
async fn answer(shared: &Arc<Shared>, request: &Request) -> Answer {
    match checked(shared, request) {
        Err(refusal) => refusal,
        Ok(route) => act(shared, &route, request).await,
    }
}

/// The route of a request that may go on.
fn checked(shared: &Shared, request: &Request) -> Result<Route, Answer> {
    let not_served = |code| {
        let what = format!("{} {} is not served", request.method, request.path);
        Answer::error(code, what)
    };
    let path = route::segments(&request.path).ok_or_else(|| not_served(NO_SUCH_ROUTE))?;
    let route = route::route(&request.method, &path).map_err(|astray| match astray {
        Astray::Path => not_served(NO_SUCH_ROUTE),
        Astray::Method => not_served(WRONG_METHOD),
    })?;
    let version = parameter(&request.query, "api-version").unwrap_or_default();
    if !Mode::IotHub.accepts_api_version(&version) {
        let why = format!("the api-version `{version}` is no date");
        return Err(Answer::error(INVALID_API_VERSION, why));
    }
    let visitor = Visitor {
        authorization: request.authorization.as_deref(),
        path: &path,
        route: &route,
        now: request.now,
    };
    access::admit(shared, visitor)?;
    match shared.service.throttled() {
        None => Ok(route),
        Some(wait) => {
            let refusal = Answer::error(THROTTLED, "the request rate is over the hub's limit");
            Err(refusal.with("retry-after", wait.as_secs().to_string()))
        }
    }
}

async fn act(shared: &Arc<Shared>, route: &Route, request: &Request) -> Answer {
    let done = match route {
        Route::Devices => identities::devices(shared, request),
        Route::Modules { device } => identities::modules(shared, device),
        Route::Identity { verb, identity } => identities::act(shared, *verb, identity, request),
        Route::Twin { verb, identity } => twins::act(shared, *verb, identity, request),
        Route::Method { identity } => methods::call(shared, identity, request).await,
        Route::Query => twins::query(shared, request),
        Route::Apply { device } => configurations::apply(shared, device, request),
        Route::Configurations => configurations::list(shared, request),
        Route::TestQueries => configurations::test_queries(request),
        Route::Configuration { verb, id } => configurations::act(shared, *verb, id, request),
    };
    done.unwrap_or_else(|refusal| refusal)
}

impl Request {
    /// The body as JSON.
    fn json(&self) -> Result<Value, Answer> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Answer::error(UNREADABLE, format!("the body is not JSON: {error}")))
    }

    /// What `If-Match` asks for.
    fn precondition(&self) -> Precondition {
        match self.if_match.as_deref().map(str::trim) {
            None => Precondition::None,
            Some("*" | "\"*\"") => Precondition::Exists,
            Some(etag) => Precondition::Etag(etag.trim_matches('"').to_owned()),
        }
    }

    /// How many are wanted at most, by `top`, within 1 and `most`.
    fn top(&self, most: usize) -> usize {
        let top = parameter(&self.query, "top").and_then(|top| top.parse().ok());
        top.unwrap_or(most).clamp(1, most)
    }
}

/// A parameter of a query string, decoded once.
fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests;
