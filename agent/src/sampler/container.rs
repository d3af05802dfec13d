//! The kernel's files of one container: found by its id, opened once, read with `pread` into a buffer of the caller's.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use conformance::finding::{Reason, Unseen};
use conformance::observation::{NetworkUse, Throttling};

use super::layout::{Hierarchy, Layout, Version};
use super::memory::{self, MemoryParts};
use super::{Roots, text};

/// Directories looked at before a walk gives up: far more than a device has.
const WALK_LIMIT: usize = 20_000;

/// A chunk longer than this may have more behind it: sequence files hand out up to a page of whole lines.
const NEARLY_A_PAGE: usize = 3072;

/// Why a container cannot be sampled.
#[derive(Debug, thiserror::Error)]
pub enum SamplerError {
    /// No hierarchy has a group named after it.
    #[error("find a cgroup of container {id} below {}", root.display())]
    NoGroup {
        /// The container's id.
        id: String,
        /// The cgroup root searched.
        root: PathBuf,
    },
    /// The id could name anything.
    #[error("read a container id from {0:?}: it has to be the full 64 hexadecimal digits")]
    BadId(String),
}

/// Open files of one container.
#[derive(Debug)]
pub struct ContainerFiles {
    proc: PathBuf,
    memory: Result<MemoryFiles, Unseen>,
    cpu: Result<CpuFiles, Unseen>,
    quota: Option<QuotaFiles>,
    pids: Result<PidsFiles, Unseen>,
    network: Result<File, Unseen>,
}

#[derive(Debug)]
struct MemoryFiles {
    version: Version,
    usage: File,
    watermark: Option<File>,
    stat: File,
    /// v1 only: v2 tells kernel memory in `memory.stat`.
    kernel: Option<File>,
    /// v2 only: v1 tells swap in `memory.stat`.
    swap: Option<File>,
    events: Option<File>,
}

#[derive(Debug)]
struct CpuFiles {
    version: Version,
    usage: File,
}

#[derive(Debug)]
struct QuotaFiles {
    version: Version,
    stat: File,
    /// A quota was set when the files were opened.
    limited: bool,
}

#[derive(Debug)]
struct PidsFiles {
    current: File,
    peak: Option<File>,
}

/// What every tick reads. `None`: not readable (any more).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// Charge of the container, in bytes.
    pub(super) memory: Option<u64>,
    /// The kernel's high-water mark of it.
    pub(super) memory_peak: Option<u64>,
    /// Processes killed for memory.
    pub(super) oom_kills: Option<u64>,
    /// CPU time in nanoseconds.
    pub(super) cpu_ns: Option<u64>,
    /// Processes and threads.
    pub(super) pids: Option<u64>,
    /// The kernel's high-water mark of them.
    pub(super) pids_peak: Option<u64>,
}

/// What is read now and then.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct SlowReading {
    /// Throttling, where a quota is set.
    pub(super) throttled: Option<Throttling>,
    /// Traffic since the network namespace began.
    pub(super) network: Option<NetworkUse>,
}

impl ContainerFiles {
    /// Finds the container's groups in every hierarchy and opens what the kernel offers there.
    ///
    /// # Errors
    /// If the id is not a full one, or controllers exist but none has a group of that name.
    pub fn open(
        roots: &Roots,
        layout: &Layout,
        container_id: &str,
    ) -> Result<ContainerFiles, SamplerError> {
        if container_id.len() != 64 || !container_id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(SamplerError::BadId(container_id.to_owned()));
        }
        let mut finder = Finder::new(container_id);
        let memory = finder.group(&layout.memory).and_then(memory_files);
        let cpu = finder.group(&layout.cpu).and_then(cpu_files);
        let quota = finder.group(&layout.quota).ok().and_then(quota_files);
        let pids = finder.group(&layout.pids).and_then(pids_files);
        if finder.hierarchies > 0 && finder.found == 0 {
            return Err(SamplerError::NoGroup {
                id: container_id.to_owned(),
                root: roots.cgroup.clone(),
            });
        }
        let network = Err(Unseen::new(
            Reason::InputMissing,
            "no process id was given for the container's network",
        ));
        Ok(ContainerFiles {
            proc: roots.proc.clone(),
            memory,
            cpu,
            quota,
            pids,
            network,
        })
    }

    /// Opens the network counters as this process of the container sees them.
    pub(super) fn watch_network(&mut self, pid: u32) {
        let path = self.proc.join(pid.to_string()).join("net/dev");
        self.network = open(&path);
    }

    /// Why a quantity has no file, where it has none.
    pub(super) fn unseen(&self) -> UnseenParts {
        UnseenParts {
            memory: self.memory.as_ref().err().cloned(),
            cpu: self.cpu.as_ref().err().cloned(),
            pids: self.pids.as_ref().err().cloned(),
            network: self.network.as_ref().err().cloned(),
        }
    }

    /// The cheap files.
    pub(super) fn read(&self, buffer: &mut [u8]) -> Reading {
        let mut reading = Reading::default();
        if let Ok(cpu) = &self.cpu {
            reading.cpu_ns = pread(&cpu.usage, buffer).and_then(|text| match cpu.version {
                Version::V1 => text::number(text),
                Version::V2 => text::field(text, "usage_usec").map(|us| us.saturating_mul(1000)),
            });
        }
        if let Ok(memory) = &self.memory {
            reading.memory = number(&memory.usage, buffer);
            let peak = memory.watermark.as_ref();
            reading.memory_peak = peak.and_then(|file| number(file, buffer));
            let events = memory.events.as_ref();
            reading.oom_kills = events
                .and_then(|file| pread(file, buffer))
                .and_then(|text| text::field(text, "oom_kill"));
        }
        if let Ok(pids) = &self.pids {
            reading.pids = number(&pids.current, buffer);
            let peak = pids.peak.as_ref();
            reading.pids_peak = peak.and_then(|file| number(file, buffer));
        }
        reading
    }

    /// Throttling and network.
    pub(super) fn read_slow(&self, buffer: &mut [u8]) -> SlowReading {
        let mut reading = SlowReading::default();
        if let Some(quota) = &self.quota {
            let stat = pread(&quota.stat, buffer).and_then(|text| match quota.version {
                Version::V1 => text::throttling_v1(text),
                Version::V2 => text::throttling_v2(text),
            });
            reading.throttled = stat.filter(|stat| quota.limited || stat.periods > 0);
        }
        if let Ok(network) = &self.network {
            reading.network = pread(network, buffer).and_then(text::network);
        }
        reading
    }

    /// Memory by kind.
    pub(super) fn read_memory_parts(&self, buffer: &mut [u8]) -> Option<MemoryParts> {
        let files = self.memory.as_ref().ok()?;
        let text = pread(&files.stat, buffer)?;
        match files.version {
            Version::V1 => {
                let stat = text::memory_stat_v1(text);
                let kernel = files.kernel.as_ref();
                memory::parts_v1(&stat, kernel.and_then(|file| number(file, buffer)))
            }
            Version::V2 => {
                let stat = text::memory_stat_v2(text);
                let swap = files.swap.as_ref();
                memory::parts_v2(&stat, swap.and_then(|file| number(file, buffer)))
            }
        }
    }
}

