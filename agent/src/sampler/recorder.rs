//! Turns readings into usage per phase and series over the whole run; keeps what was seen when a container ends.

use std::time::Duration;

use conformance::finding::Unseen;
use conformance::observation::{NetworkUse, Pressure, Throttling, Ticks, Usage};
use conformance::record::Series;
use conformance::units::{Bytes, Millis};

use super::buckets::Buckets;
use super::census::{Census, Fallback, GroupIo};
use super::container::{Reading, SlowReading, UnseenParts};
use super::extras::Extras;
use super::memory::MemoryParts;
use super::phase::Phase;
use super::rates::Rates;

/// Readings so far. Moments are counted from the start of the run.
#[derive(Debug)]
pub(super) struct Recorder {
    phase: Phase,
    rates: Rates,
    usage: Buckets,
    nonreclaimable: Buckets,
    cores: Buckets,
    pids: Buckets,
    pub(super) oom_kills: Option<u64>,
    carried: Carried,
}

/// Where the counters of groups stood that were before this one: a restarted container counts from zero.
#[derive(Debug, Clone, Copy, Default)]
struct Carried {
    cpu_ns: u64,
    oom_kills: u64,
    throttled: Throttling,
    network: NetworkUse,
    pressure: Pressure,
}

impl Recorder {
    /// `from_birth`: the container was started just now.
    pub(super) fn new(from: Duration, period: Duration, from_birth: bool) -> Recorder {
        let phase = Phase {
            from,
            extras: Extras::new(from_birth),
            ..Phase::default()
        };
        Recorder {
            phase,
            rates: Rates::new(),
            usage: Buckets::new(from, period),
            nonreclaimable: Buckets::new(from, period),
            cores: Buckets::new(from, Duration::from_secs(1)),
            pids: Buckets::new(from, period),
            oom_kills: None,
            carried: Carried::default(),
        }
    }

    /// The container's group is a new one: its counters go on from where the former ones stood.
    pub(super) fn renewed(&mut self) {
        let phase = &mut self.phase;
        phase.memory = phase.memory.renewed();
        phase.pids = phase.pids.renewed();
        self.carried = Carried {
            cpu_ns: phase.cpu.last.map_or(0, |(_, used)| used),
            oom_kills: self.oom_kills.unwrap_or(0),
            throttled: phase.throttled.last.unwrap_or_default(),
            network: phase.network.last.unwrap_or_default(),
            pressure: phase.extras.pressure_so_far().unwrap_or_default(),
        };
    }

    /// Takes what every tick reads.
    pub(super) fn take(&mut self, at: Duration, reading: &Reading) {
        self.phase.memory.take(reading.memory, reading.memory_peak);
        self.phase.pids.take(reading.pids, reading.pids_peak);
        let kills = reading
            .oom_kills
            .map(|kills| kills + self.carried.oom_kills);
        self.oom_kills = self.oom_kills.max(kills);
        if let Some(memory) = reading.memory {
            self.usage.add(at, float(memory));
        }
        if let Some(pids) = reading.pids {
            self.pids.add(at, float(pids));
        }
        if let Some(cpu_ns) = reading.cpu_ns {
            let cpu_ns = cpu_ns.saturating_add(self.carried.cpu_ns);
            self.phase.cpu.take((at, cpu_ns));
            if let Some(cores) = self.rates.add(at, cpu_ns) {
                self.cores.add(at, cores);
            }
        }
    }

    /// Whether this usage is within 5 % of the highest of the phase, so that the parts may be at their highest too.
    pub(super) fn is_high(&self, reading: &Reading) -> bool {
        match (reading.memory, self.phase.memory.sampled) {
            (Some(now), Some(highest)) => now >= highest - highest / 20,
            (None, _) | (_, None) => false,
        }
    }

