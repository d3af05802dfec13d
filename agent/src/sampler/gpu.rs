//! GPUs: which the device has, and what the processes of one container do with them.
//!
//! `statistics` reads what most drivers write of each client; NVIDIA's own driver writes none: `nvml` asks its library instead.

mod load;
mod nvml;
mod statistics;

use std::fs;
use std::io;
use std::path::Path;

use conformance::finding::{Reason, Unseen};
use conformance::observation::{GpuDevice, GpuUse};

use super::Roots;
use statistics::{client, summed};

pub use load::Watch;

/// What the processes of a container have open, by every way there is on this device.
///
/// # Errors
/// No way shows it.
pub fn used_by(roots: &Roots, container: &str) -> Result<GpuUse, Unseen> {
    let statistics = by_statistics(roots, container);
    if !nvml::is_loaded(&roots.proc) {
        return statistics;
    }
    let processes = processes_of(&roots.proc, container);
    let pids = processes.iter().filter_map(|pid| pid.parse().ok());
    let told = nvml::ask().and_then(|gpus| nvml::used(&gpus, &pids.collect()));
    nvml::beside(statistics, told)
}

/// What the processes of a container have open of devices whose drivers write usage statistics.
///
/// # Errors
/// A process's descriptors may not be looked at: proc(5) wants its user and its capabilities, or `CAP_SYS_PTRACE`.
fn by_statistics(roots: &Roots, container: &str) -> Result<GpuUse, Unseen> {
    let mut clients = Vec::new();
    let mut processes = 0;
    for pid in processes_of(&roots.proc, container) {
        processes += 1;
        let directory = roots.proc.join(pid).join("fdinfo");
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            // It ended meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(Unseen::new(
                    Reason::CannotMeasure,
                    format!(
                        "what the module has open of a GPU cannot be seen: {}: {error}; the probe needs CAP_SYS_PTRACE for it",
                        directory.display()
                    ),
                ));
            }
        };
        for entry in entries.flatten() {
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            clients.extend(client(&text));
        }
    }
    if processes == 0 {
        return Err(Unseen::new(
            Reason::CannotMeasure,
            "no process of the module was found, so nothing tells what it has open of a GPU",
        ));
    }
    Ok(summed(clients))
}

/// Process ids whose control group names the container.
fn processes_of(proc: &Path, container: &str) -> Vec<String> {
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    let ids = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    ids.filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|id| {
            let group = fs::read_to_string(proc.join(id).join("cgroup")).unwrap_or_default();
            group.contains(container)
        })
        .collect()
}

/// The GPUs of the device: DRM render nodes, and NVIDIA's driver by its directory in `/proc`.
///
/// # Errors
/// `sys` is not the kernel's tree.
pub(super) fn on_board(sys: &Path, proc: &Path) -> Result<Vec<GpuDevice>, Unseen> {
    if !sys.join("class").is_dir() {
        return Err(Unseen::new(
            Reason::Configuration,
            format!(
                "{} is not the kernel's tree, so it tells no GPU",
                sys.display()
            ),
        ));
    }
    let entries = fs::read_dir(sys.join("class/drm"))
        .into_iter()
        .flatten()
        .flatten();
    let mut devices: Vec<GpuDevice> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("renderD"))
        .map(|entry| GpuDevice {
            node: entry.file_name().to_string_lossy().into_owned(),
            driver: driver(&entry.path()),
        })
        .collect();
    devices.sort_by(|a, b| a.node.cmp(&b.node));
    if nvml::is_loaded(proc) {
        devices.push(GpuDevice {
            node: "nvidia".to_owned(),
            driver: Some("nvidia".to_owned()),
        });
    }
    Ok(devices)
}

/// `DRIVER=` of the device below a DRM node.
fn driver(node: &Path) -> Option<String> {
    let text = fs::read_to_string(node.join("device/uevent")).ok()?;
    let mut lines = text.lines();
    lines.find_map(|line| Some(line.strip_prefix("DRIVER=")?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::statistics::tests::{I915, V3D};
    use super::*;

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Roots) {
        let tree = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = tree.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let roots = Roots {
            proc: tree.path().join("proc"),
            cgroup: tree.path().join("sys/fs/cgroup"),
            data_root: None,
            data_root_on_host: "/d".into(),
        };
        (tree, roots)
    }

    #[test]
    fn only_the_containers_own_processes_are_looked_at() {
        let (_tree, roots) = tree(&[
            ("proc/41/cgroup", "0::/docker/abc123\n"),
            ("proc/41/fdinfo/3", V3D),
            ("proc/42/cgroup", "0::/docker/other\n"),
            ("proc/42/fdinfo/3", I915),
            ("proc/self/cgroup", "0::/docker/abc123\n"),
        ]);
        let used = used_by(&roots, "abc123").unwrap();
        assert_eq!(used.drivers, ["v3d"]);
        let unseen = used_by(&roots, "gone").unwrap_err();
        assert_eq!(unseen.reason, Reason::CannotMeasure);
    }

    #[test]
    fn nvidia_s_driver_beside_no_statistics_is_unseen_and_not_unused() {
        let (_tree, roots) = tree(&[
            ("proc/41/cgroup", "0::/docker/abc123\n"),
            ("proc/41/fdinfo/3", "pos:\t0\n"),
            ("proc/driver/nvidia/version", "NVRM version: NVIDIA\n"),
        ]);
        let unseen = used_by(&roots, "abc123").unwrap_err();
        assert!(unseen.because.contains("NVIDIA"), "{}", unseen.because);
    }

    #[test]
    fn render_nodes_are_the_gpus_of_a_board() {
        let (tree, roots) = tree(&[
            ("sys/class/drm/card0/dev", "226:0"),
            (
                "sys/class/drm/renderD128/device/uevent",
                "DRIVER=v3d\nOF_NAME=v3d\n",
            ),
        ]);
        let sys = tree.path().join("sys");
        let gpus = on_board(&sys, &roots.proc).unwrap();
        assert_eq!(gpus.len(), 1);
        assert_eq!(gpus[0].driver.as_deref(), Some("v3d"));
        assert!(on_board(&tree.path().join("nowhere"), &roots.proc).is_err());
    }
}
