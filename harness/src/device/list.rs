//! `edgeproof device list`: the devices of this machine, as text or JSON.

use std::fmt::Write as _;
use std::fs;

use anyhow::Context as _;
use serde::Serialize;

use super::cache::Cache;
use super::record::{Record, State};
use crate::cli::TextOrJson;

/// What `--format json` prints.
#[derive(Debug, Serialize)]
struct Devices<'a> {
    schema: &'static str,
    devices: Vec<Entry<'a>>,
}

#[derive(Debug, Serialize)]
struct Entry<'a> {
    state: State,
    engine: Option<String>,
    #[serde(flatten)]
    record: &'a Record,
}

/// The list.
///
/// # Errors
/// The directory of devices cannot be read.
pub(super) fn text(cache: &Cache, format: TextOrJson) -> anyhow::Result<String> {
    let records = records(cache)?;
    let described: Vec<(State, &Record)> = records
        .iter()
        .map(|record| (record.state(), record))
        .collect();
    match format {
        TextOrJson::Text => Ok(table(&described)),
        TextOrJson::Json => json(&described),
    }
}

fn records(cache: &Cache) -> anyhow::Result<Vec<Record>> {
    let directory = cache.devices();
    let entries = match fs::read_dir(&directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("read {}", directory.display()))?,
    };
    let mut records = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("read {}", directory.display()))?;
        // What is still being made has a name that begins with a dot.
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        match Record::read(&entry.path()) {
            Ok(record) => records.extend(record),
            Err(error) => tracing::warn!("{error:#}"),
        }
    }
    records.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(records)
}

fn table(devices: &[(State, &Record)]) -> String {
    if devices.is_empty() {
        return "no devices; `edgeproof device start arm64` makes one\n".to_owned();
    }
    let mut out = format!(
        "{:<16} {:<15} {:<9} {:<13} {:<9} {:>6} {:<10} {:>9} {:>6} {:>9}  {}\n",
        "NAME",
        "PROFILE",
        "STATE",
        "PLATFORM",
        "DEBIAN",
        "CGROUP",
        "STORAGE",
        "MEMORY",
        "CORES",
        "SLOWDOWN",
        "ENGINE"
    );
    for (state, record) in devices {
        let slowdown = record
            .slowdown
            .filter(|_| *state == State::Running)
            .map_or_else(|| "-".to_owned(), |times| format!("{times:.1}"));
        let _ = writeln!(
            out,
            "{:<16} {:<15} {:<9} {:<13} {:<9} {:>6} {:<10} {:>5} MiB {:>6} {slowdown:>9}  {}",
            record.name,
            record.profile.name(),
            state.word(),
            record.architecture,
            record.debian.name(),
            record.cgroup.name(),
            record.storage.name(),
            record.memory.0 >> 20,
            record.cores,
            engine(*state, record).as_deref().unwrap_or("-"),
        );
    }
    out
}

fn json(devices: &[(State, &Record)]) -> anyhow::Result<String> {
    let devices = Devices {
        schema: "edgeproof/devices/1",
        devices: devices
            .iter()
            .map(|(state, record)| Entry {
                state: *state,
                engine: engine(*state, record),
                record,
            })
            .collect(),
    };
    serde_json::to_string_pretty(&devices).context("write the list")
}

/// A stopped device has no engine, and its port may be anybody's.
fn engine(state: State, record: &Record) -> Option<String> {
    (state != State::Stopped).then(|| record.engine())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::record::example;

    #[test]
    fn a_stopped_device_has_no_engine_and_no_speed() {
        let record = example();
        let stopped = table(&[(State::Stopped, &record)]);
        assert!(stopped.contains("arm32-stock"), "{stopped}");
        assert!(stopped.contains("v2 default "), "{stopped}");
        assert!(!stopped.contains("40123"), "{stopped}");
        assert!(!stopped.contains("17.5"), "{stopped}");
        let running = table(&[(State::Running, &record)]);
        assert!(running.contains("17.5  tcp://127.0.0.1:40123"), "{running}");
    }

    #[test]
    fn the_json_list_has_state_and_engine_beside_what_is_written_down() {
        let record = example();
        let text = json(&[(State::Running, &record)]).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let device = &value["devices"][0];
        assert_eq!(device["state"], "running");
        assert_eq!(device["engine"], "tcp://127.0.0.1:40123");
        assert_eq!(device["architecture"], "linux/arm/v7");
        assert_eq!(device["slowdown"], 17.5);
    }

    #[test]
    fn without_devices_the_list_says_how_to_make_one() {
        assert!(table(&[]).contains("edgeproof device start"));
    }
}
