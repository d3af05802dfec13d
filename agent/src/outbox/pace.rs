//! How fast messages leave: a fair share of what the smallest IoT Hub takes. Pure: time comes in.

use std::time::Duration;

use tokio::time::Instant;

/// One message a second in the long run. A hub of the smallest tiers takes 100 a second from all its devices together
/// (Microsoft Learn, "IoT Hub quotas and throttling"): a hundred probes with full outboxes share that.
pub const EVERY: Duration = Duration::from_secs(1);

/// So many may leave at once, if nothing left for as many seconds: summary and parts of one report.
pub const BURST: u32 = 4;

/// A bucket of tokens, one for each message.
#[derive(Debug)]
pub(super) struct Pace {
    /// When the bucket would be full.
    full_at: Instant,
    every: Duration,
}

impl Pace {
    /// A full bucket; without pace no message ever waits.
    pub(super) fn new(is_paced: bool, now: Instant) -> Pace {
        let every = if is_paced { EVERY } else { Duration::ZERO };
        Pace {
            full_at: now,
            every,
        }
    }

    /// Takes a token for one message and says when that may leave.
    pub(super) fn take(&mut self, now: Instant) -> Instant {
        self.full_at = self.full_at.max(now) + self.every;
        let ahead = self.every * BURST;
        (self.full_at.checked_sub(ahead)).map_or(now, |at| at.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_leaves_at_once_and_then_one_a_second() {
        let start = Instant::now() + Duration::from_secs(60);
        let mut pace = Pace::new(true, start);
        let waits: Vec<u64> = (0..7)
            .map(|_| (pace.take(start) - start).as_secs())
            .collect();
        assert_eq!(waits, [0, 0, 0, 0, 1, 2, 3]);
    }

    #[test]
    fn an_hour_leaves_an_hour_of_messages_and_one_burst() {
        let start = Instant::now() + Duration::from_secs(60);
        let mut pace = Pace::new(true, start);
        let mut now = start;
        let mut sent = 0;
        while now < start + Duration::from_secs(3_600) {
            now = now.max(pace.take(now));
            sent += 1;
        }
        assert_eq!(sent, 3_600 + BURST);
    }

    #[test]
    fn rest_saves_up_one_burst_and_no_more() {
        let start = Instant::now() + Duration::from_secs(60);
        let mut pace = Pace::new(true, start);
        let later = start + Duration::from_secs(1_000);
        let at_once = (0..10).filter(|_| pace.take(later) == later).count();
        assert_eq!(at_once, 4);
    }

    #[test]
    fn without_pace_nothing_waits() {
        let start = Instant::now();
        let mut pace = Pace::new(false, start);
        assert!((0..1_000).all(|_| pace.take(start) == start));
    }
}
