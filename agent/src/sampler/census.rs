//! A look at the container's processes one by one: descriptors, sockets, block I/O, and memory where no controller counts it.
//!
//! Too dear for every tick, so once in ten seconds and at the ends of a phase. Rests on no number that a controller gives.
//! Processes are found as descendants of the main one: `cgroup.procs` shows those outside the reader's own pid namespace as 0
//! (cgroups(7)), and the probe has one of its own. What `docker exec` started is no descendant and not counted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use conformance::finding::{Reason, Unseen};

use super::text;

/// Processes looked at before a census gives up.
const MOST_PROCESSES: usize = 4096;

/// What one census counted. `Err`: why not.
#[derive(Debug, Clone)]
pub(super) struct Census {
    /// Open descriptors of all processes, and the sockets among them.
    pub(super) descriptors: Result<Descriptors, Unseen>,
    /// Bytes read from and written to storage so far.
    pub(super) io: Result<Io, Unseen>,
}

/// Descriptors and the sockets among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Descriptors {
    pub(super) open: u64,
    /// `None`: the list can be read, but not what its entries are.
    pub(super) sockets: Option<u64>,
}

impl Default for Descriptors {
    fn default() -> Descriptors {
        Descriptors {
            open: 0,
            sockets: Some(0),
        }
    }
}

/// Bytes read from storage and written to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Io {
    pub(super) read: u64,
    pub(super) written: u64,
}

/// What the group's own `io.stat` says (v2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GroupIo {
    /// There is none, or it cannot be read any more.
    NotTold,
    /// It names no device: nothing was moved so far, or nothing is counted. Only a later reading tells which.
    NoDevice,
    /// Bytes over all devices since the group began.
    Moved(Io),
}

/// How the memory of processes was told where no controller tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fallback {
    /// Proportional set sizes: every shared page once.
    Proportional(u64),
    /// Resident set sizes: a shared page once for each process, an upper bound.
    Resident(u64),
}

/// Counts what every process of the tree below `main` has open and has moved to and from storage.
pub(super) fn count(proc: &Path, main: u32) -> Result<Census, Unseen> {
    let processes = tree(proc, main)?;
    Ok(Census {
        descriptors: sum(&processes, descriptors),
        io: sum(&processes, io_of),
    })
}

/// Memory of every process below `main`: proportional where all of them let it be read, else resident. Costs about 11 µs
/// per resident MiB and takes each process' memory lock meanwhile.
pub(super) fn memory(proc: &Path, main: u32) -> Result<Fallback, Unseen> {
    let processes = tree(proc, main)?;
    let proportional = sum(&processes, |process| {
        let text = read(&process.join("smaps_rollup"))?;
        Ok(text.and_then(|text| text::kibibytes(&text, "Pss:")))
    });
    if let Ok(bytes) = proportional {
        return Ok(Fallback::Proportional(bytes));
    }
    let resident = sum(&processes, |process| {
        let text = read(&process.join("status"))?;
        Ok(text.and_then(|text| text::kibibytes(&text, "VmRSS:")))
    });
    resident.map(Fallback::Resident)
}

/// The main process and its descendants, as directories of `/proc`.
///
/// `children` is there with `CONFIG_PROC_CHILDREN` (proc_pid_task_tid_children(5)); it may miss one that is born meanwhile.
fn tree(proc: &Path, main: u32) -> Result<Vec<PathBuf>, Unseen> {
    let mut tree = vec![proc.join(main.to_string())];
    let mut next = 0;
    while let Some(process) = tree.get(next).cloned() {
        next += 1;
        let Ok(threads) = fs::read_dir(process.join("task")) else {
            // Gone meanwhile; the main process gone is a container gone.
            if next == 1 {
                return Err(unseen(&process, "its main process has ended"));
            }
            continue;
        };
        for thread in threads.flatten() {
            let path = thread.path().join("children");
            let Some(children) = read(&path)? else {
                if next == 1 && process.exists() && thread.path().exists() {
                    return Err(unseen(
                        &path,
                        "the kernel does not list children (CONFIG_PROC_CHILDREN)",
                    ));
                }
                continue;
            };
            let children = children.split(u8::is_ascii_whitespace);
            tree.extend(
                children
                    .filter_map(text::number)
                    .map(|pid| proc.join(pid.to_string())),
            );
        }
        if tree.len() > MOST_PROCESSES {
            return Err(unseen(proc, "more than 4096 processes in one container"));
        }
    }
    Ok(tree)
}

