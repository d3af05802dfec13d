//! Who may do what: the policies of an IoT Hub with their keys, and the token of each request.
//!
//! A service signs with a policy's key (`skn` names it) for the hub or for a part of it. A device signs with its own key and may
//! only see to its own modules; it sends `sr` without percent-encoding (observed on `aziot-identityd` 1.6.0).
//! Source: "Control access to IoT Hub using shared access signatures" (Microsoft Learn).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use super::super::error::HubError;
use super::super::identity::Identity;
use super::super::sas::{SasError, Token};
use super::super::session::Shared;
use super::answer::{Answer, UNAUTHORIZED};
use super::route::{Route, Subject};

/// What a policy allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    /// Twins, methods and queries.
    ServiceConnect,
    /// Reading identities and configurations.
    RegistryRead,
    /// Changing them.
    RegistryWrite,
}

/// The policies that every new IoT Hub has; `device` opens nothing here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Everything.
    IotHubOwner,
    /// Twins, direct methods and queries.
    Service,
    /// Nothing of the service API.
    Device,
    /// Reading identities and configurations.
    RegistryRead,
    /// Reading and changing them.
    RegistryReadWrite,
}

impl Policy {
    const ALL: [Self; 5] = [
        Self::IotHubOwner,
        Self::Service,
        Self::Device,
        Self::RegistryRead,
        Self::RegistryReadWrite,
    ];

    /// The policy's name, as in connection strings and `skn`.
    pub fn name(self) -> &'static str {
        match self {
            Self::IotHubOwner => "iothubowner",
            Self::Service => "service",
            Self::Device => "device",
            Self::RegistryRead => "registryRead",
            Self::RegistryReadWrite => "registryReadWrite",
        }
    }

    fn allows(self, right: Right) -> bool {
        match self {
            Self::IotHubOwner => true,
            Self::Service => right == Right::ServiceConnect,
            Self::Device => false,
            Self::RegistryRead => right == Right::RegistryRead,
            Self::RegistryReadWrite => right != Right::ServiceConnect,
        }
    }
}

/// A key for each policy, new for every hub.
#[derive(Clone)]
pub(crate) struct Keys([[u8; 32]; Policy::ALL.len()]);

impl fmt::Debug for Keys {
    /// Leaves the keys out: they are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Keys {
    pub(crate) fn new() -> Result<Self, HubError> {
        let mut keys = [[0; 32]; Policy::ALL.len()];
        for key in &mut keys {
            getrandom::fill(key).map_err(HubError::Random)?;
        }
        Ok(Self(keys))
    }

    pub(crate) fn of(&self, policy: Policy) -> &[u8; 32] {
        let place = Policy::ALL.iter().position(|known| *known == policy);
        &self.0[place.unwrap_or_default()]
    }
}

/// A request as far as its permission depends on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visitor<'a> {
    /// The header `Authorization`.
    pub(crate) authorization: Option<&'a str>,
    /// The path's segments, decoded.
    pub(crate) path: &'a [String],
    pub(crate) route: &'a Route,
    /// Seconds since the Unix epoch.
    pub(crate) now: u64,
}

/// Lets the visitor in, or says why not.
pub(crate) fn admit(shared: &Shared, visitor: Visitor<'_>) -> Result<(), Answer> {
    let judged = match visitor.authorization {
        None => Err("the request has no Authorization header".to_owned()),
        Some(header) => Token::parse(header)
            .map_err(|error| error.to_string())
            .and_then(|token| judge(shared, visitor, &token)),
    };
    judged.map_err(|why| Answer::error(UNAUTHORIZED, why))
}

fn judge(shared: &Shared, visitor: Visitor<'_>, token: &Token<'_>) -> Result<(), String> {
    let resource = percent_decode_str(token.resource).decode_utf8_lossy();
    let (host, below) = resource.split_once('/').unwrap_or((&resource, ""));
    let below: Vec<&str> = below.split('/').filter(|part| !part.is_empty()).collect();
    let covers = below.len() <= visitor.path.len()
        && below
            .iter()
            .zip(visitor.path)
            .all(|(own, asked)| own == asked);
    if !is_this_hub(shared, host) || !covers {
        return Err(SasError::Resource(token.resource.to_owned()).to_string());
    }
    let outlived = |error: SasError| error.to_string();
    match token.policy {
        Some(name) => {
            let known = Policy::ALL.iter().find(|policy| policy.name() == name);
            let policy = *known.ok_or_else(|| format!("this hub has no policy `{name}`"))?;
            let key = shared.service.keys.of(policy);
            token.verify(key, visitor.now).map_err(outlived)?;
            let right = visitor.route.right();
            if !policy.allows(right) {
                return Err(format!("the policy `{name}` does not grant {right:?}"));
            }
            Ok(())
        }
        None => {
            let [devices, device, ..] = below[..] else {
                return Err("a token without a policy must be a device's own".to_owned());
            };
            if devices != "devices" || visitor.route.subject() != Some(Subject::ModulesOf(device)) {
                return Err(format!("`{device}` may only see to its own modules"));
            }
            let known = shared.registry.known(&Identity::device(device));
            let known = known.ok_or_else(|| format!("`{device}` is not registered"))?;
            if known.record.certificates.is_some() {
                return Err(format!(
                    "`{device}` is registered with a certificate: no token is its own"
                ));
            }
            let second = known.record.secondary;
            let verified = match (token.verify(&known.key, visitor.now), second) {
                (Err(SasError::Signature), Some(second)) => token.verify(&second, visitor.now),
                (verified, _) => verified,
            };
            verified.map(drop).map_err(outlived)
        }
    }
}

/// Judges a token of a reader of the Event Hubs-compatible endpoint: the path that it opens, in lower-case letters and without
/// slashes at its ends, and its expiry in seconds since the Unix epoch.
///
/// There a key signs as the text that it is written in (base64), and the Rust SDK writes the resource in lower-case letters.
/// Source: "Authenticate access to Event Hubs resources using shared access signatures" (Microsoft Learn).
pub(crate) fn consumer(shared: &Shared, token: &str, now: u64) -> Result<(String, u64), String> {
    let told = |error: SasError| error.to_string();
    let token = Token::parse(token).map_err(told)?;
    let resource = percent_decode_str(token.resource).decode_utf8_lossy();
    let bare = resource
        .split_once("://")
        .map_or(&*resource, |(_, bare)| bare);
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    if !is_this_hub(shared, host) {
        return Err(SasError::Resource(token.resource.to_owned()).to_string());
    }
    let name = token.policy.unwrap_or_default();
    let known = Policy::ALL.iter().find(|policy| policy.name() == name);
    let policy = *known.ok_or_else(|| format!("this hub has no policy `{name}`"))?;
    let key = STANDARD.encode(shared.service.keys.of(policy));
    let expiry = token.verify(key.as_bytes(), now).map_err(told)?;
    if !policy.allows(Right::ServiceConnect) {
        return Err(format!("the policy `{name}` does not grant ServiceConnect"));
    }
    Ok((path.trim_matches('/').to_ascii_lowercase(), expiry))
}

/// The hub's name or one that its certificate shows, with or without a port.
fn is_this_hub(shared: &Shared, host: &str) -> bool {
    let bare = match host.rsplit_once(':') {
        Some((bare, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => bare,
        _ => host,
    };
    let is = |name: &String| name.eq_ignore_ascii_case(host) || name.eq_ignore_ascii_case(bare);
    is(&shared.host) || shared.names.iter().any(is)
}
