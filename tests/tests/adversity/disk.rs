//! A small disk for the state that can be filled, and that its kernel makes read-only while files on it are open. It takes root.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Enough for a journal and a report, and soon full.
const BYTES: u64 = 8 << 20;

/// An ext4 file system in a file; it is unmounted when this is dropped.
#[derive(Debug)]
pub(crate) struct Disk {
    place: TempDir,
}

impl Disk {
    pub(crate) fn new() -> Disk {
        let place = tempfile::tempdir().unwrap();
        let image = place.path().join("image");
        fs::File::create(&image).unwrap().set_len(BYTES).unwrap();
        let disk = Disk { place };
        fs::create_dir(disk.path()).unwrap();
        let format = ["-q", "-t", "ext4", "-m", "0", "-O", "^has_journal"];
        run("mke2fs", &[&format[..], &[text(&image)]].concat());
        // What has no room is refused as it is written, not when the kernel gets to it.
        let options = ["-o", "loop,errors=remount-ro,nodelalloc", text(&image)];
        run("mount", &[&options[..], &[text(&disk.path())]].concat());
        disk
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.place.path().join("state")
    }

    /// Not a byte is left, at once: blocks are taken and nothing is written, for which a busy machine may want longer than a run lasts.
    pub(crate) fn fill(&self) {
        let more = (2 * BYTES).to_string();
        let taken = Command::new("fallocate")
            .args(["--length", &more])
            .arg(self.filler())
            .output()
            .unwrap();
        assert!(
            !taken.status.success(),
            "the disk has room for {more} bytes"
        );
        let full = fs::write(self.path().join("one-more"), "x").unwrap_err();
        assert_eq!(full.kind(), ErrorKind::StorageFull, "{full}");
    }

    /// There is room again.
    pub(crate) fn empty(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    /// As a kernel does with a card that is worn: it has met an error, and takes no more writes.
    /// Source: kernel documentation, "ABI: sysfs-fs-ext4", `trigger_fs_error`; ext4(5), `errors=remount-ro`.
    pub(crate) fn make_read_only(&self) {
        let found = Command::new("findmnt")
            .args(["--noheadings", "--output", "SOURCE"])
            .arg(self.path())
            .output()
            .unwrap();
        let device = String::from_utf8(found.stdout).unwrap();
        let device = device.trim().rsplit('/').next().unwrap().to_owned();
        let trigger = format!("/sys/fs/ext4/{device}/trigger_fs_error");
        fs::write(trigger, "a test").unwrap();
        let refused = fs::write(self.filler(), "x").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ReadOnlyFilesystem, "{refused}");
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A test that fails already has something better to say.
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.path())
            .status();
    }
}

fn text(path: &Path) -> &str {
    path.to_str()
        .expect("a temporary directory has a plain name")
}

fn run(program: &str, words: &[&str]) {
    let done = Command::new(program).args(words).output();
    let done = done.unwrap_or_else(|error| panic!("{program}: {error}; install e2fsprogs, mount"));
    assert!(
        done.status.success(),
        "{program}, as root: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}
