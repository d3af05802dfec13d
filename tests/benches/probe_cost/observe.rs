//! Reads processes, one container's cgroup and the machine from outside, through the kernel's files.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use support::docker;

use crate::figures::Machine;
use crate::kernel_text::{self, Held, Process};

/// Where a container's cgroup files are.
#[derive(Debug)]
pub(crate) struct Group {
    /// Id of its main process on this host.
    pub(crate) pid: u32,
    /// Of `memory` and its version.
    memory: (PathBuf, Version),
    cpu: (PathBuf, Version),
    pids: PathBuf,
    quota: PathBuf,
}

/// Version of a hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

impl Group {
    /// Follows the container's main process to its cgroups.
    ///
    /// # Errors
    /// It does not run, or this host's cgroup tree is not at `/sys/fs/cgroup`.
    pub(crate) fn of(container: &str) -> anyhow::Result<Group> {
        let pid = docker(&["inspect", "--format", "{{.State.Pid}}", container])?;
        let place = format!("/proc/{pid}/cgroup");
        let groups = fs::read_to_string(&place).with_context(|| format!("read {place}"))?;
        let find = |controller| directory(&groups, controller);
        Ok(Group {
            pid: pid.parse().context("read a process id")?,
            memory: find("memory")?,
            cpu: find("cpuacct")?,
            pids: find("pids")?.0,
            quota: find("cpu")?.0,
        })
    }

    /// CPU time so far, ended processes included.
    ///
    /// # Errors
    /// The file is gone or says something else.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let (directory, version) = &self.cpu;
        let nanoseconds = match version {
            Version::V1 => read(&directory.join("cpuacct.usage"))?.trim().parse().ok(),
            Version::V2 => kernel_text::field(&read(&directory.join("cpu.stat"))?, "usage_usec")
                .map(|microseconds| microseconds * 1000),
        };
        let nanoseconds =
            nanoseconds.with_context(|| format!("read CPU time in {}", directory.display()))?;
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Memory held now.
    ///
    /// # Errors
    /// The file is gone or says something else.
    pub(crate) fn held(&self) -> anyhow::Result<Held> {
        let (directory, version) = &self.memory;
        let stat = read(&directory.join("memory.stat"))?;
        let held = match version {
            Version::V1 => {
                let kernel = read(&directory.join("memory.kmem.usage_in_bytes")).ok();
                kernel_text::held_v1(&stat, kernel.as_deref())
            }
            Version::V2 => kernel_text::held_v2(&stat),
        };
        held.with_context(|| format!("read memory.stat in {}", directory.display()))
    }

    /// The kernel's own mark of the highest memory.
    ///
    /// # Errors
    /// This kernel has none.
    pub(crate) fn watermark(&self) -> anyhow::Result<u64> {
        let name = match self.memory.1 {
            Version::V1 => "memory.max_usage_in_bytes",
            Version::V2 => "memory.peak",
        };
        let text = read(&self.memory.0.join(name))?;
        text.trim().parse().context("read a watermark")
    }

    /// Version of the memory hierarchy.
    pub(crate) fn memory_cgroup(&self) -> &'static str {
        match self.memory.1 {
            Version::V1 => "v1",
            Version::V2 => "v2",
        }
    }

    /// The files that the sampler reads of a steady container in every tick, those that this kernel has.
    pub(crate) fn files_of_a_tick(&self) -> Vec<PathBuf> {
        let memory: &[&str] = match self.memory.1 {
            Version::V1 => &[
                "memory.usage_in_bytes",
                "memory.max_usage_in_bytes",
                "memory.oom_control",
                "memory.stat",
                "memory.kmem.usage_in_bytes",
            ],
            Version::V2 => &[
                "memory.current",
                "memory.peak",
                "memory.events",
                "memory.stat",
                "memory.swap.current",
            ],
        };
        let cpu = match self.cpu.1 {
            Version::V1 => "cpuacct.usage",
            Version::V2 => "cpu.stat",
        };
        let mut files: Vec<PathBuf> = memory.iter().map(|name| self.memory.0.join(name)).collect();
        files.push(self.cpu.0.join(cpu));
        files.extend(["pids.current", "pids.peak"].map(|name| self.pids.join(name)));
        files.retain(|path| path.exists());
        files
    }

    /// Those of every tenth tick.
    pub(crate) fn files_of_a_tenth_tick(&self) -> Vec<PathBuf> {
        let network = PathBuf::from(format!("/proc/{}/net/dev", self.pid));
        vec![self.quota.join("cpu.stat"), network]
    }
}

