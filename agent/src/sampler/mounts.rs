//! What a container has mounted, told apart: named and anonymous volumes, and binds of host paths. Pure.

use std::path::PathBuf;

use conformance::candidate::WORKLOAD_SOCKET;
use conformance::observation::MountKind;
use serde_json::Value;

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What it is.
    pub kind: MountKind,
    /// The volume's name, or the host path of a bind.
    pub name: String,
    /// Where the container sees it.
    pub destination: String,
    /// Where it lies on the host.
    pub source: PathBuf,
    /// Whether the container may write to it.
    pub writable: bool,
}

/// The mounts of an engine's inspect answer, without the workload socket that IoT Edge itself binds. What is mounted twice
/// is told once. A tmpfs is memory and no storage.
#[must_use]
pub fn of(inspect: &Value) -> Vec<Place> {
    let mounts = inspect["Mounts"].as_array().into_iter().flatten();
    let mut places: Vec<Place> = Vec::new();
    for place in mounts.filter_map(place) {
        let known = places.iter_mut().find(|known| known.source == place.source);
        match known {
            Some(known) => known.writable |= place.writable,
            None => places.push(place),
        }
    }
    places
}

fn place(mount: &Value) -> Option<Place> {
    let text = |key: &str| mount[key].as_str().unwrap_or_default().to_owned();
    let source = Some(text("Source")).filter(|source| !source.is_empty())?;
    let destination = text("Destination");
    let name = text("Name");
    let (kind, name) = match mount["Type"].as_str()? {
        "volume" if is_made_up(&name) => (MountKind::AnonymousVolume, name),
        "volume" => (MountKind::NamedVolume, name),
        "bind" if destination != WORKLOAD_SOCKET => (MountKind::Bind, source.clone()),
        _ => return None,
    };
    Some(Place {
        kind,
        name,
        destination,
        source: source.into(),
        writable: mount["RW"] != false,
    })
}

/// The engine names a volume that nobody named by 64 hexadecimal digits.
fn is_made_up(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_mounts_of_a_recorded_container_are_told_apart() {
        let recorded = include_str!("../../engine/tests/data/container-running.json");
        let places = of(&serde_json::from_str(recorded).unwrap());
        let kinds: Vec<MountKind> = places.iter().map(|place| place.kind).collect();
        for kind in [
            MountKind::NamedVolume,
            MountKind::AnonymousVolume,
            MountKind::Bind,
        ] {
            let times = kinds.iter().filter(|known| **known == kind).count();
            assert_eq!(times, 1, "{kind:?} in {places:?}");
        }
    }

    #[test]
    fn the_runtime_s_socket_is_no_mount_of_the_module_s_and_one_source_counts_once() {
        let inspect = json!({"Mounts": [
            {"Type": "bind", "Source": "/data", "Destination": "/a", "RW": false},
            {"Type": "bind", "Source": "/data", "Destination": "/b", "RW": true},
            {"Type": "bind", "Source": "/s/w.sock", "Destination": WORKLOAD_SOCKET, "RW": true},
            {"Type": "tmpfs", "Source": "", "Destination": "/t", "RW": true},
        ]});
        let places = of(&inspect);
        assert_eq!(places.len(), 1, "{places:?}");
        assert!(places[0].writable);
    }
}
