//! Carries one question to a registry: TLS, redirects, signing in, limits of time and size.

use std::time::{Duration, Instant};

use conformance::observation::Access;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use reqwest::{Method, Response, StatusCode, Url};
use tokio::sync::Mutex;

use super::access::{self, Session, Step};
use super::address::Address;
use super::certificate;
use super::challenge::{self, Challenge};
use super::client::Trust;
use super::credentials::Credentials;
use super::error::RegistryError;

/// How long it may take to reach the registry.
const CONNECT: Duration = Duration::from_secs(10);
/// How long one answer may take, and how long a layer may stand still.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// How long everything but layers may take together.
const ALTOGETHER: Duration = Duration::from_secs(300);
/// Most redirects followed for one question.
const MOST_REDIRECTS: usize = 5;
/// Most attempts where the registry is busy.
const MOST_ATTEMPTS: u32 = 4;
/// Longest wait that a busy registry can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How much of a registry's own words is shown.
const MOST_WORDS: usize = 200;

/// The way to one registry.
#[derive(Debug)]
pub(super) struct Transport {
    http: reqwest::Client,
    address: Address,
    trust: Trust,
    session: Mutex<Session>,
    until: Instant,
}

impl Transport {
    /// The way to the registry of one repository.
    ///
    /// # Errors
    /// The authority is no certificate, or the system's cannot be read.
    pub(super) fn new(address: Address, trust: Trust) -> Result<Transport, RegistryError> {
        // Somebody may have been first; it is the same provider then.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("edgeproof/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = &trust.authority {
            let trusted = reqwest::Certificate::from_pem_bundle(pem).map_err(set_up)?;
            if trusted.is_empty() {
                let why = "the file of the authority holds no certificate".to_owned();
                return Err(RegistryError::SetUp(why));
            }
            builder = builder.tls_certs_merge(trusted);
        }
        Ok(Transport {
            http: builder.build().map_err(set_up)?,
            address,
            trust,
            session: Mutex::new(Session::default()),
            until: Instant::now() + ALTOGETHER,
        })
    }

    /// How the registry let us in, after it answered.
    pub(super) async fn access(&self) -> Access {
        self.session.lock().await.access()
    }

    /// One question: signs in where that is asked for, waits where the registry is busy, and follows redirects if told to.
    pub(super) async fn send(
        &self,
        method: &Method,
        url: &str,
        accept: &str,
        follow: bool,
    ) -> Result<Response, RegistryError> {
        let mut attempts = 0;
        loop {
            let session = self.session.lock().await.clone();
            let answer = self
                .follow(method, url, accept, session.header.as_deref(), follow)
                .await?;
            match answer.status() {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    let headers = answer.headers().get_all(WWW_AUTHENTICATE).iter();
                    let challenge = challenge::best(headers.filter_map(|one| one.to_str().ok()));
                    let signed = match challenge {
                        Some(challenge) => self.sign_in(&challenge, session.turn).await?,
                        None => false,
                    };
                    if !signed {
                        return Ok(answer);
                    }
                }
                StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT => {
                    attempts += 1;
                    if attempts >= MOST_ATTEMPTS {
                        return Ok(answer);
                    }
                    let asked =
                        header(&answer, RETRY_AFTER.as_str()).and_then(|text| text.parse().ok());
                    let wait =
                        asked.map_or(Duration::from_millis(300) * attempts, Duration::from_secs);
                    tokio::time::sleep(wait.min(LONGEST_WAIT).min(self.patience(url)?)).await;
                }
                _ => return Ok(answer),
            }
        }
    }

    async fn follow(
        &self,
        method: &Method,
        url: &str,
        accept: &str,
        header: Option<&str>,
        follow: bool,
    ) -> Result<Response, RegistryError> {
        let redirected = |why: String| RegistryError::Redirected {
            url: url.to_owned(),
            why,
        };
        let first = Url::parse(url).map_err(|error| unreadable(url, error.to_string()))?;
        let mut here = first.clone();
        for _ in 0..=MOST_REDIRECTS {
            let mut request = self
                .http
                .request(method.clone(), here.clone())
                .header(ACCEPT, accept);
            // What opens the registry is nobody else's.
            if let Some(header) = header.filter(|_| here.origin() == first.origin()) {
                request = request.header(AUTHORIZATION, header);
            }
            let patience = self.patience(url)?;
            // Only until the head of the answer: a layer takes its time.
            let answer = tokio::time::timeout(patience, request.send())
                .await
                .map_err(|_| too_slow(url, patience))?
                .map_err(|error| unreachable(url, error))?;
            let target = match self::header(&answer, LOCATION.as_str()) {
                Some(target) if follow && answer.status().is_redirection() => target,
                _ => return Ok(answer),
            };
            let next = here
                .join(&target)
                .map_err(|error| redirected(error.to_string()))?;
            self.may_go_to(&next).map_err(redirected)?;
            here = next;
        }
        Err(redirected(format!(
            "more than {MOST_REDIRECTS} redirects, the last one to {:.200}",
            here.as_str()
        )))
    }

    /// Only to where TLS is, or to a host that was named as one without.
    fn may_go_to(&self, url: &Url) -> Result<(), String> {
        let host = url.host_str().unwrap_or_default();
        let authority = url
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let plain_is_fine = self.trust.doors.plain_http.contains(&authority)
            || (self.address.scheme == "http" && self.trust.doors.is_plain(&authority));
        match url.scheme() {
            "https" => Ok(()),
            "http" if plain_is_fine => Ok(()),
            _ => Err(format!(
                "it leads to {:.200}, which is not reached over TLS; `--plain-http {authority}` allows that",
                url.as_str()
            )),
        }
    }

    /// Whether there is something new to try.
    async fn sign_in(&self, challenge: &Challenge, turn: u64) -> Result<bool, RegistryError> {
        let mut session = self.session.lock().await;
        if session.turn != turn {
            return Ok(true);
        }
        loop {
            let credentials = self.trust.credentials.as_ref();
            let step = session.step(challenge, credentials, Instant::now());
            let credentials = match step {
                Step::Refused => return Ok(false),
                Step::AnyToken => None,
                Step::User => credentials,
            };
            let header = match (challenge, credentials) {
                (
                    Challenge::Bearer {
                        realm,
                        service,
                        scope,
                    },
                    credentials,
                ) => {
                    let scope = access::scope(&self.address.repository, scope.as_deref());
                    self.token(realm, service.as_deref(), &scope, credentials)
                        .await
                }
                (Challenge::Basic, Some(credentials)) => Ok(credentials.basic()),
                (Challenge::Basic, None) => return Ok(false),
            };
            match header {
                Ok(header) => {
                    session.keep(&step, header, Instant::now());
                    return Ok(true);
                }
                // Not even a token for nobody: a user may get one.
                Err(RegistryError::Refused { .. }) if step == Step::AnyToken => {
                    session.give_up_anonymous(Instant::now());
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: &str,
        credentials: Option<&Credentials>,
    ) -> Result<String, RegistryError> {
        let url = Url::parse(realm).map_err(|error| {
            unreadable(
                &self.address.base(),
                format!("the address of its tokens: {error}"),
            )
        })?;
        self.may_go_to(&url).map_err(|why| {
            unreadable(
                &self.address.base(),
                format!("the address of its tokens: {why}"),
            )
        })?;
        let call = access::token_call(realm, service, scope, credentials);
        let patience = self.patience(realm)?;
        let mut request = match &call.form {
            Some(form) => self
                .http
                .post(&call.url)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.clone()),
            None => self.http.get(&call.url),
        };
        if let Some(authorization) = &call.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let answer = request
            .timeout(patience)
            .send()
            .await
            .map_err(|error| unreachable(realm, error))?;
        let body = whole(fine(answer, realm).await?, realm, access::LONGEST_TOKEN).await?;
        access::token(&body).map_err(|why| unreadable(realm, why))
    }

    /// How long the next answer may take.
    fn patience(&self, url: &str) -> Result<Duration, RegistryError> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(too_slow(url, ALTOGETHER));
        }
        Ok(left.min(PATIENCE))
    }
}

