//! Facts of the host that verdicts lean on without judging the module by them: clock, disk, swap, power, heat, time.

use serde::{Deserialize, Serialize};

use crate::observation::{GpuDevice, Observed, is_nothing_looked};
use crate::units::Bytes;

/// The host beyond board and engine. A fact that the kernel does not tell is unseen, never zero.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct HostFacts {
    /// Highest clock of a core.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub clock: Observed<Clock>,
    /// 32 or 64: bits of the programs on the host, by the engine's own architecture. A 64-bit kernel may run 32-bit programs.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub userland_bits: Observed<u8>,
    /// The disk below the engine's data root.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub disk: Observed<Disk>,
    /// Whether the kernel holds its clock for synchronised.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub time_synchronised: Observed<bool>,
    /// What the wall clock did during the run.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub wall_clock: Observed<WallClock>,
    /// The power supply's flags.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub power: Observed<Power>,
    /// The hottest thermal zone.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub heat: Observed<Heat>,
    /// Swap areas.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub swap: Observed<Swap>,
    /// GPUs.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub gpus: Observed<Vec<GpuDevice>>,
}

impl HostFacts {
    /// Whether nothing has looked at any of them: reports of earlier probes have none.
    #[must_use]
    pub fn is_unlooked(&self) -> bool {
        *self == HostFacts::default()
    }
}

/// The wall clock during a run. Durations in a report never come from it, its first and last time do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WallClock {
    /// Milliseconds by which it went on beyond the time that went by: above zero it was set forward, below zero back. Discipline
    /// alone makes a few.
    pub stepped_millis: i64,
    /// Why the time at the beginning of the run could not be right, if it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub implausible: Option<String>,
}

/// Clock of a core.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Clock {
    /// In hertz.
    pub hz: u64,
    /// Where it is from: `cpuinfo_max_freq` is the most a core can do, `cpu MHz` what it does now.
    pub source: String,
}

/// A file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Disk {
    /// Its size.
    pub size: Bytes,
    /// What anybody may still write.
    pub free: Bytes,
}

/// Flags of the power supply and of the throttling that follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Power {
    /// Too little voltage right now.
    pub under_voltage: bool,
    /// Held back right now, for voltage or heat.
    pub throttled: bool,
    /// Too little voltage, or held back, at some time since the device started.
    pub since_boot: bool,
    /// Where it is from.
    pub source: String,
}

/// A thermal zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Heat {
    /// Its name: `cpu-thermal`.
    pub zone: String,
    /// Degrees Celsius.
    pub celsius: f64,
    /// Where the kernel begins to hold the device back: its lowest passive, hot or critical trip point.
    pub limit: Option<f64>,
}

/// Swap areas, together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Swap {
    /// All of them.
    pub total: Bytes,
    /// The part that is compressed memory.
    pub zram: Bytes,
    /// In use.
    pub used: Bytes,
}
