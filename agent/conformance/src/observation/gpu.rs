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