    /// Takes memory by kind.
    pub(super) fn take_parts(&mut self, at: Duration, parts: MemoryParts) {
        self.nonreclaimable.add(at, float(parts.nonreclaimable));
        self.phase.take_parts(parts);
    }

    /// Takes what is read now and then.
    pub(super) fn take_slow(&mut self, reading: &SlowReading) {
        let carried = &self.carried;
        if let Some(now) = reading.throttled {
            self.phase.throttled.take(Throttling {
                periods: now.periods + carried.throttled.periods,
                throttled_periods: now.throttled_periods + carried.throttled.throttled_periods,
                throttled_us: now.throttled_us + carried.throttled.throttled_us,
            });
        }
        if let Some(now) = reading.pressure {
            self.phase.extras.take_pressure(now, &carried.pressure);
        }
        // When a container ends, its interfaces go before its namespace does: the sum drops, and the last one counts.
        let shrank = |now: &NetworkUse, last: NetworkUse| now.rx < last.rx || now.tx < last.tx;
        let last = self.phase.network.last;
        let network = reading.network.map(|now| NetworkUse {
            rx: now.rx.saturating_add(carried.network.rx),
            tx: now.tx.saturating_add(carried.network.tx),
        });
        let network = network.filter(|now| last.is_none_or(|last| !shrank(now, last)));
        if let Some(network) = network {
            self.phase.network.take(network);
        }
    }

    /// Takes a census, and what goes with it.
    pub(super) fn take_census(
        &mut self,
        (census, group): (Result<Census, Unseen>, GroupIo),
        fallback: Option<Result<Fallback, Unseen>>,
    ) {
        self.phase.extras.take_census(census, group);
        if let Some(fallback) = fallback {
            self.phase.extras.take_fallback(fallback);
        }
    }

    /// Usage since the phase began; the next phase begins.
    pub(super) fn end_phase(&mut self, to: Duration, ticks: Ticks, unseen: UnseenParts) -> Usage {
        let phase = &self.phase;
        let usage = Usage {
            from: Millis::from(phase.from),
            to: Millis::from(to),
            memory: phase.memory_use(unseen.memory),
            cpu: phase.cpu_use(&self.rates, unseen.cpu),
            pids_peak: phase.pids_peak(unseen.pids),
            network: phase.network_use(unseen.network),
            ticks,
            pressure: phase.extras.pressure(unseen.pressure),
            block_io: phase.extras.block_io(),
            descriptors: phase.extras.descriptors(),
            memory_fallback: phase.extras.memory_fallback(),
        };
        self.rates.restart(phase.cpu.last);
        self.phase = phase.next_phase(to);
        usage
    }

    /// Highest anonymous + kernel + shared memory of the phase.
    pub(super) fn held_peak(&self) -> Option<Bytes> {
        self.phase.held.map(Bytes)
    }

