//! The kernel's files of one container: found by its id, opened once, read with `pread` into a buffer of the caller's.

use std::fs::{self, File};
use std::path::PathBuf;

use conformance::finding::{Reason, Unseen};
use conformance::observation::{NetworkUse, Pressure, Throttling};

use super::census::{self, Census, Fallback, GroupIo, Io};
use super::controllers::{
    CpuFiles, MemoryFiles, PidsFiles, QuotaFiles, cpu_files, memory_files, open, pids_files,
    quota_files,
};
use super::layout::{Layout, Version};
use super::memory::{self, MemoryParts};
use super::place::{self, Finder};
use super::pressure::{self, PressureFiles};
use super::{Roots, text};

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
    groups: Groups,
    /// A process of the container, the main one, where it is known.
    main: Option<u32>,
    memory: Result<MemoryFiles, Unseen>,
    cpu: Result<CpuFiles, Unseen>,
    quota: Option<QuotaFiles>,
    pids: Result<PidsFiles, Unseen>,
    pressure: Result<PressureFiles, Unseen>,
    /// v2 only, and only where it counts what is written back.
    io: Option<File>,
    network: Result<File, Unseen>,
    /// Its groups are as old as what samples it.
    pub(super) from_birth: bool,
}

/// A group's directory and the version of its hierarchy, or why there is none.
type Group = Result<(Version, PathBuf), Unseen>;

/// The container's groups, for each controller.
#[derive(Debug)]
struct Groups {
    memory: Group,
    cpu: Group,
    quota: Group,
    pids: Group,
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
    /// Standstill since the group began.
    pub(super) pressure: Option<Pressure>,
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
        let groups = Groups {
            memory: finder.group(&layout.memory),
            cpu: finder.group(&layout.cpu),
            quota: finder.group(&layout.quota),
            pids: finder.group(&layout.pids),
        };
        if finder.hierarchies > 0 && finder.found == 0 {
            return Err(SamplerError::NoGroup {
                id: container_id.to_owned(),
                root: roots.cgroup.clone(),
            });
        }
        Ok(ContainerFiles::of(groups, roots.proc.clone()))
    }

    /// The file with the number of a container's processes and threads, where the kernel counts them.
    #[must_use]
    pub fn tasks(layout: &Layout, container_id: &str) -> Option<PathBuf> {
        let (_, group) = Finder::new(container_id).group(&layout.pids).ok()?;
        Some(group.join("pids.current"))
    }

    /// The container was started just now: what its group had counted when it was first read is the first phase's too, so that
    /// nothing is lost on a device that comes to reading late.
    #[must_use]
    pub fn just_started(mut self) -> ContainerFiles {
        self.from_birth = true;
        self
    }

    fn of(groups: Groups, proc: PathBuf) -> ContainerFiles {
        let network = Err(Unseen::new(
            Reason::InputMissing,
            "no process id was given for the container's network",
        ));
        // What is written back later is put down to a group by who owns the page, so only where v2 counts memory too: without
        // it `io.stat` stays at zero whatever is written (kernel documentation, "Control Group v2", "Writeback").
        let written_back = match &groups.memory {
            Ok((Version::V2, group)) => Some(group),
            Ok((Version::V1, _)) | Err(_) => None,
        };
        ContainerFiles {
            proc,
            main: None,
            from_birth: false,
            memory: groups.memory.clone().and_then(memory_files),
            cpu: groups.cpu.clone().and_then(cpu_files),
            quota: groups.quota.clone().ok().and_then(quota_files),
            pids: groups.pids.clone().and_then(pids_files),
            pressure: groups
                .cpu
                .clone()
                .and_then(|(version, group)| pressure::open(version, &group)),
            io: written_back.and_then(|group| File::open(group.join("io.stat")).ok()),
            network,
            groups,
        }
    }

    /// Opens everything anew at the same places, if the group is there again: a container that was restarted has a new one.
    /// Its main process is the first of the group, where our process namespace shows it.
    pub(super) fn renew(&mut self) -> bool {
        let groups = [&self.groups.cpu, &self.groups.pids, &self.groups.memory];
        let there = groups
            .into_iter()
            .flatten()
            .find(|(_, group)| group.is_dir());
        let Some((_, group)) = there else {
            return false;
        };
        let processes = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        let first = processes.lines().next().and_then(|line| line.parse().ok());
        let groups = Groups {
            memory: self.groups.memory.clone(),
            cpu: self.groups.cpu.clone(),
            quota: self.groups.quota.clone(),
            pids: self.groups.pids.clone(),
        };
        *self = ContainerFiles::of(groups, self.proc.clone());
        // cgroups(7): a process outside our namespace is shown as 0.
        if let Some(pid) = first.filter(|pid| *pid != 0) {
            self.watch_network(pid);
        }
        true
    }

    /// Opens the network counters as this process of the container sees them; a census begins with it.
    pub(super) fn watch_network(&mut self, pid: u32) {
        self.main = Some(pid);
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
            pressure: self.pressure.as_ref().err().cloned(),
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
        if let Ok(pressure) = &self.pressure {
            reading.pressure = pressure.read(buffer);
        }
        reading
    }

    /// The processes one by one, and the group's own count of block I/O where it has one. Allocates.
    pub(super) fn census(&self, buffer: &mut [u8]) -> (Result<Census, Unseen>, GroupIo) {
        let census = self.main().and_then(|main| census::count(&self.proc, main));
        let io_stat = self.io.as_ref().and_then(|file| pread(file, buffer));
        let group = match io_stat.map(text::io_stat) {
            None => GroupIo::NotTold,
            Some(None) => GroupIo::NoDevice,
            Some(Some((read, written))) => GroupIo::Moved(Io { read, written }),
        };
        (census, group)
    }

    /// Memory of the processes, where no controller counts it; `None` where one does.
    pub(super) fn memory_fallback(&self) -> Option<Result<Fallback, Unseen>> {
        let uncounted = self.groups.memory.is_err();
        uncounted.then(|| census::memory(&self.proc, self.main()?))
    }

    /// Why the groups do not count all of the container, where they do not. Without a group for memory nothing is counted in it,
    /// and the process' place in that hierarchy says nothing.
    pub(super) fn uncounted(&self) -> Option<Unseen> {
        let (version, group) = self.groups.memory.as_ref().ok()?;
        place::uncounted(&self.proc, self.main?, (*version, group))
    }

    fn main(&self) -> Result<u32, Unseen> {
        self.main.ok_or_else(|| {
            Unseen::new(
                Reason::InputMissing,
                "no process id of the container is known",
            )
        })
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
    pub(super) pressure: Option<Unseen>,
}

fn number(file: &File, buffer: &mut [u8]) -> Option<u64> {
    pread(file, buffer).and_then(text::number)
}

/// The file's text from its beginning; `None` if it is gone (`ENODEV` after the group was removed) or longer than the buffer.
pub(super) fn pread<'b>(file: &File, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
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
