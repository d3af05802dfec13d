//! One cold start: times, health, the one cause when it failed, exits, stop.

use serde::{Deserialize, Serialize};

use super::{Limits, Observed, Usage, is_nothing_looked};
use crate::finding::Unseen;
use crate::units::{Bytes, Millis};

/// One cold start: image present, container and volumes fresh.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Start {
    /// When it began, from the start of the run.
    pub at: Millis,
    /// How long the engine took to create the container.
    pub create: Millis,
    /// How long the engine's start call took.
    pub start: Option<Millis>,
    /// From the start call until the engine shows it running.
    pub running: Option<Millis>,
    /// Whether it came up and stayed up.
    pub health: Health,
    /// Every exit of the main process.
    pub exits: Vec<Exit>,
    /// Processes killed for memory.
    pub oom_kills: u64,
    /// Why one may have gone unseen; absent where they were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oom_unseen: Option<Unseen>,
    /// The last lines of its output.
    pub last_lines: Vec<String>,
    /// What it used from start until the end of this start's watch.
    pub usage: Observed<Usage>,
    /// Blocks of its writable layer at its end; looked at where a quota bounds it.
    #[serde(default, skip_serializing_if = "is_nothing_looked")]
    pub written: Observed<Bytes>,
}

impl Start {
    /// Whether the module itself ran. The engine may call a container running before the kernel has refused its program.
    #[must_use]
    pub fn ran(&self) -> bool {
        let refused = Cause::WrongArchitecture;
        self.running.is_some()
            && !matches!(&self.health, Health::Unhealthy { cause, .. } if *cause == refused)
    }
}

/// Whether a start came up and stayed up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Health {
    /// Healthy, and stayed so to the end of the watch.
    #[serde(rename_all = "camelCase")]
    Healthy {
        /// From the start call until healthy.
        after: Millis,
        /// How long it was watched from then on.
        stayed: Millis,
        /// What was waited for: `running`, `HEALTHCHECK healthy`, `8080/tcp listening`, `5 s without exit`.
        by: Vec<String>,
    },
    /// Never healthy within the budget, or not to the end.
    #[serde(rename_all = "camelCase")]
    Unhealthy {
        /// The one cause.
        cause: Cause,
        /// In words, with names and numbers.
        detail: String,
        /// What was still missing.
        missing: Vec<String>,
    },
}

/// The one cause of a start that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The image is for another architecture.
    WrongArchitecture,
    /// A device node or bind source does not exist.
    MissingDeviceOrBind,
    /// Killed for memory.
    OutOfMemory,
    /// No room was left to write: its quota, or the device's disk.
    OutOfStorage,
    /// A host port is taken.
    PortInUse,
    /// The engine refuses an option.
    BadOption,
    /// A placeholder was never replaced.
    UnresolvedPlaceholder,
    /// A file is missing or may not be used.
    MissingFileOrPermission,
    /// It exited by itself.
    Crashed,
    /// Its main process ended with exit code 0: a module has to keep running.
    EndedByItself,
    /// It runs, but something declared never came.
    NotReady,
    /// It runs, but its own HEALTHCHECK fails.
    Unhealthy,
    /// It ended or never came up after a destination that it needs had no address.
    Unreachable,
    /// It was ended because it would have filled the device's disk or table of processes.
    EndangersDevice,
    /// Engine trouble that is not the module's.
    Engine,
}

impl Cause {
    /// Engine trouble, and a host port that somebody else holds.
    #[must_use]
    pub const fn is_not_the_modules(self) -> bool {
        match self {
            Cause::Engine | Cause::PortInUse => true,
            Cause::WrongArchitecture
            | Cause::MissingDeviceOrBind
            | Cause::OutOfMemory
            | Cause::OutOfStorage
            | Cause::BadOption
            | Cause::UnresolvedPlaceholder
            | Cause::MissingFileOrPermission
            | Cause::Crashed
            | Cause::EndedByItself
            | Cause::NotReady
            | Cause::Unhealthy
            | Cause::EndangersDevice
            | Cause::Unreachable => false,
        }
    }
}

/// One exit of the main process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Exit {
    /// When, from the start call.
    pub at: Millis,
    /// Exit code; 128 + signal when killed.
    pub code: i64,
    /// Whether the engine says it was killed for memory.
    pub oom_killed: bool,
}

/// SIGTERM until exit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Stop {
    /// From SIGTERM until the main process was gone.
    pub duration: Millis,
    /// Its exit code.
    pub code: i64,
    /// Whether it had to be killed after the grace period.
    pub killed: bool,
    /// The grace period.
    pub grace: Millis,
}

/// Cold starts inside limits equal to the claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EnvelopeRun {
    /// The limits set.
    pub limits: Limits,
    /// Why no quota bounds the writable layer, though the offer claims storage. Older reports do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_quota: Option<Unseen>,
    /// The starts.
    pub starts: Vec<Start>,
}
