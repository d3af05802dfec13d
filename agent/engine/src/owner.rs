//! Who answers for a thing on the engine, and whether a process that owns something is still there.
//!
//! A process is known by boot id, pid and start time: pids come again, and they mean nothing after a reboot.
//! Source: proc(5), /proc/PID/stat (field 22), /proc/PID/mountinfo, /proc/sys/kernel/random/boot_id.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Who answers for a thing on the engine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A container, by its full id.
    Container(String),
    /// The container that carries the stamp: it answers for itself as long as it runs.
    Itself,
    /// A process of the host.
    Process {
        /// The kernel's boot id.
        boot_id: String,
        /// Process id in the host's pid namespace.
        pid: u32,
        /// Start time in clock ticks since boot.
        start_time: u64,
    },
}

/// A file of `/proc` that an owner is read from could not be used.
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// It cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It has another shape than proc(5) says.
    #[error("understand {}: {reason}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Whether an owner is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Liveness {
    /// It is.
    Alive,
    /// It is not.
    Dead,
    /// It cannot be told, because.
    Unknown(String),
}

impl Owner {
    /// This container, else this process.
    ///
    /// # Errors
    /// If `proc_root` cannot be read.
    pub fn this(proc_root: &Path) -> Result<Owner, OwnerError> {
        match Owner::this_container(proc_root) {
            Some(container) => Ok(container),
            None => Owner::this_process(proc_root),
        }
    }

    /// This process, as the `/proc` at `proc_root` knows it.
    ///
    /// # Errors
    /// If `proc_root` cannot be read.
    pub fn this_process(proc_root: &Path) -> Result<Owner, OwnerError> {
        let path = proc_root.join("self/stat");
        let stat = Stat::read(&path)?;
        Ok(Owner::Process {
            boot_id: boot_id(proc_root)?,
            pid: stat.pid,
            start_time: stat.start_time,
        })
    }

    /// The container this process runs in, if the `/proc` at `proc_root` shows one: the engine binds files of its own
    /// directory over `/etc/hostname` and others.
    #[must_use]
    pub fn this_container(proc_root: &Path) -> Option<Owner> {
        let mountinfo = read(&proc_root.join("self/mountinfo")).ok()?;
        container_of(&mountinfo).map(Owner::Container)
    }

    /// Whether this owner is a process that is not there any more, by the `/proc` of the host's pid namespace.
    ///
    /// A container is never told dead here: only its engine knows.
    #[must_use]
    pub fn is_dead_process(&self, proc_root: &Path) -> bool {
        match self {
            Owner::Container(_) | Owner::Itself => false,
            Owner::Process {
                boot_id,
                pid,
                start_time,
            } => process_liveness(proc_root, boot_id, *pid, *start_time) == Liveness::Dead,
        }
    }
}

/// Whether a process is still there by the `/proc` at `proc_root`, which must be that of the host's pid namespace.
pub(crate) fn process_liveness(
    proc_root: &Path,
    boot: &str,
    pid: u32,
    start_time: u64,
) -> Liveness {
    match boot_id(proc_root) {
        Err(error) => return Liveness::Unknown(error.to_string()),
        Ok(now) if now != boot => return Liveness::Dead,
        Ok(_) => {}
    }
    match Stat::read(&proc_root.join(format!("{pid}/stat"))) {
        Ok(stat) if stat.start_time == start_time && !stat.ended => Liveness::Alive,
        Ok(_) => Liveness::Dead,
        Err(OwnerError::Read { source, .. })
            // ESRCH comes when the process ends between open and read.
            if source.kind() == ErrorKind::NotFound || source.raw_os_error() == Some(3) =>
        {
            Liveness::Dead
        }
        Err(error) => Liveness::Unknown(error.to_string()),
    }
}

impl fmt::Display for Owner {
    /// `container:ID`, `itself` or `process:BOOT:PID:START`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Itself => f.write_str("itself"),
            Owner::Container(id) => write!(f, "container:{id}"),
            Owner::Process {
                boot_id,
                pid,
                start_time,
            } => write!(f, "process:{boot_id}:{pid}:{start_time}"),
        }
    }
}

impl FromStr for Owner {
    type Err = String;

    fn from_str(text: &str) -> Result<Owner, String> {
        let parts: Vec<&str> = text.split(':').collect();
        match parts.as_slice() {
            ["itself"] => Ok(Owner::Itself),
            ["container", id] if is_container_id(id) => Ok(Owner::Container((*id).to_owned())),
            ["process", boot_id, pid, start_time] if !boot_id.is_empty() => Ok(Owner::Process {
                boot_id: (*boot_id).to_owned(),
                pid: pid.parse().map_err(|_| format!("`{pid}` is no pid"))?,
                start_time: start_time
                    .parse()
                    .map_err(|_| format!("`{start_time}` is no start time"))?,
            }),
            _ => Err(format!(
                "`{text}` is neither container:ID, itself nor process:BOOT:PID:START"
            )),
        }
    }
}

/// The part of `/proc/PID/stat` that tells processes apart.
struct Stat {
    pid: u32,
    start_time: u64,
    /// Zombie or dead: its work is over, only its parent has not looked yet.
    ended: bool,
}

impl Stat {
    fn read(path: &Path) -> Result<Stat, OwnerError> {
        let text = read(path)?;
        Stat::parse(&text).ok_or_else(|| OwnerError::Parse {
            path: path.to_owned(),
            reason: "no pid, state or start time where proc(5) has them".to_owned(),
        })
    }

