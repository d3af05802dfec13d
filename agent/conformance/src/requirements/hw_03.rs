//! IEM-HW-03: the RAM that the offer declares is enough.

use super::cold_starts;
use super::envelope::{self, Envelope};
use super::pre_08;
use super::ram_claim::{budget, budget_in_words, claim, highest_nonreclaimable, paragraph_for};
use crate::finding::{Outcome, Reason, Unseen};
use crate::hardware::{BelowReserve, Claim};
use crate::observation::{MemoryUse, PeakMethod, Usage};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};
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
    let peak = highest_peak(record)?;
    if peak.exact && peak.bytes <= budget {
        let saw = format!(
            "memory.peak {} in {} by the kernel's watermark, non-reclaimable at most {}, over {} starts and the steady window",
            peak.bytes,
            peak.phase,
            peak.nonreclaimable,
            record.observations.starts.len()
        );
        return Ok(Outcome::met(saw, wanted));
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
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Verdict};
    use crate::observation::{Cause, Health, Observed};
    use crate::sample;
    use crate::units::Millis;

    /// The sample with this watermark and non-reclaimable peak in start 2.
    fn with_memory(peak: Bytes, nonreclaimable: Bytes) -> Record {
        let mut record = sample::record();
        set_memory(&mut record, sample::memory(peak, nonreclaimable));
        record
    }

    fn set_memory(record: &mut Record, memory: MemoryUse) {
        let mut usage = sample::usage(Millis(16_000), Millis(26_300));
        usage.memory = Observed::Seen(memory);
        record.observations.starts[1].usage = Observed::Seen(usage);
    }

    fn burst(record: &mut Record, starts: std::ops::Range<usize>) {
        let Observed::Seen(envelope) = &mut record.observations.envelope else {
            panic!("the sample has an envelope run");
        };
        for start in &mut envelope.starts[starts] {
            start.oom_kills = 1;
            start.health = Health::Unhealthy {
                cause: Cause::OutOfMemory,
                detail: "killed for memory after 0.2 s".to_owned(),
                missing: vec!["running".to_owned()],
            };
        }
    }

    #[test]
    fn a_peak_within_the_budget_passes() {
        let outcome = judge(&sample::record()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(!outcome.marginal);
        assert_eq!(
            outcome.saw,
            "memory.peak 24 MiB in steady by the kernel's watermark, non-reclaimable at most 16 MiB, over 3 starts and the steady window"
        );
        assert!(outcome.wanted.starts_with(
            "at most 112 MiB: the claim of 512 MiB for the device less a reserve of 400 MiB"
        ));
    }

    #[test]
    fn more_nonreclaimable_memory_than_the_budget_fails_with_a_sentence_to_paste() {
        let outcome = judge(&with_memory(Bytes::mib(200), Bytes::mib(150))).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert_eq!(outcome.saw, "memory.nonreclaimable.peak 150 MiB in start 2");
        assert!(outcome.paste.unwrap().contains("576 MB"));
    }

    #[test]
    fn a_proven_excess_fails_whatever_else_was_not_seen() {
        let mut record = with_memory(Bytes::mib(200), Bytes::mib(150));
        record.observations.starts[0].usage =
            Observed::unseen(Reason::CannotMeasure, "no memory controller");
        record.observations.steady = Observed::default();
        record.offer.plan.uses_module_sdk = true;
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Unmet);
    }

    #[test]
    fn between_the_two_the_envelope_run_decides() {
        let mut record = with_memory(Bytes::mib(150), Bytes::mib(60));
        let held = judge(&record).unwrap();
        assert!(held.marginal && held.kind == OutcomeKind::Met, "{held:?}");
        burst(&mut record, 0..3);
        let burst_all = judge(&record).unwrap();
        assert_eq!(burst_all.kind, OutcomeKind::Unmet);
        assert!(
            burst_all.saw.contains("0 of 3 starts healthy"),
            "{}",
            burst_all.saw
        );
    }

    #[test]
    fn an_envelope_that_sometimes_bursts_is_unstable() {
        let mut record = with_memory(Bytes::mib(150), Bytes::mib(60));
        burst(&mut record, 1..2);
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Unstable);
    }

    #[test]
    fn without_an_envelope_the_space_between_is_inconclusive() {
        let mut record = with_memory(Bytes::mib(150), Bytes::mib(60));
        record.observations.envelope = Observed::default();
        assert_eq!(judge(&record).unwrap_err().reason, Reason::InputMissing);
    }

    #[test]
    fn sampled_peaks_pass_only_by_an_envelope_whose_limit_bites() {
        let mut record = sample::record();
        let sampled = MemoryUse {
            peak_method: PeakMethod::Sampled,
            ..sample::memory(Bytes::mib(24), Bytes::mib(16))
        };
        set_memory(&mut record, sampled);
        assert!(judge(&record).unwrap().marginal);
        record.observations.limits.memory =
            Observed::unseen(Reason::CannotMeasure, "no memory controller");
        let unseen = judge(&record).unwrap_err();
        assert_eq!(unseen.reason, Reason::CannotMeasure);
        assert!(unseen.because.starts_with("peaks were only sampled here"));
    }

    #[test]
    fn a_steady_window_below_its_containers_watermark_is_covered_by_it() {
        let mut record = sample::record();
        let Observed::Seen(steady) = &mut record.observations.steady else {
            panic!("the sample has a steady window");
        };
        steady.memory = Observed::Seen(MemoryUse {
            peak_method: PeakMethod::Sampled,
            ..sample::memory(Bytes::mib(20), Bytes::mib(16))
        });
        let outcome = judge(&record).unwrap();
        assert!(outcome.kind == OutcomeKind::Met && !outcome.marginal);
    }

    #[test]
    fn a_steady_window_above_its_containers_watermark_is_only_sampled() {
        let mut record = sample::record();
        let Observed::Seen(steady) = &mut record.observations.steady else {
            panic!("the sample has a steady window");
        };
        steady.memory = Observed::Seen(MemoryUse {
            peak_method: PeakMethod::Sampled,
            ..sample::memory(Bytes::mib(30), Bytes::mib(16))
        });
        assert!(judge(&record).unwrap().marginal);
    }

    #[test]
    fn a_claim_below_the_reserve_fails_and_says_what_the_reserve_is() {
        let outcome = judge(&sample::record_claiming("Linux x64 OS, 256 MB of RAM")).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(
            outcome.saw.contains("take 400 MiB of it first"),
            "{}",
            outcome.saw
        );
    }

    #[test]
    fn without_a_claim_there_is_nothing_to_compare() {
        for claim in ["Linux x64 OS, 100 MB of storage", ""] {
            let record = sample::record_claiming(claim);
            let finding = REQUIREMENT.finding(&record);
            assert_eq!(finding.verdict, Verdict::Inconclusive, "{claim}");
            assert_eq!(finding.reason, Some(Reason::InputMissing), "{claim}");
        }
    }

    #[test]
    fn a_start_whose_memory_was_not_seen_is_inconclusive() {
        let mut record = sample::record();
        record.observations.starts[2].usage =
            Observed::unseen(Reason::CannotMeasure, "no memory controller");
        assert_eq!(judge(&record).unwrap_err().reason, Reason::CannotMeasure);
    }

    #[test]
    fn an_sdk_module_without_its_runtime_is_never_passed() {
        let mut record = sample::record();
        record.offer.plan.uses_module_sdk = true;
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Tool);
    }
}
