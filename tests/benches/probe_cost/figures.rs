//! What was measured, held against the bars, and its two faces: a table and JSON. Pure.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::bar::{self, Bar};
use crate::table;

/// Most CPU time that the probe may use while it samples, in seconds a minute.
pub(crate) const CPU_BAR: f64 = 0.1;
/// Most memory that it may hold, in MiB: anonymous, kernel and shared.
pub(crate) const MEMORY_BAR_MIB: f64 = 8.0;
/// Largest image, in MB of 10^6 bytes, unpacked.
pub(crate) const IMAGE_BAR_MB: f64 = 10.0;
/// `docker stats`, all in, costs this many times as much at least.
pub(crate) const STATS_BAR: f64 = 5.0;
/// The bare loop costs this much less at most.
pub(crate) const FLOOR_BAR: f64 = 2.5;

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

impl Stats {
    /// CPU time that the client caused in the engine, in seconds. Negative where the engine did less than before.
    pub(crate) fn daemon_extra_seconds(&self, span: Duration) -> f64 {
        self.daemon.as_secs_f64() - self.baseline.cores * span.as_secs_f64()
    }

    /// The whole of it, in seconds.
    pub(crate) fn whole_seconds(&self, span: Duration) -> f64 {
        self.own.as_secs_f64() + self.daemon_extra_seconds(span)
    }

    /// What a reader has to know about these very numbers.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let spans = [
            (
                self.idle.foreign_events,
                "before the probe was started: its use there is not that of an idle engine",
            ),
            (
                self.baseline.foreign_events,
                "while its baseline was taken: docker stats is charged too little",
            ),
            (
                self.foreign_events,
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

    /// For machines.
    pub(crate) fn json(&self, span: Duration) -> Value {
        json!({
            "clientCpuSeconds": self.own.as_secs_f64(),
            "engineCpuSeconds": self.daemon.as_secs_f64(),
            "engineBaselineCores": self.baseline.cores,
            "engineIdleCores": self.idle.cores,
            "engineExtraCpuSeconds": self.daemon_extra_seconds(span),
            "clientResidentBytes": self.resident,
            "foreignEvents": {
                "idle": self.idle.foreign_events,
                "baseline": self.baseline.foreign_events,
                "span": self.foreign_events,
            },
        })
    }
}

impl Floor {
    /// For machines.
    pub(crate) fn json(&self) -> Value {
        json!({
            "cpuSeconds": self.cpu.as_secs_f64(),
            "ticks": self.ticks,
            "filesPerTick": self.files.0,
            "filesPerTenthTick": self.files.1,
        })
    }
}

impl Figures {
    /// The bars of the probe.
    pub(crate) fn bars(&self) -> Vec<Bar> {
        let cpu = self.probe.cpu.as_secs_f64();
        let (stats, floor) = self.ratios();
        vec![
            Bar::at_most(
                "CPU of the probe",
                cpu * 60.0 / self.span.as_secs_f64(),
                CPU_BAR,
                "s a minute",
            ),
            Bar::at_most(
                "memory of the probe (anon + kernel + shmem, highest)",
                float(self.probe.held_peak) / f64::from(1 << 20),
                MEMORY_BAR_MIB,
                "MiB",
            ),
            Bar::at_most(
                "image of the probe, unpacked",
                float(self.probe.image) / 1e6,
                IMAGE_BAR_MB,
                "MB",
            ),
            Bar::at_least(
                "docker stats at 1 Hz, all in, costs",
                stats,
                STATS_BAR,
                "times that",
            ),
            Bar::at_most(
                "of a bare loop over the same files",
                1.0 / floor,
                FLOOR_BAR,
                "times",
            ),
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
        notes.extend(self.stats.notes());
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
        text.push_str(&bar::of_bars(&self.bars()));
        text.push('\n');
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
        let rows = [
            (
                "probe, whole container, 10 Hz",
                self.probe.cpu.as_secs_f64(),
            ),
            (
                "docker stats, 1 Hz: client and engine",
                self.stats.whole_seconds(self.span),
            ),
            ("  its client", self.stats.own.as_secs_f64()),
            (
                "  the engine above its baseline",
                self.stats.daemon_extra_seconds(self.span),
            ),
            (
                "bare pread of the same files, 10 Hz",
                self.floor.cpu.as_secs_f64(),
            ),
        ];
        table::of_costs(&rows, self.span)
    }

    /// For machines: seconds, bytes and percent of one core.
    pub(crate) fn json(&self) -> Value {
        let (stats, floor) = self.ratios();
        let bars: Vec<Value> = self.bars().iter().map(Bar::json).collect();
        let rhythm = &self.probe.rhythm;
        json!({
            "schema": 2,
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
            "dockerStats": self.stats.json(self.span),
            "floor": self.floor.json(),
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
pub(crate) fn float(value: u64) -> f64 {
    value as f64
}
