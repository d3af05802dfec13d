//! Limits, and the proof that they bite on this device.

use serde::{Deserialize, Serialize};

use super::{Observed, is_nothing_looked};
use crate::storage_quota::StorageQuota;
use crate::units::Bytes;

/// What switches the memory controller on where a Raspberry Pi's firmware has switched it off.
pub const MEMORY_MEND: &str = "add `cgroup_enable=memory cgroup_memory=1` to the one line of /boot/firmware/cmdline.txt and restart the device";

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
    /// A sacrificial container that writes more than its storage limit. Reports of earlier probes have none.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub storage: Observed<StorageLimitProof>,
}

/// A container over its storage limit could not write on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StorageLimitProof {
    /// The limit it was given.
    pub limit: Bytes,
    /// What it tried to write.
    pub tried: Bytes,
    /// The engine's words, if its storage driver has no limits here.
    pub refused: Option<String>,
    /// What it could write by its own account before the file system said no.
    pub wrote: Option<Bytes>,
}

impl StorageLimitProof {
    /// The limit bites: it wrote something, and less than it tried.
    #[must_use]
    pub fn bites(&self) -> bool {
        self.refused.is_none()
            && self
                .wrote
                .is_some_and(|wrote| wrote > Bytes(0) && wrote <= self.limit)
    }
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
    /// Processes that the kernel killed for memory on the whole device meanwhile, where a memory controller counted the
    /// container and the engine told no kill: Docker 20.10 on cgroup v1 sometimes tells of the exit alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_kills: Option<u64>,
}

/// What the program, its stack and its kernel memory take of a limit beside what it says that it held, at most.
const NEAR: Bytes = Bytes::mib(8);

impl MemoryLimitProof {
    /// The limit bites: the container was killed for memory, by the word of the engine or by the kernel's.
    #[must_use]
    pub fn bites(&self) -> bool {
        self.exit_code == 137 && (self.oom_killed || self.kernel_told())
    }

    /// The kernel killed somebody for memory while the container ended just below its limit: no other than it.
    fn kernel_told(&self) -> bool {
        let near = |held: Bytes| held <= self.limit && held.saturating_add(NEAR) >= self.limit;
        self.device_kills.is_some_and(|kills| kills > 0) && self.held.is_some_and(near)
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

    /// Not one period was counted, and no more CPU used than the quota: the spinner hardly ran while it was watched. Without
    /// quota it would have used whatever was free.
    #[must_use]
    pub fn idle(&self) -> bool {
        self.periods == 0 && self.used_cores < self.quota_cores
    }

    /// It was throttled, but others left it less than its quota: a busy device shows neither that the quota bites nor that
    /// it does not.
    #[must_use]
    pub fn starved(&self) -> bool {
        !self.bites() && self.throttled_periods > 0 && self.used_cores < self.quota_cores
    }
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
    /// The writable layer, where the storage driver's quota was shown to bite. Volumes and logs it does not bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageQuota>,
}

impl Limits {
    /// The memory limit in bytes; none is no limit.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.memory.map_or(u64::MAX, |memory| memory.0)
    }

    /// The room of the writable layer in bytes; none is no limit.
    #[must_use]
    pub fn storage_room(&self) -> u64 {
        self.storage.map_or(u64::MAX, |quota| quota.room.0)
    }

    /// The limit of cores in thousandths; none is no limit.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float cast saturates, and no device has as many cores"
    )]
    pub fn millicores(&self) -> u64 {
        self.cores
            .map_or(u64::MAX, |cores| (cores * 1_000.0).round() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_that_the_engine_does_not_tell_is_the_kernel_s_to_tell() {
        let told = |exit_code, device_kills, held| {
            let proof = MemoryLimitProof {
                limit: Bytes::mib(32),
                tried: Bytes::mib(96),
                oom_killed: false,
                exit_code,
                held,
                device_kills,
            };
            proof.bites()
        };
        assert!(told(137, Some(1), Some(Bytes::mib(30))));
        assert!(!told(137, Some(0), Some(Bytes::mib(30))));
        assert!(!told(137, None, Some(Bytes::mib(30))));
        // Killed, but it held more than it was allowed: the limit did not do it.
        assert!(!told(137, Some(1), Some(Bytes::mib(40))));
        // Killed long before it came to its limit: the device itself may have run out of memory.
        assert!(!told(137, Some(1), Some(Bytes::mib(20))));
        assert!(!told(137, Some(1), None));
        assert!(!told(0, Some(1), Some(Bytes::mib(30))));
    }

    #[test]
    fn a_quota_that_lets_a_spinner_run_free_does_not_bite() {
        let proof = CpuLimitProof {
            quota_cores: 0.2,
            used_cores: 1.0,
            throttled_periods: 0,
            periods: 10,
        };
        assert!(!proof.bites() && !proof.starved() && !proof.idle());
        let without_bandwidth = CpuLimitProof {
            periods: 0,
            ..proof
        };
        assert!(!without_bandwidth.bites() && !without_bandwidth.idle());
        let starved = CpuLimitProof {
            used_cores: 0.17,
            throttled_periods: 2,
            ..proof
        };
        assert!(!starved.bites() && starved.starved());
        assert!(
            CpuLimitProof {
                used_cores: 0.21,
                throttled_periods: 9,
                ..proof
            }
            .bites()
        );
    }
}
