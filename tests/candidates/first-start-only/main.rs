//! A module that serves only when its named volume is empty: it marks the volume, and exits where it finds its mark.

use std::fs::OpenOptions;

use anyhow::Context;

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open("/data/mark")
        .context("mark the volume: somebody was here before")?;
    candidates::serve("first-start-only")
}
