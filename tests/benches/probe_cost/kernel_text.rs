//! The kernel's text, as far as this bench needs it. Written anew: it must not share a mistake with the sampler it is held against.
//!
//! Formats: proc(5), cgroups(7), kernel documentation "Memory Resource Controller" and "Control Group v2".

use std::time::Duration;

/// One process by its `/proc/PID/stat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    /// Name, of at most 15 bytes.
    pub(crate) name: String,
    /// Id of its parent.
    pub(crate) parent: u32,
}

/// Reads `/proc/PID/stat`. The name may contain anything, blanks and brackets included.
pub(crate) fn process(stat: &str) -> Option<Process> {
    let (head, tail) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    // Behind the name comes the state, then the parent.
    let parent = tail.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(Process {
        name: name.to_owned(),
        parent,
    })
}

/// CPU time of the children of a process that have ended and were waited for, by its `/proc/PID/stat`: `cutime` and
/// `cstime`, in ticks of 10 ms on every platform of Linux that matters here (`USER_HZ`).
pub(crate) fn time_of_children(stat: &str) -> Option<Duration> {
    let (_, tail) = stat.rsplit_once(')')?;
    // Behind the name comes field 3; these are fields 16 and 17.
    let mut fields = tail.split_ascii_whitespace().skip(13);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 10))
}

/// CPU time of a thread by its `schedstat`, whose first column is in nanoseconds (kernel documentation "Scheduler Statistics").
pub(crate) fn cpu_time(schedstat: &str) -> Option<Duration> {
    let nanoseconds = schedstat.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

/// Where a process is, by its `/proc/PID/cgroup`: the directory of a v1 hierarchy and the path below it.
pub(crate) fn legacy_group<'a>(groups: &'a str, controller: &str) -> Option<(&'a str, &'a str)> {
    lines_of_groups(groups)
        .find(|(controllers, _)| controllers.split(',').any(|name| name == controller))
}

/// The same for the unified hierarchy, which names no controller.
pub(crate) fn unified_group(groups: &str) -> Option<&str> {
    lines_of_groups(groups)
        .find(|(controllers, _)| controllers.is_empty())
        .map(|(_, path)| path)
}

fn lines_of_groups(groups: &str) -> impl Iterator<Item = (&str, &str)> {
    groups.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        Some((controllers, path.trim_start_matches('/')))
    })
}

/// The number behind a name in lines of `name value`.
pub(crate) fn field(text: &str, name: &str) -> Option<u64> {
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(key, _)| *key == name)?
        .1
        .trim()
        .parse()
        .ok()
}

/// One row of `docker stats --no-trunc --format '{{.ID}} {{.CPUPerc}} {{.MemUsage}}'`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// Container id.
    pub(crate) id: String,
    /// Cores in use.
    pub(crate) cores: f64,
    /// Memory in use, in bytes.
    pub(crate) memory: f64,
}

/// Reads one. Between the rows it clears the screen: what stands before the id is passed over. `None` for dashes.
pub(crate) fn row(line: &str) -> Option<Row> {
    let mut words = line.split_ascii_whitespace();
    let id = words.next()?;
    let id = id.get(id.len().checked_sub(64)?..)?;
    let cores: f64 = words.next()?.strip_suffix('%')?.parse().ok()?;
    let memory = words.next()?;
    let digits = memory.find(|byte: char| byte.is_ascii_alphabetic())?;
    let (number, unit) = memory.split_at(digits);
    let unit = match unit {
        "B" => 1.0,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        _ => return None,
    };
    Some(Row {
        id: id.to_owned(),
        cores: cores / 100.0,
        memory: number.parse::<f64>().ok()? * unit,
    })
}

/// How often a thing that may last several looks begins.
pub(crate) fn beginnings(within: &[bool]) -> usize {
    let before = std::iter::once(&false).chain(within);
    before
        .zip(within)
        .filter(|(before, now)| **now && !**before)
        .count()
}

/// Memory that the kernel cannot simply drop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Held {
    /// Anonymous memory, shared memory, and kernel memory where it is told, in bytes.
    pub(crate) bytes: u64,
    /// The kernel memory in it, in bytes; `None` where the kernel tells none.
    pub(crate) kernel: Option<u64>,
}

/// v1: `memory.stat`, and `memory.kmem.usage_in_bytes` where there is one.
pub(crate) fn held_v1(stat: &str, kernel: Option<&str>) -> Option<Held> {
    let kernel = kernel.and_then(|text| text.trim().parse::<u64>().ok());
    let user = field(stat, "total_rss")? + field(stat, "total_shmem")?;
    Some(Held {
        bytes: user + kernel.unwrap_or(0),
        kernel,
    })
}

/// v2: all of it is in `memory.stat`; the sum of kernel memory since Linux 5.18.
pub(crate) fn held_v2(stat: &str) -> Option<Held> {
    let user = field(stat, "anon")? + field(stat, "shmem")?;
    let kinds = ["kernel_stack", "pagetables", "percpu", "slab"];
    let kernel = field(stat, "kernel").or_else(|| {
        kinds
            .iter()
            .filter_map(|kind| field(stat, kind))
            .reduce(|sum, kind| sum + kind)
    });
    Some(Held {
        bytes: user + kernel.unwrap_or(0),
        kernel,
    })
}
