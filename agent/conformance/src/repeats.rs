//! Whether the starts seen so far decide, or one more is wanted: a sequential stop rule with a budget. Pure.

use crate::observation::{Health, Start};
use crate::record::Profile;
use crate::statistics::next_start;
use crate::units::Bytes;

/// What the rule says after some starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// They decide, or the budget is used up.
    Enough,
    /// One more, because.
    Another(String),
}

/// Whether another start is wanted after these.
///
/// The profile's number is always played. More are played, up to its most, while the starts disagree about health, or while
/// the next start may well land on the other side of a limit: the time to become healthy, or `memory`, what the claim leaves.
#[must_use]
pub fn next(starts: &[Start], profile: &Profile, memory: Option<Bytes>) -> Next {
    let played = u32::try_from(starts.len()).unwrap_or(u32::MAX);
    if played < profile.starts {
        return Next::Another(format!("{} are asked for", profile.starts));
    }
    if played >= profile.most_starts.unwrap_or(profile.starts) {
        return Next::Enough;
    }
    let healthy = starts.iter().filter(|start| is_healthy(start)).count();
    if healthy == 0 {
        return Next::Enough;
    }
    if healthy < starts.len() {
        return Next::Another(format!("{healthy} of {played} starts were healthy"));
    }
    if crosses(&times(starts), profile.start_budget.as_secs_f64()) {
        return Next::Another("the next may miss the start budget".to_owned());
    }
    if memory.is_some_and(|memory| crosses(&peaks(starts), float(memory))) {
        return Next::Another("the next may need more memory than the claim leaves".to_owned());
    }
    Next::Enough
}

/// Whether a limit lies between the highest seen and where the next start is expected at most.
#[must_use]
pub fn crosses(values: &[f64], limit: f64) -> bool {
    let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    next_start(values).is_some_and(|next| highest <= limit && limit < next.high)
}

/// Seconds until healthy of the starts that became so.
#[must_use]
pub fn times(starts: &[Start]) -> Vec<f64> {
    starts
        .iter()
        .filter_map(|start| match &start.health {
            Health::Healthy { after, .. } => Some(after.as_secs_f64()),
            Health::Unhealthy { .. } => None,
        })
        .collect()
}

/// Memory peaks in bytes of the starts whose memory was seen.
#[must_use]
pub fn peaks(starts: &[Start]) -> Vec<f64> {
    starts
        .iter()
        .filter_map(|start| Some(float(start.usage.seen()?.memory.seen()?.peak)))
        .collect()
}

fn is_healthy(start: &Start) -> bool {
    matches!(start.health, Health::Healthy { .. }) && start.oom_kills == 0
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
fn float(bytes: Bytes) -> f64 {
    bytes.0 as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{Cause, Observed};
    use crate::sample;
    use crate::units::Millis;

    fn healthy(seconds: &[f64]) -> Vec<Start> {
        seconds
            .iter()
            .map(|seconds| {
                let mut start = sample::healthy_start(Millis(0));
                start.health = Health::Healthy {
                    after: std::time::Duration::from_secs_f64(*seconds).into(),
                    stayed: Millis(10_000),
                    by: Vec::new(),
                };
                start
            })
            .collect()
    }

    fn failed() -> Start {
        let mut start = sample::healthy_start(Millis(0));
        start.health = Health::Unhealthy {
            cause: Cause::Crashed,
            detail: String::new(),
            missing: Vec::new(),
        };
        start
    }

    fn wants_more(starts: &[Start], memory: Option<Bytes>) -> bool {
        next(starts, &Profile::standard(), memory) != Next::Enough
    }

    #[test]
    fn the_profiles_own_number_is_always_played_and_agreement_ends_it() {
        let starts = healthy(&[0.3, 0.3, 0.31]);
        assert!(wants_more(&starts[..2], None));
        assert!(!wants_more(&starts, None));
        assert!(!wants_more(&[failed(), failed(), failed()], None));
    }

    #[test]
    fn starts_that_disagree_are_repeated_until_the_budget_is_used_up() {
        let mut starts = healthy(&[0.3, 0.3]);
        starts.push(failed());
        for played in 3..9 {
            assert!(wants_more(&starts, None), "after {played}");
            starts.extend(healthy(&[0.3]));
        }
        assert!(!wants_more(&starts, None));
        assert_eq!(next(&starts[..3], &Profile::quick(), None), Next::Enough);
    }

    #[test]
    fn a_time_near_the_start_budget_wants_more() {
        assert!(wants_more(&healthy(&[70.0, 80.0, 89.0]), None));
        assert!(!wants_more(&healthy(&[70.0, 70.1, 70.2]), None));
    }

    #[test]
    fn a_peak_near_what_the_claim_leaves_wants_more() {
        let mut starts = healthy(&[0.3, 0.3, 0.3]);
        for (start, mib) in starts.iter_mut().zip([90, 100, 110]) {
            let mut usage = sample::usage(Millis(0), Millis(1));
            usage.memory = Observed::Seen(sample::memory(Bytes::mib(mib), Bytes::mib(16)));
            start.usage = Observed::Seen(usage);
        }
        assert!(wants_more(&starts, Some(Bytes::mib(112))));
        assert!(!wants_more(&starts, Some(Bytes::mib(200))));
        // Above the limit already: more starts cannot mend it.
        assert!(!wants_more(&starts, Some(Bytes::mib(100))));
    }
}
