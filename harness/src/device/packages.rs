//! Programs of the host that devices need, and the line that installs those that are missing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::profile::{Debian, Profile, Storage};

/// A program and its Debian package.
pub(super) type Needed = (&'static str, &'static str);

/// What a device of a kind is run with.
#[must_use]
pub(super) fn to_run(profile: Profile, storage: Storage) -> Vec<Needed> {
    let machine = profile.machine();
    let mut needed = vec![(machine.program, machine.package), ("cp", "coreutils")];
    if storage == Storage::Quota {
        needed.push(("mkfs.xfs", "xfsprogs"));
    }
    needed
}

/// What a root image is built with; who is not root needs a little more.
#[must_use]
pub(super) fn to_build(debian: Debian, as_root: bool) -> Vec<Needed> {
    let mut needed = vec![
        ("mmdebstrap", "mmdebstrap"),
        ("apt-get", "apt"),
        ("dpkg-deb", "dpkg"),
        ("depmod", "kmod"),
        ("modprobe", "kmod"),
        ("mke2fs", "e2fsprogs"),
    ];
    if debian != Debian::Bookworm {
        // Kernel modules are compressed from Debian 13 on.
        needed.push(("xz", "xz-utils"));
    }
    if !as_root {
        needed.push(("fakeroot", "fakeroot"));
    }
    needed
}

/// Says what is missing and how it is installed.
///
/// # Errors
/// A program is missing.
pub(super) fn check(needed: &[Needed]) -> anyhow::Result<()> {
    let path = search_path();
    let directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    missing(needed, |program| {
        directories
            .iter()
            .any(|directory| is_program(&directory.join(program)))
    })
    .map_or(Ok(()), |told| Err(anyhow::anyhow!(told)))
}

/// `PATH`, with the directories of the system's own programs that users do not have in theirs.
#[must_use]
pub(super) fn search_path() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/local/sbin:/usr/sbin:/sbin");
    path
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path)
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn missing(needed: &[Needed], is_there: impl Fn(&str) -> bool) -> Option<String> {
    let mut programs = Vec::new();
    let mut packages = Vec::new();
    for (program, package) in needed {
        if !is_there(program) {
            programs.push(*program);
            if !packages.contains(package) {
                packages.push(*package);
            }
        }
    }
    (!programs.is_empty()).then(|| {
        format!(
            "missing on this machine: {}; install with `sudo apt-get install {}`",
            programs.join(", "),
            packages.join(" ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_installed_with_one_line_that_names_each_package_once() {
        let mut needed = to_run(Profile::Arm32, Storage::Default);
        needed.extend(to_build(Debian::Trixie, false));
        let told = missing(&needed, |program| ["cp", "apt-get"].contains(&program));
        assert_eq!(
            told.as_deref(),
            Some(
                "missing on this machine: qemu-system-arm, mmdebstrap, dpkg-deb, depmod, modprobe, mke2fs, xz, fakeroot; \
                 install with `sudo apt-get install qemu-system-arm mmdebstrap dpkg kmod e2fsprogs xz-utils fakeroot`"
            )
        );
        assert_eq!(missing(&needed, |_| true), None);
    }

    #[test]
    fn a_quota_needs_a_disk_with_xfs_and_nothing_else_does() {
        let told = |storage| missing(&to_run(Profile::X64, storage), |one| one != "mkfs.xfs");
        assert_eq!(
            told(Storage::Quota).as_deref(),
            Some("missing on this machine: mkfs.xfs; install with `sudo apt-get install xfsprogs`")
        );
        assert_eq!(told(Storage::Default), None);
        assert_eq!(told(Storage::Containerd), None);
    }

    #[test]
    fn root_needs_nothing_to_pretend_to_be_root() {
        let programs = |as_root| {
            to_build(Debian::Bookworm, as_root)
                .iter()
                .any(|(program, _)| *program == "fakeroot")
        };
        assert!(!programs(true));
        assert!(programs(false));
    }
}
