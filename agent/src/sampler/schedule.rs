//! When ticks are due: at fixed moments from the start, so that lateness never adds up and every missed tick is counted.

use std::time::{Duration, Instant};

use conformance::observation::Ticks;

/// Ticks at a fixed period.
#[derive(Debug)]
pub(super) struct Schedule {
    next: Instant,
    period: Duration,
    ticks: Ticks,
}

impl Schedule {
    /// The first tick is due one period after the start.
    pub(super) fn new(start: Instant, period: Duration) -> Schedule {
        Schedule {
            next: start + period,
            period,
            ticks: Ticks::default(),
        }
    }

    /// How long until the next tick; `None` if it is due.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let wait = self.next.saturating_duration_since(now);
        (!wait.is_zero()).then_some(wait)
    }

    /// Counts the tick that is due, if one is, and those that were missed before it.
    pub(super) fn take(&mut self, now: Instant) -> Option<()> {
        let late = now.checked_duration_since(self.next)?;
        let missed =
            u32::try_from(late.as_nanos() / self.period.as_nanos()).unwrap_or(u32::MAX - 1);
        self.ticks.taken += 1;
        self.ticks.due += u64::from(missed) + 1;
        let late = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        self.ticks.late_max_us = self.ticks.late_max_us.max(late);
        self.next += self.period.saturating_mul(missed + 1);
        Some(())
    }

    /// The ticks since the last call.
    pub(super) fn end_phase(&mut self) -> Ticks {
        std::mem::take(&mut self.ticks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        schedule.take(start + PERIOD).unwrap();
        schedule.take(start + Duration::from_millis(555)).unwrap();
        let ticks = schedule.end_phase();
        assert_eq!((ticks.taken, ticks.due, ticks.late_max_us), (2, 5, 355_000));
        assert_eq!(schedule.end_phase(), Ticks::default());
        assert_eq!(
            schedule.wait(start + Duration::from_millis(555)),
            Some(Duration::from_millis(45))
        );
    }
}
