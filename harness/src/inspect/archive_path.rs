//! Where an archive of images is, and how long it stays there.

use std::path::{Path, PathBuf};

use tempfile::TempPath;

/// Where an archive is.
#[derive(Debug)]
pub(super) enum ArchivePath {
    /// Somebody's file.
    Given(PathBuf),
    /// A file that was saved to be read here, and goes with this.
    Saved(TempPath),
}

impl AsRef<Path> for ArchivePath {
    fn as_ref(&self) -> &Path {
        match self {
            ArchivePath::Given(path) => path,
            ArchivePath::Saved(path) => path,
        }
    }
}
