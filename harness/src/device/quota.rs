//! The second disk of a device whose engine has a quota for each container: an empty XFS in a sparse file.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};
use conformance::units::Bytes;

use super::packages;

/// The disk's file in the device's directory.
pub(super) const DISK: &str = "quota.img";
/// Its serial number, by which the guest finds it.
pub(super) const SERIAL: &str = "quota";
/// As large as the device's own disk; it takes only the blocks that are used.
const SIZE: Bytes = Bytes(8 << 30);

/// Makes the disk, where the device has none yet.
///
/// # Errors
/// The file cannot be made, or `mkfs.xfs` refuses.
pub(super) fn ensure(directory: &Path) -> anyhow::Result<()> {
    let disk = directory.join(DISK);
    if disk.exists() {
        return Ok(());
    }
    // What has this name is whole.
    let unfinished = disk.with_extension("unfinished");
    File::create(&unfinished)
        .and_then(|file| file.set_len(SIZE.0))
        .with_context(|| format!("make {}", unfinished.display()))?;
    let output = Command::new("mkfs.xfs")
        .args(["-q", "-f", "--"])
        .arg(&unfinished)
        .env("PATH", packages::search_path())
        .output()
        .context("start mkfs.xfs")?;
    if !output.status.success() {
        bail!(
            "mkfs.xfs ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    fs::rename(&unfinished, &disk).with_context(|| format!("make {}", disk.display()))
}
