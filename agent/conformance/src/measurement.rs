//! The numbers of a run by name: a pure function of the record.

use serde::{Deserialize, Serialize};

use crate::observation::{Observed, Start, Usage};
use crate::record::Record;
use crate::statistics::Interval;
use crate::units::{Bytes, Millis};

pub mod growth;
mod repeated;

use repeated::{EXTRAS, MEMORY_AND_CPU, PIDS_AND_NETWORK, Quantity, RHYTHM, STARTUP};

/// One number with its spread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Measurement {
    /// `memory.peak`, `cpu.cores.mean`, `startup.healthy`, …
    pub name: String,
    /// The phase it speaks of: `start`, `steady`, `stop`, `envelope`, `run`.
    pub phase: String,
    /// The judged value: the highest of the repeats for peaks and times, else the mean.
    pub value: f64,
    /// `bytes`, `cores`, `seconds`, `ratio`, `count`.
    pub unit: String,
    /// Repeats.
    pub n: usize,
    /// Lowest repeat.
    pub low: f64,
    /// Highest repeat.
    pub high: f64,
    /// How it was taken.
    pub method: String,
    /// Where the next repeat is expected, where two or more were seen. Absent in reports from before the stop rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

/// Every number of a record that was seen, in a fixed order: by name as below, then by phase. What was not seen is left out, never zero.
#[must_use]
pub fn measurements(record: &Record) -> Vec<Measurement> {
    with_repeats(record)
        .into_iter()
        .map(|(measurement, _)| measurement)
        .collect()
}

/// The same with the repeats that each number rests on.
pub(crate) fn with_repeats(record: &Record) -> Vec<(Measurement, Vec<f64>)> {
    let observations = &record.observations;
    let mut all = Vec::new();
    let envelope: &[Start] = observations
        .envelope
        .seen()
        .map_or(&[], |run| run.starts.as_slice());
    let cold = observations.starts.as_slice();
    let usages = |starts: &[Start]| -> Vec<Usage> {
        starts
            .iter()
            .filter_map(|start| start.usage.seen().cloned())
            .collect()
    };
    let phases = [
        ("start", usages(cold)),
        (
            "steady",
            observations.steady.seen().cloned().into_iter().collect(),
        ),
        ("envelope", usages(envelope)),
    ];
    let while_running = |quantities: &[Quantity<Usage>], all: &mut Vec<Repeated>| {
        for quantity in quantities {
            all.extend(
                phases
                    .iter()
                    .filter_map(|(phase, usages)| quantity.over(phase, usages)),
            );
        }
    };
    while_running(MEMORY_AND_CPU, &mut all);
    all.extend(storage(record).into_iter().map(alone));
    for quantity in STARTUP {
        all.extend(quantity.over("start", cold));
        all.extend(quantity.over("envelope", envelope));
    }
    all.extend(stop(record).map(alone));
    while_running(PIDS_AND_NETWORK, &mut all);
    while_running(EXTRAS, &mut all);
    while_running(RHYTHM, &mut all);
    all.extend(growth::measured(record).into_iter().map(alone));
    all.extend(probe(record).into_iter().map(alone));
    if record.run.profile.most_starts.is_none() {
        // A report from before the stop rule keeps its numbers.
        for (measurement, _) in &mut all {
            measurement.interval = None;
        }
    }
    all
}

/// A number and its repeats.
type Repeated = (Measurement, Vec<f64>);

/// A number that was seen once.
fn alone(measurement: Measurement) -> Repeated {
    let value = measurement.value;
    (measurement, vec![value])
}

fn storage(record: &Record) -> Vec<Measurement> {
    let Some(storage) = record.observations.storage.seen() else {
        return Vec::new();
    };
    let image = record.observations.image.seen();
    let parts = [
        (
            "storage.image",
            Some(storage.image),
            match image.and_then(|image| image.stored) {
                Some(_) => {
                    "what travelled and what was unpacked of it: the engine's store keeps both"
                }
                None => "unpacked size by the engine",
            },
        ),
        (
            "storage.image.compressed",
            image.and_then(|image| seen(&image.compressed)),
            "layers as they travel, by the engine",
        ),
        (
            "storage.image.shared",
            image.and_then(|image| seen(&image.shared)),
            "layers that other images on this engine have too; counted all the same",
        ),
        (
            "storage.writable",
            seen(&storage.writable),
            storage.method.as_str(),
        ),
        (
            "storage.volumes",
            seen(&storage.volumes),
            "blocks really taken",
        ),
    ];
    let inodes = storage.inodes.seen().and_then(|inodes| {
        let method = "files and directories of writable layer and volumes";
        single("storage.inodes", "steady", count(*inodes), "count", method)
    });
    let disk = storage.disk.seen().and_then(|disk| {
        let taken = float(disk.free_before) - float(disk.free_after);
        let method = "free blocks of the engine's file system, everyone's writes in it";
        single("storage.disk.growth", "steady", taken, "bytes", method)
    });
    parts
        .into_iter()
        .filter_map(|(name, bytes, method)| single(name, "steady", float(bytes?), "bytes", method))
        .chain(inodes)
        .chain(disk)
        .collect()
}

fn stop(record: &Record) -> Option<Measurement> {
    let Millis(duration) = record.observations.stop.seen()?.duration;
    let seconds = count(duration) / 1000.0;
    single(
        "stop.duration",
        "stop",
        seconds,
        "seconds",
        "from SIGTERM until the process was gone",
    )
}

fn probe(record: &Record) -> Vec<Measurement> {
    let Some(cost) = record.observations.probe.seen() else {
        return Vec::new();
    };
    let memory = seen(&cost.memory_peak);
    [
        single(
            "probe.cpu",
            "run",
            cost.cores_mean,
            "cores",
            "CPU time over the run",
        ),
        memory.and_then(|peak| {
            let method = "anonymous, kernel and shared memory of its control group";
            single("probe.memory.peak", "run", float(peak), "bytes", method)
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn single(name: &str, phase: &str, value: f64, unit: &str, method: &str) -> Option<Measurement> {
    value.is_finite().then(|| Measurement {
        name: name.to_owned(),
        phase: phase.to_owned(),
        value,
        unit: unit.to_owned(),
        n: 1,
        low: value,
        high: value,
        method: method.to_owned(),
        interval: None,
    })
}

fn seen(observed: &Observed<Bytes>) -> Option<Bytes> {
    observed.seen().copied()
}

fn float(bytes: Bytes) -> f64 {
    count(bytes.0)
}

/// Exact below 2^53, far above any count here.
fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests;
