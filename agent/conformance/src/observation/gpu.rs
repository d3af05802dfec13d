//! What a candidate does with a GPU, and which GPUs the device has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::units::Bytes;

/// What the processes of a container have open of GPUs whose drivers write DRM usage statistics.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct GpuUse {
    /// Opened devices, each counted once however often its descriptor was duplicated.
    pub clients: u32,
    /// Drivers of these: `v3d`, `i915`.
    pub drivers: Vec<String>,
    /// Memory of all of them; absent where no driver tells any.
    pub memory: Option<Bytes>,
    /// Busy time of each engine in microseconds since it was opened: `render`. Absent where no driver tells any.
    pub engines_us: BTreeMap<String, u64>,
}

/// What the GPU of the device did in a while, whoever used it: it may show that nobody did, never that the candidate did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct GpuLoad {
    /// Where it is from, and that it speaks of the whole device.
    pub source: String,
    /// Work of each engine: `renderD128/bin`. Empty where the driver counts none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub engines: BTreeMap<String, EngineLoad>,
    /// Share of the time at work, 0 to 1, lately; absent where the driver tells none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<f64>,
}

/// What one engine of a GPU did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EngineLoad {
    /// Jobs done.
    pub jobs: u64,
    /// Time at work in microseconds.
    pub busy_us: u64,
}

impl GpuLoad {
    /// Whether it shows that nobody used the GPU: its engines counted, and counted nothing. A load of one moment shows no such thing.
    #[must_use]
    pub fn nobody(&self) -> bool {
        let idle = |engine: &EngineLoad| engine.jobs == 0 && engine.busy_us == 0;
        !self.engines.is_empty() && self.engines.values().all(idle)
    }
}

/// A GPU of the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GpuDevice {
    /// `renderD128`, or `nvidia` where NVIDIA's own driver is loaded.
    pub node: String,
    /// The kernel driver, where it is told.
    pub driver: Option<String>,
}
