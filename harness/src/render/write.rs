//! Writes the faces of a report into a directory, each file whole or not at all.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use conformance::report::Report;
use thiserror::Error;

use crate::render::{html, junit, markdown, sarif};

/// A face that could not be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The directory could not be made.
    #[error("make the directory {path}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file could not be written or renamed.
    #[error("write {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Writes `report.json`, `report.html`, `report.md`, `junit.xml` and `report.sarif` into `dir`, making it if needed.
///
/// Each file is written under a temporary name beside its place, synced and renamed, so a reader never sees half of one.
///
/// # Errors
/// The directory or file that could not be written.
pub fn write_all(report: &Report, dir: &Path) -> Result<Vec<PathBuf>, WriteError> {
    let faces = [
        ("report.json", json(report)),
        ("report.html", html::render(report)),
        ("report.md", markdown::render(report)),
        ("junit.xml", junit::render(report)),
        ("report.sarif", sarif::render(report)),
    ];
    write_faces(&faces, dir)
}

/// Writes files of these names and texts into `dir`, making it if needed, each whole or not at all.
///
/// # Errors
/// The directory or file that could not be written.
pub(super) fn write_faces(
    faces: &[(&str, String)],
    dir: &Path,
) -> Result<Vec<PathBuf>, WriteError> {
    fs::create_dir_all(dir).map_err(|source| WriteError::Directory {
        path: dir.to_owned(),
        source,
    })?;
    faces
        .iter()
        .map(|(name, text)| {
            let path = dir.join(name);
            write_whole(&path, text).map_err(|source| WriteError::File {
                path: path.clone(),
                source,
            })?;
            Ok(path)
        })
        .collect()
}

/// `report.json`: the report itself, indented, with a line feed at its end.
///
/// Overlay values are the lab's or the partner's secrets: only their names are written.
#[must_use]
pub fn json(report: &Report) -> String {
    let mut shown = report.clone();
    shown.offer.overlay = shown.offer.overlay.hidden();
    let mut text = serde_json::to_string_pretty(&shown)
        .expect("a report has string keys and no failing parts");
    text.push('\n');
    text
}

/// The process id keeps two runs that share a directory from renaming each other's half-written file.
pub(crate) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = fs::File::create(&temporary)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to report; the temporary file may not even exist.
        let _ = fs::remove_file(&temporary);
    }
    written
}