    /// The series with samples. Which phase they belong to is the caller's to say.
    pub(super) fn series(&self) -> Vec<Series> {
        let all = [
            ("memory.usage", "bytes", &self.usage),
            ("memory.nonreclaimable", "bytes", &self.nonreclaimable),
            ("cpu.cores", "cores", &self.cores),
            ("pids", "count", &self.pids),
        ];
        all.into_iter()
            .map(|(name, unit, buckets)| Series {
                name: name.to_owned(),
                unit: unit.to_owned(),
                phase: String::new(),
                limit: None,
                points: buckets.points(),
            })
            .filter(|series| !series.points.is_empty())
            .collect()
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "sizes and counts are far below 2^53"
)]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use conformance::observation::{Observed, PeakMethod};

    fn second(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn reading(memory: u64, peak: u64, cpu_ns: u64) -> Reading {
        Reading {
            memory: Some(memory),
            memory_peak: Some(peak),
            cpu_ns: Some(cpu_ns),
            pids: Some(1),
            ..Reading::default()
        }
    }

    fn parts(nonreclaimable: u64) -> MemoryParts {
        MemoryParts {
            breakdown: Default::default(),
            nonreclaimable,
            formula: "rss + shmem",
        }
    }

    #[test]
    fn a_container_that_vanishes_keeps_what_was_seen() {
        let mut recorder = Recorder::new(second(0), second(1), false);
        recorder.take(second(0), &reading(8, 72, 0));
        recorder.take_parts(second(0), parts(6));
        recorder.take(second(1), &reading(9, 72, 300_000_000));
        for gone in 2..10 {
            recorder.take(second(gone), &Reading::default());
        }
        let usage = recorder.end_phase(second(10), Ticks::default(), UnseenParts::default());
        let memory = usage.memory.seen().unwrap();
        assert_eq!(
            (memory.peak, memory.peak_method),
            (Bytes(72), PeakMethod::Watermark)
        );
        assert_eq!(memory.nonreclaimable_peak, Bytes(6));
        // The rate is over the time it was seen to live.
        assert_eq!(usage.cpu.seen().unwrap().cores_mean, 0.3);
        let after = recorder.end_phase(second(11), Ticks::default(), UnseenParts::default());
        assert!(after.memory.seen().is_none(), "{after:?}");
        assert!(after.cpu.seen().is_none(), "{after:?}");
    }

    #[test]
    fn a_restarted_container_counts_on_from_where_it_stood() {
        let mut recorder = Recorder::new(second(0), second(1), false);
        recorder.take(second(0), &reading(8, 72, 1_000_000_000));
        recorder.take(second(1), &reading(8, 72, 1_300_000_000));
        recorder.renewed();
        recorder.take(second(2), &reading(5, 30, 0));
        recorder.take_parts(second(2), parts(5));
        recorder.take(second(3), &reading(5, 30, 600_000_000));
        let usage = recorder.end_phase(second(3), Ticks::default(), UnseenParts::default());
        assert_eq!(usage.cpu.seen().unwrap().usage_us, 900_000);
        assert_eq!(usage.memory.seen().unwrap().peak, Bytes(72));
    }

    #[test]
    fn interfaces_that_go_away_do_not_take_their_traffic_along() {
        let traffic = |rx, tx| SlowReading {
            network: Some(NetworkUse {
                rx: Bytes(rx),
                tx: Bytes(tx),
            }),
            ..SlowReading::default()
        };
        let mut recorder = Recorder::new(second(0), second(1), false);
        for reading in [traffic(100, 10), traffic(400, 20), traffic(0, 0)] {
            recorder.take_slow(&reading);
        }
        let usage = recorder.end_phase(second(1), Ticks::default(), UnseenParts::default());
        let (rx, tx) = (Bytes(300), Bytes(10));
        assert_eq!(usage.network, Observed::Seen(NetworkUse { rx, tx }));
    }

    #[test]
    fn parts_are_wanted_within_five_percent_of_the_highest() {
        let mut recorder = Recorder::new(second(0), second(1), false);
        recorder.take(second(0), &reading(100, 100, 0));
        assert!(recorder.is_high(&reading(95, 100, 0)));
        assert!(!recorder.is_high(&reading(94, 100, 0)));
        assert!(!recorder.is_high(&Reading::default()));
    }

    #[test]
    fn series_are_named_and_in_their_units() {
        let mut recorder = Recorder::new(second(0), second(1), false);
        recorder.take(second(0), &reading(100, 100, 0));
        recorder.take(second(1), &reading(100, 100, 500_000_000));
        recorder.take_parts(second(1), parts(7));
        let series: Vec<String> = recorder
            .series()
            .iter()
            .map(|series| format!("{} [{}] {}", series.name, series.unit, series.points.len()))
            .collect();
        assert_eq!(
            series,
            [
                "memory.usage [bytes] 2",
                "memory.nonreclaimable [bytes] 1",
                "cpu.cores [cores] 1",
                "pids [count] 2"
            ]
        );
    }
}
