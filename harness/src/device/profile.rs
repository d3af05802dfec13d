//! The kinds of devices: what each is made of, as plain facts.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// 64-bit PC
    X64,
    /// 64-bit ARM, as a Raspberry Pi with a 64-bit system
    Arm64,
    /// 32-bit ARM, as a Raspberry Pi with a 32-bit system
    Arm32,
    /// 32-bit system under a 64-bit kernel, as a Raspberry Pi 4 with a 32-bit system
    Arm32Kernel64,
    /// 32-bit ARM without memory cgroup, as Raspberry Pi OS is shipped
    Arm32Stock,
}

/// A release of Debian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Debian {
    /// Debian 12: engine 20.10, kernel 6.1
    Bookworm,
    /// Debian 13: engine 26.1, kernel 6.12
    Trixie,
    /// Debian 14 in the making: engine 28.5
    Forky,
}

/// The hierarchy of control groups that a device is booted with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cgroup {
    /// A hierarchy for each controller, as systems before Debian 11 have it
    V1,
    /// One hierarchy
    #[default]
    V2,
}

/// What a device's container engine keeps images and layers in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// The engine's own choice: overlay2 on ext4, without quota
    #[default]
    Default,
    /// overlay2 on a disk of its own with XFS, where each container can have a quota
    Quota,
    /// The containerd image store, which engines from 26 on have
    Containerd,
}

/// What QEMU has to be told of a processor architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// QEMU's program.
    pub program: &'static str,
    /// Debian package of the program.
    pub package: &'static str,
    /// `-machine`
    pub machine: &'static str,
    /// `-cpu` where the processor is emulated.
    pub cpu: &'static str,
    /// The kernel's name of the serial console.
    pub console: &'static str,
    /// How virtio devices are attached: `pci`, or `device` for memory-mapped ones.
    pub bus: &'static str,
}

impl Profile {
    /// The name on the command line and the default name of a device.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Profile::X64 => "x64",
            Profile::Arm64 => "arm64",
            Profile::Arm32 => "arm32",
            Profile::Arm32Kernel64 => "arm32-kernel64",
            Profile::Arm32Stock => "arm32-stock",
        }
    }

    /// The architecture of its programs, as Debian calls it.
    #[must_use]
    pub const fn debian_architecture(self) -> &'static str {
        match self {
            Profile::X64 => "amd64",
            Profile::Arm64 => "arm64",
            Profile::Arm32 | Profile::Arm32Kernel64 | Profile::Arm32Stock => "armhf",
        }
    }

    /// The architecture of its kernel, as Debian calls it.
    #[must_use]
    pub const fn kernel_architecture(self) -> &'static str {
        match self {
            Profile::Arm32Kernel64 => "arm64",
            Profile::X64 | Profile::Arm64 | Profile::Arm32 | Profile::Arm32Stock => {
                self.debian_architecture()
            }
        }
    }

    /// The architecture as images call it, variant included.
    #[must_use]
    pub const fn platform(self) -> &'static str {
        match self {
            Profile::X64 => "linux/amd64",
            Profile::Arm64 => "linux/arm64",
            Profile::Arm32 | Profile::Arm32Kernel64 | Profile::Arm32Stock => "linux/arm/v7",
        }
    }

    /// The meta package of the kernel.
    #[must_use]
    pub const fn kernel_package(self) -> &'static str {
        match self {
            Profile::X64 => "linux-image-cloud-amd64",
            Profile::Arm64 | Profile::Arm32Kernel64 => "linux-image-cloud-arm64",
            Profile::Arm32 | Profile::Arm32Stock => "linux-image-armmp-lpae",
        }
    }

    /// Cores that boot best on a host with two: emulated ARM cores run side by side well. x86 ones have ended in a
    /// double fault once in four boots with two cores, and never with one.
    #[must_use]
    pub const fn default_cores(self) -> u32 {
        match self {
            Profile::X64 => 1,
            Profile::Arm64 | Profile::Arm32Kernel64 => 4,
            Profile::Arm32 | Profile::Arm32Stock => 2,
        }
    }

    /// What is added to the kernel line.
    #[must_use]
    pub const fn kernel_line(self) -> Option<&'static str> {
        match self {
            // The firmware of a Raspberry Pi puts this on the line of the kernel that it starts.
            Profile::Arm32Stock => Some("cgroup_disable=memory"),
            Profile::X64 | Profile::Arm64 | Profile::Arm32 | Profile::Arm32Kernel64 => None,
        }
    }

    /// The machine that QEMU plays.
    #[must_use]
    pub const fn machine(self) -> Machine {
        match self {
            Profile::X64 => Machine {
                program: "qemu-system-x86_64",
                package: "qemu-system-x86",
                machine: "q35",
                cpu: "max",
                console: "ttyS0",
                bus: "pci",
            },
            Profile::Arm64 | Profile::Arm32Kernel64 => Machine {
                program: "qemu-system-aarch64",
                package: "qemu-system-arm",
                machine: "virt",
                cpu: "cortex-a72",
                console: "ttyAMA0",
                bus: "pci",
            },
            Profile::Arm32 | Profile::Arm32Stock => Machine {
                program: "qemu-system-arm",
                package: "qemu-system-arm",
                machine: "virt,highmem=off",
                cpu: "cortex-a15",
                console: "ttyAMA0",
                bus: "device",
            },
        }
    }

    /// Whether this machine's own processor could run the device's programs.
    #[must_use]
    pub fn is_native(self) -> bool {
        match self {
            Profile::X64 => cfg!(target_arch = "x86_64"),
            // Not every 64-bit ARM processor has the 32-bit instructions.
            Profile::Arm64 => cfg!(target_arch = "aarch64"),
            Profile::Arm32 | Profile::Arm32Kernel64 | Profile::Arm32Stock => false,
        }
    }
}

