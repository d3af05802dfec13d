//! Where a module wanted to go beside its edgeHub: names that it asked for, addresses to which it had a connection.

use serde::{Deserialize, Serialize};

use super::Observed;
use crate::units::Millis;

/// Other destinations of a module, over all starts. Times are counted from the start of the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Egress {
    /// Whether its network had no way out.
    pub hermetic: bool,
    /// Names that it asked the name service for. The gateway's and those of neighbours on its network are not among them.
    pub names: Observed<Names>,
    /// Sockets that it had to other addresses than its edgeHub's.
    pub remotes: Observed<Remotes>,
}

/// Names that were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Names {
    /// In the order of first sight, the first two hundred.
    pub asked: Vec<AskedName>,
    /// Questions that were counted and not kept: for names beyond those, and such as could not be read.
    pub further: u64,
}

/// A name that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AskedName {
    /// When it was first asked for.
    pub at: Millis,
    /// The name, lower case, without the last dot.
    pub name: String,
    /// Questions; one look-up may be several.
    pub times: u64,
    /// The best answer that it had.
    pub answer: NameAnswer,
    /// Addresses in its answers, the first eight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
}

/// What a question for a name came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum NameAnswer {
    /// An answer that holds something.
    Found,
    /// The name is known and has nothing of the kind asked for.
    Empty,
    /// There is no such name.
    NoSuchName,
    /// The name service beyond failed or refused.
    Failed,
    /// No name service beyond answered in time, or there is none.
    Unanswered,
    /// The run was hermetic: nobody was asked.
    NoWayOut,
}

impl NameAnswer {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            NameAnswer::Found => "found",
            NameAnswer::Empty => "known, no address",
            NameAnswer::NoSuchName => "no such name",
            NameAnswer::Failed => "name service failed",
            NameAnswer::Unanswered => "not answered",
            NameAnswer::NoWayOut => "no way out",
        }
    }
}

/// Sockets to other addresses, as the kernel's socket tables show them from time to time. One that a module opened and the
/// other side closed between two looks is not among them, nor is UDP that is sent without connecting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Remotes {
    /// In the order of first sight, the first two hundred.
    pub to: Vec<Connection>,
    /// Sights of others beyond those.
    pub further: u64,
    /// How often the tables were read.
    pub looks: u64,
}

/// An address to which the module had a socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// When it was first seen.
    pub at: Millis,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// IPv4 or IPv6.
    pub address: String,
    /// Port.
    pub port: u16,
    /// The name in whose answer the address stood, where the module asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the other side ever answered; absent for UDP, which does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<bool>,
}

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
        }
    }
}