/// The group's directory in the hierarchy that serves a controller: a v1 hierarchy if there is one, else the unified one.
fn directory(groups: &str, controller: &str) -> anyhow::Result<(PathBuf, Version)> {
    let root = Path::new("/sys/fs/cgroup");
    let (path, version) = match kernel_text::legacy_group(groups, controller) {
        Some((controllers, path)) => (root.join(controllers).join(path), Version::V1),
        None => {
            let path = kernel_text::unified_group(groups)
                .with_context(|| format!("no cgroup hierarchy for {controller}"))?;
            let hybrid = root.join("unified");
            let root = if hybrid.is_dir() { &hybrid } else { root };
            (root.join(path), Version::V2)
        }
    };
    anyhow::ensure!(
        path.is_dir(),
        "{} is missing; run on the engine's own host, outside any container",
        path.display()
    );
    Ok((path, version))
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

/// CPU time of threads so far, by thread id. What `stat` tells of a process comes in steps of 10 ms: too coarse here.
#[derive(Debug)]
pub(crate) struct Accounts(HashMap<u32, Duration>);

impl Accounts {
    /// CPU time since then, of the threads that live now. Go programs, which are watched here, keep their threads.
    pub(crate) fn since(&self, before: &Accounts) -> Duration {
        let used = self.0.iter().map(|(thread, now)| {
            let before = before.0.get(thread).copied().unwrap_or_default();
            now.saturating_sub(before)
        });
        used.sum()
    }

    /// CPU time of all of them so far.
    pub(crate) fn sum(&self) -> Duration {
        self.0.values().sum()
    }

    fn of(processes: impl Iterator<Item = u32>) -> Accounts {
        let threads = processes.flat_map(|pid| {
            let tasks = fs::read_dir(format!("/proc/{pid}/task"));
            tasks.into_iter().flatten().flatten()
        });
        // A thread may end between the list and the look.
        let times = threads.filter_map(|task| {
            let thread = task.file_name().to_str()?.parse().ok()?;
            let schedstat = fs::read_to_string(task.path().join("schedstat")).ok()?;
            Some((thread, kernel_text::cpu_time(&schedstat)?))
        });
        Accounts(times.collect())
    }
}

/// Of the engine's processes: dockerd, containerd, shims.
///
/// # Errors
/// There is none: this is not the engine's host.
pub(crate) fn engine() -> anyhow::Result<Accounts> {
    let processes = processes()?;
    let named =
        |process: &Process| process.name == "dockerd" || process.name.starts_with("containerd");
    let accounts = Accounts::of(
        processes
            .iter()
            .filter(|(_, process)| named(process))
            .map(|(pid, _)| *pid),
    );
    anyhow::ensure!(
        !accounts.0.is_empty(),
        "no CPU time of a process called dockerd: run on the engine's own host, with CONFIG_SCHED_INFO in its kernel"
    );
    Ok(accounts)
}

/// Of a process and its descendants.
///
/// # Errors
/// `/proc` cannot be listed, or the process has ended.
pub(crate) fn tree(root: u32) -> anyhow::Result<Accounts> {
    let processes = processes()?;
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(parent) = tree.get(next).copied() {
        let children = processes
            .iter()
            .filter(|(_, process)| process.parent == parent);
        tree.extend(children.map(|(pid, _)| *pid));
        next += 1;
    }
    let accounts = Accounts::of(tree.into_iter());
    anyhow::ensure!(!accounts.0.is_empty(), "process {root} has ended");
    Ok(accounts)
}

fn processes() -> anyhow::Result<Vec<(u32, Process)>> {
    let entries = fs::read_dir("/proc").context("list /proc")?;
    let numbers = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    // A process may end between the list and the look.
    Ok(numbers
        .filter_map(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            Some((pid, kernel_text::process(&stat)?))
        })
        .collect())
}

/// Highest resident memory of a process, in bytes.
///
/// # Errors
/// It has ended.
pub(crate) fn resident_peak(pid: u32) -> anyhow::Result<u64> {
    status(pid, "VmHWM:")
}

/// One line of a process' `status` that is told in kB, in bytes.
///
/// # Errors
/// It has ended, or has no such line.
pub(crate) fn status(pid: u32, name: &str) -> anyhow::Result<u64> {
    let status = read(&PathBuf::from(format!("/proc/{pid}/status")))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes: u64 = line
        .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok())
        .with_context(|| format!("no {name} of process {pid}"))?;
    Ok(kibibytes * 1024)
}

/// Sockets that a process has open.
///
/// # Errors
/// It has ended.
pub(crate) fn sockets(pid: u32) -> anyhow::Result<usize> {
    let place = format!("/proc/{pid}/fd");
    let entries = fs::read_dir(&place).with_context(|| format!("list {place}"))?;
    let links = entries
        .flatten()
        .flat_map(|entry| fs::read_link(entry.path()));
    Ok(links
        .filter(|link| link.to_string_lossy().starts_with("socket:"))
        .count())
}

/// Names the machine.
///
/// # Errors
/// The engine does not answer, or `/proc` is not there.
pub(crate) fn machine(memory_cgroup: &'static str) -> anyhow::Result<Machine> {
    let cpuinfo = read(Path::new("/proc/cpuinfo"))?;
    let value = |name: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let load = read(Path::new("/proc/loadavg"))?;
    Ok(Machine {
        processor: value("model name")
            .or_else(|| value("Model"))
            .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        cores: cpuinfo
            .lines()
            .filter(|line| line.starts_with("processor"))
            .count(),
        kernel: read(Path::new("/proc/sys/kernel/osrelease"))?
            .trim()
            .to_owned(),
        engine: docker(&["version", "--format", "{{.Server.Version}}"])?,
        memory_cgroup,
        load: load
            .split_ascii_whitespace()
            .next()
            .unwrap_or("unknown")
            .to_owned(),
    })
}
