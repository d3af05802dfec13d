//! A known load on storage: 50 MB in 10,000 files of 5,000 bytes in the container's writable layer, then silence.

use std::path::Path;

const FILES: u32 = 10_000;
const FILE_BYTES: usize = 5_000;

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    let written = candidates::write_files(Path::new("/data"), FILES, FILE_BYTES)?;
    candidates::say(&format!(
        "load-files: {} bytes in {} files, {} bytes of blocks",
        written.bytes, written.files, written.blocks
    ))?;
    candidates::idle()
}
