//! `device.json`: what is known of one device, and what state that leaves it in now.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use conformance::units::Bytes;
use serde::{Deserialize, Serialize};

use super::cache;
use super::process::Process;
use super::profile::{Cgroup, Debian, Profile, Storage};

/// Schema of the file.
pub(super) const SCHEMA: &str = "edgeproof/device/1";

/// What is written down of a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    /// Schema of the file.
    pub schema: String,
    /// The device's name.
    pub name: String,
    /// Its kind.
    pub profile: Profile,
    /// Its platform as images call it, such as `linux/arm/v7`.
    pub architecture: String,
    /// Its release of Debian.
    pub debian: Debian,
    /// Memory.
    pub memory: Bytes,
    /// Cores.
    pub cores: u32,
    /// Its hierarchy of control groups.
    #[serde(default)]
    pub cgroup: Cgroup,
    /// What its engine keeps images and layers in.
    #[serde(default)]
    pub storage: Storage,
    /// QEMU's process id, while there is one.
    pub pid: Option<u32>,
    /// That process' start, in the kernel's ticks since the host was started.
    pub start_time: Option<u64>,
    /// Port on 127.0.0.1 of the container engine.
    pub port: u16,
    /// Directory of `ca.pem`, `cert.pem` and `key.pem`.
    pub certs: PathBuf,
    /// How many times slower than this machine it is, once its engine has answered.
    pub slowdown: Option<f64>,
    /// Whether its processor is emulated, not run by the host's own.
    pub emulated: bool,
}

/// How a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// Its engine has answered.
    Running,
    /// It boots, or its start was cut short.
    Starting,
    /// There is no process.
    Stopped,
}

impl State {
    /// The state as a word.
    #[must_use]
    pub(super) const fn word(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Starting => "starting",
            State::Stopped => "stopped",
        }
    }
}

impl Record {
    /// Reads a device's record; none if there is no such device.
    ///
    /// # Errors
    /// The file is there, but is no record.
    pub(super) fn read(directory: &Path) -> anyhow::Result<Option<Record>> {
        let path = directory.join("device.json");
        let text = match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.with_context(|| format!("read {}", path.display()))?,
        };
        let record = serde_json::from_slice(&text).with_context(|| {
            format!(
                "{} cannot be understood; remove the device with `edgeproof device rm`",
                path.display()
            )
        })?;
        Ok(Some(record))
    }

    /// Writes it down, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write(&self, directory: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_vec_pretty(self).context("write down the device")?;
        cache::write(&directory.join("device.json"), &text)
    }

    /// QEMU's process, as it was noted.
    #[must_use]
    pub(super) fn process(&self) -> Option<Process> {
        Some(Process {
            pid: self.pid?,
            start_time: self.start_time?,
        })
    }

    /// Notes QEMU's process, or that there is none; either way the engine has not answered.
    pub(super) fn set_process(&mut self, process: Option<Process>) {
        self.pid = process.map(|process| process.pid);
        self.start_time = process.map(|process| process.start_time);
        self.slowdown = None;
    }

    /// How the device is now.
    #[must_use]
    pub(super) fn state(&self) -> State {
        state(
            self.process().is_some_and(Process::is_alive),
            self.slowdown.is_some(),
        )
    }

    /// URL of its container engine.
    #[must_use]
    pub(super) fn engine(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port)
    }
}

/// A device is what its process is: a note without one is of the past.
const fn state(is_alive: bool, has_answered: bool) -> State {
    match (is_alive, has_answered) {
        (false, _) => State::Stopped,
        (true, false) => State::Starting,
        (true, true) => State::Running,
    }
}

#[cfg(test)]
pub(super) fn example() -> Record {
    Record {
        schema: SCHEMA.to_owned(),
        name: "lab".to_owned(),
        profile: Profile::Arm32Stock,
        architecture: "linux/arm/v7".to_owned(),
        debian: Debian::Bookworm,
        memory: Bytes::mib(1024),
        cores: 2,
        cgroup: Cgroup::V2,
        storage: Storage::Default,
        pid: Some(4711),
        start_time: Some(1),
        port: 40_123,
        certs: PathBuf::from("/c/devices/lab/certs"),
        slowdown: Some(17.5),
        emulated: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(Record::read(place.path()).unwrap(), None);
        let record = example();
        record.write(place.path()).unwrap();
        assert_eq!(Record::read(place.path()).unwrap(), Some(record));
    }

    #[test]
    fn the_names_of_fields_are_kept() {
        let value = serde_json::to_value(example()).unwrap();
        assert_eq!(value["profile"], "arm32-stock");
        assert_eq!(value["debian"], "bookworm");
        assert_eq!(value["startTime"], 1);
        assert_eq!(value["storage"], "default");
        assert_eq!(value["slowdown"], 17.5);
    }

    #[test]
    fn a_device_of_before_there_was_a_choice_has_the_engines_own_storage() {
        let place = tempfile::tempdir().unwrap();
        let mut value = serde_json::to_value(example()).unwrap();
        value.as_object_mut().unwrap().remove("storage");
        fs::write(place.path().join("device.json"), value.to_string()).unwrap();
        let record = Record::read(place.path()).unwrap().unwrap();
        assert_eq!(record.storage, Storage::Default);
    }

    #[test]
    fn a_file_that_is_no_record_names_the_mend() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("device.json"), "{").unwrap();
        let error = Record::read(place.path()).unwrap_err();
        assert!(error.to_string().contains("edgeproof device rm"), "{error}");
    }

    #[test]
    fn a_process_that_is_gone_is_told_as_stopped_whatever_was_written() {
        // No process has had that start time: the first one of the machine is older.
        assert_eq!(example().state(), State::Stopped);
        let mut own = example();
        own.set_process(Process::with_id(std::process::id()));
        assert_eq!(own.state(), State::Starting);
        own.slowdown = Some(2.0);
        assert_eq!(own.state(), State::Running);
    }
}
