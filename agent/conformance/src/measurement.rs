//! The numbers of a run by name: a pure function of the record.

use serde::{Deserialize, Serialize};

use crate::record::Record;

/// One number with its spread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Measurement {
    /// `memory.peak`, `cpu.cores.mean`, `startup.healthy`, …
    pub name: String,
    /// The phase it speaks of: `start`, `steady`, `stop`, `envelope`, `run`.
    pub phase: String,
    /// The judged value: the highest of the repeats for peaks and times, else the mean.
    pub value: f64,
    /// `bytes`, `cores`, `seconds`, `ratio`, `count`.
    pub unit: String,
    /// Repeats.
    pub n: usize,
    /// Lowest repeat.
    pub low: f64,
    /// Highest repeat.
    pub high: f64,
    /// How it was taken.
    pub method: String,
}

/// Every number of a record, in a fixed order.
#[must_use]
pub fn measurements(record: &Record) -> Vec<Measurement> {
    let _ = record;
    Vec::new()
}
