//! Sends requests of the service API and hands back answers: TLS, signature, time limits, attempts. It reads no body.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, RETRY_AFTER};
use serde_json::Value;

use super::answer::{self, Answer, Configuration, MethodAnswer, Page, Twin};
use super::connection_string::ConnectionString;
use super::error::ServiceError;
use super::request::{self, Match, Request, Verb, Who};
use super::retry::{self, Failure};
use super::{sas, skew};

/// How long it may take to reach the hub.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest answer read: a page of a hundred twins of 72 KB at most.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;
/// Items asked for at once.
const PAGE: usize = 100;
/// Most pages of one query.
const MOST_PAGES: usize = 1_000;

/// A hub's service API. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Service {
    http: reqwest::Client,
    connection: Arc<ConnectionString>,
    now: fn() -> SystemTime,
}

impl Service {
    /// A client for the hub of a connection string. With `ca_pem` only that authority is trusted, for a local hub; without it, what
    /// the system trusts.
    ///
    /// # Errors
    /// The authority is no certificate, or the system's cannot be read.
    pub fn new(
        connection: ConnectionString,
        ca_pem: Option<&[u8]>,
    ) -> Result<Service, ServiceError> {
        // Somebody may have been first; it is the same provider then.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .https_only(true)
            .user_agent(concat!("edgeproof/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = ca_pem {
            let trusted = reqwest::Certificate::from_pem_bundle(pem).map_err(set_up)?;
            if trusted.is_empty() {
                return Err(ServiceError::SetUp(
                    "the file of the authority holds no certificate".to_owned(),
                ));
            }
            builder = builder.tls_certs_only(trusted);
        }
        Ok(Service {
            http: builder.build().map_err(set_up)?,
            connection: Arc::new(connection),
            now: SystemTime::now,
        })
    }

    /// The same client with another wall clock, by which it makes its tokens.
    #[must_use]
    pub fn with_clock(self, now: fn() -> SystemTime) -> Service {
        Service { now, ..self }
    }

    /// The hub's host name.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.connection.host
    }

    /// Reads a twin; `None` where the hub knows no such device or module.
    ///
    /// # Errors
    /// The hub said no otherwise, or cannot be reached.
    pub async fn twin(&self, who: Who<'_>) -> Result<Option<Twin>, ServiceError> {
        let request = request::twin(who);
        let answer = self.send(&request).await?;
        match answer.status {
            404 => Ok(None),
            _ => answer::twin(&request.call, &answer).map(Some),
        }
    }

    /// Calls a direct method.
    ///
    /// # Errors
    /// The module is offline ([`ServiceError::is_offline`]), did not answer, or the hub cannot be reached.
    pub async fn method(
        &self,
        who: Who<'_>,
        name: &str,
        payload: &Value,
        within: Duration,
    ) -> Result<MethodAnswer, ServiceError> {
        let request = request::method(who, name, payload, within);
        answer::method(&request.call, &self.send(&request).await?)
    }

