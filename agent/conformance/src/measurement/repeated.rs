//! What is read from each repeat, name by name, and the one number that speaks for all of them.

use std::collections::BTreeSet;

use super::{Measurement, Repeated, count, float};
use crate::observation::{FallbackQuality, Health, PeakMethod, Start, Usage};
use crate::statistics::next_start;

/// A number that can be read from each repeat.
pub(super) struct Quantity<T> {
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

pub(super) const MEMORY_AND_CPU: &[Quantity<Usage>] = &[
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

pub(super) const PIDS_AND_NETWORK: &[Quantity<Usage>] = &[
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
pub(super) const EXTRAS: &[Quantity<Usage>] = &[
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
pub(super) const RHYTHM: &[Quantity<Usage>] = &[
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

pub(super) const STARTUP: &[Quantity<Start>] = &[
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
    pub(super) fn over(&self, phase: &str, repeats: &[T]) -> Option<Repeated> {
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
