//! What the starts inside limits equal to the claim prove: only what rests on a limit that was shown to bite.

use super::cold_starts::{Tally, enough, every_kill_was_counted};
use super::pre_04::no_swap_inside_a_limit;
use crate::finding::{Reason, Unseen};
use crate::observation::{EnvelopeRun, MEMORY_MEND};
use crate::record::Record;
use crate::units::Bytes;

/// How the envelope starts came out.
#[derive(Debug)]
pub(super) enum Envelope<'a> {
    /// Every start was healthy, within at most this memory.
    Holds(Tally<'a>),
    /// No start was healthy, within at least this memory.
    Bursts(Tally<'a>),
}

/// The envelope run as evidence for or against a claim that leaves `budget` to the module.
///
/// # Errors
/// It was not seen, rests on a memory limit that was not shown to bite, was set to another memory than the claim leaves, or its starts disagree.
pub(super) fn evidence(record: &Record, budget: Bytes) -> Result<Envelope<'_>, Unseen> {
    let run = record.observations.envelope.get()?;
    memory_limit_bites(record)?;
    let tally = Tally::of(&run.starts);
    if run.starts.is_empty() || tally.failed.is_empty() {
        enough(record, &run.starts, "envelope starts")?;
        every_kill_was_counted(&run.starts)?;
    }
    if let Some(trouble) = tally
        .failed
        .iter()
        .find(|failed| failed.cause.is_not_the_modules())
    {
        return Err(Unseen::new(
            Reason::Infrastructure,
            format!(
                "inside the envelope {}; {}",
                tally.count(),
                trouble.account()
            ),
        ));
    }
    if tally.healthy > 0 && !tally.failed.is_empty() {
        return Err(Unseen::new(
            Reason::Unstable,
            format!("the envelope starts disagree: {}", tally.account()),
        ));
    }
    let limit = memory_limit(run)?;
    let fits = if tally.failed.is_empty() {
        limit <= budget
    } else {
        limit >= budget
    };
    if !fits {
        return Err(Unseen::new(
            Reason::Configuration,
            format!(
                "the envelope run had a memory limit of {limit}, the claim leaves {budget}: its {} say nothing about this claim",
                tally.count()
            ),
        ));
    }
    Ok(if tally.failed.is_empty() {
        no_swap_inside_a_limit(record)?;
        Envelope::Holds(tally)
    } else {
        Envelope::Bursts(tally)
    })
}

fn memory_limit(run: &EnvelopeRun) -> Result<Bytes, Unseen> {
    run.limits.memory.ok_or_else(|| {
        Unseen::new(
            Reason::Configuration,
            "the envelope run had no memory limit, so it says nothing about the claim",
        )
    })
}

/// Whether the device's memory limit was shown to bite.
///
/// # Errors
/// It was not tried, or a container over its limit was not killed.
pub(super) fn memory_limit_bites(record: &Record) -> Result<(), Unseen> {
    let proof = record.observations.limits.memory.get()?;
    if proof.bites() {
        return Ok(());
    }
    Err(Unseen::new(
        Reason::CannotMeasure,
        format!(
            "a memory limit does not bite on this device: a container limited to {} that takes {} ended with exit code {}, {} by the engine; on a Raspberry Pi, {MEMORY_MEND}",
            proof.limit,
            proof.tried,
            proof.exit_code,
            if proof.oom_killed {
                "killed for memory"
            } else {
                "not killed for memory"
            }
        ),
    ))
}

/// Whether the device's CPU quota was shown to bite.
///
/// # Errors
/// It was not tried, or a spinner ran above its quota.
pub(super) fn cpu_quota_bites(record: &Record) -> Result<(), Unseen> {
    let proof = record.observations.limits.cpu.get()?;
    if proof.bites() {
        return Ok(());
    }
    if proof.idle() {
        return Err(Unseen::new(
            Reason::Unstable,
            format!(
                "whether a CPU quota bites was not seen: the kernel counted no period of a spinner that used {:.2} of the {:.2} cores that it was allowed, so that it hardly ran while it was watched; repeat it on a quiet device",
                proof.used_cores, proof.quota_cores
            ),
        ));
    }
    if proof.starved() {
        return Err(Unseen::new(
            Reason::Unstable,
            format!(
                "whether a CPU quota bites was not seen: others left a spinner {:.2} of the {:.2} cores that it was allowed, so that it was throttled in only {} of {} periods; repeat it on a quiet device",
                proof.used_cores, proof.quota_cores, proof.throttled_periods, proof.periods
            ),
        ));
    }
    Err(Unseen::new(
        Reason::CannotMeasure,
        format!(
            "a CPU quota does not bite on this device: a spinner allowed {:.2} cores used {:.2} and was throttled in {} of {} periods; the kernel needs CONFIG_CFS_BANDWIDTH",
            proof.quota_cores, proof.used_cores, proof.throttled_periods, proof.periods
        ),
    ))
}
