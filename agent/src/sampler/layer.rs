//! Where a container's writable layer lies: the overlay's upper directory, or a snapshot beside what it was made from.

use std::fs;
use std::path::{Path, PathBuf};

use conformance::finding::{Reason, Unseen};
use engine::Inspect;

use super::{Roots, storage};

/// A writable layer, by the host's paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layer {
    /// Everything below it was written by the container.
    Upper(PathBuf),
    /// A snapshot: what differs from `base` was written by the container.
    Snapshot {
        /// The container's own subvolume.
        own: PathBuf,
        /// The one that it was made from.
        base: PathBuf,
    },
}

/// Finds a container's layer. The container must run where the mount table of its process is all that tells.
///
/// # Errors
/// The engine names no upper directory, its layer database no snapshot, and no mount table an overlay.
pub fn find(roots: &Roots, container: &Inspect) -> Result<Layer, Unseen> {
    let driver = container.raw["GraphDriver"]["Name"].as_str();
    let named = container.upper_dir.clone().map(Layer::Upper);
    let snapshot = || snapshot(roots, driver?, &container.id);
    let mounted = || storage::upper_dir(roots, container.pid?).map(Layer::Upper);
    named.or_else(snapshot).or_else(mounted).ok_or_else(|| {
        let driver = driver.unwrap_or("an image store without one");
        Unseen::new(
            Reason::CannotMeasure,
            format!("the engine names no place of the container's writable layer (storage driver {driver})"),
        )
    })
}

/// The subvolumes of the btrfs driver. Source: moby, `layer/filestore.go` (`mount-id` and `init-id` of each container) and
/// `daemon/graphdriver/btrfs` (`btrfs/subvolumes/ID`).
fn snapshot(roots: &Roots, driver: &str, id: &str) -> Option<Layer> {
    if driver != "btrfs" {
        return None;
    }
    let mounts = Path::new("image/btrfs/layerdb/mounts").join(id);
    let here = roots.data_root.as_ref()?.join(mounts);
    let subvolumes = roots.data_root_on_host.join("btrfs/subvolumes");
    let named = |file: &str| {
        let text = fs::read_to_string(here.join(file)).ok()?;
        let name = text.trim().to_owned();
        let plain = !name.is_empty() && !name.contains(['/', '.']);
        plain.then(|| subvolumes.join(name))
    };
    Some(Layer::Snapshot {
        own: named("mount-id")?,
        base: named("init-id")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn roots(top: &Path) -> Roots {
        Roots {
            proc: top.join("proc"),
            cgroup: top.join("cgroup"),
            data_root: Some(top.to_owned()),
            data_root_on_host: "/var/lib/docker".into(),
        }
    }

    fn container(driver: &str) -> Inspect {
        Inspect::read(json!({"Id": "c1", "State": {"Running": false},
            "GraphDriver": {"Name": driver, "Data": null}}))
        .unwrap()
    }

    /// The files as Docker 20.10 with the btrfs driver was seen to write them.
    #[test]
    fn a_snapshot_is_found_by_the_engine_s_layer_database() {
        let top = tempfile::tempdir().unwrap();
        let mounts = top.path().join("image/btrfs/layerdb/mounts/c1");
        fs::create_dir_all(&mounts).unwrap();
        fs::write(mounts.join("mount-id"), "abc").unwrap();
        fs::write(mounts.join("init-id"), "abc-init").unwrap();
        let found = find(&roots(top.path()), &container("btrfs")).unwrap();
        let wanted = Layer::Snapshot {
            own: "/var/lib/docker/btrfs/subvolumes/abc".into(),
            base: "/var/lib/docker/btrfs/subvolumes/abc-init".into(),
        };
        assert_eq!(found, wanted);
        fs::write(mounts.join("mount-id"), "../../etc").unwrap();
        assert!(find(&roots(top.path()), &container("btrfs")).is_err());
    }

    /// Container and mount table as engines 26.1 and 28.5 with the containerd image store were seen to tell them.
    #[test]
    fn the_containerd_store_s_layer_is_found_by_the_mount_table_while_it_runs() {
        let recorded = [
            (
                include_str!("../../engine/tests/data/containerd-26/container-running.json"),
                include_str!("../../engine/tests/data/containerd-26/mountinfo"),
                45,
            ),
            (
                include_str!("../../engine/tests/data/containerd-28/container-running.json"),
                include_str!("../../engine/tests/data/containerd-28/mountinfo"),
                24,
            ),
        ];
        for (container, mounts, snapshot) in recorded {
            let top = tempfile::tempdir().unwrap();
            let mut running = Inspect::read(serde_json::from_str(container).unwrap()).unwrap();
            let process = top
                .path()
                .join("proc")
                .join(running.pid.unwrap().to_string());
            fs::create_dir_all(&process).unwrap();
            fs::write(process.join("mountinfo"), mounts).unwrap();
            let upper = format!(
                "/var/lib/docker/containerd/daemon/io.containerd.snapshotter.v1.overlayfs/snapshots/{snapshot}/fs"
            );
            let found = find(&roots(top.path()), &running);
            assert_eq!(found.unwrap(), Layer::Upper(upper.into()));
            running.pid = None;
            assert!(find(&roots(top.path()), &running).is_err());
        }
    }

    #[test]
    fn a_driver_that_is_not_known_has_no_layer_and_is_named() {
        let top = tempfile::tempdir().unwrap();
        let unseen = find(&roots(top.path()), &container("zfs")).unwrap_err();
        assert!(unseen.because.contains("zfs"), "{unseen:?}");
    }
}
