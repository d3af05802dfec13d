//! What a candidate, and the probe itself, used: memory, CPU, network, storage.

use serde::{Deserialize, Serialize};

use super::{Observed, is_nothing_looked};
use crate::units::{Bytes, Millis};

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
    /// Standstill for want of CPU, memory or I/O.
    #[serde(default, skip_serializing_if = "is_nothing_looked")]
    pub pressure: Observed<Pressure>,
    /// Bytes read from storage and written to it.
    #[serde(default, skip_serializing_if = "is_nothing_looked")]
    pub block_io: Observed<BlockIo>,
    /// Open files and sockets.
    #[serde(default, skip_serializing_if = "is_nothing_looked")]
    pub descriptors: Observed<Descriptors>,
    /// Where no controller counts memory: that of the processes. It proves nothing by itself.
    #[serde(default, skip_serializing_if = "is_nothing_looked")]
    pub memory_fallback: Observed<MemoryFallback>,
}

impl Usage {
    /// Takes in what the same container used later: peaks grow, rates stay those of the first stretch.
    ///
    /// A later stretch in which memory was not seen at all was too short for a tick: it changes nothing.
    pub fn absorb(&mut self, later: &Usage) {
        self.to = self.to.max(later.to);
        if let (Observed::Seen(memory), Observed::Seen(later)) = (&mut self.memory, &later.memory) {
            memory.absorb(later);
        }
        if let (Observed::Seen(peak), Observed::Seen(later)) =
            (&mut self.pids_peak, &later.pids_peak)
        {
            *peak = (*peak).max(*later);
        }
        if let (Observed::Seen(fallback), Observed::Seen(later)) =
            (&mut self.memory_fallback, &later.memory_fallback)
            && later.peak > fallback.peak
        {
            *fallback = later.clone();
        }
    }
}

impl MemoryUse {
    fn absorb(&mut self, later: &MemoryUse) {
        if later.peak > self.peak {
            self.peak = later.peak;
            self.peak_method = later.peak_method;
            self.breakdown = later.breakdown.clone();
        }
        self.nonreclaimable_peak = self.nonreclaimable_peak.max(later.nonreclaimable_peak);
    }
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

/// Memory of a container's processes, told by the processes themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MemoryFallback {
    /// Highest sample; what happened between the samples is unseen.
    pub peak: Bytes,
    /// What was summed.
    pub formula: String,
    /// How good the number is.
    pub quality: FallbackQuality,
    /// Samples that it rests on.
    pub samples: u64,
}

/// How good a number is that no controller gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FallbackQuality {
    /// Every shared page is counted once; page cache and kernel memory are not in it.
    FallbackProportional,
    /// Shared pages are counted once for each process: an upper bound of what the processes held at the sample.
    FallbackUpperBound,
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

/// Time that tasks of a container stood still for want of something, in microseconds, over the phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Pressure {
    /// At least one task waited for a CPU.
    pub cpu_some_us: Option<u64>,
    /// At least one task waited for memory.
    pub memory_some_us: Option<u64>,
    /// All tasks did.
    pub memory_full_us: Option<u64>,
    /// At least one task waited for I/O.
    pub io_some_us: Option<u64>,
    /// All tasks did.
    pub io_full_us: Option<u64>,
}

/// Block I/O of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BlockIo {
    /// Read from storage; what came from the page cache is not in it.
    pub read: Bytes,
    /// Written to storage, or about to be.
    pub written: Bytes,
    /// Where the numbers are from.
    pub formula: String,
}

/// Open descriptors of a container's processes, at the moments of a census.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Descriptors {
    /// Most at once, files, pipes and sockets together.
    pub open_peak: u64,
    /// Most sockets at once; unseen where the list can be read, but not what its entries are.
    pub sockets_peak: Observed<u64>,
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
    /// 99 of 100 ticks came no later, in microseconds, told to 6 %. Older reports do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_p99_us: Option<u64>,
}

/// Missed ticks above which the highest rate of a phase is not told: one in twenty.
const MOST_MISSED: u64 = 20;

impl Ticks {
    /// Whether so few ticks were missed that the highest rates can be believed. Watermarks do not depend on it.
    #[must_use]
    pub fn hold_rates(&self) -> bool {
        self.due
            .saturating_sub(self.taken)
            .saturating_mul(MOST_MISSED)
            <= self.due
    }
}

/// Storage in use by a candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StorageUse {
    /// Image, as the engine's store holds it.
    pub image: Bytes,
    /// Writable layer, in blocks really taken.
    pub writable: Observed<Bytes>,
    /// Named and anonymous volumes and binds that the candidate may write to, in blocks really taken.
    pub volumes: Observed<Bytes>,
    /// The container's log file.
    pub logs: Observed<Bytes>,
    /// How the writable layer was measured.
    pub method: String,
    /// Files and directories in writable layer and volumes, each of which takes an inode.
    #[serde(default, skip_serializing_if = "is_nothing_looked")]
    pub inodes: Observed<u64>,
    /// Free space of the file system that holds the engine's data, before and after.
    #[serde(default, skip_serializing_if = "is_nothing_looked")]
    pub disk: Observed<DiskGrowth>,
    /// Volumes and binds, one by one. Older reports do not have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<MountUse>,
}

/// One volume or bind of a candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MountUse {
    /// What it is.
    pub kind: MountKind,
    /// The volume's name, or the host path of a bind.
    pub name: String,
    /// Where the candidate sees it.
    pub destination: String,
    /// Whether the candidate may write to it.
    pub writable: bool,
    /// What is in it.
    pub used: Observed<Space>,
}

/// What a mount is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum MountKind {
    /// A volume that the createOptions name.
    NamedVolume,
    /// A volume that the image declares, or one without a name: the engine makes it up.
    AnonymousVolume,
    /// A path of the host's: outside of the candidate.
    Bind,
}

/// Blocks really taken, and the files and directories in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Space {
    /// Blocks, in bytes.
    pub blocks: Bytes,
    /// Files and directories.
    pub inodes: u64,
}

/// Free space of a whole file system at two moments. Whoever else writes there is in it: it supports no verdict, but shows
/// what the walks could have missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DiskGrowth {
    /// Free before the steady window.
    pub free_before: Bytes,
    /// Free after the candidate was stopped.
    pub free_after: Bytes,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_later_peak_counts_and_a_lower_one_does_not() {
        let mut whole = sample::usage(Millis(0), Millis(1_000));
        let first = whole.memory.get().unwrap().clone();
        let mut later = sample::usage(Millis(0), Millis(1_000));
        let higher = MemoryUse {
            peak: Bytes(first.peak.0 + 1),
            nonreclaimable_peak: Bytes(first.nonreclaimable_peak.0 + 1),
            ..first.clone()
        };
        later.memory = Observed::Seen(higher.clone());
        whole.absorb(&later);
        assert_eq!(whole.memory.get().unwrap(), &higher);
        later.memory = Observed::Seen(first);
        whole.absorb(&later);
        assert_eq!(whole.memory.get().unwrap(), &higher);
    }
}
