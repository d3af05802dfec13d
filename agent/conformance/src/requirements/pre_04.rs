//! IEM-PRE-04: whether the device has swap is known, and runs inside a limit get none of it.

use crate::finding::{Outcome, Reason, Unseen};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};
use crate::units::Bytes;

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-PRE-04",
    slug: "swap-state-is-known",
    title: "The state of swap is known",
    force: Forces::always(Force::Must),
    stages: &[Stage::Device],
    scopes: &[ScopeName::Device, ScopeName::Fleet, ScopeName::Full],
    sources: &[Source {
        document: Document::Edgeproof,
        heading: "Preconditions of the probe",
    }],
    statement: "Whether the device has swap or compressed memory is known, and runs inside a limit get none of it.",
    remedy: "Turn swap off for the run, or let the engine limit it.",
    judge: Judge::By(judge),
};

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let swap = record.device.host.swap.get()?;
    let wanted = "no swap, or an engine that gives none of it to a container inside a limit";
    if swap.total == Bytes(0) {
        return Ok(Outcome::met("the device has no swap", wanted));
    }
    let saw = format!(
        "{} of swap, {} of it compressed memory, {} in use",
        swap.total, swap.zram, swap.used
    );
    no_swap_inside_a_limit(record)?;
    match record.device.engine.get()?.swap_limit {
        Some(true) => Ok(Outcome::met(
            format!("{saw}; the engine can deny it to a container"),
            wanted,
        )),
        Some(false) | None => Err(Unseen::new(
            Reason::CannotMeasure,
            format!("{saw}; the engine does not say that it can deny it to a container"),
        )),
    }
}

/// Whether a memory limit can have been evaded into swap: what speaks for a module inside a limit rests on it.
///
/// # Errors
/// The device has swap, and its engine says that it cannot limit it.
pub(super) fn no_swap_inside_a_limit(record: &Record) -> Result<(), Unseen> {
    let has_swap = record.device.swap.is_some_and(|swap| swap > Bytes(0))
        || record
            .device
            .host
            .swap
            .seen()
            .is_some_and(|swap| swap.total > Bytes(0));
    let engine = record.device.engine.seen();
    let cannot_deny = engine.and_then(|engine| engine.swap_limit) == Some(false);
    if has_swap && cannot_deny {
        return Err(Unseen::new(
            Reason::CannotMeasure,
            "the device has swap and its engine cannot limit it, so a module inside a memory limit may stand in swap; turn swap off for the run (`swapoff -a`), or start the kernel with `swapaccount=1`",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Verdict};
    use crate::observation::Observed;
    use crate::record::Swap;
    use crate::sample;

    fn with_swap(swap_limit: Option<bool>) -> Record {
        let mut record = sample::record();
        record.device.host.swap = Observed::Seen(Swap {
            total: Bytes::mib(100),
            zram: Bytes::mib(100),
            used: Bytes(0),
        });
        if let Observed::Seen(engine) = &mut record.device.engine {
            engine.swap_limit = swap_limit;
        }
        record
    }

    #[test]
    fn a_device_without_swap_passes() {
        let outcome = judge(&sample::record()).unwrap();
        assert_eq!(
            (outcome.kind, outcome.saw.as_str()),
            (OutcomeKind::Met, "the device has no swap")
        );
    }

    #[test]
    fn swap_that_the_engine_denies_is_no_harm() {
        let outcome = judge(&with_swap(Some(true))).unwrap();
        assert!(
            outcome.saw.starts_with("100 MiB of swap"),
            "{}",
            outcome.saw
        );
    }

    #[test]
    fn swap_that_cannot_be_denied_leaves_the_envelope_undecided() {
        let record = with_swap(Some(false));
        assert_eq!(judge(&record).unwrap_err().reason, Reason::CannotMeasure);
        let finding = super::super::hw_07::REQUIREMENT.finding(&record);
        assert_eq!(finding.verdict, Verdict::Inconclusive, "{}", finding.saw);
        assert!(judge(&with_swap(None)).is_err());
    }
}