/// What is summed over processes.
trait Summed: Default {
    fn plus(self, other: Self) -> Self;
}

impl Summed for u64 {
    fn plus(self, other: u64) -> u64 {
        self.saturating_add(other)
    }
}

impl Summed for Descriptors {
    fn plus(self, other: Descriptors) -> Descriptors {
        Descriptors {
            open: self.open.plus(other.open),
            sockets: self.sockets.zip(other.sockets).map(|(a, b)| a.plus(b)),
        }
    }
}

impl Summed for Io {
    fn plus(self, other: Io) -> Io {
        Io {
            read: self.read.plus(other.read),
            written: self.written.plus(other.written),
        }
    }
}

/// A process that is gone or says nothing (`None`) adds nothing, unless all of them do.
fn sum<T: Summed>(
    processes: &[PathBuf],
    of: impl Fn(&Path) -> Result<Option<T>, Unseen>,
) -> Result<T, Unseen> {
    let mut sum = None;
    for process in processes {
        if let Some(part) = of(process)? {
            sum = Some(sum.unwrap_or_else(T::default).plus(part));
        }
    }
    sum.ok_or_else(|| {
        let first = processes
            .first()
            .map_or(Path::new("/proc"), PathBuf::as_path);
        unseen(first, "the kernel does not tell it of any process")
    })
}

fn descriptors(process: &Path) -> Result<Option<Descriptors>, Unseen> {
    let path = process.join("fd");
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if gone(&error) => return Ok(None),
        Err(error) => return Err(refused(&path, &error)),
    };
    let mut counted = Descriptors::default();
    for entry in entries.flatten() {
        counted.open += 1;
        // proc_pid_fd(5): the link of a socket is `socket:[INODE]`. Root may list the descriptors of another user's process;
        // to read their links it needs CAP_SYS_PTRACE too.
        counted.sockets = match fs::read_link(entry.path()) {
            Ok(link) => {
                let is_one = link.to_string_lossy().starts_with("socket:");
                counted.sockets.map(|sockets| sockets + u64::from(is_one))
            }
            Err(error) if gone(&error) => counted.sockets,
            Err(_) => None,
        };
    }
    Ok(Some(counted))
}

/// proc_pid_io(5). A process adds those of its children once it has waited for them (kernel/exit.c, `wait_task_zombie`), so
/// that the sum over the living loses none that a parent has waited for.
fn io_of(process: &Path) -> Result<Option<Io>, Unseen> {
    let text = read(&process.join("io"))?;
    Ok(text.and_then(|text| {
        Some(Io {
            read: text::colon(&text, "read_bytes")?,
            written: text::colon(&text, "write_bytes")?,
        })
    }))
}

/// `None` if the process is gone.
fn read(path: &Path) -> Result<Option<Vec<u8>>, Unseen> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if gone(&error) => Ok(None),
        Err(error) => Err(refused(path, &error)),
    }
}

/// `ESRCH` is what files of a process say that ended after they were opened.
fn gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

fn refused(path: &Path, error: &io::Error) -> Unseen {
    if error.kind() == io::ErrorKind::PermissionDenied {
        return Unseen::new(
            Reason::Configuration,
            format!(
                "{} is closed to the probe: a process of another user shows it only to CAP_SYS_PTRACE (ptrace(2), access mode checks)",
                path.display()
            ),
        );
    }
    unseen(path, &error.to_string())
}

