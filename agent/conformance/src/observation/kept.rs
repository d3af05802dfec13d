//! The steady window under the platform's own rule, and what the module left lying about in it: restarts, zombies, output.

use serde::{Deserialize, Serialize};

use super::Exit;
use crate::units::{Bytes, Millis};

/// How the platform's rule kept the module through the steady window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// How long it was played.
    pub window: Millis,
    /// Every restart, in order.
    pub restarts: Vec<Restart>,
    /// How it stood at the end.
    pub end: KeptEnd,
}

/// One restart by the rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Restart {
    /// The exit before it, its moment counted from that life's start call.
    pub exit: Exit,
    /// The wait that the rule put between.
    pub waited: Millis,
    /// From the start call until healthy again; absent where it did not become so.
    pub healthy: Option<Millis>,
}

/// How a module stood when the steady window was over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum KeptEnd {
    /// Running and healthy.
    Healthy,
    /// Running, and this was missing.
    #[serde(rename_all = "camelCase")]
    Unhealthy {
        /// What.
        missing: Vec<String>,
    },
    /// It had exited and waited for its next restart: IoT Edge shows `backoff`.
    #[serde(rename_all = "camelCase")]
    BackingOff {
        /// The exit.
        exit: Exit,
        /// The wait that the rule puts after it.
        wait: Millis,
    },
    /// Its restarts were used up: IoT Edge shows `failed`.
    #[serde(rename_all = "camelCase")]
    GivenUp {
        /// The last exit.
        exit: Exit,
    },
    /// The engine refused to start it again.
    #[serde(rename_all = "camelCase")]
    Refused {
        /// In the engine's words.
        error: String,
    },
}

/// What a module wrote to standard output and standard error in the steady window, as its log file shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Over how long.
    pub window: Millis,
    /// How much the log file grew, the engine's own framing included.
    pub bytes: Bytes,
    /// Lines that were added; absent where they were too many to count.
    pub lines: Option<u64>,
    /// What the engine's log options let it grow to at most, all rotated files together; absent without a limit.
    pub limit: Option<Bytes>,
}
