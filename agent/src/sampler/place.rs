//! Finds a container's group by its id, below any parent.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use conformance::finding::{Reason, Unseen};

use super::layout::{Hierarchy, Version};
use super::text;

/// Directories looked at before a walk gives up: far more than a device has.
const WALK_LIMIT: usize = 20_000;

/// Finds a container's group below the hierarchies, each searched once.
pub(super) struct Finder<'a> {
    id: &'a str,
    pub(super) hierarchies: usize,
    pub(super) found: usize,
    /// Where it was in the hierarchy before: mostly it is at the same place in the next.
    place: Option<PathBuf>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(id: &'a str) -> Finder<'a> {
        Finder {
            id,
            hierarchies: 0,
            found: 0,
            place: None,
        }
    }

    pub(super) fn group(
        &mut self,
        served: &Result<Hierarchy, Unseen>,
    ) -> Result<(Version, PathBuf), Unseen> {
        let hierarchy = served.as_ref().map_err(Unseen::clone)?;
        self.hierarchies += 1;
        let usual = [
            self.place.take().unwrap_or_default(),
            PathBuf::from("docker").join(self.id),
            PathBuf::from("system.slice").join(format!("docker-{}.scope", self.id)),
        ];
        let place = usual
            .into_iter()
            .find(|place| !place.as_os_str().is_empty() && hierarchy.root.join(place).is_dir())
            .or_else(|| self.walk(&hierarchy.root));
        let Some(place) = place else {
            return Err(Unseen::new(
                Reason::CannotMeasure,
                format!(
                    "no group of container {} below {}",
                    self.id,
                    hierarchy.root.display()
                ),
            ));
        };
        self.found += 1;
        let group = hierarchy.root.join(&place);
        self.place = Some(place);
        Ok((hierarchy.version, group))
    }

    /// Breadth first, so that the outermost group named after the container wins; any parent group is possible.
    fn walk(&self, root: &Path) -> Option<PathBuf> {
        let mut queue = VecDeque::from([PathBuf::new()]);
        for _ in 0..WALK_LIMIT {
            let place = queue.pop_front()?;
            for entry in fs::read_dir(root.join(&place))
                .into_iter()
                .flatten()
                .flatten()
            {
                if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    continue;
                }
                let below = place.join(entry.file_name());
                if entry.file_name().to_string_lossy().contains(self.id) {
                    return Some(below);
                }
                queue.push_back(below);
            }
        }
        None
    }
}

/// Why a group does not count all of a container's memory, where it does not.
///
/// Its main process may have left it for another (cgroups(7): `/proc/PID/cgroup` tells where it is; below the group is fine),
/// or it may have made groups of its own below one of v1 that does not count them ("Memory Resource Controller", section 6).
pub(super) fn uncounted(
    proc: &Path,
    main: u32,
    (version, group): (Version, &Path),
) -> Option<Unseen> {
    let name = group.file_name()?.to_string_lossy();
    let place = fs::read_to_string(proc.join(main.to_string()).join("cgroup"));
    let left = place.is_ok_and(|place| !stays(&place, version, &name));
    if left {
        return Some(Unseen::new(
            Reason::CannotMeasure,
            "its main process has left the control group that the engine made for it: what it uses elsewhere is not counted there",
        ));
    }
    let flat = version == Version::V1
        && fs::read(group.join("memory.use_hierarchy"))
            .is_ok_and(|hierarchical| text::number(&hierarchical) == Some(0));
    let divided = flat
        && fs::read_dir(group)
            .into_iter()
            .flatten()
            .flatten()
            .any(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    divided.then(|| {
        Unseen::new(
            Reason::CannotMeasure,
            "it has made control groups of its own, and this kernel does not count them in the one above (memory.use_hierarchy is 0)",
        )
    })
}

/// Whether the line of the memory controller, or of the unified hierarchy, still names the group.
fn stays(place: &str, version: Version, name: &str) -> bool {
    let mut lines = place.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        rest.split_once(':')
    });
    let line = lines.find(|(controllers, _)| match version {
        Version::V1 => controllers
            .split(',')
            .any(|controller| controller == "memory"),
        Version::V2 => controllers.is_empty(),
    });
    line.is_none_or(|(_, path)| path.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "db9492d5";

    #[test]
    fn a_process_in_its_group_or_below_it_is_counted() {
        for path in [
            "/docker/db9492d5",
            "/../db9492d5/nested",
            "/s/docker-db9492d5.scope",
        ] {
            assert!(stays(&format!("0::{path}\n"), Version::V2, ID), "{path}");
        }
        let v1 = "9:memory:/docker/db9492d5/n\n3:cpu,cpuacct:/elsewhere\n0::/elsewhere\n";
        assert!(stays(v1, Version::V1, ID));
    }

    #[test]
    fn a_process_elsewhere_is_not() {
        assert!(!stays("0::/user.slice\n", Version::V2, ID));
        assert!(!stays("9:memory:/\n0::/docker/db9492d5\n", Version::V1, ID));
    }

    #[test]
    fn groups_that_the_one_above_does_not_count_are_told() {
        let tree = tempfile::tempdir().unwrap();
        let (proc, group) = (tree.path().join("proc"), tree.path().join(ID));
        fs::create_dir_all(group.join("nested")).unwrap();
        let looked = |group: &Path| uncounted(&proc, 7, (Version::V1, group));
        fs::write(group.join("memory.use_hierarchy"), "1\n").unwrap();
        assert_eq!(looked(&group), None);
        fs::write(group.join("memory.use_hierarchy"), "0\n").unwrap();
        let why = looked(&group).unwrap().because;
        assert!(why.contains("use_hierarchy"), "{why}");
        fs::remove_dir(group.join("nested")).unwrap();
        assert_eq!(looked(&group), None);
    }
}
