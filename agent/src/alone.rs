//! One state directory is one probe's: whoever has it holds a lock that the kernel gives free with the process.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// The state directory cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum NotAlone {
    /// Somebody else works in it.
    #[error(
        "another probe works in the state directory {}; one directory is one probe's: give this one another by --state, or end the other",
        path.display()
    )]
    Taken {
        /// The directory.
        path: PathBuf,
    },
    /// It cannot be made or opened.
    #[error("use the state directory {}: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A state directory that is this process's alone until this is dropped or the process ends, however it ends.
#[derive(Debug)]
#[must_use = "the directory is free again as soon as this is dropped"]
pub struct Alone {
    _directory: File,
}

impl Alone {
    /// Takes the directory, and makes it if it is not there. It is the directory itself that is locked (flock(2)), so a volume
    /// that is read-only is taken as well, and nothing is left behind that could be stale.
    ///
    /// # Errors
    /// See [`NotAlone`].
    pub fn take(state: &Path) -> Result<Alone, NotAlone> {
        let failed = |source: io::Error| NotAlone::Directory {
            path: state.to_owned(),
            source,
        };
        if !state.is_dir() {
            fs::create_dir_all(state).map_err(failed)?;
        }
        let directory = File::open(state).map_err(failed)?;
        match flock(&directory, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Alone {
                _directory: directory,
            }),
            Err(Errno::WOULDBLOCK) => Err(NotAlone::Taken {
                path: state.to_owned(),
            }),
            Err(error) => Err(failed(error.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_probe_is_told_and_a_later_one_is_not() {
        let state = tempfile::tempdir().unwrap();
        let below = state.path().join("made/by/it");
        let first = Alone::take(&below).unwrap();
        let told = Alone::take(&below).unwrap_err().to_string();
        assert!(told.starts_with("another probe works in"), "{told}");
        assert!(told.contains("made/by/it"), "{told}");
        drop(first);
        let _later = Alone::take(&below).unwrap();
        assert_eq!(fs::read_dir(&below).unwrap().count(), 0, "nothing is left");
    }

    #[test]
    fn a_place_that_is_no_directory_is_named() {
        let state = tempfile::tempdir().unwrap();
        let file = state.path().join("file");
        fs::write(&file, "").unwrap();
        let told = Alone::take(&file).unwrap_err();
        assert!(matches!(told, NotAlone::Directory { .. }), "{told}");
    }
}
