//! The programs as they are built from the sources at hand, for tests that need no release build.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

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
    PROGRAM.get_or_init(|| built("edgeproof-agent"))
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
