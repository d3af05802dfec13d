//! The programs as they are built from the sources at hand, for tests that need no release build, and the probe as it is shipped.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, bail};
use serde_json::Value;
use tar::Archive;

const PROBE: &str = "edgeproof-agent";

/// The harness, built once per test file.
///
/// # Panics
/// It does not build.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| built("edgeproof"))
}

/// The probe, built once per test file.
///
/// # Panics
/// It does not build.
pub fn probe() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| built(PROBE))
}

/// Where a run's verdict counts: the probe that is shipped, out of its image's archive, as a file in `directory`. A debug
/// build takes 30 MiB or more for its own code alone, which is all that IEM-PRE-08 allows a probe.
///
/// # Errors
/// There is no archive with a probe in it.
pub fn shipped_probe(directory: &Path) -> anyhow::Result<PathBuf> {
    let archive = crate::probe_archive()?;
    let mut image = Archive::new(File::open(&archive)?);
    for file in image.entries()? {
        let file = file?;
        if file.path()?.extension().is_none_or(|is| is != "tar") {
            continue;
        }
        let mut layer = Archive::new(file);
        for file in layer.entries()? {
            let mut file = file?;
            if file.path()?.ends_with(PROBE) {
                let program = directory.join(PROBE);
                file.unpack(&program).context("unpack the probe")?;
                return Ok(program);
            }
        }
    }
    bail!("{} has no {PROBE}", archive.display())
}

fn built(name: &str) -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args([
            "build",
            "--workspace",
            "--bin",
            name,
            "--message-format=json",
        ])
        .current_dir(crate::repository())
        .output()
        .expect("cargo runs these tests, so it is there");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .find(|path| path.file_stem().is_some_and(|stem| stem == name))
        .expect("cargo names the executable that it built")
}
