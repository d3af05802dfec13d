//! Storage a candidate takes: blocks of its writable layer, volumes and log. Walks directories: call it off the async threads.
//!
//! A number that leaves something out is never told: an unreadable directory or too many files make it unseen.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use conformance::finding::{Reason, Unseen};
use conformance::observation::{MountKind, MountUse, Observed, Space, StorageUse};
use conformance::units::Bytes;
use procfs::FromBufRead;
use procfs::process::MountInfos;

use super::layer::Layer;
use super::{Roots, mounts};

/// Files looked at per measurement; some seconds on a Raspberry Pi.
pub const FILE_BUDGET: usize = 200_000;

/// Files looked at below a bind that the candidate can only read: nothing is judged by them, and a large directory of the host's
/// would cost the probe tens of MiB of kernel memory.
const SHOWN_BUDGET: usize = 2_000;

const METHOD: &str = "blocks of every file below the overlay upper directory (512 bytes × st_blocks, hard links once)";
const SNAPSHOT_METHOD: &str = "blocks of every file that differs from the snapshot the layer was made from (512 bytes × st_blocks, hard links once)";

/// Where a container writes. All paths are the host's.
#[derive(Debug, Clone)]
pub struct Places {
    /// Its writable layer ([`super::layer::find`]).
    pub layer: Result<Layer, Unseen>,
    /// Volumes and binds.
    pub mounts: Vec<mounts::Place>,
    /// The engine's log file of the container; `None` if the engine names none.
    pub log: Option<PathBuf>,
}

/// Measures what a container takes.
///
/// Volumes are summed, and so are binds that the container may write to: what it writes there takes the device's storage.
/// A bind that it can only read is told and not summed.
#[must_use]
pub fn measure(roots: &Roots, places: &Places, image: Bytes) -> StorageUse {
    let writable = layer_of(roots, places);
    let mounts: Vec<MountUse> = places
        .mounts
        .iter()
        .map(|place| MountUse {
            kind: place.kind,
            name: place.name.clone(),
            destination: place.destination.clone(),
            writable: place.writable,
            used: walked(roots, &place.source, budget(place.kind, place.writable))
                .map(Space::from)
                .into(),
        })
        .collect();
    let volumes = summed(&mounts);
    let inodes = match (&writable, &volumes) {
        (Ok(writable), Ok(volumes)) => Ok(writable.inodes + volumes.inodes),
        (Err(unseen), _) | (_, Err(unseen)) => Err(unseen.clone()),
    };
    let logs = match &places.log {
        Some(log) => log_blocks(roots, log),
        None => Err(unnamed("log file")),
    };
    let method = match places.layer {
        Ok(Layer::Snapshot { .. }) => SNAPSHOT_METHOD,
        Ok(Layer::Upper(_)) | Err(_) => METHOD,
    };
    StorageUse {
        image,
        writable: writable.map(|sum| sum.blocks).into(),
        volumes: volumes.map(|sum| sum.blocks).into(),
        logs: logs.into(),
        method: method.to_owned(),
        inodes: inodes.into(),
        disk: Observed::default(),
        mounts,
    }
}

/// Blocks of a writable layer.
///
/// # Errors
/// It is not known where it lies, is out of reach, or part of it cannot be read.
pub fn layer(roots: &Roots, places: &Places) -> Result<Bytes, Unseen> {
    layer_of(roots, places).map(|sum| sum.blocks)
}

fn layer_of(roots: &Roots, places: &Places) -> Result<Sum, Unseen> {
    match places.layer.as_ref().map_err(Unseen::clone)? {
        Layer::Upper(upper) => walked(roots, upper, FILE_BUDGET),
        Layer::Snapshot { own, base } => {
            let (own, base) = (here(roots, own)?, here(roots, base)?);
            // Without what it was made from everything would count as written.
            fs::symlink_metadata(&base).map_err(|error| unreadable(&base, &error))?;
            let mut walk = Walk::new(FILE_BUDGET);
            walk.add(&own, Some(&base))?;
            Ok(walk.sum)
        }
    }
}

/// How many files of a mount are worth a look.
fn budget(kind: MountKind, writable: bool) -> usize {
    match is_summed(kind, writable) {
        true => FILE_BUDGET,
        false => SHOWN_BUDGET,
    }
}

/// What the candidate may have written is its own.
fn is_summed(kind: MountKind, writable: bool) -> bool {
    kind != MountKind::Bind || writable
}

