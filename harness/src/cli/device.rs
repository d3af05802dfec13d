//! The command line of `edgeproof device`.

use clap::{Args, Subcommand, ValueEnum};
use conformance::units::Bytes;

use super::TextOrJson;
use crate::amount;
use crate::device::profile::{Cgroup, Debian, Profile, Storage};

/// Flags of `device`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof device start arm32
  edgeproof device list
  edgeproof device exec arm32 -- docker info
  edgeproof device rm arm32

Devices and their root images are kept in $EDGEPROOF_CACHE (default: edgeproof in the cache directory of the user).")]
pub struct DeviceArgs {
    /// What to do with devices
    #[command(subcommand)]
    pub command: DeviceCommand,
}

/// What can be done with devices.
#[derive(Debug, Clone, Subcommand)]
pub enum DeviceCommand {
    /// Boot a device, building what is missing, and wait until its container engine answers
    Start(DeviceStartArgs),
    /// List the devices of this machine
    List(DeviceListArgs),
    /// Stop a device; its disk stays
    Stop(DeviceStopArgs),
    /// Stop a device and remove its disk
    Rm(DeviceRmArgs),
    /// Run a command in a device, as root
    Exec(DeviceExecArgs),
}

/// Flags of `device start`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof device start arm64
  edgeproof device start arm32-stock --memory 512MiB
  edgeproof device start x64 --name forky --debian forky --cores 2
  edgeproof device start x64 --name older --cgroup v1
  edgeproof device start x64 --name quota --storage quota
  edgeproof device start x64 --name store --storage containerd --debian trixie")]
pub struct DeviceStartArgs {
    /// What kind of device
    #[arg(value_enum, value_name = "PROFILE")]
    pub profile: Profile,
    /// What the device is called (default: as its profile)
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Memory of the device
    #[arg(long, value_name = "SIZE", value_parser = amount::size, default_value = "1GiB")]
    pub memory: Bytes,
    /// Processor cores of the device (default: what boots best for the profile)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=8))]
    pub cores: Option<u32>,
    /// Control groups that the device is booted with
    #[arg(long, value_enum, default_value_t = Cgroup::V2)]
    pub cgroup: Cgroup,
    /// What the device's engine keeps images and layers in
    #[arg(long, value_enum, default_value_t = Storage::Default)]
    pub storage: Storage,
    /// Release of Debian in the device, and with it the generation of the container engine
    #[arg(long, value_enum, default_value_t = Debian::Bookworm)]
    pub debian: Debian,
    /// How the device's processor is run
    #[arg(long, value_enum, default_value_t = AccelerationArg::Auto)]
    pub accel: AccelerationArg,
    /// No progress, only the result
    #[arg(short, long)]
    pub quiet: bool,
}

/// Flags of `device list`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof device list
  edgeproof device list --format json | jq '.devices[] | select(.state == \"running\")'")]
pub struct DeviceListArgs {
    /// How the list is printed
    #[arg(long, value_enum, default_value_t = TextOrJson::Text)]
    pub format: TextOrJson,
}

/// Flags of `device stop`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof device stop arm32")]
pub struct DeviceStopArgs {
    /// The device
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Flags of `device rm`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof device rm arm32
  edgeproof device rm arm32 arm64 --cache
  edgeproof device rm --cache   (only the cached root images)")]
pub struct DeviceRmArgs {
    /// The devices
    #[arg(value_name = "NAME", required_unless_present = "cache")]
    pub names: Vec<String>,
    /// Remove the cached root images as well; the next start of a kind builds its image anew
    #[arg(long)]
    pub cache: bool,
}

/// Flags of `device exec`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof device exec arm32 -- docker ps
  edgeproof device exec arm32 -- sh -c 'dmesg | tail'

Standard input is not handed in. The exit code is the command's; 2 as well where the device does not answer.")]
pub struct DeviceExecArgs {
    /// The device
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Command and arguments
    #[arg(value_name = "COMMAND", required = true, last = true)]
    pub command: Vec<String>,
}

/// Ways to run a device's processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AccelerationArg {
    /// With KVM where a test boot shows that it works, emulated elsewhere
    Auto,
    /// With KVM where a test boot shows that it works; says so where it does not
    Kvm,
    /// Emulated
    Tcg,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use crate::cli::Cli;

    #[test]
    fn everything_that_can_be_done_with_devices_has_examples() {
        let mut command = Cli::command();
        let device = command.find_subcommand_mut("device").unwrap();
        for subcommand in device.get_subcommands_mut() {
            let name = subcommand.get_name().to_owned();
            let help = subcommand.render_long_help().to_string();
            assert!(
                help.contains(&format!("edgeproof device {name} ")),
                "{name} has no example:\n{help}"
            );
        }
    }
}
