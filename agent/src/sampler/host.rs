//! Facts of the device, read once: board, operating system, processor, memory. The engine is for others to ask.
//!
//! Board and operating system are the host's files beside the host's `/proc` (`/host/proc` → `/host/etc/os-release`): only
//! where they are mounted. The rest is the kernel's, and the same in every container.

use std::fs;
use std::path::{Path, PathBuf};

use conformance::observation::Observed;
use conformance::record::Device;
use conformance::units::Bytes;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use super::{Roots, layout, surroundings};

/// Looks at the device.
#[must_use]
pub fn device(roots: &Roots) -> Device {
    let host = roots.proc.parent().unwrap_or(Path::new("/"));
    let board = board(host, &roots.proc);
    let facts = System::new_with_specifics(
        RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::everything()),
    )
    .ok();
    let cpu_model = facts.as_ref().and_then(cpu_model);
    Device {
        emulated: emulated(board.as_deref(), cpu_model.as_deref()) || has_qemu_firmware(host),
        board,
        os: operating_system(host),
        kernel: System::kernel_version().ok(),
        architecture: Some(System::cpu_arch()).filter(|name| !name.is_empty()),
        cpu_model,
        cores: facts.as_ref().and_then(cores),
        memory: facts.as_ref().and_then(memory),
        swap: facts.as_ref().map(|facts| Bytes(facts.total_swap())),
        cgroup: layout::detect(roots).facts(),
        engine: Observed::default(),
        host: surroundings::look(roots),
    }
}

/// The device tree's model, or vendor and product of the firmware's tables (kernel documentation, "ABI: sysfs-class-dmi").
fn board(host: &Path, proc: &Path) -> Option<String> {
    let trees = [
        host.join("sys/firmware/devicetree/base/model"),
        proc.join("device-tree/model"),
    ];
    let firmware = [
        host.join("sys/class/dmi/id"),
        PathBuf::from("/sys/class/dmi/id"),
    ];
    let model = trees.iter().find_map(|path| line(path));
    model.or_else(|| firmware.iter().find_map(|directory| product(directory)))
}

fn product(directory: &Path) -> Option<String> {
    let words: Vec<String> = ["sys_vendor", "product_name"]
        .iter()
        .filter_map(|name| line(&directory.join(name)))
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// A file with one line; device-tree strings end with a zero byte.
fn line(path: &Path) -> Option<String> {
    let text = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&text);
    let text = text.trim_matches(|end: char| end.is_whitespace() || end == '\0');
    (!text.is_empty()).then(|| text.to_owned())
}

/// `PRETTY_NAME` of os-release(5).
fn operating_system(host: &Path) -> Option<String> {
    ["etc/os-release", "usr/lib/os-release"]
        .iter()
        .filter_map(|path| fs::read_to_string(host.join(path)).ok())
        .find_map(|text| {
            let name = text
                .lines()
                .find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
            Some(
                name.trim_matches(|quote| quote == '"' || quote == '\'')
                    .to_owned(),
            )
        })
}

fn cores(facts: &System) -> Option<u32> {
    let cores = u32::try_from(facts.cpus().len()).ok()?;
    (cores > 0).then_some(cores)
}

fn memory(facts: &System) -> Option<Bytes> {
    let memory = facts.total_memory();
    (memory > 0).then_some(Bytes(memory))
}

fn cpu_model(facts: &System) -> Option<String> {
    let brand = facts.cpus().first()?.brand().trim();
    (!brand.is_empty()).then(|| brand.to_owned())
}

/// QEMU's own boards and processors. An accelerated guest may be taken for an emulated one: its timing is no device's either.
fn emulated(board: Option<&str>, cpu_model: Option<&str>) -> bool {
    let names = |text: Option<&str>, marks: &[&str]| {
        text.is_some_and(|text| marks.iter().any(|mark| text.contains(mark)))
    };
    names(board, &["linux,dummy-virt", "QEMU"]) || names(cpu_model, &["QEMU"])
}

/// QEMU's machines have its configuration device, on the bus by the name of its address or `QEMU0002`.
///
/// Source: kernel, `drivers/firmware/qemu_fw_cfg.c` (`qemu,fw-cfg-mmio`, ACPI `QEMU0002`); QEMU, `docs/specs/fw_cfg.rst`.
fn has_qemu_firmware(host: &Path) -> bool {
    let beside = host.join("sys/bus/platform/devices");
    let bus = if beside.is_dir() {
        beside
    } else {
        PathBuf::from("/sys/bus/platform/devices")
    };
    let devices = fs::read_dir(bus).into_iter().flatten().flatten();
    devices.map(|device| device.path()).any(|device| {
        let name = device.file_name().unwrap_or_default().to_string_lossy();
        let uevent = || fs::read_to_string(device.join("uevent")).unwrap_or_default();
        name.starts_with("QEMU0002")
            || name.ends_with(".fw-cfg") && uevent().contains("qemu,fw-cfg")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device_with(files: &[(&str, &str)]) -> Device {
        let tree = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = tree.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        device(&Roots {
            proc: tree.path().join("proc"),
            cgroup: tree.path().join("sys/fs/cgroup"),
            data_root: None,
            data_root_on_host: PathBuf::new(),
        })
    }

    #[test]
    fn a_board_is_known_by_its_device_tree() {
        let model = "sys/firmware/devicetree/base/model";
        let pi = device_with(&[(model, "Raspberry Pi 4 Model B Rev 1.4\0")]);
        assert_eq!(pi.board.as_deref(), Some("Raspberry Pi 4 Model B Rev 1.4"));
        assert!(device_with(&[(model, "linux,dummy-virt\0")]).emulated);
    }

    #[test]
    fn an_emulated_machine_is_known_by_its_configuration_device() {
        // Composed from the driver's source: what QEMU's `virt` board shows of it.
        let device = "sys/bus/platform/devices/9020000.fw-cfg/uevent";
        assert!(device_with(&[(device, "OF_COMPATIBLE_0=qemu,fw-cfg-mmio\n")]).emulated);
        let acpi = "sys/bus/platform/devices/QEMU0002:00/uevent";
        assert!(device_with(&[(acpi, "MODALIAS=acpi:QEMU0002:\n")]).emulated);
        let other = "sys/bus/platform/devices/serial8250/uevent";
        assert!(!device_with(&[(other, "DRIVER=serial8250\n")]).emulated);
    }

    #[test]
    fn a_box_is_known_by_its_firmware() {
        let seen = device_with(&[
            ("sys/class/dmi/id/sys_vendor", "Advantech\n"),
            ("sys/class/dmi/id/product_name", "UNO-2484G\n"),
        ]);
        assert_eq!(seen.board.as_deref(), Some("Advantech UNO-2484G"));
    }

    #[test]
    fn the_hosts_operating_system_is_named_not_ours() {
        let release = "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
        let seen = device_with(&[("etc/os-release", release)]);
        assert_eq!(seen.os.as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
        assert_eq!(device_with(&[]).os, None);
    }

    #[test]
    fn the_kernel_tells_cores_memory_and_itself() {
        let seen = device_with(&[]);
        assert!(seen.cores.is_some_and(|cores| cores > 0));
        assert!(seen.memory.is_some_and(|memory| memory > Bytes::mib(64)));
        assert!(seen.kernel.is_some_and(|kernel| kernel.contains('.')));
    }
}
