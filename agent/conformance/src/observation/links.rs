//! Where the links of an offer led to on the day of the run, and what kept the visitor from a page.

use serde::{Deserialize, Serialize};

use crate::units::Bytes;

/// One link that was to be visited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LinkVisit {
    /// As it stands in the offer.
    pub url: String,
    /// JSON pointers into the offer to where it stands.
    pub pointers: Vec<String>,
    /// When, RFC 3339, UTC, by the lab's clock.
    pub at: String,
    /// What it came to.
    pub end: LinkEnd,
}

/// What a visit came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LinkEnd {
    /// A server answered, whatever it said.
    Answered(LinkAnswer),
    /// No answer was had.
    Failed(LinkFailure),
    /// It was none to visit: why, in words.
    LeftAlone(String),
}

/// The last answer, redirects followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LinkAnswer {
    /// Status code of HTTP.
    pub status: u16,
    /// Where it came from, after every redirect.
    pub url: String,
    /// How many redirects led there.
    pub redirects: u32,
    /// `text/html; charset=utf-8`, as the server says; absent where it does not.
    pub media_type: Option<String>,
    /// How much of the body was read, as it travelled.
    pub read: Bytes,
    /// Whether that is all of it; what is longer than the visitor reads is cut off.
    pub whole: bool,
    /// SHA-256 of what was read, in lower-case hex.
    pub sha256: String,
}

/// Why no answer was had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LinkFailure {
    /// What kind.
    pub kind: LinkFailureKind,
    /// In words, with names and numbers.
    pub because: String,
}

/// Kinds of failure. Only the first two say something of the link; the others may be this network's, or a bad day of the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LinkFailureKind {
    /// Nobody has this name, where other names are found.
    NoSuchName,
    /// It led from redirect to redirect.
    TooManyRedirects,
    /// The visitor does not go there: an address that is not public, another scheme, credentials in the link.
    Refused,
    /// This machine finds no names.
    NoNames,
    /// No connection, or it broke.
    Unreachable,
    /// The server's certificate is not trusted here, or there is no TLS.
    Tls,
    /// No answer within the time limit.
    Slow,
    /// What was answered is no HTTP that can be read.
    Unreadable,
    /// Neither time nor room was left for it.
    LeftOut,
}
