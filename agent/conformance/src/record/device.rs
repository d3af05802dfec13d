//! The device a run was on: board, kernel, control groups, container engine.

use serde::{Deserialize, Serialize};

use super::HostFacts;
use crate::observation::Observed;
use crate::platform::Platform;
use crate::units::Bytes;

/// The device: host and engine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Device {
    /// Board or machine model.
    pub board: Option<String>,
    /// Operating system, pretty name.
    pub os: Option<String>,
    /// Kernel release.
    pub kernel: Option<String>,
    /// Kernel's architecture: `x86_64`, `aarch64`, `armv7l`.
    pub architecture: Option<String>,
    /// CPU model.
    pub cpu_model: Option<String>,
    /// Cores online.
    pub cores: Option<u32>,
    /// Memory.
    pub memory: Option<Bytes>,
    /// Swap and zram.
    pub swap: Option<Bytes>,
    /// An emulated device: timing says nothing.
    pub emulated: bool,
    /// Controllers and their hierarchy.
    pub cgroup: CgroupFacts,
    /// The container engine.
    pub engine: Observed<EngineFacts>,
    /// Clock, disk, swap, power, heat, time. Reports of earlier probes have none.
    #[serde(skip_serializing_if = "HostFacts::is_unlooked")]
    pub host: HostFacts,
}

/// Which cgroup hierarchy serves which quantity.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct CgroupFacts {
    /// Version that serves memory: 1 or 2.
    pub memory: Observed<u8>,
    /// Version that serves CPU time.
    pub cpu: Observed<u8>,
    /// Version that serves process counts.
    pub pids: Observed<u8>,
}

/// The container engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EngineFacts {
    /// Product: `Docker Engine`, `moby-engine`, …
    pub name: String,
    /// Version.
    pub version: String,
    /// Newest API version it speaks: `1.41`.
    pub api_version: String,
    /// Oldest API version it speaks.
    pub min_api_version: Option<String>,
    /// Platform of the engine itself.
    pub platform: Platform,
    /// Storage driver or snapshotter.
    pub storage_driver: String,
    /// Which of the two models of an image store the engine has; older reports do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_store: Option<ImageStore>,
    /// File system below it.
    pub backing_filesystem: Option<String>,
    /// `cgroupfs` or `systemd`.
    pub cgroup_driver: String,
    /// 1 or 2 by the engine's account.
    pub cgroup_version: String,
    /// Engine says it can limit memory.
    pub memory_limit: bool,
    /// Engine says it can limit CPU by quota.
    pub cpu_quota: bool,
    /// Engine says it can limit swap; `None` where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swap_limit: Option<bool>,
    /// Security options.
    pub security_options: Vec<String>,
    /// Data root on the host.
    pub data_root: String,
    /// The engine's own warnings.
    pub warnings: Vec<String>,
}

/// Where an engine keeps images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ImageStore {
    /// Unpacked layers of a graph driver, such as overlay2.
    GraphDriver,
    /// Blobs of containerd and the snapshots unpacked from them, both on the disk.
    Containerd,
}

impl ImageStore {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            ImageStore::GraphDriver => "graph driver",
            ImageStore::Containerd => "containerd image store",
        }
    }
}
