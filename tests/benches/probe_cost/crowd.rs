//! What was measured over several containers of known load, held against the bars, and its two faces. Pure.

use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::bar::{self, Bar};
use crate::figures::{Floor, Stats, float};
use crate::table;

const MIB: f64 = 1_048_576.0;
/// What a spiking load holds at its highest, in bytes.
pub(crate) const SPIKE_TRUTH: u64 = 72 << 20;
/// Memory above which a spiking load is within a spike: half way up.
pub(crate) const SPIKE_SEEN: u64 = 40 << 20;
/// Time from one spike of a load to its next.
const SPIKE_PERIOD: Duration = Duration::from_secs(3);

/// What a container is known to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// 64 MiB more for so many milliseconds, every 3 s.
    Spike(u32),
    /// 30 % of a core.
    Cpu,
    /// 20 % of a core, by a process of 200 ms each second.
    Children,
    /// 50 MB in 10,000 files, in the page cache too.
    Files,
    /// Next to nothing.
    Idle,
}

/// One container as the sampler saw it, with the scheduler's own account of its processes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    /// Highest memory in bytes, and whether the kernel's watermark says so.
    pub(crate) peak: u64,
    pub(crate) watermark: bool,
    /// Highest non-reclaimable memory, in bytes: the judged figure.
    pub(crate) nonreclaimable: u64,
    /// Page cache, in bytes, where the kernel tells it.
    pub(crate) cache: Option<u64>,
    /// Separate times that the samples were in a spike.
    pub(crate) spikes: usize,
    /// Cores in use on average, and by the scheduler's account.
    pub(crate) cores: f64,
    pub(crate) cores_truth: f64,
    /// Anonymous memory of its processes at the end, in bytes, by their own `status`.
    pub(crate) anon_truth: u64,
    /// Ticks taken, due, and how late.
    pub(crate) taken: u64,
    pub(crate) due: u64,
    pub(crate) late_p99_us: u64,
    pub(crate) late_max_us: u64,
    /// Length of the window in milliseconds.
    pub(crate) window_ms: u64,
}

/// A container, what it does and what was seen of it.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) load: Load,
    pub(crate) account: Account,
    /// Rows of `docker stats`: times it was in a spike, and its mean CPU in cores.
    pub(crate) stats_spikes: usize,
    pub(crate) stats_cores: f64,
}

/// Everything over one number of containers.
#[derive(Debug, Clone)]
pub(crate) struct Crowd {
    pub(crate) span: Duration,
    pub(crate) watched: Vec<Watched>,
    /// CPU time of the sampling process.
    pub(crate) own: Duration,
    /// Its anonymous memory, in bytes, and its open sockets.
    pub(crate) held: u64,
    pub(crate) sockets: usize,
    pub(crate) stats: Stats,
    pub(crate) floor: Floor,
    /// Peak of a container that does nothing, in bytes: the engine's own start-up.
    pub(crate) runtime_floor: u64,
    /// Blocks of the files load by the sampler's walk and by `du`, in bytes.
    pub(crate) blocks: (u64, u64),
}

impl Crowd {
    fn of(&self, wanted: impl Fn(Load) -> bool) -> impl Iterator<Item = &Watched> {
        self.watched
            .iter()
            .filter(move |watched| wanted(watched.load))
    }

    fn spiking(&self) -> impl Iterator<Item = &Watched> {
        self.of(|load| matches!(load, Load::Spike(_)))
    }

    /// Most that the sampling may cost, in CPU seconds a minute.
    fn cpu_bar(&self) -> f64 {
        match self.watched.len() {
            0..=1 => 0.1,
            2..=10 => 0.3,
            _ => 1.0,
        }
    }

    fn ratios(&self) -> (f64, f64) {
        let own = self.own.as_secs_f64();
        (
            self.stats.whole_seconds(self.span) / own,
            own / self.floor.cpu.as_secs_f64(),
        )
    }