fn unseen(path: &Path, why: &str) -> Unseen {
    Unseen::new(
        Reason::CannotMeasure,
        format!("{} cannot be read: {why}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A recorded or made-up process below a temporary `/proc`.
    fn process(proc: &Path, pid: u32, children: &str, files: &[(&str, &str)]) {
        let task = proc.join(format!("{pid}/task/{pid}"));
        fs::create_dir_all(&task).unwrap();
        fs::write(task.join("children"), children).unwrap();
        for (name, text) in files {
            fs::write(proc.join(pid.to_string()).join(name), text).unwrap();
        }
    }

    #[test]
    fn block_io_of_every_descendant_is_summed() {
        let proc = tempfile::tempdir().unwrap();
        let io = |read, written| {
            format!(
                "rchar: 9\nread_bytes: {read}\nwrite_bytes: {written}\ncancelled_write_bytes: 0\n"
            )
        };
        process(proc.path(), 7, "8 9 ", &[("io", &io(4096, 67_121_152))]);
        process(proc.path(), 8, "10 ", &[("io", &io(0, 1))]);
        process(proc.path(), 10, "", &[("io", &io(1, 1))]);
        // 9 has ended meanwhile.
        let census = count(proc.path(), 7).unwrap();
        let expected = Io {
            read: 4097,
            written: 67_121_154,
        };
        assert_eq!(census.io, Ok(expected));
        // No process shows its descriptors: that is not none open.
        assert!(census.descriptors.is_err());
    }

    #[test]
    fn a_container_without_its_main_process_is_no_census() {
        let proc = tempfile::tempdir().unwrap();
        let why = count(proc.path(), 7).unwrap_err();
        assert!(why.because.contains("has ended"), "{why:?}");
    }

    #[test]
    fn proportional_sizes_win_and_resident_ones_are_named_as_what_they_are() {
        let proc = tempfile::tempdir().unwrap();
        let status = ("status", "Name:\ta\nVmRSS:\t    3000 kB\n");
        process(
            proc.path(),
            7,
            "8",
            &[
                status,
                (
                    "smaps_rollup",
                    "0-1 ---p [rollup]\nRss: 3000 kB\nPss:                1500 kB\n",
                ),
            ],
        );
        process(
            proc.path(),
            8,
            "",
            &[status, ("smaps_rollup", "Pss: 500 kB\nPss_Anon: 1 kB\n")],
        );
        assert_eq!(
            memory(proc.path(), 7),
            Ok(Fallback::Proportional(2000 * 1024))
        );
        for pid in ["7", "8"] {
            fs::remove_file(proc.path().join(pid).join("smaps_rollup")).unwrap();
        }
        assert_eq!(memory(proc.path(), 7), Ok(Fallback::Resident(6000 * 1024)));
    }

    #[test]
    fn own_sockets_are_told_from_own_files() {
        let before = count(Path::new("/proc"), std::process::id()).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let after = count(Path::new("/proc"), std::process::id()).unwrap();
        let (before, after) = (before.descriptors.unwrap(), after.descriptors.unwrap());
        assert_eq!(after.sockets, before.sockets.map(|sockets| sockets + 1));
        assert!(Some(after.open) > after.sockets, "{after:?}");
        drop(listener);
    }

    #[test]
    fn sockets_that_cannot_be_told_apart_are_none_counted_not_none_there() {
        let proc = tempfile::tempdir().unwrap();
        process(proc.path(), 7, "", &[]);
        let fd = proc.path().join("7/fd");
        fs::create_dir(&fd).unwrap();
        // Not a link: reading it as one fails, as it does where links are closed.
        fs::write(fd.join("0"), "").unwrap();
        let counted = || count(proc.path(), 7).unwrap().descriptors.unwrap();
        assert_eq!((counted().open, counted().sockets), (1, None));
    }
}
