//! IEM-HW-03: the RAM that the offer declares is enough.

use super::cold_starts;
use super::envelope::{self, Envelope};
use super::growth;
use super::ram_claim::{budget, budget_in_words, claim, highest_nonreclaimable, paragraph_for};
use super::{pre_07, pre_08};
use crate::finding::{Outcome, Reason, Unseen};
use crate::hardware::{BelowReserve, Claim};
use crate::observation::{GoldenRun, MemoryUse, PeakMethod, Usage};
use crate::record::{Record, ScopeName};
use crate::repeats;
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};
use crate::statistics::next_start;
use crate::units::Bytes;

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-HW-03",
    slug: "declared-ram-is-enough",
    title: "The declared RAM is enough",
    force: Forces::always(Force::Must),
    stages: &[Stage::Device],
    scopes: &[ScopeName::Device, ScopeName::Fleet, ScopeName::Full],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Device dimensions",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Device dimensioning",
        },
    ],
    statement: "The module never needs more memory than its offer's hardware paragraph leaves to it.",
    remedy: "Claim the RAM that was measured, or make the module need less in the phase that is named.",
    judge: Judge::By(judge),
};

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    by_measurement(record).map_err(|unseen| with_fallback(record, unseen))
}

/// What the processes held by their own account is told where no controller counted it. It never decides.
fn with_fallback(record: &Record, unseen: Unseen) -> Unseen {
    let starts = record.observations.starts.iter().map(|start| &start.usage);
    let highest = starts
        .chain([&record.observations.steady])
        .filter_map(|usage| usage.seen()?.memory_fallback.seen())
        .max_by_key(|fallback| fallback.peak);
    match highest {
        None => unseen,
        Some(fallback) => Unseen::new(
            unseen.reason,
            format!(
                "{}. Its processes held up to {} when they were looked at ({}), which proves nothing about the time between",
                unseen.because, fallback.peak, fallback.formula
            ),
        ),
    }
}

/// A peak below the budget passes, non-reclaimable memory above it fails, and between the two the envelope run decides.
fn by_measurement(record: &Record) -> Result<Outcome, Unseen> {
    let claim = claim(record)?;
    let budget = match budget(record, &claim)? {
        Ok(budget) => budget,
        Err(below) => return Ok(claim_below_reserve(record, &claim, &below)),
    };
    let wanted = format!("at most {budget}: {}", budget_in_words(record, &claim));
    if let Some((phase, peak)) = highest_nonreclaimable(record)
        && peak > budget
    {
        return Ok(too_much(record, &claim, &phase, peak, wanted));
    }
    cold_starts::speak_for_the_module(record)?;
    pre_08::judge(record)?;
    pre_07::measures_true(record, GoldenRun::memory_departs)?;
    let peak = highest_peak(record)?;
    if peak.exact && peak.bytes <= budget {
        let saw = format!(
            "memory.peak {} in {} by the kernel's watermark, non-reclaimable at most {}, over {} starts and the steady window",
            peak.bytes,
            peak.phase,
            peak.nonreclaimable,
            record.observations.starts.len()
        );
        return Ok(within(record, budget, &peak, saw, wanted));
    }
    if peak.phase == STEADY && peak.bytes > budget {
        return Err(Unseen::new(
            Reason::CannotMeasure,
            format!(
                "memory.peak {} in the steady window is above {budget}, non-reclaimable memory ({}) is not; the envelope starts end before that moment, so nothing shows that it is only cache",
                peak.bytes, peak.nonreclaimable
            ),
        ));
    }
    by_envelope(record, &claim, budget, &peak, wanted)
}

/// Within the budget so far: what the next start may need, and what a soak showed to grow.
fn within(record: &Record, budget: Bytes, peak: &Peak, saw: String, wanted: String) -> Outcome {
    if let Some(grew) = growth::of_memory(record, peak.nonreclaimable, budget) {
        let remedy = "find what is kept and never freed; a restart frees it only for a while";
        return Outcome::concern(format!("{saw}; {grew}"), wanted, remedy);
    }
    match may_exceed(record, budget) {
        Some(next) => Outcome::marginal(format!("{saw}; {next}"), wanted),
        None => Outcome::met(saw, wanted),
    }
}

