//! What was measured, held against the bars, and its two faces: a table and JSON. Pure.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

/// Most that the probe may use of one core while it samples, in percent.
pub(crate) const CPU_BAR_PERCENT: f64 = 0.5;
/// Most memory that it may hold, in MiB: anonymous, kernel and shared.
pub(crate) const MEMORY_BAR_MIB: f64 = 12.0;
/// Largest image, in MB of 10^6 bytes, unpacked.
pub(crate) const IMAGE_BAR_MB: f64 = 10.0;

/// Everything of one run.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    /// On what.
    pub(crate) machine: Machine,
    /// The minute that all CPU times are of.
    pub(crate) span: Duration,
    /// The probe.
    pub(crate) probe: Probe,
    /// `docker stats` on the same candidate.
    pub(crate) stats: Stats,
    /// The bare loop over the same files.
    pub(crate) floor: Floor,
}

/// The machine, since numbers of another one say little.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    /// Processor as the kernel calls it.
    pub(crate) processor: String,
    /// Processors that the kernel schedules on.
    pub(crate) cores: usize,
    /// Release of the kernel.
    pub(crate) kernel: String,
    /// Version of the engine.
    pub(crate) engine: String,
    /// cgroup version that the candidate's memory is accounted in.
    pub(crate) memory_cgroup: &'static str,
    /// Load average of the last minute, at the end of the minute.
    pub(crate) load: String,
}

/// The probe, from outside but for its own account of its rhythm.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    /// CPU time of its container.
    pub(crate) cpu: Duration,
    /// Highest memory held, in bytes.
    pub(crate) held_peak: u64,
    /// Kernel memory in that; `None` where the kernel tells none.
    pub(crate) kernel: Option<u64>,
    /// Unpacked size of its image, in bytes.
    pub(crate) image: u64,
    /// How the sampler kept to its times over the whole steady window, by the finished report.
    pub(crate) rhythm: Rhythm,
}

/// Ticks of a sampler.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rhythm {
    /// Ticks taken.
    pub(crate) taken: u64,
    /// Ticks due.
    pub(crate) due: u64,
    /// The latest of all.
    pub(crate) late_max: Duration,
    /// Over this long.
    pub(crate) window: Duration,
}

/// `docker stats`: its own process, and what it makes the engine do.
#[derive(Debug, Clone)]
pub(crate) struct Stats {
    /// CPU time of the client's process tree.
    pub(crate) own: Duration,
    /// CPU time of dockerd, containerd and shims.
    pub(crate) daemon: Duration,
    /// The same processes just before, with the probe at work and no client.
    pub(crate) baseline: EngineLoad,
    /// The same before the probe was started.
    pub(crate) idle: EngineLoad,
    /// Highest resident memory of the client, in bytes.
    pub(crate) resident: u64,
    /// Events of other containers in the minute: work of the engine that is nobody's here.
    pub(crate) foreign_events: usize,
}

/// The engine over a span without `docker stats`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EngineLoad {
    /// Cores that its processes used.
    pub(crate) cores: f64,
    /// Events of containers that are nobody's here.
    pub(crate) foreign_events: usize,
}

/// The bare loop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Floor {
    /// CPU time of its thread.
    pub(crate) cpu: Duration,
    /// Rounds over the files.
    pub(crate) ticks: u64,
    /// Files in every round, and in every tenth.
    pub(crate) files: (usize, usize),
}

/// One thing promised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bar {
    /// What.
    pub(crate) name: &'static str,
    /// Measured.
    pub(crate) value: f64,
    /// At most.
    pub(crate) limit: f64,
    /// Of both.
    pub(crate) unit: &'static str,
}

impl Bar {
    /// Whether it is kept. A number that is none is not.
    pub(crate) fn met(&self) -> bool {
        self.value <= self.limit
    }
}

