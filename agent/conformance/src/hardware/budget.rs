//! The memory a module may use under its offer's claim: what the claim leaves once the device's own share is taken.

use std::fmt;

use crate::offer::ClaimScope;
use crate::record::Reserve;
use crate::units::Bytes;

/// The memory that a claim leaves to the module; never zero.
///
/// A claim that speaks of the device gives operating system, engine and IoT Edge runtime their reserve first;
/// one that speaks of the module is the budget.
///
/// # Errors
/// The claim leaves nothing.
pub fn memory_budget(
    claim_ram: Bytes,
    scope: ClaimScope,
    reserve: &Reserve,
) -> Result<Bytes, BelowReserve> {
    let share = match scope {
        ClaimScope::Device => reserve.memory,
        ClaimScope::Module => Bytes(0),
    };
    match claim_ram.saturating_sub(share) {
        Bytes(0) => Err(BelowReserve {
            claim: claim_ram,
            scope,
            reserve: reserve.clone(),
        }),
        budget => Ok(budget),
    }
}

/// A claim of RAM that leaves nothing to the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BelowReserve {
    /// The RAM claimed.
    pub claim: Bytes,
    /// What the claim speaks of.
    pub scope: ClaimScope,
    /// What the device takes first.
    pub reserve: Reserve,
}

impl std::error::Error for BelowReserve {}

impl fmt::Display for BelowReserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BelowReserve {
            claim,
            scope,
            reserve,
        } = self;
        match scope {
            ClaimScope::Device => write!(
                f,
                "the offer claims {claim} of RAM for the whole device, but operating system, engine and IoT Edge runtime take {} of it first ({}), so nothing is left for the module; claim more than {}, or set plan.claimScope to `module` if the paragraph speaks of the module alone",
                reserve.memory, reserve.source, reserve.memory
            ),
            ClaimScope::Module => write!(f, "the offer claims {claim} of RAM for the module"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_claim_gives_the_reserve_away_first() {
        let budget = memory_budget(Bytes::mib(1024), ClaimScope::Device, &Reserve::tabled());
        assert_eq!(budget, Ok(Bytes::mib(624)));
    }

    #[test]
    fn a_module_claim_is_the_budget() {
        let budget = memory_budget(Bytes::mib(48), ClaimScope::Module, &Reserve::tabled());
        assert_eq!(budget, Ok(Bytes::mib(48)));
    }

    #[test]
    fn a_device_claim_at_or_below_the_reserve_is_explained() {
        for claim in [Bytes::mib(400), Bytes::mib(48), Bytes(0)] {
            let error = memory_budget(claim, ClaimScope::Device, &Reserve::tabled()).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(&format!("claims {claim} of RAM")), "{text}");
            assert!(
                text.contains("take 400 MiB of it first (table row of 2026-11"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_module_claim_of_nothing_is_no_budget() {
        assert!(memory_budget(Bytes(0), ClaimScope::Module, &Reserve::tabled()).is_err());
    }
}