/// What counts as the module's of its mounts.
fn summed(mounts: &[MountUse]) -> Result<Sum, Unseen> {
    let counted = |mount: &&MountUse| is_summed(mount.kind, mount.writable);
    let mut sum = Sum::default();
    for mount in mounts.iter().filter(counted) {
        let used = mount.used.get()?;
        sum.blocks = sum.blocks.saturating_add(used.blocks);
        sum.inodes += used.inodes;
    }
    Ok(sum)
}

/// Free space of the file system that holds the engine's data root (statvfs(3), `f_bfree`).
///
/// # Errors
/// The data root is not mounted for the probe, or cannot be asked.
pub fn free(roots: &Roots) -> Result<Bytes, Unseen> {
    let root = here(roots, &roots.data_root_on_host)?;
    let seen = rustix::fs::statvfs(&root).map_err(|error| unreadable(&root, &error.into()))?;
    Ok(Bytes(seen.f_bfree.saturating_mul(seen.f_frsize)))
}

/// Room on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Its size.
    pub all: Bytes,
    /// What users other than root may still write (`f_bavail`).
    pub free: Bytes,
    /// Inodes that it has; zero where it makes them as they are needed.
    pub all_inodes: u64,
    /// Inodes left.
    pub free_inodes: u64,
}

/// Room on the file system that holds the engine's data root (statvfs(3)).
///
/// # Errors
/// As [`free`].
pub fn room(roots: &Roots) -> Result<Room, Unseen> {
    let root = here(roots, &roots.data_root_on_host)?;
    let seen = rustix::fs::statvfs(&root).map_err(|error| unreadable(&root, &error.into()))?;
    let bytes = |blocks: u64| Bytes(blocks.saturating_mul(seen.f_frsize));
    Ok(Room {
        all: bytes(seen.f_blocks),
        free: bytes(seen.f_bavail),
        all_inodes: seen.f_files,
        free_inodes: seen.f_favail,
    })
}

/// The overlay's upper directory as the container's own mount table names it: needed with the containerd image store,
/// where the engine's inspect does not.
#[must_use]
pub fn upper_dir(roots: &Roots, pid: u32) -> Option<PathBuf> {
    let table = fs::read(roots.process(pid).join("mountinfo")).ok()?;
    upper_of_root(&table)
}

fn upper_of_root(mountinfo: &[u8]) -> Option<PathBuf> {
    // Line by line, so that a line procfs does not know cannot hide the root's.
    mountinfo
        .split(|byte| *byte == b'\n')
        .filter_map(|line| MountInfos::from_buf_read(line).ok())
        .flat_map(|mounts| mounts.0)
        .rfind(|mount| mount.mount_point == Path::new("/") && mount.fs_type == "overlay")
        .and_then(|mount| mount.super_options.get("upperdir").cloned().flatten())
        .map(|escaped| PathBuf::from(unescaped(&escaped)))
}

/// The kernel writes space, tab, newline, backslash and comma in mount options as three octal digits (proc(5), mountinfo).
fn unescaped(escaped: &str) -> String {
    let mut parts = escaped.split('\\');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part
            .get(..3)
            .and_then(|octal| u8::from_str_radix(octal, 8).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => {
                text.push(char::from(code));
                text.push_str(part.get(3..).unwrap_or_default());
            }
            None => {
                text.push('\\');
                text.push_str(part);
            }
        }
    }
    text
}

fn unnamed(what: &str) -> Unseen {
    Unseen::new(
        Reason::CannotMeasure,
        format!("the engine names no {what} of the container"),
    )
}

fn here(roots: &Roots, path: &Path) -> Result<PathBuf, Unseen> {
    let data_root = roots.data_root_on_host.display();
    let because = match (&roots.data_root, roots.here(path)) {
        (_, Some(here)) => return Ok(here),
        (None, None) => format!(
            "{} cannot be read: mount the engine's data root {data_root} for the probe, read-only",
            path.display()
        ),
        (Some(_), None) => format!(
            "{} is not below the engine's data root {data_root}, all that the probe can read",
            path.display()
        ),
    };
    Err(Unseen::new(Reason::Configuration, because))
}

/// What a walk summed.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    blocks: Bytes,
    inodes: u64,
}

impl From<Sum> for Space {
    fn from(sum: Sum) -> Space {
        Space {
            blocks: sum.blocks,
            inodes: sum.inodes,
        }
    }
}

