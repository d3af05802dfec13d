//! `edgeproof device stop` and `rm`: the end of a device, in an orderly way where it still answers.

use std::path::Path;
use std::time::Duration;

use anyhow::bail;

use super::cache::{self, Cache};
use super::qemu;
use super::record::{Record, State};
use super::shell;
use crate::exit::Refused;

/// Ends the containers, then the file systems, then the machine. What a command leaves behind in its own process group is
/// killed with it, so the command waits until what it started has a session of its own.
const POWER_OFF: &str = "\
rm -f /run/edgeproof/leaving
setsid sh -c '
  touch /run/edgeproof/leaving
  engine=$(cat /run/docker.pid) && kill $engine
  tries=0
  while kill -0 $engine && [ $tries -lt 60 ]; do sleep 1; tries=$((tries+1)); done
  sync
  mount -o remount,ro /
  sync
  poweroff -f
' < /dev/null > /dev/null 2>&1 &
until [ -e /run/edgeproof/leaving ]; do sleep 0.1; done
";

/// Stops a device; one that is stopped stays so.
///
/// # Errors
/// There is no such device, or it does not end.
pub(super) fn stop(cache: &Cache, name: &str) -> anyhow::Result<()> {
    let directory = cache.device(name)?;
    let _lock = cache.lock(&format!("device-{name}"), || waiting(name))?;
    let mut record = known(&directory, name)?;
    if let Some(process) = record.process()
        && record.state() != State::Stopped
    {
        let slowdown = record.slowdown.unwrap_or(1.0);
        let limit = Duration::from_secs_f64((20.0 + 4.0 * slowdown).min(120.0));
        let _turn = cache.lock(&format!("shell-{name}"), || {})?;
        if let Err(error) = ask(&directory) {
            tracing::warn!("{error:#}; ending qemu instead");
        } else if !process.ended_within(limit) {
            tracing::warn!(
                "the device {name} has not ended within {} s; ending qemu instead",
                limit.as_secs()
            );
        }
        if !process.end() {
            bail!(
                "qemu of the device {name}, process {}, does not end",
                process.pid
            );
        }
    }
    qemu::remove_traces(&directory);
    record.set_process(None);
    record.write(&directory)
}

fn ask(directory: &Path) -> anyhow::Result<()> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    shell::run(
        directory,
        POWER_OFF,
        Duration::from_secs(30),
        &mut out,
        &mut err,
    )?;
    Ok(())
}

/// Stops a device and removes everything of it.
///
/// # Errors
/// There is no such device, or it cannot be removed.
pub(super) fn remove(cache: &Cache, name: &str) -> anyhow::Result<()> {
    let directory = cache.device(name)?;
    let _lock = cache.lock(&format!("device-{name}"), || waiting(name))?;
    if !directory.exists() {
        return Err(unknown(name).into());
    }
    // A record that cannot be read keeps no device from being removed.
    if let Ok(Some(record)) = Record::read(&directory)
        && let Some(process) = record.process()
        && !process.end()
    {
        bail!(
            "qemu of the device {name}, process {}, does not end",
            process.pid
        );
    }
    qemu::end_unfinished(&directory);
    cache::remove(&directory)
}

/// Removes the cached root images; devices have copies of their own.
///
/// # Errors
/// They cannot be removed.
pub(super) fn remove_images(cache: &Cache) -> anyhow::Result<()> {
    cache::remove(&cache.images())
}

fn known(directory: &Path, name: &str) -> anyhow::Result<Record> {
    Record::read(directory)?.ok_or_else(|| unknown(name).into())
}

/// No device has that name.
#[must_use]
pub(super) fn unknown(name: &str) -> Refused {
    Refused::Usage(format!(
        "there is no device {name}; `edgeproof device list` lists them, `edgeproof device start` makes one"
    ))
}

fn waiting(name: &str) {
    tracing::warn!("waiting for another command that is at work on the device {name}");
}
