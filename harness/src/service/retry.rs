//! When a call is tried again, and how long to wait before. Pure.
//!
//! Source: "Manage connectivity and reliable messaging by using Azure IoT Hub device SDKs" and "IoT Hub quotas and throttling",
//! Microsoft Learn: back off exponentially, and wait as long as `Retry-After` says.

use std::time::Duration;

/// Attempts in all.
pub(super) const ATTEMPTS: u32 = 5;
/// The longest wait that is taken on; a hub that asks for more is told as it is.
pub(super) const LONGEST: Duration = Duration::from_secs(60);

/// How an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The connection was not made: nothing can have had an effect.
    NotSent,
    /// No whole answer came: it may have had its effect.
    NoAnswer,
    /// The hub answered so.
    Status(u16),
}

/// How long to wait before the next attempt; `None` to give up.
///
/// `made` attempts were made, at least one; `jitter` in 0..1 spreads callers; `repeatable` says whether a call that may have had
/// its effect may be made again.
pub(super) fn wait(
    made: u32,
    failure: Failure,
    retry_after: Option<u64>,
    repeatable: bool,
    jitter: f64,
) -> Option<Duration> {
    let again = match failure {
        // A throttled call was not carried out.
        Failure::NotSent | Failure::Status(429 | 503) => true,
        Failure::NoAnswer | Failure::Status(500..=599) => repeatable,
        Failure::Status(_) => false,
    };
    if !again || made >= ATTEMPTS {
        return None;
    }
    let doubled = Duration::from_secs(1 << made.saturating_sub(1).min(6));
    let backed_off = doubled.mul_f64(0.75 + 0.5 * jitter.clamp(0.0, 1.0));
    let asked = Duration::from_secs(retry_after.unwrap_or(0));
    (asked <= LONGEST).then(|| backed_off.max(asked).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end() {
        let waits: Vec<Option<u64>> = (1..=ATTEMPTS)
            .map(|made| {
                wait(made, Failure::Status(429), None, false, 0.5).map(|wait| wait.as_secs())
            })
            .collect();
        assert_eq!(waits, [Some(1), Some(2), Some(4), Some(8), None]);
    }

    #[test]
    fn the_hub_s_own_wait_counts_if_it_is_longer_and_bearable() {
        let asked = |seconds| wait(1, Failure::Status(429), Some(seconds), false, 0.0);
        assert_eq!(asked(20), Some(Duration::from_secs(20)));
        assert_eq!(asked(0), Some(Duration::from_millis(750)));
        assert_eq!(asked(3600), None);
    }

    #[test]
    fn what_may_have_had_its_effect_is_repeated_only_where_that_is_harmless() {
        for failure in [
            Failure::NoAnswer,
            Failure::Status(500),
            Failure::Status(504),
        ] {
            assert!(wait(1, failure, None, true, 0.0).is_some(), "{failure:?}");
            assert_eq!(wait(1, failure, None, false, 0.0), None, "{failure:?}");
        }
        assert!(wait(1, Failure::NotSent, None, false, 0.0).is_some());
        for status in [400, 401, 404, 409, 412] {
            assert_eq!(wait(1, Failure::Status(status), None, true, 0.0), None);
        }
    }
}