impl Cgroup {
    /// The word on the command line, and the one that the device reads.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Cgroup::V1 => "v1",
            Cgroup::V2 => "v2",
        }
    }
}

impl Storage {
    /// The word on the command line, and the one that the device reads.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Storage::Default => "default",
            Storage::Quota => "quota",
            Storage::Containerd => "containerd",
        }
    }

    /// The engine's configuration file (`daemon.json`) for it.
    #[must_use]
    pub const fn engine_settings(self) -> &'static str {
        match self {
            Storage::Default | Storage::Quota => "{}",
            Storage::Containerd => r#"{"features": {"containerd-snapshotter": true}}"#,
        }
    }
}

impl Debian {
    /// The release's code name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Debian::Bookworm => "bookworm",
            Debian::Trixie => "trixie",
            Debian::Forky => "forky",
        }
    }

    /// The generation of its container engine.
    #[must_use]
    pub const fn engine(self) -> &'static str {
        match self {
            Debian::Bookworm => "20.10",
            Debian::Trixie => "26.1",
            Debian::Forky => "28.5",
        }
    }

    /// Whether its engine can keep images in containerd. The feature is of engine 24, on trial there, and is told of
    /// each image as here needed (API 1.44, `Descriptor`) from 26 on.
    #[must_use]
    pub const fn has_containerd_store(self) -> bool {
        match self {
            Debian::Bookworm => false,
            Debian::Trixie | Debian::Forky => true,
        }
    }

    /// What is installed in the root image; dependencies come along.
    #[must_use]
    pub fn packages(self) -> Vec<&'static str> {
        let mut packages = vec![
            "base-files",
            "base-passwd",
            "busybox-static",
            "ca-certificates",
            "containerd",
            "docker.io",
            "iptables",
            "kmod",
            "runc",
        ];
        match self {
            Debian::Bookworm => {}
            // From here on the engine's own client is a package of its own.
            Debian::Trixie | Debian::Forky => packages.push("docker-cli"),
        }
        packages
    }
}
