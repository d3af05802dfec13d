//! A run as files: one for each call of the direct methods `offer` and `start`, for whoever calls them without edgeproof.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;

use crate::exit::Refused;
use crate::handover::Large;
use crate::render::write::write_whole;

/// Writes the payloads into a directory that is new or empty, so that no part of another offer lies among them. Returns
/// method and file of each call, in their order.
///
/// # Errors
/// Something is in the directory already, or it cannot be written.
pub fn write(directory: &Path, run: &Large) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    let place = directory.display();
    fs::create_dir_all(directory).with_context(|| format!("create {place}"))?;
    let mut there = fs::read_dir(directory).with_context(|| format!("read {place}"))?;
    if there.next().is_some() {
        return Err(
            Refused::Usage(format!("--calls: {place} is not empty: give a new one")).into(),
        );
    }
    let mut written = Vec::new();
    for part in &run.calls {
        // Two digits: a shell's pattern lists them in their order.
        let name = format!("offer-{:02}.json", part.part);
        written.push(("offer", one(directory.join(name), part)?));
    }
    written.push(("start", one(directory.join("start.json"), &run.request)?));
    Ok(written)
}

fn one(path: PathBuf, payload: &impl Serialize) -> anyhow::Result<PathBuf> {
    let text = serde_json::to_string(payload).context("write a payload")?;
    write_whole(&path, &text).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}