    /// Everything that a query finds, page by page.
    ///
    /// # Errors
    /// The hub does not take the query, or cannot be reached.
    pub async fn query(&self, text: &str) -> Result<Vec<Value>, ServiceError> {
        let mut found = Vec::new();
        let mut continuation: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let request = request::query(text, PAGE, continuation.as_deref());
            let Page {
                items,
                continuation: next,
            } = answer::page(&request.call, &self.send(&request).await?)?;
            found.extend(items);
            continuation = next;
            if continuation.is_none() {
                return Ok(found);
            }
        }
        Err(ServiceError::Unreadable {
            call: "query the twins".to_owned(),
            why: format!("more than {MOST_PAGES} pages"),
        })
    }

    /// Ids of the devices that meet a condition of the hub's query language.
    ///
    /// # Errors
    /// The hub does not take the condition, or cannot be reached.
    pub async fn devices_where(&self, condition: &str) -> Result<Vec<String>, ServiceError> {
        let text = format!("SELECT * FROM devices WHERE {condition}");
        let found = self.query(&text).await?;
        let ids = found.iter().filter_map(|twin| twin["deviceId"].as_str());
        Ok(ids.map(str::to_owned).collect())
    }

    /// Reads an automatic deployment; `None` where there is none.
    ///
    /// # Errors
    /// The hub said no otherwise, or cannot be reached.
    pub async fn configuration(&self, id: &str) -> Result<Option<Configuration>, ServiceError> {
        let request = request::configuration(id);
        answer::configuration(&request.call, &self.send(&request).await?)
    }

    /// What is wrong with a target condition, in the hub's words.
    ///
    /// # Errors
    /// The hub said no to the question itself, or cannot be reached.
    pub async fn condition_error(&self, condition: &str) -> Result<Option<String>, ServiceError> {
        let request = request::test_queries(condition);
        answer::condition(&request.call, &self.send(&request).await?)
    }

    /// Removes an automatic deployment in the state that was seen.
    ///
    /// # Errors
    /// It was changed since (412), or the hub cannot be reached.
    pub async fn delete_configuration(&self, id: &str, etag: &str) -> Result<(), ServiceError> {
        self.carry_out(&request::delete_configuration(id, Match::Etag(etag)))
            .await
            .map(|_| ())
    }

    /// Sends a request whose success is all that matters; the body, where there is one.
    ///
    /// # Errors
    /// The hub said no, or cannot be reached.
    pub async fn carry_out(&self, request: &Request) -> Result<Value, ServiceError> {
        answer::json(&request.call, &self.send(request).await?)
    }

    /// Sends a request, again where that is of use, and gives back the last answer, whatever it is.
    ///
    /// # Errors
    /// No whole answer came.
    pub async fn send(&self, request: &Request) -> Result<Answer, ServiceError> {
        let mut made = 0;
        loop {
            made += 1;
            let attempt = self.attempt(request).await;
            let (failure, retry_after) = match &attempt {
                Ok(answer) => (Failure::Status(answer.status), answer.retry_after),
                Err((failure, _)) => (*failure, None),
            };
            let wait = retry::wait(made, failure, retry_after, request.repeatable, jitter());
            match (wait, attempt) {
                (Some(wait), _) => {
                    tracing::info!(call = request.call, ?failure, ?wait, "again");
                    tokio::time::sleep(wait).await;
                }
                (None, Ok(answer)) => return Ok(answer),
                (None, Err((_, why))) => {
                    return Err(ServiceError::Unreachable {
                        call: request.call.clone(),
                        why,
                    });
                }
            }
        }
    }

    async fn attempt(&self, request: &Request) -> Result<Answer, (Failure, String)> {
        let now = (self.now)()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let verb = match request.verb {
            Verb::Get => reqwest::Method::GET,
            Verb::Post => reqwest::Method::POST,
            Verb::Put => reqwest::Method::PUT,
            Verb::Patch => reqwest::Method::PATCH,
            Verb::Delete => reqwest::Method::DELETE,
        };
        let url = format!("https://{}{}", self.connection.host, request.path);
        let mut sent = self
            .http
            .request(verb, url)
            .timeout(request.patience)
            .header(AUTHORIZATION, sas::token(&self.connection, now));
        for (name, value) in &request.headers {
            sent = sent.header(*name, value);
        }
        if let Some(body) = &request.body {
            sent = sent
                .header(CONTENT_TYPE, "application/json; charset=utf-8")
                .body(body.to_string());
        }
        let mut answer = sent.send().await.map_err(told)?;
        let header = |name: &str| {
            let value = answer.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let mut whole = Answer {
            status: answer.status().as_u16(),
            error_code: header("iothub-errorcode"),
            continuation: header("x-ms-continuation"),
            retry_after: header(RETRY_AFTER.as_str()).and_then(|text| text.trim().parse().ok()),
            skew: header(DATE.as_str()).and_then(|date| skew::in_words(&date, (self.now)())),
            body: Vec::new(),
        };
        while let Some(chunk) = answer.chunk().await.map_err(told)? {
            if whole.body.len() + chunk.len() > LONGEST_ANSWER {
                let why = format!("an answer of more than {LONGEST_ANSWER} bytes");
                return Err((Failure::Status(whole.status), why));
            }
            whole.body.extend_from_slice(&chunk);
        }
        Ok(whole)
    }
}

/// What the network says, with its causes; the address is in the call already.
fn told(error: reqwest::Error) -> (Failure, String) {
    let failure = if error.is_connect() || error.is_builder() {
        Failure::NotSent
    } else {
        Failure::NoAnswer
    };
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    (failure, text)
}

fn set_up(error: reqwest::Error) -> ServiceError {
    ServiceError::SetUp(told(error).1)
}

/// A number in 0..1; a system without random numbers gets the middle.
fn jitter() -> f64 {
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}
