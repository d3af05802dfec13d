//! What was seen since a phase began, and the [`Usage`] made of it: pure, from readings alone.

use std::time::Duration;

use conformance::finding::{Reason, Unseen};
use conformance::observation::{CpuUse, MemoryUse, NetworkUse, Observed, PeakMethod, Throttling};
use conformance::units::Bytes;

use super::extras::Extras;
use super::memory::MemoryParts;
use super::rates::{Rates, cores};

/// A high-water mark of the kernel and the samples beside it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Peak {
    /// The mark when the phase began; `None` in the first phase, which owns the whole mark.
    before: Option<u64>,
    /// The mark as last read.
    mark: Option<u64>,
    /// Highest sample.
    pub(super) sampled: Option<u64>,
    /// The peak in groups that were before this one, and how it was taken.
    renewed: Option<(u64, PeakMethod)>,
}

impl Peak {
    pub(super) fn take(&mut self, sample: Option<u64>, mark: Option<u64>) {
        self.sampled = self.sampled.max(sample);
        self.mark = self.mark.max(mark);
    }

    /// A later phase owns the mark only where it rises.
    pub(super) fn next_phase(&self) -> Peak {
        Peak {
            before: self.mark,
            mark: self.mark,
            sampled: None,
            renewed: None,
        }
    }

    /// A new group has a mark of its own, which is this phase's from its beginning.
    pub(super) fn renewed(&self) -> Peak {
        Peak {
            renewed: self.value(),
            ..Peak::default()
        }
    }

    /// The peak; exact if the kernel's mark belongs to this phase.
    pub(super) fn value(&self) -> Option<(u64, PeakMethod)> {
        let now = self.of_this_group();
        let highest = [self.renewed, now].into_iter().flatten();
        highest.max_by_key(|(bytes, _)| *bytes)
    }

    fn of_this_group(&self) -> Option<(u64, PeakMethod)> {
        let sampled = self.sampled?;
        match self.mark {
            Some(mark) if self.before.is_none_or(|before| mark > before) => {
                Some((mark.max(sampled), PeakMethod::Watermark))
            }
            Some(_) | None => Some((sampled, PeakMethod::Sampled)),
        }
    }
}

/// A counter that only grows: where it stood when the phase began, and last.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span<T> {
    pub(super) first: Option<T>,
    pub(super) last: Option<T>,
}

impl<T: Copy> Span<T> {
    pub(super) fn take(&mut self, value: T) {
        self.first = self.first.or(Some(value));
        self.last = Some(value);
    }

    pub(super) fn next_phase(&self) -> Span<T> {
        Span {
            first: self.last,
            last: self.last,
        }
    }

    pub(super) fn both(&self) -> Option<(T, T)> {
        self.first.zip(self.last)
    }
}

/// Everything one phase has seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Phase {
    pub(super) from: Duration,
    pub(super) memory: Peak,
    pub(super) parts: Option<MemoryParts>,
    pub(super) held: Option<u64>,
    pub(super) cpu: Span<(Duration, u64)>,
    pub(super) throttled: Span<Throttling>,
    pub(super) pids: Peak,
    pub(super) network: Span<NetworkUse>,
    pub(super) extras: Extras,
}

impl Phase {
    pub(super) fn next_phase(&self, from: Duration) -> Phase {
        Phase {
            from,
            memory: self.memory.next_phase(),
            parts: None,
            held: None,
            cpu: self.cpu.next_phase(),
            throttled: self.throttled.next_phase(),
            pids: self.pids.next_phase(),
            network: self.network.next_phase(),
            extras: self.extras.next_phase(),
        }
    }

    /// Keeps the parts of the highest sample.
    pub(super) fn take_parts(&mut self, parts: MemoryParts) {
        self.held = self.held.max(parts.held());
        let highest = self.parts.as_ref().map(|parts| parts.nonreclaimable);
        if highest.is_none_or(|highest| parts.nonreclaimable > highest) {
            self.parts = Some(parts);
        }
    }

    pub(super) fn memory_use(&self, unseen: Option<Unseen>) -> Observed<MemoryUse> {
        let (Some((peak, peak_method)), Some(parts)) = (self.memory.value(), &self.parts) else {
            return Observed::Unseen(unseen.unwrap_or_else(|| gone("memory")));
        };
        Observed::Seen(MemoryUse {
            peak: Bytes(peak),
            peak_method,
            nonreclaimable_peak: Bytes(parts.nonreclaimable),
            nonreclaimable_formula: parts.formula.to_owned(),
            breakdown: parts.breakdown.clone(),
        })
    }

    pub(super) fn cpu_use(&self, rates: &Rates, unseen: Option<Unseen>) -> Observed<CpuUse> {
        let seen = self.cpu.both().filter(|(first, last)| last.0 > first.0);
        let Some(((from, before), (to, after))) = seen else {
            return Observed::Unseen(unseen.unwrap_or_else(|| gone("CPU time")));
        };
        let used = after.saturating_sub(before);
        let mean = cores(used, to.saturating_sub(from));
        let (cores_p95, cores_max) = rates.p95_and_max().unwrap_or((mean, mean));
        Observed::Seen(CpuUse {
            usage_us: used / 1000,
            cores_mean: mean,
            cores_p95,
            cores_max,
            throttled: self.throttled.both().map(|(before, after)| Throttling {
                periods: after.periods.saturating_sub(before.periods),
                throttled_periods: after
                    .throttled_periods
                    .saturating_sub(before.throttled_periods),
                throttled_us: after.throttled_us.saturating_sub(before.throttled_us),
            }),
        })
    }