/// Why each quantity cannot be read, where it cannot.
#[derive(Debug, Clone, Default)]
pub(super) struct UnseenParts {
    pub(super) memory: Option<Unseen>,
    pub(super) cpu: Option<Unseen>,
    pub(super) pids: Option<Unseen>,
    pub(super) network: Option<Unseen>,
}

fn memory_files(group: (Version, PathBuf)) -> Result<MemoryFiles, Unseen> {
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

fn cpu_files(group: (Version, PathBuf)) -> Result<CpuFiles, Unseen> {
    let (version, group) = group;
    let usage = open(&group.join(match version {
        Version::V1 => "cpuacct.usage",
        Version::V2 => "cpu.stat",
    }))?;
    Ok(CpuFiles { version, usage })
}

fn quota_files(group: (Version, PathBuf)) -> Option<QuotaFiles> {
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

fn pids_files(group: (Version, PathBuf)) -> Result<PidsFiles, Unseen> {
    let (_, group) = group;
    Ok(PidsFiles {
        current: open(&group.join("pids.current"))?,
        peak: File::open(group.join("pids.peak")).ok(),
    })
}

fn open(path: &Path) -> Result<File, Unseen> {
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

fn number(file: &File, buffer: &mut [u8]) -> Option<u64> {
    pread(file, buffer).and_then(text::number)
}

/// The file's text from its beginning; `None` if it is gone (`ENODEV` after the group was removed) or longer than the buffer.
fn pread<'b>(file: &File, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let mut filled = 0;
    loop {
        let room = buffer.get_mut(filled..).filter(|room| !room.is_empty())?;
        let offset = u64::try_from(filled).ok()?;
        let read =
            rustix::io::retry_on_intr(|| rustix::io::pread(file, &mut *room, offset)).ok()?;
        filled += read;
        if read < NEARLY_A_PAGE {
            return buffer.get(..filled);
        }
    }
}

/// Finds a container's group below the hierarchies, each searched once.
struct Finder<'a> {
    id: &'a str,
    hierarchies: usize,
    found: usize,
    /// Where it was in the hierarchy before: mostly it is at the same place in the next.
    place: Option<PathBuf>,
}

impl<'a> Finder<'a> {
    fn new(id: &'a str) -> Finder<'a> {
        Finder {
            id,
            hierarchies: 0,
            found: 0,
            place: None,
        }
    }

    fn group(&mut self, served: &Result<Hierarchy, Unseen>) -> Result<(Version, PathBuf), Unseen> {
        let hierarchy = served.as_ref().map_err(Unseen::clone)?;
        self.hierarchies += 1;
        let usual = [
            self.place.take().unwrap_or_default(),
            PathBuf::from("docker").join(self.id),
            PathBuf::from("system.slice").join(format!("docker-{}.scope", self.id)),
        ];
        let place = usual
            .into_iter()
            .find(|place| !place.as_os_str().is_empty() && hierarchy.root.join(place).is_dir())
            .or_else(|| self.walk(&hierarchy.root));
        let Some(place) = place else {
            return Err(Unseen::new(
                Reason::CannotMeasure,
                format!(
                    "no group of container {} below {}",
                    self.id,
                    hierarchy.root.display()
                ),
            ));
        };
        self.found += 1;
        let group = hierarchy.root.join(&place);
        self.place = Some(place);
        Ok((hierarchy.version, group))
    }

    /// Breadth first, so that the outermost group named after the container wins; any parent group is possible.
    fn walk(&self, root: &Path) -> Option<PathBuf> {
        let mut queue = VecDeque::from([PathBuf::new()]);
        for _ in 0..WALK_LIMIT {
            let place = queue.pop_front()?;
            for entry in fs::read_dir(root.join(&place))
                .into_iter()
                .flatten()
                .flatten()
            {
                if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    continue;
                }
                let below = place.join(entry.file_name());
                if entry.file_name().to_string_lossy().contains(self.id) {
                    return Some(below);
                }
                queue.push_back(below);
            }
        }
        None
    }
}
