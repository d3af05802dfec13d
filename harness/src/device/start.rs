//! `edgeproof device start`: from nothing to a container engine that answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::accelerator;
use super::boot::{self, Boot};
use super::cache::{self, Cache};
use super::certificates::{self, CERTS};
use super::image;
use super::interrupt::Interrupt;
use super::packages;
use super::profile::{Debian, Storage};
use super::qemu;
use super::quota;
use super::record::{Record, SCHEMA, State};
use super::speed;
use super::stages::Stages;
use crate::cli::DeviceStartArgs;
use crate::exit::Refused;

/// Starts a device, or finds it running.
///
/// # Errors
/// What is asked does not fit the device of that name, a program of the host is missing, or the device does not boot.
pub(super) fn run(args: &DeviceStartArgs) -> anyhow::Result<Record> {
    has_store(args.storage, args.debian)?;
    let cache = Cache::of_this_user()?;
    let name = args.name.as_deref().unwrap_or(args.profile.name());
    let directory = cache.device(name)?;
    packages::check(&packages::to_run(args.profile, args.storage))?;
    let interrupt = Interrupt::listen()?;
    let mut stages = Stages::shown(args.quiet);
    let _lock = cache.lock(&format!("device-{name}"), || {
        stages.say("waiting for another command that is at work on this device");
    })?;
    let before = Record::read(&directory)?;
    if let Some(record) = &before {
        fits(record, args)?;
        if record.state() == State::Running {
            return Ok(record.clone());
        }
    }
    // A start that was killed could not end its own.
    qemu::end_unfinished(&directory);
    let start = Start {
        args,
        cache: &cache,
        directory: &directory,
        interrupt: &interrupt,
    };
    let (mut record, is_new) = match before {
        Some(record) => (record, false),
        None => (start.create(name, &mut stages)?, true),
    };
    record.memory = args.memory;
    record.cores = args.cores.unwrap_or(args.profile.default_cores());
    record.cgroup = args.cgroup;
    record.storage = args.storage;
    let booted = start.boot(&mut record, &mut stages);
    stages.finish();
    if booted.is_err() && is_new && interrupt.check().is_err() {
        cache::remove(&directory)?;
    }
    booted.map(|()| record)
}

/// Whether the engine of a release has such a store.
fn has_store(storage: Storage, debian: Debian) -> Result<(), Refused> {
    if storage != Storage::Containerd || debian.has_containerd_store() {
        return Ok(());
    }
    Err(Refused::Usage(format!(
        "--storage containerd: the containerd image store needs an engine from 26 on, and Debian {} has {}; \
         give --debian trixie or forky",
        debian.name(),
        debian.engine(),
    )))
}

/// Whether an existing device is the one that is asked for.
fn fits(record: &Record, args: &DeviceStartArgs) -> Result<(), Refused> {
    let mut differences = Vec::new();
    if record.profile != args.profile {
        differences.push(format!("is of profile {}", record.profile.name()));
    }
    if record.debian != args.debian {
        differences.push(format!("has Debian {}", record.debian.name()));
    }
    if record.state() == State::Running {
        if record.memory != args.memory {
            differences.push(format!("runs with {} MiB", record.memory.0 >> 20));
        }
        if args.cores.is_some_and(|cores| cores != record.cores) {
            differences.push(format!("runs with {} cores", record.cores));
        }
        if record.cgroup != args.cgroup {
            differences.push(format!("runs with cgroup {}", record.cgroup.name()));
        }
        if record.storage != args.storage {
            differences.push(format!("runs with storage {}", record.storage.name()));
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(Refused::Usage(format!(
        "the device {name} {}; remove it with `edgeproof device rm {name}`, or give the new one another --name",
        differences.join(" and "),
        name = record.name,
    )))
}

struct Start<'a> {
    args: &'a DeviceStartArgs,
    cache: &'a Cache,
    directory: &'a Path,
    interrupt: &'a Interrupt,
}

impl Start<'_> {
    /// Makes a device that has never booted; under another name until it is whole.
    fn create(&self, name: &str, stages: &mut Stages) -> anyhow::Result<Record> {
        let args = self.args;
        let image = image::ensure(
            self.cache,
            args.profile,
            args.debian,
            stages,
            self.interrupt,
        )?;
        let begun = Instant::now();
        let unfinished = Unfinished(self.cache.devices().join(format!(".making-{name}")));
        cache::remove(&unfinished.0)?;
        cache::make(&unfinished.0)?;
        copy(&image, &unfinished.0)?;
        self.interrupt.check()?;
        certificates::make()?.write(&unfinished.0)?;
        let record = Record {
            schema: SCHEMA.to_owned(),
            name: name.to_owned(),
            profile: args.profile,
            architecture: args.profile.platform().to_owned(),
            debian: args.debian,
            memory: args.memory,
            cores: args.cores.unwrap_or(args.profile.default_cores()),
            cgroup: args.cgroup,
            storage: args.storage,
            pid: None,
            start_time: None,
            port: 0,
            certs: self.directory.join(CERTS),
            slowdown: None,
            emulated: true,
        };
        record.write(&unfinished.0)?;
        // What has no record is no device, whatever is left of it.
        cache::remove(self.directory)?;
        fs::rename(&unfinished.0, self.directory)
            .with_context(|| format!("make {}", self.directory.display()))?;
        stages.done("disk made", begun.elapsed());
        Ok(record)
    }

    fn boot(&self, record: &mut Record, stages: &mut Stages) -> anyhow::Result<()> {
        if record.storage == Storage::Quota {
            quota::ensure(self.directory)?;
        }
        // Also the look at how busy this machine is, which decides how long a boot may take.
        let here = speed::here()?;
        let boot = Boot {
            directory: self.directory,
            acceleration: accelerator::choose(
                self.cache,
                record.profile,
                self.directory,
                self.args.accel,
                stages,
                self.interrupt,
            )?,
            patience: speed::patience(here),
            interrupt: self.interrupt,
        };
        let guest = boot::run(&boot, record, stages)?;
        stages.say("measuring how fast the device is");
        let begun = Instant::now();
        let there = speed::there(
            self.directory,
            Duration::from_secs(60).mul_f64(boot.patience),
        )?;
        let slowdown = speed::slowdown(there, speed::here()?);
        self.interrupt.check()?;
        record.slowdown = Some(slowdown);
        record.write(self.directory)?;
        stages.done("speed measured", begun.elapsed());
        guest.keep();
        Ok(())
    }
}

