//! How a module bore what was done to it at edgeHub, one poke or fault after the other, on starts of their own.

use serde::{Deserialize, Serialize};

use super::{Exit, Observed};
use crate::faults::Fault;
use crate::finding::Unseen;
use crate::units::{Bytes, Millis};

/// What came of the pokes and faults that were asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum FaultTrial {
    /// The module does not speak to edgeHub.
    #[serde(rename_all = "camelCase")]
    NotApplicable {
        /// In words.
        why: String,
    },
    /// They were played.
    Played(FaultRun),
}

impl FaultTrial {
    /// The run, where there was one.
    #[must_use]
    pub const fn run(&self) -> Option<&FaultRun> {
        match self {
            FaultTrial::NotApplicable { .. } => None,
            FaultTrial::Played(run) => Some(run),
        }
    }
}

/// The pokes and faults as they were played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FaultRun {
    /// How soon the module had to be back after each.
    pub recovery: Millis,
    /// How long it was watched after it came back.
    pub calm: Millis,
    /// Starts that were needed: one, and one more after each step that the module did not come back from.
    pub starts: u64,
    /// What flowed before the first step; absent where no start became healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Flow>,
    /// The steps, in order.
    pub played: Vec<PlayedFault>,
}

/// What a module does at edgeHub while it is left alone, and is to do again when a fault is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Flow {
    /// It has subscribed to changes of desired properties.
    pub hears_changes: bool,
    /// It has subscribed to direct methods.
    pub hears_methods: bool,
    /// It has subscribed to messages on its inputs.
    pub hears_inputs: bool,
    /// Messages that it sent.
    pub messages: u64,
    /// Over how long. Two messages in it make a flow that is awaited again.
    pub over: Millis,
}

impl Flow {
    /// Whether messages are awaited after a fault.
    #[must_use]
    pub const fn sends(&self) -> bool {
        self.messages >= 2
    }
}

/// One poke or fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlayedFault {
    /// Which.
    pub fault: Fault,
    /// When it began, counted from the start of the run.
    pub at: Millis,
    /// How long it was in force.
    pub held: Millis,
    /// What was done, with names and numbers; empty where nothing was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub done: String,
    /// What the module answered or did meanwhile; empty where nothing was to be seen.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub said: String,
    /// What came of it.
    pub end: FaultEnd,
    /// Memory before, meanwhile and afterwards.
    pub memory: Observed<FaultMemory>,
}

/// How a module stood after a poke or fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum FaultEnd {
    /// Running, healthy, and all flowed as before.
    #[serde(rename_all = "camelCase")]
    Back {
        /// So long after the fault was over.
        after: Millis,
    },
    /// It runs, and this was not as before within the time allowed.
    #[serde(rename_all = "camelCase")]
    Missing {
        /// What.
        missing: Vec<String>,
        /// How long was waited.
        waited: Millis,
    },
    /// Its main process ended.
    #[serde(rename_all = "camelCase")]
    Ended {
        /// How; the moment counted from the beginning of the fault.
        exit: Exit,
        /// The last lines of its output.
        last_lines: Vec<String>,
    },
    /// Nothing was done: it has not subscribed to what this would come by.
    Unheard,
    /// It could not be played, or not be followed to its end.
    Unseen(Unseen),
}

/// Memory that the kernel cannot take back, sampled: the highest in each stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FaultMemory {
    /// While it was left alone before.
    pub before: Bytes,
    /// From the beginning of the fault until it was back, or given up.
    pub meanwhile: Bytes,
    /// While it was left alone after it came back; absent where it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Bytes>,
}
