//! How long to wait before the next attempt. Pure: randomness comes in as a seed.

use std::time::Duration;

/// Longest first wait: a hub that restarts is usually back within a second or two.
const FIRST: Duration = Duration::from_secs(1);

/// Longest wait of all: a probe on a bench is back within a minute of its hub, and a thousand
/// probes behind one hub together still ask less than 34 times a second, a third of the
/// connection rate of the smallest IoT Hub.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Exponential waits with jitter: each is drawn from the upper half of a bound that doubles from
/// [`FIRST`] to the longest, so that devices cut off together do not come back together.
#[derive(Debug)]
pub(super) struct Backoff {
    bound: Duration,
    longest: Duration,
    state: u64,
}

impl Backoff {
    /// Waits from the start; `seed` should differ between devices.
    pub(super) fn new(seed: u64) -> Backoff {
        Backoff {
            bound: FIRST,
            longest: LONGEST_PAUSE,
            state: seed,
        }
    }

    /// From now on no wait is longer.
    pub(super) fn at_most(&mut self, longest: Duration) {
        self.longest = longest;
        self.bound = self.bound.min(longest);
    }

    /// The next wait: between half the bound and the bound.
    pub(super) fn next(&mut self) -> Duration {
        let half = self.bound / 2;
        let share = f64::from(self.random()) / f64::from(u32::MAX);
        self.bound = (self.bound * 2).min(self.longest);
        half + half.mul_f64(share)
    }

    /// Forgets earlier failures.
    pub(super) fn reset(&mut self) {
        self.bound = FIRST.min(self.longest);
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014), upper half: ample for spreading retries, and
    /// nothing secret depends on it.
    fn random(&mut self) -> u32 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        u32::try_from((mixed ^ (mixed >> 31)) >> 32).expect("the upper half of 64 bits is 32 bits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waits_grow_to_the_bound_and_start_over_after_a_reset() {
        let mut backoff = Backoff::new(7);
        let first = backoff.next();
        assert!(first <= FIRST);
        let later = (0..20).map(|_| backoff.next()).last().unwrap();
        assert!(later >= LONGEST_PAUSE / 2, "{later:?}");
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }

    #[test]
    fn two_devices_do_not_wait_alike() {
        assert_ne!(Backoff::new(1).next(), Backoff::new(2).next());
    }

    proptest! {
        #[test]
        fn no_wait_is_shorter_than_half_a_second_or_longer_than_the_bound(seed: u64) {
            let mut backoff = Backoff::new(seed);
            for _ in 0..12 {
                let wait = backoff.next();
                prop_assert!(wait >= FIRST / 2 && wait <= LONGEST_PAUSE);
            }
        }
    }
}
