//! When ticks are due: at fixed moments from the start, so that lateness never adds up and every missed tick is counted.

use std::time::{Duration, Instant};

use conformance::observation::Ticks;

/// Ticks at a fixed period.
#[derive(Debug)]
pub(super) struct Schedule {
    next: Instant,
    period: Duration,
}

/// A tick that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// How late it is taken.
    pub(super) late: Duration,
    /// Ticks that were due before it and were not taken.
    pub(super) missed: u32,
}

impl Schedule {
    /// The first tick is due one period after the start.
    pub(super) fn new(start: Instant, period: Duration) -> Schedule {
        Schedule {
            next: start + period,
            period,
        }
    }

    pub(super) fn period(&self) -> Duration {
        self.period
    }

    /// How long until the next tick; `None` if it is due.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let wait = self.next.saturating_duration_since(now);
        (!wait.is_zero()).then_some(wait)
    }

    /// Takes the tick that is due, if one is.
    pub(super) fn take(&mut self, now: Instant) -> Option<Due> {
        let behind = now.checked_duration_since(self.next)?;
        let missed =
            u32::try_from(behind.as_nanos() / self.period.as_nanos()).unwrap_or(u32::MAX - 1);
        self.next += self.period.saturating_mul(missed + 1);
        Some(Due {
            late: behind,
            missed,
        })
    }
}

/// Bins of lateness: sixteen to each doubling, so that a percentile is told to 6 %.
const STEPS: u32 = 16;
const BINS: usize = 512;

/// How well the ticks of one phase kept to their moments, in constant memory.
#[derive(Debug)]
pub(super) struct Punctuality {
    ticks: Ticks,
    /// Ticks by their lateness in microseconds; the last bin takes what is beyond.
    bins: Box<[u32; BINS]>,
}

impl Punctuality {
    pub(super) fn new() -> Punctuality {
        Punctuality {
            ticks: Ticks::default(),
            bins: Box::new([0; BINS]),
        }
    }

    pub(super) fn take(&mut self, due: Due) {
        let late = u64::try_from(due.late.as_micros()).unwrap_or(u64::MAX);
        self.ticks.taken += 1;
        self.ticks.due += u64::from(due.missed) + 1;
        self.ticks.late_max_us = self.ticks.late_max_us.max(late);
        if let Some(bin) = self.bins.get_mut(bin(late)) {
            *bin = bin.saturating_add(1);
        }
    }

    /// The ticks since the last call.
    pub(super) fn end_phase(&mut self) -> Ticks {
        let mut ticks = std::mem::take(&mut self.ticks);
        ticks.late_p99_us = self.percentile_99(ticks).filter(|_| ticks.taken > 0);
        self.bins.fill(0);
        ticks
    }

    /// By nearest rank, at most 6 % too high.
    fn percentile_99(&self, ticks: Ticks) -> Option<u64> {
        let rank = ticks.taken.saturating_mul(99).div_ceil(100);
        let mut below = 0_u64;
        let place = self.bins.iter().position(|count| {
            below += u64::from(*count);
            below >= rank
        });
        Some(upper_edge(place?).min(ticks.late_max_us))
    }
}

/// Below [`STEPS`] each number has a bin; above, each doubling has that many.
fn bin(late_us: u64) -> usize {
    let steps = u64::from(STEPS);
    if late_us < steps {
        return usize::try_from(late_us).unwrap_or(0);
    }
    let doublings = late_us.ilog2() - STEPS.ilog2();
    let within = (late_us >> doublings) - steps;
    let index = u64::from(doublings + 1) * steps + within;
    usize::try_from(index).unwrap_or(usize::MAX).min(BINS - 1)
}

/// The largest number of a bin.
fn upper_edge(bin: usize) -> u64 {
    let (steps, bin) = (u64::from(STEPS), u64::try_from(bin).unwrap_or(u64::MAX));
    match (bin / steps).checked_sub(1) {
        None => bin,
        Some(doublings) => ((steps + bin % steps + 1) << doublings) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PERIOD: Duration = Duration::from_millis(100);

    #[test]
    fn a_late_tick_does_not_move_the_next_one() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, PERIOD);
        assert_eq!(schedule.wait(start), Some(PERIOD));
        assert_eq!(schedule.take(start + PERIOD / 2), None);
        schedule
            .take(start + PERIOD + Duration::from_millis(30))
            .unwrap();
        assert_eq!(
            schedule.wait(start + Duration::from_millis(130)),
            Some(Duration::from_millis(70))
        );
    }

    #[test]
    fn ticks_overslept_are_due_but_not_taken() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, PERIOD);
        let mut kept = Punctuality::new();
        kept.take(schedule.take(start + PERIOD).unwrap());
        kept.take(schedule.take(start + Duration::from_millis(555)).unwrap());
        let ticks = kept.end_phase();
        assert_eq!((ticks.taken, ticks.due, ticks.late_max_us), (2, 5, 355_000));
        assert_eq!(kept.end_phase(), Ticks::default());
        assert_eq!(
            schedule.wait(start + Duration::from_millis(555)),
            Some(Duration::from_millis(45))
        );
    }

    #[test]
    fn the_latest_in_a_hundred_does_not_make_the_percentile() {
        let mut kept = Punctuality::new();
        for tick in 0..1000_u64 {
            let late = Duration::from_micros(if tick < 10 { 70_000 } else { 200 });
            kept.take(Due { late, missed: 0 });
        }
        let ticks = kept.end_phase();
        assert_eq!(ticks.late_max_us, 70_000);
        let p99 = ticks.late_p99_us.unwrap();
        assert!((200..=212).contains(&p99), "{p99}");
    }

    proptest! {
        #[test]
        fn a_bin_holds_what_it_is_for_to_six_percent(late in 0_u64..10_000_000) {
            let edge = upper_edge(bin(late));
            prop_assert!(edge >= late && (edge - late) * 16 <= late.max(16), "{late} in a bin up to {edge}");
        }
    }
}
