//! A module that keeps 20 MB where nobody but itself may look: in a directory of mode 0700 on the volume of its image.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;

const FILES: u32 = 20;
const FILE_BYTES: usize = 1_000_000;

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    let own = Path::new("/data/own");
    fs::create_dir_all(own).context("create /data/own")?;
    fs::set_permissions(own, fs::Permissions::from_mode(0o700)).context("close /data/own")?;
    let written = candidates::write_files(own, FILES, FILE_BYTES)?;
    candidates::say(&format!(
        "private-files: {} bytes in {} files, {} bytes of blocks",
        written.bytes, written.files, written.blocks
    ))?;
    candidates::serve("private-files")
}