impl Stats {
    /// CPU time that the client caused in the engine, in seconds. Negative where the engine did less than before.
    pub(crate) fn daemon_extra_seconds(&self, span: Duration) -> f64 {
        self.daemon.as_secs_f64() - self.baseline.cores * span.as_secs_f64()
    }

    /// The whole of it, in seconds.
    pub(crate) fn whole_seconds(&self, span: Duration) -> f64 {
        self.own.as_secs_f64() + self.daemon_extra_seconds(span)
    }
}

impl Figures {
    /// The bars of the probe.
    pub(crate) fn bars(&self) -> [Bar; 3] {
        [
            Bar {
                name: "CPU of the probe",
                value: self.percent(self.probe.cpu.as_secs_f64()),
                limit: CPU_BAR_PERCENT,
                unit: "% of a core",
            },
            Bar {
                name: "memory of the probe (anon + kernel + shmem, highest)",
                value: float(self.probe.held_peak) / f64::from(1 << 20),
                limit: MEMORY_BAR_MIB,
                unit: "MiB",
            },
            Bar {
                name: "image of the probe, unpacked",
                value: float(self.probe.image) / 1e6,
                limit: IMAGE_BAR_MB,
                unit: "MB",
            },
        ]
    }

    /// CPU of `docker stats` and of the bare loop, as multiples of the probe's.
    pub(crate) fn ratios(&self) -> (f64, f64) {
        let probe = self.probe.cpu.as_secs_f64();
        (
            self.stats.whole_seconds(self.span) / probe,
            self.floor.cpu.as_secs_f64() / probe,
        )
    }

    fn percent(&self, seconds: f64) -> f64 {
        100.0 * seconds / self.span.as_secs_f64()
    }

