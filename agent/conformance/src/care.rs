//! How the platform keeps a module up: restart, back off, give up. The rule of IoT Edge's agent as data, and who applies it.
//!
//! Source: Azure/iotedge, edge-agent, `RestartPolicyManager.cs` (cool-off = min(10 s · 2^restarts, 300 s), 20 restarts),
//! `HealthRestartPlanner.cs` (counts are cleared after ten minutes of running), `appsettings_agent.json` (the numbers).
//! Docker's HEALTHCHECK plays no part there. The restart policy is `always`, the one that Microsoft says to use, so that an
//! exit with code 0 is restarted too.

use serde::{Deserialize, Serialize};

use crate::units::Millis;

/// The numbers of the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CareRule {
    /// Restarts before the module counts as failed.
    pub most_restarts: u32,
    /// The first wait before a restart; each further one is twice as long.
    pub cool_off: Millis,
    /// The longest wait.
    pub longest_cool_off: Millis,
    /// After so long a life the restarts are forgotten: intensive care is over.
    pub intensive_care: Millis,
}

impl CareRule {
    /// As IoT Edge ships it.
    pub const IOT_EDGE: CareRule = CareRule {
        most_restarts: 20,
        cool_off: Millis(10_000),
        longest_cool_off: Millis(300_000),
        intensive_care: Millis(600_000),
    };

    /// The wait before the restart that follows `restarts` earlier ones.
    #[must_use]
    pub const fn wait(&self, restarts: u32) -> Millis {
        let doubled = match 1_u64.checked_shl(restarts) {
            Some(factor) => self.cool_off.0.saturating_mul(factor),
            None => u64::MAX,
        };
        if doubled < self.longest_cool_off.0 {
            Millis(doubled)
        } else {
            self.longest_cool_off
        }
    }
}

/// What to do about a module that exited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Start it again after this wait.
    Restart {
        /// Counted from the exit.
        after: Millis,
    },
    /// It used up its restarts: failed.
    GiveUp,
}

/// Counts restarts by the rule.
#[derive(Debug, Clone, Copy)]
pub struct Carer {
    rule: CareRule,
    restarts: u32,
}

impl Carer {
    /// Nothing restarted yet.
    #[must_use]
    pub const fn new(rule: CareRule) -> Carer {
        Carer { rule, restarts: 0 }
    }

    /// The module exited after a life of `lived`. A restart that is decided counts as made.
    pub fn exited(&mut self, lived: Millis) -> Decision {
        if lived >= self.rule.intensive_care {
            self.restarts = 0;
        }
        if self.restarts >= self.rule.most_restarts {
            return Decision::GiveUp;
        }
        let after = self.rule.wait(self.restarts);
        self.restarts += 1;
        Decision::Restart { after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn waits(lives: &[u64]) -> Vec<Option<u64>> {
        let mut carer = Carer::new(CareRule::IOT_EDGE);
        lives
            .iter()
            .map(|lived| match carer.exited(Millis(lived * 1000)) {
                Decision::Restart { after } => Some(after.0 / 1000),
                Decision::GiveUp => None,
            })
            .collect()
    }

    #[test]
    fn waits_double_from_ten_seconds_to_five_minutes() {
        let seen = waits(&[2; 7]);
        let wanted = [10, 20, 40, 80, 160, 300, 300].map(Some);
        assert_eq!(seen, wanted);
    }

    #[test]
    fn the_twenty_first_exit_in_a_row_is_the_last() {
        let seen = waits(&[2; 22]);
        assert!(seen[..20].iter().all(Option::is_some));
        assert_eq!(seen[20..], [None, None]);
    }

    #[test]
    fn ten_minutes_of_running_forget_the_restarts() {
        assert_eq!(waits(&[2, 2, 600, 2]), [10, 20, 10, 20].map(Some));
        assert_eq!(waits(&[2, 2, 599]), [10, 20, 40].map(Some));
    }

    proptest! {
        #[test]
        fn never_more_than_the_allowed_restarts_and_no_wait_beyond_the_longest(
            lives in proptest::collection::vec(0_u64..599_999, 1..80),
            most in 1_u32..40,
            unit in 1_u64..100_000,
        ) {
            let rule = CareRule { most_restarts: most, cool_off: Millis(unit), ..CareRule::IOT_EDGE };
            let mut carer = Carer::new(rule);
            let decisions: Vec<Decision> = lives.iter().map(|lived| carer.exited(Millis(*lived))).collect();
            let mut last = Millis(0);
            let mut restarts = 0;
            for decision in decisions {
                match decision {
                    Decision::Restart { after } => {
                        restarts += 1;
                        prop_assert!(after >= last && after <= rule.longest_cool_off);
                        let doubled = Millis(last.0 * 2);
                        prop_assert!(last == Millis(0) || after == doubled || after == rule.longest_cool_off);
                        last = after;
                    }
                    Decision::GiveUp => prop_assert_eq!(restarts, most),
                }
            }
            prop_assert!(restarts <= most);
        }

        #[test]
        fn no_number_of_restarts_overflows_a_wait(restarts in any::<u32>()) {
            prop_assert!(CareRule::IOT_EDGE.wait(restarts) <= Millis(300_000));
        }
    }
}