    /// What is promised of this many containers.
    pub(crate) fn bars(&self) -> Vec<Bar> {
        let (stats, floor) = self.ratios();
        let worst = |errors: &mut dyn Iterator<Item = f64>| errors.fold(0.0, f64::max);
        let caught = self
            .spiking()
            .filter(|load| load.account.watermark && load.account.peak >= SPIKE_TRUTH)
            .count();
        let honest = float(SPIKE_TRUTH.max(self.runtime_floor));
        let too_high = |load: &Watched| 100.0 * (float(load.account.peak) / honest - 1.0);
        let points = |load: &Watched| 100.0 * (load.account.cores - load.account.cores_truth).abs();
        let children = self
            .of(|load| load == Load::Children)
            .map(|load| 20.0 * load.account.cores / load.account.cores_truth)
            .fold(f64::INFINITY, f64::min);
        let cache = |load: &Watched| {
            float(
                load.account
                    .nonreclaimable
                    .saturating_sub(load.account.anon_truth),
            ) / MIB
        };
        let minute = 60.0 / self.span.as_secs_f64();
        let (walked, du) = self.blocks;
        vec![
            Bar::at_most(
                "CPU of the sampling process",
                self.own.as_secs_f64() * minute,
                self.cpu_bar(),
                "s a minute",
            ),
            Bar::at_most("its anonymous memory", float(self.held) / MIB, 8.0, "MiB"),
            Bar::at_most(
                "its sockets: ways to make the engine work",
                count(self.sockets),
                0.0,
                "sockets",
            ),
            Bar::at_least(
                "docker stats at 1 Hz, all in, costs",
                stats,
                8.0,
                "times that",
            ),
            Bar::at_most("of a bare loop over the same files", floor, 1.3, "times"),
            Bar::at_least(
                "spiking loads whose watermark tells the spike",
                100.0 * count(caught) / count(self.spiking().count()),
                100.0,
                "%",
            ),
            Bar::at_most(
                "peak above what the load held, worst",
                worst(&mut self.spiking().map(too_high)),
                2.0,
                "%",
            ),
            Bar::at_most(
                "CPU of a load of 30 %, against the scheduler's word",
                worst(&mut self.of(|load| load == Load::Cpu).map(points)),
                0.3,
                "points off",
            ),
            Bar::at_least(
                "CPU of children that do not last, of 20",
                children,
                19.8,
                "seen",
            ),
            Bar::at_most(
                "page cache in the judged figure",
                worst(&mut self.of(|load| load == Load::Files).map(cache)),
                1.0,
                "MiB",
            ),
            Bar::at_most(
                "blocks of 10,000 small files, against du",
                100.0 * (float(walked) / float(du) - 1.0).abs(),
                1.0,
                "% off",
            ),
        ]
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let whole = self.stats.whole_seconds(self.span);
        let mut text = format!(
            "\n{} containers, ten readings a second of each, over {:.1} s\n",
            self.watched.len(),
            self.span.as_secs_f64()
        );
        text.push_str(&bar::of_bars(&self.bars()));
        text.push('\n');
        let rows = [
            ("sampling process, 10 Hz", self.own.as_secs_f64()),
            ("docker stats, 1 Hz: client and engine", whole),
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
        text.push_str(&table::of_costs(&rows, self.span));
        text.push('\n');
        text.push_str(&self.words());
        for note in self.stats.notes() {
            let _ = writeln!(text, "Note: {note}.");
        }
        text
    }

    fn words(&self) -> String {
        let mut text = String::new();
        if let Some(account) = self.watched.first().map(|watched| &watched.account) {
            let seconds = Duration::from_millis(account.window_ms).as_secs_f64();
            let _ = writeln!(
                text,
                "{} of {} ticks in {seconds:.1} s ({:.2} a second); late by {:.1} ms (99 of 100), {:.1} ms at most.",
                account.taken,
                account.due,
                float(account.taken) / seconds,
                float(account.late_p99_us) / 1e3,
                float(account.late_max_us) / 1e3,
            );
        }
        let (spikes, sampled, stats) = self.spikes();
        let _ = writeln!(
            text,
            "Of {spikes} spikes in that time, half of them of 5 ms, samples at 10 Hz saw {sampled}; in the minute docker stats saw {stats}. A container that does nothing peaks at {:.1} MiB.",
            float(self.runtime_floor) / MIB
        );
        for watched in self.of(|load| load == Load::Cpu || load == Load::Children) {
            let _ = writeln!(
                text,
                "{:?}: {:.3} cores by the sampler, {:.3} by the scheduler, {:.3} by docker stats.",
                watched.load,
                watched.account.cores,
                watched.account.cores_truth,
                watched.stats_cores
            );
        }
        for watched in self.of(|load| load == Load::Files) {
            let _ = writeln!(
                text,
                "Files: {:.1} MiB judged, {:.1} MiB of page cache shown apart, {:.1} MB of blocks.",
                float(watched.account.nonreclaimable) / MIB,
                watched.account.cache.map_or(f64::NAN, float) / MIB,
                float(self.blocks.0) / 1e6
            );
        }
        let idle = self.stats.idle.cores;
        let _ = writeln!(
            text,
            "The engine used {:.3} % of a core alone, {:.3} % beside the sampler, {:.3} % with docker stats.",
            100.0 * idle,
            100.0 * self.stats.baseline.cores,
            100.0 * self.stats.daemon.as_secs_f64() / self.span.as_secs_f64()
        );
        text
    }

    /// Spikes there were, those that samples saw, and those that rows of `docker stats` saw.
    fn spikes(&self) -> (usize, usize, usize) {
        // The sampler's window is a little longer than the minute.
        let each = |load: &Watched| {
            let window = Duration::from_millis(load.account.window_ms);
            usize::try_from(window.as_millis() / SPIKE_PERIOD.as_millis()).unwrap_or(0)
        };
        (
            self.spiking().map(each).sum(),
            self.spiking().map(|load| load.account.spikes).sum(),
            self.spiking().map(|load| load.stats_spikes).sum(),
        )
    }

    /// For machines: seconds, bytes and cores.
    pub(crate) fn json(&self) -> Value {
        let (stats, floor) = self.ratios();
        let (spikes, sampled, by_stats) = self.spikes();
        let bars: Vec<Value> = self.bars().iter().map(Bar::json).collect();
        let accounts: Vec<Value> = self
            .watched
            .iter()
            .map(|watched| {
                json!({"load": format!("{:?}", watched.load), "account": watched.account, "dockerStatsCores": watched.stats_cores})
            })
            .collect();
        json!({
            "containers": self.watched.len(),
            "spanSeconds": self.span.as_secs_f64(),
            "bars": bars,
            "cpuSeconds": self.own.as_secs_f64(),
            "heldBytes": self.held,
            "dockerStats": self.stats.json(self.span),
            "floor": self.floor.json(),
            "ratios": {"dockerStatsToSampler": stats, "samplerToFloor": floor},
            "spikes": {"all": spikes, "sampled": sampled, "dockerStats": by_stats},
            "runtimeFloorBytes": self.runtime_floor,
            "watched": accounts,
            "notes": self.stats.notes(),
        })
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn count(number: usize) -> f64 {
    number as f64
}
