//! The files of one group by controller: which there are, and what they are called in either version of the hierarchy.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use conformance::finding::{Reason, Unseen};

use super::layout::Version;

#[derive(Debug)]
pub(super) struct MemoryFiles {
    pub(super) version: Version,
    pub(super) usage: File,
    pub(super) watermark: Option<File>,
    pub(super) stat: File,
    /// v1 only: v2 tells kernel memory in `memory.stat`.
    pub(super) kernel: Option<File>,
    /// v2 only: v1 tells swap in `memory.stat`.
    pub(super) swap: Option<File>,
    pub(super) events: Option<File>,
}

#[derive(Debug)]
pub(super) struct CpuFiles {
    pub(super) version: Version,
    pub(super) usage: File,
}

#[derive(Debug)]
pub(super) struct QuotaFiles {
    pub(super) version: Version,
    pub(super) stat: File,
    /// A quota was set when the files were opened.
    pub(super) limited: bool,
}

#[derive(Debug)]
pub(super) struct PidsFiles {
    pub(super) current: File,
    pub(super) peak: Option<File>,
}

pub(super) fn memory_files(group: (Version, PathBuf)) -> Result<MemoryFiles, Unseen> {
    let (version, group) = group;
    let [usage, watermark, events] = match version {
        Version::V1 => [
            "memory.usage_in_bytes",
            "memory.max_usage_in_bytes",
            "memory.oom_control",
        ],
        Version::V2 => ["memory.current", "memory.peak", "memory.events"],
    };
    let (kernel, swap) = match version {
        Version::V1 => (
            File::open(group.join("memory.kmem.usage_in_bytes")).ok(),
            None,
        ),
        Version::V2 => (None, File::open(group.join("memory.swap.current")).ok()),
    };
    Ok(MemoryFiles {
        version,
        usage: open(&group.join(usage))?,
        watermark: File::open(group.join(watermark)).ok(),
        stat: open(&group.join("memory.stat"))?,
        kernel,
        swap,
        events: File::open(group.join(events)).ok(),
    })
}

pub(super) fn cpu_files(group: (Version, PathBuf)) -> Result<CpuFiles, Unseen> {
    let (version, group) = group;
    let usage = open(&group.join(match version {
        Version::V1 => "cpuacct.usage",
        Version::V2 => "cpu.stat",
    }))?;
    Ok(CpuFiles { version, usage })
}

pub(super) fn quota_files(group: (Version, PathBuf)) -> Option<QuotaFiles> {
    let (version, group) = group;
    let limit = fs::read_to_string(group.join(match version {
        Version::V1 => "cpu.cfs_quota_us",
        Version::V2 => "cpu.max",
    }));
    // No quota is `-1` on v1 and `max 100000` on v2.
    let limited = limit.is_ok_and(|limit| limit.starts_with(|first: char| first.is_ascii_digit()));
    let stat = File::open(group.join("cpu.stat")).ok()?;
    Some(QuotaFiles {
        version,
        stat,
        limited,
    })
}

pub(super) fn pids_files(group: (Version, PathBuf)) -> Result<PidsFiles, Unseen> {
    let (_, group) = group;
    Ok(PidsFiles {
        current: open(&group.join("pids.current"))?,
        peak: File::open(group.join("pids.peak")).ok(),
    })
}

pub(super) fn open(path: &Path) -> Result<File, Unseen> {
    File::open(path).map_err(|error| {
        let reason = if error.kind() == io::ErrorKind::PermissionDenied {
            Reason::Configuration
        } else {
            Reason::CannotMeasure
        };
        Unseen::new(
            reason,
            format!("{} cannot be opened: {error}", path.display()),
        )
    })
}