fn walked(roots: &Roots, directory: &Path, budget: usize) -> Result<Sum, Unseen> {
    let mut walk = Walk::new(budget);
    walk.add(&here(roots, directory)?, None)?;
    Ok(walk.sum)
}

/// The log and what it was rotated into: `ID-json.log`, `ID-json.log.1`, `ID-json.log.2.gz`.
fn log_blocks(roots: &Roots, log: &Path) -> Result<Bytes, Unseen> {
    let log = here(roots, log)?;
    let (Some(directory), Some(name)) = (log.parent(), log.file_name()) else {
        return Err(unnamed("log file"));
    };
    let name = name.to_string_lossy();
    let mut sum = Bytes::default();
    for entry in fs::read_dir(directory).map_err(|error| unreadable(directory, &error))? {
        let entry = entry.map_err(|error| unreadable(directory, &error))?;
        if entry.file_name().to_string_lossy().starts_with(&*name)
            && let Some(seen) = looked_at(&entry.path())?
        {
            sum = sum.saturating_add(blocks(&seen));
        }
    }
    Ok(sum)
}

fn blocks(seen: &Metadata) -> Bytes {
    // stat(2): st_blocks counts units of 512 bytes on every file system.
    Bytes(seen.blocks().saturating_mul(512))
}

fn unreadable(path: &Path, error: &io::Error) -> Unseen {
    Unseen::new(
        Reason::CannotMeasure,
        format!("{} cannot be read: {error}", path.display()),
    )
}

/// `None` if it went away meanwhile: what is gone takes no storage.
fn looked_at(path: &Path) -> Result<Option<Metadata>, Unseen> {
    match fs::symlink_metadata(path) {
        Ok(seen) => Ok(Some(seen)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// Whether a file is the snapshot's as it was: it kept its inode's number, and nothing of it changed since (a snapshot of
/// btrfs keeps both; `st_ctime` moves with every change).
fn same(seen: &Metadata, in_base: &Path) -> bool {
    fs::symlink_metadata(in_base).is_ok_and(|was| {
        let of = |file: &Metadata| (file.ino(), file.size(), file.ctime(), file.ctime_nsec());
        of(&was) == of(seen)
    })
}

/// Sums blocks below directories; follows no symbolic link.
struct Walk {
    most: usize,
    left: usize,
    sum: Sum,
    linked: HashSet<(u64, u64)>,
}

impl Walk {
    fn new(budget: usize) -> Walk {
        Walk {
            most: budget,
            left: budget,
            sum: Sum::default(),
            linked: HashSet::new(),
        }
    }

    /// Counts everything from `top` on; beside a `base`, only what differs from the same path there.
    fn add(&mut self, top: &Path, base: Option<&Path>) -> Result<(), Unseen> {
        let seen = fs::symlink_metadata(top).map_err(|error| unreadable(top, &error))?;
        let inherited = |path: &Path, seen: &Metadata| {
            let relative = path.strip_prefix(top).unwrap_or(path);
            base.is_some_and(|base| same(seen, &base.join(relative)))
        };
        if !inherited(top, &seen) {
            self.count(&seen, top)?;
        }
        let mut directories = vec![top.to_owned()];
        while let Some(directory) = directories.pop() {
            let entries = match fs::read_dir(&directory) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(unreadable(&directory, &error)),
            };
            for entry in entries {
                let path = entry
                    .map_err(|error| unreadable(&directory, &error))?
                    .path();
                let Some(seen) = looked_at(&path)? else {
                    continue;
                };
                if inherited(&path, &seen) {
                    self.spend(top)?;
                } else {
                    self.count(&seen, top)?;
                }
                if seen.is_dir() {
                    directories.push(path);
                }
            }
        }
        Ok(())
    }

    fn spend(&mut self, top: &Path) -> Result<(), Unseen> {
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            Unseen::new(
                Reason::CannotMeasure,
                format!("more than {} files, at {}", self.most, top.display()),
            )
        })?;
        Ok(())
    }

    fn count(&mut self, seen: &Metadata, top: &Path) -> Result<(), Unseen> {
        self.spend(top)?;
        let again =
            !seen.is_dir() && seen.nlink() > 1 && !self.linked.insert((seen.dev(), seen.ino()));
        if !again {
            self.sum.blocks = self.sum.blocks.saturating_add(blocks(seen));
            self.sum.inodes += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
