//! Pressure of a group: how long its tasks stood still for want of CPU, memory or I/O (kernel documentation, "PSI").
//!
//! Only v2 groups have it, and only where the kernel accounts it (`CONFIG_PSI`, and `psi=1` where it is off by default).

use std::fs::File;
use std::path::Path;

use conformance::finding::{Reason, Unseen};
use conformance::observation::Pressure;

use super::container::pread;
use super::layout::Version;
use super::text;

/// The three open files, those that there are.
#[derive(Debug)]
pub(super) struct PressureFiles {
    cpu: Option<File>,
    memory: Option<File>,
    io: Option<File>,
}

/// Opens them; a kernel that has the files and does not account says so on the first read (`EOPNOTSUPP`).
pub(super) fn open(version: Version, group: &Path) -> Result<PressureFiles, Unseen> {
    if version == Version::V1 {
        return Err(Unseen::new(
            Reason::CannotMeasure,
            "the group is of cgroup v1, which tells no pressure",
        ));
    }
    let files = PressureFiles {
        cpu: File::open(group.join("cpu.pressure")).ok(),
        memory: File::open(group.join("memory.pressure")).ok(),
        io: File::open(group.join("io.pressure")).ok(),
    };
    match files.read(&mut [0; 512]) {
        Some(_) => Ok(files),
        None => Err(Unseen::new(
            Reason::CannotMeasure,
            format!(
                "{} tells no pressure: this kernel does not account it (CONFIG_PSI, `psi=1` on its command line)",
                group.display()
            ),
        )),
    }
}

impl PressureFiles {
    /// Standstill since the group began; `None` if no file says any.
    pub(super) fn read(&self, buffer: &mut [u8]) -> Option<Pressure> {
        let mut of = |file: &Option<File>| {
            let text = pread(file.as_ref()?, buffer)?;
            text::pressure(text)
        };
        let (cpu, memory, io) = (of(&self.cpu), of(&self.memory), of(&self.io));
        cpu.or(memory).or(io)?;
        Some(Pressure {
            cpu_some_us: cpu.map(|(some, _)| some),
            memory_some_us: memory.map(|(some, _)| some),
            memory_full_us: memory.and_then(|(_, full)| full),
            io_some_us: io.map(|(some, _)| some),
            io_full_us: io.and_then(|(_, full)| full),
        })
    }
}

/// What was added between two readings.
pub(super) fn since(before: &Pressure, after: &Pressure) -> Pressure {
    let less = |after: Option<u64>, before: Option<u64>| Some(after?.saturating_sub(before?));
    Pressure {
        cpu_some_us: less(after.cpu_some_us, before.cpu_some_us),
        memory_some_us: less(after.memory_some_us, before.memory_some_us),
        memory_full_us: less(after.memory_full_us, before.memory_full_us),
        io_some_us: less(after.io_some_us, before.io_some_us),
        io_full_us: less(after.io_full_us, before.io_full_us),
    }
}

/// The sum of two groups', which were one after the other.
pub(super) fn sum(now: &Pressure, before: &Pressure) -> Pressure {
    let plus = |now: Option<u64>, before: Option<u64>| Some(now? + before.unwrap_or(0));
    Pressure {
        cpu_some_us: plus(now.cpu_some_us, before.cpu_some_us),
        memory_some_us: plus(now.memory_some_us, before.memory_some_us),
        memory_full_us: plus(now.memory_full_us, before.memory_full_us),
        io_some_us: plus(now.io_some_us, before.io_some_us),
        io_full_us: plus(now.io_full_us, before.io_full_us),
    }
}