/// The parts of an image that become the device's own: it goes on with them when the image is built anew.
fn copy(image: &Path, device: &Path) -> anyhow::Result<()> {
    let parts = [
        ("root.img", "disk.img"),
        ("kernel", "kernel"),
        ("first-stage", "first-stage"),
    ];
    for (from, to) in parts {
        // `cp` keeps the holes of the disk, and shares its blocks where the file system can.
        let status = Command::new("cp")
            .args(["--recursive", "--sparse=always", "--reflink=auto", "--"])
            .arg(image.join(from))
            .arg(device.join(to))
            .status()
            .context("start cp")?;
        if !status.success() {
            bail!(
                "failed to copy {} of the root image: cp ended with {status}",
                from
            );
        }
    }
    Ok(())
}

/// A directory that vanishes with the start that made it, unless it was renamed.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Err(error) = cache::remove(&self.0) {
            tracing::warn!("{error:#}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::AccelerationArg;
    use crate::device::process::Process;
    use crate::device::profile::{Cgroup, Profile};
    use crate::device::record::example;
    use conformance::units::Bytes;

    fn args() -> DeviceStartArgs {
        DeviceStartArgs {
            profile: Profile::Arm32Stock,
            name: Some("lab".to_owned()),
            memory: Bytes::mib(1024),
            cores: None,
            cgroup: Cgroup::V2,
            storage: Storage::Default,
            debian: Debian::Bookworm,
            accel: AccelerationArg::Auto,
            quiet: true,
        }
    }

    #[test]
    fn a_device_of_another_kind_is_not_taken_for_the_one_asked_for() {
        let other = DeviceStartArgs {
            profile: Profile::Arm64,
            debian: Debian::Forky,
            ..args()
        };
        let refused = fits(&example(), &other).unwrap_err().to_string();
        assert!(
            refused.contains("is of profile arm32-stock and has Debian bookworm"),
            "{refused}"
        );
        assert!(refused.contains("edgeproof device rm lab"), "{refused}");
        assert!(fits(&example(), &args()).is_ok());
    }

    #[test]
    fn memory_cores_cgroups_and_storage_change_with_the_next_start_only() {
        let more = DeviceStartArgs {
            memory: Bytes::mib(2048),
            cgroup: Cgroup::V1,
            storage: Storage::Quota,
            ..args()
        };
        let mut record = example();
        assert!(fits(&record, &more).is_ok());
        record.set_process(Process::with_id(std::process::id()));
        record.slowdown = Some(1.0);
        let refused = fits(&record, &more).unwrap_err().to_string();
        assert!(
            refused.contains(
                "runs with 1024 MiB and runs with cgroup v2 and runs with storage default"
            ),
            "{refused}"
        );
    }

    #[test]
    fn the_containerd_image_store_is_refused_where_the_engine_has_none() {
        let refused = has_store(Storage::Containerd, Debian::Bookworm).unwrap_err();
        let told = refused.to_string();
        for words in ["bookworm has 20.10", "from 26 on", "--debian trixie"] {
            assert!(told.contains(words), "{words}: {told}");
        }
        for debian in [Debian::Trixie, Debian::Forky] {
            assert!(has_store(Storage::Containerd, debian).is_ok());
        }
        for storage in [Storage::Default, Storage::Quota] {
            assert!(has_store(storage, Debian::Bookworm).is_ok());
        }
    }
}