    /// What a reader has to know about these very numbers.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.probe.kernel.is_none() {
            notes.push(
                "this kernel does not tell the kernel memory of a container: it is not in the memory above"
                    .to_owned(),
            );
        }
        let spans = [
            (
                self.stats.idle.foreign_events,
                "before the probe was started: its use there is not that of an idle engine",
            ),
            (
                self.stats.baseline.foreign_events,
                "while its baseline was taken: docker stats is charged too little",
            ),
            (
                self.stats.foreign_events,
                "in the minute: docker stats is charged too much",
            ),
        ];
        for (events, what) in spans.into_iter().filter(|(events, _)| *events > 0) {
            notes.push(format!(
                "the engine had other work ({events} events of other containers) {what}; repeat on a quiet engine"
            ));
        }
        notes
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let machine = &self.machine;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{} × {}, Linux {}, cgroup {}, engine {}, load {}",
            machine.cores,
            machine.processor,
            machine.kernel,
            machine.memory_cgroup,
            machine.engine,
            machine.load
        );
        let _ = writeln!(text, "\nBars, over {:.1} s", self.span.as_secs_f64());
        for bar in self.bars() {
            let word = if bar.met() { "met" } else { "MISSED" };
            let _ = writeln!(
                text,
                "  {:<53} {:>7.3} {:<11} at most {:<4} {word}",
                bar.name, bar.value, bar.unit, bar.limit
            );
        }
        text.push_str(&self.text_of_costs());
        let rhythm = &self.probe.rhythm;
        let _ = writeln!(
            text,
            "\nThe probe took {} of {} ticks in {:.1} s ({:.2} a second); the latest was {:.1} ms late.",
            rhythm.taken,
            rhythm.due,
            rhythm.window.as_secs_f64(),
            rhythm.per_second(),
            rhythm.late_max.as_secs_f64() * 1e3
        );
        let stats = &self.stats;
        let _ = writeln!(
            text,
            "The engine used {:.3} % of a core before the probe, {:.3} % beside it, {:.3} % with docker stats; its client held up to {:.1} MiB.",
            100.0 * stats.idle.cores,
            100.0 * stats.baseline.cores,
            self.percent(stats.daemon.as_secs_f64()),
            float(stats.resident) / f64::from(1 << 20)
        );
        for note in self.notes() {
            let _ = writeln!(text, "Note: {note}.");
        }
        text
    }

    fn text_of_costs(&self) -> String {
        let (stats, floor) = self.ratios();
        let whole = self.stats.whole_seconds(self.span);
        let rows = [
            (
                "probe, whole container, 10 Hz",
                self.probe.cpu.as_secs_f64(),
                1.0,
            ),
            ("docker stats, 1 Hz: client and engine", whole, stats),
            (
                "  its client",
                self.stats.own.as_secs_f64(),
                stats * self.stats.own.as_secs_f64() / whole,
            ),
            (
                "  the engine above its baseline",
                self.stats.daemon_extra_seconds(self.span),
                stats * self.stats.daemon_extra_seconds(self.span) / whole,
            ),
            (
                "bare pread of the same files, 10 Hz",
                self.floor.cpu.as_secs_f64(),
                floor,
            ),
        ];
        let mut text = format!(
            "\n  {:<40} {:>9} {:>11} {:>8}\n",
            "CPU in the same minute", "s", "% of a core", "probe = 1"
        );
        for (name, seconds, ratio) in rows {
            let percent = self.percent(seconds);
            let _ = writeln!(
                text,
                "  {name:<40} {seconds:>9.4} {percent:>11.3} {ratio:>8.2}"
            );
        }
        text
    }

    /// For machines: seconds, bytes and percent of one core.
    pub(crate) fn json(&self) -> Value {
        let (stats, floor) = self.ratios();
        let bars: Vec<Value> = self
            .bars()
            .iter()
            .map(|bar| {
                json!({"name": bar.name, "value": bar.value, "limit": bar.limit, "unit": bar.unit, "met": bar.met()})
            })
            .collect();
        let rhythm = &self.probe.rhythm;
        json!({
            "schema": 1,
            "machine": {
                "processor": self.machine.processor,
                "cores": self.machine.cores,
                "kernel": self.machine.kernel,
                "engine": self.machine.engine,
                "memoryCgroup": self.machine.memory_cgroup,
                "load": self.machine.load,
            },
            "spanSeconds": self.span.as_secs_f64(),
            "bars": bars,
            "probe": {
                "cpuSeconds": self.probe.cpu.as_secs_f64(),
                "heldPeakBytes": self.probe.held_peak,
                "kernelBytes": self.probe.kernel,
                "imageBytes": self.probe.image,
                "ticksTaken": rhythm.taken,
                "ticksDue": rhythm.due,
                "ticksPerSecond": rhythm.per_second(),
                "lateMaxSeconds": rhythm.late_max.as_secs_f64(),
            },
            "dockerStats": {
                "clientCpuSeconds": self.stats.own.as_secs_f64(),
                "engineCpuSeconds": self.stats.daemon.as_secs_f64(),
                "engineBaselineCores": self.stats.baseline.cores,
                "engineIdleCores": self.stats.idle.cores,
                "engineExtraCpuSeconds": self.stats.daemon_extra_seconds(self.span),
                "clientResidentBytes": self.stats.resident,
                "foreignEvents": {
                    "idle": self.stats.idle.foreign_events,
                    "baseline": self.stats.baseline.foreign_events,
                    "span": self.stats.foreign_events,
                },
            },
            "floor": {
                "cpuSeconds": self.floor.cpu.as_secs_f64(),
                "ticks": self.floor.ticks,
                "filesPerTick": self.floor.files.0,
                "filesPerTenthTick": self.floor.files.1,
            },
            "ratios": {"probe": 1.0, "dockerStats": stats, "floor": floor},
            "notes": self.notes(),
        })
    }
}

impl Rhythm {
    /// Ticks a second, achieved.
    pub(crate) fn per_second(&self) -> f64 {
        float(self.taken) / self.window.as_secs_f64()
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "sizes and counts are far below 2^53"
)]
fn float(value: u64) -> f64 {
    value as f64
}
