//! What was observed of a candidate, its image, the device and the probe itself: facts only, never opinions.
//!
//! Every fact that could stay unseen is an [`Observed`]: it starts as unseen and says why until something looks.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::finding::{Reason, Unseen};
use crate::platform::Platform;
use crate::units::{Bytes, Millis};

/// A fact, or why it could not be seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Observed<T> {
    /// It was seen.
    Seen(T),
    /// It was not.
    Unseen(Unseen),
}

impl<T> Default for Observed<T> {
    fn default() -> Observed<T> {
        Observed::unseen(Reason::InputMissing, "nothing has looked yet")
    }
}

impl<T> Observed<T> {
    /// Not seen, because.
    pub fn unseen(reason: Reason, because: impl Into<String>) -> Observed<T> {
        Observed::Unseen(Unseen::new(reason, because))
    }

    /// The fact, or why a judgement that needs it is inconclusive.
    ///
    /// # Errors
    /// The reason it was not seen.
    pub fn get(&self) -> Result<&T, Unseen> {
        match self {
            Observed::Seen(fact) => Ok(fact),
            Observed::Unseen(unseen) => Err(unseen.clone()),
        }
    }

    /// The fact, where it was seen.
    pub fn seen(&self) -> Option<&T> {
        match self {
            Observed::Seen(fact) => Some(fact),
            Observed::Unseen(_) => None,
        }
    }
}

impl<T> From<Result<T, Unseen>> for Observed<T> {
    fn from(looked: Result<T, Unseen>) -> Observed<T> {
        match looked {
            Ok(fact) => Observed::Seen(fact),
            Err(unseen) => Observed::Unseen(unseen),
        }
    }
}

/// Everything observed in one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Observations {
    /// The image under the offer's reference.
    pub image: Observed<ImageFacts>,
    /// Sacrificial containers: do limits bite on this device?
    pub limits: LimitProofs,
    /// What the engine made of the createOptions.
    pub creation: Observed<Creation>,
    /// Cold starts with exactly the defaults, in order.
    pub starts: Vec<Start>,
    /// The steady window on the last start.
    pub steady: Observed<Usage>,
    /// SIGTERM until exit, on the last start.
    pub stop: Observed<Stop>,
    /// What the running candidate may do to the host.
    pub privilege: Observed<LivePrivilege>,
    /// Storage in use at the end of the steady window.
    pub storage: Observed<StorageUse>,
    /// Cold starts inside limits equal to the claim.
    pub envelope: Observed<EnvelopeRun>,
    /// Requests on the candidate's workload socket.
    pub workload: Observed<Vec<WorkloadRequest>>,
    /// What the probe itself cost the device.
    pub probe: Observed<ProbeCost>,
    /// The run's phases on one time line.
    pub phases: Vec<Phase>,
}

/// The candidate's image as a registry, an archive or the engine's store shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImageFacts {
    /// The reference looked up.
    pub reference: String,
    /// Where it was found.
    pub source: ImageSource,
    /// Digest of the manifest or index, `sha256:…`; images loaded or built locally have none.
    pub manifest_digest: Option<String>,
    /// Digest of the config: the image id.
    pub image_id: String,
    /// Platforms on offer: a registry's index, or the one in the config.
    pub platforms: Vec<Platform>,
    /// The platform whose config follows.
    pub platform: Platform,
    /// Media type of the manifest, where one was seen.
    pub media_type: Option<String>,
    /// Unpacked size of all layers.
    pub unpacked: Bytes,
    /// Compressed size of all layers.
    pub compressed: Observed<Bytes>,
    /// The config.
    pub config: ImageConfig,
}

/// Where an image was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ImageSource {
    /// Pulled from its registry in this run.
    Registry,
    /// Already in the engine's store under the reference.
    EngineStore,
    /// A `docker save` archive.
    Archive,
    /// An OCI layout.
    Layout,
}

