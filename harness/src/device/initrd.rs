//! The initrd of a device: a cpio archive that holds the first stage, and what travels into the guest with it.
//!
//! The format is `newc`, uncompressed (kernel documentation, "initramfs buffer format").

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::certificates::InGuest;
use super::profile::{Cgroup, Storage};

const FIRST_STAGE: &str = include_str!("guest/first-stage.sh");
const SECOND_STAGE: &str = include_str!("guest/second-stage.sh");
const SHELL: &str = include_str!("guest/shell.sh");

/// What a device is told by its initrd.
#[derive(Debug)]
pub(super) struct Told<'a> {
    /// Host name of the device.
    pub name: &'a str,
    /// Its hierarchy of control groups.
    pub cgroup: Cgroup,
    /// What its engine keeps images and layers in.
    pub storage: Storage,
    /// Certificates of its engine.
    pub certificates: &'a InGuest,
    /// Seconds since 1970, for a board without clock.
    pub now: i64,
}

/// An initrd that says its first word and then finds no disk.
///
/// # Errors
/// A file of the image cannot be read.
pub(super) fn first_stage_alone(image: &Path) -> anyhow::Result<Vec<u8>> {
    Ok(first_stage(image)?.finish())
}

fn first_stage(image: &Path) -> anyhow::Result<Archive> {
    let mut archive = Archive::default();
    for directory in ["bin", "modules", "edgeproof"] {
        archive.directory(directory);
    }
    archive.program("init", FIRST_STAGE.as_bytes());
    let busybox = image.join("first-stage/busybox");
    archive.program("bin/busybox", &read(&busybox)?);
    Ok(archive)
}

/// Makes the initrd from the first stage of an image, or of a device's copy of it.
///
/// # Errors
/// A file of the image cannot be read.
pub(super) fn make(image: &Path, told: &Told<'_>) -> anyhow::Result<Vec<u8>> {
    let mut archive = first_stage(image)?;
    let stage = image.join("first-stage");
    let order = read(&stage.join("order"))?;
    for module in String::from_utf8_lossy(&order).lines() {
        let content = read(&stage.join("modules").join(module))?;
        archive.file(&format!("modules/{module}"), &content);
    }
    archive.file("order", &order);
    let engine = &told.certificates.engine;
    for (name, content) in [
        ("second-stage.sh", SECOND_STAGE),
        ("shell.sh", SHELL),
        ("ca.pem", &told.certificates.authority),
        ("server-cert.pem", &engine.certificate),
        ("server-key.pem", &engine.key),
        ("hostname", &format!("{}\n", told.name)),
        ("cgroup", &format!("{}\n", told.cgroup.name())),
        ("storage", &format!("{}\n", told.storage.name())),
        ("daemon.json", told.storage.engine_settings()),
        ("now", &format!("{}\n", told.now)),
    ] {
        archive.file(&format!("edgeproof/{name}"), content.as_bytes());
    }
    Ok(archive.finish())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("read {}", path.display()))
}

/// A cpio archive under way; everything in it is root's alone.
#[derive(Debug, Default)]
struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

impl Archive {
    fn directory(&mut self, path: &str) {
        self.entry(path, 0o040_700, &[]);
    }

    fn file(&mut self, path: &str, content: &[u8]) {
        self.entry(path, 0o100_600, content);
    }

    fn program(&mut self, path: &str, content: &[u8]) {
        self.entry(path, 0o100_700, content);
    }

    fn entry(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        let size = u32::try_from(content.len()).expect("a kernel module is no 4 GiB");
        let name = u32::try_from(path.len() + 1).expect("a path is no 4 GiB");
        // inode, mode, owner, group, links, time, size, device ×4, length of the name, checksum
        let fields = [self.entries, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes
                .extend_from_slice(format!("{field:08X}").as_bytes());
        }
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::certificates;

    /// Paths with mode and content, read back by the format's own rules.
    fn unpack(mut bytes: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
        let mut found = Vec::new();
        loop {
            assert_eq!(&bytes[..6], b"070701");
            let field = |index: usize| {
                let text = std::str::from_utf8(&bytes[6 + index * 8..14 + index * 8]).unwrap();
                u32::from_str_radix(text, 16).unwrap()
            };
            let (mode, size, name) = (field(1), field(6) as usize, field(11) as usize);
            let path = String::from_utf8(bytes[110..109 + name].to_vec()).unwrap();
            let begin = (110 + name).next_multiple_of(4);
            let content = bytes[begin..begin + size].to_vec();
            if path == "TRAILER!!!" {
                return found;
            }
            found.push((path, mode, content));
            bytes = &bytes[(begin + size).next_multiple_of(4)..];
        }
    }

    #[test]
    fn modules_keys_and_stages_travel_in_the_initrd_and_are_roots_alone() {
        let image = tempfile::tempdir().unwrap();
        let stage = image.path().join("first-stage");
        fs::create_dir_all(stage.join("modules")).unwrap();
        fs::write(stage.join("busybox"), b"\x7fELF").unwrap();
        fs::write(stage.join("order"), "virtio.ko\n").unwrap();
        fs::write(stage.join("modules/virtio.ko"), b"module").unwrap();
        let certificates = certificates::make().unwrap();
        let made = make(
            image.path(),
            &Told {
                name: "lab",
                cgroup: Cgroup::V1,
                storage: Storage::Containerd,
                certificates: &certificates.in_guest,
                now: 1_700_000_000,
            },
        )
        .unwrap();
        let files = unpack(&made);
        let content = |path: &str| {
            let found = files.iter().find(|(name, ..)| name == path);
            String::from_utf8(found.unwrap().2.clone()).unwrap()
        };
        assert_eq!(content("modules/virtio.ko"), "module");
        assert_eq!(content("edgeproof/now"), "1700000000\n");
        assert_eq!(content("edgeproof/hostname"), "lab\n");
        assert_eq!(content("edgeproof/cgroup"), "v1\n");
        assert_eq!(content("edgeproof/storage"), "containerd\n");
        let settings: serde_json::Value =
            serde_json::from_str(&content("edgeproof/daemon.json")).unwrap();
        assert_eq!(settings["features"]["containerd-snapshotter"], true);
        assert_eq!(
            content("edgeproof/server-key.pem"),
            certificates.in_guest.engine.key
        );
        assert!(content("init").starts_with("#!/bin/busybox sh"));
        assert!(files.iter().all(|(_, mode, _)| mode & 0o077 == 0));
        // The user's key has no business in the guest.
        let user = certificates.user.key.as_bytes();
        assert!(!made.windows(user.len()).any(|window| window == user));
    }
}
