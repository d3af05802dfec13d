//! What recorded tries come to: the minimum, how sure it is, and whether the module adapts to its limit.

use super::{Found, Tried, found};
use crate::observation::{Limits, Tries, Try, Unlimited};
use crate::units::{Bytes, Millis};

/// A start may take so many times as long under limits as without.
const SLOWER: u64 = 2;
/// And so much longer in any case: the noise of a short start.
const SLACK: Millis = Millis(1_000);
/// A module that keeps less than this part of its unlimited peak under a limit, and is healthy, adapts to the limit.
pub const ADAPTS_BELOW: f64 = 0.9;

/// How long a start may take under limits: twice as long as without, or one second more, whichever is longer.
///
/// A garbage collector or a cache makes do with less memory by working more; a quota stretches every start. Without this
/// rule the smallest limit would be one under which the module barely moves.
#[must_use]
pub fn allowed(unlimited: Millis) -> Millis {
    Millis((unlimited.0 * SLOWER).max(unlimited.0.saturating_add(SLACK.0)))
}

/// What a search came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Result {
    /// The minimum and its neighbour, in the unit of the plan.
    pub found: Found,
    /// Under the minimum the module took clearly less than without a limit: the number is the smallest limit that was
    /// proven, not what the module would like to have.
    pub adapts: bool,
    /// Starts played.
    pub tries: usize,
}

impl Result {
    /// The minimum, if it fitted as often as planned.
    #[must_use]
    pub fn proven(&self, repeats: u32) -> Option<u64> {
        self.found.minimum.filter(|_| self.found.fitted >= repeats)
    }
}

/// What a search proves.
#[must_use]
pub fn result(unlimited: &Unlimited, search: &Tries, unit: impl Fn(&Limits) -> u64) -> Result {
    let tried: Vec<Tried> = search.tries.iter().map(|one| tried(one, &unit)).collect();
    let found = found(&search.plan, &tried);
    let at_minimum = search
        .tries
        .iter()
        .filter(|one| one.fits && Some(unit(&one.limits)) == found.minimum);
    Result {
        found,
        adapts: adapts(unlimited.nonreclaimable_peak, at_minimum),
        tries: tried.len(),
    }
}

fn tried(one: &Try, unit: &impl Fn(&Limits) -> u64) -> Tried {
    Tried {
        limit: unit(&one.limits),
        fits: one.fits,
    }
}

/// Whether every one of these starts made do with clearly less than the module takes without limits.
#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
fn adapts<'a>(unlimited: Bytes, mut tries: impl Iterator<Item = &'a Try>) -> bool {
    let clearly_less = |one: &Try| {
        one.nonreclaimable_peak
            .is_some_and(|peak| (peak.0 as f64) < unlimited.0 as f64 * ADAPTS_BELOW)
    };
    let first = tries.next();
    first.is_some_and(clearly_less) && tries.all(clearly_less)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::Observed;
    use crate::sizing::Plan;

    fn search(tries: &[(u64, bool, u64)]) -> (Unlimited, Tries) {
        let unlimited = Unlimited {
            after: Millis(400),
            peak: Bytes::mib(320),
            nonreclaimable_peak: Bytes::mib(300),
            cores_max: Observed::default(),
        };
        let tries = tries.iter().map(|(limit, fits, peak)| Try {
            limits: Limits {
                memory: Some(Bytes::mib(*limit)),
                cores: None,
                storage: None,
            },
            watched: Millis(1_000),
            fits: *fits,
            after: None,
            peak: None,
            nonreclaimable_peak: Some(Bytes::mib(*peak)),
            cause: None,
            detail: None,
        });
        let plan = Plan::memory(unlimited.peak, Bytes(0), Bytes::mib(8_192));
        (
            unlimited,
            Tries {
                plan,
                tries: tries.collect(),
            },
        )
    }

    fn judged(tries: &[(u64, bool, u64)]) -> Result {
        let (unlimited, tries) = search(tries);
        result(&unlimited, &tries, Limits::memory_bytes)
    }

    #[test]
    fn a_peak_that_moves_with_the_limit_is_told_from_a_need() {
        let fixed = [(320, true, 300), (304, true, 299), (296, false, 296)];
        assert!(!judged(&fixed).adapts);
        let moving = [(320, true, 250), (120, true, 96), (114, false, 110)];
        assert!(judged(&moving).adapts);
        let once = [(120, true, 96), (120, true, 299), (114, false, 110)];
        assert!(!judged(&once).adapts);
        assert!(!judged(&[(320, false, 10)]).adapts);
    }

    #[test]
    fn a_minimum_counts_once_it_was_repeated() {
        let once = judged(&[(320, true, 300), (310, false, 300)]);
        assert_eq!(
            (once.found.minimum, once.proven(3)),
            (Some(320 << 20), None)
        );
        let thrice = judged(&[(320, true, 300); 3]);
        assert_eq!(thrice.proven(3), Some(320 << 20));
    }

    #[test]
    fn a_start_may_take_twice_as_long_or_a_second_more() {
        assert_eq!(allowed(Millis(300)), Millis(1_300));
        assert_eq!(allowed(Millis(5_000)), Millis(10_000));
    }
}
