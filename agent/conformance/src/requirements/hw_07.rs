//! IEM-HW-07: the module starts and stays healthy inside limits equal to its offer's claim.

use super::cold_starts::{Tally, speak_for_the_module, timing_counts};
use super::cpu_claim::cpu_is_as_claimed;
use super::envelope::{self, Envelope};
use super::hw_03::claim_below_reserve;
use super::hw_06;
use super::ram_claim::{budget, budget_in_words, claim, highest_nonreclaimable, paragraph_for};
use super::storage_quota::{self, Held};
use super::{pre_07, pre_08};
use crate::finding::{Outcome, Reason, Unseen};
use crate::hardware::Claim;
use crate::observation::GoldenRun;
use crate::record::{Record, ScopeName};
use crate::repeats;
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};
use crate::statistics::next_start;
use crate::units::Bytes;

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-HW-07",
    slug: "healthy-inside-the-claim",
    title: "Healthy inside its claim",
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
    statement: "Inside limits of memory and CPU equal to its claim, and of storage where the engine has a quota, the module starts and stays healthy, every time.",
    remedy: "Raise the claim to what the module needs, or make it need less in the phase that failed.",
    judge: Judge::By(judge),
};

/// Only what rests on limits that were shown to bite counts; a module that does not start without limits is not judged here.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let claim = claim(record)?;
    let budget = match budget(record, &claim)? {
        Ok(budget) => budget,
        Err(below) => return Ok(claim_below_reserve(record, &claim, &below)),
    };
    let wanted = wanted(record, &claim, budget);
    // What kept the module from being created tells more than an envelope that was not seen for it.
    record.observations.creation.get()?;
    match envelope::evidence(record, budget)? {
        Envelope::Bursts(tally) => burst(record, &claim, &tally, wanted),
        Envelope::Holds(tally) => {
            speak_for_the_module(record)?;
            pre_08::judge(record)?;
            pre_07::measures_true(record, GoldenRun::memory_departs)?;
            cpu_is_as_claimed(record, &claim)?;
            let saw = format!("{} inside {}", tally.count(), limits(record));
            Ok(match may_be_late(record) {
                Some(late) => Outcome::marginal(format!("{saw}; {late}"), wanted),
                None => Outcome::met(saw, wanted),
            })
        }
    }
}

/// Whether the next start inside the limits may well miss the start budget that all so far kept.
fn may_be_late(record: &Record) -> Option<String> {
    record.run.profile.most_starts?;
    let times = repeats::times(&record.observations.envelope.seen()?.starts);
    let budget = record.run.profile.start_budget;
    let next = next_start(&times).filter(|_| repeats::crosses(&times, budget.as_secs_f64()))?;
    Some(format!(
        "the next start is expected healthy within {:.1} s ({}), beyond the {budget} allowed",
        next.high, next.method
    ))
}

fn wanted(record: &Record, claim: &Claim, budget: Bytes) -> String {
    let cores = match claim.cpu_cores {
        Some(cores) => format!(" and {cores} cores"),
        None => String::new(),
    };
    format!(
        "every start healthy inside {budget} of memory{cores}: {}",
        budget_in_words(record, claim)
    )
}

/// The limits that were set: `112 MiB of memory without swap, 2 cores`.
fn limits(record: &Record) -> String {
    let limits = record.observations.envelope.seen().map(|run| run.limits);
    let memory = limits.and_then(|limits| limits.memory).unwrap_or_default();
    let cores = match limits.and_then(|limits| limits.cores) {
        Some(cores) => format!("{cores} cores"),
        None => "no CPU limit".to_owned(),
    };
    let storage = storage_quota::limit_in_words(record);
    format!("{memory} of memory without swap, {cores}{storage}")
}

fn burst(
    record: &Record,
    claim: &Claim,
    tally: &Tally<'_>,
    wanted: String,
) -> Result<Outcome, Unseen> {
    if Tally::of(&record.observations.starts).healthy == 0 {
        // Says why: nothing was started, or nothing ever came up.
        speak_for_the_module(record)?;
    }
    if !tally.killed_for_memory() && storage_quota::failed_for_storage(tally) > 0 {
        return out_of_storage(record, claim, tally, wanted);
    }
    if !tally.killed_for_memory() {
        speak_for_the_module(record)?;
        timing_counts(record, tally)?;
        cpu_is_as_claimed(record, claim)?;
    }
    if !tally.killed_for_memory() && hw_06::withheld(record) {
        // More RAM would mend nothing that the accelerator was missed for.
        return Ok(Outcome::unmet(
            format!(
                "inside {} and without the accelerator that the createOptions ask for: {}",
                limits(record),
                tally.account()
            ),
            wanted,
            "name the accelerator in the hardware paragraph, so that the module is given it; see IEM-HW-06",
        )
        .with_paste(hw_06::paragraph_with_one(claim)));
    }
    let saw = format!("inside {}: {}", limits(record), tally.account());
    Ok(match highest_nonreclaimable(record) {
        Some((phase, peak)) => {
            let (ram, paragraph) = paragraph_for(record, claim, peak);
            let remedy = format!(
                "without limits it took {peak} in {phase}: claim at least {ram} of RAM, or make the module need less"
            );
            Outcome::unmet(saw, wanted, remedy).with_paste(paragraph)
        }
        None => Outcome::unmet(saw, wanted, "raise the claim, or make the module need less"),
    })
}

