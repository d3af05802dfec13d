//! What the engine made of the createOptions, and what the candidate may do to its host.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the engine made of the createOptions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Creation {
    /// Requested and effective options that differ.
    pub differences: Vec<Difference>,
    /// The engine's own warnings.
    pub warnings: Vec<String>,
    /// The engine's error, where it refused to create the container.
    pub refused: Option<String>,
    /// Access to the host as the engine's inspect shows it.
    pub effective: EffectivePrivilege,
}

/// An option that the engine did not take as asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// JSON pointer into the createOptions.
    pub pointer: String,
    /// What was asked.
    pub requested: Value,
    /// What the engine shows; `null` where the key is gone.
    pub effective: Value,
    /// Dropped, or changed.
    pub kind: DifferenceKind,
}

/// How the engine departed from what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// The key is not there.
    Dropped,
    /// The value is another one.
    Changed,
}

/// Access to the host as the engine's inspect shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct EffectivePrivilege {
    /// Privileged.
    pub privileged: bool,
    /// Capabilities added.
    pub cap_add: Vec<String>,
    /// Capabilities dropped.
    pub cap_drop: Vec<String>,
    /// Device nodes of the host.
    pub devices: Vec<String>,
    /// Binds of host paths, without those edgeproof added itself.
    pub binds: Vec<String>,
    /// Host namespaces shared, each as `NetworkMode`, `PidMode`, `IpcMode`, `UTSMode`, `UsernsMode`, `CgroupnsMode`.
    pub host_namespaces: Vec<String>,
    /// Security options: `seccomp=unconfined`, `no-new-privileges`.
    pub security_opt: Vec<String>,
    /// Kernel parameters set.
    pub sysctls: Vec<String>,
    /// Root file system is read-only.
    pub readonly_rootfs: bool,
    /// The user the engine starts it as; empty is root.
    pub user: String,
    /// Ports published on the host: `0.0.0.0:8080->8080/tcp`.
    pub published_ports: Vec<String>,
}

/// What the running candidate may do, from `/proc/PID/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LivePrivilege {
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Effective capabilities by name: `CAP_CHOWN`.
    pub capabilities: Vec<String>,
    /// Seccomp mode: 0 off, 1 strict, 2 filter.
    pub seccomp: u8,
    /// NoNewPrivs is set.
    pub no_new_privileges: bool,
}
