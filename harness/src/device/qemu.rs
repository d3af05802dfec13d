//! QEMU: its arguments, its start as a process that outlives this one, and its end.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use conformance::units::Bytes;

use super::process::Process;
use super::profile::{Profile, Storage};
use super::quota;

/// Console of the guest, in the device's directory.
pub(super) const SERIAL_LOG: &str = "serial.log";
/// The guest's root shell: one socket for commands, one for output, one for errors.
pub(super) const PORTS: [&str; 3] = ["command", "output", "errors"];
const PID_FILE: &str = "qemu.pid";

/// How the guest's processor is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acceleration {
    /// By the host's own.
    Kvm,
    /// Emulated.
    Tcg,
}

/// What is to be started.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    /// The kind of device.
    pub profile: Profile,
    /// Memory of the guest.
    pub memory: Bytes,
    /// Cores of the guest.
    pub cores: u32,
    /// What its engine keeps images and layers in.
    pub storage: Storage,
    /// Port on 127.0.0.1 that leads to the engine.
    pub port: u16,
    /// How its processor is run.
    pub acceleration: Acceleration,
}

/// QEMU's arguments. Files are named as they are called in the device's directory, where QEMU is started: the path of a
/// socket may not have more than 107 letters.
#[must_use]
pub(super) fn arguments(launch: &Launch) -> Vec<String> {
    let bus = launch.profile.machine().bus;
    let mut arguments = processor(launch.profile, launch.acceleration);
    let mut add = |option: &str, value: String| {
        arguments.push(option.to_owned());
        arguments.push(value);
    };
    add("-m", format!("{}M", launch.memory.0 >> 20));
    add("-smp", launch.cores.to_string());
    add("-kernel", "kernel".to_owned());
    add("-initrd", "initrd".to_owned());
    add("-append", kernel_line(launch.profile));
    for (disk, file) in disks(launch.storage) {
        // The disk of a throw-away device need not outlive a power cut of the host.
        add(
            "-drive",
            format!("file={file},format=raw,if=none,id={disk},cache=unsafe"),
        );
        add(
            "-device",
            format!("virtio-blk-{bus},drive={disk},serial={disk}"),
        );
    }
    let forward = format!("hostfwd=tcp:127.0.0.1:{}-:2376", launch.port);
    add("-netdev", format!("user,id=net,{forward}"));
    add("-device", format!("virtio-net-{bus},netdev=net"));
    add("-device", format!("virtio-serial-{bus}"));
    for port in PORTS {
        add(
            "-chardev",
            format!("socket,id={port},path={port}.sock,server=on,wait=off"),
        );
        add(
            "-device",
            format!("virtserialport,chardev={port},name=edgeproof.{port}"),
        );
    }
    add("-serial", format!("file:{SERIAL_LOG}"));
    add("-pidfile", PID_FILE.to_owned());
    arguments.push("-daemonize".to_owned());
    arguments
}

/// The disks and their files. The guest tells them apart by the serial number, which is the disk's name here: a board whose
/// devices are memory-mapped finds them in no order that could be relied upon.
fn disks(storage: Storage) -> Vec<(&'static str, &'static str)> {
    let root = ("disk", "disk.img");
    match storage {
        Storage::Default | Storage::Containerd => vec![root],
        Storage::Quota => vec![root, (quota::SERIAL, quota::DISK)],
    }
}