/// The parts of an image's config that matter here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ImageConfig {
    /// User, or user:group; empty is root.
    pub user: String,
    /// Entrypoint.
    pub entrypoint: Vec<String>,
    /// Command.
    pub command: Vec<String>,
    /// Names of the environment variables set.
    pub env_names: Vec<String>,
    /// Ports declared: `8080/tcp`.
    pub exposed_ports: Vec<String>,
    /// Volumes declared.
    pub volumes: Vec<String>,
    /// Whether a HEALTHCHECK is declared.
    pub healthcheck: bool,
    /// Labels.
    pub labels: std::collections::BTreeMap<String, String>,
    /// Digests of the unpacked layers.
    pub layers: Vec<String>,
}

/// Do the limits that verdicts rest on bite on this device?
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct LimitProofs {
    /// A sacrificial container that eats more than its memory limit.
    pub memory: Observed<MemoryLimitProof>,
    /// A sacrificial container that spins under a CPU quota.
    pub cpu: Observed<CpuLimitProof>,
    /// Memory peak of a container that does nothing: the engine's own start-up is in every container's watermark.
    pub runtime_floor: Observed<Bytes>,
}

/// A container over its memory limit was killed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MemoryLimitProof {
    /// The limit it was given.
    pub limit: Bytes,
    /// What it tried to hold.
    pub tried: Bytes,
    /// Whether the engine reports an OOM kill.
    pub oom_killed: bool,
    /// Its exit code, 137 when killed.
    pub exit_code: i64,
    /// What it could hold by its own account before it was killed.
    pub held: Option<Bytes>,
}

impl MemoryLimitProof {
    /// The limit bites: the container was killed for memory.
    #[must_use]
    pub fn bites(&self) -> bool {
        self.oom_killed && self.exit_code == 137
    }
}

/// A spinner under a CPU quota was throttled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CpuLimitProof {
    /// Cores it was allowed.
    pub quota_cores: f64,
    /// Cores it used.
    pub used_cores: f64,
    /// Periods in which it was throttled.
    pub throttled_periods: u64,
    /// Scheduler periods that passed.
    pub periods: u64,
}

impl CpuLimitProof {
    /// The quota bites: throttled in most periods, and no more CPU used than a fifth above the quota.
    #[must_use]
    #[allow(
        clippy::cast_precision_loss,
        reason = "period counts are far below 2^52"
    )]
    pub fn bites(&self) -> bool {
        self.periods > 0
            && self.throttled_periods as f64 >= 0.5 * self.periods as f64
            && self.used_cores <= 1.2 * self.quota_cores
    }
}

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
    /// The last lines of its output.
    pub last_lines: Vec<String>,
    /// What it used from start until the end of this start's watch.
    pub usage: Observed<Usage>,
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
    /// It runs, but something declared never came.
    NotReady,
    /// Engine trouble that is not the module's.
    Engine,
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

/// What a candidate used over a stretch of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// From when, counted from the start of the run.
    pub from: Millis,
    /// To when.
    pub to: Millis,
    /// Memory.
    pub memory: Observed<MemoryUse>,
    /// CPU.
    pub cpu: Observed<CpuUse>,
    /// Most processes and threads at once.
    pub pids_peak: Observed<u64>,
    /// Bytes received and sent by its network interfaces, loopback left out.
    pub network: Observed<NetworkUse>,
    /// How well the sampler kept its cadence.
    pub ticks: Ticks,
}

/// Memory of a container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MemoryUse {
    /// Highest charge.
    pub peak: Bytes,
    /// How the peak was taken.
    pub peak_method: PeakMethod,
    /// Highest anonymous + shared + non-reclaimable kernel memory, sampled.
    pub nonreclaimable_peak: Bytes,
    /// The formula of `nonreclaimable_peak` on this kernel.
    pub nonreclaimable_formula: String,
    /// The parts at the highest sample.
    pub breakdown: MemoryBreakdown,
}

/// How a memory peak was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PeakMethod {
    /// The kernel's own high-water mark: exact.
    Watermark,
    /// The highest of the samples: what happened between them is unseen.
    Sampled,
}

