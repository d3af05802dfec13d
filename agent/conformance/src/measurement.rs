//! The numbers of a run by name: a pure function of the record.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::observation::{FallbackQuality, Health, Observed, PeakMethod, Start, Usage};
use crate::record::Record;
use crate::statistics::{Interval, next_start};
use crate::units::{Bytes, Millis};

pub mod growth;

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

/// A number that can be read from each repeat.
struct Quantity<T> {
    name: &'static str,
    unit: &'static str,
    value: Value,
    /// The number and how it was taken, where it was seen.
    read: fn(&T) -> Option<(f64, &'static str)>,
}

/// Which repeat speaks for all.
#[derive(Clone, Copy)]
enum Value {
    Highest,
    Mean,
}

const MEMORY_AND_CPU: &[Quantity<Usage>] = &[
    Quantity {
        name: "memory.peak",
        unit: "bytes",
        value: Value::Highest,
        read: |usage| {
            let memory = usage.memory.seen()?;
            let method = match memory.peak_method {
                PeakMethod::Watermark => "kernel watermark",
                PeakMethod::Sampled => "highest sample",
            };
            Some((float(memory.peak), method))
        },
    },
    Quantity {
        name: "memory.nonreclaimable.peak",
        unit: "bytes",
        value: Value::Highest,
        read: |usage| {
            Some((
                float(usage.memory.seen()?.nonreclaimable_peak),
                "highest sample",
            ))
        },
    },
    Quantity {
        name: "cpu.cores.mean",
        unit: "cores",
        value: Value::Mean,
        read: |usage| Some((usage.cpu.seen()?.cores_mean, "CPU time over the phase")),
    },
    Quantity {
        name: "cpu.cores.p95",
        unit: "cores",
        value: Value::Mean,
        read: |usage| {
            // A missed tick lengthens its window and flattens what was in it.
            let kept = usage.ticks.hold_rates();
            kept.then_some((usage.cpu.seen()?.cores_p95, "CPU time over windows of 1 s"))
        },
    },
    Quantity {
        name: "cpu.throttled.ratio",
        unit: "ratio",
        value: Value::Mean,
        read: |usage| {
            let throttled = usage.cpu.seen()?.throttled?;
            (throttled.periods > 0).then(|| {
                let ratio = count(throttled.throttled_periods) / count(throttled.periods);
                (ratio, "throttled periods of all periods")
            })
        },
    },
];

const PIDS_AND_NETWORK: &[Quantity<Usage>] = &[
    Quantity {
        name: "pids.peak",
        unit: "count",
        value: Value::Highest,
        read: |usage| Some((count(*usage.pids_peak.seen()?), "highest sample")),
    },
    Quantity {
        name: "network.rx",
        unit: "bytes",
        value: Value::Mean,
        read: |usage| Some((float(usage.network.seen()?.rx), "interface counters")),
    },
    Quantity {
        name: "network.tx",
        unit: "bytes",
        value: Value::Mean,
        read: |usage| Some((float(usage.network.seen()?.tx), "interface counters")),
    },
];

/// What no controller counts in every tick.
const EXTRAS: &[Quantity<Usage>] = &[
    Quantity {
        name: "memory.fallback.peak",
        unit: "bytes",
        value: Value::Highest,
        read: |usage| {
            let fallback = usage.memory_fallback.seen()?;
            let method = match fallback.quality {
                FallbackQuality::FallbackProportional => {
                    "sampled, proportional set sizes of the processes: a fallback"
                }
                FallbackQuality::FallbackUpperBound => {
                    "sampled, resident set sizes of the processes: a fallback, an upper bound"
                }
            };
            Some((float(fallback.peak), method))
        },
    },
    Quantity {
        name: "pressure.cpu",
        unit: "ratio",
        value: Value::Mean,
        read: |usage| pressed(usage, usage.pressure.seen()?.cpu_some_us),
    },
    Quantity {
        name: "pressure.memory",
        unit: "ratio",
        value: Value::Mean,
        read: |usage| pressed(usage, usage.pressure.seen()?.memory_some_us),
    },
    Quantity {
        name: "pressure.io",
        unit: "ratio",
        value: Value::Mean,
        read: |usage| pressed(usage, usage.pressure.seen()?.io_some_us),
    },
    Quantity {
        name: "io.read",
        unit: "bytes",
        value: Value::Mean,
        read: |usage| Some((float(usage.block_io.seen()?.read), "counters of the kernel")),
    },
    Quantity {
        name: "io.written",
        unit: "bytes",
        value: Value::Mean,
        read: |usage| {
            Some((
                float(usage.block_io.seen()?.written),
                "counters of the kernel",
            ))
        },
    },
    Quantity {
        name: "descriptors.peak",
        unit: "count",
        value: Value::Highest,
        read: |usage| Some((count(usage.descriptors.seen()?.open_peak), COUNTED)),
    },
    Quantity {
        name: "sockets.peak",
        unit: "count",
        value: Value::Highest,
        read: |usage| {
            let sockets = &usage.descriptors.seen()?.sockets_peak;
            Some((count(*sockets.seen()?), COUNTED))
        },
    },
];

/// How the sampler kept to its times; reports from before it told its percentile have none of these.
const RHYTHM: &[Quantity<Usage>] = &[
    Quantity {
        name: "sampler.missed.ratio",
        unit: "ratio",
        value: Value::Highest,
        read: |usage| {
            let ticks = usage.ticks;
            ticks.late_p99_us?;
            let missed = count(ticks.due.saturating_sub(ticks.taken));
            Some((missed / count(ticks.due), "ticks not taken of ticks due"))
        },
    },
    Quantity {
        name: "sampler.late.p99",
        unit: "seconds",
        value: Value::Highest,
        read: |usage| Some((count(usage.ticks.late_p99_us?) / 1e6, "99 of 100 ticks")),
    },
    Quantity {
        name: "sampler.late.max",
        unit: "seconds",
        value: Value::Highest,
        read: |usage| {
            usage.ticks.late_p99_us?;
            Some((count(usage.ticks.late_max_us) / 1e6, "the latest tick"))
        },
    },
];

const COUNTED: &str = "counted each 10 s";

/// Part of the phase in which a task stood still.
fn pressed(usage: &Usage, stood_us: Option<u64>) -> Option<(f64, &'static str)> {
    let span = usage.to.0.saturating_sub(usage.from.0);
    let ratio = count(stood_us?) / (count(span) * 1000.0);
    (span > 0).then_some((ratio, "time that at least one task stood still"))
}

const STARTUP: &[Quantity<Start>] = &[
    Quantity {
        name: "startup.running",
        unit: "seconds",
        value: Value::Highest,
        read: |start| Some((start.running?.as_secs_f64(), "from the start call")),
    },
    Quantity {
        name: "startup.healthy",
        unit: "seconds",
        value: Value::Highest,
        read: |start| match &start.health {
            Health::Healthy { after, .. } => Some((after.as_secs_f64(), "from the start call")),
            Health::Unhealthy { .. } => None,
        },
    },
];

impl<T> Quantity<T> {
    /// The number over all repeats in which it was seen, if any.
    fn over(&self, phase: &str, repeats: &[T]) -> Option<Repeated> {
        let (values, methods): (Vec<f64>, BTreeSet<&str>) = repeats
            .iter()
            .filter_map(self.read)
            .filter(|(value, _)| value.is_finite())
            .unzip();
        let low = values.iter().copied().reduce(f64::min)?;
        let high = values.iter().copied().reduce(f64::max)?;
        let measurement = Measurement {
            name: self.name.to_owned(),
            phase: phase.to_owned(),
            value: match self.value {
                Value::Highest => high,
                // Rounding must not carry the mean outside its own interval.
                Value::Mean => (values.iter().sum::<f64>() / values.len() as f64).clamp(low, high),
            },
            unit: self.unit.to_owned(),
            n: values.len(),
            low,
            high,
            method: methods.into_iter().collect::<Vec<_>>().join("; "),
            interval: next_start(&values),
        };
        Some((measurement, values))
    }
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
            "unpacked size by the engine",
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
