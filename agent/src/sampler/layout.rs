//! Which cgroup hierarchy serves which controller on this host: decided for each controller, since hybrid hosts mix them.

use std::fs;
use std::path::{Path, PathBuf};

use conformance::finding::{Reason, Unseen};
use conformance::observation::MEMORY_MEND;
use conformance::record::CgroupFacts;

use super::Roots;

/// Version of the hierarchy that a controller is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// A hierarchy of its own.
    V1,
    /// The unified hierarchy.
    V2,
}

/// The hierarchy that serves a controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    /// Its version.
    pub version: Version,
    /// Its root directory as mounted here.
    pub root: PathBuf,
}

/// For each controller: its hierarchy, or why it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Memory.
    pub memory: Result<Hierarchy, Unseen>,
    /// CPU time: `cpuacct` on v1; every group of v2 counts it.
    pub cpu: Result<Hierarchy, Unseen>,
    /// CPU quota and throttling.
    pub quota: Result<Hierarchy, Unseen>,
    /// Process counts.
    pub pids: Result<Hierarchy, Unseen>,
}

/// Looks below the cgroup root which controller is where.
#[must_use]
pub fn detect(roots: &Roots) -> Layout {
    let mounts = Mounts::below(&roots.cgroup);
    let disabled = fs::read_to_string(roots.proc.join("cgroups")).unwrap_or_default();
    let find = |controller| mounts.find(controller, &disabled);
    let cpu = find("cpuacct").or_else(|unseen| {
        let unified = mounts.unified.as_ref().ok_or(unseen)?;
        Ok(Hierarchy {
            version: Version::V2,
            root: unified.root.clone(),
        })
    });
    Layout {
        memory: find("memory"),
        cpu,
        quota: find("cpu"),
        pids: find("pids"),
    }
}

impl Layout {
    /// The same as facts of the device.
    #[must_use]
    pub fn facts(&self) -> CgroupFacts {
        let version = |served: &Result<Hierarchy, Unseen>| {
            let number = served.as_ref().map(|hierarchy| match hierarchy.version {
                Version::V1 => 1,
                Version::V2 => 2,
            });
            number.map_err(Unseen::clone).into()
        };
        CgroupFacts {
            memory: version(&self.memory),
            cpu: version(&self.cpu),
            pids: version(&self.pids),
        }
    }
}

/// The hierarchies mounted below the cgroup root.
struct Mounts {
    root: PathBuf,
    /// Directory names are lists of controllers: `cpu,cpuacct`.
    legacy: Vec<(String, PathBuf)>,
    unified: Option<Unified>,
}

struct Unified {
    root: PathBuf,
    controllers: String,
}

impl Mounts {
    fn below(root: &Path) -> Mounts {
        let mut legacy = Vec::new();
        for entry in fs::read_dir(root).into_iter().flatten().flatten() {
            let path = entry.path();
            // A group of v2 has `cgroup.controllers`; a directory without `cgroup.procs` is no cgroup at all.
            if path.join("cgroup.procs").exists() && !path.join("cgroup.controllers").exists() {
                legacy.push((entry.file_name().to_string_lossy().into_owned(), path));
            }
        }
        let unified = [root.to_owned(), root.join("unified")]
            .into_iter()
            .find_map(|root| {
                let controllers = fs::read_to_string(root.join("cgroup.controllers")).ok()?;
                Some(Unified { root, controllers })
            });
        Mounts {
            root: root.to_owned(),
            legacy,
            unified,
        }
    }

    fn find(&self, controller: &str, disabled: &str) -> Result<Hierarchy, Unseen> {
        let legacy = self
            .legacy
            .iter()
            .find(|(names, _)| names.split(',').any(|name| name == controller));
        if let Some((_, root)) = legacy {
            return Ok(Hierarchy {
                version: Version::V1,
                root: root.clone(),
            });
        }
        match &self.unified {
            Some(unified)
                if unified
                    .controllers
                    .split_ascii_whitespace()
                    .any(|name| name == controller) =>
            {
                Ok(Hierarchy {
                    version: Version::V2,
                    root: unified.root.clone(),
                })
            }
            Some(_) | None => Err(self.missing(controller, disabled)),
        }
    }

    fn missing(&self, controller: &str, disabled: &str) -> Unseen {
        let root = self.root.display();
        if self.unified.is_none() && self.legacy.is_empty() {
            return Unseen::new(
                Reason::Configuration,
                format!(
                    "no cgroup hierarchy at {root}: mount the host's /sys/fs/cgroup there, read-only"
                ),
            );
        }
        let mut because = format!("the kernel offers no {controller} controller below {root}");
        if switched_off(disabled, controller) {
            because.push_str(" (/proc/cgroups shows it switched off)");
        }
        if controller == "memory" {
            because = format!("{because}; on a Raspberry Pi, {MEMORY_MEND}");
        }
        Unseen::new(Reason::CannotMeasure, because)
    }
}

/// `/proc/cgroups` has lines of name, hierarchy, groups, enabled.
fn switched_off(cgroups: &str, controller: &str) -> bool {
    cgroups.lines().any(|line| {
        let mut words = line.split_ascii_whitespace();
        words.next() == Some(controller) && words.nth(2) == Some("0")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(files: &[(&str, &str)]) -> (tempfile::TempDir, Layout) {
        let tree = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = tree.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let roots = Roots {
            proc: tree.path().join("proc"),
            cgroup: tree.path().join("cgroup"),
            data_root: None,
            data_root_on_host: PathBuf::new(),
        };
        let layout = detect(&roots);
        (tree, layout)
    }

    #[test]
    fn joint_v1_hierarchies_serve_both_their_controllers() {
        let (_tree, layout) = versions(&[("cgroup/cpu,cpuacct/cgroup.procs", "1\n")]);
        assert_eq!(layout.cpu, layout.quota);
        assert_eq!(layout.cpu.unwrap().version, Version::V1);
    }

    #[test]
    fn an_empty_unified_tree_beside_v1_serves_only_what_v1_does_not() {
        let (_tree, layout) = versions(&[
            ("cgroup/memory/cgroup.procs", "1\n"),
            ("cgroup/unified/cgroup.procs", "1\n"),
            ("cgroup/unified/cgroup.controllers", "hugetlb pids\n"),
        ]);
        assert_eq!(layout.memory.unwrap().version, Version::V1);
        assert_eq!(layout.pids.unwrap().version, Version::V2);
        assert_eq!(layout.cpu.unwrap().version, Version::V2);
        assert!(layout.quota.is_err());
    }

    #[test]
    fn a_missing_mount_is_a_matter_of_configuration() {
        let (_tree, layout) = versions(&[]);
        let unseen = layout.memory.unwrap_err();
        assert_eq!(unseen.reason, Reason::Configuration);
        assert!(
            unseen.because.contains("mount the host's /sys/fs/cgroup"),
            "{unseen:?}"
        );
    }
}