/// Memory by kind; a kind the kernel does not tell is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct MemoryBreakdown {
    /// Anonymous memory.
    pub anon: Option<Bytes>,
    /// Page cache.
    pub file: Option<Bytes>,
    /// Shared memory and tmpfs.
    pub shmem: Option<Bytes>,
    /// Kernel memory of every kind.
    pub kernel: Option<Bytes>,
    /// The part of slab memory the kernel can give back.
    pub slab_reclaimable: Option<Bytes>,
    /// Swapped out.
    pub swap: Option<Bytes>,
}

/// CPU of a container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CpuUse {
    /// CPU time in microseconds.
    pub usage_us: u64,
    /// Cores in use on average: CPU seconds per second.
    pub cores_mean: f64,
    /// 95th percentile over windows of one second.
    pub cores_p95: f64,
    /// Highest window of one second.
    pub cores_max: f64,
    /// Throttling, where a quota is set.
    pub throttled: Option<Throttling>,
}

/// How often a CPU quota held a container back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Throttling {
    /// Scheduler periods that passed.
    pub periods: u64,
    /// Periods in which it was held back.
    pub throttled_periods: u64,
    /// Time it was held back, in microseconds.
    pub throttled_us: u64,
}

/// Network traffic of a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct NetworkUse {
    /// Received.
    pub rx: Bytes,
    /// Sent.
    pub tx: Bytes,
}

/// How well the sampler kept its cadence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Ticks {
    /// Ticks taken.
    pub taken: u64,
    /// Ticks that were due.
    pub due: u64,
    /// Latest a tick came, in microseconds.
    pub late_max_us: u64,
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

/// Storage in use by a candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StorageUse {
    /// Image, unpacked.
    pub image: Bytes,
    /// Writable layer, in blocks really taken.
    pub writable: Observed<Bytes>,
    /// Named and anonymous volumes, in blocks really taken.
    pub volumes: Observed<Bytes>,
    /// The container's log file.
    pub logs: Observed<Bytes>,
    /// How the writable layer was measured.
    pub method: String,
}

/// Limits of an envelope run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Memory, with no swap.
    pub memory: Option<Bytes>,
    /// Cores.
    pub cores: Option<f64>,
}

/// Cold starts inside limits equal to the claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EnvelopeRun {
    /// The limits set.
    pub limits: Limits,
    /// The starts.
    pub starts: Vec<Start>,
}

/// A request that a candidate made on its workload socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WorkloadRequest {
    /// When, counted from the start of the run.
    pub at: Millis,
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The status answered.
    pub status: u16,
}

/// What the probe itself cost the device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProbeCost {
    /// Over how long.
    pub window: Millis,
    /// Cores used on average.
    pub cores_mean: f64,
    /// Highest anonymous + kernel + shared memory of its container.
    pub memory_peak: Observed<Bytes>,
    /// Memory by its own `/proc/self/status`: `VmHWM`.
    pub resident_peak: Bytes,
}

/// A named stretch of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// `limits`, `start 1`, `steady`, `stop`, `envelope 2`.
    pub name: String,
    /// From when, counted from the start of the run.
    pub from: Millis,
    /// To when.
    pub to: Millis,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_starts_as_seen() {
        let fresh = Observations::default();
        assert!(fresh.image.seen().is_none());
        assert_eq!(
            fresh.limits.memory.get().unwrap_err().reason,
            Reason::InputMissing
        );
    }

    #[test]
    fn a_quota_that_lets_a_spinner_run_free_does_not_bite() {
        let proof = CpuLimitProof {
            quota_cores: 0.2,
            used_cores: 1.0,
            throttled_periods: 0,
            periods: 10,
        };
        assert!(!proof.bites());
        assert!(
            CpuLimitProof {
                used_cores: 0.21,
                throttled_periods: 9,
                ..proof
            }
            .bites()
        );
    }

    #[test]
    fn an_unseen_fact_keeps_its_reason_through_json() {
        let unseen: Observed<u64> = Observed::unseen(Reason::CannotMeasure, "no memory controller");
        let text = serde_json::to_string(&unseen).unwrap();
        assert_eq!(
            text,
            r#"{"unseen":{"reason":"cannot-measure","because":"no memory controller"}}"#
        );
        assert_eq!(
            serde_json::from_str::<Observed<u64>>(&text).unwrap(),
            unseen
        );
    }
}
