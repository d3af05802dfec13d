//! Where devices and their root images are kept, and the locks that keep two commands from one of them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::profile::{Debian, Profile};
use crate::exit::Refused;

/// The directory of everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// `$EDGEPROOF_CACHE`, else `edgeproof` in the cache directory of the user (XDG Base Directory Specification).
    ///
    /// # Errors
    /// None of the variables that name a place is set.
    pub(super) fn of_this_user() -> Result<Cache, Refused> {
        Cache::named(|variable| {
            std::env::var_os(variable)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        })
    }

    fn named(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<Cache, Refused> {
        let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
        let root = match variable("EDGEPROOF_CACHE") {
            Some(root) if root.is_absolute() => Some(root),
            Some(root) => {
                return Err(Refused::Usage(format!(
                    "EDGEPROOF_CACHE={}: it has to be a path that begins with /",
                    root.display()
                )));
            }
            None => absolute("XDG_CACHE_HOME")
                .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
                .map(|directory| directory.join("edgeproof")),
        };
        root.map(|root| Cache { root }).ok_or_else(|| {
            Refused::Usage(
                "there is no cache directory: set EDGEPROOF_CACHE, XDG_CACHE_HOME or HOME"
                    .to_owned(),
            )
        })
    }

    /// The directory itself.
    #[must_use]
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Directory of the root images.
    #[must_use]
    pub(super) fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    /// Directory of one root image.
    #[must_use]
    pub(super) fn image(&self, profile: Profile, debian: Debian) -> PathBuf {
        let programs = profile.debian_architecture();
        let architecture = match profile.kernel_architecture() {
            kernel if kernel == programs => programs.to_owned(),
            kernel => format!("{programs}-kernel-{kernel}"),
        };
        self.images()
            .join(format!("{architecture}-{}", debian.name()))
    }

    /// Directory of the devices.
    #[must_use]
    pub(super) fn devices(&self) -> PathBuf {
        self.root.join("devices")
    }

    /// Directory of one device.
    ///
    /// # Errors
    /// The name is none.
    pub(super) fn device(&self, name: &str) -> Result<PathBuf, Refused> {
        // The name is a directory, a host name, and a word in messages.
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > 32 || name.starts_with('-') || !name.chars().all(letters)
        {
            return Err(Refused::Usage(format!(
                "`{name}` is no name for a device; use up to 32 small letters, digits and hyphens, such as arm32-lab"
            )));
        }
        Ok(self.devices().join(name))
    }

    /// Waits for the sole right to change a device or image; `waiting` is called if that takes time.
    ///
    /// # Errors
    /// The lock file cannot be made.
    pub(super) fn lock(&self, name: &str, waiting: impl FnOnce()) -> anyhow::Result<Lock> {
        let path = self.lock_path(name)?;
        let file = open(&path)?;
        if file.try_lock().is_err() {
            waiting();
            file.lock()
                .with_context(|| format!("lock {}", path.display()))?;
        }
        Ok(Lock { _file: file })
    }

    fn lock_path(&self, name: &str) -> anyhow::Result<PathBuf> {
        let directory = self.root.join("locks");
        make(&directory)?;
        Ok(directory.join(name))
    }
}

/// A lock that is held until it is dropped, or its process ends. Its file stays: a lock on a removed file locks nobody out.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

fn open(path: &Path) -> anyhow::Result<File> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .with_context(|| format!("open {}", path.display()))
}

/// Makes a directory that only its owner may enter: there are keys and root shells in it.
///
/// # Errors
/// It cannot be made.
pub(super) fn make(directory: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("make {}", directory.display()))
}

/// Writes a file that only its owner may read, whole or not at all.
///
/// # Errors
/// It cannot be written.
pub(super) fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let unfinished = path.with_extension("unfinished");
    let written = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&unfinished)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // It may not even be there.
        let _ = fs::remove_file(&unfinished);
    }
    written.with_context(|| format!("write {}", path.display()))
}

/// Removes a directory and all in it; one that is not there is removed already.
///
/// # Errors
/// It cannot be removed.
pub(super) fn remove(directory: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed.with_context(|| format!("remove {}", directory.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], wanted: Option<&str>) {
        let found = Cache::named(|name| {
            variables
                .iter()
                .find(|(variable, _)| *variable == name)
                .map(|(_, value)| PathBuf::from(value))
        });
        assert_eq!(
            found.ok().map(|cache| cache.root),
            wanted.map(PathBuf::from)
        );
    }

    #[test]
    fn the_most_particular_variable_names_the_place() {
        let home = ("HOME", "/home/a");
        let xdg = ("XDG_CACHE_HOME", "/c");
        check(&[home], Some("/home/a/.cache/edgeproof"));
        check(&[home, xdg], Some("/c/edgeproof"));
        check(&[home, xdg, ("EDGEPROOF_CACHE", "/e")], Some("/e"));
        check(
            &[home, ("XDG_CACHE_HOME", "relative")],
            Some("/home/a/.cache/edgeproof"),
        );
        check(&[home, ("EDGEPROOF_CACHE", "relative")], None);
        check(&[], None);
    }

    #[test]
    fn a_name_cannot_leave_the_directory_of_devices() {
        let cache = Cache {
            root: PathBuf::from("/c"),
        };
        assert_eq!(
            cache.device("arm32-stock").ok(),
            Some(PathBuf::from("/c/devices/arm32-stock"))
        );
        for name in ["", "..", "a/b", "-x", "A", "a b", &"a".repeat(33)] {
            assert!(cache.device(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_file_is_replaced_whole_and_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("device.json");
        write(&path, b"old").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("device.json");
        // A directory in its place cannot be replaced by a file.
        fs::create_dir(&path).unwrap();
        let error = write(&path, b"new").unwrap_err();
        assert!(error.to_string().contains("device.json"), "{error}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
