//! `edgeproof device`: Pi-class devices under QEMU, with a real container engine inside.
//!
//! For what a board does, never for how fast it does it. docs/devices.md says what is in a device and what it is good for.

mod accelerator;
mod boot;
mod cache;
mod certificates;
mod console;
mod image;
mod initrd;
mod interrupt;
mod list;
mod mirror;
mod packages;
mod ping;
mod process;
pub mod profile;
mod qemu;
mod quota;
mod record;
mod shell;
mod speed;
mod stages;
mod start;
mod stop;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;

use crate::cli::{DeviceArgs, DeviceCommand, DeviceExecArgs, DeviceRmArgs};
use crate::output;
use cache::Cache;
use record::{Record, State};

/// A device whose container engine has answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// Its kind: `x64`, `arm64`, `arm32` or `arm32-stock`.
    pub profile: String,
    /// Port on 127.0.0.1 of its container engine; TLS with certificates of both sides.
    pub port: u16,
    /// Directory of `ca.pem`, `cert.pem` and `key.pem` for that.
    pub certs: PathBuf,
    /// How many times slower than this machine it is; at least 1. For limits of time, never for a measurement.
    pub slowdown: f64,
    /// Its platform as images call it: `linux/amd64`, `linux/arm64` or `linux/arm/v7`.
    pub platform: String,
    /// Its release of Debian, such as `bookworm`.
    pub debian: String,
    /// Whether its processor is emulated.
    pub emulated: bool,
}

/// Does what is asked with devices.
///
/// # Errors
/// Wrong usage, a missing program, or a device that does not do what it should.
pub fn run(args: &DeviceArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        DeviceCommand::Start(args) => {
            let record = start::run(args)?;
            output::print(&how_to_use(&record))?;
        }
        DeviceCommand::List(args) => {
            output::print(&list::text(&Cache::of_this_user()?, args.format)?)?;
        }
        DeviceCommand::Stop(args) => stop::stop(&Cache::of_this_user()?, &args.name)?,
        DeviceCommand::Rm(args) => remove(args)?,
        DeviceCommand::Exec(args) => return execute(args),
    }
    Ok(ExitCode::SUCCESS)
}

/// The device of a name, if it runs.
///
/// # Errors
/// It does not; the error says how it is started.
pub fn running(name: &str) -> anyhow::Result<Device> {
    let (_, record) = of_name(name)?;
    Ok(Device {
        name: record.name,
        profile: record.profile.name().to_owned(),
        port: record.port,
        certs: record.certs,
        slowdown: record.slowdown.unwrap_or(1.0),
        platform: record.architecture,
        debian: record.debian.name().to_owned(),
        emulated: record.emulated,
    })
}

/// Cache and record of a device that runs.
fn of_name(name: &str) -> anyhow::Result<(Cache, Record)> {
    let cache = Cache::of_this_user()?;
    let directory = cache.device(name)?;
    let record = Record::read(&directory)?;
    let state = record.as_ref().map(Record::state);
    match (record, state) {
        (Some(record), Some(State::Running)) => Ok((cache, record)),
        (Some(record), Some(state)) => anyhow::bail!(
            "the device {name} is {}; start it with `{}`",
            match state {
                State::Starting => "not ready",
                State::Stopped | State::Running => "stopped",
            },
            start_line(&record)
        ),
        _ => anyhow::bail!(
            "there is no device {name}; start it with `edgeproof device start {name}` \
             (or `edgeproof device start PROFILE --name {name}`)"
        ),
    }
}

/// The command that starts a device again.
fn start_line(record: &Record) -> String {
    let profile = record.profile.name();
    let name = if record.name == profile {
        String::new()
    } else {
        format!(" --name {}", record.name)
    };
    let debian = match record.debian {
        profile::Debian::Bookworm => String::new(),
        newer @ (profile::Debian::Trixie | profile::Debian::Forky) => {
            format!(" --debian {}", newer.name())
        }
    };
    let cgroup = match record.cgroup {
        profile::Cgroup::V2 => "",
        profile::Cgroup::V1 => " --cgroup v1",
    };
    format!("edgeproof device start {profile}{name}{debian}{cgroup}")
}

fn how_to_use(record: &Record) -> String {
    format!(
        "{name} is running: {platform}, {slowdown:.1} times slower than this machine\n\
         engine:  {engine} (TLS, certificates in {certs})\n\n\
         \x20 export DOCKER_HOST={engine} DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH={certs}\n\
         \x20 docker info\n\
         \x20 edgeproof device exec {name} -- docker ps\n",
        name = record.name,
        platform = record.architecture,
        slowdown = record.slowdown.unwrap_or(1.0),
        engine = record.engine(),
        certs = record.certs.display(),
    )
}

fn remove(args: &DeviceRmArgs) -> anyhow::Result<()> {
    let cache = Cache::of_this_user()?;
    for name in &args.names {
        stop::remove(&cache, name)?;
    }
    if args.cache {
        stop::remove_images(&cache)?;
    }
    Ok(())
}

fn execute(args: &DeviceExecArgs) -> anyhow::Result<ExitCode> {
    let (cache, record) = of_name(&args.name)?;
    let directory = cache.device(&args.name)?;
    let _turn = cache.lock(&format!("shell-{}", args.name), || {
        tracing::warn!("waiting for another command in the device {}", args.name);
    })?;
    let silence = Duration::from_secs_f64(30.0 + record.slowdown.unwrap_or(1.0));
    let code = shell::run(
        &directory,
        &shell::quoted(&args.command),
        silence,
        &mut std::io::stdout(),
        &mut std::io::stderr(),
    )?;
    let code = u8::try_from(code).context("understand the exit code of the command")?;
    Ok(ExitCode::from(code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::example;

    #[test]
    fn the_mend_starts_the_very_device() {
        let mut record = example();
        assert_eq!(
            start_line(&record),
            "edgeproof device start arm32-stock --name lab"
        );
        record.name = "arm32-stock".to_owned();
        record.debian = profile::Debian::Trixie;
        record.cgroup = profile::Cgroup::V1;
        assert_eq!(
            start_line(&record),
            "edgeproof device start arm32-stock --debian trixie --cgroup v1"
        );
    }

    #[test]
    fn a_started_device_says_how_it_is_used() {
        let told = how_to_use(&example());
        assert!(
            told.contains(
                "export DOCKER_HOST=tcp://127.0.0.1:40123 DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=/c/devices/lab/certs"
            ),
            "{told}"
        );
    }
}
