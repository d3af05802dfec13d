//! Power cuts for tests: every effect on the disk is written down, and a disk as it may be after any of them is made anew.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// One effect on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    Written(PathBuf, Vec<u8>),
    Synchronised(PathBuf),
    Renamed(PathBuf, PathBuf),
    Removed(PathBuf),
    DirectorySynchronised(PathBuf),
}
use Effect::{DirectorySynchronised, Removed, Renamed, Synchronised, Written};

/// Effects as they happened, and how much the disk still takes.
#[derive(Debug, Default)]
pub(super) struct Watched {
    effects: Mutex<Vec<Effect>>,
    /// The largest file that fits; `None`: any.
    pub(super) largest: Mutex<Option<usize>>,
}

impl Watched {
    /// How much of `bytes` fits, and the error if that is not all.
    pub(super) fn writing(&self, path: &Path, bytes: &[u8]) -> (usize, Option<io::Error>) {
        let fits = self.largest.lock().unwrap().unwrap_or(usize::MAX);
        if bytes.len() > fits {
            return (fits, Some(io::ErrorKind::StorageFull.into()));
        }
        self.note(Written(path.into(), bytes.into()));
        (bytes.len(), None)
    }

    pub(super) fn synchronised(&self, path: &Path) {
        self.note(Synchronised(path.into()));
    }

    pub(super) fn renamed(&self, from: &Path, to: &Path) {
        self.note(Renamed(from.into(), to.into()));
    }

    pub(super) fn removed(&self, path: &Path) {
        self.note(Removed(path.into()));
    }

    pub(super) fn directory_synchronised(&self, path: &Path) {
        self.note(DirectorySynchronised(path.into()));
    }

    pub(super) fn effects(&self) -> Vec<Effect> {
        self.effects.lock().unwrap().clone()
    }

    fn note(&self, effect: Effect) {
        self.effects.lock().unwrap().push(effect);
    }
}

/// Makes below `to` what a power cut after `effects` may leave of `from`. What was not synchronised is there, is not there, or,
/// if it is content, is cut somewhere; `choose` says which, given the number of choices.
pub(super) fn power_cut(
    effects: &[Effect],
    from: &Path,
    to: &Path,
    mut choose: impl FnMut(usize) -> usize,
) {
    let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    for (number, effect) in effects.iter().enumerate() {
        let later = &effects[number + 1..];
        let directory_lasts = |path: &Path| {
            let synchronised = DirectorySynchronised(path.parent().unwrap().into());
            later.contains(&synchronised)
        };
        match effect {
            Written(path, bytes) => {
                let is_again =
                    |effect: &Effect| matches!(effect, Written(other, _) if other == path);
                let until = later.iter().position(is_again).unwrap_or(later.len());
                if later[..until].contains(&Synchronised(path.clone())) {
                    files.insert(path.clone(), bytes.clone());
                } else {
                    let length = choose(bytes.len() + 2);
                    if length <= bytes.len() {
                        files.insert(path.clone(), bytes[..length].to_vec());
                    }
                }
            }
            Renamed(old, new) => {
                if (directory_lasts(new) || choose(2) == 0)
                    && let Some(bytes) = files.remove(old)
                {
                    files.insert(new.clone(), bytes);
                }
            }
            Removed(path) => {
                if directory_lasts(path) || choose(2) == 0 {
                    files.remove(path);
                }
            }
            Synchronised(_) | DirectorySynchronised(_) => {}
        }
    }
    for (path, bytes) in files {
        let path = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