/// No start was healthy, and at least one said that it could not write on.
fn out_of_storage(
    record: &Record,
    claim: &Claim,
    tally: &Tally<'_>,
    wanted: String,
) -> Result<Outcome, Unseen> {
    speak_for_the_module(record)?;
    let run = record.observations.envelope.get()?;
    let Some(claimed) = claim.storage_bytes.filter(|_| run.limits.storage.is_some()) else {
        return Err(Unseen::new(
            Reason::Infrastructure,
            format!(
                "no quota was set, and yet storage ran out inside the envelope: the device's disk may be full: {}",
                tally.account()
            ),
        ));
    };
    match storage_quota::held(record, claimed)? {
        Held::Bursts(_) => {
            let reached = storage_quota::reached(run);
            let saw = format!("inside {}: {}{reached}", limits(record), tally.account());
            Ok(Outcome::unmet(saw, wanted, storage_quota::remedy(claim)))
        }
        Held::Holds(_) | Held::Unbounded => Err(Unseen::new(
            Reason::Configuration,
            format!(
                "the envelope's quota left the writable layer less than the claim does: {}",
                tally.account()
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::{Cause, EnvelopeRun, Health, Observed, Start};
    use crate::record::{Deviation, DeviationKind};
    use crate::requirements::storage_quota::tests::with_quota;
    use crate::sample;
    use serde_json::Value;

    const TWO_CORES: &str = "Linux x64 OS, 512 MB of RAM, 2 cores, 100 MB of storage";

    fn envelope(record: &mut Record) -> &mut EnvelopeRun {
        match &mut record.observations.envelope {
            Observed::Seen(run) => run,
            Observed::Unseen(unseen) => panic!("the sample has an envelope run: {unseen:?}"),
        }
    }

    fn fail(starts: &mut [Start], cause: Cause) {
        for start in starts {
            start.oom_kills = u64::from(cause == Cause::OutOfMemory);
            start.health = Health::Unhealthy {
                cause,
                detail: "killed for memory after 0.2 s".to_owned(),
                missing: vec!["8080/tcp listening".to_owned()],
            };
        }
    }

    #[test]
    fn every_start_healthy_inside_the_claim_passes() {
        let outcome = judge(&sample::record()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert_eq!(
            outcome.saw,
            "3 of 3 starts healthy inside 112 MiB of memory without swap, no CPU limit"
        );
    }

    #[test]
    fn no_start_healthy_fails_and_names_the_cause() {
        let mut record = sample::record();
        fail(&mut envelope(&mut record).starts, Cause::OutOfMemory);
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(
            outcome
                .saw
                .contains("0 of 3 starts healthy; start 1 failed (out of memory)"),
            "{}",
            outcome.saw
        );
        assert!(outcome.paste.is_some());
    }

    #[test]
    fn a_module_that_missed_its_accelerator_is_not_sent_for_more_memory() {
        let mut record = sample::record();
        record.deviations.push(Deviation {
            kind: DeviationKind::Envelope,
            what: "accelerators".to_owned(),
            reason: "withheld".to_owned(),
            default: Value::Null,
            used: Value::Null,
        });
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Met);
        fail(&mut envelope(&mut record).starts, Cause::Crashed);
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(outcome.saw.contains("without the accelerator"));
        assert!(outcome.remedy.unwrap().contains("see IEM-HW-06"));
        assert!(
            outcome
                .paste
                .unwrap()
                .contains("512 MB of RAM, 100 MB of storage, GPU")
        );
        fail(&mut envelope(&mut record).starts, Cause::OutOfMemory);
        let outcome = judge(&record).unwrap();
        assert!(outcome.remedy.unwrap().contains("of RAM"));
    }

    #[test]
    fn a_module_that_cannot_write_on_inside_the_quota_fails_for_storage() {
        let outcome = judge(&with_quota(3)).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        for words in ["out of storage", "/data/7", "83.8 MiB", "volumes and logs"] {
            assert!(outcome.saw.contains(words), "{words}: {}", outcome.saw);
        }
        assert!(!outcome.saw.contains("unwind"), "{}", outcome.saw);
        assert!(outcome.remedy.unwrap().contains("more storage"));
        let held = judge(&with_quota(0)).unwrap();
        assert_eq!(held.kind, OutcomeKind::Met);
        assert!(held.saw.contains("for the writable layer"), "{}", held.saw);
    }

    #[test]
    fn storage_that_ran_out_without_a_quota_is_the_disk_s() {
        let mut record = with_quota(3);
        envelope(&mut record).limits.storage = None;
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Infrastructure);
    }

    #[test]
    fn some_starts_healthy_is_unstable() {
        let mut record = sample::record();
        fail(&mut envelope(&mut record).starts[1..2], Cause::OutOfMemory);
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Unstable);
    }

    #[test]
    fn a_limit_that_was_not_shown_to_bite_supports_neither_verdict() {
        for cause in [None, Some(Cause::OutOfMemory)] {
            let mut record = sample::record();
            record.observations.limits.memory =
                Observed::unseen(Reason::CannotMeasure, "no memory controller");
            if let Some(cause) = cause {
                fail(&mut envelope(&mut record).starts, cause);
            }
            assert_eq!(judge(&record).unwrap_err().reason, Reason::CannotMeasure);
        }
    }

    #[test]
    fn a_limit_that_let_its_victim_live_mends_the_kernel_command_line() {
        let mut record = sample::record();
        let Observed::Seen(proof) = &mut record.observations.limits.memory else {
            panic!("the sample has a memory proof");
        };
        proof.oom_killed = false;
        proof.exit_code = 0;
        let unseen = judge(&record).unwrap_err();
        assert!(
            unseen.because.contains("cgroup_enable=memory"),
            "{}",
            unseen.because
        );
    }

    #[test]
    fn a_module_that_never_starts_is_not_blamed_on_its_claim() {
        let mut record = sample::record();
        fail(&mut envelope(&mut record).starts, Cause::Crashed);
        fail(&mut record.observations.starts, Cause::Crashed);
        let unseen = judge(&record).unwrap_err();
        assert_eq!(unseen.reason, Reason::InputMissing);
        assert!(
            unseen.because.contains("see IEM-CFG-07"),
            "{}",
            unseen.because
        );
    }

    #[test]
    fn an_envelope_larger_than_the_claim_proves_nothing_when_it_holds() {
        let mut record = sample::record();
        envelope(&mut record).limits.memory = Some(Bytes::mib(113));
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Configuration);
        envelope(&mut record).limits.memory = Some(Bytes::mib(100));
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Met);
    }

    #[test]
    fn fewer_envelope_starts_than_asked_are_not_a_pass() {
        let mut record = sample::record();
        envelope(&mut record).starts.clear();
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Infrastructure);
    }

    #[test]
    fn a_kill_inside_the_envelope_that_may_have_gone_unseen_is_not_a_pass() {
        let mut record = sample::record();
        let unseen = Unseen::new(Reason::CannotMeasure, "nothing counts them here");
        envelope(&mut record).starts[2].oom_unseen = Some(unseen.clone());
        assert_eq!(judge(&record), Err(unseen));
    }

    #[test]
    fn claimed_cores_need_a_quota_that_bites() {
        let mut record = sample::record_claiming(TWO_CORES);
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Configuration);
        envelope(&mut record).limits.cores = Some(2.0);
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Met);
        record.observations.limits.cpu = Observed::unseen(Reason::CannotMeasure, "no quota");
        assert_eq!(judge(&record).unwrap_err().reason, Reason::CannotMeasure);
    }

    #[test]
    fn a_device_with_just_the_claimed_cores_needs_no_quota() {
        let mut record = sample::record_claiming(TWO_CORES);
        record.device.cores = Some(2);
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Met);
        record.device.cores = Some(1);
        assert_eq!(judge(&record).unwrap_err().reason, Reason::CannotMeasure);
    }

    #[test]
    fn a_claimed_clock_leaves_only_a_memory_failure_decided() {
        let mut record =
            sample::record_claiming("Linux x64 OS, 512 MB of RAM, 1 GHz CPU, 100 MB of storage");
        assert_eq!(judge(&record).unwrap_err().reason, Reason::CannotMeasure);
        fail(&mut envelope(&mut record).starts, Cause::NotReady);
        assert_eq!(judge(&record).unwrap_err().reason, Reason::CannotMeasure);
        fail(&mut envelope(&mut record).starts, Cause::OutOfMemory);
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Unmet);
    }
}