/// The arguments that say what machine it is and how it is run.
#[must_use]
pub(super) fn processor(profile: Profile, acceleration: Acceleration) -> Vec<String> {
    let machine = profile.machine();
    let (accelerator, cpu) = match acceleration {
        Acceleration::Kvm => ("kvm", "host"),
        // Translated code is kept in so much memory; the default is a gigabyte for each guest.
        Acceleration::Tcg => ("tcg,thread=multi,tb-size=256", machine.cpu),
    };
    [
        "-machine",
        machine.machine,
        "-accel",
        accelerator,
        "-cpu",
        cpu,
        "-nodefaults",
        "-no-reboot",
        "-display",
        "none",
        "-monitor",
        "none",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// The kernel line. A panic ends QEMU, since `-no-reboot` makes an end of a new start.
#[must_use]
pub(super) fn kernel_line(profile: Profile) -> String {
    let console = profile.machine().console;
    let mut line = format!("console={console} quiet panic=-1");
    if let Some(more) = profile.kernel_line() {
        line.push(' ');
        line.push_str(more);
    }
    line
}

/// Why QEMU did not start.
#[derive(Debug)]
pub(super) enum NotStarted {
    /// Somebody else took the port between its choice and its use.
    PortTaken,
    /// Anything else.
    Other(anyhow::Error),
}

/// Starts QEMU in the directory of a device.
///
/// # Errors
/// QEMU cannot be started, or refuses.
pub(super) fn start(directory: &Path, launch: &Launch) -> Result<Process, NotStarted> {
    remove_traces(directory);
    let program = launch.profile.machine().program;
    let output = Command::new(program)
        .args(arguments(launch))
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("start {program}"))
        .map_err(NotStarted::Other)?;
    if output.status.success() {
        return started(directory).map_err(NotStarted::Other);
    }
    let told = String::from_utf8_lossy(&output.stderr);
    if told.contains("host forwarding rule") {
        return Err(NotStarted::PortTaken);
    }
    Err(NotStarted::Other(anyhow::anyhow!(
        "{program} ended with {}: {}",
        output.status,
        told.trim()
    )))
}

/// The QEMU that left its id in the directory of a device.
fn started(directory: &Path) -> anyhow::Result<Process> {
    let path = directory.join(PID_FILE);
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let Some(process) = text.trim().parse().ok().and_then(Process::with_id) else {
        bail!("qemu ended as soon as it had started");
    };
    Ok(process)
}

/// Ends a QEMU whose start was cut short, if there is one.
pub(super) fn end_unfinished(directory: &Path) {
    let named = |process: &Process| {
        fs::read_to_string(format!("/proc/{}/comm", process.pid))
            .is_ok_and(|name| name.starts_with("qemu-system"))
    };
    if let Ok(process) = started(directory)
        && named(&process)
        && !process.end()
    {
        tracing::warn!(pid = process.pid, "qemu does not end");
    }
    remove_traces(directory);
}

/// Removes what an earlier QEMU left: it would be taken for this one's.
pub(super) fn remove_traces(directory: &Path) {
    let sockets = PORTS.map(|port| format!("{port}.sock"));
    for name in sockets.iter().map(String::as_str).chain([PID_FILE]) {
        // What is not there need not be removed, and what cannot be removed makes QEMU say so.
        let _ = fs::remove_file(directory.join(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(profile: Profile, acceleration: Acceleration) -> String {
        arguments(&Launch {
            profile,
            memory: Bytes::mib(1024),
            cores: 2,
            storage: Storage::Default,
            port: 40_123,
            acceleration,
        })
        .join(" ")
    }

    #[test]
    fn a_device_with_a_quota_has_a_second_disk_which_its_serial_number_names() {
        let line = |storage| {
            let launch = Launch {
                profile: Profile::Arm32,
                memory: Bytes::mib(1024),
                cores: 2,
                storage,
                port: 40_123,
                acceleration: Acceleration::Tcg,
            };
            arguments(&launch).join(" ")
        };
        let second = "file=quota.img,format=raw,if=none,id=quota";
        let device = "virtio-blk-device,drive=quota,serial=quota";
        assert!(line(Storage::Quota).contains(second));
        assert!(line(Storage::Quota).contains(device));
        for storage in [Storage::Default, Storage::Containerd] {
            let line = line(storage);
            assert!(!line.contains("quota"), "{line}");
            assert!(line.contains("drive=disk,serial=disk"), "{line}");
        }
    }

    #[test]
    fn the_engine_is_forwarded_on_loopback_only() {
        let line = launch(Profile::Arm64, Acceleration::Tcg);
        assert!(line.contains("hostfwd=tcp:127.0.0.1:40123-:2376"), "{line}");
        assert!(line.contains("-m 1024M -smp 2"), "{line}");
    }

    #[test]
    fn a_32_bit_arm_board_has_memory_mapped_devices() {
        let line = launch(Profile::Arm32, Acceleration::Tcg);
        assert!(line.contains("virt,highmem=off"), "{line}");
        assert!(line.contains("virtio-blk-device,drive=disk"), "{line}");
        assert!(!line.contains("-pci"), "{line}");
    }

    #[test]
    fn only_the_stock_board_has_its_memory_cgroup_disabled() {
        assert!(kernel_line(Profile::Arm32Stock).ends_with(" cgroup_disable=memory"));
        for profile in [
            Profile::X64,
            Profile::Arm64,
            Profile::Arm32,
            Profile::Arm32Kernel64,
        ] {
            assert!(!kernel_line(profile).contains("cgroup"));
        }
    }

    #[test]
    fn the_hosts_processor_is_used_with_kvm_only() {
        let line = launch(Profile::X64, Acceleration::Kvm);
        assert!(line.contains("-accel kvm -cpu host"), "{line}");
        let line = launch(Profile::X64, Acceleration::Tcg);
        assert!(
            line.contains("-accel tcg,thread=multi,tb-size=256 -cpu max"),
            "{line}"
        );
    }

    #[test]
    fn no_key_is_on_the_command_line() {
        for word in ["pem", "cert", "key"] {
            assert!(!launch(Profile::X64, Acceleration::Tcg).contains(word));
        }
    }
}
