//! Where the RAM claim passes, fails, and stays open.

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
    let mut record = sample::sdk_record(|_| {});
    assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Met);
    record.observations.edge = Observed::unseen(Reason::Tool, "no edgeHub");
    assert_eq!(judge(&record).unwrap_err().reason, Reason::Tool);
}

#[test]
fn a_next_start_that_may_exceed_the_budget_makes_the_pass_marginal() {
    let mut record = sample::record();
    for (start, mib) in record.observations.starts.iter_mut().zip([90, 100, 110]) {
        let mut usage = sample::usage(Millis(0), Millis(10_300));
        usage.memory = Observed::Seen(sample::memory(Bytes::mib(mib), Bytes::mib(16)));
        start.usage = Observed::Seen(usage);
    }
    let outcome = judge(&record).unwrap();
    assert!(outcome.marginal, "{outcome:?}");
    assert!(outcome.saw.contains("below 133.7 MiB"), "{}", outcome.saw);
    record.run.profile.most_starts = None;
    assert!(!judge(&record).unwrap().marginal);
}
