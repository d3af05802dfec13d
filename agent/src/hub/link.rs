//! Makes one link: a token or a certificate, the roots to trust, a TCP connection, TLS.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::client::TlsStream;

use super::HubSettings;
use super::certificate::{Own, Watched};
use super::error::LinkError;
use super::identity::Credential;
use super::sas::{self, Claim};
use super::session::Login;
use super::tls;
use super::workload::Workload;
use crate::clock::stepped;

/// How long TCP and TLS may take each: a slow board behind a slow modem needs several seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// A link that is ready for MQTT.
pub(super) struct Opened<S> {
    pub(super) stream: S,
    pub(super) login: Login,
    /// What it was made with, and how long that is good.
    pub(super) credentials: Credentials,
}

/// What a link was made with.
#[derive(Debug, Clone)]
pub(super) enum Credentials {
    Token(Token),
    Certificate(Box<Watched>),
}

impl Credentials {
    /// When to ask again whether they are due, if nobody sets the clock.
    pub(super) fn renew_at(&self) -> Instant {
        match self {
            Credentials::Token(token) => token.renew_at(),
            Credentials::Certificate(watched) => watched.look_at(),
        }
    }

    /// Whether a new link is due.
    pub(super) fn are_due(&mut self, now: Instant) -> bool {
        match self {
            Credentials::Token(token) => token.is_due(now),
            Credentials::Certificate(watched) => watched.is_replaced(now),
        }
    }

    /// What is renewed.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Credentials::Token(_) => "token",
            Credentials::Certificate(_) => "certificate",
        }
    }
}

/// When a token was made, by both clocks.
#[derive(Debug, Clone)]
pub(super) struct Token {
    made: Instant,
    wall: SystemTime,
    now: fn() -> SystemTime,
    life: Duration,
}

/// A wall clock that was set forward by more than this was behind when the token was made, which then ends sooner than it was
/// meant to.
const STEP: Duration = Duration::from_secs(60);

impl Token {
    /// A token made at these times, to be replaced when `life` is over.
    pub(super) fn new(
        (made, wall): (Instant, SystemTime),
        now: fn() -> SystemTime,
        life: Duration,
    ) -> Token {
        Token {
            made,
            wall,
            now,
            life,
        }
    }

    /// When a new link with a new token is to replace this one, if nobody sets the clock.
    pub(super) fn renew_at(&self) -> Instant {
        self.made + self.life
    }

    /// Whether a new link is due: the token's life is nearly over, or the clock by which it was made was behind.
    ///
    /// A clock that is set back changes nothing: the token lives longer than it was meant to, or as long, and the next one is
    /// made when it would have been. To make one at once would trade a link that works for a token that may be refused.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let went_by = now.saturating_duration_since(self.made);
        let stepped = stepped(self.wall, (self.now)(), went_by);
        went_by >= self.life || i128::from(stepped) > i128::from(STEP.as_secs()) * 1_000
    }
}

/// Makes a link as `settings` say.
///
/// # Errors
/// The first step that failed, with the host, socket or certificate it concerns.
pub(super) async fn open(
    settings: &HubSettings,
) -> Result<Opened<TlsStream<TcpStream>>, LinkError> {
    let identity = &settings.identity;
    let host = identity.connect_host.as_str();
    let (made, now) = (Instant::now(), (settings.now)());
    let own = match &identity.credential {
        Credential::Certificate(files) => Some(files.read(now)?),
        Credential::Key(_) | Credential::Workload { .. } => None,
    };
    let password = password(settings, now).await?;
    let roots = match (&settings.ca_pem, &identity.credential) {
        (Some(pem), _) => tls::roots_of(pem)?,
        (None, Credential::Key(_) | Credential::Certificate(_)) => tls::public_roots(),
        (
            None,
            Credential::Workload {
                endpoint,
                api_version,
                ..
            },
        ) => {
            let workload = Workload {
                endpoint,
                api_version,
            };
            tls::roots_of(&workload.trust_bundle().await?)?
        }
    };
    let late = |what| LinkError::Timeout {
        what,
        after: PATIENCE,
    };
    let connected = timeout(PATIENCE, TcpStream::connect((host, settings.port))).await;
    let broken = |source| LinkError::Connect {
        host: host.to_owned(),
        port: settings.port,
        source,
    };
    let stream = connected
        .map_err(|_| late("TCP connection"))?
        .map_err(broken)?;
    // Small packets that wait for each other's answers: Nagle's delay would only add to them.
    stream.set_nodelay(true).map_err(broken)?;
    let shown = own.as_ref().map(|own| Arc::clone(&own.certified));
    let handshake = tls::handshake(host, (roots, shown), stream, now);
    let stream = timeout(PATIENCE, handshake)
        .await
        .map_err(|_| late("TLS session"))??;
    let login = Login {
        client_id: identity.client_id(),
        user_name: identity.user_name(&settings.product_info),
        password,
        clock: tls::clock_text(now),
        certificate: own.as_ref().map(Own::thumbprint),
    };
    let credentials = match (&identity.credential, &own) {
        (Credential::Certificate(files), Some(own)) => {
            Credentials::Certificate(Box::new(Watched::new(files, own, settings.now)))
        }
        _ => Credentials::Token(Token::new((made, now), settings.now, sas::RENEW_AFTER)),
    };
    Ok(Opened {
        stream,
        login,
        credentials,
    })
}

/// A fresh token for the identity; none for one that shows a certificate.
async fn password(settings: &HubSettings, now: SystemTime) -> Result<Option<String>, LinkError> {
    let identity = &settings.identity;
    // A clock before 1970 makes a token from 1970, which the hub refuses with a clear reason.
    let since = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let claim = Claim::new(&identity.resource(), since.as_secs());
    let signature = match &identity.credential {
        Credential::Certificate(_) => return Ok(None),
        Credential::Key(key) => sas::sign(key, &claim.string_to_sign()),
        Credential::Workload {
            endpoint,
            generation,
            api_version,
        } => {
            let workload = Workload {
                endpoint,
                api_version,
            };
            let module = identity.module.as_deref().unwrap_or_default();
            workload
                .sign(module, generation, &claim.string_to_sign())
                .await?
        }
    };
    Ok(Some(claim.token(&signature)))
}
