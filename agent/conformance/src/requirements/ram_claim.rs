//! The RAM that the offer claims, what it leaves to the module, and the sentence that would claim enough.

use crate::finding::{Reason, Unseen};
use crate::hardware::{self, BelowReserve, Claim, memory_budget};
use crate::offer::ClaimScope;
use crate::record::Record;
use crate::units::Bytes;

/// The claim of the offer's hardware paragraph.
///
/// # Errors
/// There is no such paragraph.
pub(super) fn claim(record: &Record) -> Result<Claim, Unseen> {
    hardware::read(&record.offer.listing.description)
        .map(|paragraph| paragraph.claim)
        .ok_or_else(|| {
            Unseen::new(
                Reason::InputMissing,
                "the description has no paragraph of minimum hardware requirements, so there is no claim to test; see IEM-HW-01",
            )
        })
}

/// The RAM that the claim leaves to the module, or that it leaves none.
///
/// # Errors
/// The paragraph states no RAM: that IEM-HW-02 fails, and here nothing can be compared.
pub(super) fn budget(
    record: &Record,
    claim: &Claim,
) -> Result<Result<Bytes, BelowReserve>, Unseen> {
    let ram = claim.ram_bytes.ok_or_else(|| {
        Unseen::new(
            Reason::InputMissing,
            "the hardware paragraph states no RAM, so there is no claim to test; see IEM-HW-02",
        )
    })?;
    Ok(memory_budget(
        ram,
        record.offer.plan.claim_scope,
        &record.run.reserve,
    ))
}

/// Where the budget is from: `the claim of 512 MiB less a reserve of 400 MiB (table row …)`.
pub(super) fn budget_in_words(record: &Record, claim: &Claim) -> String {
    let ram = claim.ram_bytes.unwrap_or_default();
    match record.offer.plan.claim_scope {
        ClaimScope::Device => format!(
            "the claim of {ram} for the device less a reserve of {} ({})",
            record.run.reserve.memory, record.run.reserve.source
        ),
        ClaimScope::Module => format!("the claim of {ram} for the module alone"),
    }
}

/// The highest non-reclaimable peak and its phase, over every start and the steady window that was seen.
pub(super) fn highest_nonreclaimable(record: &Record) -> Option<(String, Bytes)> {
    let observations = &record.observations;
    let starts = observations
        .starts
        .iter()
        .enumerate()
        .map(|(index, start)| (format!("start {}", index + 1), &start.usage));
    starts
        .chain([("steady".to_owned(), &observations.steady)])
        .filter_map(|(phase, usage)| {
            let memory = usage.seen()?.memory.seen()?;
            Some((phase, memory.nonreclaimable_peak))
        })
        .max_by_key(|(_, peak)| *peak)
}

/// The paragraph with enough RAM for a module that needs `peak`: a tenth on top and the device's reserve, rounded up.
pub(super) fn paragraph_for(record: &Record, claim: &Claim, peak: Bytes) -> (Bytes, String) {
    let reserve = match record.offer.plan.claim_scope {
        ClaimScope::Device => record.run.reserve.memory,
        ClaimScope::Module => Bytes(0),
    };
    let needed = peak
        .saturating_add(Bytes(peak.0 / 10))
        .saturating_add(reserve);
    let ram = round_up(needed);
    let enough = Claim {
        ram_bytes: Some(ram),
        ..claim.clone()
    };
    (ram, hardware::write(&enough))
}

/// To steps that people write: 16 MiB below 256 MiB, 64 MiB below 1 GiB, then 256 MiB.
fn round_up(bytes: Bytes) -> Bytes {
    let step = match bytes.0 / Bytes::MIB {
        0..256 => 16 * Bytes::MIB,
        256..1024 => 64 * Bytes::MIB,
        _ => 256 * Bytes::MIB,
    };
    Bytes(bytes.0.div_ceil(step).max(1).saturating_mul(step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_rounded_up_to_steps_that_people_write() {
        for (needed, written) in [(1, 16), (79, 80), (250, 256), (490, 512), (1100, 1280)] {
            assert_eq!(round_up(Bytes::mib(needed)), Bytes::mib(written));
        }
        assert_eq!(round_up(Bytes(0)), Bytes::mib(16));
        assert!(round_up(Bytes(u64::MAX)) >= Bytes(u64::MAX / 2));
    }
}
