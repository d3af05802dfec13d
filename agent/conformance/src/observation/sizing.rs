//! Starts under smaller and smaller limits: how little the module needs to come up and stay healthy.

use serde::{Deserialize, Serialize};

use super::{Cause, Limits, Observed, is_nothing_looked};
use crate::sizing::Plan;
use crate::units::{Bytes, Millis};

/// What a run that searches for the minimum saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Sizing {
    /// The start without limits that everything is compared with.
    pub unlimited: Unlimited,
    /// A start under limits counts as healthy if it took no longer than this: the rule is [`crate::sizing::allowed`].
    pub allowed: Millis,
    /// Tries with less and less memory.
    pub memory: Observed<Tries>,
    /// Tries with fewer and fewer cores, inside the memory that was found, rounded up.
    pub cores: Observed<Tries>,
    /// Tries with less and less room for the writable layer, inside both. Older reports do not have them.
    #[serde(default, skip_serializing_if = "is_nothing_looked")]
    pub storage: Observed<Tries>,
}

/// What the module took when nothing held it back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Unlimited {
    /// From the start call until healthy.
    pub after: Millis,
    /// Highest charge, page cache included.
    pub peak: Bytes,
    /// Highest memory that the kernel cannot take back.
    pub nonreclaimable_peak: Bytes,
    /// Cores used in the busiest second.
    pub cores_max: Observed<f64>,
}

/// A search: its plan and its tries in order. What they prove is [`crate::sizing::result`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Tries {
    /// From where to where, and when it is done: bytes of memory, thousandths of a core, or bytes of the writable layer.
    pub plan: Plan,
    /// The starts, in order.
    pub tries: Vec<Try>,
}

/// One start under limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Try {
    /// The limits.
    pub limits: Limits,
    /// How long it was to be watched once healthy.
    pub watched: Millis,
    /// Healthy in time, stayed so, and nothing of it was killed for memory.
    pub fits: bool,
    /// From the start call until healthy; absent if it never was, or did not stay so.
    pub after: Option<Millis>,
    /// Highest charge.
    pub peak: Option<Bytes>,
    /// Highest memory that the kernel cannot take back.
    pub nonreclaimable_peak: Option<Bytes>,
    /// The one cause, if it does not fit.
    pub cause: Option<Cause>,
    /// The same in words.
    pub detail: Option<String>,
}
