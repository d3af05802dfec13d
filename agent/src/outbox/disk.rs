//! Effects on the disk in the order in which a power cut may stop them: nothing else in the outbox writes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::deaths;

/// The disk under the outbox.
#[derive(Debug, Default)]
pub(super) struct Disk {
    #[cfg(test)]
    pub(super) watched: super::replay::Watched,
}

impl Disk {
    /// Writes `bytes` to `path` whole or not at all: to a temporary name, synchronised, renamed, the directory synchronised.
    pub(super) fn write_whole(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let temporary = path.with_extension("part");
        let written = deaths::step(
            || format!("write {}", temporary.display()),
            || self.write(&temporary, bytes),
        )
        .and_then(|()| self.rename(&temporary, path));
        if written.is_err() {
            // On a full disk its room is needed; the failure itself is what is told.
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    /// Renames, so that it lasts.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        deaths::step(
            || format!("rename to {}", to.display()),
            || fs::rename(from, to),
        )?;
        #[cfg(test)]
        self.watched.renamed(from, to);
        self.sync_parent(to)
    }

    /// Removes, so that it lasts. What is not there is removed.
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        let removed = deaths::step(
            || format!("remove {}", path.display()),
            || fs::remove_file(path),
        );
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        #[cfg(test)]
        self.watched.removed(path);
        self.sync_parent(path)
    }

    /// Makes a directory unless it is there, so that it lasts.
    pub(super) fn make_directory(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(path)?;
        self.sync_parent(path)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create(path)?;
        #[cfg(test)]
        let bytes = {
            let (fits, full) = self.watched.writing(path, bytes);
            if let Some(full) = full {
                file.write_all(&bytes[..fits])?;
                return Err(full);
            }
            bytes
        };
        file.write_all(bytes)?;
        file.sync_all()?;
        #[cfg(test)]
        self.watched.synchronised(path);
        Ok(())
    }

    fn sync_parent(&self, path: &Path) -> io::Result<()> {
        if let Some(parent) = path.parent() {
            File::open(parent)?.sync_all()?;
            #[cfg(test)]
            self.watched.directory_synchronised(parent);
        }
        Ok(())
    }
}
