//! A module that needs storage for a while and keeps none: 60 MB in its writable layer at start, removed before it serves.
//!
//! What is measured at the end shows nothing of it; only a quota does. It holds 48 MiB of memory all the while, so that a search
//! for its memory ends well above what starting a container takes.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow};

const FILES: u32 = 60;
const FILE_BYTES: usize = 1_000_000;
const HOLDS_MIB: usize = 48;

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    let held = candidates::touched(HOLDS_MIB * candidates::MIB);
    let directory = Path::new("/data/scratch");
    fs::create_dir(directory).context("create /data/scratch")?;
    let written = candidates::write_files(directory, FILES, FILE_BYTES)
        // One line: which path, and what the kernel said.
        .map_err(|error| anyhow!("{error:#}"))?;
    candidates::say(&format!(
        "scratch-space: {} bytes in {} files, {} bytes of blocks",
        written.bytes, written.files, written.blocks
    ))?;
    fs::remove_dir_all(directory).context("remove /data/scratch")?;
    candidates::serve("scratch-space")?;
    drop(held);
    Ok(())
}