    pub(super) fn pids_peak(&self, unseen: Option<Unseen>) -> Observed<u64> {
        match self.pids.value() {
            Some((peak, _)) => Observed::Seen(peak),
            None => Observed::Unseen(unseen.unwrap_or_else(|| gone("processes"))),
        }
    }

    pub(super) fn network_use(&self, unseen: Option<Unseen>) -> Observed<NetworkUse> {
        let Some((before, after)) = self.network.both() else {
            return Observed::Unseen(unseen.unwrap_or_else(|| gone("network counters")));
        };
        // A driver without 64-bit counters has those of a machine word, which begin anew after 4 GiB on a 32-bit kernel
        // (kernel documentation, "Interface statistics").
        if after.rx < before.rx || after.tx < before.tx {
            return Observed::Unseen(Unseen::new(
                Reason::CannotMeasure,
                "the network counters went back in this phase: they began anew, and how often nothing tells",
            ));
        }
        Observed::Seen(NetworkUse {
            rx: after.rx.saturating_sub(before.rx),
            tx: after.tx.saturating_sub(before.tx),
        })
    }
}

fn gone(what: &str) -> Unseen {
    Unseen::new(
        Reason::CannotMeasure,
        format!("the container ended before its {what} could be read often enough in this phase"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_phase_owns_the_kernels_mark() {
        let mut peak = Peak::default();
        peak.take(Some(8), Some(72));
        assert_eq!(peak.value(), Some((72, PeakMethod::Watermark)));
    }

    #[test]
    fn a_later_phase_is_exact_only_if_the_mark_rose() {
        let mut first = Peak::default();
        first.take(Some(8), Some(72));
        let mut later = first.next_phase();
        later.take(Some(30), Some(72));
        later.take(Some(20), Some(72));
        assert_eq!(later.value(), Some((30, PeakMethod::Sampled)));
        later.take(Some(20), Some(80));
        assert_eq!(later.value(), Some((80, PeakMethod::Watermark)));
    }

    #[test]
    fn a_restarted_container_has_a_mark_of_its_own_and_keeps_the_former_peak() {
        let mut peak = Peak::default();
        peak.take(Some(8), Some(72));
        let mut peak = peak.next_phase().renewed();
        assert_eq!(peak.value(), None);
        peak.take(Some(9), Some(30));
        assert_eq!(peak.value(), Some((30, PeakMethod::Watermark)));
        let mut peak = peak.renewed();
        peak.take(Some(5), Some(6));
        assert_eq!(peak.value(), Some((30, PeakMethod::Watermark)));
    }

    #[test]
    fn a_kernel_without_a_mark_gives_a_sampled_peak() {
        let mut peak = Peak::default();
        assert_eq!(peak.value(), None);
        peak.take(Some(8), None);
        assert_eq!(peak.value(), Some((8, PeakMethod::Sampled)));
    }

    #[test]
    fn a_phase_without_readings_is_unseen_not_zero() {
        let phase = Phase::default();
        assert!(phase.memory_use(None).seen().is_none());
        assert!(phase.cpu_use(&Rates::new(), None).seen().is_none());
        assert!(phase.pids_peak(None).seen().is_none());
        let unseen = Unseen::new(Reason::Configuration, "no mount");
        assert_eq!(
            phase.network_use(Some(unseen.clone())),
            Observed::Unseen(unseen)
        );
    }

    #[test]
    fn a_network_counter_that_went_back_is_no_traffic_told() {
        let counted = |rx, tx| NetworkUse {
            rx: Bytes(rx),
            tx: Bytes(tx),
        };
        let mut phase = Phase::default();
        phase.network.take(counted(4_294_967_000, 70));
        phase.network.take(counted(4_294_967_200, 90));
        assert_eq!(
            phase.network_use(None),
            Observed::Seen(counted(200, 20)),
            "below 4 GiB"
        );
        phase.network.take(counted(104, 95));
        let unseen = phase.network_use(None);
        assert_eq!(
            unseen.get().unwrap_err().reason,
            Reason::CannotMeasure,
            "began anew at 4 GiB"
        );
    }

    #[test]
    fn a_single_cpu_reading_is_no_rate() {
        let mut phase = Phase::default();
        phase.cpu.take((Duration::from_secs(1), 5));
        assert!(phase.cpu_use(&Rates::new(), None).seen().is_none());
        phase.cpu.take((Duration::from_secs(3), 600_000_005));
        let seen = phase.cpu_use(&Rates::new(), None);
        assert_eq!(seen.seen().unwrap().cores_mean, 0.3);
        assert_eq!(seen.seen().unwrap().usage_us, 600_000);
    }
}