/// Where the peak of the next start is expected beyond the budget.
fn may_exceed(record: &Record, budget: Bytes) -> Option<String> {
    record.run.profile.most_starts?;
    let peaks = repeats::peaks(&record.observations.starts);
    let limit = cast(budget);
    let next = next_start(&peaks).filter(|_| repeats::crosses(&peaks, limit))?;
    Some(format!(
        "the next start is expected to peak below {:.1} MiB ({}), which is beyond it",
        next.high / cast(Bytes::mib(1)),
        next.method
    ))
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
fn cast(bytes: Bytes) -> f64 {
    bytes.0 as f64
}

/// The phase after the last start's own watch, up to the end of its container.
const STEADY: &str = "steady";

/// The highest peak over starts and steady window.
struct Peak {
    bytes: Bytes,
    phase: String,
    nonreclaimable: Bytes,
    /// Whether every peak rests on the kernel's watermark.
    exact: bool,
}

/// The highest peak, every start and the steady window seen.
///
/// The steady window belongs to the last start's container: where that start's watermark is known and the window's
/// peak is only sampled, the watermark did not rise, so the start's peak covers the window.
fn highest_peak(record: &Record) -> Result<Peak, Unseen> {
    let observations = &record.observations;
    let memory = |usage: &Usage| usage.memory.get().cloned();
    let mut seen: Vec<(String, MemoryUse)> = Vec::new();
    for (index, start) in observations.starts.iter().enumerate() {
        let phase = format!("start {}", index + 1);
        seen.push((phase, memory(start.usage.get()?)?));
    }
    let steady = memory(observations.steady.get()?)?;
    let covered = seen
        .last()
        .is_some_and(|(_, last)| steady.peak <= last.peak);
    let exact = seen
        .iter()
        .all(|(_, memory)| memory.peak_method == PeakMethod::Watermark)
        && (covered || steady.peak_method == PeakMethod::Watermark);
    seen.push((STEADY.to_owned(), steady));
    if let Some((phase, swapped)) = seen.iter().find_map(swapped_out) {
        return Err(Unseen::new(
            Reason::CannotMeasure,
            format!(
                "{swapped} of the module were swapped out in {phase}: what it needs in RAM was not seen"
            ),
        ));
    }
    let nonreclaimable = seen
        .iter()
        .map(|(_, memory)| memory.nonreclaimable_peak)
        .max()
        .unwrap_or_default();
    seen.into_iter()
        .max_by_key(|(_, memory)| memory.peak)
        .map(|(phase, memory)| Peak {
            bytes: memory.peak,
            phase,
            nonreclaimable,
            exact,
        })
        .ok_or_else(|| Unseen::new(Reason::InputMissing, "no start was seen"))
}

/// Memory of a phase that stood in swap, if any did.
fn swapped_out((phase, memory): &(String, MemoryUse)) -> Option<(String, Bytes)> {
    let swap = memory.breakdown.swap.filter(|swap| *swap > Bytes(0))?;
    Some((phase.clone(), swap))
}

fn by_envelope(
    record: &Record,
    claim: &Claim,
    budget: Bytes,
    peak: &Peak,
    wanted: String,
) -> Result<Outcome, Unseen> {
    let why = if peak.exact {
        format!(
            "memory.peak {} in {} is above it, non-reclaimable memory ({}) is not",
            peak.bytes, peak.phase, peak.nonreclaimable
        )
    } else {
        format!(
            "peaks were only sampled here, at most {} in {}, so what happened between samples is unseen",
            peak.bytes, peak.phase
        )
    };
    let evidence = envelope::evidence(record, budget).map_err(|unseen| {
        Unseen::new(
            unseen.reason,
            format!(
                "{why}; the envelope run does not decide: {}",
                unseen.because
            ),
        )
    })?;
    match evidence {
        Envelope::Holds(tally) => Ok(Outcome::marginal(
            format!("{why}; inside a limit of {budget}: {}", tally.count()),
            wanted,
        )),
        Envelope::Bursts(tally) if tally.killed_for_memory() || memory_alone(record) => {
            let (ram, paragraph) = paragraph_for(record, claim, peak.bytes);
            Ok(Outcome::unmet(
                format!("{why}; inside a limit of {budget}: {}", tally.account()),
                wanted,
                format!("claim {ram} of RAM, or make the module need less"),
            )
            .with_paste(paragraph))
        }
        Envelope::Bursts(tally) => Err(Unseen::new(
            Reason::CannotMeasure,
            format!(
                "{why}; nothing was killed for memory in the envelope run, so its CPU limit or a slow emulated device may be the cause: {}",
                tally.account()
            ),
        )),
    }
}

/// Whether nothing but the memory limit can have kept the envelope starts from coming up.
fn memory_alone(record: &Record) -> bool {
    if record.device.emulated {
        return false;
    }
    let envelope = record.observations.envelope.seen();
    envelope.is_some_and(|run| run.limits.cores.is_none())
}

fn too_much(record: &Record, claim: &Claim, phase: &str, peak: Bytes, wanted: String) -> Outcome {
    let (ram, paragraph) = paragraph_for(record, claim, peak);
    Outcome::unmet(
        format!("memory.nonreclaimable.peak {peak} in {phase}"),
        wanted,
        format!("claim at least {ram} of RAM, or make the module need less in {phase}"),
    )
    .with_paste(paragraph)
}

pub(super) fn claim_below_reserve(record: &Record, claim: &Claim, below: &BelowReserve) -> Outcome {
    let wanted = "a claim that leaves memory to the module";
    match highest_nonreclaimable(record) {
        Some((phase, peak)) => {
            let (ram, paragraph) = paragraph_for(record, claim, peak);
            Outcome::unmet(
                format!("{below}; the module itself took {peak} in {phase}"),
                wanted,
                format!("claim at least {ram} of RAM"),
            )
            .with_paste(paragraph)
        }
        None => Outcome::unmet(
            below.to_string(),
            wanted,
            format!(
                "claim more than {} of RAM, the module's own need on top",
                below.reserve.memory
            ),
        ),
    }
}

#[cfg(test)]
mod tests;
