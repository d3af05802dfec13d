//! Directories of a run's unix sockets on this machine, and the sweep of those whose owner is dead.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use engine::Owner;

/// Directories of ours begin so.
const PREFIX: &str = "edgeproof-run-";
/// Names the owner, so that a later start can tell whether it lives.
const OWNER: &str = "owner";

/// Naming the owner of a new directory takes no longer.
const NAMING: Duration = Duration::from_secs(60);

/// A directory of this run; it goes when this is dropped.
#[derive(Debug)]
pub(crate) struct SocketDirectory {
    path: PathBuf,
}

impl SocketDirectory {
    /// Makes the directory under `parent`, after removing those that dead owners left there.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub(crate) fn create(
        parent: &Path,
        run: &str,
        owner: &Owner,
    ) -> anyhow::Result<SocketDirectory> {
        sweep(parent);
        let path = parent.join(format!("{PREFIX}{run}"));
        fs::create_dir(&path).with_context(|| format!("create {}", path.display()))?;
        let directory = SocketDirectory { path };
        let owner_file = directory.path.join(OWNER);
        fs::write(&owner_file, owner.to_string())
            .with_context(|| format!("write {}", owner_file.display()))?;
        Ok(directory)
    }

    /// Path of a socket in it.
    #[must_use]
    pub(crate) fn socket(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for SocketDirectory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "left behind; the next start sweeps it");
        }
    }
}

fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let path = entry.path();
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if ours && owner_is_dead(&path) {
            tracing::info!(path = %path.display(), "removing what a dead run left");
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Without a readable owner it was left between making and naming, if it is not brand-new.
fn owner_is_dead(directory: &Path) -> bool {
    let owner = fs::read_to_string(directory.join(OWNER)).ok();
    match owner.and_then(|text| text.parse::<Owner>().ok()) {
        Some(owner) => owner.is_dead_process(Path::new("/proc")),
        None => fs::metadata(directory)
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|made| made.elapsed().is_ok_and(|age| age > NAMING)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_owners_directory_is_swept_and_a_live_ones_stays() {
        let parent = tempfile::tempdir().unwrap();
        let me = Owner::this_process(Path::new("/proc")).unwrap();
        let Owner::Process { boot_id, pid, .. } = me.clone() else {
            panic!("not a process")
        };
        let dead = Owner::Process {
            boot_id,
            pid,
            start_time: 1,
        };
        let live = SocketDirectory::create(parent.path(), "live", &me).unwrap();
        std::mem::forget(SocketDirectory::create(parent.path(), "dead", &dead).unwrap());
        let next = SocketDirectory::create(parent.path(), "next", &me).unwrap();
        assert!(live.socket("w").parent().unwrap().exists());
        assert!(!parent.path().join("edgeproof-run-dead").exists());
        drop(next);
        assert!(!parent.path().join("edgeproof-run-next").exists());
    }
}