    /// The command name stands in parentheses and may hold anything, parentheses and spaces too.
    fn parse(text: &str) -> Option<Stat> {
        let (pid, _) = text.split_once(' ')?;
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        Some(Stat {
            pid: pid.parse().ok()?,
            ended: matches!(*fields.first()?, "Z" | "X" | "x"),
            start_time: fields.get(19)?.parse().ok()?,
        })
    }
}

fn boot_id(proc_root: &Path) -> Result<String, OwnerError> {
    let path = proc_root.join("sys/kernel/random/boot_id");
    let text = read(&path)?.trim().to_owned();
    if text.is_empty() || text.contains(':') {
        let reason = format!("`{text}` is no boot id");
        return Err(OwnerError::Parse { path, reason });
    }
    Ok(text)
}

fn read(path: &Path) -> Result<String, OwnerError> {
    fs::read_to_string(path).map_err(|source| OwnerError::Read {
        path: path.to_owned(),
        source,
    })
}

/// The container id in a mountinfo: root `…/containers/ID/hostname` mounted at `/etc/hostname`, or the like.
fn container_of(mountinfo: &str) -> Option<String> {
    mountinfo.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(3);
        let (root, mount_point) = (fields.next()?, fields.next()?);
        let engine_s_own = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];
        if !engine_s_own.contains(&mount_point) {
            return None;
        }
        let (_, below) = root.split_once("containers/")?;
        let id = below.split('/').find(|part| is_container_id(part))?;
        Some(id.to_owned())
    })
}

fn is_container_id(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "c7cbf38c2d58cd7b49f291ec97d07548041f40b51217ec38a0a0657f17c48f10";

    /// A captured `/proc` with one process, 4242, named `(a b) c`.
    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for sub in ["sys/kernel/random", "4242"] {
            fs::create_dir_all(root.join(sub)).unwrap();
        }
        fs::write(root.join("sys/kernel/random/boot_id"), "boot-1\n").unwrap();
        write_stat(root, "S", 777);
        std::os::unix::fs::symlink("4242", root.join("self")).unwrap();
        dir
    }

    fn write_stat(root: &Path, state: &str, start_time: u64) {
        let zeros = "0 ".repeat(18);
        let line = format!("4242 ((a b) c) {state} {zeros}{start_time} 1 2\n");
        fs::write(root.join("4242/stat"), line).unwrap();
    }

    fn liveness(owner: &Owner, proc_root: &Path) -> Liveness {
        match owner {
            Owner::Process {
                boot_id,
                pid,
                start_time,
            } => process_liveness(proc_root, boot_id, *pid, *start_time),
            Owner::Container(_) | Owner::Itself => panic!("{owner} is no process"),
        }
    }

    #[test]
    fn owners_read_back_as_written() {
        let process = Owner::Process {
            boot_id: "5d701393-bcaf".to_owned(),
            pid: 12,
            start_time: u64::MAX,
        };
        for owner in [Owner::Container(ID.to_owned()), Owner::Itself, process] {
            assert_eq!(owner.to_string().parse::<Owner>().unwrap(), owner);
        }
        for text in [
            "",
            "container:abc",
            "process:b:1",
            "process::1:2",
            "process:b:x:2",
            "process:b:1:2:3",
        ] {
            assert!(text.parse::<Owner>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_process_lives_as_long_as_pid_start_time_and_boot_agree() {
        let tree = tree();
        let me = Owner::this_process(tree.path()).unwrap();
        assert_eq!(me.to_string(), "process:boot-1:4242:777");
        let check = |expected: &Liveness| assert_eq!(liveness(&me, tree.path()), *expected);
        check(&Liveness::Alive);
        write_stat(tree.path(), "S", 778);
        check(&Liveness::Dead);
        write_stat(tree.path(), "Z", 777);
        check(&Liveness::Dead);
        fs::remove_file(tree.path().join("4242/stat")).unwrap();
        check(&Liveness::Dead);
        write_stat(tree.path(), "S", 777);
        fs::write(tree.path().join("sys/kernel/random/boot_id"), "boot-2").unwrap();
        check(&Liveness::Dead);
    }

    #[test]
    fn what_cannot_be_read_is_unknown_never_dead() {
        let tree = tree();
        let me = Owner::this_process(tree.path()).unwrap();
        fs::write(tree.path().join("4242/stat"), "garbage").unwrap();
        assert!(matches!(liveness(&me, tree.path()), Liveness::Unknown(_)));
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(liveness(&me, empty.path()), Liveness::Unknown(_)));
    }

    #[test]
    fn a_container_is_known_by_the_engine_s_own_mounts_alone() {
        let inside = format!(
            "612 610 0:52 / / rw - overlay overlay rw\n\
             650 612 254:0 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw - ext4 /dev/vda rw\n"
        );
        assert_eq!(container_of(&inside).as_deref(), Some(ID));
        let host = format!(
            "40 27 0:45 / /var/lib/docker/containers/{ID}/mounts/shm rw - tmpfs shm rw\n\
             41 27 254:0 /var/lib/docker/containers/{ID}/hostname /mnt/x rw - ext4 /dev/vda rw\n"
        );
        assert_eq!(container_of(&host), None);
    }

    #[test]
    fn this_very_process_is_alive() {
        let me = Owner::this_process(Path::new("/proc")).unwrap();
        assert_eq!(liveness(&me, Path::new("/proc")), Liveness::Alive);
    }
}