/// The answer, if it is what was asked for.
pub(super) async fn fine(answer: Response, url: &str) -> Result<Response, RegistryError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let said = whole(answer, url, 64 << 10).await.unwrap_or_default();
    let words = words(&said);
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return Err(RegistryError::Refused {
            url: url.to_owned(),
            status: status.to_string(),
            words,
        });
    }
    let words = words.map_or_else(String::new, |words| format!(", {words}"));
    Err(unreadable(url, format!("{status}{words}")))
}

/// The registry's own message. Source: OCI Distribution Specification 1.1, "Error Codes".
fn words(body: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let message = value["errors"][0]["message"].as_str()?;
    let plain = message
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c });
    Some(plain.take(MOST_WORDS).collect())
}

pub(super) async fn whole(
    mut answer: Response,
    url: &str,
    limit: u64,
) -> Result<Vec<u8>, RegistryError> {
    let end = tokio::time::Instant::now() + PATIENCE;
    let mut bytes = Vec::new();
    loop {
        let chunk = tokio::time::timeout_at(end, answer.chunk())
            .await
            .map_err(|_| too_slow(url, PATIENCE))?
            .map_err(|error| unreachable(url, error))?;
        let Some(chunk) = chunk else { return Ok(bytes) };
        if (bytes.len() + chunk.len()) as u64 > limit {
            return Err(RegistryError::TooLong {
                url: url.to_owned(),
                limit,
            });
        }
        bytes.extend_from_slice(&chunk);
    }
}

pub(super) fn header(answer: &Response, name: &str) -> Option<String> {
    answer.headers().get(name)?.to_str().ok().map(str::to_owned)
}

pub(super) fn unreadable(url: &str, why: String) -> RegistryError {
    RegistryError::Unreadable {
        url: url.to_owned(),
        why,
    }
}

pub(super) fn too_slow(url: &str, limit: Duration) -> RegistryError {
    RegistryError::TooSlow {
        url: url.to_owned(),
        limit: format!("{} s", limit.as_secs_f64().round()),
    }
}

/// What the network says, with its causes; the address is in the message already.
pub(super) fn unreachable(url: &str, error: reqwest::Error) -> RegistryError {
    let error = error.without_url();
    RegistryError::Unreachable {
        url: url.to_owned(),
        why: certificate::fault(&error).unwrap_or_else(|| chain(&error)),
    }
}

fn set_up(error: reqwest::Error) -> RegistryError {
    RegistryError::SetUp(chain(&error))
}

fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
