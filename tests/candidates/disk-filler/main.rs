//! A module that writes more than the storage it claims before it serves: 150 MB where the offer says 100 MB.
//!
//! It writes to the volume that its image declares, so that its root file system can be read-only like everybody's.

use std::path::Path;

const FILES: u32 = 150;
const FILE_BYTES: usize = 1_000_000;

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    let written = candidates::write_files(Path::new("/data"), FILES, FILE_BYTES)?;
    candidates::say(&format!(
        "disk-filler: {} bytes in {} files, {} bytes of blocks",
        written.bytes, written.files, written.blocks
    ))?;
    candidates::serve("disk-filler")
}
