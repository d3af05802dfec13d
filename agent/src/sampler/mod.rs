//! What a container uses and may do, read from the kernel's own files below root paths.
//!
//! One thread, files opened once, no call to the engine. Reads only: nothing here writes to a cgroup or judges what it saw.
//! A fact that cannot be read is an [`Observed::Unseen`](conformance::observation::Observed) with its reason, never a zero.

pub mod container;
mod controllers;
pub mod gpu;
pub mod host;
pub mod layer;
pub mod layout;
pub mod mounts;
pub mod noise;
pub mod oom;
pub mod output;
pub mod own;
pub mod ports;
pub mod privilege;
pub mod remotes;
pub mod storage;
pub mod surroundings;
pub mod thread;
pub mod time;
pub mod zombies;

mod buckets;
#[cfg(test)]
mod captured;
mod census;
mod extras;
mod memory;
mod phase;
mod place;
mod pressure;
mod rates;
mod recorder;
mod schedule;
mod subject;
mod text;

use std::path::{Component, Path, PathBuf};

pub use container::{ContainerFiles, SamplerError};
pub use layout::Layout;
pub use thread::{Rounds, Sampler};

/// Where the host's kernel files and the engine's data root are mounted for the probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    /// The host's `/proc`, for example `/host/proc`.
    pub proc: PathBuf,
    /// The host's `/sys/fs/cgroup`, for example `/host/sys/fs/cgroup`.
    pub cgroup: PathBuf,
    /// The engine's data root as mounted here, where it is.
    pub data_root: Option<PathBuf>,
    /// The engine's data root as the engine names it: `/var/lib/docker`.
    pub data_root_on_host: PathBuf,
}

impl Roots {
    /// A path below the engine's data root, as the host names it → the same file in our mount.
    ///
    /// `None` if the data root is not mounted, or the path is not below it or climbs with `..`.
    #[must_use]
    pub fn here(&self, host_path: &Path) -> Option<PathBuf> {
        let below = host_path.strip_prefix(&self.data_root_on_host).ok()?;
        let stays = below
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let root = self.data_root.as_ref()?;
        stays.then(|| root.join(below))
    }

    /// The directory of a process of the host: `/host/proc/4711`.
    #[must_use]
    pub fn process(&self, pid: u32) -> PathBuf {
        self.proc.join(pid.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(data_root: Option<&str>) -> Roots {
        Roots {
            proc: "/host/proc".into(),
            cgroup: "/host/sys/fs/cgroup".into(),
            data_root: data_root.map(PathBuf::from),
            data_root_on_host: "/var/lib/docker".into(),
        }
    }

    #[test]
    fn a_path_below_the_data_root_is_found_in_our_mount() {
        let here = roots(Some("/host/docker")).here(Path::new("/var/lib/docker/overlay2/a/diff"));
        assert_eq!(here, Some(PathBuf::from("/host/docker/overlay2/a/diff")));
    }

    #[test]
    fn a_path_that_is_elsewhere_or_climbs_is_not_ours_to_read() {
        let mounted = roots(Some("/host/docker"));
        assert_eq!(mounted.here(Path::new("/etc/shadow")), None);
        assert_eq!(mounted.here(Path::new("/var/lib/docker/../shadow")), None);
        assert_eq!(mounted.here(Path::new("/var/lib/dockers/a")), None);
        assert_eq!(roots(None).here(Path::new("/var/lib/docker/a")), None);
    }
}
